/* SPDX-License-Identifier: Apache-2.0 */
/* What makes softmax regression easy to minimise: nearly the inverse of its Hessian.
 *
 * The Hessian's block for a class is Σ p(1−p)·x·xᵀ / N over the rows x, p the class's probability,
 * plus the penalty. With one number for all p(1−p) it is the same for all classes, and known before
 * the first step. Columns that say nearly the same, as neighbouring pixels do, make it
 * ill-conditioned: L-BFGS takes hundreds of iterations to learn what one factorisation tells. */
#ifndef MASKCL_EVALUATE_PRECONDITION_H
#define MASKCL_EVALUATE_PRECONDITION_H

#include "evaluate/blocks.h"

typedef struct mcl_preconditioner mcl_preconditioner;

/* For standardised features, of which an even selection of rows is used, and columns in runs of at
 * most 1024, as if columns of different runs had nothing in common. */
mcl_status mcl_preconditioner_create(
    mcl_preconditioner **preconditioner, const mcl_blocks *features, double penalty);
void mcl_preconditioner_free(mcl_preconditioner *preconditioner);

/* Multiplies x[columns] in place by the inverse. */
void mcl_precondition(const mcl_preconditioner *preconditioner, double *x);

/* The same for a bias, which has no penalty and whose column is 1. */
double mcl_precondition_bias(double x);

#endif
