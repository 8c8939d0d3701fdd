/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of length 1: ẑ = z/|z|, see cl/normalize.cl, whose kernels the caller expects. */
#ifndef MASKCL_COMPUTE_ROW_NORMS_H
#define MASKCL_COMPUTE_ROW_NORMS_H

#include "device/context.h"

/* inverse[rows] = 1/|z| of z[rows×columns] */
mcl_status mcl_inverse_norms(
    mcl_context *context, cl_mem z, uint32_t rows, uint32_t columns, cl_mem inverse);

/* The same, and normalized[rows×columns] = ẑ. */
mcl_status mcl_normalize_rows(mcl_context *context, cl_mem z, uint32_t rows, uint32_t columns,
    cl_mem inverse, cl_mem normalized);

#endif
