/* SPDX-License-Identifier: Apache-2.0 */
/* A data set being made of rows that are added one after the other, as their number is not known
 * before. Beyond the memory that they may take, they go to a temporary file, from which they are
 * read as they are needed. */
#ifndef MASKCL_DATA_BUILDER_H
#define MASKCL_DATA_BUILDER_H

#include "data/data.h"

typedef struct mcl_builder mcl_builder;

/* What the rows are. */
typedef struct mcl_row_plan {
    mcl_element element;
    uint64_t shape[MCL_DIMENSIONS_MAX]; /* of a row */
    size_t dimensions;                  /* at least 1 */
    uint64_t rows;        /* that are expected; 0: not known. More or fewer may come, but room
                             for a file of so many is asked for */
    uint64_t host_memory; /* bytes that they may take, as in mcl_data_options */
    const char *source;   /* for messages: the data set's */
} mcl_row_plan;

/* The caller frees *builder, also after mcl_builder_finish(). */
mcl_status mcl_builder_create(mcl_builder **builder, const mcl_row_plan *plan);
void mcl_builder_free(mcl_builder *builder);

/* Adds count rows of the element's type, which are copied. Floats are stored as the numeric
 * contract requires: +0 below 2^-125 in size; a NaN or an infinity is MCL_ERROR_DATA, with row and
 * column. */
mcl_status mcl_builder_add(mcl_builder *builder, const void *rows, uint64_t count);

/* The same of values, the last row of which may be completed by the next ones. */
mcl_status mcl_builder_add_values(mcl_builder *builder, const void *values, uint64_t count);

/* *values = the places of all rows that are expected, none of which has been added, and which count
 * as added from now on: whoever sets them, in any thread, stores floats as mcl_data_store() has it.
 * NULL where memory has no room for them. */
mcl_status mcl_builder_fill(void *values, mcl_builder *builder);

uint64_t mcl_builder_rows(const mcl_builder *builder);

/* *data = the rows that were added; MCL_ERROR_DATA where there are none. */
mcl_status mcl_builder_finish(mcl_data **data, mcl_builder *builder);

#endif
