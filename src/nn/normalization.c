/* SPDX-License-Identifier: Apache-2.0 */
/* Batch and layer normalization, with the activation after it: y = f(n), n = scale·x̂ + shift, see
 * cl/normalization.cl. Here I = O. */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "constants.clh"
#include "device/profile.h"
#include "nn/layers.h"

#define OPTIONS_SIZE 48

static const size_t one[3] = {1, 1, 1}; /* the kernels' vectors are explicit */

struct normalization {
    mcl_context *context;
    mcl_layer layer;
    bool by_batch;
    cl_mem moments; /* [2·O] or, of layer normalization, [2·R] */
    mcl_kernel *row_moments, *running_moments, *block_moments, *batch_moments;
    mcl_kernel *normalize_activate;
    mcl_kernel *block_gradients, *column_gradients, *row_backward, *batch_backward;
};

static uint32_t blocks_of(uint32_t rows)
{
    return rows / MCL_NORMALIZATION_ROWS + (rows % MCL_NORMALIZATION_ROWS != 0);
}

static uint32_t across(const mcl_layer *layer)
{
    return layer->out / MCL_ITEM_COLUMNS + (layer->out % MCL_ITEM_COLUMNS != 0);
}

static bool by_rows(const mcl_layer *layer)
{
    return layer->options.normalization == MCL_NORMALIZATION_LAYER;
}

static size_t tensors(mcl_layer_tensor out[MCL_LAYER_TENSORS_MAX], const mcl_layer *layer)
{
    const mcl_layer_tensor vector = {.shape = {layer->out}, .dimensions = 1};
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
    return layer->parameters + layer->out;
}

static uint64_t mean_of(const mcl_layer *layer)
{
    return layer->statistics;
}

static uint64_t variance_of(const mcl_layer *layer)
{
    return layer->statistics + layer->out;
}

static uint64_t workspace(const mcl_layer *layer, uint32_t rows)
{
    return 2 * (uint64_t)blocks_of(rows) * layer->out;
}

static mcl_status find_kernels(struct normalization *normalization, mcl_activation after)
{
    const struct {
        mcl_kernel **kernel;
        const char *name;
    } kernels[] = {
        {&normalization->row_moments, "row_moments"},
        {&normalization->running_moments, "running_moments"},
        {&normalization->block_moments, "block_moments"},
        {&normalization->batch_moments, "batch_moments"},
        {&normalization->normalize_activate, "normalize_activate"},
        {&normalization->block_gradients, "block_gradients"},
        {&normalization->column_gradients, "column_gradients"},
        {&normalization->row_backward, "row_backward"},
        {&normalization->batch_backward, "batch_backward"},
    };
    char options[OPTIONS_SIZE];
    snprintf(options, OPTIONS_SIZE, "-D ACTIVATION=%d -D ROWS=%d", (int)after,
        by_rows(&normalization->layer));
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        MCL_TRY(mcl_kernel_find(kernels[i].kernel, normalization->context, "normalization.cl",
            kernels[i].name, options));
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
    MCL_TRY(find_kernels(normalization, setup->after));
    return mcl_buffer_create(&normalization->moments, setup->context,
        2 * (uint64_t)(by_rows(layer) ? setup->rows : layer->out), sizeof(float),
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
static void record(const struct normalization *normalization, uint32_t rows, double passes)
{
    mcl_profile_work(normalization->context, NULL, 0.0,
        passes * sizeof(float) * (double)rows * (double)normalization->layer.out);
}

/* The moments of the batch, by which the running statistics move. */
static mcl_status find_batch_moments(
    const struct normalization *normalization, const mcl_pass *pass)
{
    const mcl_layer *layer = &normalization->layer;
    const uint32_t blocks = blocks_of(pass->rows);
    record(normalization, pass->rows, 1.0);
    MCL_TRY(mcl_run_local(normalization->block_moments, across(layer), blocks, one,
        MCL_BUFFER(pass->x), MCL_UINT(pass->rows), MCL_UINT(layer->out), MCL_UINT(blocks),
        MCL_BUFFER(pass->workspace)));
    record(normalization, blocks, 2.0);
    return mcl_run_local(normalization->batch_moments, across(layer), 1, one,
        MCL_BUFFER(pass->workspace), MCL_UINT(pass->rows), MCL_UINT(layer->out), MCL_UINT(blocks),
        MCL_BUFFER(normalization->moments), MCL_BUFFER(pass->parameters), MCL_ULONG(mean_of(layer)),
        MCL_ULONG(variance_of(layer)));
}

static mcl_status find_moments(const struct normalization *normalization, const mcl_pass *pass)
{
    const mcl_layer *layer = &normalization->layer;
    if (by_rows(layer)) {
        record(normalization, pass->rows, 1.0);
        return mcl_run_local(normalization->row_moments, pass->rows, 1, one, MCL_BUFFER(pass->x),
            MCL_UINT(pass->rows), MCL_UINT(layer->out), MCL_BUFFER(normalization->moments));
    }
    if (normalization->by_batch)
        return find_batch_moments(normalization, pass);
    record(normalization, 1, 4.0);
    return mcl_run_local(normalization->running_moments, across(layer), 1, one,
        MCL_UINT(layer->out), MCL_BUFFER(normalization->moments), MCL_BUFFER(pass->parameters),
        MCL_ULONG(mean_of(layer)), MCL_ULONG(variance_of(layer)));
}

static mcl_status forward(void *state, const mcl_pass *pass)
{
    const struct normalization *normalization = state;
    const mcl_layer *layer = &normalization->layer;
    MCL_TRY(find_moments(normalization, pass));
    record(normalization, pass->rows, pass->argument ? 3.0 : 2.0);
    return mcl_run_local(normalization->normalize_activate, across(layer), blocks_of(pass->rows),
        one, MCL_BUFFER(pass->x), MCL_BUFFER(normalization->moments), MCL_BUFFER(pass->parameters),
        MCL_ULONG(scale_of(layer)), MCL_ULONG(shift_of(layer)), MCL_UINT(pass->rows),
        MCL_UINT(layer->out), MCL_BUFFER(pass->y),
        MCL_BUFFER(pass->argument ? pass->argument : pass->y));
}

/* The gradients by scale and shift. */
static mcl_status backward_parameters(
    const struct normalization *normalization, const mcl_pass *pass)
{
    const mcl_layer *layer = &normalization->layer;
    const uint32_t blocks = blocks_of(pass->rows);
    record(normalization, pass->rows, 2.0);
    MCL_TRY(mcl_run_local(normalization->block_gradients, across(layer), blocks, one,
        MCL_BUFFER(pass->dy), MCL_BUFFER(pass->x), MCL_BUFFER(normalization->moments),
        MCL_UINT(pass->rows), MCL_UINT(layer->out), MCL_UINT(blocks), MCL_BUFFER(pass->workspace)));
    record(normalization, blocks, 2.0);
    return mcl_run_local(normalization->column_gradients, across(layer), 1, one,
        MCL_BUFFER(pass->workspace), MCL_UINT(layer->out), MCL_UINT(blocks),
        MCL_BUFFER(pass->gradients), MCL_ULONG(scale_of(layer)), MCL_ULONG(shift_of(layer)));
}

static mcl_status backward(void *state, const mcl_pass *pass)
{
    const struct normalization *normalization = state;
    const mcl_layer *layer = &normalization->layer;
    MCL_TRY(backward_parameters(normalization, pass));
    record(normalization, pass->rows, 3.0);
    if (by_rows(layer))
        return mcl_run_local(normalization->row_backward, pass->rows, 1, one, MCL_BUFFER(pass->dy),
            MCL_BUFFER(pass->x), MCL_BUFFER(normalization->moments), MCL_BUFFER(pass->parameters),
            MCL_ULONG(scale_of(layer)), MCL_UINT(pass->rows), MCL_UINT(layer->out));
    return mcl_run_local(normalization->batch_backward, across(layer), blocks_of(pass->rows), one,
        MCL_BUFFER(pass->dy), MCL_BUFFER(pass->x), MCL_BUFFER(normalization->moments),
        MCL_BUFFER(pass->parameters), MCL_BUFFER(pass->gradients), MCL_ULONG(scale_of(layer)),
        MCL_ULONG(shift_of(layer)), MCL_UINT(pass->rows), MCL_UINT(layer->out));
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
