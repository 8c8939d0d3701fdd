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
 * function's Hessian but for a factor. */
typedef void (*mcl_inverse_function)(double *x, const void *state);

/* Changes x[n] until the gradient's largest component is below tolerance, no step makes the value
 * smaller, or most iterations are over. *converged says that the first was the end, or the second
 * after at least one step: then the value is as small as its rounding shows. inverse may be NULL,
 * for the identity. */
mcl_status mcl_lbfgs(double *x, size_t n, mcl_objective_function function,
    mcl_inverse_function inverse, void *state, double tolerance, uint32_t most,
    uint32_t *iterations, bool *converged);

#endif
