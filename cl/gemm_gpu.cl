/* SPDX-License-Identifier: Apache-2.0 */
/* The native matrix product for GPUs: a work-group has a tile of C, staged through local memory,
 * and a work-item a part of it in registers. Built with the options below and ACTIVATION of
 * epilogue.clh. */
#include "common.clh"
#include "epilogue.clh"

/* The options, and what they are where none are given. */
#ifndef ITEM_ROWS
#define ITEM_ROWS 4 /* elements of C that a work-item has, down; a multiple of VECTOR */
#endif
#ifndef ITEM_COLUMNS
#define ITEM_COLUMNS 4 /* and across; a multiple of VECTOR */
#endif
#ifndef GROUP_ROWS
#define GROUP_ROWS 8 /* work-items of a work-group, down */
#endif
#ifndef GROUP_COLUMNS
#define GROUP_COLUMNS 8 /* and across */
#endif
#ifndef DEPTH
#define DEPTH 16 /* how much of k is staged at a time; a multiple of LOAD */
#endif
#ifndef VECTOR
#define VECTOR 4 /* floats read from local memory at once: 1, 2 or 4 */
#endif
#ifndef PADDING
#define PADDING 4 /* floats after each row in local memory, a multiple of VECTOR, so that the
    items that write a column meet in fewer memory banks */
#endif
#ifndef LOAD
#define LOAD 4 /* floats read from global memory at once: 1, 2 or 4; a row of A or B begins at a
    multiple of it, and it divides both sides of the tile */
#endif
#ifndef TRANSPOSE_A
#define TRANSPOSE_A 0 /* 1 when A is stored transposed */
#endif
#ifndef TRANSPOSE_B
#define TRANSPOSE_B 0 /* 1 when B is */
#endif

#define TILE_ROWS (ITEM_ROWS * GROUP_ROWS)
#define TILE_COLUMNS (ITEM_COLUMNS * GROUP_COLUMNS)
#define ITEMS (GROUP_ROWS * GROUP_COLUMNS)
#define VECTORS (ITEM_COLUMNS / VECTOR)
#define STRIDE_A (TILE_ROWS + PADDING)    /* of the staged block of A, [DEPTH×TILE_ROWS] */
#define STRIDE_B (TILE_COLUMNS + PADDING) /* of the staged block of B, [DEPTH×TILE_COLUMNS] */

/* How many reads of LOAD floats a work-item does for a block of so many floats. */
#define READS(floats) (((floats) / LOAD + ITEMS - 1) / ITEMS)

#if VECTOR == 1
#define FLOATS float
#define PUT(value, at, to) ((to)[at] = (value))
#else
#define FLOATS JOIN(float, VECTOR)
#define PUT JOIN(vstore, VECTOR)
#endif

/* Where an operand is stored, a block of it lies as height × width. */
#if TRANSPOSE_A
#define HEIGHT_A DEPTH
#define WIDTH_A TILE_ROWS
#else
#define HEIGHT_A TILE_ROWS
#define WIDTH_A DEPTH
#endif
#if TRANSPOSE_B
#define HEIGHT_B TILE_COLUMNS
#define WIDTH_B DEPTH
#else
#define HEIGHT_B DEPTH
#define WIDTH_B TILE_COLUMNS
#endif

/* held[LOAD] = neighbours of a row of the block that begins at x and is width wide, the at-th on; 0
 * where the matrix, which from there on has so many rows and columns, ends. */
static inline void NAME(fetch)(float *held, const uint at, const uint width, const global float *x,
    const uint ld, const uint rows, const uint columns)
{
    const uint i = at / width, j = at % width;
    const global float *from = x + (ulong)i * ld + j;
#if LOAD > 1
    if (i < rows && j + LOAD <= columns) {
        JOIN(vstore, LOAD)(*(const global JOIN(float, LOAD) *)from, 0, held);
        return;
    }
#endif
#pragma unroll
    for (uint l = 0; l < LOAD; l++)
        held[l] = i < rows && j + l < columns ? from[l] : 0.0f;
}

/* The item's share of the next blocks of A and B, of whose rows, columns and k so many are left. */
static inline void NAME(fetch_both)(float *held_a, float *held_b, const global float *a,
    const uint lda, const global float *b, const uint ldb, const uint rows, const uint columns,
    const uint left, const uint item)
{
#pragma unroll
    for (uint r = 0; r < READS(HEIGHT_A * WIDTH_A); r++)
        NAME(fetch)(held_a + r * LOAD, (item + r * ITEMS) * LOAD, WIDTH_A, a, lda,
            min((uint)HEIGHT_A, TRANSPOSE_A ? left : rows), TRANSPOSE_A ? rows : left);
#pragma unroll
    for (uint r = 0; r < READS(HEIGHT_B * WIDTH_B); r++)
        NAME(fetch)(held_b + r * LOAD, (item + r * ITEMS) * LOAD, WIDTH_B, b, ldb,
            min((uint)HEIGHT_B, TRANSPOSE_B ? columns : left), TRANSPOSE_B ? left : columns);
}

/* Puts what fetch() gave where the block is staged, in the order it was stored in or transposed. */
static inline void NAME(stage)(local float *block, const uint stride, const float *held,
    const uint at, const uint height, const uint width, const bool transposed)
{
    const uint i = at / width, j = at % width;
    if (i >= height)
        return;
#pragma unroll
    for (uint l = 0; l < LOAD; l++)
        block[transposed ? (j + l) * stride + i : i * stride + j + l] = held[l];
}

static inline void NAME(stage_both)(local float *block_a, local float *block_b, const float *held_a,
    const float *held_b, const uint item)
{
#pragma unroll
    for (uint r = 0; r < READS(HEIGHT_A * WIDTH_A); r++)
        NAME(stage)(block_a, STRIDE_A, held_a + r * LOAD, (item + r * ITEMS) * LOAD, HEIGHT_A,
            WIDTH_A, !TRANSPOSE_A);
#pragma unroll
    for (uint r = 0; r < READS(HEIGHT_B * WIDTH_B); r++)
        NAME(stage)(block_b, STRIDE_B, held_b + r * LOAD, (item + r * ITEMS) * LOAD, HEIGHT_B,
            WIDTH_B, TRANSPOSE_B);
}

/* The next link of every element's chain: sum += column of A · row of B. The item's columns are
 * VECTORS groups of VECTOR neighbours, a group of each item before the next of this one. */
static inline void NAME(multiply)(FLOATS sum[ITEM_ROWS][VECTORS], const local FLOATS *a,
    const local FLOATS *b)
{
    float values[ITEM_ROWS];
    FLOATS with[VECTORS];
#pragma unroll
    for (uint i = 0; i < ITEM_ROWS / VECTOR; i++)
        PUT(a[i], i, values);
#pragma unroll
    for (uint v = 0; v < VECTORS; v++)
        with[v] = b[v * GROUP_COLUMNS];
#pragma unroll
    for (uint i = 0; i < ITEM_ROWS; i++) {
#pragma unroll
        for (uint v = 0; v < VECTORS; v++)
            sum[i][v] = fma((FLOATS)values[i], with[v], sum[i][v]);
    }
}

/* C = epilogue(alpha · op(A) · op(B) + beta · C), see src/compute/product.h. Work-group (q, r) has the tile
 * whose first element is in row r·TILE_ROWS, column q·TILE_COLUMNS. While a block of k is
 * multiplied, the next one is on its way from global memory. The blocks are staged in space_a and
 * space_b, arguments for the reason given in gemm.cl. */
kernel __attribute__((reqd_work_group_size(GROUP_COLUMNS, GROUP_ROWS, 1))) void NAME(gemm_gpu)(
    const global float *restrict a, const ulong a_offset, const uint lda,
    const global float *restrict b, const ulong b_offset, const uint ldb, global float *restrict c,
    const ulong c_offset, const uint ldc, const uint m, const uint n, const uint k,
    const float alpha, const float beta, const uint how, const global float *restrict bias,
    const ulong bias_offset, global float *restrict kept, local FLOATS *space_a,
    local FLOATS *space_b)
{
    local float *block_a = (local float *)space_a, *block_b = (local float *)space_b;
    const uint x = get_local_id(0), y = get_local_id(1), item = y * GROUP_COLUMNS + x;
    /* A launch that is a part of another has an offset. From get_global_id() the same would take
     * registers in every work-item, and on Intel's GPUs half as many of them at once. */
    const uint row = get_group_id(1) * TILE_ROWS + (uint)get_global_offset(1) * ITEM_ROWS;
    const uint column = get_group_id(0) * TILE_COLUMNS + (uint)get_global_offset(0) * ITEM_COLUMNS;
    const ulong step_a = TRANSPOSE_A ? lda : 1, step_b = TRANSPOSE_B ? 1 : ldb; /* along k */
    const local FLOATS *item_a = space_a + y * (ITEM_ROWS / VECTOR), *item_b = space_b + x;
    float held_a[READS(HEIGHT_A * WIDTH_A) * LOAD], held_b[READS(HEIGHT_B * WIDTH_B) * LOAD];
    FLOATS sum[ITEM_ROWS][VECTORS];
    a += a_offset + (ulong)row * (TRANSPOSE_A ? 1 : lda);
    b += b_offset + (ulong)column * (TRANSPOSE_B ? ldb : 1);
#pragma unroll
    for (uint i = 0; i < ITEM_ROWS; i++) {
#pragma unroll
        for (uint v = 0; v < VECTORS; v++)
            sum[i][v] = 0.0f;
    }

    NAME(fetch_both)(held_a, held_b, a, lda, b, ldb, m - row, n - column, k, item);
    for (uint p = 0; p < k; p += DEPTH) {
        const uint left = k - p;
        barrier(CLK_LOCAL_MEM_FENCE); /* all have read the blocks before */
        NAME(stage_both)(block_a, block_b, held_a, held_b, item);
        barrier(CLK_LOCAL_MEM_FENCE);
        if (left > DEPTH) {
            a += DEPTH * step_a;
            b += DEPTH * step_b;
            NAME(fetch_both)(
                held_a, held_b, a, lda, b, ldb, m - row, n - column, left - DEPTH, item);
        }
        if (left >= DEPTH) {
#pragma unroll
            for (uint q = 0; q < DEPTH; q++)
                NAME(multiply)(
                    sum, item_a + q * (STRIDE_A / VECTOR), item_b + q * (STRIDE_B / VECTOR));
        } else { /* no link more: fma(0, 0, -0) is +0 */
            for (uint q = 0; q < left; q++)
                NAME(multiply)(
                    sum, item_a + q * (STRIDE_A / VECTOR), item_b + q * (STRIDE_B / VECTOR));
        }
    }

#pragma unroll
    for (uint i = 0; i < ITEM_ROWS; i++) {
        const uint to_row = row + y * ITEM_ROWS + i;
        float values[ITEM_COLUMNS];
#pragma unroll
        for (uint v = 0; v < VECTORS; v++)
            PUT(sum[i][v], v, values);
#pragma unroll 1 /* the epilogue is long: compilers take most of their time for its copies */
        for (uint j = 0; j < ITEM_COLUMNS; j++) {
            const uint to = column + (j / VECTOR * GROUP_COLUMNS + x) * VECTOR + j % VECTOR;
            if (to_row < m && to < n)
                NAME(epilogue)(how, c + c_offset + (ulong)to_row * ldc + to, values[j], alpha, beta,
                    bias + bias_offset + to, kept + (ulong)to_row * n + to);
        }
    }
}
