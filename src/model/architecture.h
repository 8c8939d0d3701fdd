/* What an architecture's sizes amount to: layers, and the flat vector of all parameters. */
#ifndef MASKCL_MODEL_ARCHITECTURE_H
#define MASKCL_MODEL_ARCHITECTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maskcl/model.h"

#define MCL_LAYERS_MAX (MCL_HIDDEN_MAX + 1)      /* of the encoder, and of the decoder */
#define MCL_TENSORS_MAX (2 * 2 * MCL_LAYERS_MAX) /* a weight and a bias a layer */
#define MCL_PARAMETERS_MAX UINT32_MAX

/* A fully connected layer, as a view into the flat vector of all parameters. */
typedef struct mcl_layer {
    uint32_t in, out;
    uint64_t weight; /* where its [out, in] values begin */
    uint64_t bias;   /* where its [out] values begin */
    bool activated;  /* the activation follows: true for all but the last layer */
} mcl_layer;

/* A parameter tensor's name and place. */
typedef struct mcl_tensor_place {
    char name[40];
    uint64_t shape[2]; /* [out, in] for a weight, [out] for a bias */
    uint32_t dimensions;
    uint32_t fan_in; /* the layer's in */
    uint64_t offset; /* in the flat vector */
    uint64_t count;
} mcl_tensor_place;

/* MCL_ERROR_ARGUMENT for a size of 0, too many hidden layers, an unknown activation, or more than
 * MCL_PARAMETERS_MAX parameters. Everything below expects an architecture that passed. */
mcl_status mcl_architecture_check(const mcl_architecture *architecture);

/* Fills in the layers of the encoder or the decoder from first to last and returns how many. The
 * offsets of both count from the beginning of the whole vector, in which the encoder comes first.
 */
size_t mcl_encoder_layers(mcl_layer layers[MCL_LAYERS_MAX], const mcl_architecture *architecture);
size_t mcl_decoder_layers(mcl_layer layers[MCL_LAYERS_MAX], const mcl_architecture *architecture);

/* How many parameters the encoder has, and the encoder and the decoder together. */
uint64_t mcl_encoder_parameters(const mcl_architecture *architecture);
uint64_t mcl_architecture_parameters(const mcl_architecture *architecture);

/* Fills in the tensors in model order and returns how many: the encoder's first, layer by layer,
 * weight before bias, named as torch.nn.Sequential(Linear, activation, Linear, …) names them. */
size_t mcl_architecture_tensors(
    mcl_tensor_place tensors[MCL_TENSORS_MAX], const mcl_architecture *architecture);

#endif
