/* SPDX-License-Identifier: Apache-2.0 */
/* What a convolution and a transposed one have in common: weights w[O×C×kh×kw] and a bias after
 * them, and three plans, of which the two have forward and by_input the other way round. */
#ifndef MASKCL_NN_CONVOLVING_H
#define MASKCL_NN_CONVOLVING_H

#include "nn/layer.h"

/* The state of such a layer, or its first member. */
typedef struct mcl_convolving {
    mcl_layer layer;
    mcl_convolution *forward, *by_weight, *by_input; /* the last two in training, where wanted */
} mcl_convolving;

/* A layer of the type between the maps, whose sizes are those of the shape. */
mcl_layer mcl_convolving_layer(const mcl_layer_type *type, const mcl_map *from, const mcl_map *to,
    const mcl_convolution_shape *shape);

/* The weight, and a bias of so many outputs, as mcl_layer_type.tensors fills them in. */
size_t mcl_convolving_tensors(
    mcl_layer_tensor out[MCL_LAYER_TENSORS_MAX], const mcl_layer *layer, uint32_t outputs);

/* The bias in a flat vector of parameters or gradients. */
mcl_matrix mcl_convolving_bias(const mcl_layer *layer, cl_mem flat);

/* Makes the plans of a state that is all zeros, forward and back by these passes. */
mcl_status mcl_convolving_create(mcl_convolving *convolving, const mcl_layer_setup *setup,
    mcl_convolution_pass forward, mcl_convolution_pass by_input);

/* Backward: the gradient by the weights of the maps a and b, with that by the bias where bias is
 * not {NULL}, and the gradient by the input. */
mcl_status mcl_convolving_backward(
    const mcl_convolving *convolving, const mcl_pass *pass, cl_mem a, cl_mem b, mcl_matrix bias);

/* As those of mcl_layer_type. */
void mcl_convolving_free(void *state);
mcl_status mcl_convolving_forward(void *state, const mcl_pass *pass);
mcl_status mcl_convolving_freeze(void *state, cl_mem parameters);

#endif
