/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/optimizer.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/names.h"
#include "base/rounding.h"
#include "device/profile.h"
#include "optim/layerwise.h"

/* An optimizer: the facts that are public, what it keeps, and its step. */
struct optimizer_type {
    mcl_optimizer_info info;
    size_t moments;     /* flat vectors that it keeps from step to step */
    bool only_momentum; /* they are of no use where the momentum is 0 */
    bool layerwise;     /* it scales the step of every tensor */
    const char *kernel; /* of cl/optimizer.cl; NULL: it is layerwise */
    mcl_status (*step)(mcl_optimizer *optimizer, cl_mem parameters, cl_mem gradients);
};

struct mcl_optimizer {
    const struct optimizer_type *type;
    mcl_context *context;
    mcl_optimizer_options options; /* resolved */
    uint64_t count;
    double power1, power2;    /* β₁ᵗ and β₂ᵗ, multiplied up step by step */
    cl_mem first;             /* mean of the gradients, or the velocity */
    cl_mem second;            /* mean of their squares */
    mcl_kernel *kernel;       /* or NULL */
    mcl_layerwise *layerwise; /* or NULL */
};

/* The profile's note of a step that reads and writes so many flat vectors. */
static void note_vectors(const mcl_optimizer *optimizer, double vectors)
{
    mcl_profile_work(
        optimizer->context, NULL, 0.0, (double)optimizer->count * sizeof(float) * vectors);
}

/* Adam's step on parameters that are multiplied by keep first, with decay times these added to
 * their gradients. */
static mcl_status step_moments(
    mcl_optimizer *optimizer, cl_mem parameters, cl_mem gradients, double keep, double decay)
{
    const mcl_optimizer_options *options = &optimizer->options;
    const float correction = (float)sqrt(1.0 - optimizer->power2);
    note_vectors(optimizer, 7);
    return mcl_run_elements(optimizer->kernel, optimizer->count, 1, MCL_BUFFER(parameters),
        MCL_BUFFER(gradients), MCL_BUFFER(optimizer->first), MCL_BUFFER(optimizer->second),
        MCL_ULONG(optimizer->count), MCL_FLOAT(keep), MCL_FLOAT(decay),
        MCL_FLOAT(1.0 - options->beta1), MCL_FLOAT(options->beta2), MCL_FLOAT(1.0 - options->beta2),
        MCL_FLOAT(options->learning_rate / (1.0 - optimizer->power1)), MCL_FLOAT(correction),
        MCL_FLOAT(mcl_host_reciprocal(correction)), MCL_FLOAT(options->epsilon));
}

static mcl_status step_adam(mcl_optimizer *optimizer, cl_mem parameters, cl_mem gradients)
{
    return step_moments(optimizer, parameters, gradients, 1.0, optimizer->options.weight_decay);
}

static mcl_status step_adamw(mcl_optimizer *optimizer, cl_mem parameters, cl_mem gradients)
{
    const mcl_optimizer_options *options = &optimizer->options;
    return step_moments(optimizer, parameters, gradients,
        1.0 - options->learning_rate * options->weight_decay, 0.0);
}

static mcl_status step_sgd(mcl_optimizer *optimizer, cl_mem parameters, cl_mem gradients)
{
    const mcl_optimizer_options *options = &optimizer->options;
    note_vectors(optimizer, options->momentum != 0.0 ? 5 : 3);
    return mcl_run_elements(optimizer->kernel, optimizer->count, 1, MCL_BUFFER(parameters),
        MCL_BUFFER(gradients), MCL_BUFFER(optimizer->first), MCL_ULONG(optimizer->count),
        MCL_FLOAT(options->learning_rate), MCL_FLOAT(options->weight_decay),
        MCL_FLOAT(options->momentum));
}

static mcl_status step_lars(mcl_optimizer *optimizer, cl_mem parameters, cl_mem gradients)
{
    return mcl_layerwise_lars(
        optimizer->layerwise, &optimizer->options, parameters, gradients, optimizer->first);
}

static mcl_status step_lamb(mcl_optimizer *optimizer, cl_mem parameters, cl_mem gradients)
{
    return mcl_layerwise_lamb(optimizer->layerwise, &optimizer->options, parameters, gradients,
        optimizer->first, optimizer->second, optimizer->power1, optimizer->power2);
}

static const struct optimizer_type types[] = {
    [MCL_OPTIMIZER_ADAM] =
        {.info = {.name = "adam",
             .summary = "Adam (Kingma and Ba 2015), which adds the weight decay to the gradient",
             .has_betas = true,
             .has_epsilon = true,
             .epsilon = 1e-8},
            .moments = 2,
            .kernel = "adam",
            .step = step_adam},
    [MCL_OPTIMIZER_ADAMW] =
        {.info = {.name = "adamw",
             .summary = "Adam with decoupled weight decay (Loshchilov and Hutter 2019)",
             .has_betas = true,
             .has_epsilon = true,
             .weight_decay = 0.01,
             .epsilon = 1e-8},
            .moments = 2,
            .kernel = "adam",
            .step = step_adamw},
    [MCL_OPTIMIZER_SGD] = {.info = {.name = "sgd",
                               .summary = "stochastic gradient descent, with or without momentum",
                               .has_momentum = true,
                               .epsilon = 1e-8},
        .moments = 1,
        .only_momentum = true,
        .kernel = "sgd",
        .step = step_sgd},
    [MCL_OPTIMIZER_LARS] =
        {.info = {.name = "lars",
             .summary = "sgd whose step is scaled by each weight's norm, for large batches "
                        "(You et al. 2017); biases and normalizations' parameters as by sgd",
             .rate_advice = "a step of lars is as long as a thousandth of the learning rate "
                            "times the weights, and other optimizers' rates hardly train "
                            "it: give one, such as 0.3 for each 256 rows of a batch",
             .has_momentum = true,
             .has_epsilon = true,
             .weight_decay = 1e-6,
             .momentum = 0.9,
             .epsilon = 1e-8},
            .moments = 1,
            .layerwise = true,
            .step = step_lars},
    [MCL_OPTIMIZER_LAMB] =
        {.info = {.name = "lamb",
             .summary = "adam whose step is scaled by each weight's norm, for large batches "
                        "(You et al. 2020); biases and normalizations' parameters as by "
                        "adam without decay",
             .has_betas = true,
             .has_epsilon = true,
             .weight_decay = 0.01,
             .epsilon = 1e-6},
            .moments = 2,
            .layerwise = true,
            .step = step_lamb},
};
#define TYPES (sizeof types / sizeof *types)

const mcl_optimizer_info *mcl_optimizer_describe(mcl_optimizer_kind kind)
{
    return (size_t)kind < TYPES ? &types[kind].info : NULL;
}

mcl_status mcl_optimizer_parse(mcl_optimizer_kind *kind, const char *text)
{
    MCL_NEED(kind);
    size_t index;
    MCL_TRY(mcl_name_parse_row(&index, text, types, sizeof *types, TYPES, "optimizer"));
    *kind = (mcl_optimizer_kind)index;
    return MCL_OK;
}

const char *mcl_optimizer_name(mcl_optimizer_kind kind)
{
    const mcl_optimizer_info *info = mcl_optimizer_describe(kind);
    return info ? info->name : "?";
}

mcl_optimizer_options mcl_optimizer_resolve(const mcl_optimizer_options *options)
{
    const mcl_optimizer_info *info = &types[options->kind].info;
    mcl_optimizer_options resolved = *options;
    if (resolved.weight_decay < 0.0)
        resolved.weight_decay = info->weight_decay;
    if (resolved.momentum < 0.0)
        resolved.momentum = info->momentum;
    if (resolved.epsilon < 0.0)
        resolved.epsilon = info->epsilon;
    return resolved;
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

/* How many flat vectors it keeps. */
static size_t count_moments(const mcl_optimizer *optimizer)
{
    const struct optimizer_type *type = optimizer->type;
    return type->only_momentum && optimizer->options.momentum == 0.0 ? 0 : type->moments;
}

static mcl_status create_parts(
    mcl_optimizer *optimizer, const mcl_part_range *tensors, size_t tensor_count)
{
    const struct optimizer_type *type = optimizer->type;
    const size_t moments = count_moments(optimizer);
    mcl_context *context = optimizer->context;
    if (type->layerwise)
        MCL_TRY(mcl_layerwise_create(&optimizer->layerwise, context, tensors, tensor_count));
    else
        MCL_TRY(mcl_kernel_find(&optimizer->kernel, context, "optimizer.cl", type->kernel, ""));
    /* A kernel gets a velocity that it leaves alone where it keeps none. */
    MCL_TRY(zeros(&optimizer->first, context, moments > 0 ? optimizer->count : 1));
    return moments > 1 ? zeros(&optimizer->second, context, optimizer->count) : MCL_OK;
}

mcl_status mcl_optimizer_create(mcl_optimizer **optimizer, mcl_context *context,
    const mcl_optimizer_options *options, uint64_t count, const mcl_part_range *tensors,
    size_t tensor_count)
{
    const mcl_optimizer_options resolved = mcl_optimizer_resolve(options);
    MCL_TRY(check(&resolved));
    mcl_optimizer *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->type = &types[resolved.kind];
    created->context = context;
    created->options = resolved;
    created->count = count;
    created->power1 = created->power2 = 1.0;
    const mcl_status status = create_parts(created, tensors, tensor_count);
    if (status == MCL_OK)
        *optimizer = created;
    else
        mcl_optimizer_free(created);
    return status;
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
    return count_moments(optimizer);
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
    raise_powers(optimizer);
    return optimizer->type->step(optimizer, parameters, gradients);
}
