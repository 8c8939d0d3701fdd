/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/regression.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "compute/product.h"
#include "compute/sums.h"
#include "evaluate/lbfgs.h"
#include "evaluate/precondition.h"

/* The search ends where the next step promises to make the value smaller by no more than so much of
 * itself. That is about a hundredth of how far the value is from the minimum then, which is less
 * than 1e-5 of it. */
#define PROMISE 5e-8
#define LOOSE 5e-6      /* the same where a hundredth of the accuracy is enough */
#define ITERATIONS 1000 /* at most */

#define NARROW 16 /* classes that cl/regression.cl takes */
#define SLICE 512 /* rows of a slice of the gradient: of its sums' shape */

/* A penalty with which steps without a preconditioner are few, and cost less than its own. */
#define PENALTY_LARGE 0.1

#define RENEW_AFTER 30    /* iterations the probabilities are near enough to the minimum's */
#define COUPLED_MOST 128  /* classes whose coupling is worth its inverse */
#define CLASS_RIDGE 1e-3  /* added to the mean of diag(p) − p·pᵀ */
#define COLUMN_RIDGE 0.01 /* and to the weighted mean of x·xᵀ, beside the penalty's share */

static const size_t one[3] = {1, 1, 1}; /* work-items of a work-group */

/* N rows, D columns, C classes; R rows a block. With at most 16 classes it works by slices: the
 * gradient by the weights is a chain over the rows of a slice, and one over the slices. */
struct mcl_regression {
    mcl_context *context;
    const mcl_regression_problem *problem;
    const mcl_blocks *features; /* [N×D] standardised */
    uint32_t rows, columns, classes;
    double penalty;
    bool slices, fused; /* fused: a slice is one work-item, as CPUs have it */
    cl_mem labels;      /* [N] */
    cl_mem weights;     /* [C×D], then [C] biases; fused: [D×16], then [16] */
    cl_mem logits;      /* [R×C], then their gradient */
    cl_mem losses;      /* [N] */
    cl_mem gradient;    /* [C×D], then [C], then the mean loss */
    cl_mem biases;      /* [blocks×C] their gradient by each block, where there are several */
    cl_mem parts;       /* [slices of a block × C×D] */
    cl_mem space;
    mcl_product *forward;     /* the logits of a block */
    mcl_product *backward[2]; /* the gradient by the weights, of a whole block and of the last */
    mcl_kernel *softmax, *step, *add_slices; /* step: of slices, or their gradient alone */
    mcl_kernel *weigh;    /* multiplies rows by their weights; NULL: they have none */
    cl_mem row_weights;   /* [N] */
    cl_mem block_weights; /* [R] */
    cl_mem plain_logits;  /* [R×C] of the softmax, before they are multiplied */
    cl_mem plain_losses;  /* [N] */
    mcl_sums sums;
    float *host;                        /* [C×D + C + 1], or fused [16×(D + 1)] */
    bool tried;                         /* the search has begun, from a finite value */
    double least;                       /* of the values so far */
    bool warm;                          /* the search begins where the probabilities are known */
    bool renewed;                       /* the preconditioner knows the probabilities */
    mcl_preconditioner *preconditioner; /* NULL: none, with a large penalty */
    double *coupling; /* [C×C] inverse of the classes' factor of the Hessian; NULL: not renewed */
    double *space_of_classes; /* [C] */
};

static uint64_t weight_count(const mcl_regression *r)
{
    return (uint64_t)r->classes * r->columns;
}

uint32_t mcl_regression_block_rows(const mcl_context *context, uint32_t columns, uint32_t classes)
{
    const uint32_t rows = mcl_block_rows(context, columns > classes ? columns : classes);
    return rows < SLICE ? rows : rows / SLICE * SLICE;
}

/* Sends the weights and biases. */
static mcl_status write_weights(const mcl_regression *r, const double *x)
{
    const uint64_t weights = weight_count(r), count = weights + r->classes;
    if (!r->fused) {
        for (uint64_t i = 0; i < count; i++)
            r->host[i] = (float)x[i];
        return mcl_buffer_write(r->context, r->weights, 0, r->host, count * sizeof(float));
    }
    for (uint32_t c = 0; c < r->classes; c++) {
        for (uint32_t j = 0; j < r->columns; j++)
            r->host[(uint64_t)j * NARROW + c] = (float)x[(uint64_t)c * r->columns + j];
        r->host[(uint64_t)r->columns * NARROW + c] = (float)x[weights + c];
    }
    return mcl_buffer_write(
        r->context, r->weights, 0, r->host, ((uint64_t)r->columns + 1) * NARROW * sizeof(float));
}

static uint32_t slices_of(uint32_t rows)
{
    return (rows - 1) / SLICE + 1;
}

/* The losses of a block's rows, the first of which is row `first` of all, and the gradient by their
 * logits; fused: of slices, the gradient by the weights, too. */
static mcl_status run_rows(const mcl_regression *r, cl_mem features, uint32_t first, uint32_t rows)
{
    const float scale = (float)(1.0 / r->rows);
    const cl_mem logits = r->weigh ? r->plain_logits : r->logits;
    if (r->fused)
        return mcl_run_local(r->step, slices_of(rows), 1, one, MCL_BUFFER(features), MCL_UINT(rows),
            MCL_UINT(r->columns), MCL_BUFFER(r->weights), MCL_BUFFER(r->labels), MCL_UINT(first),
            MCL_FLOAT(scale), MCL_UINT(SLICE), MCL_BUFFER(r->logits), MCL_BUFFER(r->losses),
            MCL_BUFFER(r->parts));
    const mcl_operands forward = {
        .a = {features, 0}, .b = {r->weights, 0}, .c = {logits, 0}, .m = rows};
    MCL_TRY(mcl_product_run(r->forward, &forward));
    return mcl_run_rows(r->softmax, rows, MCL_BUFFER(logits), MCL_UINT(rows),
        MCL_BUFFER(r->weights), MCL_ULONG(weight_count(r)), MCL_BUFFER(r->labels), MCL_UINT(first),
        MCL_UINT(r->classes), MCL_FLOAT(scale), MCL_BUFFER(r->weigh ? r->plain_losses : r->losses),
        MCL_LOCAL(MCL_ROW_SPACE));
}

/* The gradient by a block's logits, times the rows' weights. */
static mcl_status weigh_block(const mcl_regression *r, uint32_t first, uint32_t rows)
{
    if (!r->weigh)
        return MCL_OK;
    MCL_TRY(mcl_buffer_copy(r->context, r->block_weights, 0, r->row_weights,
        (size_t)first * sizeof(float), (size_t)rows * sizeof(float)));
    return mcl_run_elements(r->weigh, r->classes, rows, MCL_BUFFER(r->plain_logits),
        MCL_UINT(r->classes), MCL_UINT(1), MCL_BUFFER(r->block_weights), MCL_UINT(rows),
        MCL_BUFFER(r->logits));
}

/* gradient[at] = the mean loss */
static mcl_status add_losses(const mcl_regression *r, uint64_t at)
{
    if (r->weigh)
        MCL_TRY(mcl_run_elements(r->weigh, 1, r->rows, MCL_BUFFER(r->plain_losses), MCL_UINT(1),
            MCL_UINT(1), MCL_BUFFER(r->row_weights), MCL_UINT(r->rows), MCL_BUFFER(r->losses)));
    return mcl_sums_run(&r->sums, r->losses, r->rows, (float)r->rows, r->space, r->gradient, at);
}

/* Adds the gradient by the weights of a block's slices to what the blocks before have; more: there
 * are some. */
static mcl_status add_slices(const mcl_regression *r, cl_mem features, uint32_t rows, bool more)
{
    const uint32_t slices = slices_of(rows);
    const uint64_t weights = weight_count(r);
    if (!r->fused)
        MCL_TRY(mcl_run_elements(r->step, r->columns, slices, MCL_BUFFER(features), MCL_UINT(rows),
            MCL_UINT(r->columns), MCL_BUFFER(r->logits), MCL_UINT(SLICE), MCL_BUFFER(r->parts)));
    return mcl_run_elements(r->add_slices, weights, 1, MCL_BUFFER(r->parts), MCL_UINT(weights),
        MCL_UINT(slices), MCL_UINT(more), MCL_BUFFER(r->gradient));
}

/* The gradient by the biases: column sums of a block's, and then those of the blocks. */
static mcl_status add_biases(const mcl_regression *r, uint32_t b, uint32_t rows)
{
    const uint32_t classes = r->classes, blocks = r->features->count;
    if (blocks == 1)
        return mcl_sums_run_columns(
            &r->sums, r->logits, rows, classes, r->space, r->gradient, weight_count(r));
    MCL_TRY(mcl_sums_run_columns(
        &r->sums, r->logits, rows, classes, r->space, r->biases, (uint64_t)b * classes));
    return b + 1 < blocks ? MCL_OK
                          : mcl_sums_run_columns(&r->sums, r->biases, blocks, classes, r->space,
                                r->gradient, weight_count(r));
}

/* The losses of a block, and its part of the gradient. */
static mcl_status add_block(const mcl_regression *r, uint32_t b)
{
    uint32_t rows;
    cl_mem features;
    MCL_TRY(mcl_blocks_get(&features, &rows, r->features, b));
    MCL_TRY(run_rows(r, features, b * r->features->block_rows, rows));
    MCL_TRY(weigh_block(r, b * r->features->block_rows, rows));
    if (r->slices) {
        MCL_TRY(add_slices(r, features, rows, b > 0));
    } else {
        const mcl_operands backward = {.a = {r->logits, 0},
            .b = {features, 0},
            .c = {r->gradient, 0},
            .beta = b > 0 ? 1.0f : 0.0f};
        MCL_TRY(mcl_product_run(r->backward[rows < r->features->block_rows], &backward));
    }
    return add_biases(r, b, rows);
}

/* The mean cross-entropy over the training rows plus the penalty, and its gradient. */
static mcl_status evaluate(double *value, double *gradient, const double *x, void *state)
{
    mcl_regression *r = state;
    mcl_context *context = r->context;
    const uint64_t weights = weight_count(r), count = weights + r->classes;
    MCL_TRY(write_weights(r, x));
    for (uint32_t b = 0; b < r->features->count; b++)
        MCL_TRY(add_block(r, b));
    MCL_TRY(add_losses(r, count));
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
    if (!r->tried || *value < r->least)
        r->least = *value;
    r->tried = true; /* from here on it is a step that was too long */
    return MCL_OK;
}

/* What the selected rows' probabilities say of the Hessian. */
struct curvature {
    float *factors;  /* [selected] √(1 − Σp²), later by the root of their mean square */
    double *classes; /* [C×C] Σ diag(p) − p·pᵀ */
    uint32_t count;
    double total; /* Σ 1 − Σp² */
};

/* Adds a row of which p[C] has the gradient by the logits, times N. */
static void add_row(struct curvature *curvature, const mcl_regression *r, double *p, uint32_t label)
{
    const uint32_t classes = r->classes;
    const double *weights = r->problem->class_weights, counts = weights ? weights[label] : 1.0;
    double squares = 0.0;
    p[label] += 1.0;
    for (uint32_t c = 0; c < classes; c++) {
        double *row = curvature->classes + (uint64_t)c * classes;
        squares += p[c] * p[c];
        row[c] += counts * p[c] * (1.0 - p[c]);
        for (uint32_t d = c + 1; d < classes; d++)
            row[d] -= counts * p[c] * p[d];
    }
    const double weight = counts * fmax(1.0 - squares, 0.0);
    curvature->factors[curvature->count++] = (float)sqrt(weight);
    curvature->total += weight;
}

static mcl_status add_curvature(
    struct curvature *curvature, const mcl_regression *r, uint32_t b, float *host)
{
    const uint32_t step = mcl_preconditioner_step(r->features);
    const uint32_t first = b * r->features->block_rows;
    uint32_t rows;
    cl_mem features;
    MCL_TRY(mcl_blocks_get(&features, &rows, r->features, b));
    MCL_TRY(run_rows(r, features, first, rows));
    MCL_TRY(mcl_buffer_read(r->context, host, r->weigh ? r->plain_logits : r->logits, 0,
        (uint64_t)rows * r->classes * sizeof *host));
    for (uint32_t i = 0; i < rows; i += step) {
        for (uint32_t c = 0; c < r->classes; c++)
            r->space_of_classes[c] = (double)host[(uint64_t)i * r->classes + c] * r->rows;
        add_row(curvature, r, r->space_of_classes, (uint32_t)r->problem->labels[first + i]);
    }
    return MCL_OK;
}

/* Gives the preconditioner what is known by now. Where the regression is sure of every row, there
 * is nothing to know. */
static mcl_status renew_by(mcl_regression *r, struct curvature *curvature)
{
    const uint32_t classes = r->classes;
    const double count = curvature->count, weight = curvature->total / count;
    double *inverse, *space;
    if (!(weight > CLASS_RIDGE && isfinite(weight)))
        return MCL_OK;
    for (uint32_t i = 0; i < curvature->count; i++)
        curvature->factors[i] = (float)((double)curvature->factors[i] / sqrt(weight));
    for (uint64_t i = 0; i < (uint64_t)classes * classes; i++)
        curvature->classes[i] =
            curvature->classes[i] / count + (i % (classes + 1) == 0 ? CLASS_RIDGE : 0.0);
    MCL_TRY(mcl_allocate(&inverse, classes, classes * sizeof *inverse));
    mcl_status status = mcl_allocate(&space, classes, 4 * sizeof *space);
    if (status == MCL_OK && mcl_invert(inverse, curvature->classes, classes, space))
        status = mcl_preconditioner_renew(r->preconditioner, r->features, curvature->factors,
            r->penalty * classes / weight + COLUMN_RIDGE);
    else if (status == MCL_OK)
        status = mcl_fail(MCL_ERROR_DATA, "the features of the probe are too large");
    free(space);
    if (status == MCL_OK)
        r->coupling = inverse;
    else
        free(inverse);
    return status;
}

static mcl_status renew(mcl_regression *r)
{
    struct curvature curvature = {.factors = NULL};
    float *host = NULL;
    mcl_status status = mcl_allocate(
        &curvature.factors, mcl_preconditioner_selected(r->features), sizeof *curvature.factors);
    if (status == MCL_OK)
        status =
            mcl_allocate(&curvature.classes, r->classes, r->classes * sizeof *curvature.classes);
    if (status == MCL_OK)
        status = mcl_allocate(&host, r->features->block_rows, r->classes * sizeof *host);
    for (uint32_t b = 0; b < r->features->count && status == MCL_OK; b++)
        status = add_curvature(&curvature, r, b, host);
    if (status == MCL_OK)
        status = renew_by(r, &curvature);
    free(curvature.factors);
    free(curvature.classes);
    free(host);
    return status;
}

/* x[C×n] = the classes' factor of the inverse · x */
static void couple(double *x, const mcl_regression *r, uint64_t n)
{
    const uint32_t classes = r->classes;
    for (uint64_t j = 0; j < n; j++) {
        for (uint32_t c = 0; c < classes; c++) {
            double sum = 0.0;
            for (uint32_t d = 0; d < classes; d++)
                sum += r->coupling[(uint64_t)c * classes + d] * x[d * n + j];
            r->space_of_classes[c] = sum;
        }
        for (uint32_t c = 0; c < classes; c++)
            x[c * n + j] = r->space_of_classes[c];
    }
}

/* x[C×D + C] times nearly the inverse of the Hessian. */
static mcl_status precondition(double *x, uint32_t iteration, void *state)
{
    mcl_regression *r = state;
    double *bias = x + weight_count(r);
    if ((r->warm || iteration >= RENEW_AFTER) && !r->renewed && r->classes <= COUPLED_MOST) {
        r->renewed = true;
        MCL_TRY(renew(r));
    }
    if (r->coupling) {
        couple(x, r, r->columns);
        couple(bias, r, 1);
    } else {
        for (uint32_t c = 0; c < r->classes; c++)
            bias[c] = mcl_precondition_bias(bias[c]);
    }
    mcl_precondition(r->preconditioner, x, r->classes);
    return MCL_OK;
}

static mcl_status create_products(mcl_regression *r)
{
    const uint32_t block = r->features->block_rows, rest = r->rows % block;
    const mcl_gemm forward = {
        false, true, block, r->classes, r->columns, r->columns, r->columns, r->classes, 1.0f};
    mcl_gemm backward = {
        true, false, r->classes, r->columns, block, r->classes, r->columns, r->columns, 1.0f};
    if (!r->fused)
        MCL_TRY(mcl_product_create(&r->forward, r->context, &forward, NULL));
    if (r->slices)
        return MCL_OK;
    MCL_TRY(mcl_product_create(&r->backward[0], r->context, &backward, NULL));
    backward.k = rest;
    return rest ? mcl_product_create(&r->backward[1], r->context, &backward, NULL) : MCL_OK;
}

/* The kernels and the workspace of slices. */
static mcl_status create_slices(mcl_regression *r)
{
    mcl_context *context = r->context;
    const bool wide = context->vector_width >= 16;
    char options[64];
    snprintf(options, sizeof options, "-D CLASSES=%u -D WIDTH=%d -D TILE_ROWS=%d", r->classes,
        !r->fused ? 1
        : wide    ? 16
                  : 8,
        wide ? 12 : 6);
    MCL_TRY(mcl_kernel_find(&r->step, context, "regression.cl",
        r->fused ? "regression_step" : "regression_slices", options));
    MCL_TRY(mcl_kernel_find(&r->add_slices, context, "regression.cl", "regression_add", options));
    return mcl_buffer_create(&r->parts, context, slices_of(r->features->block_rows),
        weight_count(r) * sizeof(float), "gradients");
}

static mcl_status create_buffers(mcl_regression *r)
{
    mcl_context *context = r->context;
    const uint64_t count = weight_count(r) + r->classes;
    const uint64_t sent = r->fused ? ((uint64_t)r->columns + 1) * NARROW : count;
    const uint32_t block = r->features->block_rows, blocks = r->features->count;
    uint64_t space = mcl_column_sums_workspace(block > blocks ? block : blocks, r->classes);
    space = mcl_sum_workspace(r->rows) > space ? mcl_sum_workspace(r->rows) : space;
    MCL_TRY(mcl_buffer_create_from(
        &r->labels, context, r->problem->labels, r->rows, sizeof(int32_t), "labels"));
    MCL_TRY(mcl_buffer_create(&r->weights, context, sent, sizeof(float), "weights"));
    MCL_TRY(mcl_buffer_create(
        &r->logits, context, (uint64_t)block * r->classes, sizeof(float), "logits"));
    MCL_TRY(mcl_buffer_create(&r->losses, context, r->rows, sizeof(float), "losses"));
    MCL_TRY(mcl_buffer_create(&r->gradient, context, count + 1, sizeof(float), "gradients"));
    MCL_TRY(mcl_buffer_create(
        &r->biases, context, (uint64_t)blocks * r->classes, sizeof(float), "gradients"));
    MCL_TRY(mcl_buffer_create(&r->space, context, space, sizeof(float), "workspace"));
    return mcl_allocate(&r->host, count + 1 > sent ? count + 1 : sent, sizeof *r->host);
}

/* What multiplies the losses of rows and their gradients. */
static mcl_status create_weights(mcl_regression *r)
{
    mcl_context *context = r->context;
    const uint32_t block = r->features->block_rows;
    float *weights;
    MCL_TRY(mcl_kernel_find(&r->weigh, context, "probe.cl", "scale_rows", ""));
    MCL_TRY(mcl_buffer_create(
        &r->plain_logits, context, (uint64_t)block * r->classes, sizeof(float), "logits"));
    MCL_TRY(mcl_buffer_create(&r->block_weights, context, block, sizeof(float), "weights"));
    MCL_TRY(mcl_buffer_create(&r->plain_losses, context, r->rows, sizeof(float), "losses"));
    MCL_TRY(mcl_allocate(&weights, r->rows, sizeof *weights));
    for (uint32_t i = 0; i < r->rows; i++)
        weights[i] = (float)r->problem->class_weights[r->problem->labels[i]];
    const mcl_status status = mcl_buffer_create_from(
        &r->row_weights, context, weights, r->rows, sizeof *weights, "weights");
    free(weights);
    return status;
}

static mcl_status create(mcl_regression *r)
{
    MCL_TRY(create_buffers(r));
    MCL_TRY(create_products(r));
    if (r->slices)
        MCL_TRY(create_slices(r));
    if (r->problem->class_weights)
        MCL_TRY(create_weights(r));
    MCL_TRY(mcl_kernel_find(&r->softmax, r->context, "probe.cl", "softmax_rows", ""));
    MCL_TRY(mcl_sums_find(&r->sums, r->context));
    return mcl_allocate(&r->space_of_classes, r->classes, sizeof *r->space_of_classes);
}

mcl_status mcl_regression_create(mcl_regression **regression, const mcl_regression_problem *problem)
{
    mcl_context *context = problem->features->context;
    mcl_regression *r;
    MCL_TRY(mcl_allocate(&r, 1, sizeof *r));
    r->context = context;
    r->problem = problem;
    r->features = problem->features;
    r->rows = problem->features->rows;
    r->columns = problem->features->columns;
    r->classes = problem->classes;
    r->slices = problem->classes <= NARROW;
    r->fused = r->slices && !problem->class_weights && !mcl_context_cuts_loops(context) &&
               (context->info.type == MCL_DEVICE_CPU || context->gemm == MCL_GEMM_NATIVE_CPU);
    const mcl_status status = create(r);
    if (status == MCL_OK)
        *regression = r;
    else
        mcl_regression_free(r);
    return status;
}

void mcl_regression_free(mcl_regression *r)
{
    if (!r)
        return;
    (void)mcl_context_finish(r->context);
    mcl_buffer_release(&r->labels);
    mcl_buffer_release(&r->weights);
    mcl_buffer_release(&r->logits);
    mcl_buffer_release(&r->losses);
    mcl_buffer_release(&r->gradient);
    mcl_buffer_release(&r->biases);
    mcl_buffer_release(&r->parts);
    mcl_buffer_release(&r->space);
    mcl_buffer_release(&r->row_weights);
    mcl_buffer_release(&r->block_weights);
    mcl_buffer_release(&r->plain_logits);
    mcl_buffer_release(&r->plain_losses);
    mcl_product_free(r->forward);
    mcl_product_free(r->backward[0]);
    mcl_product_free(r->backward[1]);
    mcl_preconditioner_free(r->preconditioner);
    free(r->coupling);
    free(r->space_of_classes);
    free(r->host);
    free(r);
}

static mcl_status search_from(
    double *x, mcl_regression_end *end, mcl_regression *r, const mcl_regression_search *search)
{
    const mcl_lbfgs_end until = {0.0, search->loose ? LOOSE : PROMISE, ITERATIONS};
    r->warm = search->warm;
    r->tried = false;
    MCL_TRY(mcl_lbfgs(x, (size_t)(weight_count(r) + r->classes), evaluate,
        r->preconditioner ? precondition : NULL, r, until, &end->iterations, &end->converged));
    end->objective = r->least;
    return MCL_OK;
}

mcl_status mcl_regression_fit(
    double *x, mcl_regression_end *end, mcl_regression *r, const mcl_regression_search *search)
{
    r->penalty = search->penalty;
    if (r->penalty < PENALTY_LARGE && !r->preconditioner)
        MCL_TRY(mcl_preconditioner_create(&r->preconditioner, r->features, r->penalty));
    MCL_TRY(search_from(x, end, r, search));
    if (!search->warm || end->converged || end->iterations > 0)
        return MCL_OK;
    /* No step from there is one. That may be the minimum; a search from zeros tells. */
    const mcl_regression_search cold = {.penalty = search->penalty, .loose = search->loose};
    memset(x, 0, (size_t)(weight_count(r) + r->classes) * sizeof *x);
    return search_from(x, end, r, &cold);
}
