/* SPDX-License-Identifier: Apache-2.0 */
/* Sums whose shape depends on the problem's size alone. */
#include "common.clh"
#include "constants.clh"
#include "rounding.clh"

/* out[to+b] = (Σ of block b of in[from … from+n-1]) / divisor, blocks of 1024 elements. Row b. Run
 * again on its own output, until one block is left, it is the sum of everything. */
kernel void sum(const global float *restrict in, const ulong from, const uint n,
    const float divisor, global float *restrict out, const ulong to, local float *space)
{
    const uint blocks = (n - 1) / MCL_SUM_BLOCK + 1, block = min(mcl_row(), blocks - 1);
    const uint first = block * MCL_SUM_BLOCK;
    const float total =
        mcl_row_sum(in + from + first, min(n - first, (uint)MCL_SUM_BLOCK), space);
    if (mcl_stores_row(blocks))
        out[to + block] = mcl_divide(total, divisor);
}

/* out[to + b×n + j] = the sum of column j of in[rows×n] over the block_rows rows of block b, in
 * ascending order from 0; flushed where last is 1. Work-item (q, b) has the columns from
 * MCL_WIDTH·q. */
kernel void column_sums(const global float *restrict in, const uint rows, const uint n,
    const uint block_rows, const uint last, global float *restrict out, const ulong to)
{
    const uint j = MCL_WIDTH * get_global_id(0), first = get_global_id(1) * block_rows;
    const uint end = min(first + block_rows, rows);
    if (j >= n)
        return;
    mcl_lanes total = 0.0f;
    for (uint i = first; i < end; i++)
        total += mcl_load(in + (ulong)i * n + j, n - j);
    mcl_store(last ? mcl_flush(total) : total, out + to + (ulong)get_global_id(1) * n + j, n - j);
}
