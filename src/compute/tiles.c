/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/tiles.h"

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

/* Of both blocks that are staged. */
static uint64_t local_floats(const mcl_gpu_tile *tile)
{
    const uint32_t rows = tile->item_rows * tile->group_rows;
    const uint32_t columns = tile->item_columns * tile->group_columns;
    return (uint64_t)tile->depth * (rows + columns + 2 * tile->padding);
}

bool mcl_gpu_tile_fits(const mcl_context *context, const mcl_gpu_tile *tile)
{
    if (!is_power_of_two(tile->vector) || tile->vector > 4 || !is_power_of_two(tile->load) ||
        tile->load > 4 || tile->item_rows == 0 || tile->item_rows > 16 ||
        tile->item_rows % tile->vector != 0 || tile->item_columns == 0 || tile->item_columns > 16 ||
        tile->item_columns % tile->vector != 0 || tile->group_rows == 0 || tile->group_rows > 64 ||
        tile->group_columns == 0 || tile->group_columns > 64 || tile->padding > 32 ||
        tile->padding % tile->vector != 0 || tile->depth == 0 || tile->depth > 64)
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

/* Makes a tile small enough for the device, at the latest one work-item of one element. */
static void shrink(const mcl_context *context, mcl_gpu_tile *tile)
{
    while (!mcl_gpu_tile_fits(context, tile)) {
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
    shrink(context, tile);
    return true;
}

bool mcl_gpu_tile_runs(const mcl_gpu_tile *tile, const mcl_kernel *kernel)
{
    return (uint64_t)tile->group_rows * tile->group_columns <= mcl_kernel_largest_group(kernel) &&
           local_floats(tile) * sizeof(float) + mcl_kernel_local_memory(kernel) <=
               mcl_kernel_context(kernel)->info.local_memory;
}

static uint64_t groups_of(const mcl_gpu_tile *tile, const mcl_gemm *gemm)
{
    const uint32_t rows = tile->item_rows * tile->group_rows;
    const uint32_t columns = tile->item_columns * tile->group_columns;
    return ((uint64_t)(gemm->m - 1) / rows + 1) * ((uint64_t)(gemm->n - 1) / columns + 1);
}

/* A large tile reads less, a small one gives a small product to more compute units: the largest of
 * which there are two for each. */
mcl_gpu_tile mcl_gpu_tile_default(const mcl_context *context, const mcl_gemm *gemm)
{
    static const mcl_gpu_tile tiles[] = {
        {8, 8, 16, 16, 16, 4, 4, 4},
        {4, 4, 16, 16, 16, 4, 4, 4},
        {2, 2, 16, 16, 32, 2, 2, 4},
        {1, 1, 16, 16, 32, 1, 1, 2},
    };
    mcl_gpu_tile tile;
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
        tile = tiles[i];
        shrink(context, &tile);
        if (groups_of(&tile, gemm) >= 2 * (uint64_t)context->info.compute_units)
            break;
    }
    return tile;
}
