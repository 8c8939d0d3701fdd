/* SPDX-License-Identifier: Apache-2.0 */
/* The convolution of maps: y = f(z), z = x * w + b, with f the activation after it. The three
 * products are those of compute/convolution.h. */
#include <stdlib.h>

#include "base/memory.h"
#include "nn/layers.h"

struct convolution {
    mcl_layer layer;
    mcl_convolution *forward, *by_weight, *by_input; /* the last two in training, where wanted */
};

static uint64_t weight_values(const mcl_layer *layer)
{
    const mcl_convolution_shape *shape = &layer->options.convolution;
    return (uint64_t)shape->filters * shape->channels * shape->kernel[0] * shape->kernel[1];
}

static mcl_matrix weight_of(const mcl_layer *layer, cl_mem flat)
{
    return (mcl_matrix){flat, layer->parameters};
}

static mcl_matrix bias_of(const mcl_layer *layer, cl_mem flat)
{
    return (mcl_matrix){flat, layer->parameters + weight_values(layer)};
}

static size_t tensors(mcl_layer_tensor out[MCL_LAYER_TENSORS_MAX], const mcl_layer *layer)
{
    const mcl_convolution_shape *shape = &layer->options.convolution;
    const uint32_t fan_in = shape->channels * shape->kernel[0] * shape->kernel[1];
    out[0] = (mcl_layer_tensor){.name = "weight",
        .shape = {shape->filters, shape->channels, shape->kernel[0], shape->kernel[1]},
        .dimensions = 4,
        .fan_in = fan_in};
    out[1] = (mcl_layer_tensor){
        .name = "bias", .shape = {shape->filters}, .dimensions = 1, .fan_in = fan_in};
    return 2;
}

static mcl_status create_backward(struct convolution *convolution, const mcl_layer_setup *setup)
{
    const mcl_convolution_shape *shape = &convolution->layer.options.convolution;
    const mcl_epilogue epilogue = {
        .kind = setup->before == MCL_ACTIVATION_NONE ? MCL_EPILOGUE_NONE : MCL_EPILOGUE_BACKWARD,
        .activation = setup->before,
    };
    MCL_TRY(mcl_convolution_create(&convolution->by_weight, setup->context, shape,
        MCL_CONVOLUTION_BY_WEIGHT, setup->rows, NULL));
    return setup->by_input ? mcl_convolution_create(&convolution->by_input, setup->context, shape,
                                 MCL_CONVOLUTION_BY_INPUT, setup->rows, &epilogue)
                           : MCL_OK;
}

static mcl_status create(void **state, const mcl_layer_setup *setup)
{
    const mcl_epilogue epilogue = {.kind = MCL_EPILOGUE_FORWARD, .activation = setup->after};
    struct convolution *convolution;
    MCL_TRY(mcl_allocate(&convolution, 1, sizeof *convolution));
    *state = convolution;
    convolution->layer = *setup->layer;
    MCL_TRY(mcl_convolution_create(&convolution->forward, setup->context,
        &convolution->layer.options.convolution, MCL_CONVOLUTION_FORWARD, setup->rows, &epilogue));
    return setup->backward ? create_backward(convolution, setup) : MCL_OK;
}

static void free_convolution(void *state)
{
    struct convolution *convolution = state;
    if (!convolution)
        return;
    mcl_convolution_free(convolution->forward);
    mcl_convolution_free(convolution->by_weight);
    mcl_convolution_free(convolution->by_input);
    free(convolution);
}

static mcl_status forward(void *state, const mcl_pass *pass)
{
    const struct convolution *convolution = state;
    const mcl_operands operands = {
        .a = {pass->x, 0},
        .b = weight_of(&convolution->layer, pass->parameters),
        .c = {pass->y, 0},
        .m = pass->rows,
        .bias = bias_of(&convolution->layer, pass->parameters),
        .kept = pass->argument,
    };
    return mcl_convolution_run(convolution->forward, &operands);
}

static mcl_status backward(void *state, const mcl_pass *pass)
{
    const struct convolution *convolution = state;
    const mcl_operands by_weight = {
        .a = {pass->dy, 0},
        .b = {pass->x, 0},
        .c = weight_of(&convolution->layer, pass->gradients),
        .m = pass->rows,
        .bias = bias_of(&convolution->layer, pass->gradients),
    };
    const mcl_operands by_input = {
        .a = {pass->dy, 0},
        .b = weight_of(&convolution->layer, pass->parameters),
        .c = {pass->dx, 0},
        .m = pass->rows,
        .beta = pass->keep,
        .kept = pass->kept,
    };
    MCL_TRY(mcl_convolution_run(convolution->by_weight, &by_weight));
    return pass->dx ? mcl_convolution_run(convolution->by_input, &by_input) : MCL_OK;
}

static mcl_status freeze(void *state, cl_mem parameters)
{
    const struct convolution *convolution = state;
    return mcl_convolution_freeze(convolution->forward, weight_of(&convolution->layer, parameters));
}

static const mcl_layer_type type = {
    .name = "convolution",
    .tensors = tensors,
    .create = create,
    .free = free_convolution,
    .forward = forward,
    .backward = backward,
    .freeze = freeze,
    .takes_activation = true,
    .takes_derivative = true,
    .keeps = true,
};

mcl_layer mcl_layer_convolution(const mcl_convolution_shape *shape)
{
    const mcl_map from = {shape->size[0], shape->size[1], shape->channels};
    const mcl_map to = {
        mcl_convolution_out(shape, 0), mcl_convolution_out(shape, 1), shape->filters};
    return (mcl_layer){.type = &type,
        .in = from.height * from.width * from.channels,
        .out = to.height * to.width * to.channels,
        .from = from,
        .to = to,
        .options.convolution = *shape};
}
