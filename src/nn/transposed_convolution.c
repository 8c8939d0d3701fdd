/* SPDX-License-Identifier: Apache-2.0 */
/* A convolution turned around: from its output map x[R×H'×W'×O] to its input map y[R×H×W×C], which
 * are called so here. What is forward there is backward here, see compute/convolution.h:
 *
 *   forward   z = the gradient by the convolution's input, where x is that by its output, plus
 * bias; y = f(z), with f the activation after it backward  dx = the convolution of dy; dw = its
 * gradient by weights with dy for its input */
#include <stdlib.h>

#include "base/memory.h"
#include "compute/sums.h"
#include "nn/layers.h"

struct transposed {
    mcl_layer layer;
    mcl_convolution *forward, *by_weight, *by_input; /* the last two in training, where wanted */
    mcl_sums sums;
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

/* torch takes the weight's second dimension for the inputs of a filter here as well. */
static size_t tensors(mcl_layer_tensor out[MCL_LAYER_TENSORS_MAX], const mcl_layer *layer)
{
    const mcl_convolution_shape *shape = &layer->options.convolution;
    const uint32_t fan_in = shape->channels * shape->kernel[0] * shape->kernel[1];
    out[0] = (mcl_layer_tensor){.name = "weight",
        .shape = {shape->filters, shape->channels, shape->kernel[0], shape->kernel[1]},
        .dimensions = 4,
        .fan_in = fan_in};
    out[1] = (mcl_layer_tensor){
        .name = "bias", .shape = {shape->channels}, .dimensions = 1, .fan_in = fan_in};
    return 2;
}

static uint64_t workspace(const mcl_layer *layer, uint32_t rows)
{
    return mcl_column_sums_workspace(rows * mcl_map_positions(&layer->to), layer->to.channels);
}

static mcl_status create_backward(struct transposed *transposed, const mcl_layer_setup *setup)
{
    const mcl_convolution_shape *shape = &transposed->layer.options.convolution;
    const mcl_epilogue epilogue = {
        .kind = setup->before == MCL_ACTIVATION_NONE ? MCL_EPILOGUE_NONE : MCL_EPILOGUE_BACKWARD,
        .activation = setup->before,
    };
    MCL_TRY(mcl_sums_find(&transposed->sums, setup->context));
    MCL_TRY(mcl_convolution_create(&transposed->by_weight, setup->context, shape,
        MCL_CONVOLUTION_BY_WEIGHT, setup->rows, NULL));
    return setup->by_input ? mcl_convolution_create(&transposed->by_input, setup->context, shape,
                                 MCL_CONVOLUTION_FORWARD, setup->rows, &epilogue)
                           : MCL_OK;
}

static mcl_status create(void **state, const mcl_layer_setup *setup)
{
    const mcl_epilogue epilogue = {.kind = MCL_EPILOGUE_FORWARD, .activation = setup->after};
    struct transposed *transposed;
    MCL_TRY(mcl_allocate(&transposed, 1, sizeof *transposed));
    *state = transposed;
    transposed->layer = *setup->layer;
    MCL_TRY(mcl_map_check_rows(&setup->layer->to, setup->rows));
    MCL_TRY(mcl_convolution_create(&transposed->forward, setup->context,
        &transposed->layer.options.convolution, MCL_CONVOLUTION_BY_INPUT, setup->rows, &epilogue));
    return setup->backward ? create_backward(transposed, setup) : MCL_OK;
}

static void free_transposed(void *state)
{
    struct transposed *transposed = state;
    if (!transposed)
        return;
    mcl_convolution_free(transposed->forward);
    mcl_convolution_free(transposed->by_weight);
    mcl_convolution_free(transposed->by_input);
    free(transposed);
}

static mcl_status forward(void *state, const mcl_pass *pass)
{
    const struct transposed *transposed = state;
    const mcl_operands operands = {
        .a = {pass->x, 0},
        .b = weight_of(&transposed->layer, pass->parameters),
        .c = {pass->y, 0},
        .m = pass->rows,
        .bias = bias_of(&transposed->layer, pass->parameters),
        .kept = pass->argument,
    };
    return mcl_convolution_run(transposed->forward, &operands);
}

static mcl_status backward(void *state, const mcl_pass *pass)
{
    const struct transposed *transposed = state;
    const mcl_layer *layer = &transposed->layer;
    const mcl_matrix bias = bias_of(layer, pass->gradients);
    const mcl_operands by_weight = {
        .a = {pass->x, 0},
        .b = {pass->dy, 0},
        .c = weight_of(layer, pass->gradients),
        .m = pass->rows,
    };
    const mcl_operands by_input = {
        .a = {pass->dy, 0},
        .b = weight_of(layer, pass->parameters),
        .c = {pass->dx, 0},
        .m = pass->rows,
        .beta = pass->keep,
        .kept = pass->kept,
    };
    MCL_TRY(mcl_sums_run_columns(&transposed->sums, pass->dy,
        pass->rows * mcl_map_positions(&layer->to), layer->to.channels, pass->workspace,
        bias.buffer, bias.offset));
    MCL_TRY(mcl_convolution_run(transposed->by_weight, &by_weight));
    return pass->dx ? mcl_convolution_run(transposed->by_input, &by_input) : MCL_OK;
}

static mcl_status freeze(void *state, cl_mem parameters)
{
    const struct transposed *transposed = state;
    return mcl_convolution_freeze(transposed->forward, weight_of(&transposed->layer, parameters));
}

static const mcl_layer_type type = {
    .name = "transposed convolution",
    .tensors = tensors,
    .workspace = workspace,
    .create = create,
    .free = free_transposed,
    .forward = forward,
    .backward = backward,
    .freeze = freeze,
    .takes_activation = true,
    .takes_derivative = true,
    .keeps = true,
};

mcl_layer mcl_layer_transposed_convolution(const mcl_convolution_shape *shape)
{
    const mcl_map from = {
        mcl_convolution_out(shape, 0), mcl_convolution_out(shape, 1), shape->filters};
    const mcl_map to = {shape->size[0], shape->size[1], shape->channels};
    return (mcl_layer){.type = &type,
        .in = mcl_map_values(&from),
        .out = mcl_map_values(&to),
        .from = from,
        .to = to,
        .options.convolution = *shape};
}
