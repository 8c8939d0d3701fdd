/* SPDX-License-Identifier: Apache-2.0 */
/* The objectives with a predictor, cl/predicted.cl: SimSiam, and BYOL, which has a target network.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "device/profile.h"
#include "model/model.h"
#include "model/networks.h"
#include "objectives/target.h"

enum { TARGET_DECAY }; /* byol's own options */

struct predicted {
    mcl_context *context;
    mcl_kernel *errors;
    uint32_t batch, columns;
    mcl_network *predictor;
    mcl_target *target; /* NULL: the projections themselves are what is predicted */
    mcl_terms losses;   /* [R] */
};

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    mcl_context *context = setup->context;
    struct predicted *predicted;
    MCL_TRY(mcl_allocate(&predicted, 1, sizeof *predicted));
    *state = predicted;
    predicted->context = context;
    predicted->batch = setup->batch;
    predicted->columns = setup->projection;
    MCL_TRY(mcl_kernel_find(&predicted->errors, context, "predicted.cl", "prediction_errors", ""));
    MCL_TRY(mcl_terms_create(&predicted->losses, context, 2 * (uint64_t)setup->batch));
    return mcl_network_create_part(&predicted->predictor, context, setup->architecture,
        MCL_PART_PREDICTOR, 2 * setup->batch, MCL_NETWORK_TRAINING);
}

static mcl_status create_with_target(void **state, const mcl_objective_setup *setup)
{
    MCL_TRY(create(state, setup));
    struct predicted *predicted = *state;
    return mcl_target_create(&predicted->target, setup, setup->values[TARGET_DECAY]);
}

static void release(void *state)
{
    struct predicted *predicted = state;
    mcl_terms_release(&predicted->losses);
    mcl_network_free(predicted->predictor);
    mcl_target_free(predicted->target);
    free(predicted);
}

/* Enqueues a loss of most − slope·cosine a view, over `terms`, by what the other views have among
 * targets[R×P], and the predictor's backward pass. */
static mcl_status run(struct predicted *predicted, const mcl_objective_step *step, cl_mem targets,
    float most, float slope, uint32_t terms)
{
    mcl_network *predictor = predicted->predictor;
    const mcl_loss_input *input = step->input;
    const uint32_t b = predicted->batch, n = predicted->columns, r = 2 * b;
    const float scale = step->weight * slope / (float)terms;
    MCL_TRY(mcl_network_forward(predictor, input->parameters, step->projections, r));
    mcl_profile_work(predicted->context, NULL, 0.0, sizeof(float) * 3.0 * r * n);
    MCL_TRY(mcl_run_rows(predicted->errors, r, MCL_BUFFER(mcl_network_output(predictor)),
        MCL_BUFFER(targets), MCL_UINT(b), MCL_UINT(n), MCL_FLOAT(most), MCL_FLOAT(slope),
        MCL_FLOAT(scale), MCL_BUFFER(predicted->losses.values),
        MCL_BUFFER(mcl_network_output_gradient(predictor)), MCL_LOCAL(MCL_ROW_SPACE)));
    MCL_TRY(mcl_terms_total(&predicted->losses, r, (float)terms, step));
    return mcl_gradient_through(step->by_projections, predictor, input, step->projections, r);
}

/* −cos, the mean of all views */
static mcl_status run_simsiam(void *state, const mcl_objective_step *step)
{
    struct predicted *predicted = state;
    return run(predicted, step, step->projections, 0.0f, 1.0f, 2 * predicted->batch);
}

/* 2 − 2·cos of both views of a row, the mean of the rows */
static mcl_status run_byol(void *state, const mcl_objective_step *step)
{
    struct predicted *predicted = state;
    MCL_TRY(mcl_target_run(predicted->target, step->input));
    return run(predicted, step, mcl_target_output(predicted->target), 2.0f, 2.0f, predicted->batch);
}

static size_t states_of_byol(mcl_objective_state *states, const void *state)
{
    const struct predicted *predicted = state;
    states[0] = mcl_target_state(predicted->target, MCL_CHECKPOINT_PREFIX "byol_target");
    return 1;
}

static const mcl_objective_option byol_options[] = {
    [TARGET_DECAY] = MCL_TARGET_DECAY("byol_target_decay", 0.996),
};

const mcl_objective_type mcl_objective_simsiam = {
    .info = {.name = "simsiam",
        .paper = "Chen and He 2021",
        .summary =
            "lets a predictor (`predictor` WIDTHS, the paper's a quarter of the projection) guess "
            "the other view's projection, which is held constant (Chen and He 2021): no negatives, "
            "no temperature; sensitive to the learning rate, and better with `projector`"},
    .needs = MCL_NEEDS_TWO_VIEWS | MCL_NEEDS_PREDICTOR,
    .create = create,
    .free = release,
    .run = run_simsiam,
};

const mcl_objective_type mcl_objective_byol = {
    .info = {.name = "byol",
        .paper = "Grill et al. 2020",
        .summary =
            "as simsiam, but what the predictor guesses is what a target network, the moving "
            "average of encoder and projector (`target_decay`, 0.996 throughout, from where the "
            "paper's rises to 1), makes of the other view (Grill et al. 2020): no negatives, no "
            "temperature; steadier than simsiam, for one more forward pass a step"},
    .needs = MCL_NEEDS_TWO_VIEWS | MCL_NEEDS_PREDICTOR,
    .options = byol_options,
    .option_count = sizeof byol_options / sizeof *byol_options,
    .create = create_with_target,
    .free = release,
    .run = run_byol,
    .states = states_of_byol,
};
