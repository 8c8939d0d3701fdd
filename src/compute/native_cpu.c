/* SPDX-License-Identifier: Apache-2.0 */
/* The product by the kernel for CPUs, see cl/gemm.cl. */
#include <stdio.h>

#include "base/memory.h"
#include "compute/providers.h"
#include "compute/tiles.h"
#include "compute/tuning.h"
#include "device/profile.h"

#define TRANSPOSE_BLOCK 16 /* as in cl/transpose.clh */
#define OPTIONS_SIZE 256
#define PANELS_MAX 4
#define TILE_PADDING 16 /* as in cl/gemm.cl */

static const size_t one[3] = {1, 1, 1}; /* work-items of a work-group */

static uint32_t panels_of(const mcl_cpu_tile *tile, const mcl_gemm *gemm)
{
    const uint32_t columns = tile->vector * tile->vectors;
    return gemm->n / columns + (gemm->n % columns != 0);
}

/* Whether the kernel turns panels of a transposed B itself: where one block has all the rows, so
 * that none is packed twice, and there is work for all. */
static bool transposes_panels(
    const mcl_context *context, const mcl_cpu_tile *tile, const mcl_gemm *gemm)
{
    return gemm->transpose_b && gemm->m <= tile->block_rows &&
           panels_of(tile, gemm) >= context->info.compute_units;
}

/* Whether B is packed before. */
static bool needs_copy(const mcl_context *context, const mcl_cpu_tile *tile, const mcl_gemm *gemm)
{
    return gemm->transpose_b && !transposes_panels(context, tile, gemm);
}

/* How a product is worked off, see cl/gemm.cl. */
struct plan {
    uint32_t rows, panels, depth; /* of a work-item; depth of a block of k */
    bool copies;                  /* blocks of A */
};

static uint64_t wanted_items(const mcl_context *context)
{
    return (uint64_t)context->info.compute_units * 8;
}

/* A block of rows gives every compute unit several work-items, where there are rows enough. */
static uint32_t rows_of_item(
    const mcl_context *context, const mcl_cpu_tile *tile, const mcl_gemm *gemm)
{
    const uint64_t items = wanted_items(context), panels = panels_of(tile, gemm);
    const uint64_t blocks =
        transposes_panels(context, tile, gemm) ? 1 : (items + panels - 1) / panels;
    const uint64_t rows = (gemm->m + blocks - 1) / blocks;
    const uint64_t whole = (rows + tile->rows - 1) / tile->rows * tile->rows;
    return whole < tile->block_rows ? (uint32_t)whole : tile->block_rows;
}

/* k in equal parts, of whole blocks for turning where there is room for that. */
static uint32_t depth_of_panel(const mcl_cpu_tile *tile, const mcl_gemm *gemm)
{
    const uint32_t parts = (gemm->k - 1) / tile->block_depth + 1;
    const uint32_t depth = (gemm->k - 1) / parts + 1;
    const uint32_t whole = ((depth - 1) / TRANSPOSE_BLOCK + 1) * TRANSPOSE_BLOCK;
    return whole <= tile->block_depth ? whole : depth;
}

static uint64_t panel_floats(const struct plan *plan, const mcl_cpu_tile *tile)
{
    return (uint64_t)plan->depth * tile->vector * tile->vectors;
}

static uint64_t sums_floats(const struct plan *plan, const mcl_cpu_tile *tile)
{
    return (uint64_t)plan->panels * plan->rows * tile->vector * tile->vectors;
}

/* Not 0 without a copy, since the kernel has the argument all the same. */
static uint64_t copy_floats(const struct plan *plan, const mcl_cpu_tile *tile)
{
    return plan->copies
               ? plan->rows / tile->rows * ((uint64_t)plan->depth * tile->rows + TILE_PADDING)
               : TILE_PADDING;
}

static bool fits(const mcl_context *context, const mcl_cpu_tile *tile, const struct plan *plan)
{
    return mcl_has_local_memory(
        context, panel_floats(plan, tile) + sums_floats(plan, tile) + copy_floats(plan, tile));
}

/* An item takes several panels for one block of A's rows where that leaves enough items and local
 * memory has room; a copy of A's rows pays from three panels on. */
static struct plan plan_of(
    const mcl_context *context, const mcl_cpu_tile *tile, const mcl_gemm *gemm)
{
    struct plan plan = {
        .rows = rows_of_item(context, tile, gemm),
        .depth = depth_of_panel(tile, gemm),
    };
    const uint64_t blocks = (gemm->m - 1) / plan.rows + 1;
    const uint64_t panels = panels_of(tile, gemm) * blocks / wanted_items(context);
    plan.panels = panels > PANELS_MAX ? PANELS_MAX : panels > 1 ? (uint32_t)panels : 1;
    plan.copies = gemm->transpose_a && plan.panels > 2;
    if (!fits(context, tile, &plan))
        plan.copies = false;
    while (plan.panels > 1 && !fits(context, tile, &plan))
        plan.panels--;
    return plan;
}

/* Workspace of the context for a copy of B the other way round. B is the weights or the embeddings
 * here, the smaller operand. */
static mcl_status reserve(mcl_context *context, const mcl_gemm *gemm)
{
    const uint64_t bytes = (uint64_t)gemm->n * gemm->k * sizeof(float);
    if (bytes <= context->scratch.bytes)
        return MCL_OK;
    cl_mem buffer;
    MCL_TRY(mcl_buffer_create(&buffer, context, bytes, 1, "workspace of the matrix product"));
    mcl_buffer_release(&context->scratch.buffer); /* the queue keeps it alive while in use */
    context->scratch.buffer = buffer;
    context->scratch.bytes = bytes;
    return MCL_OK;
}

static void write_options(char options[OPTIONS_SIZE], const mcl_cpu_tile *tile,
    const mcl_gemm *gemm, const mcl_epilogue *epilogue, const struct plan *plan)
{
    snprintf(options, OPTIONS_SIZE,
        "-D TILE_ROWS=%u -D VECTOR=%u -D VECTORS=%u "
        "-D TRANSPOSE_A=%d -D ADJACENT=%d -D COPY_A=%d -D ACTIVATION=%d",
        tile->rows, tile->vector, tile->vectors, gemm->transpose_a,
        gemm->transpose_a && !plan->copies && gemm->m >= tile->rows, plan->copies,
        mcl_epilogue_activation(epilogue));
}

mcl_status mcl_gemm_cpu_prepare(
    mcl_context *context, const mcl_gemm *gemm, const mcl_epilogue *epilogue)
{
    const mcl_cpu_tile tile = mcl_cpu_tile_of(context, gemm);
    const struct plan plan = plan_of(context, &tile, gemm);
    char options[OPTIONS_SIZE];
    write_options(options, &tile, gemm, epilogue, &plan);
    MCL_TRY(mcl_kernel_expect(context, "gemm.cl", options));
    if (!needs_copy(context, &tile, gemm))
        return MCL_OK;
    return reserve(context, gemm);
}

/* Copies B, stored [n×k], to `to` as [k×n]. */
static mcl_status transpose_b(mcl_context *context, const mcl_gemm *gemm, mcl_matrix b, cl_mem to)
{
    cl_kernel kernel;
    MCL_TRY(mcl_kernel_get(&kernel, context, "transpose.cl", "transpose", ""));
    mcl_profile_work(context, NULL, 0.0, 2.0 * sizeof(float) * gemm->n * gemm->k);
    return mcl_launch_local(context, kernel, (gemm->n + TRANSPOSE_BLOCK - 1) / TRANSPOSE_BLOCK,
        (gemm->k + TRANSPOSE_BLOCK - 1) / TRANSPOSE_BLOCK, one, MCL_BUFFER(b.buffer),
        MCL_ULONG(b.offset), MCL_UINT(gemm->ldb), MCL_BUFFER(to), MCL_UINT(gemm->n),
        MCL_UINT(gemm->k));
}

mcl_status mcl_gemm_cpu_pack(cl_mem *packed, mcl_context *context, mcl_gemm *gemm, mcl_matrix b)
{
    const mcl_cpu_tile tile = mcl_cpu_tile_of(context, gemm);
    cl_mem copy;
    if (!needs_copy(context, &tile, gemm))
        return MCL_OK;
    MCL_TRY(mcl_buffer_create(
        &copy, context, (uint64_t)gemm->n * gemm->k, sizeof(float), "a copy of the weights"));
    const mcl_status status = transpose_b(context, gemm, b, copy);
    if (status != MCL_OK) {
        mcl_buffer_release(&copy);
        return status;
    }
    *packed = copy;
    gemm->transpose_b = false;
    gemm->ldb = gemm->n;
    return MCL_OK;
}

mcl_status mcl_gemm_cpu(mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b,
    mcl_matrix c, const mcl_epilogue *epilogue)
{
    const mcl_cpu_tile tile = mcl_cpu_tile_of(context, gemm);
    const struct plan plan = plan_of(context, &tile, gemm);
    const mcl_matrix bias = epilogue->bias.buffer ? epilogue->bias : c; /* else it is not read */
    uint32_t ldb = gemm->ldb;
    char options[OPTIONS_SIZE];
    cl_kernel kernel;
    write_options(options, &tile, gemm, epilogue, &plan);
    mcl_status status = mcl_kernel_get(&kernel, context, "gemm.cl", "gemm", options);
    if (status != MCL_OK)
        return mcl_tuning_give_up(context) ? mcl_gemm_cpu(context, gemm, a, b, c, epilogue)
                                           : status;
    if (needs_copy(context, &tile, gemm)) {
        MCL_TRY(reserve(context, gemm));
        MCL_TRY(transpose_b(context, gemm, b, context->scratch.buffer));
        b = (mcl_matrix){context->scratch.buffer, 0};
        ldb = gemm->n;
    }
    mcl_gemm_record(context, gemm);
    return mcl_launch_local(context, kernel, (panels_of(&tile, gemm) - 1) / plan.panels + 1,
        (gemm->m - 1) / plan.rows + 1, one, MCL_BUFFER(a.buffer), MCL_ULONG(a.offset),
        MCL_UINT(gemm->lda), MCL_BUFFER(b.buffer), MCL_ULONG(b.offset), MCL_UINT(ldb),
        MCL_UINT(transposes_panels(context, &tile, gemm)), MCL_BUFFER(c.buffer),
        MCL_ULONG(c.offset), MCL_UINT(gemm->ldc), MCL_UINT(gemm->m), MCL_UINT(gemm->n),
        MCL_UINT(gemm->k), MCL_FLOAT(gemm->alpha), MCL_FLOAT(gemm->beta),
        MCL_UINT(mcl_epilogue_how(epilogue)), MCL_UINT(plan.rows), MCL_UINT(plan.panels),
        MCL_UINT(plan.depth), MCL_BUFFER(bias.buffer), MCL_ULONG(bias.offset),
        MCL_BUFFER(epilogue->kept ? epilogue->kept : c.buffer),
        MCL_LOCAL(panel_floats(&plan, &tile) * sizeof(float)),
        MCL_LOCAL(sums_floats(&plan, &tile) * sizeof(float)),
        MCL_LOCAL(copy_floats(&plan, &tile) * sizeof(float)));
}
