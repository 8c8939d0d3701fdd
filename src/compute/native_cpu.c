/* SPDX-License-Identifier: Apache-2.0 */
/* The product by the kernel for CPUs, see cl/gemm.cl. */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "compute/providers.h"
#include "constants.clh"
#include "device/profile.h"

#define OPTIONS_SIZE 256
#define PANELS_MAX 4

static const size_t one[3] = {1, 1, 1}; /* work-items of a work-group */

/* Workspace of a context for a copy of B the other way round, as large as the largest. B is the
 * weights or the embeddings here, the smaller operand. */
struct workspace {
    cl_mem buffer;
    uint64_t bytes;
};

static const char workspace_key;

/* How a product is worked off, see cl/gemm.cl. */
struct plan {
    mcl_context *context;
    mcl_gemm gemm;
    mcl_cpu_tile tile;
    uint32_t rows, panels, depth; /* of a work-item; depth of a block of k */
    bool copies;                  /* blocks of A */
    bool transposes_panels;       /* the kernel does it to those of a transposed B */
    uint32_t how;                 /* the epilogue */
    mcl_kernel *kernel;
    mcl_kernel *transpose;       /* of a transposed B */
    struct workspace *workspace; /* for a copy of it; NULL: none is needed */
};

static uint32_t panels_of(const struct plan *plan)
{
    const uint32_t columns = plan->tile.vector * plan->tile.vectors;
    return plan->gemm.n / columns + (plan->gemm.n % columns != 0);
}

/* Whether the kernel transposes panels of a transposed B itself: where one block has all the rows,
 * so that none is transposed twice, and there is work for all. */
static bool transposes_panels(const struct plan *plan)
{
    return plan->gemm.transpose_b && plan->gemm.m <= plan->tile.block_rows &&
           panels_of(plan) >= plan->context->info.compute_units;
}

/* Whether B is copied before. */
static bool needs_copy(const struct plan *plan)
{
    return plan->gemm.transpose_b && !plan->transposes_panels;
}

static uint64_t wanted_items(const mcl_context *context)
{
    return (uint64_t)context->info.compute_units * 8;
}

/* A block of rows gives every compute unit several work-items, where there are rows enough. */
static uint32_t rows_of_item(const struct plan *plan)
{
    const mcl_cpu_tile *tile = &plan->tile;
    const uint64_t items = wanted_items(plan->context), panels = panels_of(plan);
    const uint64_t blocks = plan->transposes_panels ? 1 : (items + panels - 1) / panels;
    const uint64_t rows = (plan->gemm.m + blocks - 1) / blocks;
    const uint64_t whole = (rows + tile->rows - 1) / tile->rows * tile->rows;
    return whole < tile->block_rows ? (uint32_t)whole : tile->block_rows;
}

/* k in equal parts, of whole blocks for transposing where there is room for that. */
static uint32_t depth_of_panel(const mcl_cpu_tile *tile, const mcl_gemm *gemm)
{
    const uint32_t parts = (gemm->k - 1) / tile->block_depth + 1;
    const uint32_t depth = (gemm->k - 1) / parts + 1;
    const uint32_t whole = ((depth - 1) / MCL_TRANSPOSE_BLOCK + 1) * MCL_TRANSPOSE_BLOCK;
    return whole <= tile->block_depth ? whole : depth;
}

static uint64_t panel_floats(const struct plan *plan)
{
    return (uint64_t)plan->depth * plan->tile.vector * plan->tile.vectors;
}

static uint64_t sums_floats(const struct plan *plan)
{
    return (uint64_t)plan->panels * plan->rows * plan->tile.vector * plan->tile.vectors;
}

/* Not 0 without a copy, since the kernel has the argument all the same. */
static uint64_t copy_floats(const struct plan *plan)
{
    const uint32_t rows = plan->tile.rows;
    return plan->copies ? plan->rows / rows * ((uint64_t)plan->depth * rows + MCL_TILE_PADDING)
                        : MCL_TILE_PADDING;
}

static bool fits(const struct plan *plan)
{
    return mcl_has_local_memory(
        plan->context, panel_floats(plan) + sums_floats(plan) + copy_floats(plan));
}

/* An item takes several panels for one block of A's rows where that leaves enough items and local
 * memory has room; a copy of A's rows pays from three panels on. */
static void settle(struct plan *plan)
{
    plan->transposes_panels = transposes_panels(plan);
    plan->rows = rows_of_item(plan);
    plan->depth = depth_of_panel(&plan->tile, &plan->gemm);
    const uint64_t blocks = (plan->gemm.m - 1) / plan->rows + 1;
    const uint64_t panels = panels_of(plan) * blocks / wanted_items(plan->context);
    plan->panels = panels > PANELS_MAX ? PANELS_MAX : panels > 1 ? (uint32_t)panels : 1;
    plan->copies = plan->gemm.transpose_a && plan->panels > 2;
    if (!fits(plan))
        plan->copies = false;
    while (plan->panels > 1 && !fits(plan))
        plan->panels--;
}

/* The plan for fewer rows, which change the geometry and not the kernel: with a few rows B is not
 * copied, and panels are spread over more work-items. */
static struct plan plan_for_rows(const struct plan *plan, uint32_t rows)
{
    struct plan fewer = *plan;
    if (rows != plan->gemm.m) {
        fewer.gemm.m = rows;
        settle(&fewer);
    }
    return fewer;
}

static void free_workspace(void *of)
{
    struct workspace *workspace = of;
    mcl_buffer_release(&workspace->buffer);
    free(workspace);
}

static mcl_status workspace_of(struct workspace **workspace, mcl_context *context)
{
    struct workspace *created;
    *workspace = mcl_context_attached(context, &workspace_key);
    if (*workspace)
        return MCL_OK;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    const mcl_status status = mcl_context_attach(context, &workspace_key, created, free_workspace);
    if (status == MCL_OK)
        *workspace = created;
    else
        free(created);
    return status;
}

static mcl_status reserve(struct workspace *workspace, mcl_context *context, const mcl_gemm *gemm)
{
    const uint64_t bytes = (uint64_t)gemm->n * gemm->k * sizeof(float);
    cl_mem buffer;
    if (bytes <= workspace->bytes)
        return MCL_OK;
    MCL_TRY(mcl_buffer_create(&buffer, context, bytes, 1, "workspace of the matrix product"));
    mcl_buffer_release(&workspace->buffer); /* the queue keeps it alive while in use */
    workspace->buffer = buffer;
    workspace->bytes = bytes;
    return MCL_OK;
}

static mcl_status create(
    void *of, mcl_context *context, const mcl_gemm *gemm, const mcl_epilogue *epilogue)
{
    struct plan *plan = of;
    char options[OPTIONS_SIZE];
    *plan = (struct plan){.context = context,
        .gemm = *gemm,
        .tile = mcl_cpu_tile_of(context, gemm),
        .how = mcl_epilogue_how(epilogue)};
    settle(plan);
    const mcl_cpu_tile *tile = &plan->tile;
    snprintf(options, sizeof options,
        "-D TILE_ROWS=%u -D VECTOR=%u -D VECTORS=%u "
        "-D TRANSPOSE_A=%d -D ADJACENT=%d -D COPY_A=%d -D ACTIVATION=%d",
        tile->rows, tile->vector, tile->vectors, gemm->transpose_a,
        gemm->transpose_a && !plan->copies && gemm->m >= tile->rows, plan->copies,
        mcl_epilogue_activation(epilogue));
    MCL_TRY(mcl_kernel_find(&plan->kernel, context, "gemm.cl", "gemm", options));
    if (gemm->transpose_b)
        MCL_TRY(mcl_kernel_find(&plan->transpose, context, "transpose.cl", "transpose", ""));
    if (!needs_copy(plan))
        return MCL_OK;
    MCL_TRY(workspace_of(&plan->workspace, context));
    return reserve(plan->workspace, context, gemm);
}

static mcl_status build(void *of, const mcl_operands *operands)
{
    const struct plan *plan = of;
    cl_kernel built;
    (void)operands;
    return mcl_kernel_build(&built, plan->kernel);
}

/* Copies B, stored [n×k], to `to` as [k×n]. */
static mcl_status transpose_b(const struct plan *plan, mcl_matrix b, cl_mem to)
{
    const mcl_gemm *gemm = &plan->gemm;
    mcl_profile_work(plan->context, NULL, 0.0, 2.0 * sizeof(float) * gemm->n * gemm->k);
    const size_t columns = (gemm->k + MCL_TRANSPOSE_BLOCK - 1) / MCL_TRANSPOSE_BLOCK;
    const size_t rows = (gemm->n + MCL_TRANSPOSE_BLOCK - 1) / MCL_TRANSPOSE_BLOCK;
    if (mcl_context_spreads(plan->context))
        return mcl_run_rows(plan->transpose, columns * rows * MCL_TRANSPOSE_BLOCK,
            MCL_BUFFER(b.buffer), MCL_ULONG(b.offset), MCL_UINT(gemm->ldb), MCL_BUFFER(to),
            MCL_UINT(gemm->n), MCL_UINT(gemm->k),
            MCL_LOCAL(sizeof(float) * MCL_TRANSPOSE_BLOCK * MCL_TRANSPOSE_STRIDE));
    return mcl_run_local(plan->transpose, rows, columns, one, MCL_BUFFER(b.buffer),
        MCL_ULONG(b.offset), MCL_UINT(gemm->ldb), MCL_BUFFER(to), MCL_UINT(gemm->n),
        MCL_UINT(gemm->k));
}

static mcl_status pack(cl_mem *packed, const void *of, mcl_matrix b)
{
    const struct plan *plan = of;
    cl_mem copy;
    if (!plan->gemm.transpose_b)
        return MCL_OK;
    MCL_TRY(mcl_buffer_create(&copy, plan->context, (uint64_t)plan->gemm.n * plan->gemm.k,
        sizeof(float), "a copy of the weights"));
    const mcl_status status = transpose_b(plan, b, copy);
    if (status == MCL_OK)
        *packed = copy;
    else
        mcl_buffer_release(&copy);
    return status;
}

static mcl_status run(const void *of, const mcl_operands *operands)
{
    const struct plan for_rows = plan_for_rows(of, operands->m), *plan = &for_rows;
    const mcl_gemm *gemm = &plan->gemm;
    const mcl_matrix a = operands->a, c = operands->c;
    const mcl_matrix bias = operands->bias.buffer ? operands->bias : c; /* else it is not read */
    mcl_matrix b = operands->b;
    uint32_t ldb = gemm->ldb;
    if (needs_copy(plan)) {
        MCL_TRY(transpose_b(plan, b, plan->workspace->buffer));
        b = (mcl_matrix){plan->workspace->buffer, 0};
        ldb = gemm->n;
    }
    mcl_product_record(plan->context, gemm, operands->m);
    return mcl_run_local(plan->kernel, (panels_of(plan) - 1) / plan->panels + 1,
        (operands->m - 1) / plan->rows + 1, one, MCL_BUFFER(a.buffer), MCL_ULONG(a.offset),
        MCL_UINT(gemm->lda), MCL_BUFFER(b.buffer), MCL_ULONG(b.offset), MCL_UINT(ldb),
        MCL_UINT(plan->transposes_panels), MCL_BUFFER(c.buffer), MCL_ULONG(c.offset),
        MCL_UINT(gemm->ldc), MCL_UINT(operands->m), MCL_UINT(gemm->n), MCL_UINT(gemm->k),
        MCL_FLOAT(gemm->alpha), MCL_FLOAT(operands->beta), MCL_UINT(plan->how),
        MCL_UINT(plan->rows), MCL_UINT(plan->panels), MCL_UINT(plan->depth),
        MCL_BUFFER(bias.buffer), MCL_ULONG(bias.offset),
        MCL_BUFFER(operands->kept ? operands->kept : c.buffer),
        MCL_LOCAL(panel_floats(plan) * sizeof(float)), MCL_LOCAL(sums_floats(plan) * sizeof(float)),
        MCL_LOCAL(copy_floats(plan) * sizeof(float)));
}

static bool is_native_of(const mcl_context *context)
{
    return context->info.type == MCL_DEVICE_CPU && !mcl_context_cuts_loops(context);
}

static void add(mcl_candidates *candidates, const mcl_context *context, const mcl_cpu_tile *tile)
{
    if (candidates->count < MCL_CANDIDATES_MAX && mcl_cpu_tile_fits(context, tile))
        candidates->list[candidates->count++].cpu = *tile;
}

/* Tiles whose accumulators fill between a third and all of the registers that are left when one row
 * of B and one element of A have theirs. */
static void add_candidates(mcl_candidates *candidates, const mcl_context *context, bool quick)
{
    static const uint32_t rows[] = {4, 6, 8, 12}, vectors[] = {1, 2, 3};
    const uint32_t width = context->vector_width < 4 ? 4 : context->vector_width;
    const uint32_t registers = width >= 16 ? 32 : 16;
    const mcl_cpu_tile start = mcl_cpu_tile_default(context);
    for (uint32_t vector = 4; vector <= 16; vector *= 2) {
        const uint32_t parts = vector > width ? vector / width : 1;
        if (vector < width / 2 || parts > 2 || (quick && vector != start.vector))
            continue;
        for (size_t r = 0; r < 4; r++) {
            for (size_t v = 0; v < 3; v++) {
                const uint32_t needed = (rows[r] + 1) * vectors[v] * parts + 1;
                mcl_cpu_tile tile = start;
                tile.rows = rows[r];
                tile.vector = vector;
                tile.vectors = vectors[v];
                tile.block_rows = start.block_rows / rows[r] * rows[r];
                if (needed <= registers + 1 && needed >= registers / 3)
                    add(candidates, context, &tile);
            }
        }
    }
}

/* The best so far with other blocks. */
static void refine(
    mcl_candidates *candidates, const mcl_context *context, const mcl_candidate *best)
{
    static const uint32_t rows[] = {48, 96, 192}, depths[] = {128, 256, 512};
    for (size_t r = 0; r < 3; r++) {
        for (size_t d = 0; d < 3; d++) {
            mcl_cpu_tile tile = best->cpu;
            tile.block_rows = rows[r] / tile.rows * tile.rows;
            tile.block_depth = depths[d];
            if (tile.block_rows != best->cpu.block_rows ||
                tile.block_depth != best->cpu.block_depth)
                add(candidates, context, &tile);
        }
    }
}

const mcl_product_provider mcl_product_native_cpu = {
    .kind = MCL_GEMM_NATIVE_CPU,
    .is_native_of = is_native_of,
    .exact = true,
    .plan_size = sizeof(struct plan),
    .create = create,
    .build = build,
    .run = run,
    .pack = pack,
    .candidates = add_candidates,
    .refine = refine,
};
