/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/normalization.h"

#include <stdio.h>

#include "device/profile.h"

#define COLUMNS 16    /* of a work-item, as in cl/normalization.cl */
#define BLOCK_ROWS 64 /* the same */
#define OPTIONS_SIZE 48

static const size_t one[3] = {1, 1, 1}; /* the kernels' vectors are explicit */

static uint32_t blocks_of(uint32_t rows)
{
    return rows / BLOCK_ROWS + (rows % BLOCK_ROWS != 0);
}

static bool by_rows(const mcl_layer *layer)
{
    return layer->normalization == MCL_NORMALIZATION_LAYER;
}

uint64_t mcl_normalization_moments(const mcl_layer *layer, uint32_t rows)
{
    return 2 * (uint64_t)(by_rows(layer) ? rows : layer->out);
}

uint64_t mcl_normalization_workspace(const mcl_layer *layer, uint32_t rows)
{
    return layer->normalization == MCL_NORMALIZATION_NONE
               ? 0
               : 2 * (uint64_t)blocks_of(rows) * layer->out;
}

static void write_options(
    char options[OPTIONS_SIZE], const mcl_layer *layer, mcl_activation activation)
{
    snprintf(options, OPTIONS_SIZE, "-D ACTIVATION=%d -D ROWS=%d", (int)activation, by_rows(layer));
}

mcl_status mcl_normalization_expect(
    mcl_context *context, const mcl_layer *layer, mcl_activation activation)
{
    char options[OPTIONS_SIZE];
    write_options(options, layer, activation);
    return mcl_kernel_expect(context, "normalization.cl", options);
}

/* The kernel of that name; `passes` is how often it reads or writes a number for each of R×O. */
static mcl_status get(cl_kernel *kernel, const mcl_normalizer *normalizer, const char *name,
    uint32_t rows, double passes)
{
    char options[OPTIONS_SIZE];
    write_options(options, normalizer->layer, normalizer->activation);
    MCL_TRY(mcl_kernel_get(kernel, normalizer->context, "normalization.cl", name, options));
    mcl_profile_work(normalizer->context, NULL, 0.0,
        passes * sizeof(float) * (double)rows * (double)normalizer->layer->out);
    return MCL_OK;
}

static uint32_t across(const mcl_layer *layer)
{
    return layer->out / COLUMNS + (layer->out % COLUMNS != 0);
}

/* The moments of the batch, or of the running statistics. */
static mcl_status find_moments(const mcl_normalizer *normalizer, cl_mem parameters, uint32_t rows)
{
    mcl_context *context = normalizer->context;
    const mcl_layer *layer = normalizer->layer;
    const uint32_t blocks = blocks_of(rows);
    cl_kernel kernel;
    if (by_rows(layer)) {
        MCL_TRY(get(&kernel, normalizer, "row_moments", rows, 1.0));
        return mcl_launch_local(context, kernel, rows, 1, one, MCL_BUFFER(normalizer->linear),
            MCL_UINT(rows), MCL_UINT(layer->out), MCL_BUFFER(normalizer->moments));
    }
    if (!normalizer->training) {
        MCL_TRY(get(&kernel, normalizer, "running_moments", 1, 4.0));
        return mcl_launch_local(context, kernel, across(layer), 1, one, MCL_UINT(layer->out),
            MCL_BUFFER(normalizer->moments), MCL_BUFFER(parameters), MCL_ULONG(layer->mean),
            MCL_ULONG(layer->variance));
    }
    MCL_TRY(get(&kernel, normalizer, "block_moments", rows, 1.0));
    MCL_TRY(mcl_launch_local(context, kernel, across(layer), blocks, one,
        MCL_BUFFER(normalizer->linear), MCL_UINT(rows), MCL_UINT(layer->out), MCL_UINT(blocks),
        MCL_BUFFER(normalizer->space)));
    MCL_TRY(get(&kernel, normalizer, "batch_moments", blocks, 2.0));
    return mcl_launch_local(context, kernel, across(layer), 1, one, MCL_BUFFER(normalizer->space),
        MCL_UINT(rows), MCL_UINT(layer->out), MCL_UINT(blocks), MCL_BUFFER(normalizer->moments),
        MCL_BUFFER(parameters), MCL_ULONG(layer->mean), MCL_ULONG(layer->variance));
}

mcl_status mcl_normalization_forward(
    const mcl_normalizer *normalizer, cl_mem parameters, uint32_t rows, cl_mem out)
{
    const mcl_layer *layer = normalizer->layer;
    const bool keeps = normalizer->kept != NULL;
    cl_kernel kernel;
    MCL_TRY(find_moments(normalizer, parameters, rows));
    MCL_TRY(get(&kernel, normalizer, "normalize_activate", rows, keeps ? 3.0 : 2.0));
    return mcl_launch_local(normalizer->context, kernel, across(layer), blocks_of(rows), one,
        MCL_BUFFER(normalizer->linear), MCL_BUFFER(normalizer->moments), MCL_BUFFER(parameters),
        MCL_ULONG(layer->scale), MCL_ULONG(layer->shift), MCL_UINT(rows), MCL_UINT(layer->out),
        MCL_BUFFER(out), MCL_BUFFER(keeps ? normalizer->kept : out));
}

mcl_status mcl_normalization_backward(const mcl_normalizer *normalizer, cl_mem parameters,
    cl_mem gradients, uint32_t rows, cl_mem gradient)
{
    mcl_context *context = normalizer->context;
    const mcl_layer *layer = normalizer->layer;
    const uint32_t blocks = blocks_of(rows);
    cl_kernel kernel;
    MCL_TRY(get(&kernel, normalizer, "block_gradients", rows, 2.0));
    MCL_TRY(mcl_launch_local(context, kernel, across(layer), blocks, one, MCL_BUFFER(gradient),
        MCL_BUFFER(normalizer->linear), MCL_BUFFER(normalizer->moments), MCL_UINT(rows),
        MCL_UINT(layer->out), MCL_UINT(blocks), MCL_BUFFER(normalizer->space)));
    MCL_TRY(get(&kernel, normalizer, "column_gradients", blocks, 2.0));
    MCL_TRY(mcl_launch_local(context, kernel, across(layer), 1, one, MCL_BUFFER(normalizer->space),
        MCL_UINT(layer->out), MCL_UINT(blocks), MCL_BUFFER(gradients), MCL_ULONG(layer->scale),
        MCL_ULONG(layer->shift)));
    if (by_rows(layer)) {
        MCL_TRY(get(&kernel, normalizer, "row_backward", rows, 3.0));
        return mcl_launch_local(context, kernel, rows, 1, one, MCL_BUFFER(gradient),
            MCL_BUFFER(normalizer->linear), MCL_BUFFER(normalizer->moments), MCL_BUFFER(parameters),
            MCL_ULONG(layer->scale), MCL_UINT(rows), MCL_UINT(layer->out));
    }
    MCL_TRY(get(&kernel, normalizer, "batch_backward", rows, 3.0));
    return mcl_launch_local(context, kernel, across(layer), blocks, one, MCL_BUFFER(gradient),
        MCL_BUFFER(normalizer->linear), MCL_BUFFER(normalizer->moments), MCL_BUFFER(parameters),
        MCL_BUFFER(gradients), MCL_ULONG(layer->scale), MCL_ULONG(layer->shift), MCL_UINT(rows),
        MCL_UINT(layer->out));
}
