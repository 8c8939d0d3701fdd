/* SPDX-License-Identifier: Apache-2.0 */
/* The product by the kernel for GPUs, see cl/gemm_gpu.cl. */
#include <stdio.h>
#include <string.h>

#include "compute/providers.h"
#include "constants.clh"

#define OPTIONS_SIZE 320
#define LOADS 3 /* 1, 2 and 4 floats at once */

struct plan {
    mcl_context *context;
    mcl_gemm gemm;
    mcl_gpu_tile tile;
    uint32_t how; /* the epilogue */
    mcl_activation activation;
    mcl_kernel *kernels[LOADS]; /* by the logarithm of LOAD; NULL until operands want it */
};

/* The logarithm of the widest reads that both operands allow, whose rows begin at multiples of
 * them. */
static uint32_t load_of(const struct plan *plan, uint64_t a_offset, uint64_t b_offset)
{
    const uint64_t all = plan->gemm.lda | plan->gemm.ldb | a_offset | b_offset;
    uint32_t load = LOADS - 1;
    while (load > 0 && (plan->tile.load < 1U << load || all % (1U << load) != 0))
        load--;
    return load;
}

/* The tile for reads of so many floats: of one at a time a work-item has four times as many on
 * their way, each with an address and an end of its own, and half the depth lets it keep to its
 * registers. */
static mcl_gpu_tile tile_of(const struct plan *plan, uint32_t load)
{
    mcl_gpu_tile tile = plan->tile;
    if (load == 0 && tile.load > 1 && tile.depth % 2 == 0)
        tile.depth /= 2;
    return tile;
}

static mcl_status find(struct plan *plan, uint32_t load)
{
    const mcl_gpu_tile of_load = tile_of(plan, load), *tile = &of_load;
    char options[OPTIONS_SIZE];
    if (plan->kernels[load])
        return MCL_OK;
    snprintf(options, OPTIONS_SIZE,
        "-D ITEM_ROWS=%u -D ITEM_COLUMNS=%u -D GROUP_ROWS=%u -D GROUP_COLUMNS=%u -D DEPTH=%u "
        "-D VECTOR=%u -D PADDING=%u -D LOAD=%u -D BUFFERS=%u -D TRANSPOSE_A=%d -D TRANSPOSE_B=%d "
        "-D ACTIVATION=%d",
        tile->item_rows, tile->item_columns, tile->group_rows, tile->group_columns, tile->depth,
        tile->vector, tile->padding, 1U << load, tile->buffers, plan->gemm.transpose_a,
        plan->gemm.transpose_b, plan->activation);
    return mcl_kernel_find(&plan->kernels[load], plan->context, "gemm_gpu.cl", "gemm_gpu", options);
}

static mcl_status create(
    void *of, mcl_context *context, const mcl_gemm *gemm, const mcl_epilogue *epilogue)
{
    struct plan *plan = of;
    const bool sums = epilogue->kind == MCL_EPILOGUE_SUMS && gemm->transpose_a;
    *plan = (struct plan){.context = context,
        .gemm = *gemm,
        .tile = mcl_gpu_tile_of(context, gemm),
        .how = sums ? MCL_STORE_SUMS : mcl_epilogue_how(epilogue),
        .activation = mcl_epilogue_activation(epilogue)};
    return find(plan, load_of(plan, 0, 0)); /* most operands are aligned */
}

static mcl_status build(void *of, const mcl_operands *operands)
{
    struct plan *plan = of;
    const uint32_t load = load_of(plan, operands->a.offset, operands->b.offset);
    cl_kernel built;
    MCL_TRY(find(plan, load));
    MCL_TRY(mcl_kernel_build(&built, plan->kernels[load]));
    if (mcl_gpu_tile_runs(&plan->tile, plan->kernels[load]))
        return MCL_OK;
    mcl_opencl_record_error(CL_INVALID_WORK_GROUP_SIZE);
    return mcl_fail(MCL_ERROR_DEVICE,
        "%s: work-groups of the kernel gemm_gpu can have %zu work-items, but the tile has %u × %u",
        plan->context->info.name, mcl_kernel_largest_group(plan->kernels[load]),
        plan->tile.group_rows, plan->tile.group_columns);
}

static bool shrink(void *of)
{
    struct plan *plan = of;
    memset(plan->kernels, 0, sizeof plan->kernels);
    return mcl_gpu_tile_shrink(&plan->tile, plan->context);
}

static mcl_status run(const void *of, const mcl_operands *operands)
{
    const struct plan *plan = of;
    const mcl_gemm *gemm = &plan->gemm;
    const mcl_matrix a = operands->a, b = operands->b, c = operands->c;
    const uint32_t load = load_of(plan, a.offset, b.offset);
    const mcl_gpu_tile of_load = tile_of(plan, load), *tile = &of_load;
    const mcl_matrix bias = operands->bias.buffer ? operands->bias : c; /* else it is not read */
    const uint32_t rows = tile->item_rows * tile->group_rows;
    const uint32_t columns = tile->item_columns * tile->group_columns;
    const size_t local[3] = {tile->group_columns, tile->group_rows, 1};
    const size_t blocks = (size_t)tile->buffers * tile->depth; /* rows of them */
    mcl_product_record(plan->context, gemm, operands->m);
    return mcl_run_local(plan->kernels[load], ((gemm->n - 1) / columns + 1) * local[0],
        ((operands->m - 1) / rows + 1) * local[1], local, MCL_BUFFER(a.buffer), MCL_ULONG(a.offset),
        MCL_UINT(gemm->lda), MCL_BUFFER(b.buffer), MCL_ULONG(b.offset), MCL_UINT(gemm->ldb),
        MCL_BUFFER(c.buffer), MCL_ULONG(c.offset), MCL_UINT(gemm->ldc), MCL_UINT(operands->m),
        MCL_UINT(gemm->n), MCL_UINT(gemm->k), MCL_FLOAT(gemm->alpha), MCL_FLOAT(operands->beta),
        MCL_UINT(plan->how), MCL_BUFFER(bias.buffer), MCL_ULONG(bias.offset),
        MCL_BUFFER(operands->kept ? operands->kept : c.buffer), MCL_ULONG(operands->kept_offset),
        MCL_LOCAL(blocks * (rows + tile->padding) * sizeof(float)),
        MCL_LOCAL(blocks * (columns + tile->padding) * sizeof(float)));
}

static bool is_native_of(const mcl_context *context)
{
    return context->info.type != MCL_DEVICE_CPU || mcl_context_cuts_loops(context);
}

static void add(mcl_candidates *candidates, const mcl_context *context, const uint32_t item[2],
    const uint32_t group[2], uint32_t depth)
{
    uint32_t vector = 4;
    while (item[0] % vector || item[1] % vector)
        vector /= 2;
    mcl_gpu_tile tile = {item[0], item[1], group[0], group[1], depth, vector, vector, 4, 2};
    if (!mcl_gpu_tile_fits(context, &tile))
        tile.buffers = 1;
    if (candidates->count < MCL_CANDIDATES_MAX && mcl_gpu_tile_fits(context, &tile))
        candidates->list[candidates->count++].gpu = tile;
}

static void add_candidates(mcl_candidates *candidates, const mcl_context *context, bool quick)
{
    static const uint32_t items[][2] = {
        {4, 4}, {8, 4}, {2, 2}, {4, 8}, {8, 8}, {2, 4}, {4, 2}, {1, 2}};
    static const uint32_t groups[][2] = {{16, 16}, {8, 8}, {8, 16}, {16, 8}};
    for (size_t i = 0; i < (quick ? 3 : 8); i++) {
        for (size_t g = 0; g < (quick ? 2 : 4); g++) {
            add(candidates, context, items[i], groups[g], 16);
            if (!quick) {
                add(candidates, context, items[i], groups[g], 8);
                add(candidates, context, items[i], groups[g], 32);
            }
        }
    }
}

const mcl_product_provider mcl_product_native_gpu = {
    .kind = MCL_GEMM_NATIVE_GPU,
    .is_native_of = is_native_of,
    .exact = true,
    .sums = true,
    .plan_size = sizeof(struct plan),
    .create = create,
    .build = build,
    .run = run,
    .shrink = shrink,
    .candidates = add_candidates,
};
