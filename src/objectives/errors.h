/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of a network's output, element by element, see cl/errors.cl, or where inputs have columns
 * column by column, see cl/columns.cl. */
#ifndef MASKCL_OBJECTIVES_ERRORS_H
#define MASKCL_OBJECTIVES_ERRORS_H

#include "objectives/objective.h"

typedef enum mcl_error_flags {
    MCL_ERRORS_BCE = 1,     /* cross-entropy; else squared error, of columns that of their kind */
    MCL_ERRORS_ALTERED = 2, /* of the altered elements or columns only */
    MCL_ERRORS_BYTES = 4,   /* targets are bytes; else floats */
} mcl_error_flags;

typedef struct mcl_errors {
    mcl_context *context;
    uint32_t rows, columns;
    unsigned flags;
    mcl_kernel *elements, *sums, *count, *mean;
    cl_mem groups;        /* mcl_group[terms]; NULL: inputs have no columns */
    uint32_t terms;       /* errors of a row: its elements, or its columns */
    cl_mem values;        /* [rows×terms] */
    mcl_terms counts;     /* [rows] of altered terms */
    cl_mem altered_count; /* [1] their sum */
} mcl_errors;

/* By columns where groups has any. On failure there may be something to release. */
mcl_status mcl_errors_create(mcl_errors *errors, mcl_context *context, uint32_t rows,
    uint32_t columns, unsigned flags, const mcl_groups *groups);
void mcl_errors_release(mcl_errors *errors);

/* Enqueues the errors of output[rows×columns] by targets[target_rows×columns]: their sums over the
 * rows, times factor, to sums[to …], and scale times their slopes to gradient, for squared errors
 * twice that; with MCL_ERRORS_ALTERED, scale is divided by the number of altered terms. */
mcl_status mcl_errors_run(mcl_errors *errors, cl_mem output, cl_mem targets, uint32_t target_rows,
    cl_mem altered, float scale, float factor, cl_mem sums, uint32_t to, cl_mem gradient);

/* Enqueues the division of metrics[at] by the number of altered terms. */
mcl_status mcl_errors_altered_mean(const mcl_errors *errors, cl_mem metrics, uint64_t at);

#endif
