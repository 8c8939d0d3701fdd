/* SPDX-License-Identifier: Apache-2.0 */
/* The product by the kernel for CPUs, see cl/gemm.cl. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/integers.h"
#include "base/memory.h"
#include "compute/providers.h"
#include "constants.clh"
#include "device/profile.h"

#define OPTIONS_SIZE 256
#define PANELS_MAX 8
#define TRIALS 8               /* numbers of blocks, down and across */
#define LONG_RUN 32            /* floats of patches that are read in place */
#define PACK_DEPTH 64          /* rows of B of a work-item of the kernel pack */
#define PACKED_MAX (16u << 20) /* floats of a B that runs pack */

static const size_t one[3] = {1, 1, 1}; /* work-items of a work-group */

/* Workspace of a context. */
struct workspace {
    cl_mem packed;                         /* B in panels */
    cl_mem copies;                         /* what work-items copy for themselves */
    uint64_t packed_floats, copies_floats; /* as many as the largest product has asked for */
    cl_mem tickets;                        /* the counter that blocks are given out by */
};

static const char workspace_key;

/* How a product is worked off, see cl/gemm.cl. */
struct plan {
    mcl_context *context;
    mcl_gemm gemm;
    mcl_cpu_tile tile;
    uint32_t rows, panels, depth; /* of a block of C, and of k */
    uint32_t items;               /* of a launch, at most */
    uint32_t how_a, how_b;        /* MCL_READ… */
    bool is_packed;               /* B comes in panels */
    bool may_pack;                /* a run may pack B */
    uint32_t how;                 /* the epilogue */
    uint32_t patches;             /* MCL_PATCHES_…: the operand that is gathered */
    bool scattered;               /* so are C's rows */
    uint32_t segments, last_k;    /* of k, with a C each, where B is gathered; else 1 and k */
    uint32_t run;                 /* adjacent floats of patches */
    cl_mem geometry;              /* of patches, or NULL */
    mcl_kernel *kernel, *pack;
    struct workspace *workspace;
};

static uint32_t ceil_divide(uint64_t n, uint64_t by)
{
    return (uint32_t)((n + by - 1) / by);
}

static uint32_t units_of(const mcl_context *context)
{
    return context->info.compute_units ? context->info.compute_units : 1;
}

static bool fits_buffer(const mcl_context *context, uint64_t floats)
{
    const uint64_t largest = context->info.largest_buffer;
    return largest == 0 || floats <= largest / sizeof(float);
}

/* Whether work-items take blocks by tickets. Not where launches are divided, or a loop may end
 * before its end, on the devices that this kernel is only tested on: the counter would not come
 * back to 0. */
static bool by_tickets(const mcl_context *context)
{
    return context->info.type == MCL_DEVICE_CPU && !context->paced &&
           !mcl_context_cuts_loops(context);
}

static uint32_t columns_of(const mcl_cpu_tile *tile)
{
    return tile->vector * tile->vectors;
}

static uint32_t panels_of(const struct plan *plan)
{
    return ceil_divide(plan->gemm.n, columns_of(&plan->tile));
}

/* Whether B is packed in a launch before. */
static bool packs(const struct plan *plan)
{
    return plan->how_b == MCL_READ_PACKED && !plan->is_packed;
}

static uint64_t packed_floats(const struct plan *plan)
{
    return (uint64_t)panels_of(plan) * columns_of(&plan->tile) * plan->gemm.k;
}

/* k in equal parts: of whole runs where these are read in place, else of whole blocks for
 * transposing, where there is room for that. */
static uint32_t depth_of_panel(const struct plan *plan)
{
    const mcl_cpu_tile *tile = &plan->tile;
    const mcl_gemm *gemm = &plan->gemm;
    if (plan->patches == MCL_PATCHES_OF_A && plan->run >= LONG_RUN &&
        plan->run <= tile->block_depth && plan->run <= gemm->k) {
        const uint32_t runs = gemm->k / plan->run, most = tile->block_depth / plan->run;
        return ceil_divide(runs, ceil_divide(runs, most)) * plan->run;
    }
    const uint32_t parts = (gemm->k - 1) / tile->block_depth + 1;
    const uint32_t depth = (gemm->k - 1) / parts + 1;
    const uint32_t whole = ((depth - 1) / MCL_TRANSPOSE_BLOCK + 1) * MCL_TRANSPOSE_BLOCK;
    return whole <= tile->block_depth ? whole : depth;
}

/* Room for what a work-item copies: a strip of B and a block of A, as large as either may be. */
static uint64_t copies_floats(const struct plan *plan)
{
    const mcl_cpu_tile *tile = &plan->tile;
    const uint64_t tiles = ceil_divide(plan->gemm.m, tile->rows);
    return (uint64_t)plan->depth * columns_of(tile) * mcl_least(panels_of(plan), PANELS_MAX) +
           mcl_least(tiles * tile->rows, tile->block_rows) * (plan->depth + MCL_TILE_PADDING);
}

/* Work-items of a launch, of which all have room for their copies in one buffer. */
static uint32_t items_of(const struct plan *plan)
{
    const uint64_t largest = plan->context->info.largest_buffer / sizeof(float);
    const uint64_t most = largest ? largest / copies_floats(plan) : UINT32_MAX;
    return (uint32_t)mcl_least(units_of(plan->context), most > 1 ? most : 1);
}

/* Halves a tile's blocks; false: they are as small as can be. */
static bool shrink(mcl_cpu_tile *tile)
{
    if (tile->block_rows > tile->rows)
        tile->block_rows = (tile->block_rows / tile->rows + 1) / 2 * tile->rows;
    else if (tile->block_depth > MCL_TRANSPOSE_BLOCK)
        tile->block_depth /= 2;
    else
        return false;
    return true;
}

static uint64_t sums_floats(const struct plan *plan)
{
    const bool whole = plan->gemm.k <= plan->depth; /* no sum waits for another block of k */
    return (whole ? plan->tile.rows : (uint64_t)plan->panels * plan->rows) *
           columns_of(&plan->tile);
}

/* Rows that begin so many floats apart meet in few sets of the first cache. */
static bool meets_itself(uint32_t stride)
{
    return stride % 256 == 0;
}

/* In the time of multiplications of a vector: to copy a vector, to transpose one, to gather one, to
 * read a row of B or a column of A for a tile where it is, and to launch a kernel. */
#define COPY 4.0
#define TRANSPOSE 12.0
#define GATHER 8.0
#define READ_ROW 0.5
#define READ_COLUMN 4.0
#define LAUNCH 1e5

/* What a block takes for each k. */
static double cost_of_block(const struct plan *plan)
{
    static const double copies[] = {[MCL_READ_COPY] = COPY, [MCL_READ_TRANSPOSED] = TRANSPOSE};
    const mcl_cpu_tile *tile = &plan->tile;
    const double rows = plan->rows, vectors = (double)plan->panels * tile->vectors;
    double cost = rows * vectors;
    if (plan->patches == MCL_PATCHES_OF_B)
        cost += GATHER * vectors;
    else if (plan->how_b == MCL_READ)
        cost += READ_ROW * vectors * rows / tile->rows;
    else if (plan->how_b != MCL_READ_PACKED)
        cost += copies[plan->how_b] * vectors;
    if (plan->patches == MCL_PATCHES_OF_A && plan->how_a == MCL_READ_COPY)
        cost += GATHER * rows / tile->vector;
    else if (plan->how_a == MCL_READ_COPY)
        cost += COPY * rows / (plan->gemm.transpose_a ? tile->rows : tile->vector);
    else if (plan->gemm.transpose_a)
        cost += READ_COLUMN * vectors * rows / tile->rows;
    return cost;
}

/* What the product takes of all compute units together. Blocks are taken one by one; the last ones
 * end up to a block apart. */
static double cost_of(const struct plan *plan)
{
    const double units = units_of(plan->context), k = plan->gemm.k;
    const double turns = (double)plan->segments * ceil_divide(plan->gemm.m, plan->rows) *
                         ceil_divide(panels_of(plan), plan->panels) / units;
    double cost = k * units * cost_of_block(plan) * (0.75 * ceil(turns) + 0.25 * (turns + 1.0));
    if (packs(plan))
        cost += LAUNCH * units + (plan->gemm.transpose_b ? TRANSPOSE : COPY) * k * panels_of(plan) *
                                     plan->tile.vectors;
    return cost;
}

/* Takes a trial's way with blocks of so many tiles × panels where that costs less. */
static void consider(
    struct plan *plan, double *least, const struct plan *way, uint32_t tiles, uint32_t panels)
{
    struct plan trial = *way;
    trial.rows = tiles * way->tile.rows;
    trial.panels = panels;
    const double cost = cost_of(&trial);
    if (cost < *least && mcl_has_local_memory(trial.context, sums_floats(&trial))) {
        *least = cost;
        *plan = trial;
    }
}

/* Blocks of about the same size, from the fewest on; of one panel at last, for which there is local
 * memory in any case. */
static void try_blocks(struct plan *plan, double *least, const struct plan *way)
{
    const mcl_cpu_tile *tile = &way->tile;
    const uint32_t tiles = ceil_divide(way->gemm.m, tile->rows), panels = panels_of(way);
    const uint32_t fewest_rows = ceil_divide(tiles, tile->block_rows / tile->rows);
    const uint32_t fewest_strips = ceil_divide(panels, PANELS_MAX);
    for (uint32_t x = fewest_rows; x <= tiles && x < fewest_rows + TRIALS; x++) {
        for (uint32_t y = fewest_strips; y <= panels && y < fewest_strips + TRIALS; y++)
            consider(plan, least, way, ceil_divide(tiles, x), ceil_divide(panels, y));
        consider(plan, least, way, ceil_divide(tiles, x), 1);
    }
}

/* Whether the operands may be read so: B as it is stored or comes; A's columns, where it is stored
 * transposed, either way, and its rows in place unless they meet in the cache. */
static bool is_tried(const struct plan *plan, uint32_t how_a, uint32_t how_b)
{
    const mcl_gemm *gemm = &plan->gemm;
    const bool plain = !gemm->transpose_b || plan->is_packed;
    if (how_b == MCL_READ_PACKED ? !plan->is_packed && !plan->may_pack : plan->is_packed)
        return false;
    if (plain ? how_b == MCL_READ_TRANSPOSED : how_b == MCL_READ || how_b == MCL_READ_COPY)
        return false;
    if (plan->patches == MCL_PATCHES_OF_B && how_b != MCL_READ_COPY)
        return false;
    if (plan->patches == MCL_PATCHES_OF_A)
        return (how_a == MCL_READ_COPY) == (plan->run < LONG_RUN);
    return gemm->transpose_a || (how_a == MCL_READ_COPY) == meets_itself(gemm->lda);
}

/* Chooses the blocks and how operands are read, by what that costs. */
static void settle(struct plan *plan)
{
    double least = INFINITY;
    plan->depth = depth_of_panel(plan);
    for (uint32_t how_a = MCL_READ; how_a <= MCL_READ_COPY; how_a++) {
        for (uint32_t how_b = MCL_READ; how_b <= MCL_READ_PACKED; how_b++) {
            struct plan trial = *plan;
            trial.how_a = how_a;
            trial.how_b = how_b;
            if (is_tried(plan, how_a, how_b))
                try_blocks(plan, &least, &trial);
        }
    }
}

/* The plan for fewer rows, which change the blocks and not the kernel. */
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
    mcl_buffer_release(&workspace->packed);
    mcl_buffer_release(&workspace->copies);
    mcl_buffer_release(&workspace->tickets);
    free(workspace);
}

static mcl_status workspace_of(struct workspace **workspace, mcl_context *context)
{
    struct workspace *created;
    *workspace = mcl_context_attached(context, &workspace_key);
    if (*workspace)
        return MCL_OK;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    mcl_status status = mcl_buffer_create_scratch(
        &created->tickets, context, sizeof(cl_uint), sizeof(cl_uint), "a counter");
    if (status == MCL_OK)
        status = mcl_buffer_zero(context, created->tickets, 0, sizeof(cl_uint));
    if (status == MCL_OK)
        status = mcl_context_attach(context, &workspace_key, created, free_workspace);
    if (status == MCL_OK)
        *workspace = created;
    else
        free_workspace(created);
    return status;
}

static const char what[] = "workspace of the matrix product";

static mcl_status create_packed(cl_mem *packed, const struct plan *plan, const char *whose)
{
    const uint64_t floats = packed_floats(plan);
    const uint64_t padding = floats - (uint64_t)plan->gemm.n * plan->gemm.k;
    return mcl_buffer_create_scratch(
        packed, plan->context, floats * sizeof(float), padding * sizeof(float), whose);
}

/* Makes the workspace large enough for a plan. A buffer that is replaced stays alive while the
 * queue uses it. */
static mcl_status reserve(struct workspace *workspace, const struct plan *plan)
{
    mcl_context *context = plan->context;
    const uint64_t copies = copies_floats(plan) * plan->items;
    const uint64_t packed = packs(plan) ? packed_floats(plan) : 0;
    cl_mem buffer;
    if (copies > workspace->copies_floats) {
        const uint64_t bytes = copies * sizeof(float);
        MCL_TRY(mcl_buffer_create_scratch(
            &buffer, context, bytes, context->info.type == MCL_DEVICE_CPU ? bytes : 0, what));
        mcl_buffer_release(&workspace->copies);
        workspace->copies = buffer;
        workspace->copies_floats = copies;
    }
    if (packed > workspace->packed_floats) {
        MCL_TRY(create_packed(&buffer, plan, what));
        mcl_buffer_release(&workspace->packed);
        workspace->packed = buffer;
        workspace->packed_floats = packed;
    }
    return MCL_OK;
}

/* Chooses how a plan is worked off, and finds its kernels. */
static mcl_status make(struct plan *plan, const mcl_epilogue *epilogue)
{
    mcl_context *context = plan->context;
    char options[OPTIONS_SIZE];
    plan->tile = mcl_cpu_tile_of(context, &plan->gemm);
    plan->how = mcl_epilogue_how(epilogue);
    plan->may_pack = packed_floats(plan) <= PACKED_MAX && fits_buffer(context, packed_floats(plan));
    settle(plan);
    while (!fits_buffer(context, copies_floats(plan)) && shrink(&plan->tile))
        settle(plan);
    if (plan->rows == 0)
        return mcl_fail(
            MCL_ERROR_DEVICE, "%s: its local memory has no room for a tile", context->info.name);
    plan->items = items_of(plan);
    plan->may_pack = packs(plan); /* as runs with fewer rows may, too */
    const mcl_cpu_tile *tile = &plan->tile;
    const int length = snprintf(options, sizeof options,
        "-D TILE_ROWS=%u -D VECTOR=%u -D VECTORS=%u -D ACTIVATION=%d", tile->rows, tile->vector,
        tile->vectors, mcl_epilogue_activation(epilogue));
    if (plan->patches)
        snprintf(
            options + length, sizeof options - (size_t)length, " -D PATCHES=%u", plan->patches);
    MCL_TRY(mcl_kernel_find(&plan->kernel, context, "gemm.cl", "gemm", options));
    MCL_TRY(mcl_kernel_find(&plan->pack, context, "gemm.cl", "pack", options));
    MCL_TRY(workspace_of(&plan->workspace, context));
    return reserve(plan->workspace, plan);
}

static mcl_status create(
    void *of, mcl_context *context, const mcl_gemm *gemm, const mcl_epilogue *epilogue)
{
    struct plan *plan = of;
    *plan = (struct plan){.context = context, .gemm = *gemm, .segments = 1};
    return make(plan, epilogue);
}

static mcl_status create_gathering(void *of, mcl_context *context, const mcl_gemm *gemm,
    const mcl_patches *patches, const mcl_epilogue *epilogue)
{
    struct plan *plan = of;
    *plan = (struct plan){.context = context,
        .gemm = *gemm,
        .patches = patches->of_b ? MCL_PATCHES_OF_B : MCL_PATCHES_OF_A,
        .run = (uint32_t)patches->geometry[MCL_PATCH_RUN],
        .scattered = patches->scattered,
        .segments = patches->of_b ? patches->segments : 1,
        .last_k = patches->of_b ? patches->last_k : gemm->k};
    MCL_TRY(mcl_buffer_create_from(&plan->geometry, context, patches->geometry, MCL_PATCH_NUMBERS,
        sizeof *patches->geometry, "sizes of a convolution"));
    return make(plan, epilogue);
}

static void free_plan(void *of)
{
    struct plan *plan = of;
    mcl_buffer_release(&plan->geometry);
}

static mcl_status build(void *of, const mcl_operands *operands)
{
    const struct plan *plan = of;
    cl_kernel built;
    (void)operands;
    return mcl_kernel_build(&built, plan->kernel);
}

static mcl_status pack_into(cl_mem packed, const struct plan *plan, mcl_matrix b)
{
    const mcl_gemm *gemm = &plan->gemm;
    mcl_profile_work(plan->context, NULL, 0.0, 2.0 * sizeof(float) * gemm->n * gemm->k);
    return mcl_run_local(plan->pack, panels_of(plan), ceil_divide(gemm->k, PACK_DEPTH), one,
        MCL_BUFFER(b.buffer), MCL_ULONG(b.offset), MCL_UINT(gemm->ldb), MCL_UINT(gemm->transpose_b),
        MCL_BUFFER(packed), MCL_UINT(gemm->n), MCL_UINT(gemm->k), MCL_UINT(PACK_DEPTH));
}

static mcl_status pack(cl_mem *packed, void *of, mcl_matrix b)
{
    struct plan *plan = of;
    cl_mem copy;
    if (!fits_buffer(plan->context, packed_floats(plan)))
        return MCL_OK;
    MCL_TRY(create_packed(&copy, plan, "a copy of the weights"));
    const mcl_status status = pack_into(copy, plan, b);
    if (status != MCL_OK) {
        mcl_buffer_release(&copy);
        return status;
    }
    *packed = copy;
    plan->is_packed = true;
    settle(plan);
    return MCL_OK;
}

static mcl_status run(const void *of, const mcl_operands *operands)
{
    const struct plan for_rows = plan_for_rows(of, operands->m), *plan = &for_rows;
    const mcl_gemm *gemm = &plan->gemm;
    const mcl_matrix a = operands->a, c = operands->c;
    const mcl_matrix bias = operands->bias.buffer ? operands->bias : c; /* else it is not read */
    mcl_matrix b = operands->b;
    if (packs(plan)) {
        MCL_TRY(pack_into(plan->workspace->packed, plan, b));
        b = (mcl_matrix){plan->workspace->packed, 0};
    }
    const uint64_t blocks = (uint64_t)plan->segments * ceil_divide(operands->m, plan->rows) *
                            ceil_divide(panels_of(plan), plan->panels);
    const uint32_t items = (uint32_t)mcl_least(blocks, plan->items);
    mcl_gemm whole = *gemm;
    if (plan->patches == MCL_PATCHES_OF_B)
        whole.k = (plan->segments - 1) * gemm->k + plan->last_k;
    const mcl_argument arguments[] = {MCL_BUFFER(a.buffer), MCL_ULONG(a.offset),
        MCL_UINT(gemm->lda), MCL_UINT(gemm->transpose_a), MCL_UINT(plan->how_a),
        MCL_BUFFER(b.buffer), MCL_ULONG(b.offset), MCL_UINT(gemm->ldb), MCL_UINT(plan->how_b),
        MCL_BUFFER(c.buffer), MCL_ULONG(c.offset), MCL_UINT(gemm->ldc), MCL_UINT(operands->m),
        MCL_UINT(gemm->n), MCL_UINT(gemm->k), MCL_FLOAT(gemm->alpha), MCL_FLOAT(operands->beta),
        MCL_UINT(plan->how), MCL_UINT(plan->rows), MCL_UINT(plan->panels), MCL_UINT(plan->depth),
        MCL_BUFFER(bias.buffer), MCL_ULONG(bias.offset),
        MCL_BUFFER(operands->kept ? operands->kept : c.buffer), MCL_ULONG(operands->kept_offset),
        MCL_SCRATCH(plan->workspace->copies), MCL_ULONG(copies_floats(plan)),
        MCL_SCRATCH(plan->workspace->tickets), MCL_UINT(by_tickets(plan->context) ? 0 : items),
        MCL_LOCAL(sums_floats(plan) * sizeof(float)), /* and where something is gathered */
        MCL_BUFFER(plan->geometry), MCL_UINT(plan->scattered), MCL_UINT(plan->segments),
        MCL_UINT(plan->last_k)};
    const size_t count = sizeof arguments / sizeof *arguments - (plan->patches ? 0 : 4);
    mcl_product_record(plan->context, &whole, operands->m);
    return mcl_run_arguments(plan->kernel, (size_t[3]){items, 1, 1}, one, arguments, count);
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
    .create_gathering = create_gathering,
    .free = free_plan,
    .build = build,
    .run = run,
    .pack = pack,
    .candidates = add_candidates,
    .refine = refine,
};
