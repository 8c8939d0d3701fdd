/* SPDX-License-Identifier: Apache-2.0 */
/* The linear probe: softmax regression on standardised features, and the choice of its strength. */
#ifndef MASKCL_EVALUATE_LINEAR_H
#define MASKCL_EVALUATE_LINEAR_H

#include "device/context.h"
#include "evaluate/regression.h"
#include "maskcl/evaluate.h"

/* Strengths that are tried, from MCL_STRENGTH_MOST on down, each a tenth of the one before. */
#define MCL_STRENGTHS 8
#define MCL_STRENGTH_MOST 10.0
#define MCL_STRENGTH_WITHOUT_CHOICE 1e-4 /* where there is nothing to choose by */

#define MCL_TENTHS 10 /* into which training rows are divided … */
#define MCL_HELD_OUT                                                                               \
    1000 /* … of which so many are held out in turn that these are so many rows                  \
          */

typedef struct mcl_linear_problem {
    mcl_context *context;
    const mcl_features *train; /* whose labels are from 0 to below classes */
    const mcl_features *test;  /* whose labels do not count */
    uint32_t classes;
    double strength; /* of the penalty; 0: chosen */
    bool balanced;
    uint64_t seed;
} mcl_linear_problem;

/* told[test rows] = the classes that the regression tells; *strength = that of its penalty. */
mcl_status mcl_linear_probe(
    int32_t *told, double *strength, mcl_regression_end *end, const mcl_linear_problem *problem);

/* Refuses a strength below 0, or none at all. */
mcl_status mcl_probe_check_strength(const mcl_probe_options *options);

/* The tenths of rows that are held out in turn: how many there are. */
uint32_t mcl_tenths(uint64_t rows);

#endif
