/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of features in device memory, in blocks that a buffer can have.
 *
 * Blocks that find room stay on the device; the others share a buffer, and are loaded whenever they
 * are asked for. */
#ifndef MASKCL_EVALUATE_BLOCKS_H
#define MASKCL_EVALUATE_BLOCKS_H

#include "device/context.h"

/* Puts count rows of features, from the first on, in a block's buffer. */
typedef mcl_status mcl_block_load(void *of, cl_mem to, uint64_t first, uint32_t count);

typedef struct mcl_blocks {
    mcl_context *context;
    mcl_block_load *load;
    void *of; /* load's own */
    uint32_t rows, columns;
    uint32_t block_rows, count; /* rows of each block but the last, and blocks */
    cl_mem *resident;           /* [count]; NULL: it is loaded when asked for */
    cl_mem shared;              /* for those; NULL: there are none */
} mcl_blocks;

/* How many rows of so many columns a block can have: by the columns alone, so that what is added up
 * block by block is the same on every device, but where there is hardly any memory. */
uint32_t mcl_block_rows(const mcl_context *context, uint64_t columns);

/* Makes the buffers, and loads what stays in them. Set in advance are the first six members up to
 * block_rows, which is at most mcl_block_rows(). stays: whether blocks are worth keeping. On
 * failure there may be something to release. */
mcl_status mcl_blocks_create(mcl_blocks *blocks, bool stays);
void mcl_blocks_release(mcl_blocks *blocks);

/* *buffer = block b, until another one is asked for; *count = its rows. */
mcl_status mcl_blocks_get(cl_mem *buffer, uint32_t *count, const mcl_blocks *blocks, uint32_t b);

#endif
