/* SPDX-License-Identifier: Apache-2.0 */
/* Group normalization of maps, with the activation after it, see cl/group_normalization.cl. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "compute/sums.h"
#include "device/launch.h"
#include "device/profile.h"
#include "nn/layers.h"

#define OPTIONS_SIZE 32

struct normalization {
    mcl_context *context;
    mcl_layer layer;
    cl_mem space, merged; /* [R×2C] */
    cl_mem moments;       /* [2×R×C] */
    mcl_kernel *moment_sums, *merge, *forward;
    mcl_kernel *gradient_sums, *merge_gradients, *backward; /* in training */
    mcl_sums sums;
};

static size_t tensors(mcl_layer_tensor out[MCL_LAYER_TENSORS_MAX], const mcl_layer *layer)
{
    const mcl_layer_tensor vector = {.shape = {layer->to.channels}, .dimensions = 1};
    out[0] = out[1] = vector;
    out[0].name = "weight";
    out[0].initial = 1.0f;
    out[1].name = "bias";
    return 2;
}

static uint64_t scale_of(const mcl_layer *layer)
{
    return layer->parameters;
}

static uint64_t shift_of(const mcl_layer *layer)
{
    return layer->parameters + layer->to.channels;
}

static uint64_t workspace(const mcl_layer *layer, uint32_t rows)
{
    return mcl_column_sums_workspace(rows, 2 * layer->to.channels);
}

static mcl_status find_kernels(struct normalization *n, const mcl_layer_setup *setup)
{
    const struct {
        mcl_kernel **kernel;
        const char *name;
        bool wanted;
    } kernels[] = {
        {&n->moment_sums, "group_moments", true},
        {&n->merge, "group_merge", true},
        {&n->forward, "group_forward", true},
        {&n->gradient_sums, "group_gradients", setup->backward},
        {&n->merge_gradients, "group_merge_gradients", setup->backward},
        {&n->backward, "group_backward", setup->backward},
    };
    char options[OPTIONS_SIZE];
    snprintf(options, OPTIONS_SIZE, "-D ACTIVATION=%d", (int)setup->after);
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        if (kernels[i].wanted)
            MCL_TRY(mcl_kernel_find(kernels[i].kernel, setup->context, "group_normalization.cl",
                kernels[i].name, options));
    }
    return mcl_sums_find(&n->sums, setup->context);
}

static mcl_status create(void **state, const mcl_layer_setup *setup)
{
    const mcl_map *map = &setup->layer->to;
    const uint32_t groups = setup->layer->options.groups;
    const uint64_t pairs = 2 * (uint64_t)setup->rows * map->channels;
    struct normalization *n;
    MCL_TRY(mcl_allocate(&n, 1, sizeof *n));
    *state = n;
    n->context = setup->context;
    n->layer = *setup->layer;
    if (groups == 0 || map->channels % groups != 0)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%u channels cannot be normalized in %u groups: their number must divide that of the "
            "channels",
            (unsigned)map->channels, (unsigned)groups);
    MCL_TRY(mcl_map_check_rows(map, setup->rows));
    MCL_TRY(find_kernels(n, setup));
    MCL_TRY(mcl_buffer_create(&n->space, n->context, pairs, sizeof(float), "moments of a layer"));
    MCL_TRY(mcl_buffer_create(&n->moments, n->context, pairs, sizeof(float), "moments of a layer"));
    return setup->backward ? mcl_buffer_create(&n->merged, n->context, pairs, sizeof(float),
                                 "gradients of a normalization")
                           : MCL_OK;
}

static void free_normalization(void *state)
{
    struct normalization *n = state;
    if (!n)
        return;
    mcl_buffer_release(&n->space);
    mcl_buffer_release(&n->moments);
    mcl_buffer_release(&n->merged);
    free(n);
}

/* Says for the profile that the next command reads or writes `passes` numbers for each of R×O, or
 * for each channel of a row. */
static void record(const struct normalization *n, uint32_t rows, double passes)
{
    mcl_profile_work(
        n->context, NULL, 0.0, passes * sizeof(float) * (double)rows * (double)n->layer.out);
}

static void record_merge(const struct normalization *n, uint32_t rows)
{
    mcl_profile_work(
        n->context, NULL, 0.0, 4.0 * sizeof(float) * (double)rows * (double)n->layer.to.channels);
}

static mcl_status forward(void *state, const mcl_pass *pass)
{
    const struct normalization *n = state;
    const mcl_layer *layer = &n->layer;
    const uint32_t rows = pass->rows, channels = layer->to.channels;
    const uint32_t positions = mcl_map_positions(&layer->to), groups = layer->options.groups;
    record(n, rows, 1.0);
    MCL_TRY(mcl_run_columns(n->moment_sums, channels, rows, MCL_BUFFER(pass->x),
        MCL_UINT(positions), MCL_UINT(channels), MCL_BUFFER(n->space)));
    record_merge(n, rows);
    MCL_TRY(mcl_run_elements(n->merge, groups, rows, MCL_BUFFER(n->space), MCL_UINT(rows),
        MCL_UINT(positions), MCL_UINT(channels), MCL_UINT(groups), MCL_BUFFER(n->moments)));
    record(n, rows, pass->argument ? 3.0 : 2.0);
    return mcl_run_columns(n->forward, channels, rows, MCL_BUFFER(pass->x), MCL_BUFFER(n->moments),
        MCL_UINT(rows), MCL_UINT(positions), MCL_UINT(channels), MCL_BUFFER(pass->parameters),
        MCL_ULONG(scale_of(layer)), MCL_ULONG(shift_of(layer)), MCL_BUFFER(pass->y),
        MCL_BUFFER(pass->argument ? pass->argument : pass->y));
}

static mcl_status backward(void *state, const mcl_pass *pass)
{
    const struct normalization *n = state;
    const mcl_layer *layer = &n->layer;
    const uint32_t rows = pass->rows, channels = layer->to.channels;
    const uint32_t positions = mcl_map_positions(&layer->to), groups = layer->options.groups;
    record(n, rows, 2.0);
    MCL_TRY(mcl_run_columns(n->gradient_sums, channels, rows, MCL_BUFFER(pass->dy),
        MCL_BUFFER(pass->x), MCL_BUFFER(n->moments), MCL_UINT(rows), MCL_UINT(positions),
        MCL_UINT(channels), MCL_BUFFER(n->space)));
    /* those by scale and shift follow one another, as the sums do */
    MCL_TRY(mcl_sums_run_columns(
        &n->sums, n->space, rows, 2 * channels, pass->workspace, pass->gradients, scale_of(layer)));
    record_merge(n, rows);
    MCL_TRY(mcl_run_elements(n->merge_gradients, groups, rows, MCL_BUFFER(n->space),
        MCL_UINT(positions), MCL_UINT(channels), MCL_UINT(groups), MCL_BUFFER(pass->parameters),
        MCL_ULONG(scale_of(layer)), MCL_BUFFER(n->merged)));
    record(n, rows, 3.0);
    return mcl_run_columns(n->backward, channels, rows, MCL_BUFFER(pass->dy), MCL_BUFFER(pass->x),
        MCL_BUFFER(n->moments), MCL_BUFFER(n->merged), MCL_UINT(rows), MCL_UINT(positions),
        MCL_UINT(channels), MCL_BUFFER(pass->parameters), MCL_ULONG(scale_of(layer)));
}

static const mcl_layer_type type = {
    .name = "group normalization",
    .tensors = tensors,
    .workspace = workspace,
    .create = create,
    .free = free_normalization,
    .forward = forward,
    .backward = backward,
    .takes_activation = true,
    .in_place = true,
};

mcl_layer mcl_layer_group_normalization(uint32_t groups, const mcl_map *map)
{
    const uint32_t width = mcl_map_values(map);
    return (mcl_layer){.type = &type,
        .in = width,
        .out = width,
        .from = *map,
        .to = *map,
        .options.groups = groups};
}
