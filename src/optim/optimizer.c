/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/optimizer.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/names.h"
#include "device/profile.h"
#include "optim/layerwise.h"

struct mcl_optimizer {
    mcl_context *context;
    mcl_optimizer_options options;
    uint64_t count;
    double power1, power2;    /* β₁ᵗ and β₂ᵗ, multiplied up step by step */
    cl_mem first;             /* adam, lamb: mean of the gradients; sgd, lars: velocity */
    cl_mem second;            /* adam, lamb: mean of their squares */
    mcl_layerwise *layerwise; /* lars, lamb */
};

static const char *const names[] = {"adam", "adamw", "sgd", "lars", "lamb"};

mcl_status mcl_optimizer_parse(mcl_optimizer_kind *kind, const char *text)
{
    size_t index;
    MCL_TRY(mcl_name_parse(&index, text, names, sizeof names / sizeof *names, "optimizer"));
    *kind = (mcl_optimizer_kind)index;
    return MCL_OK;
}

const char *mcl_optimizer_name(mcl_optimizer_kind kind)
{
    return names[kind];
}

mcl_optimizer_options mcl_optimizer_resolve(const mcl_optimizer_options *options)
{
    static const struct {
        double weight_decay, momentum, epsilon;
    } defaults[] = {
        [MCL_OPTIMIZER_ADAM] = {0.0, 0.0, 1e-8},
        [MCL_OPTIMIZER_ADAMW] = {0.01, 0.0, 1e-8},
        [MCL_OPTIMIZER_SGD] = {0.0, 0.0, 1e-8},
        [MCL_OPTIMIZER_LARS] = {1e-6, 0.9, 1e-8},
        [MCL_OPTIMIZER_LAMB] = {0.01, 0.0, 1e-6},
    };
    mcl_optimizer_options in_force = *options;
    if (in_force.weight_decay < 0.0)
        in_force.weight_decay = defaults[options->kind].weight_decay;
    if (in_force.momentum < 0.0)
        in_force.momentum = defaults[options->kind].momentum;
    if (in_force.epsilon < 0.0)
        in_force.epsilon = defaults[options->kind].epsilon;
    return in_force;
}

static mcl_status check(const mcl_optimizer_options *options)
{
    if (!(options->learning_rate >= 0.0 && options->learning_rate < INFINITY))
        return mcl_fail(MCL_ERROR_ARGUMENT, "a learning rate of %g: it must be 0 or more",
            options->learning_rate);
    if (!isfinite(options->weight_decay))
        return mcl_fail(MCL_ERROR_ARGUMENT, "a weight decay of %g: it must be a finite number",
            options->weight_decay);
    if (!(options->momentum >= 0.0 && options->momentum < INFINITY))
        return mcl_fail(
            MCL_ERROR_ARGUMENT, "a momentum of %g: it must be 0 or more", options->momentum);
    if (!(options->beta1 >= 0.0 && options->beta1 < 1.0 && options->beta2 >= 0.0 &&
            options->beta2 < 1.0))
        return mcl_fail(MCL_ERROR_ARGUMENT, "betas of %g and %g: they must be in [0,1)",
            options->beta1, options->beta2);
    /* A subnormal divisor is one on some devices, and 0 on others. */
    if (!(options->epsilon == 0.0 || (options->epsilon >= FLT_MIN && options->epsilon < INFINITY)))
        return mcl_fail(MCL_ERROR_ARGUMENT, "an epsilon of %g: it must be 0, or %g or more",
            options->epsilon, (double)FLT_MIN);
    return MCL_OK;
}

static mcl_status zeros(cl_mem *buffer, mcl_context *context, uint64_t count)
{
    MCL_TRY(mcl_buffer_create(buffer, context, count, sizeof(float), "optimizer's moments"));
    return mcl_buffer_zero(context, *buffer, 0, count * sizeof(float));
}

mcl_status mcl_optimizer_create(mcl_optimizer **optimizer, mcl_context *context,
    const mcl_optimizer_options *options, uint64_t count, const mcl_part_range *tensors,
    size_t tensor_count)
{
    const mcl_optimizer_options in_force = mcl_optimizer_resolve(options);
    MCL_TRY(check(&in_force));
    mcl_optimizer *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    created->options = in_force;
    created->count = count;
    created->power1 = created->power2 = 1.0;
    const bool sgd = in_force.kind == MCL_OPTIMIZER_SGD, lars = in_force.kind == MCL_OPTIMIZER_LARS;
    const bool layerwise = lars || in_force.kind == MCL_OPTIMIZER_LAMB;
    mcl_status status = MCL_OK;
    if (layerwise)
        status = mcl_layerwise_create(&created->layerwise, context, tensors, tensor_count);
    if (status == MCL_OK) /* without momentum the kernel leaves the velocity alone */
        status = zeros(&created->first, context, sgd && in_force.momentum == 0.0 ? 1 : count);
    if (status == MCL_OK && !sgd && !lars)
        status = zeros(&created->second, context, count);
    if (status != MCL_OK) {
        mcl_optimizer_free(created);
        return status;
    }
    *optimizer = created;
    return MCL_OK;
}

mcl_status mcl_parameters_optimizer(mcl_optimizer **optimizer, mcl_context *context,
    const mcl_optimizer_options *options, const mcl_architecture *architecture, uint64_t count)
{
    mcl_tensor_place places[MCL_TENSORS_MAX];
    mcl_part_range tensors[MCL_TENSORS_MAX];
    const size_t places_count = mcl_architecture_tensors(places, architecture);
    size_t used = 0;
    for (size_t i = 0; i < places_count; i++) {
        if (places[i].offset < count)
            tensors[used++] =
                (mcl_part_range){places[i].offset, places[i].count, places[i].dimensions == 2};
    }
    return mcl_optimizer_create(optimizer, context, options, count, tensors, used);
}

void mcl_optimizer_free(mcl_optimizer *optimizer)
{
    if (!optimizer)
        return;
    mcl_buffer_release(&optimizer->first);
    mcl_buffer_release(&optimizer->second);
    mcl_layerwise_free(optimizer->layerwise);
    free(optimizer);
}

size_t mcl_optimizer_moments(cl_mem buffers[2], const mcl_optimizer *optimizer)
{
    buffers[0] = optimizer->first;
    buffers[1] = optimizer->second;
    if (optimizer->second)
        return 2;
    return optimizer->options.kind == MCL_OPTIMIZER_LARS || optimizer->options.momentum != 0.0;
}

uint64_t mcl_optimizer_size(const mcl_optimizer *optimizer)
{
    return optimizer->count;
}

void mcl_optimizer_set_rate(mcl_optimizer *optimizer, double rate)
{
    optimizer->options.learning_rate = rate;
}

static void raise_powers(mcl_optimizer *optimizer)
{
    optimizer->power1 *= optimizer->options.beta1;
    optimizer->power2 *= optimizer->options.beta2;
}

void mcl_optimizer_skip(mcl_optimizer *optimizer, uint64_t steps)
{
    for (uint64_t i = 0; i < steps; i++)
        raise_powers(optimizer); /* multiplied up as a run does, for the same bits */
}

mcl_status mcl_optimizer_step(mcl_optimizer *optimizer, cl_mem parameters, cl_mem gradients)
{
    const mcl_optimizer_options *options = &optimizer->options;
    const bool sgd = options->kind == MCL_OPTIMIZER_SGD;
    cl_kernel kernel;
    if (options->kind == MCL_OPTIMIZER_LARS)
        return mcl_layerwise_lars(
            optimizer->layerwise, options, parameters, gradients, optimizer->first);
    if (options->kind == MCL_OPTIMIZER_LAMB) {
        raise_powers(optimizer);
        return mcl_layerwise_lamb(optimizer->layerwise, options, parameters, gradients,
            optimizer->first, optimizer->second, optimizer->power1, optimizer->power2);
    }
    MCL_TRY(mcl_kernel_get(&kernel, optimizer->context, "optimizer.cl", sgd ? "sgd" : "adam", ""));
    mcl_profile_work(optimizer->context, NULL, 0.0,
        (double)optimizer->count * sizeof(float) *
            (!sgd                          ? 7
                : options->momentum != 0.0 ? 5
                                           : 3));
    if (sgd)
        return mcl_launch(optimizer->context, kernel, optimizer->count, 1, MCL_BUFFER(parameters),
            MCL_BUFFER(gradients), MCL_BUFFER(optimizer->first), MCL_FLOAT(options->learning_rate),
            MCL_FLOAT(options->weight_decay), MCL_FLOAT(options->momentum));
    const bool decoupled = options->kind == MCL_OPTIMIZER_ADAMW;
    raise_powers(optimizer);
    return mcl_launch(optimizer->context, kernel, optimizer->count, 1, MCL_BUFFER(parameters),
        MCL_BUFFER(gradients), MCL_BUFFER(optimizer->first), MCL_BUFFER(optimizer->second),
        MCL_FLOAT(decoupled ? 1.0 - options->learning_rate * options->weight_decay : 1.0),
        MCL_FLOAT(decoupled ? 0.0 : options->weight_decay), MCL_FLOAT(1.0 - options->beta1),
        MCL_FLOAT(options->beta2), MCL_FLOAT(1.0 - options->beta2),
        MCL_FLOAT(options->learning_rate / (1.0 - optimizer->power1)),
        MCL_FLOAT(sqrt(1.0 - optimizer->power2)), MCL_FLOAT(options->epsilon));
}
