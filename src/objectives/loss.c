/* SPDX-License-Identifier: Apache-2.0 */
#include "objectives/loss.h"

#include <stdlib.h>

#include "base/memory.h"
#include "objectives/objective.h"

struct mcl_loss {
    struct {
        const mcl_objective_type *type;
        void *state;
        float weight;
    } objectives[MCL_OBJECTIVES_MAX];
    size_t count;
    uint32_t batch;
    mcl_network *projector; /* or NULL */
};

static mcl_status create_objectives(mcl_loss *loss, const mcl_objective_setup *setup)
{
    for (size_t i = 0; i < setup->options->objective_count; i++) {
        const mcl_objective *objective = &setup->options->objectives[i];
        const mcl_objective_type *type = mcl_objective_type_of(objective->kind);
        double values[MCL_OBJECTIVE_OPTIONS_MAX];
        mcl_objective_setup own = *setup;
        own.values = values;
        mcl_objective_values(values, type, setup->options);
        loss->objectives[i].type = type;
        loss->objectives[i].weight = objective->weight;
        loss->count = i + 1;
        MCL_TRY(type->create(&loss->objectives[i].state, &own));
    }
    return MCL_OK;
}

mcl_status mcl_loss_create(mcl_loss **loss, mcl_context *context,
    const mcl_pretrain_options *options, const mcl_architecture *architecture,
    const mcl_groups *groups, uint32_t batch, cl_mem parameters)
{
    const mcl_objective_setup setup = {.context = context,
        .options = options,
        .architecture = architecture,
        .batch = batch,
        .projection = mcl_part_width(architecture, MCL_PART_PROJECTOR),
        .parameters = parameters,
        .groups = groups};
    mcl_loss *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->batch = batch;
    mcl_status status = mcl_network_create_part(&created->projector, context, architecture,
        MCL_PART_PROJECTOR, 2 * batch, MCL_NETWORK_TRAINING);
    if (status == MCL_OK)
        status = create_objectives(created, &setup);
    if (status != MCL_OK) {
        mcl_loss_free(created);
        return status;
    }
    *loss = created;
    return MCL_OK;
}

void mcl_loss_free(mcl_loss *loss)
{
    if (!loss)
        return;
    for (size_t i = 0; i < loss->count; i++) {
        if (loss->objectives[i].state)
            loss->objectives[i].type->free(loss->objectives[i].state);
    }
    mcl_network_free(loss->projector);
    free(loss);
}

uint64_t mcl_loss_settling(const mcl_loss *loss)
{
    uint64_t most = 0;
    for (size_t i = 0; i < loss->count; i++) {
        const mcl_objective_type *type = loss->objectives[i].type;
        const uint64_t steps = type->settling ? type->settling(loss->objectives[i].state) : 0;
        most = steps > most ? steps : most;
    }
    return most;
}

size_t mcl_loss_states(mcl_objective_state states[MCL_OBJECTIVE_STATES_MAX], const mcl_loss *loss)
{
    size_t count = 0;
    for (size_t i = 0; i < loss->count; i++) {
        const mcl_objective_type *type = loss->objectives[i].type;
        if (type->states)
            count += type->states(states + count, loss->objectives[i].state);
    }
    return count;
}

/* Runs those of the objectives that are on the embeddings, or on projections, in their order. */
static mcl_status run_objectives(
    mcl_loss *loss, mcl_objective_step *step, bool on_embeddings, bool on_projections)
{
    for (size_t i = 0; i < loss->count; i++) {
        const mcl_objective_type *type = loss->objectives[i].type;
        if (!(type->info.decodes ? on_embeddings : on_projections))
            continue;
        step->weight = loss->objectives[i].weight;
        step->at = step->input->at + i;
        MCL_TRY(type->run(loss->objectives[i].state, step));
    }
    return MCL_OK;
}

mcl_status mcl_loss_run(mcl_loss *loss, const mcl_loss_input *input)
{
    mcl_gradient by_embeddings = {mcl_network_output_gradient(input->encoder), false};
    mcl_gradient by_projections;
    mcl_network *projector = loss->projector;
    const uint32_t views = 2 * loss->batch;
    const cl_mem h = mcl_network_output(input->encoder);
    mcl_objective_step step = {.input = input,
        .projections = h,
        .by_projections = &by_embeddings,
        .embeddings = h,
        .by_embeddings = &by_embeddings};
    if (!projector)
        return run_objectives(loss, &step, true, true);
    MCL_TRY(mcl_network_forward(projector, input->parameters, h, views));
    by_projections = (mcl_gradient){mcl_network_output_gradient(projector), false};
    step.projections = mcl_network_output(projector);
    step.by_projections = &by_projections;
    MCL_TRY(run_objectives(loss, &step, false, true));
    MCL_TRY(mcl_gradient_through(&by_embeddings, projector, input, h, views));
    return run_objectives(loss, &step, true, false);
}
