/* SPDX-License-Identifier: Apache-2.0 */
/* The depthwise convolution of maps: y = f(z), z = x * w + b with a filter for each channel, see
 * cl/depthwise.cl. */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "compute/sums.h"
#include "device/launch.h"
#include "device/profile.h"
#include "nn/convolving.h"
#include "nn/layers.h"

#define OPTIONS_SIZE 32

struct depthwise {
    mcl_context *context;
    mcl_layer layer;
    mcl_kernel *arrange, *forward, *by_weight, *by_input; /* the last two in training */
    mcl_sums sums;
    cl_mem weights; /* [taps×C] */
    bool is_frozen; /* they stay */
    cl_mem partial; /* [segments×taps×C] of the gradient by them … */
    cl_mem summed;  /* [taps×C] … and the sum of the segments */
};

static uint32_t taps_of(const mcl_layer *layer)
{
    return layer->options.convolution.kernel[0] * layer->options.convolution.kernel[1];
}

static uint64_t bias_of(const mcl_layer *layer)
{
    return layer->parameters + (uint64_t)taps_of(layer) * layer->to.channels;
}

static size_t tensors(mcl_layer_tensor out[MCL_LAYER_TENSORS_MAX], const mcl_layer *layer)
{
    const mcl_convolution_shape *shape = &layer->options.convolution;
    out[0] = (mcl_layer_tensor){.name = "weight",
        .shape = {shape->channels, 1, shape->kernel[0], shape->kernel[1]},
        .dimensions = 4,
        .fan_in = taps_of(layer)};
    out[1] = (mcl_layer_tensor){
        .name = "bias", .shape = {shape->channels}, .dimensions = 1, .fan_in = taps_of(layer)};
    return 2;
}

static uint32_t segments_of(const mcl_layer *layer, uint32_t rows)
{
    return (rows - 1) / mcl_convolution_segment(&layer->options.convolution, rows) + 1;
}

static uint64_t workspace(const mcl_layer *layer, uint32_t rows)
{
    const uint64_t of_bias =
        mcl_column_sums_workspace(rows * mcl_map_positions(&layer->to), layer->to.channels);
    const uint64_t of_weights =
        mcl_column_sums_workspace(segments_of(layer, rows), taps_of(layer) * layer->to.channels);
    return of_bias > of_weights ? of_bias : of_weights;
}

static mcl_status find(
    mcl_kernel **kernel, mcl_context *context, const char *name, mcl_activation activation)
{
    char options[OPTIONS_SIZE];
    snprintf(options, OPTIONS_SIZE, "-D ACTIVATION=%d", (int)activation);
    return mcl_kernel_find(kernel, context, "depthwise.cl", name, options);
}

static mcl_status create_backward(struct depthwise *depthwise, const mcl_layer_setup *setup)
{
    const mcl_layer *layer = setup->layer;
    MCL_TRY(find(&depthwise->by_weight, setup->context, "depthwise_by_weight", setup->after));
    MCL_TRY(find(&depthwise->by_input, setup->context, "depthwise_by_input", setup->before));
    MCL_TRY(mcl_sums_find(&depthwise->sums, setup->context));
    const uint64_t weights = (uint64_t)taps_of(layer) * layer->to.channels;
    MCL_TRY(mcl_buffer_create(&depthwise->partial, setup->context, MCL_SEGMENTS_MAX * weights,
        sizeof(float), "gradients of a depthwise convolution"));
    return mcl_buffer_create(&depthwise->summed, setup->context, weights, sizeof(float),
        "gradients of a depthwise convolution");
}

static mcl_status create(void **state, const mcl_layer_setup *setup)
{
    const mcl_layer *layer = setup->layer;
    struct depthwise *depthwise;
    MCL_TRY(mcl_allocate(&depthwise, 1, sizeof *depthwise));
    *state = depthwise;
    depthwise->context = setup->context;
    depthwise->layer = *layer;
    MCL_TRY(mcl_convolution_check(&layer->options.convolution));
    MCL_TRY(mcl_map_check_rows(&layer->from, setup->rows));
    MCL_TRY(mcl_map_check_rows(&layer->to, setup->rows));
    MCL_TRY(find(&depthwise->arrange, setup->context, "depthwise_weights", setup->after));
    MCL_TRY(find(&depthwise->forward, setup->context, "depthwise_forward", setup->after));
    MCL_TRY(mcl_buffer_create(&depthwise->weights, setup->context,
        (uint64_t)taps_of(layer) * layer->to.channels, sizeof(float), "a copy of weights"));
    return setup->backward ? create_backward(depthwise, setup) : MCL_OK;
}

static void free_depthwise(void *state)
{
    struct depthwise *depthwise = state;
    if (!depthwise)
        return;
    mcl_buffer_release(&depthwise->weights);
    mcl_buffer_release(&depthwise->partial);
    mcl_buffer_release(&depthwise->summed);
    free(depthwise);
}

/* Says for the profile what the next command does: each of R×O has a multiplication and an addition
 * for each tap, and each of R×I and R×O is read or written. */
static void record(const struct depthwise *depthwise, uint32_t rows)
{
    const mcl_layer *layer = &depthwise->layer;
    mcl_profile_work(depthwise->context, NULL,
        2.0 * taps_of(layer) * (double)rows * (double)layer->out,
        sizeof(float) * (double)rows * ((double)layer->in + (double)layer->out));
}

/* Arranges the matrix [height×width] of weights at `from` as its transpose. */
static mcl_status arrange(const struct depthwise *depthwise, cl_mem in, uint64_t from,
    uint32_t height, uint32_t width, cl_mem out, uint64_t to)
{
    mcl_profile_work(
        depthwise->context, NULL, 0.0, 2.0 * sizeof(float) * (double)height * (double)width);
    return mcl_run_elements(depthwise->arrange, height, width, MCL_BUFFER(in), MCL_ULONG(from),
        MCL_UINT(height), MCL_UINT(width), MCL_BUFFER(out), MCL_ULONG(to));
}

/* The sizes that all kernels have among their arguments. */
#define SIZES(shape)                                                                               \
    MCL_UINT((shape)->size[0]), MCL_UINT((shape)->size[1]), MCL_UINT((shape)->channels),           \
        MCL_UINT(mcl_convolution_out(shape, 0)), MCL_UINT(mcl_convolution_out(shape, 1)),          \
        MCL_UINT((shape)->kernel[0]), MCL_UINT((shape)->kernel[1]), MCL_UINT((shape)->stride[0]),  \
        MCL_UINT((shape)->stride[1]), MCL_UINT((shape)->dilation[0]),                              \
        MCL_UINT((shape)->dilation[1]), MCL_UINT((shape)->padding[0]),                             \
        MCL_UINT((shape)->padding[1])

static mcl_status forward(void *state, const mcl_pass *pass)
{
    const struct depthwise *depthwise = state;
    const mcl_layer *layer = &depthwise->layer;
    const mcl_convolution_shape *shape = &layer->options.convolution;
    const size_t positions = (size_t)pass->rows * mcl_map_positions(&layer->to);
    if (!depthwise->is_frozen)
        MCL_TRY(arrange(depthwise, pass->parameters, layer->parameters, shape->channels,
            taps_of(layer), depthwise->weights, 0));
    record(depthwise, pass->rows);
    return mcl_run_vectors(depthwise->forward, shape->channels, positions, MCL_BUFFER(pass->x),
        MCL_BUFFER(depthwise->weights), SIZES(shape), MCL_BUFFER(pass->parameters),
        MCL_ULONG(bias_of(layer)), MCL_BUFFER(pass->y),
        MCL_BUFFER(pass->argument ? pass->argument : pass->y));
}

static mcl_status run_by_weight(const struct depthwise *depthwise, const mcl_pass *pass)
{
    const mcl_layer *layer = &depthwise->layer;
    const mcl_convolution_shape *shape = &layer->options.convolution;
    const uint32_t taps = taps_of(layer), channels = shape->channels;
    const uint32_t segment = mcl_convolution_segment(shape, pass->rows);
    const uint32_t segments = segments_of(layer, pass->rows);
    MCL_TRY(
        mcl_sums_run_columns(&depthwise->sums, pass->dy, pass->rows * mcl_map_positions(&layer->to),
            channels, pass->workspace, pass->gradients, bias_of(layer)));
    record(depthwise, pass->rows);
    MCL_TRY(mcl_run_columns(depthwise->by_weight, channels, segments * taps, MCL_BUFFER(pass->dy),
        MCL_BUFFER(pass->x), MCL_UINT(pass->rows), MCL_UINT(segment), SIZES(shape),
        MCL_BUFFER(depthwise->partial)));
    MCL_TRY(mcl_sums_run_columns(&depthwise->sums, depthwise->partial, segments, taps * channels,
        pass->workspace, depthwise->summed, 0));
    return arrange(
        depthwise, depthwise->summed, 0, taps, channels, pass->gradients, layer->parameters);
}

static mcl_status backward(void *state, const mcl_pass *pass)
{
    const struct depthwise *depthwise = state;
    const mcl_layer *layer = &depthwise->layer;
    const mcl_convolution_shape *shape = &layer->options.convolution;
    const size_t positions = (size_t)pass->rows * mcl_map_positions(&layer->from);
    MCL_TRY(run_by_weight(depthwise, pass));
    if (!pass->dx)
        return MCL_OK;
    record(depthwise, pass->rows);
    return mcl_run_vectors(depthwise->by_input, shape->channels, positions, MCL_BUFFER(pass->dy),
        MCL_BUFFER(depthwise->weights), SIZES(shape), MCL_FLOAT(pass->keep),
        MCL_BUFFER(pass->kept ? pass->kept : pass->dx), MCL_BUFFER(pass->dx));
}

static mcl_status freeze(void *state, cl_mem parameters)
{
    struct depthwise *depthwise = state;
    const mcl_layer *layer = &depthwise->layer;
    depthwise->is_frozen = true;
    return arrange(depthwise, parameters, layer->parameters, layer->to.channels, taps_of(layer),
        depthwise->weights, 0);
}

static const mcl_layer_type type = {
    .name = "depthwise convolution",
    .tensors = tensors,
    .workspace = workspace,
    .create = create,
    .free = free_depthwise,
    .forward = forward,
    .backward = backward,
    .freeze = freeze,
    .takes_activation = true,
    .takes_derivative = true,
    .keeps = true,
};

mcl_layer mcl_layer_depthwise(const mcl_convolution_shape *shape)
{
    const mcl_map from = {shape->size[0], shape->size[1], shape->channels};
    const mcl_map to = {
        mcl_convolution_out(shape, 0), mcl_convolution_out(shape, 1), shape->channels};
    return mcl_convolving_layer(&type, &from, &to, shape);
}
