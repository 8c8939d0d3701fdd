/* SPDX-License-Identifier: Apache-2.0 */
/* Labels that are texts, one a row. */
#ifndef MASKCL_DATA_ROW_LABELS_H
#define MASKCL_DATA_ROW_LABELS_H

#include "data/data.h"

typedef struct mcl_row_labels mcl_row_labels;

/* point: of numbers, '.' or ','. */
mcl_status mcl_row_labels_create(mcl_row_labels **labels, char point);
/* NULL is allowed. */
void mcl_row_labels_free(mcl_row_labels *labels);

/* Appends the next row's; text NULL: it is not known. */
mcl_status mcl_row_labels_add(mcl_row_labels *labels, const char *text, size_t length);

/* Gives a data set its labels. Those that are numbers, not all of them whole,
 * get a '.' as their point. They are numbered as in like, and those that are not known there
 * after them; or, like being NULL, by their places in classes if all are among these; or by their
 * own order. like and classes may be NULL. */
mcl_status mcl_row_labels_give(
    mcl_data *data, const mcl_row_labels *labels, const mcl_data *like, const mcl_strings *classes);

#endif
