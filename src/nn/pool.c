/* SPDX-License-Identifier: Apache-2.0 */
/* Pooling of maps, see cl/pool.cl. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "device/launch.h"
#include "device/profile.h"
#include "nn/layers.h"

#define OPTIONS_SIZE 32
#define TAPS_MAX (1u << 24) /* of a window: their numbers are kept as floats */

struct pool {
    mcl_context *context;
    mcl_layer layer;
    mcl_kernel *forward, *backward;
    cl_mem taken; /* [R×O] which value of its window a maximum was; in training */
};

static bool is_max(const mcl_layer *layer)
{
    return layer->options.pool.kind == MCL_POOL_MAX;
}

static mcl_status check(const mcl_layer_setup *setup)
{
    const mcl_layer *layer = setup->layer;
    const struct mcl_pool *options = &layer->options.pool;
    if (layer->out == 0 || (uint64_t)options->kernel[0] * options->kernel[1] >= TAPS_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "windows of %u × %u positions do not pool a map of %u × %u",
            (unsigned)options->kernel[0], (unsigned)options->kernel[1],
            (unsigned)layer->from.height, (unsigned)layer->from.width);
    MCL_TRY(mcl_map_check_rows(&layer->from, setup->rows));
    return mcl_map_check_rows(&layer->to, setup->rows);
}

static mcl_status create(void **state, const mcl_layer_setup *setup)
{
    struct pool *pool;
    char options[OPTIONS_SIZE];
    const bool max = is_max(setup->layer);
    MCL_TRY(mcl_allocate(&pool, 1, sizeof *pool));
    *state = pool;
    pool->context = setup->context;
    pool->layer = *setup->layer;
    MCL_TRY(check(setup));
    snprintf(options, OPTIONS_SIZE, "-D ACTIVATION=%d", (int)setup->before);
    MCL_TRY(mcl_kernel_find(
        &pool->forward, setup->context, "pool.cl", max ? "pool_max" : "pool_average", options));
    if (!setup->backward)
        return MCL_OK;
    if (max)
        MCL_TRY(mcl_buffer_create(&pool->taken, setup->context,
            (uint64_t)setup->rows * setup->layer->out, sizeof(float), "activations"));
    return mcl_kernel_find(&pool->backward, setup->context, "pool.cl",
        max ? "pool_max_backward" : "pool_average_backward", options);
}

static void free_pool(void *state)
{
    struct pool *pool = state;
    if (pool)
        mcl_buffer_release(&pool->taken);
    free(pool);
}

/* The sizes that all kernels have among their arguments. */
#define SIZES(layer)                                                                               \
    MCL_UINT((layer)->from.height), MCL_UINT((layer)->from.width), MCL_UINT((layer)->to.channels), \
        MCL_UINT((layer)->to.height), MCL_UINT((layer)->to.width),                                 \
        MCL_UINT((layer)->options.pool.kernel[0]), MCL_UINT((layer)->options.pool.kernel[1]),      \
        MCL_UINT((layer)->options.pool.stride[0]), MCL_UINT((layer)->options.pool.stride[1])

/* Says for the profile that the next command reads or writes so many numbers of each row. */
static void record(const struct pool *pool, uint32_t rows, double values)
{
    mcl_profile_work(pool->context, NULL, 0.0, sizeof(float) * (double)rows * values);
}

static mcl_status forward(void *state, const mcl_pass *pass)
{
    const struct pool *pool = state;
    const mcl_layer *layer = &pool->layer;
    const size_t positions = (size_t)pass->rows * mcl_map_positions(&layer->to);
    record(pool, pass->rows, (double)layer->in + (pool->taken ? 2.0 : 1.0) * layer->out);
    if (is_max(layer))
        return mcl_run_vectors(pool->forward, layer->to.channels, positions, MCL_BUFFER(pass->x),
            SIZES(layer), MCL_UINT(pool->taken != NULL), MCL_BUFFER(pass->y),
            MCL_BUFFER(pool->taken ? pool->taken : pass->y));
    return mcl_run_vectors(pool->forward, layer->to.channels, positions, MCL_BUFFER(pass->x),
        SIZES(layer), MCL_BUFFER(pass->y));
}

static mcl_status backward(void *state, const mcl_pass *pass)
{
    const struct pool *pool = state;
    const mcl_layer *layer = &pool->layer;
    const size_t positions = (size_t)pass->rows * mcl_map_positions(&layer->from);
    const cl_mem kept = pass->kept ? pass->kept : pass->dx;
    if (!pass->dx)
        return MCL_OK;
    record(pool, pass->rows, 2.0 * layer->in + 2.0 * layer->out);
    if (is_max(layer))
        return mcl_run_vectors(pool->backward, layer->to.channels, positions, MCL_BUFFER(pass->dy),
            MCL_BUFFER(pool->taken), SIZES(layer), MCL_FLOAT(pass->keep), MCL_BUFFER(kept),
            MCL_BUFFER(pass->dx));
    return mcl_run_vectors(pool->backward, layer->to.channels, positions, MCL_BUFFER(pass->dy),
        SIZES(layer), MCL_FLOAT(pass->keep), MCL_BUFFER(kept), MCL_BUFFER(pass->dx));
}

static const mcl_layer_type type = {
    .name = "pool",
    .create = create,
    .free = free_pool,
    .forward = forward,
    .backward = backward,
    .takes_derivative = true,
    .keeps = true,
};

/* Places of the output along an axis; 0 where there are none. */
static uint32_t out_of(uint32_t size, uint32_t kernel, uint32_t stride)
{
    return kernel == 0 || kernel > size || stride == 0 ? 0 : (size - kernel) / stride + 1;
}

mcl_layer mcl_layer_pool(
    mcl_pool_kind kind, const mcl_map *map, const uint32_t kernel[2], const uint32_t stride[2])
{
    mcl_layer layer = {.type = &type,
        .in = mcl_map_values(map),
        .from = *map,
        .to = {kernel[0], kernel[1], map->channels},
        .options.pool = {.kind = kind}};
    if (kind != MCL_POOL_GRID) {
        layer.to.height = out_of(map->height, kernel[0], stride[0]);
        layer.to.width = out_of(map->width, kernel[1], stride[1]);
        for (int d = 0; d < 2; d++) {
            layer.options.pool.kernel[d] = kernel[d];
            layer.options.pool.stride[d] = stride[d];
        }
    }
    layer.out = mcl_map_values(&layer.to);
    return layer;
}
