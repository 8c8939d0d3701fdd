/* SPDX-License-Identifier: Apache-2.0 */
/* A list of layers on a device: an encoder, a decoder, a head. */
#ifndef MASKCL_NN_NETWORK_H
#define MASKCL_NN_NETWORK_H

#include "nn/layer.h"

/* The buffers, plans and kernels of a network for batches of at most `rows` rows. Its parameters
 * and their gradients are slices of flat vectors that the caller owns. */
typedef struct mcl_network mcl_network;

/* What a network is for. In inference batch normalization goes by its running statistics, else by
 * the batch, and moves them. */
typedef enum mcl_network_use {
    MCL_NETWORK_INFERENCE,      /* forward alone */
    MCL_NETWORK_TARGET,         /* the same, by the batch */
    MCL_NETWORK_TRAINING,       /* forward and backward */
    MCL_NETWORK_TRAINING_FIRST, /* without the gradient by the input, which is data */
} mcl_network_use;

/* layers[count], at least one, are copied; each takes what the one before gives. A list that no
 * network can be made of is MCL_ERROR_ARGUMENT. */
mcl_status mcl_network_create(mcl_network **network, mcl_context *context, const mcl_layer *layers,
    size_t count, uint32_t rows, mcl_network_use use);
void mcl_network_free(mcl_network *network);

/* Bytes that a row takes in a network of these layers that is not for training. */
uint64_t mcl_network_row_size(const mcl_layer *layers, size_t count);

/* The step of the run, 0 at first: layers such as dropout draw for it. */
void mcl_network_set_step(mcl_network *network, uint64_t step);

/* Computes the output [rows × out of the last layer] of input [rows × in of the first]. */
mcl_status mcl_network_forward(
    mcl_network *network, cl_mem parameters, cl_mem input, uint32_t rows);

/* Says that the parameters stay as they are from now on, which spares forward the transposing of
 * weights. For networks without training. */
mcl_status mcl_network_freeze(mcl_network *network, cl_mem parameters);

/* Backward from the gradient by the output, which the caller has put into
 * mcl_network_output_gradient(), after forward with the same arguments: writes the gradient by
 * every parameter, and to input_gradient, which may be NULL, and of a MCL_NETWORK_TRAINING_FIRST
 * is, the gradient by the input plus `keep` (0 or 1) times what it holds. */
mcl_status mcl_network_backward(mcl_network *network, cl_mem parameters, cl_mem gradients,
    cl_mem input, uint32_t rows, cl_mem input_gradient, float keep);

/* The network's own buffers. */
cl_mem mcl_network_output(const mcl_network *network);
cl_mem mcl_network_output_gradient(const mcl_network *network);

#endif
