/* SPDX-License-Identifier: Apache-2.0 */
/* The MoCo objective, cl/moco.cl: InfoNCE of all views among the keys that a target network makes
 * of them, and the keys of the steps before. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "device/profile.h"
#include "model/model.h"
#include "objectives/infonce.h"
#include "objectives/target.h"

enum { TEMPERATURE, TARGET_DECAY, QUEUE }; /* its own options */

struct moco {
    mcl_infonce infonce; /* of the queries [R×P] among the queue's keys */
    uint32_t batch, columns;
    uint32_t size; /* K, keys in the queue */
    mcl_target *target;
    mcl_row_norms norms;
    mcl_kernel *enqueue;
    cl_mem inverse; /* [R] 1/|key| */
    cl_mem keys;    /* [R×P] the step's */
    cl_mem queue;   /* [K×P] those of the steps before; at first zeros, orthogonal to all */
};

static mcl_status create_keys(struct moco *moco, mcl_context *context)
{
    const uint64_t views = 2 * (uint64_t)moco->batch, row = moco->columns * sizeof(float);
    MCL_TRY(mcl_row_norms_find(&moco->norms, context));
    MCL_TRY(mcl_kernel_find(&moco->enqueue, context, "moco.cl", "moco_enqueue", ""));
    MCL_TRY(mcl_buffer_create(&moco->inverse, context, views, sizeof(float), "norms"));
    MCL_TRY(mcl_buffer_create(&moco->keys, context, views, row, "keys of a batch"));
    MCL_TRY(mcl_buffer_create(&moco->queue, context, moco->size, row, "queue of keys (`queue`)"));
    return mcl_buffer_zero(context, moco->queue, 0, (size_t)(moco->size * row));
}

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    const mcl_infonce_options options = {
        .queries = 2 * setup->batch,
        .candidates = (uint32_t)setup->values[QUEUE],
        .origin = MCL_CANDIDATES_KEPT,
        .temperature = (float)setup->values[TEMPERATURE],
        .file = "moco.cl",
        .rows = "moco_rows",
        .backward = "moco_backward",
        .what = "similarities of moco (`queue` or `batch`)",
    };
    struct moco *moco;
    MCL_TRY(mcl_allocate(&moco, 1, sizeof *moco));
    *state = moco;
    moco->batch = setup->batch;
    moco->columns = setup->projection;
    moco->size = (uint32_t)setup->values[QUEUE];
    MCL_TRY(mcl_infonce_create(&moco->infonce, setup, &options));
    MCL_TRY(create_keys(moco, setup->context));
    return mcl_target_create(&moco->target, setup, setup->values[TARGET_DECAY]);
}

static void release(void *state)
{
    struct moco *moco = state;
    mcl_infonce_release(&moco->infonce);
    mcl_target_free(moco->target);
    mcl_buffer_release(&moco->inverse);
    mcl_buffer_release(&moco->keys);
    mcl_buffer_release(&moco->queue);
    free(moco);
}

/* The step's keys, s, the views' losses, and the step's keys' part of dq̂ */
static mcl_status forward(struct moco *moco, const mcl_objective_step *step)
{
    mcl_infonce *infonce = &moco->infonce;
    const uint32_t r = 2 * moco->batch, n = moco->columns;
    MCL_TRY(mcl_target_run(moco->target, step->input));
    MCL_TRY(mcl_row_norms_normalize(
        &moco->norms, mcl_target_output(moco->target), r, n, moco->inverse, moco->keys));
    MCL_TRY(mcl_infonce_compare(infonce, step->projections, moco->queue));
    mcl_profile_work(
        infonce->context, NULL, 0.0, sizeof(float) * (double)r * (moco->size + 3.0 * n));
    return mcl_run_rows(infonce->rows, r, MCL_BUFFER(infonce->similarity), MCL_UINT(moco->size),
        MCL_BUFFER(infonce->normalized.values), MCL_BUFFER(moco->keys), MCL_UINT(moco->batch),
        MCL_UINT(n), MCL_FLOAT(1.0f / infonce->of.temperature), MCL_FLOAT(step->weight / (float)r),
        MCL_BUFFER(infonce->normalizer), MCL_BUFFER(infonce->losses.values),
        MCL_BUFFER(infonce->normalized.gradient), MCL_LOCAL(MCL_ROW_SPACE));
}

/* The step's keys take the place of the oldest. */
static mcl_status enqueue(struct moco *moco, uint64_t step)
{
    const uint32_t r = 2 * moco->batch;
    const uint32_t first = (uint32_t)(step % moco->size * r % moco->size);
    mcl_profile_work(moco->infonce.context, NULL, 0.0, sizeof(float) * 2.0 * r * moco->columns);
    return mcl_run_elements(moco->enqueue, moco->columns, r, MCL_BUFFER(moco->keys),
        MCL_UINT(moco->columns), MCL_UINT(first), MCL_UINT(moco->size), MCL_BUFFER(moco->queue));
}

static mcl_status run(void *state, const mcl_objective_step *step)
{
    struct moco *moco = state;
    MCL_TRY(forward(moco, step));
    MCL_TRY(mcl_infonce_backward(&moco->infonce, step, moco->queue, true));
    return enqueue(moco, step->input->step);
}

static size_t states(mcl_objective_state *states, const void *state)
{
    const struct moco *moco = state;
    states[0] = mcl_target_state(moco->target, MCL_CHECKPOINT_PREFIX "moco_target");
    states[1] = (mcl_objective_state){
        MCL_CHECKPOINT_PREFIX "moco_queue", moco->queue, (uint64_t)moco->size * moco->columns};
    return 2;
}

/* Until every place of the queue has a key: nothing is like the empty ones. */
static uint64_t settling(const void *state)
{
    const struct moco *moco = state;
    const uint64_t keys = 2 * (uint64_t)moco->batch;
    return (moco->size + keys - 1) / keys;
}

static const mcl_value_type queue_sizes = {.least = 2, .most = UINT32_MAX};

static const mcl_objective_option options[] = {
    [TEMPERATURE] = MCL_INFONCE_TEMPERATURE("moco_temperature", 0.07f),
    [TARGET_DECAY] = MCL_TARGET_DECAY("moco_target_decay", 0.999),
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
    .settling = settling,
};
