/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/convolving.h"

#include <stdlib.h>

static uint64_t weight_values(const mcl_layer *layer)
{
    const mcl_convolution_shape *shape = &layer->options.convolution;
    return (uint64_t)shape->filters * shape->channels * shape->kernel[0] * shape->kernel[1];
}

static mcl_matrix weight_of(const mcl_layer *layer, cl_mem flat)
{
    return (mcl_matrix){flat, layer->parameters};
}

mcl_matrix mcl_convolving_bias(const mcl_layer *layer, cl_mem flat)
{
    return (mcl_matrix){flat, layer->parameters + weight_values(layer)};
}

mcl_layer mcl_convolving_layer(const mcl_layer_type *type, const mcl_map *from, const mcl_map *to,
    const mcl_convolution_shape *shape)
{
    return (mcl_layer){.type = type,
        .in = mcl_map_values(from),
        .out = mcl_map_values(to),
        .from = *from,
        .to = *to,
        .options.convolution = *shape};
}

size_t mcl_convolving_tensors(
    mcl_layer_tensor out[MCL_LAYER_TENSORS_MAX], const mcl_layer *layer, uint32_t outputs)
{
    const mcl_convolution_shape *shape = &layer->options.convolution;
    const uint32_t fan_in = shape->channels * shape->kernel[0] * shape->kernel[1];
    out[0] = (mcl_layer_tensor){.name = "weight",
        .shape = {shape->filters, shape->channels, shape->kernel[0], shape->kernel[1]},
        .dimensions = 4,
        .fan_in = fan_in};
    out[1] =
        (mcl_layer_tensor){.name = "bias", .shape = {outputs}, .dimensions = 1, .fan_in = fan_in};
    return 2;
}

mcl_status mcl_convolving_create(mcl_convolving *convolving, const mcl_layer_setup *setup,
    mcl_convolution_pass forward, mcl_convolution_pass by_input)
{
    const mcl_epilogue onward = {.kind = MCL_EPILOGUE_FORWARD, .activation = setup->after};
    const mcl_epilogue back = {
        .kind = setup->before == MCL_ACTIVATION_NONE ? MCL_EPILOGUE_NONE : MCL_EPILOGUE_BACKWARD,
        .activation = setup->before,
    };
    const mcl_convolution_shape *shape = &setup->layer->options.convolution;
    mcl_context *context = setup->context;
    convolving->layer = *setup->layer;
    MCL_TRY(mcl_convolution_create(
        &convolving->forward, context, shape, forward, setup->rows, &onward));
    if (!setup->backward)
        return MCL_OK;
    MCL_TRY(mcl_convolution_create(
        &convolving->by_weight, context, shape, MCL_CONVOLUTION_BY_WEIGHT, setup->rows, NULL));
    return setup->by_input ? mcl_convolution_create(&convolving->by_input, context, shape, by_input,
                                 setup->rows, &back)
                           : MCL_OK;
}

void mcl_convolving_free(void *state)
{
    mcl_convolving *convolving = state;
    if (!convolving)
        return;
    mcl_convolution_free(convolving->forward);
    mcl_convolution_free(convolving->by_weight);
    mcl_convolution_free(convolving->by_input);
    free(convolving);
}

mcl_status mcl_convolving_forward(void *state, const mcl_pass *pass)
{
    const mcl_convolving *convolving = state;
    const mcl_operands operands = {
        .a = {pass->x, 0},
        .b = weight_of(&convolving->layer, pass->parameters),
        .c = {pass->y, 0},
        .m = pass->rows,
        .bias = mcl_convolving_bias(&convolving->layer, pass->parameters),
        .kept = pass->argument,
    };
    return mcl_convolution_run(convolving->forward, &operands);
}

mcl_status mcl_convolving_backward(
    const mcl_convolving *convolving, const mcl_pass *pass, cl_mem a, cl_mem b, mcl_matrix bias)
{
    const mcl_operands by_weight = {
        .a = {a, 0},
        .b = {b, 0},
        .c = weight_of(&convolving->layer, pass->gradients),
        .m = pass->rows,
        .bias = bias,
    };
    const mcl_operands by_input = {
        .a = {pass->dy, 0},
        .b = weight_of(&convolving->layer, pass->parameters),
        .c = {pass->dx, 0},
        .m = pass->rows,
        .beta = pass->keep,
        .kept = pass->kept,
    };
    MCL_TRY(mcl_convolution_run(convolving->by_weight, &by_weight));
    return pass->dx ? mcl_convolution_run(convolving->by_input, &by_input) : MCL_OK;
}

mcl_status mcl_convolving_freeze(void *state, cl_mem parameters)
{
    const mcl_convolving *convolving = state;
    return mcl_convolution_freeze(convolving->forward, weight_of(&convolving->layer, parameters));
}
