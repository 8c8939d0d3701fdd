/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/sums.h"

#include "device/profile.h"

#define BLOCK 1024 /* as in cl/reduce.cl */
#define BLOCK_ROWS 64
#define COLUMNS 16 /* of a work-item of column_sums */

static uint64_t blocks_of(uint64_t n, uint64_t block)
{
    return n / block + (n % block != 0);
}

uint64_t mcl_sum_workspace(uint64_t n)
{
    uint64_t elements = 0; /* the passes' results lie one behind the other */
    while (n > BLOCK)
        elements += n = blocks_of(n, BLOCK);
    return elements;
}

uint64_t mcl_column_sums_workspace(uint32_t rows, uint32_t n)
{
    return blocks_of(rows, BLOCK_ROWS) * n;
}

mcl_status mcl_sum(mcl_context *context, cl_mem in, uint32_t n, float divisor, cl_mem space,
    cl_mem out, uint64_t offset)
{
    cl_kernel kernel;
    MCL_TRY(mcl_kernel_get(&kernel, context, "reduce.cl", "sum", ""));
    uint64_t from = 0, to = 0;
    while (n > BLOCK) {
        const uint32_t blocks = (uint32_t)blocks_of(n, BLOCK);
        MCL_TRY(mcl_launch(context, kernel, blocks, 1, MCL_BUFFER(in), MCL_ULONG(from), MCL_UINT(n),
            MCL_FLOAT(1), MCL_BUFFER(space), MCL_ULONG(to)));
        in = space;
        from = to;
        to += blocks;
        n = blocks;
    }
    return mcl_launch(context, kernel, 1, 1, MCL_BUFFER(in), MCL_ULONG(from), MCL_UINT(n),
        MCL_FLOAT(divisor), MCL_BUFFER(out), MCL_ULONG(offset));
}

/* The sums over blocks of rows; the last pass has one block. */
static mcl_status sum_blocks(mcl_context *context, cl_mem in, uint32_t rows, uint32_t n,
    uint32_t block_rows, cl_mem out, uint64_t offset)
{
    const uint32_t blocks = (uint32_t)blocks_of(rows, block_rows);
    cl_kernel kernel;
    MCL_TRY(mcl_kernel_get(&kernel, context, "reduce.cl", "column_sums", ""));
    mcl_profile_work(context, NULL, 0.0, (double)rows * n * sizeof(float));
    const size_t one[3] = {1, 1, 1}; /* its vectors are in the kernel */
    return mcl_launch_local(context, kernel, (n + COLUMNS - 1) / COLUMNS, blocks, one,
        MCL_BUFFER(in), MCL_UINT(rows), MCL_UINT(n), MCL_UINT(block_rows), MCL_UINT(blocks == 1),
        MCL_BUFFER(out), MCL_ULONG(offset));
}

mcl_status mcl_column_sums(mcl_context *context, cl_mem in, uint32_t rows, uint32_t n, cl_mem space,
    cl_mem out, uint64_t offset)
{
    const uint32_t blocks = (uint32_t)blocks_of(rows, BLOCK_ROWS);
    if (blocks > 1) {
        MCL_TRY(sum_blocks(context, in, rows, n, BLOCK_ROWS, space, 0));
        in = space;
        rows = blocks;
    }
    return sum_blocks(context, in, rows, n, rows, out, offset);
}
