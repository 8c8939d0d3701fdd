/* SPDX-License-Identifier: Apache-2.0 */
/* The search of the native product's tiles. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "tune/search.h"

#define CANDIDATES_MAX 96
#define OWN 0.9    /* of the time with the common tile: a product gets a tile of its own */
#define WORTH 0.97 /* of the time with the default tile: less of a gain may be chance */
#define CONFIRMATIONS 4

struct candidates {
    bool for_gpu;
    mcl_tuned_tile tiles[CANDIDATES_MAX];
    mcl_search_times times[CANDIDATES_MAX];
    size_t count;
};

static void add(struct candidates *list, const mcl_context *context, const mcl_tuned_tile *tile)
{
    if (list->count < CANDIDATES_MAX && (list->for_gpu ? mcl_gpu_tile_fits(context, &tile->gpu)
                                                       : mcl_cpu_tile_fits(context, &tile->cpu)))
        list->tiles[list->count++] = *tile;
}

/* Tiles whose accumulators fill between a third and all of the registers that are left when one row
 * of B and one element of A have theirs. */
static void add_cpu_tiles(struct candidates *list, const mcl_context *context, bool quick)
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
                mcl_tuned_tile tile = {.cpu = start};
                tile.cpu.rows = rows[r];
                tile.cpu.vector = vector;
                tile.cpu.vectors = vectors[v];
                tile.cpu.block_rows = start.block_rows / rows[r] * rows[r];
                if (needed <= registers + 1 && needed >= registers / 3)
                    add(list, context, &tile);
            }
        }
    }
}

/* The best so far with other blocks. */
static void add_cpu_blocks(
    struct candidates *list, const mcl_context *context, const mcl_cpu_tile *best)
{
    static const uint32_t rows[] = {48, 96, 192}, depths[] = {128, 256, 512};
    for (size_t r = 0; r < 3; r++) {
        for (size_t d = 0; d < 3; d++) {
            mcl_tuned_tile tile = {.cpu = *best};
            tile.cpu.block_rows = rows[r] / best->rows * best->rows;
            tile.cpu.block_depth = depths[d];
            if (tile.cpu.block_rows != best->block_rows ||
                tile.cpu.block_depth != best->block_depth)
                add(list, context, &tile);
        }
    }
}

static void add_gpu_tile(struct candidates *list, const mcl_context *context, uint32_t rows,
    uint32_t columns, uint32_t group_rows, uint32_t group_columns, uint32_t depth)
{
    uint32_t vector = 4;
    while (rows % vector || columns % vector)
        vector /= 2;
    const mcl_tuned_tile tile = {.for_gpu = true,
        .gpu = {rows, columns, group_rows, group_columns, depth, vector, vector, 4}};
    add(list, context, &tile);
}

static void add_gpu_tiles(struct candidates *list, const mcl_context *context, bool quick)
{
    static const uint32_t items[][2] = {{4, 4}, {8, 8}, {2, 2}, {4, 8}, {8, 4}, {1, 2}};
    static const uint32_t groups[][2] = {{16, 16}, {8, 8}, {8, 16}, {16, 8}};
    for (size_t i = 0; i < (quick ? 2 : 6); i++) {
        for (size_t g = 0; g < (quick ? 2 : 4); g++) {
            add_gpu_tile(list, context, items[i][0], items[i][1], groups[g][0], groups[g][1], 16);
            if (!quick) {
                add_gpu_tile(
                    list, context, items[i][0], items[i][1], groups[g][0], groups[g][1], 8);
                add_gpu_tile(
                    list, context, items[i][0], items[i][1], groups[g][0], groups[g][1], 32);
            }
        }
    }
}

static void force(mcl_search *search, const mcl_tuned_tile *tile, bool for_gpu)
{
    struct mcl_tuning *tuning = search->context->tuning;
    tuning->forced = tile != NULL;
    tuning->has_cpu = tile && !for_gpu;
    tuning->has_gpu = tile && for_gpu;
    if (tile) {
        tuning->cpu = tile->cpu;
        tuning->gpu = tile->gpu;
    }
}

static mcl_status time_candidates(
    mcl_search *search, struct candidates *list, size_t first, double *best)
{
    for (size_t i = first; i < list->count; i++) {
        MCL_TRY(mcl_search_continue(search));
        force(search, &list->tiles[i], list->for_gpu);
        /* Of GPU tiles one may suit a single product and be bad for all the others. */
        mcl_search_time_all(search, &list->times[i], list->for_gpu ? INFINITY : 2 * *best);
        mcl_programs_release(search->context);
        const double total = mcl_search_total(search, &list->times[i]);
        if (total < *best) {
            *best = total;
            search->progress.gflops = mcl_search_gflops(search, total);
        }
        search->progress.tried++;
    }
    return MCL_OK;
}

/* The candidate with the least time over all products, or for one; count when none works. */
static size_t best_of(const mcl_search *search, const struct candidates *list)
{
    size_t best = list->count;
    double least = INFINITY;
    for (size_t i = 0; i < list->count; i++) {
        const double total = mcl_search_total(search, &list->times[i]);
        if (total < least) {
            least = total;
            best = i;
        }
    }
    return best;
}

static size_t best_for(const struct candidates *list, size_t product)
{
    size_t best = list->count;
    double least = INFINITY;
    for (size_t i = 0; i < list->count; i++) {
        if (list->times[i].seconds[product] < least) {
            least = list->times[i].seconds[product];
            best = i;
        }
    }
    return best;
}

/* Times a product with its tile and with the default one in turn, and tells whether it is faster.
 */
static bool confirm(
    mcl_search *search, const mcl_tuned_tile *tile, size_t product, double *before, double *after)
{
    *before = *after = INFINITY;
    for (int i = 0; i < CONFIRMATIONS; i++) {
        force(search, NULL, tile->for_gpu);
        *before = fmin(*before, mcl_search_time(search, product));
        force(search, tile, tile->for_gpu);
        *after = fmin(*after, mcl_search_time(search, product));
    }
    return *after < WORTH * *before;
}

/* Gives each product the tile that is best for it: the common one unless another is faster by more
 * than chance, and the default one where neither is faster than that. */
static mcl_status settle(mcl_search *search, const struct candidates *list,
    struct mcl_tuning *tuning, mcl_tuned_product *products)
{
    const size_t common = best_of(search, list);
    double total_before = 0, total_after = 0;
    for (size_t i = 0; i < search->count; i++) {
        const mcl_gemm *product = &search->products[i];
        size_t own = best_for(list, i);
        double before, after;
        if (common < list->count && own < list->count &&
            list->times[own].seconds[i] > OWN * list->times[common].seconds[i])
            own = common;
        MCL_TRY(mcl_search_continue(search));
        mcl_tuned_tile tile = {.for_gpu = list->for_gpu};
        const bool is_default = own == list->count;
        if (!is_default)
            tile = list->tiles[own];
        if (is_default || !confirm(search, &tile, i, &before, &after)) {
            force(search, NULL, list->for_gpu);
            if (is_default)
                before = mcl_search_time(search, i);
            after = before;
            tile.cpu = mcl_cpu_tile_default(search->context);
            tile.gpu = mcl_gpu_tile_default(search->context, product);
        }
        tile.transpose_a = product->transpose_a;
        tile.transpose_b = product->transpose_b;
        tile.m = product->m;
        tile.n = product->n;
        tile.k = product->k;
        mcl_tuning_add(tuning, &tile);
        mcl_search_describe(&products[i], search, i,
            list->for_gpu ? MCL_GEMM_NATIVE_GPU : MCL_GEMM_NATIVE_CPU, before, after);
        total_before += before;
        total_after += after;
    }
    /* Products of other sizes get the common tile: on GPUs that depends too much on the size. */
    if (!list->for_gpu) {
        tuning->has_cpu = common < list->count && total_after < WORTH * total_before;
        if (tuning->has_cpu)
            tuning->cpu = list->tiles[common].cpu;
    }
    return MCL_OK;
}

static mcl_status search_tiles(mcl_search *search, struct candidates *list,
    struct mcl_tuning *tuning, mcl_tuned_product *products)
{
    const bool quick = search->options->quick;
    double best = INFINITY;
    if (list->for_gpu)
        add_gpu_tiles(list, search->context, quick);
    else
        add_cpu_tiles(list, search->context, quick);
    const size_t blocks = list->for_gpu || quick ? 0 : 8;
    search->progress.candidates = (uint32_t)(list->count + blocks);
    MCL_TRY(time_candidates(search, list, 0, &best));
    const size_t tiles = list->count, common = best_of(search, list);
    if (blocks && common < tiles)
        add_cpu_blocks(list, search->context, &list->tiles[common].cpu);
    search->progress.candidates = (uint32_t)list->count;
    MCL_TRY(time_candidates(search, list, tiles, &best));
    return settle(search, list, tuning, products);
}

mcl_status mcl_search_native(
    mcl_search *search, struct mcl_tuning *tuning, mcl_tuned_product *products)
{
    struct candidates *list;
    mcl_context *context = search->context;
    MCL_TRY(mcl_allocate(&list, 1, sizeof *list));
    list->for_gpu = context->gemm == MCL_GEMM_NATIVE_GPU ||
                    (context->gemm != MCL_GEMM_NATIVE_CPU && context->info.type != MCL_DEVICE_CPU);
    context->gemm = list->for_gpu ? MCL_GEMM_NATIVE_GPU : MCL_GEMM_NATIVE_CPU;
    search->progress = (mcl_tune_progress){.provider = context->gemm};
    mcl_status status = search_tiles(search, list, tuning, products);
    force(search, NULL, list->for_gpu);
    free(list);
    return status;
}
