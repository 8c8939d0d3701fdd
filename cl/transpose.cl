/* SPDX-License-Identifier: Apache-2.0 */
/* A transposed copy of a matrix, for products whose second operand is stored transposed. */
#include "common.clh"
#include "transpose.clh"

#define BLOCK MCL_TRANSPOSE_BLOCK

/* A whole block. */
static inline void transpose_block(const global float *in, const uint ldi, global float *out,
    const uint ldo)
{
    float16 rows[BLOCK];
#pragma unroll
    for (uint i = 0; i < BLOCK; i++)
        rows[i] = vload16(0, in + (ulong)i * ldi);
    transpose16(rows);
#pragma unroll
    for (uint i = 0; i < BLOCK; i++)
        vstore16(rows[i], 0, out + (ulong)i * ldo);
}

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
    if (height == BLOCK && width == BLOCK) {
        transpose_block(in, ldi, out, rows);
        return;
    }
    for (uint y = 0; y < width; y++) {
        for (uint x = 0; x < height; x++)
            out[(ulong)y * rows + x] = in[(ulong)x * ldi + y];
    }
}
