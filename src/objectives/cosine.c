/* SPDX-License-Identifier: Apache-2.0 */
/* The cosine objective, cl/cosine.cl. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "device/profile.h"
#include "objectives/objective.h"

enum { NEGATIVES, MARGIN }; /* its own options */

struct cosine {
    mcl_context *context;
    mcl_kernel *positives, *negatives, *backward;
    uint32_t batch, columns;
    uint32_t per_row; /* K, negative pairs of a row */
    float margin;
    uint64_t seed;
    mcl_terms losses;          /* [B] of the positive pairs, [K×B] of the negative ones */
    cl_mem by_q, by_p, by_own; /* [K×B] what the gradients of the negative pairs are made of */
};

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    mcl_context *context = setup->context;
    const uint32_t negatives = (uint32_t)setup->values[NEGATIVES];
    const uint64_t pairs = (uint64_t)setup->batch * negatives;
    struct cosine *cosine;
    MCL_TRY(mcl_allocate(&cosine, 1, sizeof *cosine));
    *state = cosine;
    cosine->context = context;
    cosine->batch = setup->batch;
    cosine->columns = setup->projection;
    cosine->per_row = negatives;
    cosine->margin = (float)setup->values[MARGIN];
    cosine->seed = setup->options->train.seed;
    MCL_TRY(mcl_kernel_find(&cosine->positives, context, "cosine.cl", "cosine_embedding", ""));
    MCL_TRY(mcl_kernel_find(&cosine->negatives, context, "cosine.cl", "negative_pairs", ""));
    MCL_TRY(mcl_kernel_find(&cosine->backward, context, "cosine.cl", "negatives_backward", ""));
    MCL_TRY(mcl_terms_create(&cosine->losses, context, setup->batch + pairs));
    if (pairs == 0)
        return MCL_OK;
    MCL_TRY(mcl_buffer_create(
        &cosine->by_q, context, pairs, sizeof(float), "negative pairs (`negatives` or `batch`)"));
    MCL_TRY(mcl_buffer_create(
        &cosine->by_p, context, pairs, sizeof(float), "negative pairs (`negatives` or `batch`)"));
    return mcl_buffer_create(
        &cosine->by_own, context, pairs, sizeof(float), "negative pairs (`negatives` or `batch`)");
}

static void release(void *state)
{
    struct cosine *cosine = state;
    mcl_terms_release(&cosine->losses);
    mcl_buffer_release(&cosine->by_q);
    mcl_buffer_release(&cosine->by_p);
    mcl_buffer_release(&cosine->by_own);
    free(cosine);
}

/* Adds the negative pairs to losses and gradient. */
static mcl_status run_negatives(struct cosine *cosine, const mcl_objective_step *step, float scale)
{
    mcl_context *context = cosine->context;
    const uint32_t b = cosine->batch, n = cosine->columns, k = cosine->per_row;
    uint32_t words[4];
    mcl_random_words(
        words, cosine->seed, MCL_STREAM_NEGATIVES, 0, step->input->epoch, step->input->first, 0);
    const uint32_t start = (uint32_t)((uint64_t)words[0] * (b - 1) >> 32);
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 2.0 * k * b * n);
    MCL_TRY(mcl_run_rows(cosine->negatives, k * b, MCL_BUFFER(step->projections), MCL_UINT(b),
        MCL_UINT(n), MCL_UINT(start), MCL_UINT(k), MCL_FLOAT(cosine->margin), MCL_FLOAT(scale),
        MCL_BUFFER(cosine->losses.values), MCL_BUFFER(cosine->by_q), MCL_BUFFER(cosine->by_p),
        MCL_BUFFER(cosine->by_own), MCL_LOCAL(MCL_ROW_SPACE)));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 2.0 * (k + 3) * b * n);
    return mcl_run_elements(cosine->backward, n, 2 * (size_t)b, MCL_BUFFER(step->projections),
        MCL_UINT(b), MCL_UINT(n), MCL_UINT(start), MCL_UINT(k), MCL_BUFFER(cosine->by_q),
        MCL_BUFFER(cosine->by_p), MCL_BUFFER(cosine->by_own),
        MCL_BUFFER(step->by_projections->buffer));
}

static mcl_status run(void *state, const mcl_objective_step *step)
{
    struct cosine *cosine = state;
    mcl_context *context = cosine->context;
    const uint32_t b = cosine->batch, n = cosine->columns;
    const uint32_t pairs = b * (1 + cosine->per_row);
    const float scale = step->weight / (float)pairs;
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 4.0 * b * n);
    MCL_TRY(mcl_run_rows(cosine->positives, b, MCL_BUFFER(step->projections), MCL_UINT(b),
        MCL_UINT(n), MCL_FLOAT(scale), MCL_UINT(mcl_gradient_accumulates(step->by_projections)),
        MCL_BUFFER(cosine->losses.values), MCL_BUFFER(step->by_projections->buffer),
        MCL_LOCAL(MCL_ROW_SPACE)));
    if (cosine->per_row > 0)
        MCL_TRY(run_negatives(cosine, step, scale));
    return mcl_terms_total(&cosine->losses, pairs, (float)pairs, step);
}

static const mcl_value_type margins = {.kind = MCL_VALUE_FLOAT,
    .minimum = -1.0,
    .maximum = 1.0,
    .without_maximum = true,
    .words = "from -1 to below 1"};

static const mcl_objective_option options[] = {
    [NEGATIVES] = {.key = "negatives",
        .values = "K",
        .help = "compare each row's first view with the second views of K other rows of the batch "
                "too, which are to be apart; 0 for none",
        .type = &mcl_value_whole32},
    [MARGIN] = {.key = "margin",
        .values = "M",
        .help = "of the negatives: the cosine up to which they are far enough apart",
        .type = &margins,
        .needs = "negatives"},
};

static mcl_status check(const mcl_objective_check *check)
{
    const uint32_t rows = check->batch;
    const double negatives = check->values[NEGATIVES];
    if (negatives == 0.0)
        return MCL_OK;
    if (negatives >= rows)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%.0f negatives a row in a batch of %" PRIu32 " rows: at most %" PRIu32
            " are other rows",
            negatives, rows, rows - 1);
    if (rows * (1.0 + negatives) > UINT32_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%.0f negatives a row in a batch of %" PRIu32 " rows are too many pairs", negatives,
            rows);
    return MCL_OK;
}

const mcl_objective_type mcl_objective_cosine = {
    .info = {.name = "cosine",
        .summary =
            "pulls the embeddings of a row's two views together (1 - cosine), and nothing pushes "
            "those of different rows apart: the reference model's objective, which collapses when "
            "it stands alone; `negatives` K (0) does push: PyTorch's cosine embedding loss with "
            "target -1 and `margin` (0) for K other rows"},
    .needs = MCL_NEEDS_TWO_VIEWS,
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .check = check,
    .create = create,
    .free = release,
    .run = run,
};
