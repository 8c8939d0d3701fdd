/* A transposed copy of a matrix, for products whose second operand is stored transposed. */
#include "common.clh"

#define BLOCK 16 /* as in src/gemm */

/* a0 b0 a1 b1 … of the lower halves, and of the upper ones */
inline float16 interleave_low(const float16 a, const float16 b)
{
    return (float16)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3, a.s4, b.s4, a.s5, b.s5, a.s6,
        b.s6, a.s7, b.s7);
}

inline float16 interleave_high(const float16 a, const float16 b)
{
    return (float16)(a.s8, b.s8, a.s9, b.s9, a.sa, b.sa, a.sb, b.sb, a.sc, b.sc, a.sd, b.sd, a.se,
        b.se, a.sf, b.sf);
}

/* A whole block in registers: four times interleaving row i with row i+8 exchanges rows and
 * columns. */
inline void transpose_block(const global float *in, const uint ldi, global float *out,
    const uint ldo)
{
    float16 rows[BLOCK];
#pragma unroll
    for (uint i = 0; i < BLOCK; i++)
        rows[i] = vload16(0, in + (ulong)i * ldi);
#pragma unroll
    for (uint stage = 0; stage < 4; stage++) {
        float16 next[BLOCK];
#pragma unroll
        for (uint i = 0; i < BLOCK / 2; i++) {
            next[2 * i] = interleave_low(rows[i], rows[i + BLOCK / 2]);
            next[2 * i + 1] = interleave_high(rows[i], rows[i + BLOCK / 2]);
        }
#pragma unroll
        for (uint i = 0; i < BLOCK; i++)
            rows[i] = next[i];
    }
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
