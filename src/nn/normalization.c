/* SPDX-License-Identifier: Apache-2.0 */
/* Batch and layer normalization, with the activation after it: y = f(n), n = scale·x̂ + shift, see
 * cl/normalization.cl. Here I = O. Batch normalization of maps takes their positions for rows. */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "constants.clh"
#include "device/profile.h"
#include "nn/layers.h"

#define OPTIONS_SIZE 48

/* Rows of an item of a pass over the elements: each item merges the blocks of its columns anew. */
#define CPU_PART_ROWS MCL_NORMALIZATION_ROWS
#define GPU_PART_ROWS 8
#define CPU_MERGED_PART 4 /* times as many rows of maps as an item merges blocks, at least */

/* Where a pass is one launch: on CPUs of as many items for each compute unit, and of no more blocks
 * than leave an item's columns in a cache; on others of no more blocks than so many for each item
 * of a full work-group, and more elements only in several work-groups. */
#define CPU_ITEMS_A_UNIT 4
#define CPU_BLOCKS 8
#define GPU_BLOCKS (2 * MCL_GROUP_ROWS)
#define GPU_GROUP_ELEMENTS 4096

struct normalization {
    mcl_context *context;
    mcl_layer layer;
    bool by_batch;
    cl_mem moments; /* [2·O] or, of layer normalization, [2·R] */
    mcl_kernel *block_gradients;
    mcl_kernel *row_forward, *row_backward;       /* of layer normalization */
    mcl_kernel *block_moments, *block_forward;    /* the others of batch normalization */
    mcl_kernel *column_forward, *running_forward; /* … */
    mcl_kernel *block_backward, *column_backward;
};

/* What a normalization of so many rows of a batch works on. */
struct sizes {
    uint32_t rows, width;   /* of a map its positions, and channels */
    uint32_t block, blocks; /* rows of a block, and how many there are */
};

static bool is_of_map(const mcl_layer *layer)
{
    return layer->to.channels > 0;
}

static uint32_t width_of(const mcl_layer *layer)
{
    return is_of_map(layer) ? layer->to.channels : layer->out;
}

/* Blocks of maps, of which there are many, are as large as leaves MCL_NORMALIZATION_BLOCKS at most.
 */
static struct sizes sizes_of(const mcl_layer *layer, uint32_t rows)
{
    struct sizes sizes = {rows, width_of(layer), MCL_NORMALIZATION_ROWS, 0};
    if (is_of_map(layer)) {
        sizes.rows = rows * mcl_map_positions(&layer->to);
        while (sizes.rows > (uint64_t)MCL_NORMALIZATION_BLOCKS * sizes.block)
            sizes.block *= 2;
    }
    sizes.blocks = sizes.rows / sizes.block + (sizes.rows % sizes.block != 0);
    return sizes;
}

/* Groups of 16 columns, the last one smaller. */
static uint32_t across(const mcl_layer *layer)
{
    return width_of(layer) / MCL_LANES + (width_of(layer) % MCL_LANES != 0);
}

static bool by_rows(const mcl_layer *layer)
{
    return layer->options.normalization == MCL_NORMALIZATION_LAYER;
}

static size_t tensors(mcl_layer_tensor out[MCL_LAYER_TENSORS_MAX], const mcl_layer *layer)
{
    const mcl_layer_tensor vector = {.shape = {width_of(layer)}, .dimensions = 1};
    out[0] = out[1] = out[2] = out[3] = vector;
    out[0].name = "weight";
    out[0].initial = 1.0f;
    out[1].name = "bias";
    if (by_rows(layer))
        return 2;
    out[2].name = "running_mean";
    out[3].name = "running_var";
    out[3].initial = 1.0f;
    out[2].running = out[3].running = true;
    return 4;
}

/* Where the tensors begin. */
static uint64_t scale_of(const mcl_layer *layer)
{
    return layer->parameters;
}

static uint64_t shift_of(const mcl_layer *layer)
{
    return layer->parameters + width_of(layer);
}

static uint64_t mean_of(const mcl_layer *layer)
{
    return layer->statistics;
}

static uint64_t variance_of(const mcl_layer *layer)
{
    return layer->statistics + width_of(layer);
}

static uint64_t workspace(const mcl_layer *layer, uint32_t rows)
{
    const struct sizes s = sizes_of(layer, rows);
    return 2 * (uint64_t)s.blocks * s.width;
}

static mcl_status find_kernels(struct normalization *normalization, mcl_activation after)
{
    const bool rows = by_rows(&normalization->layer);
    const struct {
        mcl_kernel **kernel;
        const char *name;
        bool wanted;
    } kernels[] = {
        {&normalization->block_gradients, "block_gradients", true},
        {&normalization->row_forward, "row_forward", rows},
        {&normalization->row_backward, "row_backward", rows},
        {&normalization->block_moments, "block_moments", !rows},
        {&normalization->block_forward, "block_forward", !rows},
        {&normalization->column_forward, "column_forward", !rows},
        {&normalization->running_forward, "running_forward", !rows},
        {&normalization->block_backward, "block_backward", !rows},
        {&normalization->column_backward, "column_backward", !rows},
    };
    char options[OPTIONS_SIZE];
    snprintf(options, OPTIONS_SIZE, "-D ACTIVATION=%d -D ROWS=%d", (int)after, rows);
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        if (kernels[i].wanted)
            MCL_TRY(mcl_kernel_find(kernels[i].kernel, normalization->context, "normalization.cl",
                kernels[i].name, options));
    }
    return MCL_OK;
}

static mcl_status create(void **state, const mcl_layer_setup *setup)
{
    const mcl_layer *layer = setup->layer;
    struct normalization *normalization;
    MCL_TRY(mcl_allocate(&normalization, 1, sizeof *normalization));
    *state = normalization;
    normalization->context = setup->context;
    normalization->layer = *layer;
    normalization->by_batch = setup->by_batch;
    MCL_TRY(mcl_map_check_rows(&layer->to, setup->rows));
    MCL_TRY(find_kernels(normalization, setup->after));
    return mcl_buffer_create(&normalization->moments, setup->context,
        2 * (uint64_t)(by_rows(layer) ? setup->rows : width_of(layer)), sizeof(float),
        "moments of a layer");
}

static void free_normalization(void *state)
{
    struct normalization *normalization = state;
    if (normalization)
        mcl_buffer_release(&normalization->moments);
    free(normalization);
}

/* Says for the profile that the next command reads or writes `passes` numbers for each of R×O. */
static void record(const struct normalization *normalization, const struct sizes *s, double passes)
{
    mcl_profile_work(normalization->context, NULL, 0.0,
        passes * sizeof(float) * (double)s->rows * (double)s->width);
}

/* Whether a pass of batch normalization is one launch, in which a work-group has all rows of its
 * columns. */
static bool has_whole_columns(const struct normalization *normalization, const struct sizes *s)
{
    const uint32_t groups = across(&normalization->layer);
    const mcl_context *context = normalization->context;
    if (!mcl_context_spreads(context))
        return s->blocks <= CPU_BLOCKS &&
               groups >= (uint64_t)CPU_ITEMS_A_UNIT * context->info.compute_units;
    return s->blocks <= GPU_BLOCKS &&
           (groups > 1 || (uint64_t)s->rows * s->width <= GPU_GROUP_ELEMENTS);
}

/* Rows of an item of a pass over the elements; of maps so many that merging is no more than a part
 * of its work. */
static uint32_t part_of(const struct normalization *normalization, const struct sizes *s)
{
    const bool spreads = mcl_context_spreads(normalization->context);
    const uint32_t part = spreads ? GPU_PART_ROWS : CPU_PART_ROWS;
    const uint32_t merged = spreads ? s->blocks : CPU_MERGED_PART * s->blocks;
    return is_of_map(&normalization->layer) && merged > part ? merged : part;
}

static uint32_t parts_of(uint32_t rows, uint32_t part)
{
    return rows / part + (rows % part != 0);
}

static cl_mem kept_of(const mcl_pass *pass)
{
    return pass->argument ? pass->argument : pass->y;
}

static mcl_status forward_rows(const struct normalization *normalization, const mcl_pass *pass)
{
    const mcl_layer *layer = &normalization->layer;
    const struct sizes s = sizes_of(layer, pass->rows);
    record(normalization, &s, pass->argument ? 4.0 : 3.0);
    return mcl_run_rows(normalization->row_forward, s.rows, MCL_BUFFER(pass->x),
        MCL_BUFFER(pass->parameters), MCL_ULONG(scale_of(layer)), MCL_ULONG(shift_of(layer)),
        MCL_UINT(s.rows), MCL_UINT(s.width), MCL_BUFFER(normalization->moments),
        MCL_BUFFER(pass->y), MCL_BUFFER(kept_of(pass)), MCL_LOCAL(MCL_ROW_SPACE));
}

static mcl_status forward_running(const struct normalization *normalization, const mcl_pass *pass)
{
    const mcl_layer *layer = &normalization->layer;
    const struct sizes s = sizes_of(layer, pass->rows);
    const uint32_t part = part_of(normalization, &s);
    record(normalization, &s, pass->argument ? 3.0 : 2.0);
    return mcl_run_columns(normalization->running_forward, s.width, parts_of(s.rows, part),
        MCL_BUFFER(pass->x), MCL_UINT(s.rows), MCL_UINT(s.width), MCL_UINT(part),
        MCL_BUFFER(pass->parameters), MCL_ULONG(scale_of(layer)), MCL_ULONG(shift_of(layer)),
        MCL_ULONG(mean_of(layer)), MCL_ULONG(variance_of(layer)), MCL_BUFFER(pass->y),
        MCL_BUFFER(kept_of(pass)));
}

static mcl_status forward_columns(const struct normalization *normalization, const mcl_pass *pass)
{
    const mcl_layer *layer = &normalization->layer;
    const struct sizes s = sizes_of(layer, pass->rows);
    record(normalization, &s, pass->argument ? 4.0 : 3.0);
    return mcl_run_whole_columns(normalization->column_forward, s.width, s.blocks,
        MCL_BUFFER(pass->x), MCL_BUFFER(pass->workspace), MCL_UINT(s.rows), MCL_UINT(s.width),
        MCL_UINT(s.blocks), MCL_UINT(s.block), MCL_BUFFER(normalization->moments),
        MCL_BUFFER(pass->parameters), MCL_ULONG(scale_of(layer)), MCL_ULONG(shift_of(layer)),
        MCL_ULONG(mean_of(layer)), MCL_ULONG(variance_of(layer)), MCL_BUFFER(pass->y),
        MCL_BUFFER(kept_of(pass)));
}

static mcl_status forward_blocks(const struct normalization *normalization, const mcl_pass *pass)
{
    const mcl_layer *layer = &normalization->layer;
    const struct sizes s = sizes_of(layer, pass->rows);
    const uint32_t part = part_of(normalization, &s);
    record(normalization, &s, 1.0);
    MCL_TRY(mcl_run_columns(normalization->block_moments, s.width, s.blocks, MCL_BUFFER(pass->x),
        MCL_UINT(s.rows), MCL_UINT(s.width), MCL_UINT(s.blocks), MCL_UINT(s.block),
        MCL_BUFFER(pass->workspace)));
    record(normalization, &s, pass->argument ? 3.0 : 2.0);
    return mcl_run_columns(normalization->block_forward, s.width, parts_of(s.rows, part),
        MCL_BUFFER(pass->x), MCL_BUFFER(pass->workspace), MCL_UINT(s.rows), MCL_UINT(s.width),
        MCL_UINT(s.blocks), MCL_UINT(s.block), MCL_UINT(part), MCL_BUFFER(normalization->moments),
        MCL_BUFFER(pass->parameters), MCL_ULONG(scale_of(layer)), MCL_ULONG(shift_of(layer)),
        MCL_ULONG(mean_of(layer)), MCL_ULONG(variance_of(layer)), MCL_BUFFER(pass->y),
        MCL_BUFFER(kept_of(pass)));
}

static mcl_status forward(void *state, const mcl_pass *pass)
{
    const struct normalization *normalization = state;
    const struct sizes s = sizes_of(&normalization->layer, pass->rows);
    if (by_rows(&normalization->layer))
        return forward_rows(normalization, pass);
    if (!normalization->by_batch)
        return forward_running(normalization, pass);
    return has_whole_columns(normalization, &s) ? forward_columns(normalization, pass)
                                                : forward_blocks(normalization, pass);
}

static mcl_status backward_columns(const struct normalization *normalization, const mcl_pass *pass)
{
    const mcl_layer *layer = &normalization->layer;
    const struct sizes s = sizes_of(layer, pass->rows);
    record(normalization, &s, 5.0);
    return mcl_run_whole_columns(normalization->column_backward, s.width, s.blocks,
        MCL_BUFFER(pass->dy), MCL_BUFFER(pass->x), MCL_BUFFER(normalization->moments),
        MCL_BUFFER(pass->parameters), MCL_BUFFER(pass->workspace), MCL_BUFFER(pass->gradients),
        MCL_ULONG(scale_of(layer)), MCL_ULONG(shift_of(layer)), MCL_UINT(s.rows), MCL_UINT(s.width),
        MCL_UINT(s.blocks), MCL_UINT(s.block));
}

static mcl_status sum_blocks(const struct normalization *normalization, const mcl_pass *pass)
{
    const mcl_layer *layer = &normalization->layer;
    const struct sizes s = sizes_of(layer, pass->rows);
    record(normalization, &s, 2.0);
    return mcl_run_columns(normalization->block_gradients, s.width, s.blocks, MCL_BUFFER(pass->dy),
        MCL_BUFFER(pass->x), MCL_BUFFER(normalization->moments), MCL_UINT(s.rows),
        MCL_UINT(s.width), MCL_UINT(s.blocks), MCL_UINT(s.block), MCL_BUFFER(pass->workspace));
}

static mcl_status backward_rows(const struct normalization *normalization, const mcl_pass *pass)
{
    const mcl_layer *layer = &normalization->layer;
    const struct sizes s = sizes_of(layer, pass->rows);
    MCL_TRY(sum_blocks(normalization, pass));
    record(normalization, &s, 3.0);
    return mcl_run_rows(normalization->row_backward, s.rows, MCL_BUFFER(pass->dy),
        MCL_BUFFER(pass->x), MCL_BUFFER(normalization->moments), MCL_BUFFER(pass->parameters),
        MCL_BUFFER(pass->workspace), MCL_BUFFER(pass->gradients), MCL_ULONG(scale_of(layer)),
        MCL_ULONG(shift_of(layer)), MCL_UINT(s.rows), MCL_UINT(s.width), MCL_UINT(s.blocks),
        MCL_LOCAL(MCL_ROW_SPACE));
}

static mcl_status backward_blocks(const struct normalization *normalization, const mcl_pass *pass)
{
    const mcl_layer *layer = &normalization->layer;
    const struct sizes s = sizes_of(layer, pass->rows);
    const uint32_t part = part_of(normalization, &s);
    MCL_TRY(sum_blocks(normalization, pass));
    record(normalization, &s, 3.0);
    return mcl_run_columns(normalization->block_backward, s.width, parts_of(s.rows, part),
        MCL_BUFFER(pass->dy), MCL_BUFFER(pass->x), MCL_BUFFER(normalization->moments),
        MCL_BUFFER(pass->parameters), MCL_BUFFER(pass->workspace), MCL_BUFFER(pass->gradients),
        MCL_ULONG(scale_of(layer)), MCL_ULONG(shift_of(layer)), MCL_UINT(s.rows), MCL_UINT(s.width),
        MCL_UINT(s.blocks), MCL_UINT(part));
}

static mcl_status backward(void *state, const mcl_pass *pass)
{
    const struct normalization *normalization = state;
    const struct sizes s = sizes_of(&normalization->layer, pass->rows);
    if (by_rows(&normalization->layer))
        return backward_rows(normalization, pass);
    return has_whole_columns(normalization, &s) ? backward_columns(normalization, pass)
                                                : backward_blocks(normalization, pass);
}

static const mcl_layer_type type = {
    .name = "normalization",
    .tensors = tensors,
    .workspace = workspace,
    .create = create,
    .free = free_normalization,
    .forward = forward,
    .backward = backward,
    .takes_activation = true,
    .in_place = true,
};

mcl_layer mcl_layer_normalization(mcl_normalization normalization, uint32_t width)
{
    return (mcl_layer){
        .type = &type, .in = width, .out = width, .options.normalization = normalization};
}

mcl_layer mcl_layer_normalization_of_map(
    mcl_normalization normalization, uint32_t groups, const mcl_map *map)
{
    mcl_layer layer = normalization == MCL_NORMALIZATION_BATCH
                          ? mcl_layer_normalization(normalization, mcl_map_values(map))
                          : mcl_layer_group_normalization(groups, map);
    layer.from = layer.to = *map;
    return layer;
}
