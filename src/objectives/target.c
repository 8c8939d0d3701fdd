/* SPDX-License-Identifier: Apache-2.0 */
#include "objectives/target.h"

#include <stdlib.h>

#include "base/memory.h"
#include "model/networks.h"
#include "optim/average.h"

struct mcl_target {
    uint32_t views; /* R */
    uint64_t count; /* of parameters */
    double decay;
    mcl_average *average; /* of the whole flat vector, which layers are places in */
    mcl_network *encoder;
    mcl_network *projector; /* or NULL */
};

mcl_status mcl_target_create(mcl_target **target, const mcl_objective_setup *setup, double decay)
{
    mcl_target *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->views = 2 * setup->batch;
    created->count = mcl_architecture_parameters(setup->architecture);
    created->decay = decay;
    mcl_status status = mcl_average_create(
        &created->average, setup->context, setup->parameters, created->count, created->count);
    /* It moves running statistics of its own. */
    if (status == MCL_OK)
        status = mcl_network_create_part(&created->encoder, setup->context, setup->architecture,
            MCL_PART_ENCODER, created->views, MCL_NETWORK_TARGET);
    if (status == MCL_OK)
        status = mcl_network_create_part(&created->projector, setup->context, setup->architecture,
            MCL_PART_PROJECTOR, created->views, MCL_NETWORK_TARGET);
    if (status != MCL_OK) {
        mcl_target_free(created);
        return status;
    }
    *target = created;
    return MCL_OK;
}

void mcl_target_free(mcl_target *target)
{
    if (!target)
        return;
    mcl_average_free(target->average);
    mcl_network_free(target->encoder);
    mcl_network_free(target->projector);
    free(target);
}

mcl_status mcl_target_run(mcl_target *target, const mcl_loss_input *input)
{
    const cl_mem parameters = mcl_average_buffer(target->average);
    MCL_TRY(mcl_average_update(target->average, input->parameters, target->decay));
    MCL_TRY(mcl_network_forward(target->encoder, parameters, input->views->views, target->views));
    if (!target->projector)
        return MCL_OK;
    return mcl_network_forward(
        target->projector, parameters, mcl_network_output(target->encoder), target->views);
}

cl_mem mcl_target_output(const mcl_target *target)
{
    return mcl_network_output(target->projector ? target->projector : target->encoder);
}

mcl_objective_state mcl_target_state(const mcl_target *target, const char *name)
{
    return (mcl_objective_state){name, mcl_average_buffer(target->average), target->count};
}
