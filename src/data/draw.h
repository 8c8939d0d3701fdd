/* SPDX-License-Identifier: Apache-2.0 */
/* A few labelled rows of each class, and folds of all, drawn at random. */
#ifndef MASKCL_DATA_DRAW_H
#define MASKCL_DATA_DRAW_H

#include <stdint.h>

#include "maskcl/data.h"

/* *chosen = the numbers of *count rows in ascending order, per_class of each class that
 * labels[rows] has, where a negative one is no label: those whose keys (w0 << 32) | w1, the first
 * two words of a row's draw in the stream MCL_STREAM_LABELLED, are the smallest of their class;
 * equal keys by row. Freed with free(). MCL_ERROR_DATA when a class has fewer rows. */
mcl_status mcl_draw_labelled(uint64_t **chosen, uint64_t *count, const int32_t *labels,
    uint64_t rows, uint64_t per_class, uint64_t seed);

/* fold[i] = which of so many folds row i of labels[rows] is in. Of every class each fold has as
 * many rows as any other, or one more or less, and so it has of all: class by class in ascending
 * order, the rows in the order of their keys, drawn as above but for view 1, are dealt to the folds
 * in turn. A row with a negative label is in none, UINT32_MAX. labels NULL: all are of one class.
 */
mcl_status mcl_draw_folds(
    uint32_t *fold, const int32_t *labels, uint64_t rows, uint32_t folds, uint64_t seed);

/* *part = copies of the rows of data with these numbers. */
mcl_status mcl_data_select(
    mcl_data **part, const mcl_data *data, const uint64_t *numbers, uint64_t count);

#endif
