/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/blocks.h"

#include <stdlib.h>

#include "base/memory.h"

#define BYTES (UINT64_C(1) << 26) /* of a block; devices have buffers of twice that at least */
#define SHARE 8                   /* of the memory that may be used: a block has no more than one */
#define ROWS_MOST (UINT32_C(1) << 18) /* so that no chain over a block's rows takes long */
#define SPARED 2                      /* blocks that are freed again where memory ran out */

uint32_t mcl_block_rows(const mcl_context *context, uint64_t columns)
{
    const uint64_t largest = context->info.largest_buffer, share = context->memory_limit / SHARE;
    const uint64_t most = share < BYTES ? share : BYTES;
    const uint64_t bytes = largest && largest < most ? largest : most;
    const uint64_t rows = bytes / (columns * sizeof(float));
    return rows < 1 ? 1 : rows > ROWS_MOST ? ROWS_MOST : (uint32_t)rows;
}

static uint32_t rows_of(const mcl_blocks *blocks, uint32_t b)
{
    const uint32_t left = blocks->rows - b * blocks->block_rows;
    return left < blocks->block_rows ? left : blocks->block_rows;
}

static mcl_status create_buffer(cl_mem *buffer, const mcl_blocks *blocks)
{
    return mcl_buffer_create(
        buffer, blocks->context, blocks->block_rows, blocks->columns * sizeof(float), "features");
}

/* Makes buffers while the device has memory, but for what others will need: a quarter of what may
 * be used, or some of these where it ran out. *made = how many there are. */
static mcl_status create_resident(uint32_t *made, const mcl_blocks *blocks)
{
    const uint64_t limit = blocks->context->memory_limit;
    const uint64_t bytes = (uint64_t)blocks->block_rows * blocks->columns * sizeof(float);
    *made = 0;
    while (*made < blocks->count && (*made + 1) * bytes <= limit - limit / 4) {
        const mcl_status status = create_buffer(&blocks->resident[*made], blocks);
        if (status != MCL_OK && !mcl_opencl_lacks_memory(mcl_opencl_last_error()))
            return status;
        if (status != MCL_OK) {
            for (uint32_t i = 0; i<SPARED && * made> 0; i++)
                mcl_buffer_release(&blocks->resident[--*made]);
            return MCL_OK;
        }
        ++*made;
    }
    return MCL_OK;
}

mcl_status mcl_blocks_create(mcl_blocks *blocks, bool stays)
{
    uint32_t made = 0;
    if (blocks->block_rows > blocks->rows)
        blocks->block_rows = blocks->rows;
    blocks->count = (blocks->rows - 1) / blocks->block_rows + 1;
    MCL_TRY(mcl_allocate(&blocks->resident, blocks->count, sizeof(cl_mem)));
    if (stays)
        MCL_TRY(create_resident(&made, blocks));
    for (uint32_t b = 0; b < made; b++)
        MCL_TRY(blocks->load(
            blocks->of, blocks->resident[b], (uint64_t)b * blocks->block_rows, rows_of(blocks, b)));
    return made < blocks->count ? create_buffer(&blocks->shared, blocks) : MCL_OK;
}

void mcl_blocks_release(mcl_blocks *blocks)
{
    for (uint32_t b = 0; blocks->resident && b < blocks->count; b++)
        mcl_buffer_release(&blocks->resident[b]);
    free(blocks->resident);
    blocks->resident = NULL;
    mcl_buffer_release(&blocks->shared);
}

mcl_status mcl_blocks_get(cl_mem *buffer, uint32_t *count, const mcl_blocks *blocks, uint32_t b)
{
    *count = rows_of(blocks, b);
    *buffer = blocks->resident[b] ? blocks->resident[b] : blocks->shared;
    return blocks->resident[b]
               ? MCL_OK
               : blocks->load(blocks->of, blocks->shared, (uint64_t)b * blocks->block_rows, *count);
}
