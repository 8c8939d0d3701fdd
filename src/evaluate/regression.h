/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax regression: the minimum of the mean cross-entropy over labelled rows plus
 * penalty/2 · |weights|², by preconditioned L-BFGS. */
#ifndef MASKCL_EVALUATE_REGRESSION_H
#define MASKCL_EVALUATE_REGRESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "evaluate/blocks.h"

/* Rows of a block for softmax regression with so many columns and classes: a whole number of the
 * slices in which the gradient is added up, where memory has room for one. */
uint32_t mcl_regression_block_rows(const mcl_context *context, uint32_t columns, uint32_t classes);

/* The rows, and what is minimised. */
typedef struct mcl_regression_problem {
    const mcl_blocks *features; /* [N×D], standardised */
    const int32_t *labels;      /* [N] from 0 to below classes */
    uint32_t classes;
    double penalty;
} mcl_regression_problem;

/* x[classes×D + classes] = the weights and then the biases; from zeros. *objective = the least
 * value that was met. Features that are not all finite are MCL_ERROR_DATA. */
mcl_status mcl_regression_fit(double *x, double *objective, const mcl_regression_problem *problem,
    uint32_t *iterations, bool *converged);

#endif
