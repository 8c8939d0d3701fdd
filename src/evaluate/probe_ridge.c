/* SPDX-License-Identifier: Apache-2.0 */
/* The probe of labels that are numbers. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "evaluate/linear.h"
#include "evaluate/ridge.h"
#include "evaluate/scale.h"

static mcl_status check_targets(const double *targets, uint64_t rows)
{
    for (uint64_t i = 0; i < rows; i++) {
        if (!isfinite(targets[i]))
            return mcl_fail(MCL_ERROR_DATA,
                "the number to be told of row %" PRIu64 " is %g: leave rows without one out", i,
                targets[i]);
    }
    return MCL_OK;
}

/* As scikit-learn's r2_score. */
static void score(
    mcl_ridge_result *result, const double *told, const double *targets, uint64_t rows)
{
    double mean = 0.0, errors = 0.0, differences = 0.0;
    for (uint64_t i = 0; i < rows; i++)
        mean += targets[i] / (double)rows;
    for (uint64_t i = 0; i < rows; i++) {
        errors += (told[i] - targets[i]) * (told[i] - targets[i]);
        differences += (targets[i] - mean) * (targets[i] - mean);
    }
    result->rmse = sqrt(errors / (double)rows);
    result->r2 = differences > 0.0 ? 1.0 - errors / differences : errors > 0.0 ? 0.0 : 1.0;
}

mcl_status mcl_probe_ridge(mcl_ridge_result *result, double *told, const mcl_features *train,
    const double *train_targets, const mcl_features *test, const double *test_targets,
    const mcl_probe_options *options)
{
    MCL_NEED(result);
    MCL_NEED(train_targets);
    MCL_NEED(test_targets);
    const double start = mcl_clock_seconds();
    mcl_ridge_result measured = {0};
    double *own = NULL;
    MCL_TRY(mcl_features_check(train, test));
    MCL_TRY(mcl_probe_check_strength(options));
    MCL_TRY(check_targets(train_targets, train->rows));
    MCL_TRY(check_targets(test_targets, test->rows));
    const mcl_ridge_problem problem = {.train = train,
        .test = test,
        .targets = train_targets,
        .strength = options ? options->strength : 0.0,
        .seed = options ? options->seed : 0};
    MCL_TRY(mcl_allocate(&own, test->rows, sizeof *own));
    const mcl_status status = mcl_ridge(own, &measured.strength, &problem);
    if (status == MCL_OK) {
        score(&measured, own, test_targets, test->rows);
        measured.seconds = mcl_clock_seconds() - start;
        *result = measured;
    }
    for (uint64_t i = 0; status == MCL_OK && told && i < test->rows; i++)
        told[i] = own[i];
    free(own);
    return status;
}
