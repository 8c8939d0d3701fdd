/* SPDX-License-Identifier: Apache-2.0 */
/* The linear probe and the nearest neighbours. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "data/classes.h"
#include "data/draw.h"
#include "device/context.h"
#include "evaluate/knn.h"
#include "evaluate/linear.h"
#include "evaluate/neighbours.h"
#include "evaluate/scale.h"
#include "maskcl/evaluate.h"

#define SPREAD 10.0                      /* with few labels: of logits, see few_penalty() */
#define MEMORY_LEAST (UINT64_C(1) << 16) /* with which it is tried */

/* Goes on unless something has failed, for functions that release what they hold at their end. */
#define STEP(expression)                                                                           \
    do {                                                                                           \
        if (status == MCL_OK)                                                                      \
            status = (expression);                                                                 \
    } while (0)

static mcl_status check(const mcl_features *train, const mcl_features *test)
{
    if (!train || !test || !train->values || !train->labels || !test->values || !test->labels)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a probe needs training rows and test rows, each with values and labels, not NULL");
    MCL_TRY(mcl_features_check(train, test));
    if (train->rows > UINT32_MAX / 2 || test->rows > UINT32_MAX / 2 ||
        train->columns > UINT32_MAX / 2)
        return mcl_fail(MCL_ERROR_DATA, "too many rows or columns for a probe");
    return MCL_OK;
}

/* The rows of a probe with their labels as places among the training rows' classes; -1 of a class
 * that these do not have. */
struct labelled {
    mcl_features train, test;
    int32_t *train_places, *test_places;
    mcl_classes classes;
};

static void release_labelled(struct labelled *set)
{
    free(set->train_places);
    free(set->test_places);
    mcl_classes_release(&set->classes);
}

static mcl_status find_places(
    struct labelled *set, const mcl_features *train, const mcl_features *test)
{
    MCL_TRY(mcl_classes_find(&set->classes, train->labels, train->rows));
    MCL_TRY(mcl_classes_places(&set->train_places, &set->classes, train->labels, train->rows));
    MCL_TRY(mcl_classes_places(&set->test_places, &set->classes, test->labels, test->rows));
    set->train.labels = set->train_places;
    set->test.labels = set->test_places;
    return MCL_OK;
}

/* Fills in *set, to be released. Negative labels are refused. */
static mcl_status label(struct labelled *set, const mcl_features *train, const mcl_features *test)
{
    mcl_classes tested;
    *set = (struct labelled){.train = *train, .test = *test};
    MCL_TRY(mcl_classes_find(&tested, test->labels, test->rows)); /* to check them */
    mcl_classes_release(&tested);
    const mcl_status status = find_places(set, train, test);
    if (status != MCL_OK)
        release_labelled(set);
    return status;
}

mcl_status mcl_probe_check_strength(const mcl_probe_options *options)
{
    if (options && !(options->strength >= 0.0 && isfinite(options->strength)))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "the strength of a probe is a number above 0, or 0 to have it chosen");
    return MCL_OK;
}

/* Whether to try again with a quarter of the memory, which makes blocks smaller: the driver has
 * less than it says. */
static bool try_with_less(mcl_context *context, mcl_status status)
{
    if (status != MCL_ERROR_DEVICE || !mcl_opencl_lacks_memory(mcl_opencl_last_error()) ||
        context->memory_limit < MEMORY_LEAST)
        return false;
    context->memory_limit /= 4;
    return true;
}

/* told[test rows] = the linear probe's places of classes. */
static mcl_status linear_probe(
    mcl_probe_result *result, int32_t *told, const mcl_linear_problem *problem)
{
    mcl_context *context = problem->context;
    const uint64_t limit = context->memory_limit;
    const double start = mcl_clock_seconds();
    mcl_regression_end end = {0};
    mcl_status status;
    do {
        status = mcl_linear_probe(told, &result->strength, &end, problem);
    } while (try_with_less(context, status));
    context->memory_limit = limit;
    result->linear_seconds = mcl_clock_seconds() - start;
    result->iterations = end.iterations;
    result->converged = end.converged;
    result->objective = end.objective;
    return status;
}

static mcl_status find_neighbours(uint32_t **places, uint32_t *count, mcl_context *context,
    const mcl_features *train, const mcl_features *test)
{
    const uint64_t limit = context->memory_limit;
    mcl_status status;
    do {
        status = mcl_knn_find(places, count, context, train, test);
    } while (try_with_less(context, status));
    context->memory_limit = limit;
    return status;
}

/* told[test rows] = what the nearest neighbours vote for */
static mcl_status knn(
    int32_t *told, mcl_context *context, const mcl_features *train, const mcl_features *test)
{
    uint32_t *places, count;
    MCL_TRY(find_neighbours(&places, &count, context, train, test));
    for (uint64_t i = 0; i < test->rows; i++)
        told[i] = mcl_neighbours_vote(places + i * count, count, train->labels);
    free(places);
    return MCL_OK;
}

/* The part of the test rows that are told right. */
static double accuracy(const int32_t *told, const mcl_features *test)
{
    uint64_t right = 0;
    for (uint64_t i = 0; i < test->rows; i++)
        right += told[i] == test->labels[i];
    return (double)right / (double)test->rows;
}

static mcl_status warn_of_directions(const mcl_context *context, const mcl_features *train)
{
    bool merge;
    MCL_TRY(mcl_directions_merge(&merge, train));
    if (merge)
        mcl_context_warn(context,
            "rows of %" PRIu64
            " features point so nearly the same way that float32 does not tell their cosines "
            "apart: the accuracy by nearest neighbours says little; subtract each column's mean "
            "from the data",
            train->columns);
    return MCL_OK;
}

/* The measurements of a labelled set. linear and nearest [test rows] get places of classes. */
static mcl_status measure(mcl_probe_result *result, int32_t *linear, int32_t *nearest,
    mcl_context *context, const struct labelled *set, const mcl_probe_options *options)
{
    const mcl_linear_problem problem = {.context = context,
        .train = &set->train,
        .test = &set->test,
        .classes = set->classes.count,
        .strength = options->strength,
        .balanced = options->balanced,
        .seed = options->seed};
    MCL_TRY(linear_probe(result, linear, &problem));
    MCL_TRY(knn(nearest, context, &set->train, &set->test));
    result->linear_accuracy = accuracy(linear, &set->test);
    result->knn_accuracy = accuracy(nearest, &set->test);
    return MCL_OK;
}

/* told[rows] = the classes' numbers of places */
static void give_numbers(int32_t *told, const int32_t *places, const struct labelled *set)
{
    for (uint64_t i = 0; told && i < set->test.rows; i++)
        told[i] = set->classes.numbers[places[i]];
}

mcl_status mcl_probe_with(mcl_probe_result *result, int32_t *linear, int32_t *nearest,
    mcl_context *context, const mcl_features *train, const mcl_features *test,
    const mcl_probe_options *options)
{
    MCL_NEED(result);
    MCL_NEED(context);
    const mcl_probe_options defaults = {0};
    mcl_probe_result measured = {0};
    const double start = mcl_clock_seconds();
    struct labelled set;
    int32_t *places = NULL;
    MCL_TRY(check(train, test));
    MCL_TRY(mcl_probe_check_strength(options));
    MCL_TRY(label(&set, train, test));
    mcl_status status = mcl_allocate(&places, test->rows, 2 * sizeof *places);
    STEP(warn_of_directions(context, &set.train));
    STEP(measure(
        &measured, places, places + test->rows, context, &set, options ? options : &defaults));
    if (status == MCL_OK) {
        give_numbers(linear, places, &set);
        give_numbers(nearest, places + test->rows, &set);
    }
    free(places);
    release_labelled(&set);
    MCL_TRY(status);
    measured.seconds = mcl_clock_seconds() - start;
    *result = measured;
    return MCL_OK;
}

mcl_status mcl_probe(mcl_probe_result *result, mcl_context *context, const mcl_features *train,
    const mcl_features *test)
{
    return mcl_probe_with(result, NULL, NULL, context, train, test, NULL);
}

mcl_status mcl_folds(
    uint32_t *fold, const int32_t *labels, uint64_t rows, uint32_t folds, uint64_t seed)
{
    MCL_NEED(fold);
    MCL_NEED(labels);
    if (folds < 2)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%" PRIu32 " folds: give at least 2", folds);
    return mcl_draw_folds(fold, labels, rows, folds, seed);
}

mcl_mean mcl_mean_of(const double *values, size_t count)
{
    double sum = 0.0, squares = 0.0;
    if (!values || count == 0)
        return (mcl_mean){NAN, 0.0};
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    const double mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    return (mcl_mean){mean, count > 1 ? sqrt(squares / (double)(count - 1)) : 0.0};
}

/* The penalty is that of a prior by which the weights are normal with mean 0 and a variance of
 * SPREAD/D: a row of standardised features, whose squares sum to about D, then has logits of
 * variance SPREAD, however many columns there are. Divided by the rows, as the loss is. */
static double few_penalty(const mcl_features *train)
{
    return (double)train->columns / (SPREAD * (double)train->rows);
}

/* Measures by the chosen rows alone, whose numbers become those among all values. */
static mcl_status probe_chosen(mcl_probe_result *result, mcl_context *context,
    const struct labelled *set, uint64_t *chosen, uint64_t count)
{
    const mcl_features *train = &set->train;
    struct labelled few = *set;
    int32_t *labels = NULL, *told = NULL;
    mcl_status status = mcl_allocate(&labels, count, sizeof *labels);
    STEP(mcl_allocate(&told, set->test.rows, 2 * sizeof *told));
    for (uint64_t i = 0; i < count && status == MCL_OK; i++) {
        labels[i] = train->labels[chosen[i]];
        chosen[i] = train->chosen ? train->chosen[chosen[i]] : chosen[i];
    }
    few.train = (mcl_features){train->values, labels, count, train->columns, chosen};
    const mcl_probe_options options = {.strength = few_penalty(&few.train)};
    STEP(measure(result, told, told + set->test.rows, context, &few, &options));
    free(labels);
    free(told);
    return status;
}

static void add(mcl_few_result *result, const mcl_probe_result *draw)
{
    result->iterations += draw->iterations;
    result->linear_seconds += draw->linear_seconds;
    result->converged = result->converged && draw->converged;
}

mcl_status mcl_probe_few(mcl_few_result *result, mcl_context *context, const mcl_features *train,
    const mcl_features *test, uint64_t per_class)
{
    MCL_NEED(result);
    MCL_NEED(context);
    if (per_class == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT, "a probe by 0 rows a class: give at least 1");
    mcl_few_result measured = {.converged = true};
    double nearest[MCL_FEW_DRAWS];
    const double start = mcl_clock_seconds();
    struct labelled set;
    MCL_TRY(check(train, test));
    MCL_TRY(label(&set, train, test));
    mcl_status status = MCL_OK;
    for (uint64_t seed = 0; seed < MCL_FEW_DRAWS && status == MCL_OK; seed++) {
        mcl_probe_result draw = {0};
        uint64_t *chosen = NULL;
        status =
            mcl_draw_labelled(&chosen, &measured.rows, train->labels, train->rows, per_class, seed);
        STEP(probe_chosen(&draw, context, &set, chosen, measured.rows));
        free(chosen);
        add(&measured, &draw);
        measured.linear_draws[seed] = draw.linear_accuracy;
        nearest[seed] = draw.knn_accuracy;
    }
    release_labelled(&set);
    MCL_TRY(status);
    measured.linear_accuracy = mcl_mean_of(measured.linear_draws, MCL_FEW_DRAWS);
    measured.knn_accuracy = mcl_mean_of(nearest, MCL_FEW_DRAWS);
    measured.seconds = mcl_clock_seconds() - start;
    *result = measured;
    return MCL_OK;
}
