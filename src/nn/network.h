/* A stack of fully connected layers on a device: the encoder or the decoder. */
#ifndef MASKCL_NN_NETWORK_H
#define MASKCL_NN_NETWORK_H

#include "device/context.h"
#include "model/architecture.h"

/* The buffers and kernels of a network for batches of at most `rows` rows. Its parameters and their
 * gradients are slices of flat vectors that the caller owns. */
typedef struct mcl_network mcl_network;

/* layers[count] are copied. With training, buffers for the backward pass are made too. */
mcl_status mcl_network_create(mcl_network **network, mcl_context *context, const mcl_layer *layers,
    size_t count, mcl_activation activation, uint32_t rows, bool training);
void mcl_network_free(mcl_network *network);

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
