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
    uint64_t elements = 0; /* the passes' results lie one after the other */
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

/* A pass: the sums of the blocks of what is left. */
static mcl_status pass(
    const mcl_sums *sums, const mcl_partial_sums *left, float divisor, cl_mem out, uint64_t to)
{
    const size_t blocks = blocks_of(left->count, MCL_SUM_BLOCK);
    mcl_profile_work(sums->context, NULL, 0.0, sizeof(float) * (double)(left->count + blocks));
    return mcl_run_rows(sums->sum, blocks, MCL_BUFFER(left->buffer), MCL_ULONG(left->from),
        MCL_UINT(left->count), MCL_FLOAT(divisor), MCL_BUFFER(out), MCL_ULONG(to),
        MCL_LOCAL(MCL_ROW_SPACE));
}

mcl_status mcl_sums_shorten(
    mcl_partial_sums *left, const mcl_sums *sums, cl_mem in, uint32_t n, cl_mem workspace)
{
    uint64_t to = 0;
    *left = (mcl_partial_sums){in, 0, n};
    while (left->count > MCL_SUM_BLOCK) {
        const uint32_t blocks = (uint32_t)blocks_of(left->count, MCL_SUM_BLOCK);
        MCL_TRY(pass(sums, left, 1.0f, workspace, to));
        *left = (mcl_partial_sums){workspace, to, blocks};
        to += blocks;
    }
    return MCL_OK;
}

mcl_status mcl_sums_run(const mcl_sums *sums, cl_mem in, uint32_t n, float divisor,
    cl_mem workspace, cl_mem out, uint64_t offset)
{
    mcl_partial_sums left;
    MCL_TRY(mcl_sums_shorten(&left, sums, in, n, workspace));
    return pass(sums, &left, divisor, out, offset);
}

/* The sums over blocks of rows; the last pass has one block. */
static mcl_status sum_blocks(const mcl_sums *sums, cl_mem in, uint32_t rows, uint32_t n,
    uint32_t block_rows, cl_mem out, uint64_t offset)
{
    const uint32_t blocks = (uint32_t)blocks_of(rows, block_rows);
    mcl_profile_work(sums->context, NULL, 0.0, (double)rows * n * sizeof(float));
    return mcl_run_columns(sums->columns, n, blocks, MCL_BUFFER(in), MCL_UINT(rows), MCL_UINT(n),
        MCL_UINT(block_rows), MCL_UINT(blocks == 1), MCL_BUFFER(out), MCL_ULONG(offset));
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
