/* SPDX-License-Identifier: Apache-2.0 */
/* Sums whose shape depends on the problem's size alone. */
#include "common.clh"
#include "constants.clh"
#include "rounding.clh"

/* out[to+b] = (Σ of block b of in[from … from+n-1]) / divisor, blocks of 1024 elements. Work-item b.
 * Run again on its own output, until one block is left, it is the sum of everything. */
kernel void sum(const global float *restrict in, const ulong from, const uint n,
    const float divisor, global float *restrict out, const ulong to)
{
    const uint block = get_global_id(0), first = block * MCL_SUM_BLOCK;
    if (first < n)
        out[to + block] =
            mcl_divide(mcl_sum(in + from + first, min(n - first, (uint)MCL_SUM_BLOCK)), divisor);
}

/* out[to + b×n + j] = the sum of column j of in[rows×n] over the block_rows rows of block b, in
 * ascending order from 0; flushed where last is 1. Work-item (q, b) has the columns 16·q … 16·q+15. */
kernel void column_sums(const global float *restrict in, const uint rows, const uint n,
    const uint block_rows, const uint last, global float *restrict out, const ulong to)
{
    const uint j = MCL_ITEM_COLUMNS * get_global_id(0), first = get_global_id(1) * block_rows;
    const uint end = min(first + block_rows, rows);
    if (j >= n)
        return;
    in += j;
    out += to + (ulong)get_global_id(1) * n + j;
    if (j + 16 <= n) {
        float16 total = 0.0f;
        for (uint i = first; i < end; i++)
            total += vload16(0, in + (ulong)i * n);
        vstore16(last ? mcl_flush(total) : total, 0, out);
    } else {
        for (uint column = 0; column < n - j; column++) {
            float total = 0.0f;
            for (uint i = first; i < end; i++)
                total += in[(ulong)i * n + column];
            out[column] = last ? mcl_flush(total) : total;
        }
    }
}
