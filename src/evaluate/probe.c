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
#include "evaluate/lbfgs.h"
#include "evaluate/neighbours.h"
#include "evaluate/precondition.h"
#include "maskcl/evaluate.h"

/* Of the gradient's largest component: half of scikit-learn's default, at which the accuracy on
 * Fashion-MNIST's pixels is still a tenth of a point away from the minimum's. */
#define TOLERANCE 5e-5
#define PENALTY 1e-4    /* half of it times the weights' squared norm is added to the mean loss */
#define SPREAD 10.0     /* with few labels: of logits, see few_penalty() */
#define ITERATIONS 1000 /* at most */
#define QUERIES 1000    /* test rows whose neighbours are sought at once */

/* Goes on unless something has failed, for functions that release what they hold at their end. */
#define STEP(expression)                                                                           \
    do {                                                                                           \
        if (status == MCL_OK)                                                                      \
            status = (expression);                                                                 \
    } while (0)

/* Training of the regression: N rows, D columns, C classes. */
struct regression {
    mcl_context *context;
    uint32_t rows, columns, classes;
    double penalty;
    cl_mem features; /* [N×D] standardised */
    cl_mem labels;   /* [N] */
    cl_mem weights;  /* [C×D], then [C] biases */
    cl_mem logits;   /* [N×C], then their gradient */
    cl_mem losses;   /* [N] */
    cl_mem gradient; /* [C×D], then [C], then the mean loss */
    cl_mem space;
    mcl_product *forward, *backward; /* the logits, and the gradient by the weights */
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

/* Standardises both sets of features on the device by the training rows' mean and deviation; a
 * constant column becomes 0. */
static mcl_status standardize(
    mcl_context *context, cl_mem train, cl_mem test, const mcl_features *sizes[2])
{
    const uint32_t rows = (uint32_t)sizes[0]->rows, n = (uint32_t)sizes[0]->columns;
    cl_mem squares = NULL, space = NULL, mean = NULL, inverse = NULL;
    mcl_kernel *deviations = NULL, *center = NULL;
    mcl_sums sums = {NULL, NULL, NULL};
    float *host = NULL;
    mcl_status status = mcl_allocate(&host, n, sizeof *host);
    STEP(mcl_sums_find(&sums, context));
    STEP(mcl_kernel_find(&deviations, context, "probe.cl", "squared_deviations", ""));
    STEP(mcl_kernel_find(&center, context, "probe.cl", "standardize", ""));
    STEP(mcl_buffer_create(&squares, context, (uint64_t)rows * n, sizeof(float), "features"));
    STEP(mcl_buffer_create(
        &space, context, mcl_column_sums_workspace(rows, n), sizeof(float), "workspace"));
    STEP(mcl_buffer_create(&mean, context, n, sizeof(float), "means"));
    STEP(mcl_buffer_create(&inverse, context, n, sizeof(float), "deviations"));
    STEP(mcl_sums_run_columns(&sums, train, rows, n, space, mean, 0));
    STEP(mcl_buffer_read(context, host, mean, 0, n * sizeof *host));
    for (uint32_t j = 0; j < n && status == MCL_OK; j++)
        host[j] = (float)((double)host[j] / rows);
    STEP(mcl_buffer_write(context, mean, 0, host, n * sizeof *host));
    STEP(mcl_run(deviations, n, rows, MCL_BUFFER(train), MCL_BUFFER(mean), MCL_UINT(n),
        MCL_BUFFER(squares)));
    STEP(mcl_sums_run_columns(&sums, squares, rows, n, space, inverse, 0));
    STEP(mcl_buffer_read(context, host, inverse, 0, n * sizeof *host));
    for (uint32_t j = 0; j < n && status == MCL_OK; j++) {
        const double deviation = sqrt((double)host[j] / rows);
        host[j] = deviation > 1e-12 ? (float)(1.0 / deviation) : 0.0f;
    }
    STEP(mcl_buffer_write(context, inverse, 0, host, n * sizeof *host));
    STEP(mcl_run(
        center, n, rows, MCL_BUFFER(train), MCL_BUFFER(mean), MCL_BUFFER(inverse), MCL_UINT(n)));
    STEP(mcl_run(center, n, sizes[1]->rows, MCL_BUFFER(test), MCL_BUFFER(mean), MCL_BUFFER(inverse),
        MCL_UINT(n)));
    STEP(mcl_context_finish(context));
    free(host);
    mcl_buffer_release(&squares);
    mcl_buffer_release(&space);
    mcl_buffer_release(&mean);
    mcl_buffer_release(&inverse);
    return status;
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
    const mcl_operands forward = {.a = {r->features, 0}, .b = {r->weights, 0}, .c = {r->logits, 0}};
    const mcl_operands backward = {
        .a = {r->logits, 0}, .b = {r->features, 0}, .c = {r->gradient, 0}};
    MCL_TRY(mcl_product_run(r->forward, &forward));
    MCL_TRY(mcl_run(r->softmax, r->rows, 1, MCL_BUFFER(r->logits), MCL_BUFFER(r->weights),
        MCL_ULONG(weights), MCL_BUFFER(r->labels), MCL_UINT(r->classes), MCL_FLOAT(1.0 / r->rows),
        MCL_BUFFER(r->losses)));
    MCL_TRY(mcl_product_run(r->backward, &backward));
    MCL_TRY(mcl_sums_run_columns(
        &r->sums, r->logits, r->rows, r->classes, r->space, r->gradient, weights));
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

static mcl_status create_regression(struct regression *r, const mcl_features *train)
{
    mcl_context *context = r->context;
    const uint64_t count = (uint64_t)r->classes * (r->columns + 1);
    const mcl_gemm forward = logits_product(r->rows, r->columns, r->classes);
    const mcl_gemm backward = {
        true, false, r->classes, r->columns, r->rows, r->classes, r->columns, r->columns, 1.0f};
    uint64_t space = mcl_column_sums_workspace(r->rows, r->classes);
    space = mcl_sum_workspace(r->rows) > space ? mcl_sum_workspace(r->rows) : space;
    MCL_TRY(mcl_buffer_create_from(
        &r->labels, context, train->labels, r->rows, sizeof(int32_t), "labels"));
    MCL_TRY(mcl_buffer_create(&r->weights, context, count, sizeof(float), "weights"));
    MCL_TRY(mcl_buffer_create(
        &r->logits, context, (uint64_t)r->rows * r->classes, sizeof(float), "logits"));
    MCL_TRY(mcl_buffer_create(&r->losses, context, r->rows, sizeof(float), "losses"));
    MCL_TRY(mcl_buffer_create(&r->gradient, context, count + 1, sizeof(float), "gradients"));
    MCL_TRY(mcl_buffer_create(&r->space, context, space, sizeof(float), "workspace"));
    MCL_TRY(mcl_product_create(&r->forward, context, &forward, NULL));
    MCL_TRY(mcl_product_create(&r->backward, context, &backward, NULL));
    MCL_TRY(mcl_kernel_find(&r->softmax, context, "probe.cl", "softmax_rows", ""));
    MCL_TRY(mcl_sums_find(&r->sums, context));
    return mcl_allocate(&r->host, count + 1, sizeof *r->host);
}

/* Accuracy of the regression x on the test rows. */
static mcl_status score(double *accuracy, const struct regression *r, const double *x, cl_mem test,
    const mcl_features *features)
{
    const uint32_t rows = (uint32_t)features->rows, classes = r->classes;
    const mcl_gemm gemm = logits_product(rows, r->columns, classes);
    const double *bias = x + (uint64_t)classes * r->columns;
    mcl_product *product = NULL;
    cl_mem logits = NULL;
    float *host = NULL;
    uint64_t right = 0;
    for (uint64_t i = 0; i < (uint64_t)classes * r->columns; i++)
        r->host[i] = (float)x[i];
    mcl_status status = mcl_allocate(&host, rows, classes * sizeof *host);
    STEP(mcl_buffer_write(
        r->context, r->weights, 0, r->host, (size_t)classes * r->columns * sizeof *r->host));
    STEP(mcl_buffer_create(&logits, r->context, (uint64_t)rows * classes, sizeof(float), "logits"));
    STEP(mcl_product_create(&product, r->context, &gemm, NULL));
    const mcl_operands operands = {.a = {test, 0}, .b = {r->weights, 0}, .c = {logits, 0}};
    STEP(mcl_product_run(product, &operands));
    STEP(mcl_buffer_read(r->context, host, logits, 0, (size_t)rows * classes * sizeof *host));
    for (uint32_t i = 0; i < rows && status == MCL_OK; i++) {
        const float *row = host + (uint64_t)i * classes;
        uint32_t best = 0;
        for (uint32_t c = 1; c < classes; c++) {
            if ((double)row[c] + bias[c] > (double)row[best] + bias[best])
                best = c;
        }
        right += best == (uint32_t)features->labels[i];
    }
    free(host);
    mcl_product_free(product);
    mcl_buffer_release(&logits);
    if (status == MCL_OK)
        *accuracy = (double)right / rows;
    return status;
}

static mcl_status linear_probe(mcl_probe_result *result, mcl_context *context, uint32_t classes,
    const mcl_features *train, const mcl_features *test, double penalty)
{
    struct regression r = {.context = context,
        .penalty = penalty,
        .rows = (uint32_t)train->rows,
        .columns = (uint32_t)train->columns,
        .classes = classes};
    const uint64_t count = (uint64_t)classes * (train->columns + 1);
    cl_mem test_features = NULL;
    double *x = NULL;
    mcl_status status = mcl_allocate(&x, count, sizeof *x);
    STEP(mcl_buffer_create_from(&r.features, context, train->values, train->rows,
        train->columns * sizeof(float), "features"));
    STEP(mcl_buffer_create_from(&test_features, context, test->values, test->rows,
        test->columns * sizeof(float), "features"));
    STEP(standardize(context, r.features, test_features, (const mcl_features *[2]){train, test}));
    STEP(create_regression(&r, train));
    STEP(mcl_preconditioner_create(
        &r.preconditioner, context, r.features, r.rows, r.columns, penalty));
    STEP(mcl_lbfgs(x, (size_t)count, evaluate, precondition, &r, TOLERANCE, ITERATIONS,
        &result->iterations, &result->converged));
    STEP(score(&result->linear_accuracy, &r, x, test_features, test));
    mcl_buffer_release(&r.features);
    mcl_buffer_release(&r.labels);
    mcl_buffer_release(&r.weights);
    mcl_buffer_release(&r.logits);
    mcl_buffer_release(&r.losses);
    mcl_buffer_release(&r.gradient);
    mcl_buffer_release(&r.space);
    mcl_buffer_release(&test_features);
    mcl_product_free(r.forward);
    mcl_product_free(r.backward);
    mcl_preconditioner_free(r.preconditioner);
    free(r.host);
    free(x);
    return status;
}

/* *normalized = rows first … of features in device memory, each divided by its length. */
static mcl_status normalized_rows(cl_mem *normalized, mcl_context *context,
    const mcl_features *features, uint64_t first, uint32_t rows)
{
    const uint32_t n = (uint32_t)features->columns;
    cl_mem plain = NULL, inverse = NULL;
    mcl_row_norms norms = {NULL, NULL, NULL};
    mcl_status status = mcl_buffer_create_from(
        &plain, context, features->values + first * n, rows, n * sizeof(float), "features");
    STEP(mcl_buffer_create(&inverse, context, rows, sizeof(float), "norms"));
    STEP(mcl_buffer_create(
        normalized, context, (uint64_t)rows * n, sizeof(float), "normalised features"));
    STEP(mcl_row_norms_find(&norms, context));
    STEP(mcl_row_norms_normalize(&norms, plain, rows, n, inverse, *normalized));
    STEP(mcl_context_finish(context));
    mcl_buffer_release(&plain);
    mcl_buffer_release(&inverse);
    return status;
}

static mcl_status knn(mcl_probe_result *result, mcl_context *context, const mcl_features *train,
    const mcl_features *test)
{
    const uint32_t most = test->rows < QUERIES ? (uint32_t)test->rows : QUERIES;
    mcl_neighbours neighbours;
    cl_mem rows = NULL;
    uint32_t *places = NULL;
    uint64_t right = 0;
    mcl_status status = mcl_neighbours_create(
        &neighbours, context, most, (uint32_t)train->rows, (uint32_t)train->columns);
    STEP(mcl_allocate(&places, most, neighbours.count * sizeof *places));
    STEP(normalized_rows(&rows, context, train, 0, (uint32_t)train->rows));
    for (uint64_t first = 0; first < test->rows && status == MCL_OK; first += most) {
        const uint32_t now_rows = test->rows - first < most ? (uint32_t)(test->rows - first) : most;
        cl_mem queries = NULL;
        STEP(normalized_rows(&queries, context, test, first, now_rows));
        STEP(mcl_neighbours_search(
            &neighbours, (mcl_matrix){rows, 0}, (mcl_matrix){queries, 0}, now_rows));
        STEP(mcl_buffer_read(context, places, neighbours.place, 0,
            (size_t)now_rows * neighbours.count * sizeof *places));
        if (status == MCL_OK)
            right += mcl_neighbours_right(
                &neighbours, places, now_rows, train->labels, test->labels + first);
        mcl_buffer_release(&queries);
    }
    free(places);
    mcl_buffer_release(&rows);
    mcl_neighbours_release(&neighbours);
    if (status == MCL_OK)
        result->knn_accuracy = (double)right / (double)test->rows;
    return status;
}

mcl_status mcl_probe(mcl_probe_result *result, mcl_context *context, const mcl_features *train,
    const mcl_features *test)
{
    mcl_probe_result measured = {0};
    const double start = mcl_clock_seconds();
    struct labelled set;
    MCL_TRY(check(train, test));
    MCL_TRY(label(&set, train, test));
    mcl_status status =
        linear_probe(&measured, context, set.classes, &set.train, &set.test, PENALTY);
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
