/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/sums.h"

#include "constants.clh"
#include "device/profile.h"

static uint64_t blocks_of(uint64_t n, uint64_t block)
{
    return n / block + (n % block != 0);
}

uint64_t mcl_sum_workspace(uint64_t n)
{
    uint64_t elements = 0; /* the passes' results lie one behind the other */
    while (n > MCL_SUM_BLOCK)
        elements += n = blocks_of(n, MCL_SUM_BLOCK);
    return elements;
}

uint64_t mcl_column_sums_workspace(uint32_t rows, uint32_t n)
{
    return blocks_of(rows, MCL_SUM_ROWS) * n;
}

mcl_status mcl_sums_find(mcl_sums *sums, mcl_context *context)
{
    sums->context = context;
    MCL_TRY(mcl_kernel_find(&sums->sum, context, "reduce.cl", "sum", ""));
    return mcl_kernel_find(&sums->columns, context, "reduce.cl", "column_sums", "");
}

mcl_status mcl_sums_run(const mcl_sums *sums, cl_mem in, uint32_t n, float divisor,
    cl_mem workspace, cl_mem out, uint64_t offset)
{
    uint64_t from = 0, to = 0;
    while (n > MCL_SUM_BLOCK) {
        const uint32_t blocks = (uint32_t)blocks_of(n, MCL_SUM_BLOCK);
        MCL_TRY(mcl_run(sums->sum, blocks, 1, MCL_BUFFER(in), MCL_ULONG(from), MCL_UINT(n),
            MCL_FLOAT(1), MCL_BUFFER(workspace), MCL_ULONG(to)));
        in = workspace;
        from = to;
        to += blocks;
        n = blocks;
    }
    return mcl_run(sums->sum, 1, 1, MCL_BUFFER(in), MCL_ULONG(from), MCL_UINT(n),
        MCL_FLOAT(divisor), MCL_BUFFER(out), MCL_ULONG(offset));
}

/* The sums over blocks of rows; the last pass has one block. */
static mcl_status sum_blocks(const mcl_sums *sums, cl_mem in, uint32_t rows, uint32_t n,
    uint32_t block_rows, cl_mem out, uint64_t offset)
{
    const uint32_t blocks = (uint32_t)blocks_of(rows, block_rows);
    const size_t one[3] = {1, 1, 1}; /* its vectors are in the kernel */
    mcl_profile_work(sums->context, NULL, 0.0, (double)rows * n * sizeof(float));
    return mcl_run_local(sums->columns, (n + MCL_ITEM_COLUMNS - 1) / MCL_ITEM_COLUMNS, blocks, one,
        MCL_BUFFER(in), MCL_UINT(rows), MCL_UINT(n), MCL_UINT(block_rows), MCL_UINT(blocks == 1),
        MCL_BUFFER(out), MCL_ULONG(offset));
}

mcl_status mcl_sums_run_columns(const mcl_sums *sums, cl_mem in, uint32_t rows, uint32_t n,
    cl_mem workspace, cl_mem out, uint64_t offset)
{
    const uint32_t blocks = (uint32_t)blocks_of(rows, MCL_SUM_ROWS);
    if (blocks > 1) {
        MCL_TRY(sum_blocks(sums, in, rows, n, MCL_SUM_ROWS, workspace, 0));
        in = workspace;
        rows = blocks;
    }
    return sum_blocks(sums, in, rows, n, rows, out, offset);
}
