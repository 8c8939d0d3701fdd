/* SPDX-License-Identifier: Apache-2.0 */
/* Sums whose shape is fixed by the problem's size alone, see cl/reduce.cl. */
#ifndef MASKCL_COMPUTE_SUMS_H
#define MASKCL_COMPUTE_SUMS_H

#include "device/context.h"

/* Elements of workspace that the sum of n numbers, or of the columns of rows × n, needs. */
uint64_t mcl_sum_workspace(uint64_t n);
uint64_t mcl_column_sums_workspace(uint32_t rows, uint32_t n);

/* out[offset] = (Σ in[n]) / divisor. space is workspace that must not be in. */
mcl_status mcl_sum(mcl_context *context, cl_mem in, uint32_t n, float divisor, cl_mem space,
    cl_mem out, uint64_t offset);

/* out[offset + j] = Σ_i in[i×n + j] for in[rows×n]. */
mcl_status mcl_column_sums(mcl_context *context, cl_mem in, uint32_t rows, uint32_t n, cl_mem space,
    cl_mem out, uint64_t offset);

#endif
