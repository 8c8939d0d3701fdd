/* Sums whose shape depends on the problem's size alone. */
#include "common.clh"
#include "rounding.clh"

#define BLOCK 1024 /* elements that one work-item sums */
#define BLOCK_ROWS 64

/* out[to+b] = (Σ of block b of in[from … from+n-1]) / divisor, blocks of 1024 elements. Work-item b.
 * Run again on its own output, until one block is left, it is the sum of everything. */
kernel void sum(const global float *in, const ulong from, const uint n, const float divisor,
    global float *out, const ulong to)
{
    const uint block = get_global_id(0), first = block * BLOCK;
    if (first < n)
        out[to + block] =
            mcl_divide(mcl_sum(in + from + first, min(n - first, (uint)BLOCK)), divisor);
}

/* partial[b×n + j] = the sum of column j of in[rows×n] over the 64 rows of block b, in ascending
 * order from 0. Work-item (j, b). */
kernel void column_blocks(const global float *in, const uint rows, const uint n,
    global float *partial)
{
    const uint j = get_global_id(0), first = get_global_id(1) * BLOCK_ROWS;
    float total = 0.0f;
    for (uint i = first; i < min(first + BLOCK_ROWS, rows); i++)
        total += in[(ulong)i * n + j];
    partial[(ulong)get_global_id(1) * n + j] = total;
}

/* out[offset+j] = Σ over the blocks of partial[blocks×n], in ascending order from 0. Work-item j. */
kernel void column_sums(const global float *partial, const uint blocks, const uint n,
    global float *out, const ulong offset)
{
    const uint j = get_global_id(0);
    float total = 0.0f;
    for (uint b = 0; b < blocks; b++)
        total += partial[(ulong)b * n + j];
    out[offset + j] = mcl_flush(total);
}
