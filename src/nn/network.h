/* SPDX-License-Identifier: Apache-2.0 */
/* A stack of fully connected layers on a device: the encoder or the decoder. */
#ifndef MASKCL_NN_NETWORK_H
#define MASKCL_NN_NETWORK_H

#include "device/context.h"
#include "model/architecture.h"

/* The buffers and kernels of a network for batches of at most `rows` rows. Its parameters and their
 * gradients are slices of flat vectors that the caller owns. */
typedef struct mcl_network mcl_network;

/* layers[count] are copied. With training, buffers for the backward pass are made too, and batch
 * normalization goes by the batch and moves its running statistics; without, it goes by these. */
mcl_status mcl_network_create(mcl_network **network, mcl_context *context, const mcl_layer *layers,
    size_t count, mcl_activation activation, uint32_t rows, bool training);

/* The same for a part of a model; NULL where the architecture does not have it. */
mcl_status mcl_network_create_part(mcl_network **network, mcl_context *context,
    const mcl_architecture *architecture, mcl_part part, uint32_t rows, bool training);
void mcl_network_free(mcl_network *network);

/* From now on the output of every layer but the last goes through dropout (Srivastava et al. 2014):
 * elements are set to 0 with probability rate, in (0,1), the others divided by 1 − rate. Which ones
 * follows from the seed, the step, the layer, and the element's place in the batch. */
mcl_status mcl_network_enable_dropout(mcl_network *network, float rate, uint64_t seed);
void mcl_network_set_step(mcl_network *network, uint64_t step);

/* Computes the output [rows × out of the last layer] of input [rows × in of the first]. */
mcl_status mcl_network_forward(
    mcl_network *network, cl_mem parameters, cl_mem input, uint32_t rows);

/* Says that the parameters stay as they are from now on, which spares forward the turning round of
 * weights. For networks without training. */
mcl_status mcl_network_freeze(mcl_network *network, cl_mem parameters);

/* Backward from the gradient by the output, which the caller has put into
 * mcl_network_output_gradient(), after forward with the same arguments: writes the gradient by
 * every parameter, and to input_gradient, unless that is NULL, the gradient by the input times 1
 * plus `keep` (0 or 1) times what it holds. */
mcl_status mcl_network_backward(mcl_network *network, cl_mem parameters, cl_mem gradients,
    cl_mem input, uint32_t rows, cl_mem input_gradient, float keep);

/* The network's own buffers. */
cl_mem mcl_network_output(const mcl_network *network);
cl_mem mcl_network_output_gradient(const mcl_network *network);

#endif
