/* SPDX-License-Identifier: Apache-2.0 */
#include "model/networks.h"

#include <stdio.h>

#include "device/context.h"
#include "nn/layers.h"

/* A network that does not fit is of a part whose sizes are too large, or of too many rows. */
static mcl_status create(mcl_network **network, mcl_context *context, const mcl_layer *layers,
    size_t count, uint32_t rows, mcl_network_use use, mcl_part part)
{
    const char *before = context->advice;
    char advice[128];
    snprintf(advice, sizeof advice, "a smaller %s, a smaller `batch` or another `device`",
        mcl_part_options(part));
    context->advice = advice;
    const mcl_status status = mcl_network_create(network, context, layers, count, rows, use);
    context->advice = before;
    return status;
}

mcl_status mcl_network_create_part(mcl_network **network, mcl_context *context,
    const mcl_architecture *architecture, mcl_part part, uint32_t rows, mcl_network_use use)
{
    mcl_layer layers[MCL_LAYERS_MAX];
    const size_t count = mcl_part_layers(layers, architecture, part);
    *network = NULL;
    return count == 0 ? MCL_OK : create(network, context, layers, count, rows, use, part);
}

/* Whether the block that ends with layer l has weights. */
static bool has_weights(const mcl_layer *layers, size_t l)
{
    const uint32_t block = layers[l].block;
    bool found = false;
    for (size_t i = l + 1; i-- > 0 && layers[i].block == block;)
        found = found || layers[i].type->tensors;
    return found;
}

/* The layers of a part with dropout after every block with weights but the last of all. A residual
 * block's end then has more layers between itself and what it adds. */
static size_t add_dropout(mcl_layer out[MCL_LAYERS_MAX + MCL_BLOCKS_MAX], const mcl_layer *layers,
    size_t count, float rate, uint64_t seed)
{
    size_t used = 0, place[MCL_LAYERS_MAX];
    for (size_t l = 0; l < count; l++) {
        const mcl_layer *layer = &layers[l];
        place[l] = used;
        out[used] = *layer;
        if (layer->type->adds)
            out[used].options.back = (uint32_t)(used + 1 - place[l + 1 - layer->options.back]);
        used++;
        if (l + 1 < count && layers[l + 1].block != layer->block && has_weights(layers, l)) {
            out[used] = mcl_layer_dropout(rate, seed, layer->out);
            out[used++].block = layer->block;
        }
    }
    return used;
}

mcl_status mcl_network_create_encoder(mcl_network **network, mcl_context *context,
    const mcl_architecture *architecture, uint32_t rows, float rate, uint64_t seed)
{
    mcl_layer layers[MCL_LAYERS_MAX], with[MCL_LAYERS_MAX + MCL_BLOCKS_MAX];
    const size_t count = mcl_part_layers(layers, architecture, MCL_PART_ENCODER);
    if (!(rate > 0.0f))
        return create(
            network, context, layers, count, rows, MCL_NETWORK_TRAINING_FIRST, MCL_PART_ENCODER);
    return create(network, context, with, add_dropout(with, layers, count, rate, seed), rows,
        MCL_NETWORK_TRAINING_FIRST, MCL_PART_ENCODER);
}
