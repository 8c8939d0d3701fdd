/* SPDX-License-Identifier: Apache-2.0 */
#include "device/geometry.h"

#include "base/integers.h"
#include "constants.clh"
#include "device/context.h"

#define GROUP_MIN 64    /* items of a work-group that is not to be too small … */
#define GROUP_MAX 256   /* … or too large */
#define PADDING_SHARE 8 /* of the columns, one part in so many may be padding of wide groups */

static size_t whole(size_t count, size_t step)
{
    return (count + step - 1) / step * step;
}

/* The items that a work-group of kernel can have. */
static size_t most_items(const mcl_kernel *kernel, size_t wanted)
{
    const mcl_context *context = mcl_kernel_context(kernel);
    const size_t most = mcl_least(wanted, mcl_kernel_largest_group(kernel));
    return context->work_group ? mcl_least(most, context->work_group) : most;
}

/* Sixteen rows, or fewer where there are not that many, or not two groups for each compute unit;
 * then no fewer than are GROUP_MIN items. */
static void map_rows(mcl_geometry *geometry, const mcl_kernel *kernel, size_t rows)
{
    const mcl_context *context = mcl_kernel_context(kernel);
    const size_t most = mcl_least(
        most_items(kernel, MCL_LANES * MCL_GROUP_ROWS) / MCL_LANES, context->largest_side[1]);
    const size_t busy = 2 * (size_t)context->info.compute_units;
    size_t group = MCL_GROUP_ROWS;
    while (group > 1 && (group > most || group / 2 >= rows))
        group /= 2;
    while (group > GROUP_MIN / MCL_LANES && rows / group < busy)
        group /= 2;
    geometry->local[0] = geometry->narrowest = geometry->global[0] = MCL_LANES;
    geometry->local[1] = group;
    geometry->global[1] = whole(rows, group);
}

/* Narrower groups where there are not two for each compute unit: an item goes through many rows. */
static void map_columns(
    mcl_geometry *geometry, const mcl_kernel *kernel, size_t columns, size_t blocks)
{
    const mcl_context *context = mcl_kernel_context(kernel);
    const size_t busy = 2 * (size_t)context->info.compute_units;
    size_t x = mcl_least(most_items(kernel, GROUP_MIN), context->largest_side[0]);
    while (x % 2 == 0 && x > MCL_LANES && whole(columns, x) / x * blocks < busy)
        x /= 2;
    geometry->local[0] = x;
    geometry->global[0] = whole(columns, x);
}

/* Sixteen columns, and of each so many items as there are blocks of rows, up to sixteen; more
 * columns where these are few and there remain two groups for each compute unit. */
static void map_whole_columns(
    mcl_geometry *geometry, const mcl_kernel *kernel, size_t columns, size_t blocks)
{
    const mcl_context *context = mcl_kernel_context(kernel);
    const size_t busy = 2 * (size_t)context->info.compute_units;
    const size_t most = most_items(kernel, MCL_LANES * MCL_GROUP_ROWS) / MCL_LANES;
    const size_t group = mcl_least(blocks, mcl_least(most, context->largest_side[1]));
    size_t x = MCL_LANES;
    geometry->local[1] = geometry->global[1] = group ? group : 1;
    while (2 * x * geometry->local[1] <= mcl_least(GROUP_MIN, MCL_LANES * most) &&
           whole(columns, 2 * x) / (2 * x) >= busy)
        x *= 2;
    geometry->local[0] = x;
    geometry->global[0] = whole(columns, x);
}

/* The widest group that pads little, then as many rows as divide theirs. */
static void map_elements(
    mcl_geometry *geometry, const mcl_kernel *kernel, size_t columns, size_t rows)
{
    const mcl_context *context = mcl_kernel_context(kernel);
    const size_t most = most_items(kernel, GROUP_MAX);
    const size_t side = mcl_least(most, context->largest_side[0]);
    size_t x = side < GROUP_MAX ? side : GROUP_MAX, y = 1;
    while (x % 2 == 0 && x > GROUP_MIN && whole(columns, x) - columns > columns / PADDING_SHARE)
        x /= 2;
    if (rows % (GROUP_MIN / MCL_LANES) == 0) {
        while (x % 2 == 0 && x > MCL_LANES && x / 2 >= columns)
            x /= 2;
    }
    while (rows % (2 * y) == 0 && 2 * y * x <= most && 2 * y <= context->largest_side[1])
        y *= 2;
    geometry->local[0] = x;
    geometry->local[1] = y;
    geometry->global[0] = whole(columns, x);
}

/* As the kernels for CPUs have it: their vectors are in the kernel. */
static mcl_geometry map_on_cpu(mcl_mapping mapping, size_t columns, size_t rows)
{
    const size_t vectors = whole(columns, MCL_LANES) / MCL_LANES;
    switch (mapping) {
    case MCL_MAP_ROWS:
        return (mcl_geometry){.global = {rows, 1, 1}, .open = true};
    case MCL_MAP_COLUMNS:
        return (mcl_geometry){.global = {vectors, rows, 1}, .local = {1, 1, 1}, .narrowest = 1};
    case MCL_MAP_WHOLE_COLUMNS:
        return (mcl_geometry){.global = {vectors, 1, 1}, .local = {1, 1, 1}, .narrowest = 1};
    case MCL_MAP_VECTORS:
        return (mcl_geometry){.global = {vectors, rows, 1}, .open = true};
    default:
        return (mcl_geometry){.global = {columns, rows, 1}, .open = true};
    }
}

mcl_geometry mcl_geometry_of(
    const mcl_kernel *kernel, mcl_mapping mapping, size_t columns, size_t rows)
{
    if (!mcl_context_spreads(mcl_kernel_context(kernel)))
        return map_on_cpu(mapping, columns, rows);
    mcl_geometry geometry = {.global = {columns, rows, 1}, .local = {1, 1, 1}, .narrowest = 1};
    if (mapping == MCL_MAP_ROWS)
        map_rows(&geometry, kernel, rows);
    else if (mapping == MCL_MAP_COLUMNS)
        map_columns(&geometry, kernel, columns, rows);
    else if (mapping == MCL_MAP_WHOLE_COLUMNS)
        map_whole_columns(&geometry, kernel, columns, rows);
    else
        map_elements(&geometry, kernel, columns, rows);
    return geometry;
}
