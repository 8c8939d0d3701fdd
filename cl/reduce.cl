/* Sums whose shape depends on the problem's size alone. */
#include "common.clh"
#include "rounding.clh"

#define BLOCK 1024 /* elements that one work-item sums */
#define BLOCK_ROWS 64

/* out[to+b] = (Σ of block b of in[from … from+n-1]) / divisor, blocks of 1024 elements. Work-item b.
 * Run again on its own output, until one block is left, it is the sum of everything. */
kernel void sum(const global float *restrict in, const ulong from, const uint n,
    const float divisor, global float *restrict out, const ulong to)
{
    const uint block = get_global_id(0), first = block * BLOCK;
    if (first < n)
        out[to + block] =
            mcl_divide(mcl_sum(in + from + first, min(n - first, (uint)BLOCK)), divisor);
}

/* partial[b×n + j] = the sum of column j of in[rows×n] over the 64 rows of block b, in ascending
 * order from 0. Work-item (q, b) has the columns 16·q … 16·q+15. */
kernel void column_blocks(const global float *restrict in, const uint rows, const uint n,
    global float *restrict partial)
{
    const uint j = 16 * get_global_id(0), first = get_global_id(1) * BLOCK_ROWS;
    const uint end = min(first + BLOCK_ROWS, rows);
    if (j >= n)
        return;
    partial += (ulong)get_global_id(1) * n;
    if (j + 16 <= n) {
        float16 total = 0.0f;
        for (uint i = first; i < end; i++)
            total += vload16(0, in + (ulong)i * n + j);
        vstore16(total, 0, partial + j);
    } else {
        for (uint column = j; column < n; column++) {
            float total = 0.0f;
            for (uint i = first; i < end; i++)
                total += in[(ulong)i * n + column];
            partial[column] = total;
        }
    }
}

/* out[offset+j] = Σ over the blocks of partial[blocks×n], in ascending order from 0. Work-item j. */
kernel void column_sums(const global float *restrict partial, const uint blocks, const uint n,
    global float *restrict out, const ulong offset)
{
    const uint j = get_global_id(0);
    float total = 0.0f;
    for (uint b = 0; b < blocks; b++)
        total += partial[(ulong)b * n + j];
    out[offset + j] = mcl_flush(total);
}
