/* SPDX-License-Identifier: Apache-2.0 */
/* The products between columns of a batch: what barlow and vicreg have in common. x [R×P] are the
 * projections with centred columns, and C [P×P] is made of the views x₁ and x₂ in one of two ways:
 *   between them: C = x₁ᵀ·x₂/divisor,        dx₁ = x₂·dCᵀ/divisor, dx₂ = x₁·dC/divisor
 *   in each:      C_v = x_vᵀ·x_v/divisor,    dx_v = x_v·dC_v (dC symmetric, with all factors in it)
 */
#ifndef MASKCL_OBJECTIVES_CORRELATIONS_H
#define MASKCL_OBJECTIVES_CORRELATIONS_H

#include "compute/product.h"
#include "objectives/objective.h"

typedef struct mcl_correlations {
    mcl_context *context;
    uint32_t batch, columns;
    bool between;
    mcl_terms terms;
    cl_mem centred;  /* [R×P] x */
    cl_mem scales;   /* [2P] a number for each column of each view, for the objective's use */
    cl_mem matrices; /* [1 or 2 × P×P] C, in whose place the objective puts dC */
    cl_mem gradient; /* [R×P] dx */
    mcl_product *products, *by_first, *by_second; /* by_second where it is another product */
} mcl_correlations;

/* With room for so many terms of the loss; what is "correlations of barlow" for messages. On
 * failure there may be something to release. */
mcl_status mcl_correlations_create(mcl_correlations *correlations, const mcl_objective_setup *setup,
    bool between, uint32_t divisor, uint64_t terms, const char *what);
void mcl_correlations_release(mcl_correlations *correlations);

/* Enqueues C of x. */
mcl_status mcl_correlations_forward(mcl_correlations *correlations);

/* Enqueues dx of dC. */
mcl_status mcl_correlations_backward(mcl_correlations *correlations);

#endif
