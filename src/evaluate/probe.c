/* SPDX-License-Identifier: Apache-2.0 */
/* The linear probe and the nearest neighbours. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "compute/product.h"
#include "compute/row_norms.h"
#include "data/classes.h"
#include "data/draw.h"
#include "device/context.h"
#include "evaluate/blocks.h"
#include "evaluate/neighbours.h"
#include "evaluate/regression.h"
#include "evaluate/scale.h"
#include "maskcl/evaluate.h"

#define PENALTY 1e-4 /* half of it times the weights' squared norm is added to the mean loss */
#define SPREAD 10.0  /* with few labels: of logits, see few_penalty() */
#define QUERIES 1000 /* test rows whose neighbours are sought at once */
#define MEMORY_LEAST (UINT64_C(1) << 16) /* with which it is tried */

/* Goes on unless something has failed, for functions that release what they hold at their end. */
#define STEP(expression)                                                                           \
    do {                                                                                           \
        if (status == MCL_OK)                                                                      \
            status = (expression);                                                                 \
    } while (0)

/* Features by the training rows' mean and deviation. */
struct standardized {
    mcl_context *context;
    const mcl_features *features;
    const mcl_standards *standards;
};

static mcl_status check(const mcl_features *train, const mcl_features *test)
{
    if (!train || !test || !train->values || !train->labels || !test->values || !test->labels)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a probe needs training rows and test rows, each with values and labels, not NULL");
    if (train->columns != test->columns)
        return mcl_fail(MCL_ERROR_DATA,
            "the training rows have %" PRIu64 " columns, the test rows %" PRIu64, train->columns,
            test->columns);
    if (train->rows == 0 || test->rows == 0 || train->columns == 0)
        return mcl_fail(MCL_ERROR_DATA, "a probe needs training rows, test rows and columns");
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
    uint32_t classes;
};

static void release_labelled(struct labelled *set)
{
    free(set->train_places);
    free(set->test_places);
}

static mcl_status find_places(struct labelled *set, const mcl_classes *classes,
    const mcl_features *train, const mcl_features *test)
{
    set->classes = classes->count;
    set->train = *train;
    set->test = *test;
    MCL_TRY(mcl_classes_places(&set->train_places, classes, train->labels, train->rows));
    MCL_TRY(mcl_classes_places(&set->test_places, classes, test->labels, test->rows));
    set->train.labels = set->train_places;
    set->test.labels = set->test_places;
    return MCL_OK;
}

/* Fills in *set, to be released. Negative labels are refused. */
static mcl_status label(struct labelled *set, const mcl_features *train, const mcl_features *test)
{
    mcl_classes classes, tested;
    *set = (struct labelled){.classes = 0};
    MCL_TRY(mcl_classes_find(&tested, test->labels, test->rows)); /* to check them */
    mcl_classes_release(&tested);
    MCL_TRY(mcl_classes_find(&classes, train->labels, train->rows));
    const mcl_status status = find_places(set, &classes, train, test);
    mcl_classes_release(&classes);
    if (status != MCL_OK)
        release_labelled(set);
    return status;
}

/* mcl_block_load */
static mcl_status load_standardized(void *of, cl_mem to, uint64_t first, uint32_t count)
{
    const struct standardized *s = of;
    return mcl_write_scaled(s->context, to, s->features, first, count, s->standards);
}

static mcl_blocks standardized_blocks(struct standardized *of, uint32_t classes)
{
    const uint32_t columns = (uint32_t)of->features->columns;
    return (mcl_blocks){.context = of->context,
        .load = load_standardized,
        .of = of,
        .rows = (uint32_t)of->features->rows,
        .columns = columns,
        .block_rows = mcl_regression_block_rows(of->context, columns, classes)};
}

/* The regression's classes for the test rows, block by block. */
struct test {
    mcl_context *context;
    const mcl_features *features;
    uint32_t classes;
    const double *biases; /* [classes] */
    mcl_blocks blocks;
    mcl_product *forward;
    cl_mem weights; /* [classes×D] */
    cl_mem logits;
    float *host; /* weights, or logits of a block */
};

/* x[classes×D + classes] */
static mcl_status create_test(struct test *t, struct standardized *of, const double *x)
{
    const uint32_t columns = (uint32_t)t->features->columns, classes = t->classes;
    const uint64_t weights = (uint64_t)classes * columns;
    t->blocks = standardized_blocks(of, classes);
    MCL_TRY(mcl_blocks_create(&t->blocks, false));
    const uint32_t rows = t->blocks.block_rows;
    const uint64_t logits = (uint64_t)rows * classes;
    const mcl_gemm gemm = {false, true, rows, classes, columns, columns, columns, classes, 1.0f};
    MCL_TRY(mcl_allocate(&t->host, logits > weights ? logits : weights, sizeof *t->host));
    MCL_TRY(mcl_buffer_create(&t->weights, t->context, weights, sizeof(float), "weights"));
    MCL_TRY(mcl_buffer_create(&t->logits, t->context, logits, sizeof(float), "logits"));
    for (uint64_t i = 0; i < weights; i++)
        t->host[i] = (float)x[i];
    t->biases = x + weights;
    MCL_TRY(mcl_buffer_write(t->context, t->weights, 0, t->host, weights * sizeof *t->host));
    return mcl_product_create(&t->forward, t->context, &gemm, NULL);
}

static void release_test(struct test *t)
{
    free(t->host);
    mcl_product_free(t->forward);
    mcl_buffer_release(&t->weights);
    mcl_buffer_release(&t->logits);
    mcl_blocks_release(&t->blocks);
}

/* Adds how many rows of a block are told right. */
static mcl_status test_block(uint64_t *right, const struct test *t, uint32_t b)
{
    const uint32_t classes = t->classes;
    const int32_t *labels = t->features->labels + (uint64_t)b * t->blocks.block_rows;
    uint32_t rows;
    cl_mem features;
    MCL_TRY(mcl_blocks_get(&features, &rows, &t->blocks, b));
    const mcl_operands operands = {
        .a = {features, 0}, .b = {t->weights, 0}, .c = {t->logits, 0}, .m = rows};
    MCL_TRY(mcl_product_run(t->forward, &operands));
    MCL_TRY(mcl_buffer_read(
        t->context, t->host, t->logits, 0, (size_t)rows * classes * sizeof *t->host));
    for (uint32_t i = 0; i < rows; i++) {
        const float *row = t->host + (uint64_t)i * classes;
        uint32_t best = 0;
        for (uint32_t c = 1; c < classes; c++) {
            if ((double)row[c] + t->biases[c] > (double)row[best] + t->biases[best])
                best = c;
        }
        *right += best == (uint32_t)labels[i];
    }
    return MCL_OK;
}

/* Accuracy of the regression x on the test rows. */
static mcl_status score(
    double *accuracy, struct standardized *of, uint32_t classes, const double *x)
{
    struct test test = {.context = of->context, .features = of->features, .classes = classes};
    uint64_t right = 0;
    mcl_status status = create_test(&test, of, x);
    for (uint32_t b = 0; b < test.blocks.count && status == MCL_OK; b++)
        status = test_block(&right, &test, b);
    release_test(&test);
    if (status == MCL_OK)
        *accuracy = (double)right / (double)of->features->rows;
    return status;
}

/* x = the regression that is found for the standardised training rows. */
static mcl_status fit(mcl_probe_result *result, double *x, struct standardized *train,
    uint32_t classes, double penalty)
{
    mcl_blocks features = standardized_blocks(train, classes);
    const mcl_regression_problem problem = {&features, train->features->labels, classes, penalty};
    mcl_status status = mcl_blocks_create(&features, true);
    STEP(mcl_regression_fit(
        x, &result->objective, &problem, &result->iterations, &result->converged));
    mcl_blocks_release(&features);
    return status;
}

static mcl_status linear_probe_within(mcl_probe_result *result, mcl_context *context,
    uint32_t classes, const mcl_features *train, const mcl_features *test, double penalty)
{
    mcl_standards standards = {NULL, NULL};
    struct standardized of_train = {context, train, &standards};
    struct standardized of_test = {context, test, &standards};
    double *x = NULL;
    mcl_status status = mcl_allocate(&x, (uint64_t)classes * (train->columns + 1), sizeof *x);
    STEP(mcl_standards_find(&standards, train));
    STEP(fit(result, x, &of_train, classes, penalty));
    STEP(score(&result->linear_accuracy, &of_test, classes, x));
    mcl_standards_release(&standards);
    free(x);
    return status;
}

/* Rows of features divided by their lengths. */
struct normalized {
    mcl_context *context;
    const mcl_features *features;
    mcl_row_norms norms;
    cl_mem plain, inverse; /* of a block */
};

/* Room for blocks of so many rows. */
static mcl_status create_normalized(
    struct normalized *n, mcl_context *context, const mcl_features *features, uint32_t rows)
{
    n->context = context;
    n->features = features;
    MCL_TRY(mcl_row_norms_find(&n->norms, context));
    MCL_TRY(
        mcl_buffer_create(&n->plain, context, rows, features->columns * sizeof(float), "features"));
    return mcl_buffer_create(&n->inverse, context, rows, sizeof(float), "norms");
}

static void release_normalized(struct normalized *n)
{
    mcl_buffer_release(&n->plain);
    mcl_buffer_release(&n->inverse);
}

/* mcl_block_load */
static mcl_status load_normalized(void *of, cl_mem to, uint64_t first, uint32_t count)
{
    const struct normalized *n = of;
    MCL_TRY(mcl_write_scaled(n->context, n->plain, n->features, first, count, NULL));
    return mcl_row_norms_normalize(
        &n->norms, n->plain, count, (uint32_t)n->features->columns, n->inverse, to);
}

/* A search for the neighbours of test rows, some queries at once, among the training rows. */
struct search {
    mcl_neighbours neighbours;
    struct normalized of_train, of_test;
    mcl_blocks train, test; /* a block of test rows is that of queries at once */
};

static mcl_status create_search(
    struct search *s, mcl_context *context, const mcl_features *train, const mcl_features *test)
{
    const uint32_t columns = (uint32_t)train->columns, most = mcl_block_rows(context, columns);
    const uint32_t queries = most < QUERIES ? most : QUERIES;
    s->test = (mcl_blocks){context, load_normalized, &s->of_test, (uint32_t)test->rows, columns,
        queries < test->rows ? queries : (uint32_t)test->rows, 0, NULL, NULL};
    MCL_TRY(mcl_neighbours_create(
        &s->neighbours, context, s->test.block_rows, (uint32_t)train->rows, columns));
    const uint32_t at_once = s->neighbours.at_once;
    s->train = (mcl_blocks){context, load_normalized, &s->of_train, (uint32_t)train->rows, columns,
        most / at_once * at_once, 0, NULL, NULL};
    if (s->train.block_rows > s->train.rows)
        s->train.block_rows = s->train.rows;
    MCL_TRY(create_normalized(&s->of_train, context, train, s->train.block_rows));
    MCL_TRY(create_normalized(&s->of_test, context, test, s->test.block_rows));
    MCL_TRY(mcl_blocks_create(&s->test, false));
    return mcl_blocks_create(&s->train, true);
}

static void release_search(struct search *s)
{
    (void)mcl_context_finish(s->train.context);
    mcl_blocks_release(&s->train);
    mcl_blocks_release(&s->test);
    release_normalized(&s->of_train);
    release_normalized(&s->of_test);
    mcl_neighbours_release(&s->neighbours);
}

/* Finds the neighbours of a block of test rows: *count of them, and their places. */
static mcl_status search_block(uint32_t *places, uint32_t *count, struct search *s, uint32_t b)
{
    cl_mem queries, candidates;
    uint32_t rows;
    MCL_TRY(mcl_blocks_get(&queries, count, &s->test, b));
    MCL_TRY(mcl_neighbours_begin(&s->neighbours, *count));
    for (uint32_t t = 0; t < s->train.count; t++) {
        MCL_TRY(mcl_blocks_get(&candidates, &rows, &s->train, t));
        MCL_TRY(mcl_neighbours_compare(&s->neighbours, (mcl_matrix){candidates, 0},
            t * s->train.block_rows, rows, (mcl_matrix){queries, 0}, *count));
    }
    return mcl_buffer_read(s->train.context, places, s->neighbours.place, 0,
        (size_t)*count * s->neighbours.count * sizeof *places);
}

static mcl_status knn_within(mcl_probe_result *result, mcl_context *context,
    const mcl_features *train, const mcl_features *test)
{
    struct search s = {.train.context = context};
    uint32_t *places = NULL;
    uint64_t right = 0;
    mcl_status status = create_search(&s, context, train, test);
    STEP(mcl_allocate(&places, s.test.block_rows, s.neighbours.count * sizeof *places));
    for (uint32_t b = 0; b < s.test.count && status == MCL_OK; b++) {
        uint32_t count = 0;
        status = search_block(places, &count, &s, b);
        if (status == MCL_OK)
            right += mcl_neighbours_right(&s.neighbours, places, count, train->labels,
                test->labels + (uint64_t)b * s.test.block_rows);
    }
    free(places);
    release_search(&s);
    if (status == MCL_OK)
        result->knn_accuracy = (double)right / (double)test->rows;
    return status;
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

static mcl_status linear_probe(mcl_probe_result *result, mcl_context *context, uint32_t classes,
    const mcl_features *train, const mcl_features *test, double penalty)
{
    const uint64_t limit = context->memory_limit;
    const double start = mcl_clock_seconds();
    mcl_status status;
    do {
        status = linear_probe_within(result, context, classes, train, test, penalty);
    } while (try_with_less(context, status));
    context->memory_limit = limit;
    result->linear_seconds = mcl_clock_seconds() - start;
    return status;
}

static mcl_status knn(mcl_probe_result *result, mcl_context *context, const mcl_features *train,
    const mcl_features *test)
{
    const uint64_t limit = context->memory_limit;
    mcl_status status;
    do {
        status = knn_within(result, context, train, test);
    } while (try_with_less(context, status));
    context->memory_limit = limit;
    return status;
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

mcl_status mcl_probe(mcl_probe_result *result, mcl_context *context, const mcl_features *train,
    const mcl_features *test)
{
    MCL_NEED(result);
    MCL_NEED(context);
    mcl_probe_result measured = {0};
    const double start = mcl_clock_seconds();
    struct labelled set;
    MCL_TRY(check(train, test));
    MCL_TRY(label(&set, train, test));
    mcl_status status =
        linear_probe(&measured, context, set.classes, &set.train, &set.test, PENALTY);
    STEP(warn_of_directions(context, &set.train));
    STEP(knn(&measured, context, &set.train, &set.test));
    release_labelled(&set);
    MCL_TRY(status);
    measured.seconds = mcl_clock_seconds() - start;
    *result = measured;
    return MCL_OK;
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

/* Measures by the chosen rows alone. values and labels are room for them. */
static mcl_status probe_chosen(mcl_probe_result *result, mcl_context *context, uint32_t classes,
    const mcl_features *train, const mcl_features *test, const uint64_t *chosen, uint64_t count)
{
    const size_t row = (size_t)train->columns;
    float *values = NULL;
    int32_t *labels = NULL;
    mcl_status status = mcl_allocate(&values, count, row * sizeof *values);
    STEP(mcl_allocate(&labels, count, sizeof *labels));
    for (uint64_t i = 0; i < count && status == MCL_OK; i++) {
        memcpy(values + i * row, train->values + chosen[i] * row, row * sizeof *values);
        labels[i] = train->labels[chosen[i]];
    }
    const mcl_features few = {values, labels, count, train->columns};
    STEP(linear_probe(result, context, classes, &few, test, few_penalty(&few)));
    STEP(knn(result, context, &few, test));
    free(values);
    free(labels);
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
    double linear[MCL_FEW_DRAWS], nearest[MCL_FEW_DRAWS];
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
        STEP(probe_chosen(
            &draw, context, set.classes, &set.train, &set.test, chosen, measured.rows));
        free(chosen);
        add(&measured, &draw);
        linear[seed] = draw.linear_accuracy;
        nearest[seed] = draw.knn_accuracy;
    }
    release_labelled(&set);
    MCL_TRY(status);
    measured.linear_accuracy = mcl_mean_of(linear, MCL_FEW_DRAWS);
    measured.knn_accuracy = mcl_mean_of(nearest, MCL_FEW_DRAWS);
    measured.seconds = mcl_clock_seconds() - start;
    *result = measured;
    return MCL_OK;
}
