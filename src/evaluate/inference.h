/* SPDX-License-Identifier: Apache-2.0 */
/* A model on a device for what it makes of rows: embeddings, what a layer makes of them, classes,
 * reconstructions. */
#ifndef MASKCL_EVALUATE_INFERENCE_H
#define MASKCL_EVALUATE_INFERENCE_H

#include "model/networks.h"

/* The layers from the rows to what is wanted: of the encoder, and of a part after it. */
typedef struct mcl_path {
    mcl_layer layers[2 * MCL_LAYERS_MAX + 2];
    size_t count; /* at least 1 */
} mcl_path;

/* Through the whole encoder to the end of a part that the architecture has, or of the encoder. */
void mcl_path_to_part(mcl_path *path, const mcl_architecture *architecture, mcl_part part);

/* To a layer as mcl_embed_layer() counts them, 0 being the embedding; MCL_ERROR_ARGUMENT where
 * there is none. */
mcl_status mcl_path_to_layer(mcl_path *path, const mcl_architecture *architecture, uint32_t layer);

/* Ends a path that ends with a map, flattened or not, with its averages over a grid of grid × grid
 * parts, or of a series over as many parts. MCL_ERROR_ARGUMENT where it ends with none, or with one
 * of fewer positions. */
mcl_status mcl_path_pool(mcl_path *path, uint32_t grid);

/* How many values a row has at the end of a path. */
uint32_t mcl_path_width(const mcl_path *path);

typedef struct mcl_inference {
    mcl_network *network;
    cl_mem parameters; /* all of the model's */
} mcl_inference;

/* For batches of at most `rows` rows. Copies the parameters. What was made before a failure is
 * released by the caller, too. */
mcl_status mcl_inference_create(mcl_inference *inference, mcl_context *context,
    const mcl_model *model, const mcl_path *path, uint32_t rows);

/* Prepares for more than one batch: see mcl_network_freeze(). */
mcl_status mcl_inference_freeze(const mcl_inference *inference);
void mcl_inference_release(mcl_inference *inference);

/* Enqueues what the path makes of input[rows × columns], to a buffer of its own: *output[rows ×
 * width]. */
mcl_status mcl_inference_run(
    cl_mem *output, const mcl_inference *inference, cl_mem input, uint32_t rows);

/* Whether status is that of a device without the memory for a batch: half of its rows may do. */
bool mcl_inference_lacks_memory(mcl_status status);

/* How many rows make a batch, `most` or fewer, when each takes `row` bytes of the context's memory
 * beside the model. At least one: what follows refuses one that is too large. */
uint32_t mcl_inference_batch(
    const mcl_context *context, const mcl_model *model, uint64_t most, uint64_t row);

#endif
