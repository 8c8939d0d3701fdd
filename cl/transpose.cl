/* A transposed copy of a matrix, for products whose second operand is stored transposed. */
#include "common.clh"

#define BLOCK 16 /* as in src/gemm/native.c */

/* out[j·rows + i] = in[i·ldi + j] for i < rows, j < columns. Work-item (x, y) has the block of 16 × 16
 * elements from i = 16·x, j = 16·y on. */
kernel void transpose(const global float *restrict in, const ulong offset, const uint ldi,
    global float *restrict out, const uint rows, const uint columns)
{
    const uint i = get_global_id(0) * BLOCK, j = get_global_id(1) * BLOCK;
    if (i >= rows || j >= columns)
        return;
    in += offset + (ulong)i * ldi + j;
    out += (ulong)j * rows + i;
    const uint height = min(rows - i, (uint)BLOCK), width = min(columns - j, (uint)BLOCK);
    for (uint y = 0; y < width; y++) {
        if (height == BLOCK) {
#pragma unroll
            for (uint x = 0; x < BLOCK; x++)
                out[x] = in[(ulong)x * ldi + y];
        } else {
            for (uint x = 0; x < height; x++)
                out[x] = in[(ulong)x * ldi + y];
        }
        out += rows;
    }
}
