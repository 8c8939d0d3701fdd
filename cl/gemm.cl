/* The native matrix product for CPU devices: a register tile a work-item, one work-item a
 * work-group, operands read in place. Built with:
 *   TILE_M       rows of a tile
 *   TRANSPOSE_A  1 when A is stored [k×m]
 * A tile is TILE_M × 16: two float8 accumulators a row fill the registers of AVX2 at TILE_M 6. */
#include "common.clh"

#define TILE_N 16

/* Stores columns skip … end-1 of a row of a tile. */
inline void store(global float *c, const float16 product, const float beta, const bool whole,
    const uint skip, const uint end)
{
    if (whole) {
        vstore16(beta != 0.0f ? fma(beta, vload16(0, c), product) : product, 0, c);
    } else {
        float values[TILE_N];
        vstore16(product, 0, values);
        for (uint j = skip; j < end; j++)
            c[j] = beta != 0.0f ? fma(beta, c[j], values[j]) : values[j];
    }
}

/* C = alpha · op(A) · B + beta · C, see src/gemm/gemm.h. Work-item (j, i) has the tile whose first
 * element is row i·TILE_M, column j·16. The last tile of a row of tiles starts at n-16 and leaves
 * the columns that its neighbour has alone; where n < 16, B has rows of 16 with zeros behind the n
 * (ldb 16), so that whole vectors can be read. A row beyond m reads row m-1 and is not stored. */
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void gemm(const global float *a,
    const ulong a_offset, const uint lda, const global float *b, const ulong b_offset,
    const uint ldb, global float *c, const ulong c_offset, const uint ldc, const uint m,
    const uint n, const uint k, const float alpha, const float beta)
{
    const uint row = get_global_id(1) * TILE_M;
    const uint first = get_global_id(0) * TILE_N; /* of the columns to store */
    const uint column = n < TILE_N ? 0 : min(first, n - TILE_N);
    a += a_offset;
    b += b_offset + column;

    uint from[TILE_M]; /* where row i of the tile begins in A */
#pragma unroll
    for (uint i = 0; i < TILE_M; i++)
        from[i] = min(row + i, m - 1) * (TRANSPOSE_A ? 1 : lda);

    float8 left[TILE_M], right[TILE_M];
#pragma unroll
    for (uint i = 0; i < TILE_M; i++)
        left[i] = right[i] = 0.0f;
    for (uint p = 0; p < k; p++) {
        const float8 b_left = vload8(0, b), b_right = vload8(1, b);
#pragma unroll
        for (uint i = 0; i < TILE_M; i++) {
            const float8 value = a[from[i]];
            left[i] = fma(value, b_left, left[i]);
            right[i] = fma(value, b_right, right[i]);
        }
        a += TRANSPOSE_A ? lda : 1;
        b += ldb;
    }

    c += c_offset + (ulong)row * ldc + column;
    const uint skip = first - column; /* columns that the neighbour to the left stores */
    const uint end = min(n - column, (uint)TILE_N);
    const bool whole = skip == 0 && end == TILE_N;
#pragma unroll
    for (uint i = 0; i < TILE_M; i++) {
        const float16 product = alpha * (float16)(left[i], right[i]);
        if (row + i < m)
            store(c, product, beta, whole, skip, end);
        c += ldc;
    }
}
