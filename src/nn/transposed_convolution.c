/* SPDX-License-Identifier: Apache-2.0 */
/* A convolution turned around: from its output map x[R×H'×W'×O] to its input map y[R×H×W×C], which
 * are called so here. What is forward there is backward here, see compute/convolution.h:
 *
 *   forward   z = the gradient by the convolution's input, where x is that by its output, plus
 * bias; y = f(z), with f the activation after it backward  dx = the convolution of dy; dw = its
 * gradient by weights with dy for its input */
#include "base/memory.h"
#include "compute/sums.h"
#include "nn/convolving.h"
#include "nn/layers.h"

struct transposed {
    mcl_convolving convolving;
    mcl_sums sums;
};

/* torch takes the weight's second dimension for the inputs of a filter here as well. */
static size_t tensors(mcl_layer_tensor out[MCL_LAYER_TENSORS_MAX], const mcl_layer *layer)
{
    return mcl_convolving_tensors(out, layer, layer->options.convolution.channels);
}

static uint64_t workspace(const mcl_layer *layer, uint32_t rows)
{
    return mcl_column_sums_workspace(rows * mcl_map_positions(&layer->to), layer->to.channels);
}

static mcl_status create(void **state, const mcl_layer_setup *setup)
{
    struct transposed *transposed;
    MCL_TRY(mcl_allocate(&transposed, 1, sizeof *transposed));
    *state = transposed;
    MCL_TRY(mcl_map_check_rows(&setup->layer->to, setup->rows));
    if (setup->backward)
        MCL_TRY(mcl_sums_find(&transposed->sums, setup->context));
    return mcl_convolving_create(
        &transposed->convolving, setup, MCL_CONVOLUTION_BY_INPUT, MCL_CONVOLUTION_FORWARD);
}

static mcl_status backward(void *state, const mcl_pass *pass)
{
    const struct transposed *transposed = state;
    const mcl_layer *layer = &transposed->convolving.layer;
    const mcl_matrix bias = mcl_convolving_bias(layer, pass->gradients);
    MCL_TRY(mcl_sums_run_columns(&transposed->sums, pass->dy,
        pass->rows * mcl_map_positions(&layer->to), layer->to.channels, pass->workspace,
        bias.buffer, bias.offset));
    return mcl_convolving_backward(
        &transposed->convolving, pass, pass->x, pass->dy, (mcl_matrix){NULL, 0});
}

static const mcl_layer_type type = {
    .name = "transposed convolution",
    .tensors = tensors,
    .workspace = workspace,
    .create = create,
    .free = mcl_convolving_free,
    .forward = mcl_convolving_forward,
    .backward = backward,
    .freeze = mcl_convolving_freeze,
    .takes_activation = true,
    .takes_derivative = true,
    .keeps = true,
};

mcl_layer mcl_layer_transposed_convolution(const mcl_convolution_shape *shape)
{
    const mcl_map from = {
        mcl_convolution_out(shape, 0), mcl_convolution_out(shape, 1), shape->filters};
    const mcl_map to = {shape->size[0], shape->size[1], shape->channels};
    return mcl_convolving_layer(&type, &from, &to, shape);
}
