/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of length 1: ẑ = z/|z|, forward and backward. */
#ifndef MASKCL_OBJECTIVES_NORMALIZED_H
#define MASKCL_OBJECTIVES_NORMALIZED_H

#include "compute/row_norms.h"
#include "objectives/objective.h"

typedef struct mcl_normalized {
    mcl_context *context;
    mcl_row_norms norms;
    mcl_kernel *backward;
    uint32_t rows, columns;
    cl_mem inverse;  /* [rows] 1/|z| */
    cl_mem values;   /* [rows×columns] ẑ */
    cl_mem gradient; /* [rows×columns] dẑ, which the caller writes */
} mcl_normalized;

/* On failure there may be something to release. */
mcl_status mcl_normalized_create(
    mcl_normalized *normalized, mcl_context *context, uint32_t rows, uint32_t columns);
void mcl_normalized_release(mcl_normalized *normalized);

/* Enqueues ẑ of z. */
mcl_status mcl_normalized_forward(mcl_normalized *normalized, cl_mem z);

/* Enqueues dz of dẑ. */
mcl_status mcl_normalized_backward(mcl_normalized *normalized, mcl_gradient *dz);

#endif
