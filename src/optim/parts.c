/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/parts.h"

#include <stdlib.h>

#include "base/memory.h"
#include "constants.clh"
#include "device/profile.h"

/* Fills in parts[count] and, where there is room, blocks; returns how many blocks there are. */
static uint32_t divide(
    cl_uint4 *parts, cl_uint4 *blocks, const mcl_part_range *ranges, size_t count)
{
    uint32_t used = 0;
    for (uint32_t t = 0; t < count; t++) {
        const uint32_t first = used;
        for (uint64_t at = 0; at < ranges[t].count; at += MCL_BLOCK, used++) {
            const uint64_t rest = ranges[t].count - at;
            const cl_uint size = rest < MCL_BLOCK ? (cl_uint)rest : MCL_BLOCK;
            if (blocks)
                blocks[used] = (cl_uint4){{(cl_uint)(ranges[t].offset + at), size, t, 0}};
        }
        if (blocks)
            parts[t] = (cl_uint4){{first, used - first, ranges[t].matrix, 0}};
    }
    return used;
}

mcl_status mcl_parts_create(
    mcl_parts *parts, mcl_context *context, const mcl_part_range *ranges, size_t count)
{
    cl_uint4 *part_table = NULL, *block_table = NULL;
    *parts = (mcl_parts){.context = context, .count = (uint32_t)count};
    parts->block_count = divide(NULL, NULL, ranges, count);
    MCL_TRY(mcl_kernel_find(&parts->block_squares, context, "layerwise.cl", "block_squares", ""));
    mcl_status status = mcl_allocate(&part_table, count, sizeof *part_table);
    if (status == MCL_OK)
        status = mcl_allocate(&block_table, parts->block_count, sizeof *block_table);
    if (status == MCL_OK) {
        divide(part_table, block_table, ranges, count);
        status = mcl_buffer_create_from(
            &parts->parts, context, part_table, count, sizeof *part_table, "table of tensors");
    }
    if (status == MCL_OK)
        status = mcl_buffer_create_from(&parts->blocks, context, block_table, parts->block_count,
            sizeof *block_table, "table of blocks");
    if (status == MCL_OK)
        status = mcl_buffer_create(&parts->squares, context, 2 * (uint64_t)parts->block_count,
            sizeof(float), "sums of squares");
    free(part_table);
    free(block_table);
    if (status != MCL_OK)
        mcl_parts_release(parts);
    return status;
}

void mcl_parts_release(mcl_parts *parts)
{
    mcl_buffer_release(&parts->parts);
    mcl_buffer_release(&parts->blocks);
    mcl_buffer_release(&parts->squares);
}

mcl_status mcl_parts_square(const mcl_parts *parts, cl_mem x, uint32_t half)
{
    mcl_profile_work(
        parts->context, NULL, 0.0, (double)parts->block_count * MCL_BLOCK * sizeof(float));
    return mcl_run_rows(parts->block_squares, parts->block_count, MCL_BUFFER(x),
        MCL_BUFFER(parts->blocks), MCL_UINT(parts->block_count), MCL_BUFFER(parts->squares),
        MCL_UINT(half * parts->block_count), MCL_LOCAL(MCL_ROW_SPACE));
}
