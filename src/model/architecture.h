/* SPDX-License-Identifier: Apache-2.0 */
/* What an architecture's sizes amount to: layers, and the flat vector of all parameters. */
#ifndef MASKCL_MODEL_ARCHITECTURE_H
#define MASKCL_MODEL_ARCHITECTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maskcl/model.h"
#include "model/encoder_text.h"
#include "nn/layer.h"

/* The networks of a model, in the order in which the flat vector has them: what every run trains
 * comes before the mask head and the decoder. */
typedef enum mcl_part {
    MCL_PART_ENCODER,
    MCL_PART_HEAD,
    MCL_PART_PROJECTOR,
    MCL_PART_PREDICTOR,
    MCL_PART_MASK_HEAD,
    MCL_PART_DECODER,
    MCL_PARTS
} mcl_part;

/* The options, by their keys in backquotes, that the sizes of a part follow from: what to make
 * smaller. */
const char *mcl_part_options(mcl_part part);

/* A part is a row of blocks: a dense layer and, where an activation follows it, a normalization, if
 * the architecture has one, and the activation; or a layer of an encoder in words, and what follows
 * it. */
#define MCL_BLOCKS_MAX MCL_WORDS_MAX /* of a part */
#define MCL_LAYERS_MAX (3 * MCL_BLOCKS_MAX + 2)
#define MCL_TENSORS_BLOCK 6 /* weight, bias; the normalization's, its running mean and variance */
#define MCL_TENSORS_MAX (MCL_TENSORS_BLOCK * (2 * MCL_BLOCKS_MAX + 2 * MCL_HEAD_MAX + 3))
#define MCL_PARAMETERS_MAX UINT32_MAX

/* A parameter tensor's name and place. */
typedef struct mcl_tensor_place {
    char name[48];
    mcl_layer_tensor tensor;
    uint64_t offset; /* in the flat vector */
    uint64_t count;
} mcl_tensor_place;

/* Writes widths joined by commas; "" for none. */
#define MCL_WIDTHS_SIZE (MCL_HIDDEN_MAX * sizeof "4294967295,")
void mcl_widths_show(char text[MCL_WIDTHS_SIZE], const uint32_t *widths, uint32_t count);

/* MCL_ERROR_ARGUMENT for a size of 0, too many layers, an unknown activation or normalization, or
 * more than MCL_PARAMETERS_MAX parameters. Everything below expects an architecture that passed. */
mcl_status mcl_architecture_check(const mcl_architecture *architecture);

/* Fills in the layers of a part from first to last and returns how many, 0 for a part that the
 * architecture does not have. Offsets count from the beginning of the whole vector. */
size_t mcl_part_layers(
    mcl_layer layers[MCL_LAYERS_MAX], const mcl_architecture *architecture, mcl_part part);

/* The normalization that follows a layer with weights whose output is this map, 1 × 1 for one of
 * columns alone. */
mcl_layer mcl_normalization_after(mcl_normalization normalization, const mcl_map *map);

/* How many blocks the encoder has. */
uint32_t mcl_encoder_blocks(const mcl_architecture *architecture);

/* How many of a part's layers the first `blocks` blocks are. */
size_t mcl_layers_of_blocks(const mcl_layer *layers, size_t count, uint32_t blocks);

/* Where a part's parameters end in the flat vector, running statistics not counted. */
uint64_t mcl_part_end(const mcl_architecture *architecture, mcl_part part);

/* The width of a part's last layer; of a part that is not there, that of what would go in. */
uint32_t mcl_part_width(const mcl_architecture *architecture, mcl_part part);

/* How many values the whole vector has: all parts, then all running statistics. */
uint64_t mcl_architecture_parameters(const mcl_architecture *architecture);

/* Fills in the tensors in model order and returns how many, named as
 * torch.nn.Sequential(Linear, normalization, activation, Linear, …) names them, those of a residual
 * block as a module with a Sequential `body`; the heads as a torch.nn.Linear alone. */
size_t mcl_architecture_tensors(
    mcl_tensor_place tensors[MCL_TENSORS_MAX], const mcl_architecture *architecture);

#endif
