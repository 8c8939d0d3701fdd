/* SPDX-License-Identifier: Apache-2.0 */
/* Minimising a smooth convex function: L-BFGS (Liu and Nocedal 1989; Nocedal and Wright 2006,
 * algorithm 7.4) with a backtracking line search. */
#ifndef MASKCL_EVALUATE_LBFGS_H
#define MASKCL_EVALUATE_LBFGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maskcl/status.h"

/* Computes the function's value and its gradient [n] at x [n]. */
typedef mcl_status (*mcl_objective_function)(
    double *value, double *gradient, const double *x, void *state);

/* Multiplies x [n] in place by a symmetric positive definite matrix, nearly the inverse of the
 * function's Hessian but for a factor. It may be another one in a later iteration: iteration is how
 * many steps have been made. */
typedef mcl_status (*mcl_inverse_function)(double *x, uint32_t iteration, void *state);

/* When the search ends: when the gradient's largest component is below gradient; when, by what the
 * steps so far have told of the Hessian, the value can become smaller by no more than promise times
 * itself; after most iterations. */
typedef struct mcl_lbfgs_end {
    double gradient, promise;
    uint32_t most;
} mcl_lbfgs_end;

/* Changes x[n] until the end, or until no step makes the value smaller. *converged says that the
 * former was not that iterations were over, or the latter came after at least one step: then the
 * value is as small as its rounding shows. inverse may be NULL, for the identity. */
mcl_status mcl_lbfgs(double *x, size_t n, mcl_objective_function function,
    mcl_inverse_function inverse, void *state, mcl_lbfgs_end end, uint32_t *iterations,
    bool *converged);

#endif
