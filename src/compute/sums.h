/* SPDX-License-Identifier: Apache-2.0 */
/* Sums whose shape is fixed by the problem's size alone, see cl/reduce.cl. */
#ifndef MASKCL_COMPUTE_SUMS_H
#define MASKCL_COMPUTE_SUMS_H

#include "device/context.h"

/* Elements of workspace that the sum of n numbers, or of the columns of rows × n, needs. */
uint64_t mcl_sum_workspace(uint64_t n);
uint64_t mcl_column_sums_workspace(uint32_t rows, uint32_t n);

/* The kernels of the sums: a value that whoever sums in every step finds once and keeps. It owns
 * nothing, and lives as long as the context. */
typedef struct mcl_sums {
    mcl_context *context;
    mcl_kernel *sum, *columns;
} mcl_sums;

mcl_status mcl_sums_find(mcl_sums *sums, mcl_context *context);

/* Numbers that are left to add up: buffer[from … from + count − 1]. */
typedef struct mcl_partial_sums {
    cl_mem buffer;
    uint64_t from;
    uint32_t count;
} mcl_partial_sums;

/* Enqueues all passes of the sum of in[n] but the last, and sets *left to what that one adds up, of
 * at most MCL_SUM_BLOCK numbers. workspace must not be in. */
mcl_status mcl_sums_shorten(
    mcl_partial_sums *left, const mcl_sums *sums, cl_mem in, uint32_t n, cl_mem workspace);

/* out[offset] = (Σ in[n]) / divisor. workspace must not be in. */
mcl_status mcl_sums_run(const mcl_sums *sums, cl_mem in, uint32_t n, float divisor,
    cl_mem workspace, cl_mem out, uint64_t offset);

/* out[offset + j] = Σ_i in[i×n + j] for in[rows×n]. workspace must not be in. */
mcl_status mcl_sums_run_columns(const mcl_sums *sums, cl_mem in, uint32_t rows, uint32_t n,
    cl_mem workspace, cl_mem out, uint64_t offset);

#endif
