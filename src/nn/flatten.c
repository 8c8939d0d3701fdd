/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a map's values in which a dense layer of torch takes them, see cl/maps.cl. */
#include <stdlib.h>

#include "base/memory.h"
#include "device/launch.h"
#include "device/profile.h"
#include "nn/layers.h"

struct flatten {
    mcl_context *context;
    mcl_kernel *kernel;
    mcl_map map;
};

static mcl_status create(void **state, const mcl_layer_setup *setup)
{
    struct flatten *flatten;
    MCL_TRY(mcl_allocate(&flatten, 1, sizeof *flatten));
    *state = flatten;
    flatten->context = setup->context;
    flatten->map = setup->layer->from;
    return mcl_kernel_find(&flatten->kernel, setup->context, "maps.cl", "flatten", "");
}

static mcl_status run(
    const struct flatten *flatten, cl_mem in, cl_mem out, uint32_t rows, bool back)
{
    const mcl_map *map = &flatten->map;
    const uint32_t positions = map->height * map->width, columns = positions * map->channels;
    mcl_profile_work(flatten->context, NULL, 0.0, 2.0 * sizeof(float) * (double)rows * columns);
    return mcl_run_elements(flatten->kernel, columns, rows, MCL_BUFFER(in), MCL_UINT(positions),
        MCL_UINT(map->channels), MCL_UINT(back), MCL_BUFFER(out));
}

static mcl_status forward(void *state, const mcl_pass *pass)
{
    return run(state, pass->x, pass->y, pass->rows, false);
}

static mcl_status backward(void *state, const mcl_pass *pass)
{
    return pass->dx ? run(state, pass->dy, pass->dx, pass->rows, true) : MCL_OK;
}

static const mcl_layer_type type = {
    .name = "flatten",
    .create = create,
    .free = free,
    .forward = forward,
    .backward = backward,
};

mcl_layer mcl_layer_flatten(const mcl_map *map)
{
    const uint32_t width = map->height * map->width * map->channels;
    return (mcl_layer){.type = &type, .in = width, .out = width, .from = *map, .to = {1, 1, width}};
}
