/* SPDX-License-Identifier: Apache-2.0 */
/* What makes softmax regression easy to minimise: nearly the inverse of its Hessian.
 *
 * The Hessian is Σ (diag(p) − p·pᵀ) ⊗ x·xᵀ / N over the rows x, p their classes' probabilities,
 * plus the penalty. Before the first step, with one number for all p(1−p), it is the same for all
 * classes. Later, when the probabilities are known, it is nearly the mean of the first factor ⊗ the
 * weighted mean of x·xᵀ, the rows by 1 − Σp²: rows that the regression is sure of hardly count, and
 * groups of classes that are never confused are told apart with little curvature. Columns that say
 * nearly the same, as adjacent pixels do, make it ill-conditioned: L-BFGS takes hundreds of
 * iterations to learn what one factorisation tells. */
#ifndef MASKCL_EVALUATE_PRECONDITION_H
#define MASKCL_EVALUATE_PRECONDITION_H

#include <stdbool.h>
#include <stddef.h>

#include "evaluate/blocks.h"

typedef struct mcl_preconditioner mcl_preconditioner;

/* For standardised features, of which an even selection of rows is used, and columns in runs of at
 * most 1024, as if columns of different runs had nothing in common: the inverse of
 * 0.03·Σ x·xᵀ/N + penalty, and a ridge. */
mcl_status mcl_preconditioner_create(
    mcl_preconditioner **preconditioner, const mcl_blocks *features, double penalty);
void mcl_preconditioner_free(mcl_preconditioner *preconditioner);

/* Every so manieth row of each block is selected, from its first on; and how many are in all. */
uint32_t mcl_preconditioner_step(const mcl_blocks *features);
uint32_t mcl_preconditioner_selected(const mcl_blocks *features);

/* Makes it the inverse of Σ factor²·x·xᵀ/N + ridge, with factors of the selected rows. After a
 * failure it is good for nothing. */
mcl_status mcl_preconditioner_renew(mcl_preconditioner *preconditioner, const mcl_blocks *features,
    const float *factors, double ridge);

/* Multiplies each of the vectors x[count×columns] in place by the inverse. */
void mcl_precondition(const mcl_preconditioner *preconditioner, double *x, uint32_t count);

/* The same for a bias as long as it has not been renewed: it has no penalty, and its column is 1.
 */
double mcl_precondition_bias(double x);

/* x[n] = a⁻¹·x, of such an a as mcl_invert() takes; space[4×n]. */
bool mcl_solve(double *x, double *a, size_t n, double *space);

/* inverse = a⁻¹ of the symmetric positive definite a[n×n], whose upper triangle counts and which is
 * overwritten; space[4×n] is workspace. False where it is not positive definite. */
bool mcl_invert(double *inverse, double *a, size_t n, double *space);

#endif
