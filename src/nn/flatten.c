/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a map's values in which a dense layer of torch takes them, and the way back, see
 * cl/maps.cl. */
#include <stdlib.h>

#include "base/memory.h"
#include "device/launch.h"
#include "device/profile.h"
#include "nn/layers.h"

struct flatten {
    mcl_context *context;
    mcl_kernel *kernel;
    mcl_map map;
    bool back; /* forward turns that order into a map */
};

static const mcl_layer_type flatten_type, unflatten_type;

static mcl_status create(void **state, const mcl_layer_setup *setup)
{
    struct flatten *flatten;
    MCL_TRY(mcl_allocate(&flatten, 1, sizeof *flatten));
    *state = flatten;
    flatten->context = setup->context;
    flatten->back = setup->layer->type == &unflatten_type;
    flatten->map = flatten->back ? setup->layer->to : setup->layer->from;
    return mcl_kernel_find(
        &flatten->kernel, setup->context, "maps.cl", "flatten", "-D ACTIVATION=0");
}

static mcl_status run(
    const struct flatten *flatten, cl_mem in, cl_mem out, uint32_t rows, bool back, float keep)
{
    const uint32_t columns = mcl_map_values(&flatten->map);
    mcl_profile_work(flatten->context, NULL, 0.0, 2.0 * sizeof(float) * (double)rows * columns);
    return mcl_run_elements(flatten->kernel, columns, rows, MCL_BUFFER(in),
        MCL_UINT(mcl_map_positions(&flatten->map)), MCL_UINT(flatten->map.channels), MCL_UINT(back),
        MCL_FLOAT(keep), MCL_BUFFER(out));
}

static mcl_status forward(void *state, const mcl_pass *pass)
{
    const struct flatten *flatten = state;
    return run(flatten, pass->x, pass->y, pass->rows, flatten->back, 0.0f);
}

static mcl_status backward(void *state, const mcl_pass *pass)
{
    const struct flatten *flatten = state;
    return pass->dx ? run(flatten, pass->dy, pass->dx, pass->rows, !flatten->back, pass->keep)
                    : MCL_OK;
}

static const mcl_layer_type flatten_type = {
    .name = "flatten",
    .create = create,
    .free = free,
    .forward = forward,
    .backward = backward,
    .keeps = true,
};

static const mcl_layer_type unflatten_type = {
    .name = "unflatten",
    .create = create,
    .free = free,
    .forward = forward,
    .backward = backward,
    .keeps = true,
};

mcl_layer mcl_layer_flatten(const mcl_map *map)
{
    const uint32_t width = mcl_map_values(map);
    return (mcl_layer){
        .type = &flatten_type, .in = width, .out = width, .from = *map, .to = {1, 1, width}};
}

mcl_layer mcl_layer_unflatten(const mcl_map *map)
{
    const uint32_t width = mcl_map_values(map);
    return (mcl_layer){
        .type = &unflatten_type, .in = width, .out = width, .from = {1, 1, width}, .to = *map};
}
