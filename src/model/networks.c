/* SPDX-License-Identifier: Apache-2.0 */
#include "model/networks.h"

#include "nn/layers.h"

mcl_status mcl_network_create_part(mcl_network **network, mcl_context *context,
    const mcl_architecture *architecture, mcl_part part, uint32_t rows, mcl_network_use use)
{
    mcl_layer layers[MCL_LAYERS_MAX];
    const size_t count = mcl_part_layers(layers, architecture, part);
    *network = NULL;
    return count == 0 ? MCL_OK : mcl_network_create(network, context, layers, count, rows, use);
}

/* The layers of a part with dropout after every block but the last. */
static size_t add_dropout(mcl_layer out[MCL_LAYERS_MAX + MCL_BLOCKS_MAX], const mcl_layer *layers,
    size_t count, float rate, uint64_t seed)
{
    size_t used = 0;
    for (size_t l = 0; l < count; l++) {
        const mcl_layer *layer = &layers[l];
        out[used++] = *layer;
        if (l + 1 < count && layers[l + 1].block != layer->block) {
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
        return mcl_network_create(
            network, context, layers, count, rows, MCL_NETWORK_TRAINING_FIRST);
    return mcl_network_create(network, context, with, add_dropout(with, layers, count, rate, seed),
        rows, MCL_NETWORK_TRAINING_FIRST);
}
