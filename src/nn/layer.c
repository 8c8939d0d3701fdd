/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/layer.h"

#include "base/error.h"
#include "base/memory.h"

uint64_t mcl_layer_tensor_values(const mcl_layer_tensor *tensor)
{
    uint64_t values = 1;
    for (uint32_t d = 0; d < tensor->dimensions; d++) {
        if (!mcl_multiply(&values, values, tensor->shape[d]) || values > MCL_LAYER_HUGE)
            return MCL_LAYER_HUGE;
    }
    return values;
}

uint64_t mcl_layer_values(const mcl_layer *layer, bool running)
{
    mcl_layer_tensor tensors[MCL_LAYER_TENSORS_MAX];
    const size_t count = layer->type->tensors ? layer->type->tensors(tensors, layer) : 0;
    uint64_t values = 0;
    for (size_t t = 0; t < count; t++)
        values += tensors[t].running == running ? mcl_layer_tensor_values(&tensors[t]) : 0;
    return values;
}

mcl_status mcl_map_check_rows(const mcl_map *map, uint32_t rows)
{
    if ((uint64_t)mcl_map_positions(map) * rows > INT32_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%u rows of maps of %u × %u are more than 2³¹ − 1 positions: use a smaller `batch`",
            (unsigned)rows, (unsigned)map->height, (unsigned)map->width);
    return MCL_OK;
}
