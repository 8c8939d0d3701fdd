/* SPDX-License-Identifier: Apache-2.0 */
/* The MoCo objective, cl/moco.cl: of all views by the keys that a target network makes of them, and
 * the keys of the steps before. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "compute/product.h"
#include "compute/row_norms.h"
#include "device/profile.h"
#include "model/model.h"
#include "objectives/normalized.h"
#include "objectives/target.h"

enum { TEMPERATURE, TARGET_DECAY, QUEUE }; /* its own options */

struct moco {
    mcl_context *context;
    uint32_t batch, columns;
    uint32_t size; /* K, keys in the queue */
    float temperature;
    mcl_target *target;
    mcl_terms losses;       /* [R] */
    mcl_normalized queries; /* [R×P] */
    cl_mem inverse;         /* [R] 1/|key| */
    cl_mem keys;            /* [R×P] the step's */
    cl_mem queue;      /* [K×P] those of the steps before; at first zeros, orthogonal to all */
    cl_mem normalizer; /* [R] log Σ exp s */
    cl_mem similarity; /* [R×K] s, then its gradient */
};

/* s[R×K] = q̂·queueᵀ/τ */
static mcl_gemm similarity_product(const struct moco *moco)
{
    const uint32_t r = 2 * moco->batch, n = moco->columns, k = moco->size;
    return (mcl_gemm){false, true, r, k, n, n, n, k, 1.0f / moco->temperature, 0.0f};
}

/* dq̂[R×P] += g[R×K]·queue/τ */
static mcl_gemm gradient_product(const struct moco *moco)
{
    const uint32_t r = 2 * moco->batch, n = moco->columns, k = moco->size;
    return (mcl_gemm){false, false, r, n, k, k, n, n, 1.0f / moco->temperature, 1.0f};
}

static mcl_status create_buffers(struct moco *moco)
{
    mcl_context *context = moco->context;
    const uint64_t views = 2 * (uint64_t)moco->batch, row = moco->columns * sizeof(float);
    const size_t queue = (size_t)(moco->size * row);
    MCL_TRY(mcl_terms_create(&moco->losses, context, views));
    MCL_TRY(mcl_normalized_create(&moco->queries, context, 2 * moco->batch, moco->columns));
    MCL_TRY(mcl_buffer_create(&moco->inverse, context, views, sizeof(float), "norms"));
    MCL_TRY(mcl_buffer_create(&moco->keys, context, views, row, "keys of a batch"));
    MCL_TRY(mcl_buffer_create(&moco->queue, context, moco->size, row, "queue of keys (`queue`)"));
    MCL_TRY(mcl_buffer_zero(context, moco->queue, 0, queue));
    MCL_TRY(mcl_buffer_create(&moco->normalizer, context, views, sizeof(float), "normalizers"));
    return mcl_buffer_create(
        &moco->similarity, context, views, moco->size * sizeof(float), "similarities of moco");
}

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    mcl_context *context = setup->context;
    struct moco *moco;
    MCL_TRY(mcl_allocate(&moco, 1, sizeof *moco));
    *state = moco;
    moco->context = context;
    moco->batch = setup->batch;
    moco->columns = setup->projection;
    moco->size = (uint32_t)setup->values[QUEUE];
    moco->temperature = (float)setup->values[TEMPERATURE];
    MCL_TRY(create_buffers(moco));
    const mcl_gemm forward = similarity_product(moco), backward = gradient_product(moco);
    MCL_TRY(mcl_gemm_prepare(context, &forward, NULL));
    MCL_TRY(mcl_gemm_prepare(context, &backward, NULL));
    return mcl_target_create(&moco->target, setup, setup->values[TARGET_DECAY]);
}

static void release(void *state)
{
    struct moco *moco = state;
    mcl_target_free(moco->target);
    mcl_terms_release(&moco->losses);
    mcl_normalized_release(&moco->queries);
    mcl_buffer_release(&moco->inverse);
    mcl_buffer_release(&moco->keys);
    mcl_buffer_release(&moco->queue);
    mcl_buffer_release(&moco->normalizer);
    mcl_buffer_release(&moco->similarity);
    free(moco);
}

/* q̂, the keys, s, the mean of the views' losses, and the keys' part of dq̂ */
static mcl_status forward(struct moco *moco, const mcl_objective_step *step)
{
    mcl_context *context = moco->context;
    const uint32_t r = 2 * moco->batch, n = moco->columns;
    const mcl_gemm product = similarity_product(moco);
    cl_kernel kernel;
    MCL_TRY(mcl_normalized_forward(&moco->queries, step->projections));
    MCL_TRY(mcl_target_run(moco->target, step->input));
    MCL_TRY(mcl_normalize_rows(
        context, mcl_target_output(moco->target), r, n, moco->inverse, moco->keys));
    MCL_TRY(mcl_gemm_run(context, &product, (mcl_matrix){moco->queries.values, 0},
        (mcl_matrix){moco->queue, 0}, (mcl_matrix){moco->similarity, 0}));
    MCL_TRY(mcl_kernel_get(&kernel, context, "moco.cl", "moco_rows", ""));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * (double)r * (moco->size + 3.0 * n));
    MCL_TRY(mcl_launch(context, kernel, r, 1, MCL_BUFFER(moco->similarity), MCL_UINT(moco->size),
        MCL_BUFFER(moco->queries.values), MCL_BUFFER(moco->keys), MCL_UINT(moco->batch),
        MCL_UINT(n), MCL_FLOAT(1.0f / moco->temperature), MCL_FLOAT(step->weight / (float)r),
        MCL_BUFFER(moco->normalizer), MCL_BUFFER(moco->losses.values),
        MCL_BUFFER(moco->queries.gradient)));
    return mcl_terms_total(&moco->losses, context, r, (float)r, step);
}

/* s → g, dq̂ += g·queue/τ, dz through the normalisation */
static mcl_status backward(struct moco *moco, const mcl_objective_step *step)
{
    mcl_context *context = moco->context;
    const uint32_t r = 2 * moco->batch;
    const mcl_gemm product = gradient_product(moco);
    cl_kernel kernel;
    MCL_TRY(mcl_kernel_get(&kernel, context, "moco.cl", "moco_backward", ""));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 2.0 * r * moco->size);
    MCL_TRY(mcl_launch(context, kernel, (moco->size + 15) / 16, r, MCL_BUFFER(moco->similarity),
        MCL_BUFFER(moco->normalizer), MCL_UINT(moco->size), MCL_FLOAT(step->weight / (float)r)));
    MCL_TRY(mcl_gemm_run(context, &product, (mcl_matrix){moco->similarity, 0},
        (mcl_matrix){moco->queue, 0}, (mcl_matrix){moco->queries.gradient, 0}));
    return mcl_normalized_backward(&moco->queries, step->by_projections);
}

/* The step's keys take the place of the oldest. */
static mcl_status enqueue(struct moco *moco, uint64_t step)
{
    mcl_context *context = moco->context;
    const uint32_t r = 2 * moco->batch;
    const uint32_t first = (uint32_t)(step % moco->size * r % moco->size);
    cl_kernel kernel;
    MCL_TRY(mcl_kernel_get(&kernel, context, "moco.cl", "moco_enqueue", ""));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 2.0 * r * moco->columns);
    return mcl_launch(context, kernel, moco->columns, r, MCL_BUFFER(moco->keys),
        MCL_UINT(moco->columns), MCL_UINT(first), MCL_UINT(moco->size), MCL_BUFFER(moco->queue));
}

static mcl_status run(void *state, const mcl_objective_step *step)
{
    MCL_TRY(forward(state, step));
    MCL_TRY(backward(state, step));
    return enqueue(state, step->input->step);
}

static size_t states(mcl_objective_state *states, const void *state)
{
    const struct moco *moco = state;
    states[0] = mcl_target_state(moco->target, MCL_CHECKPOINT_PREFIX "moco_target");
    states[1] = (mcl_objective_state){
        MCL_CHECKPOINT_PREFIX "moco_queue", moco->queue, (uint64_t)moco->size * moco->columns};
    return 2;
}

static const mcl_value_type queue_sizes = {.least = 2, .most = UINT32_MAX};

static const mcl_objective_option options[] = {
    [TEMPERATURE] = {.key = "temperature",
        .stored = "moco_temperature",
        .values = "T",
        .help = "what their cosines are divided by",
        .type = &mcl_value_positive_float,
        .otherwise = 0.07f},
    [TARGET_DECAY] = {.key = "target_decay",
        .stored = "moco_target_decay",
        .values = "DECAY",
        .help = "of the moving average of the weights, a step, that the target network has",
        .type = &mcl_value_inside_unit,
        .otherwise = 0.999},
    [QUEUE] = {.key = "queue",
        .values = "KEYS",
        .help = "keys of the steps before that a view is told from; each step adds two for every "
                "row of the batch",
        .type = &queue_sizes,
        .otherwise = 4096},
};

static mcl_status check(const mcl_objective_check *check)
{
    const uint64_t keys = 2 * (uint64_t)check->batch;
    if (check->values[QUEUE] >= (double)keys)
        return MCL_OK;
    return mcl_fail(MCL_ERROR_ARGUMENT,
        "a queue of %.0f keys is too small for a batch of %" PRIu32
        " rows, whose views add %" PRIu64 " to it: make it larger (`queue`), or the batch smaller",
        check->values[QUEUE], check->batch, keys);
}

const mcl_objective_type mcl_objective_moco = {
    .info = {.name = "moco",
        .paper = "He et al. 2020",
        .summary =
            "tells what a target network, the moving average of encoder and projector "
            "(`target_decay`, 0.999), makes of a row's other view from what it made of rows of the "
            "steps before, a queue of `queue` keys (4096, the paper's 65536; empty at first), by "
            "cosine, divided by `temperature` (0.07; He et al. 2020): many negatives for small "
            "batches"},
    .needs = MCL_NEEDS_TWO_VIEWS,
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .check = check,
    .create = create,
    .free = release,
    .run = run,
    .states = states,
};
