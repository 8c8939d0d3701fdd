/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax regression: the minimum of the mean cross-entropy over labelled rows plus
 * penalty/2 · |weights|², by preconditioned L-BFGS. What one fit has learnt of the rows makes the
 * next one, with another penalty, cheap. */
#ifndef MASKCL_EVALUATE_REGRESSION_H
#define MASKCL_EVALUATE_REGRESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "evaluate/blocks.h"

/* Rows of a block for softmax regression with so many columns and classes: a whole number of the
 * slices in which the gradient is added up, where memory has room for one. */
uint32_t mcl_regression_block_rows(const mcl_context *context, uint32_t columns, uint32_t classes);

/* The rows. */
typedef struct mcl_regression_problem {
    const mcl_blocks *features; /* [N×D], standardised */
    const int32_t *labels;      /* [N] from 0 to below classes */
    uint32_t classes;
    const double *class_weights; /* [classes] a row's loss counts so much; NULL: 1 each */
} mcl_regression_problem;

typedef struct mcl_regression mcl_regression;

/* The problem must live as long as the regression. */
mcl_status mcl_regression_create(
    mcl_regression **regression, const mcl_regression_problem *problem);
void mcl_regression_free(mcl_regression *regression);

/* How a fit begins and ends. */
typedef struct mcl_regression_search {
    double penalty;
    bool warm;  /* x is near the minimum of another penalty, or of other rows of the same kind */
    bool loose; /* ends a hundred times as far from the minimum */
} mcl_regression_search;

typedef struct mcl_regression_end {
    double objective; /* the least value that was met */
    uint32_t iterations;
    bool converged;
} mcl_regression_end;

/* Changes x[classes×D + classes], the weights and then the biases, to the minimum's. Features that
 * are not all finite are MCL_ERROR_DATA. */
mcl_status mcl_regression_fit(double *x, mcl_regression_end *end, mcl_regression *regression,
    const mcl_regression_search *search);

#endif
