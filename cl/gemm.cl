/* SPDX-License-Identifier: Apache-2.0 */
/* The native matrix product for CPU devices: a work-item is a work-group and has a block of rows of
 * C times some panels of columns. Built with the options below and ACTIVATION of
 * epilogue.clh. */
#include "common.clh"
#include "constants.clh"
#include "epilogue.clh"
#include "transpose.clh"

/* The options, and what they are where none are given. */
#ifndef TILE_ROWS
#define TILE_ROWS 6 /* rows of the tile of C that stays in registers */
#endif
#ifndef VECTOR
#define VECTOR 8 /* floats of a vector: 4, 8 or 16 */
#endif
#ifndef VECTORS
#define VECTORS 2 /* vectors of a row of the tile */
#endif
#ifndef TRANSPOSE_A
#define TRANSPOSE_A 0 /* 1 when A is stored [k×m] */
#endif
#ifndef COPY_A
#define COPY_A 0 /* 1 to copy blocks of A, with TRANSPOSE_A */
#endif
#ifndef ADJACENT
#define ADJACENT 0 /* 1 when a tile reads adjacent rows of A: TRANSPOSE_A and m ≥ TILE_ROWS, but
    not COPY_A */
#endif

#define FLOATS JOIN(float, VECTOR)
#define LOAD JOIN(vload, VECTOR)
#define STORE JOIN(vstore, VECTOR)
#define COLUMNS (VECTOR * VECTORS) /* of a panel */

/* panel[depth×COLUMNS] = the rows of B, zeros behind the columns that are there. */
static inline void NAME(copy_panel)(local float *panel, const global float *b, const uint ldb,
    const uint depth, const uint columns)
{
    if (columns == COLUMNS) {
        for (uint p = 0; p < depth; p++) {
#pragma unroll
            for (uint v = 0; v < VECTORS; v++)
                STORE(LOAD(v, b), v, panel);
            panel += COLUMNS;
            b += ldb;
        }
    } else {
        for (uint p = 0; p < depth; p++) {
            for (uint j = 0; j < COLUMNS; j++)
                panel[j] = j < columns ? b[j] : 0.0f;
            panel += COLUMNS;
            b += ldb;
        }
    }
}

/* The same of a B that is stored transposed, in whole blocks where there are some. */
static inline void NAME(transpose_panel)(local float *panel, const global float *b, const uint ldb,
    const uint depth, const uint columns)
{
    for (uint p = 0; p < depth; p += MCL_TRANSPOSE_BLOCK) {
        const uint height = min(depth - p, (uint)MCL_TRANSPOSE_BLOCK);
        for (uint j = 0; j < COLUMNS; j += MCL_TRANSPOSE_BLOCK) {
            const global float *from = b + (ulong)j * ldb + p;
            local float *to = panel + p * COLUMNS + j;
            if (height == MCL_TRANSPOSE_BLOCK && j + MCL_TRANSPOSE_BLOCK <= columns) {
                float16 rows[MCL_TRANSPOSE_BLOCK];
#pragma unroll
                for (uint i = 0; i < MCL_TRANSPOSE_BLOCK; i++)
                    rows[i] = vload16(0, from + (ulong)i * ldb);
                transpose16(rows);
#pragma unroll
                for (uint i = 0; i < MCL_TRANSPOSE_BLOCK; i++)
                    vstore16(rows[i], 0, to + i * COLUMNS);
            } else {
                for (uint x = 0; x < min(COLUMNS - j, (uint)MCL_TRANSPOSE_BLOCK); x++) {
                    for (uint y = 0; y < height; y++)
                        to[y * COLUMNS + x] = j + x < columns ? from[(ulong)x * ldb + y] : 0.0f;
                }
            }
        }
    }
}

/* A tile reads its rows in A itself, or in a copy that has them side by side for each k: in an A that
 * is stored transposed every k is a line of the cache of its own, and often one that pushes others
 * out. */
#if COPY_A
#define A_SPACE local
#else
#define A_SPACE global
#endif

/* copy[tiles][depth×TILE_ROWS + MCL_TILE_PADDING] = a block of A, which is stored [k×m] and begins
 * at a: depth × rows, zeros after the last row. */
static inline void NAME(copy_rows)(local float *copy, const global float *a, const uint lda,
    const uint depth, const uint rows)
{
    for (uint p = 0; p < depth; p++) {
        local float *to = copy + p * TILE_ROWS;
        for (uint i = 0; i < rows; i += TILE_ROWS) {
            if (i + TILE_ROWS <= rows) {
#pragma unroll
                for (uint r = 0; r < TILE_ROWS; r++)
                    to[r] = a[i + r];
            } else {
                for (uint r = 0; r < TILE_ROWS; r++)
                    to[r] = i + r < rows ? a[i + r] : 0.0f;
            }
            to += depth * TILE_ROWS + MCL_TILE_PADDING;
        }
        a += lda;
    }
}

/* sums[TILE_ROWS×COLUMNS] += A's rows · panel, each element its chain's next links; from zero where
 * it is the first. A's row i of the tile begins at a + from[i], or at a + i where they are adjacent;
 * its next element of k is step elements further. */
static inline void NAME(multiply_tile)(local float *sums, const bool first, const A_SPACE float *a,
    const ulong *from, const uint step, const local float *panel, const uint depth)
{
    FLOATS sum[TILE_ROWS][VECTORS];
#pragma unroll
    for (uint i = 0; i < TILE_ROWS; i++) {
#pragma unroll
        for (uint v = 0; v < VECTORS; v++)
            sum[i][v] = 0.0f;
    }
    if (!first) {
#pragma unroll
        for (uint i = 0; i < TILE_ROWS; i++) {
#pragma unroll
            for (uint v = 0; v < VECTORS; v++)
                sum[i][v] = LOAD(v, sums + i * COLUMNS);
        }
    }
    for (uint p = 0; p < depth; p++) {
        FLOATS b[VECTORS];
#pragma unroll
        for (uint v = 0; v < VECTORS; v++)
            b[v] = LOAD(v, panel);
#pragma unroll
        for (uint i = 0; i < TILE_ROWS; i++) {
            const FLOATS value = COPY_A | ADJACENT ? a[i] : a[from[i]];
#pragma unroll
            for (uint v = 0; v < VECTORS; v++)
                sum[i][v] = fma(value, b[v], sum[i][v]);
        }
        panel += COLUMNS;
        a += step;
    }
#pragma unroll
    for (uint i = 0; i < TILE_ROWS; i++) {
#pragma unroll
        for (uint v = 0; v < VECTORS; v++)
            STORE(sum[i][v], v, sums + i * COLUMNS);
    }
}

/* The first row of a tile: the last tile of neighbours begins earlier rather than end behind m. */
static inline uint NAME(tile_begin)(const uint row, const uint m)
{
    return ADJACENT ? min(row, m - TILE_ROWS) : row;
}

/* A row of a panel; a loop for each way, so that it runs in vectors. */
static inline void NAME(epilogue_row)(const uint how, global float *c, const local float *sum,
    const float alpha, const float beta, const global float *bias, global float *kept,
    const uint columns)
{
    if (how == MCL_STORE_LINEAR) {
        for (uint j = 0; j < columns; j++)
            NAME(epilogue)(MCL_STORE_LINEAR, c + j, sum[j], alpha, beta, bias + j, kept + j);
    } else if (how == MCL_STORE_FORWARD) {
        for (uint j = 0; j < columns; j++)
            NAME(epilogue)(MCL_STORE_FORWARD, c + j, sum[j], alpha, beta, bias + j, kept + j);
    } else if (how == MCL_STORE_BACKWARD) {
        for (uint j = 0; j < columns; j++)
            NAME(epilogue)(MCL_STORE_BACKWARD, c + j, sum[j], alpha, beta, bias + j, kept + j);
    } else {
        for (uint j = 0; j < columns; j++)
            NAME(epilogue)(MCL_STORE_PRODUCT, c + j, sum[j], alpha, beta, bias + j, kept + j);
    }
}

/* C = epilogue(alpha · op(A) · B + beta · C), see src/compute/product.h. Work-item (q, r) has rows r·rows …
 * and `panels` panels of columns from q·panels on: neighbours share the block of A. k is worked off
 * in blocks of depth, for each of which the panels of B are copied one after the other to where they
 * are read in sequence, and the partial sums wait in local memory; B is stored transposed where
 * transposed is 1. panel_space has room for depth×COLUMNS floats, sums_space for panels×rows×COLUMNS,
 * and rows_space, which counts with COPY_A only, for what copy_rows() makes. They are arguments
 * because Oclgrind adds up what all kernels of a program declare. A row beyond m reads row m-1 and is
 * not stored. */
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void NAME(gemm)(
    const global float *restrict a, const ulong a_offset, const uint lda,
    const global float *restrict b, const ulong b_offset, const uint ldb, const uint transposed,
    global float *restrict c, const ulong c_offset, const uint ldc, const uint m,
    const uint n, const uint k, const float alpha, const float beta, const uint how,
    const uint rows, const uint panels, const uint depth, const global float *restrict bias,
    const ulong bias_offset, global float *restrict kept, local float16 *panel_space,
    local float16 *sums_space, local float16 *rows_space)
{
    local float *panel = (local float *)panel_space, *sums = (local float *)sums_space;
    local float *copy = (local float *)rows_space;
    const uint row = get_global_id(1) * rows, end = min(row + rows, m);
    const uint left = get_global_id(0) * panels * COLUMNS, right = min(left + panels * COLUMNS, n);
    a += a_offset;
    b += b_offset;

    for (uint p = 0; p < k; p += depth) {
        const uint here = min(depth, k - p);
        if (COPY_A)
            NAME(copy_rows)(copy, a + (ulong)p * lda + row, lda, here, end - row);
        local float *sum = sums;
        for (uint column = left; column < right; column += COLUMNS) {
            const uint columns = min(right - column, (uint)COLUMNS);
            if (transposed)
                NAME(transpose_panel)(panel, b + (ulong)column * ldb + p, ldb, here, columns);
            else
                NAME(copy_panel)(panel, b + (ulong)p * ldb + column, ldb, here, columns);
            for (uint i = row; i < end; i += TILE_ROWS) {
                const uint begin = NAME(tile_begin)(i, m);
                ulong from[TILE_ROWS];
#pragma unroll
                for (uint r = 0; r < TILE_ROWS; r++)
                    from[r] = (ulong)min(begin + r, m - 1) * (TRANSPOSE_A ? 1 : lda);
#if COPY_A
                NAME(multiply_tile)(sum, p == 0,
                    copy + (i - row) / TILE_ROWS * (here * TILE_ROWS + MCL_TILE_PADDING), from,
                    TILE_ROWS, panel, here);
#else
                NAME(multiply_tile)(sum, p == 0,
                    a + (ulong)p * (TRANSPOSE_A ? lda : 1) + (ADJACENT ? begin : 0), from,
                    TRANSPOSE_A ? lda : 1, panel, here);
#endif
                sum += TILE_ROWS * COLUMNS;
            }
        }
    }

    const local float *sum = sums;
    c += c_offset;
    bias += bias_offset;
    for (uint column = left; column < right; column += COLUMNS) {
        const uint columns = min(right - column, (uint)COLUMNS);
        for (uint i = row; i < end; i++) {
            const uint tile = row + (i - row) / TILE_ROWS * TILE_ROWS;
            NAME(epilogue_row)(how, c + (ulong)i * ldc + column,
                sum + (tile - row + i - NAME(tile_begin)(tile, m)) * COLUMNS, alpha, beta,
                bias + column, kept + (ulong)i * n + column, columns);
        }
        sum += (end - row + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS * COLUMNS;
    }
}
