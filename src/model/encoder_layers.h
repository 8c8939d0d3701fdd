/* SPDX-License-Identifier: Apache-2.0 */
/* What an encoder in words is made of. */
#ifndef MASKCL_MODEL_ENCODER_LAYERS_H
#define MASKCL_MODEL_ENCODER_LAYERS_H

#include "maskcl/data.h"
#include "model/architecture.h"

/* layers[*count] = the layers of an architecture whose encoder is in words, without places for
 * their parameters. MCL_ERROR_ARGUMENT, with the place in the words, where they do not go together
 * with one another or with the rows. */
mcl_status mcl_encoder_layers(
    mcl_layer layers[MCL_LAYERS_MAX], size_t *count, const mcl_architecture *architecture);

/* The same of the decoder that mirrors it: see decoder_layers.c. */
mcl_status mcl_decoder_layers(
    mcl_layer layers[MCL_LAYERS_MAX], size_t *count, const mcl_architecture *architecture);

/* The words of an encoder, what comes to each of them, and after the last one the embedding. */
typedef struct mcl_encoder_maps {
    mcl_words words;
    mcl_map before[MCL_WORDS_MAX + 1]; /* plain columns are 1 × 1 × their number */
    bool plain[MCL_WORDS_MAX + 1];
} mcl_encoder_maps;

mcl_status mcl_encoder_map(mcl_encoder_maps *maps, const mcl_architecture *architecture);

/* Sets height, width, channels and the embedding's width of an architecture to what its encoder,
 * which is in words, comes to on the rows. MCL_ERROR_ARGUMENT where these have another shape than
 * it needs. */
mcl_status mcl_encoder_fit(mcl_architecture *architecture, const mcl_data *data);

#endif
