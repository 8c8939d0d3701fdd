/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/inference.h"

#include <inttypes.h>

#include "base/error.h"
#include "model/parameters.h"
#include "nn/layers.h"

#define COPIES 3 /* of the parameters on the device: two in the order that the products read */

/* Adds the first `blocks` blocks of a part. */
static void add(
    mcl_path *path, const mcl_architecture *architecture, mcl_part part, uint32_t blocks)
{
    mcl_layer layers[MCL_LAYERS_MAX];
    const size_t all = mcl_part_layers(layers, architecture, part);
    const size_t count = mcl_layers_of_blocks(layers, all, blocks);
    for (size_t l = 0; l < count; l++)
        path->layers[path->count++] = layers[l];
}

/* The map that a path ends with, which an activation leaves as it is; zeros: there is none. */
static mcl_map map_of(const mcl_path *path)
{
    size_t l = path->count;
    while (l > 0 && path->layers[l - 1].type->is_activation)
        l--;
    return l > 0 ? path->layers[l - 1].to : (mcl_map){0, 0, 0};
}

/* Ends a path that ends with a map as torch.nn.Flatten does. */
static void flatten(mcl_path *path)
{
    const mcl_map map = map_of(path);
    if ((uint64_t)map.height * map.width > 1 && map.channels > 1)
        path->layers[path->count++] = mcl_layer_flatten(&map);
}

void mcl_path_to_part(mcl_path *path, const mcl_architecture *architecture, mcl_part part)
{
    path->count = 0;
    add(path, architecture, MCL_PART_ENCODER, UINT32_MAX);
    if (part != MCL_PART_ENCODER)
        add(path, architecture, part, UINT32_MAX);
}

mcl_status mcl_path_to_layer(mcl_path *path, const mcl_architecture *architecture, uint32_t layer)
{
    const uint32_t encoder = mcl_encoder_blocks(architecture);
    const uint32_t all = encoder + architecture->projector_count;
    if (layer == 0) {
        mcl_path_to_part(path, architecture, MCL_PART_ENCODER);
        return MCL_OK;
    }
    if (layer > all)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "there is no layer %" PRIu32 ": the encoder has layers 1 to %" PRIu32 "%s", layer,
            encoder, all > encoder ? ", and those of the projector follow" : "");
    path->count = 0;
    add(path, architecture, MCL_PART_ENCODER, layer);
    if (layer > encoder)
        add(path, architecture, MCL_PART_PROJECTOR, layer - encoder);
    flatten(path);
    return MCL_OK;
}

/* Whether a layer only changes the order of a map's values. */
static bool flattens(const mcl_layer *layer)
{
    return layer->in == layer->out && layer->to.height * layer->to.width == 1 &&
           layer->from.height * layer->from.width > 1;
}

mcl_status mcl_path_pool(mcl_path *path, uint32_t grid)
{
    if (flattens(&path->layers[path->count - 1]))
        path->count--;
    const mcl_map map = map_of(path);
    const uint32_t parts[2] = {grid, map.width > 1 ? grid : 1};
    if ((uint64_t)map.height * map.width <= 1)
        return mcl_fail(MCL_ERROR_ARGUMENT, "the layer makes no map that could be pooled");
    if (parts[0] > map.height || parts[1] > map.width)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a grid of %" PRIu32 " × %" PRIu32 " has more parts than the map of %" PRIu32
            " × %" PRIu32 " has positions",
            parts[0], parts[1], map.height, map.width);
    path->layers[path->count++] = mcl_layer_pool(MCL_POOL_GRID, &map, parts, NULL);
    flatten(path);
    return MCL_OK;
}

uint32_t mcl_path_width(const mcl_path *path)
{
    return path->layers[path->count - 1].out;
}

mcl_status mcl_inference_create(mcl_inference *inference, mcl_context *context,
    const mcl_model *model, const mcl_path *path, uint32_t rows)
{
    MCL_TRY(mcl_network_create(
        &inference->network, context, path->layers, path->count, rows, MCL_NETWORK_INFERENCE));
    return mcl_parameters_upload(&inference->parameters, context, model);
}

mcl_status mcl_inference_freeze(const mcl_inference *inference)
{
    return mcl_network_freeze(inference->network, inference->parameters);
}

void mcl_inference_release(mcl_inference *inference)
{
    mcl_network_free(inference->network);
    mcl_buffer_release(&inference->parameters);
}

mcl_status mcl_inference_run(
    cl_mem *output, const mcl_inference *inference, cl_mem input, uint32_t rows)
{
    *output = mcl_network_output(inference->network);
    return mcl_network_forward(inference->network, inference->parameters, input, rows);
}

bool mcl_inference_lacks_memory(mcl_status status)
{
    return status == MCL_ERROR_DEVICE && mcl_opencl_lacks_memory(mcl_opencl_last_error());
}

uint32_t mcl_inference_batch(
    const mcl_context *context, const mcl_model *model, uint64_t most, uint64_t row)
{
    uint64_t count;
    mcl_model_parameters(model, &count, NULL);
    const uint64_t fixed = COPIES * count * sizeof(float), limit = context->memory_limit;
    const uint64_t in_all = limit > fixed ? (limit - fixed) / row : 0;
    const uint64_t largest = context->info.largest_buffer ? context->info.largest_buffer : limit;
    const uint64_t fit = in_all < largest / row ? in_all : largest / row;
    return (uint32_t)(fit < 1 ? 1 : fit < most ? fit : most);
}
