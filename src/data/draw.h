/* SPDX-License-Identifier: Apache-2.0 */
/* A few labelled rows of each class, drawn at random. */
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

/* *part = copies of the rows of data with these numbers. */
mcl_status mcl_data_select(
    mcl_data **part, const mcl_data *data, const uint64_t *numbers, uint64_t count);

#endif
