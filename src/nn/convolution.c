/* SPDX-License-Identifier: Apache-2.0 */
/* The convolution of maps: y = f(z), z = x * w + b, with f the activation after it. The three
 * products are those of compute/convolution.h. */
#include "base/memory.h"
#include "nn/convolving.h"
#include "nn/layers.h"

static size_t tensors(mcl_layer_tensor out[MCL_LAYER_TENSORS_MAX], const mcl_layer *layer)
{
    return mcl_convolving_tensors(out, layer, layer->options.convolution.filters);
}

static mcl_status create(void **state, const mcl_layer_setup *setup)
{
    mcl_convolving *convolving;
    MCL_TRY(mcl_allocate(&convolving, 1, sizeof *convolving));
    *state = convolving;
    return mcl_convolving_create(
        convolving, setup, MCL_CONVOLUTION_FORWARD, MCL_CONVOLUTION_BY_INPUT);
}

static mcl_status backward(void *state, const mcl_pass *pass)
{
    const mcl_convolving *convolving = state;
    return mcl_convolving_backward(convolving, pass, pass->dy, pass->x,
        mcl_convolving_bias(&convolving->layer, pass->gradients));
}

static const mcl_layer_type type = {
    .name = "convolution",
    .tensors = tensors,
    .create = create,
    .free = mcl_convolving_free,
    .forward = mcl_convolving_forward,
    .backward = backward,
    .freeze = mcl_convolving_freeze,
    .takes_activation = true,
    .takes_derivative = true,
    .keeps = true,
};

mcl_layer mcl_layer_convolution(const mcl_convolution_shape *shape)
{
    const mcl_map from = {shape->size[0], shape->size[1], shape->channels};
    const mcl_map to = {
        mcl_convolution_out(shape, 0), mcl_convolution_out(shape, 1), shape->filters};
    return mcl_convolving_layer(&type, &from, &to, shape);
}
