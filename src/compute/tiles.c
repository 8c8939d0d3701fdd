/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/tiles.h"

#include <math.h>
#include <unistd.h>

#include "constants.clh"

/* Local memory that drivers take for themselves: 32 bytes were seen. */
#define RESERVED 512

/* Bytes of a processor's caches where nothing is known. */
#define FIRST_CACHE (32 << 10)
#define SECOND_CACHE (256 << 10)

static bool is_power_of_two(uint32_t x)
{
    return x && (x & (x - 1)) == 0;
}

bool mcl_has_local_memory(const mcl_context *context, uint64_t floats)
{
    return floats * sizeof(float) + RESERVED <= context->info.local_memory;
}

bool mcl_cpu_tile_fits(const mcl_context *context, const mcl_cpu_tile *tile)
{
    if (tile->rows == 0 || tile->rows > 32 || !is_power_of_two(tile->vector) || tile->vector < 4 ||
        tile->vector > 16 || tile->vectors == 0 || tile->vectors > 4 || tile->block_depth == 0 ||
        tile->block_depth > 4096 || tile->block_rows == 0 || tile->block_rows > 4096 ||
        tile->block_rows % tile->rows != 0)
        return false;
    const uint64_t columns = tile->vector * tile->vectors;
    return mcl_has_local_memory(context, tile->block_rows * columns); /* for partial sums */
}

static uint32_t clamp(uint64_t value, uint32_t least, uint32_t most)
{
    return value < least ? least : value > most ? most : (uint32_t)value;
}

/* Bytes of one of a processor's caches, as the system tells, which it does not everywhere. */
static uint64_t cache_of(int name, uint64_t otherwise)
{
    const long bytes = sysconf(name);
    return bytes > 0 ? (uint64_t)bytes : otherwise;
}

/* The accumulators, one row of B and one broadcast element fill the registers: 16 of them, or the
 * 32 that AVX-512 has. A panel of B has two thirds of the first cache, a block of A half of the
 * second. */
mcl_cpu_tile mcl_cpu_tile_default(const mcl_context *context)
{
    mcl_cpu_tile tile =
        context->vector_width >= 16
            ? (mcl_cpu_tile){.rows = 8, .vector = 16, .vectors = 2}
            : (mcl_cpu_tile){.rows = 6, .vector = context->vector_width >= 8 ? 8 : 4, .vectors = 2};
    const uint64_t first = cache_of(_SC_LEVEL1_DCACHE_SIZE, FIRST_CACHE) / sizeof(float);
    const uint64_t second = cache_of(_SC_LEVEL2_CACHE_SIZE, SECOND_CACHE) / sizeof(float);
    const uint32_t depth = clamp(first * 2 / 3 / ((uint64_t)tile.vector * tile.vectors), 64, 256);
    tile.block_depth = depth / MCL_TRANSPOSE_BLOCK * MCL_TRANSPOSE_BLOCK;
    tile.block_rows = clamp(second / 2 / tile.block_depth, 48, 256) / tile.rows * tile.rows;
    while (!mcl_cpu_tile_fits(context, &tile) && tile.block_rows > tile.rows)
        tile.block_rows -= tile.rows;
    return tile;
}

/* Of all blocks that are staged. */
static uint64_t local_floats(const mcl_gpu_tile *tile)
{
    const uint32_t rows = tile->item_rows * tile->group_rows;
    const uint32_t columns = tile->item_columns * tile->group_columns;
    return (uint64_t)tile->buffers * tile->depth * (rows + columns + 2 * tile->padding);
}

bool mcl_gpu_tile_fits(const mcl_context *context, const mcl_gpu_tile *tile)
{
    if (!is_power_of_two(tile->vector) || tile->vector > 4 || !is_power_of_two(tile->load) ||
        tile->load > 4 || tile->item_rows == 0 || tile->item_rows > 16 ||
        tile->item_rows % tile->vector != 0 || tile->item_columns == 0 || tile->item_columns > 16 ||
        tile->item_columns % tile->vector != 0 || tile->group_rows == 0 || tile->group_rows > 64 ||
        tile->group_columns == 0 || tile->group_columns > 64 || tile->padding > 32 ||
        tile->padding % tile->vector != 0 || tile->depth == 0 || tile->depth > 64 ||
        tile->buffers == 0 || tile->buffers > 2)
        return false;
    const uint32_t rows = tile->item_rows * tile->group_rows;
    const uint32_t columns = tile->item_columns * tile->group_columns;
    if (tile->depth % tile->load != 0 || rows % tile->load != 0 || columns % tile->load != 0)
        return false;
    return (uint64_t)tile->group_rows * tile->group_columns <= context->largest_group &&
           tile->group_columns <= context->largest_side[0] &&
           tile->group_rows <= context->largest_side[1] &&
           mcl_has_local_memory(context, local_floats(tile));
}

/* Halves a work-group: 16×16, 8×16, 8×8, …; false where it is a single work-item. */
static bool halve(mcl_gpu_tile *tile)
{
    if (tile->group_rows > 1 && tile->group_rows >= tile->group_columns)
        tile->group_rows /= 2;
    else if (tile->group_columns > 1)
        tile->group_columns /= 2;
    else
        return false;
    return true;
}

void mcl_gpu_tile_fit(mcl_gpu_tile *tile, const mcl_context *context)
{
    while (!mcl_gpu_tile_fits(context, tile)) {
        if (tile->buffers > 1 && !mcl_has_local_memory(context, local_floats(tile))) {
            tile->buffers = 1;
            continue;
        }
        if (halve(tile))
            continue;
        if (tile->load > 1)
            tile->load /= 2; /* which divides the sides of a tile that is this small */
        else if (tile->depth > 1)
            tile->depth /= 2;
        else
            return;
    }
}

bool mcl_gpu_tile_shrink(mcl_gpu_tile *tile, const mcl_context *context)
{
    if (!halve(tile))
        return false;
    mcl_gpu_tile_fit(tile, context);
    return true;
}

bool mcl_gpu_tile_runs(const mcl_gpu_tile *tile, const mcl_kernel *kernel)
{
    return (uint64_t)tile->group_rows * tile->group_columns <= mcl_kernel_largest_group(kernel) &&
           local_floats(tile) * sizeof(float) + mcl_kernel_local_memory(kernel) <=
               mcl_kernel_context(kernel)->info.local_memory;
}

uint64_t mcl_gpu_tile_groups(const mcl_gpu_tile *tile, const mcl_gemm *gemm)
{
    const uint32_t rows = tile->item_rows * tile->group_rows;
    const uint32_t columns = tile->item_columns * tile->group_columns;
    return ((uint64_t)(gemm->m - 1) / rows + 1) * ((uint64_t)(gemm->n - 1) / columns + 1);
}

/* What has a work-group: a compute unit, or several where they are as small as Intel's. */
struct cores {
    double count, lanes;
};

static struct cores cores_of(const mcl_device_info *device)
{
    const double units = device->compute_units ? device->compute_units : 1;
    const double lanes = device->lanes ? device->lanes : 1;
    if (lanes >= 16)
        return (struct cores){units, lanes};
    const double joined = 64 / lanes;
    return (struct cores){units < joined ? 1 : units / joined, 64};
}

#define LOCAL_BYTES 128 /* that a core reads of local memory in a cycle, */
#define GLOBAL_BYTES 64 /* and of global memory, that is of the cache before it */
#define LOCAL_LATENCY                                                                              \
    30 /* cycles until what is read is there, for four links of a chain at once, */
#define GLOBAL_LATENCY 300
#define LINK_LATENCY 4 /* and the result of a link */
#define RESIDENT 8     /* work-items a lane that run side by side at most */
#define WARP 32        /* of them that read local memory together */

static double divide_up(double a, double b)
{
    return ceil(a / b);
}

/* Cycles of a core for one link of all chains of WARP work-items: they wait for arithmetic units,
 * or for local memory, of which those side by side have a row of B, and those above one another A.
 */
static void cost_of_link(double *arithmetic, double *memory, const mcl_gpu_tile *tile)
{
    const double across = tile->group_columns < WARP ? tile->group_columns : WARP;
    const double bytes = (double)tile->vector * sizeof(float);
    const double of_a = WARP / across * bytes, of_b = across * bytes;
    const uint32_t reads_a = tile->item_rows / tile->vector;
    const uint32_t reads_b = tile->item_columns / tile->vector;
    *arithmetic = tile->item_rows * tile->item_columns + reads_a + reads_b + 1;
    *memory = reads_a * divide_up(of_a, LOCAL_BYTES) + reads_b * divide_up(of_b, LOCAL_BYTES);
}

double mcl_gpu_tile_cost(const mcl_context *context, const mcl_gpu_tile *tile, const mcl_gemm *gemm)
{
    const struct cores cores = cores_of(&context->info);
    const double items = (double)tile->group_rows * tile->group_columns;
    const double sides = (double)tile->item_rows * tile->group_rows +
                         (double)tile->item_columns * tile->group_columns;
    const double groups = divide_up((double)mcl_gpu_tile_groups(tile, gemm), cores.count);
    const double together = fmax(1, floor(RESIDENT * cores.lanes / items));
    const double k = divide_up(gemm->k, tile->depth) * tile->depth;
    double arithmetic, memory;
    cost_of_link(&arithmetic, &memory, tile);
    const double busy = k * groups * items * fmax(arithmetic / cores.lanes, memory / WARP);
    const double loading = k * groups * sides * sizeof(float) / GLOBAL_BYTES;
    const double link = LOCAL_LATENCY / 4.0 + fmax(LINK_LATENCY, arithmetic);
    const double waiting =
        divide_up(groups, together) * k / tile->depth * fmax(tile->depth * link, GLOBAL_LATENCY);
    return fmax(fmax(busy, loading), waiting);
}

/* A large tile reads less, a small one gives a small product to more compute units. All take at
 * most 128 registers and no scratch on the GPUs of docs/gpu-kernels.md. */
mcl_gpu_tile mcl_gpu_tile_default(const mcl_context *context, const mcl_gemm *gemm)
{
    static const mcl_gpu_tile tiles[] = {
        {8, 4, 16, 16, 16, 4, 4, 4, 2},
        {4, 4, 16, 16, 16, 4, 4, 4, 2},
        {4, 4, 8, 8, 16, 4, 4, 4, 2},
        {2, 2, 8, 8, 32, 2, 2, 4, 2},
    };
    mcl_gpu_tile best = tiles[0];
    double least = INFINITY;
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
        mcl_gpu_tile tile = tiles[i];
        mcl_gpu_tile_fit(&tile, context);
        const double cost = mcl_gpu_tile_cost(context, &tile, gemm);
        if (cost < least) {
            least = cost;
            best = tile;
        }
    }
    return best;
}
