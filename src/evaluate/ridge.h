/* SPDX-License-Identifier: Apache-2.0 */
/* Ridge regression on standardised features, in doubles on the host: the least mean of half the
 * squared errors plus strength/2 · |weights|², for all strengths that are tried by one tridiagonal
 * form of the features' covariance. */
#ifndef MASKCL_EVALUATE_RIDGE_H
#define MASKCL_EVALUATE_RIDGE_H

#include "maskcl/evaluate.h"

typedef struct mcl_ridge_problem {
    const mcl_features *train, *test; /* whose labels do not count */
    const double *targets;            /* [training rows], finite */
    double strength;                  /* 0: chosen, as the linear probe's is */
    uint64_t seed;                    /* of the tenths that it is chosen by */
} mcl_ridge_problem;

/* told[test rows] = what the regression says; *strength = that of its penalty. Features that are
 * not all finite are MCL_ERROR_DATA. */
mcl_status mcl_ridge(double *told, double *strength, const mcl_ridge_problem *problem);

#endif
