/* SPDX-License-Identifier: Apache-2.0 */
/* A transposed copy of a matrix, for products whose second operand is stored transposed. */
#include "common.clh"
#include "transpose.clh"

#define BLOCK MCL_TRANSPOSE_BLOCK

#if MCL_WIDTH == 16
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

/* out[j·rows + i] = in[i·ldi + j] for i < rows, j < columns. On CPUs work-item (x, y) has the block of
 * 16 × 16 elements from i = 16·x, j = 16·y on. */
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
#else
/* The same, by way of block[16 × MCL_TRANSPOSE_STRIDE]. A work-group of 16 × H items has the 16 columns from
 * j = 16·(r/T) on of the H rows from i = r mod T on, where r is its first mcl_row() and T the rows in
 * whole blocks of 16: it reads lines of 16 elements and writes lines of H. */
kernel void transpose(const global float *restrict in, const ulong offset, const uint ldi,
    global float *restrict out, const uint rows, const uint columns, local float *block)
{
    const uint x = get_local_id(0), y = get_local_id(1), height = get_local_size(1);
    const uint padded = (rows + BLOCK - 1) / BLOCK * BLOCK;
    const uint i = (mcl_row() - y) % padded, j = (mcl_row() - y) / padded * BLOCK;
    if (i + y < rows && j + x < columns)
        block[x * MCL_TRANSPOSE_STRIDE + y] = in[offset + (ulong)(i + y) * ldi + j + x];
    barrier(CLK_LOCAL_MEM_FENCE);
    const uint place = y * BLOCK + x, across = place % height, down = place / height;
    if (i + across < rows && j + down < columns)
        out[(ulong)(j + down) * rows + i + across] = block[down * MCL_TRANSPOSE_STRIDE + across];
}
#endif
