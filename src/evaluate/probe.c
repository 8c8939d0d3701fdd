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
#include "compute/sums.h"
#include "data/classes.h"
#include "data/draw.h"
#include "device/context.h"
#include "evaluate/blocks.h"
#include "evaluate/lbfgs.h"
#include "evaluate/neighbours.h"
#include "evaluate/precondition.h"
#include "evaluate/scale.h"
#include "maskcl/evaluate.h"

/* Of the gradient's largest component: half of scikit-learn's default, at which the accuracy on
 * Fashion-MNIST's pixels is still a tenth of a point away from the minimum's. */
#define TOLERANCE 5e-5
#define PENALTY 1e-4    /* half of it times the weights' squared norm is added to the mean loss */
#define SPREAD 10.0     /* with few labels: of logits, see few_penalty() */
#define ITERATIONS 1000 /* at most */
#define QUERIES 1000    /* test rows whose neighbours are sought at once */
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

/* Training of the regression: N rows, D columns, C classes; R rows a block. */
struct regression {
    mcl_context *context;
    uint32_t rows, columns, classes;
    double penalty;
    mcl_standards standards;
    struct standardized train, test;
    mcl_blocks features; /* [N×D] standardised */
    cl_mem labels;       /* [N] */
    cl_mem weights;      /* [C×D], then [C] biases */
    cl_mem logits;       /* [R×C], then their gradient */
    cl_mem losses;       /* [N] */
    cl_mem gradient;     /* [C×D], then [C], then the mean loss */
    cl_mem biases;       /* [blocks×C] their gradient by each block, where there are several */
    cl_mem space;
    mcl_product *forward;     /* the logits of a block */
    mcl_product *backward[2]; /* the gradient by the weights, of a whole block and of the last */
    mcl_kernel *softmax;
    mcl_sums sums;
    float *host; /* [C×D + C + 1] */
    bool tried;  /* the search has begun, from a finite value */
    mcl_preconditioner *preconditioner;
};

/* logits[rows×C] = features[rows×D] · weights[C×D]ᵀ */
static mcl_gemm logits_product(uint32_t rows, uint32_t columns, uint32_t classes)
{
    return (mcl_gemm){false, true, rows, classes, columns, columns, columns, classes, 1.0f};
}

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

static mcl_blocks standardized_blocks(const struct regression *r, struct standardized *of)
{
    const uint32_t widest = r->columns > r->classes ? r->columns : r->classes;
    return (mcl_blocks){.context = r->context,
        .load = load_standardized,
        .of = of,
        .rows = (uint32_t)of->features->rows,
        .columns = r->columns,
        .block_rows = mcl_block_rows(r->context, widest)};
}

/* The gradient by the biases: column sums of a block's, and then those of the blocks. */
static mcl_status add_biases(const struct regression *r, uint32_t b, uint32_t rows)
{
    const uint32_t classes = r->classes, blocks = r->features.count;
    const uint64_t weights = (uint64_t)classes * r->columns;
    if (blocks == 1)
        return mcl_sums_run_columns(
            &r->sums, r->logits, rows, classes, r->space, r->gradient, weights);
    MCL_TRY(mcl_sums_run_columns(
        &r->sums, r->logits, rows, classes, r->space, r->biases, (uint64_t)b * classes));
    return b + 1 < blocks ? MCL_OK
                          : mcl_sums_run_columns(&r->sums, r->biases, blocks, classes, r->space,
                                r->gradient, weights);
}

/* The losses of a block, and its part of the gradient. */
static mcl_status add_block(const struct regression *r, uint32_t b)
{
    const uint64_t weights = (uint64_t)r->classes * r->columns;
    const uint32_t first = b * r->features.block_rows;
    uint32_t rows;
    cl_mem features;
    MCL_TRY(mcl_blocks_get(&features, &rows, &r->features, b));
    const mcl_operands forward = {
        .a = {features, 0}, .b = {r->weights, 0}, .c = {r->logits, 0}, .m = rows};
    const mcl_operands backward = {.a = {r->logits, 0},
        .b = {features, 0},
        .c = {r->gradient, 0},
        .beta = b > 0 ? 1.0f : 0.0f};
    MCL_TRY(mcl_product_run(r->forward, &forward));
    MCL_TRY(mcl_run(r->softmax, rows, 1, MCL_BUFFER(r->logits), MCL_BUFFER(r->weights),
        MCL_ULONG(weights), MCL_BUFFER(r->labels), MCL_UINT(first), MCL_UINT(r->classes),
        MCL_FLOAT(1.0 / r->rows), MCL_BUFFER(r->losses)));
    MCL_TRY(mcl_product_run(r->backward[rows < r->features.block_rows], &backward));
    return add_biases(r, b, rows);
}

/* The mean cross-entropy over the training rows plus the penalty, and its gradient. */
static mcl_status evaluate(double *value, double *gradient, const double *x, void *state)
{
    struct regression *r = state;
    mcl_context *context = r->context;
    const uint64_t weights = (uint64_t)r->classes * r->columns, count = weights + r->classes;
    for (uint64_t i = 0; i < count; i++)
        r->host[i] = (float)x[i];
    MCL_TRY(mcl_buffer_write(context, r->weights, 0, r->host, count * sizeof(float)));
    for (uint32_t b = 0; b < r->features.count; b++)
        MCL_TRY(add_block(r, b));
    MCL_TRY(
        mcl_sums_run(&r->sums, r->losses, r->rows, (float)r->rows, r->space, r->gradient, count));
    MCL_TRY(mcl_buffer_read(context, r->host, r->gradient, 0, (count + 1) * sizeof(float)));
    double penalty = 0.0;
    for (uint64_t i = 0; i < count; i++) {
        gradient[i] = (double)r->host[i];
        if (i < weights) { /* biases are free */
            gradient[i] += r->penalty * x[i];
            penalty += x[i] * x[i];
        }
    }
    *value = (double)r->host[count] + 0.5 * r->penalty * penalty;
    if (!r->tried && !isfinite(*value))
        return mcl_fail(MCL_ERROR_DATA, "the features of the probe are not all finite numbers");
    r->tried = true; /* from here on it is a step that was too long */
    return MCL_OK;
}

/* x[C×D + C] times nearly the inverse of the Hessian. */
static void precondition(double *x, const void *state)
{
    const struct regression *r = state;
    double *bias = x + (uint64_t)r->classes * r->columns;
    for (uint32_t c = 0; c < r->classes; c++) {
        mcl_precondition(r->preconditioner, x + (uint64_t)c * r->columns);
        bias[c] = mcl_precondition_bias(bias[c]);
    }
}

static mcl_status create_products(struct regression *r)
{
    const uint32_t block = r->features.block_rows, rest = r->rows % block;
    const mcl_gemm forward = logits_product(block, r->columns, r->classes);
    mcl_gemm backward = {
        true, false, r->classes, r->columns, block, r->classes, r->columns, r->columns, 1.0f};
    MCL_TRY(mcl_product_create(&r->forward, r->context, &forward, NULL));
    MCL_TRY(mcl_product_create(&r->backward[0], r->context, &backward, NULL));
    backward.k = rest;
    return rest ? mcl_product_create(&r->backward[1], r->context, &backward, NULL) : MCL_OK;
}

static mcl_status create_regression(struct regression *r, const mcl_features *train)
{
    mcl_context *context = r->context;
    const uint64_t count = (uint64_t)r->classes * (r->columns + 1);
    const uint32_t block = r->features.block_rows, blocks = r->features.count;
    uint64_t space = mcl_column_sums_workspace(block > blocks ? block : blocks, r->classes);
    space = mcl_sum_workspace(r->rows) > space ? mcl_sum_workspace(r->rows) : space;
    MCL_TRY(mcl_buffer_create_from(
        &r->labels, context, train->labels, r->rows, sizeof(int32_t), "labels"));
    MCL_TRY(mcl_buffer_create(&r->weights, context, count, sizeof(float), "weights"));
    MCL_TRY(mcl_buffer_create(
        &r->logits, context, (uint64_t)block * r->classes, sizeof(float), "logits"));
    MCL_TRY(mcl_buffer_create(&r->losses, context, r->rows, sizeof(float), "losses"));
    MCL_TRY(mcl_buffer_create(&r->gradient, context, count + 1, sizeof(float), "gradients"));
    MCL_TRY(mcl_buffer_create(
        &r->biases, context, (uint64_t)blocks * r->classes, sizeof(float), "gradients"));
    MCL_TRY(mcl_buffer_create(&r->space, context, space, sizeof(float), "workspace"));
    MCL_TRY(create_products(r));
    MCL_TRY(mcl_kernel_find(&r->softmax, context, "probe.cl", "softmax_rows", ""));
    MCL_TRY(mcl_sums_find(&r->sums, context));
    return mcl_allocate(&r->host, count + 1, sizeof *r->host);
}

/* The regression's classes for the test rows, block by block. */
struct test {
    mcl_blocks blocks;
    mcl_product *forward;
    cl_mem logits;
    float *host; /* logits of a block */
};

static mcl_status create_test(struct test *t, struct regression *r)
{
    t->blocks = standardized_blocks(r, &r->test);
    MCL_TRY(mcl_blocks_create(&t->blocks, false));
    const uint32_t rows = t->blocks.block_rows;
    const mcl_gemm gemm = logits_product(rows, r->columns, r->classes);
    MCL_TRY(mcl_allocate(&t->host, rows, r->classes * sizeof *t->host));
    MCL_TRY(mcl_buffer_create(
        &t->logits, r->context, (uint64_t)rows * r->classes, sizeof(float), "logits"));
    return mcl_product_create(&t->forward, r->context, &gemm, NULL);
}

/* Adds how many rows of a block are told right. */
static mcl_status test_block(uint64_t *right, const struct test *t, const struct regression *r,
    uint32_t b, const double *bias)
{
    const uint32_t classes = r->classes;
    const int32_t *labels = r->test.features->labels + (uint64_t)b * t->blocks.block_rows;
    uint32_t rows;
    cl_mem features;
    MCL_TRY(mcl_blocks_get(&features, &rows, &t->blocks, b));
    const mcl_operands operands = {
        .a = {features, 0}, .b = {r->weights, 0}, .c = {t->logits, 0}, .m = rows};
    MCL_TRY(mcl_product_run(t->forward, &operands));
    MCL_TRY(mcl_buffer_read(
        r->context, t->host, t->logits, 0, (size_t)rows * classes * sizeof *t->host));
    for (uint32_t i = 0; i < rows; i++) {
        const float *row = t->host + (uint64_t)i * classes;
        uint32_t best = 0;
        for (uint32_t c = 1; c < classes; c++) {
            if ((double)row[c] + bias[c] > (double)row[best] + bias[best])
                best = c;
        }
        *right += best == (uint32_t)labels[i];
    }
    return MCL_OK;
}

/* Accuracy of the regression x on the test rows. */
static mcl_status score(double *accuracy, struct regression *r, const double *x)
{
    const uint64_t weights = (uint64_t)r->classes * r->columns;
    struct test test = {.forward = NULL};
    uint64_t right = 0;
    for (uint64_t i = 0; i < weights; i++)
        r->host[i] = (float)x[i];
    mcl_status status =
        mcl_buffer_write(r->context, r->weights, 0, r->host, weights * sizeof *r->host);
    STEP(create_test(&test, r));
    for (uint32_t b = 0; b < test.blocks.count && status == MCL_OK; b++)
        status = test_block(&right, &test, r, b, x + weights);
    free(test.host);
    mcl_product_free(test.forward);
    mcl_buffer_release(&test.logits);
    mcl_blocks_release(&test.blocks);
    if (status == MCL_OK)
        *accuracy = (double)right / (double)r->test.features->rows;
    return status;
}

static mcl_status linear_probe_within(mcl_probe_result *result, mcl_context *context,
    uint32_t classes, const mcl_features *train, const mcl_features *test, double penalty)
{
    struct regression r = {.context = context,
        .penalty = penalty,
        .rows = (uint32_t)train->rows,
        .columns = (uint32_t)train->columns,
        .classes = classes};
    const uint64_t count = (uint64_t)classes * (train->columns + 1);
    double *x = NULL;
    mcl_status status = mcl_allocate(&x, count, sizeof *x);
    r.train = (struct standardized){context, train, &r.standards};
    r.test = (struct standardized){context, test, &r.standards};
    STEP(mcl_standards_find(&r.standards, train));
    r.features = standardized_blocks(&r, &r.train);
    STEP(mcl_blocks_create(&r.features, true));
    STEP(create_regression(&r, train));
    STEP(mcl_preconditioner_create(&r.preconditioner, &r.features, penalty));
    STEP(mcl_lbfgs(x, (size_t)count, evaluate, precondition, &r, TOLERANCE, ITERATIONS,
        &result->iterations, &result->converged));
    STEP(score(&result->linear_accuracy, &r, x));
    (void)mcl_context_finish(context);
    mcl_blocks_release(&r.features);
    mcl_standards_release(&r.standards);
    mcl_buffer_release(&r.labels);
    mcl_buffer_release(&r.weights);
    mcl_buffer_release(&r.logits);
    mcl_buffer_release(&r.losses);
    mcl_buffer_release(&r.gradient);
    mcl_buffer_release(&r.biases);
    mcl_buffer_release(&r.space);
    mcl_product_free(r.forward);
    mcl_product_free(r.backward[0]);
    mcl_product_free(r.backward[1]);
    mcl_preconditioner_free(r.preconditioner);
    free(r.host);
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
    mcl_status status;
    do {
        status = linear_probe_within(result, context, classes, train, test, penalty);
    } while (try_with_less(context, status));
    context->memory_limit = limit;
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
