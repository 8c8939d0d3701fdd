/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of length 1: ẑ = z/|z|, see cl/normalize.cl. */
#ifndef MASKCL_COMPUTE_ROW_NORMS_H
#define MASKCL_COMPUTE_ROW_NORMS_H

#include "device/context.h"

/* The kernels, found once and kept as those of mcl_sums are. */
typedef struct mcl_row_norms {
    mcl_context *context;
    mcl_kernel *inverse, *normalize;
} mcl_row_norms;

mcl_status mcl_row_norms_find(mcl_row_norms *norms, mcl_context *context);

/* inverse[rows] = 1/|z| of z[rows×columns] */
mcl_status mcl_row_norms_invert(
    const mcl_row_norms *norms, cl_mem z, uint32_t rows, uint32_t columns, cl_mem inverse);

/* The same, and normalized[rows×columns] = ẑ. */
mcl_status mcl_row_norms_normalize(const mcl_row_norms *norms, cl_mem z, uint32_t rows,
    uint32_t columns, cl_mem inverse, cl_mem normalized);

#endif
