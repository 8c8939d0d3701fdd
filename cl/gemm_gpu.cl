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
#ifndef BUFFERS
#define BUFFERS 2 /* blocks of each operand in local memory: with 2 the next one is staged while some
    items still multiply this one, and a block takes one barrier instead of two */
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

#define FLOATS_A (DEPTH * STRIDE_A)       /* of a block */
#define FLOATS_B (DEPTH * STRIDE_B)

/* How many reads of LOAD floats a work-item does for a block of so many floats. */
#define READS(floats) (((floats) / LOAD + ITEMS - 1) / ITEMS)

/* Vectors, and what makes them of arrays, which stay in registers, and back. */
#if VECTOR == 1
#define FLOATS float
#define GET(from) (*(from))
#define PUT(value, at, to) ((to)[at] = (value))
#else
#define FLOATS JOIN(float, VECTOR)
#define GET(from) JOIN(vload, VECTOR)(0, from)
#define PUT JOIN(vstore, VECTOR)
#endif
#if LOAD == 1
#define LOADED float
#define GET_LOADED(from) (*(from))
#define PUT_LOADED(value, to) (*(to) = (value))
#else
#define LOADED JOIN(float, LOAD)
#define GET_LOADED(from) JOIN(vload, LOAD)(0, from)
#define PUT_LOADED(value, to) JOIN(vstore, LOAD)(value, 0, to)
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
#define READS_A READS(HEIGHT_A *WIDTH_A)
#define READS_B READS(HEIGHT_B *WIDTH_B)

/* Adjacent elements of a row of the block that begins at x and is width wide, the at-th on; 0 where the
 * matrix, which from there on has so many rows and columns, ends. */
static inline LOADED NAME(fetch)(const uint at, const uint width, const global float *x,
    const uint ld, const uint rows, const uint columns)
{
    const uint i = at / width, j = at % width;
    const global float *from = x + (ulong)i * ld + j;
    if (i < rows && j + LOAD <= columns)
        return *(const global LOADED *)from;
    float held[LOAD];
#pragma unroll
    for (uint l = 0; l < LOAD; l++)
        held[l] = i < rows && j + l < columns ? from[l] : 0.0f;
    return GET_LOADED(held);
}

/* The item's share of the next blocks of A and B, of whose rows, columns and k so many are left. */
static inline void NAME(fetch_both)(LOADED *held_a, LOADED *held_b, const global float *a,
    const uint lda, const global float *b, const uint ldb, const uint rows, const uint columns,
    const uint left, const uint item)
{
#pragma unroll
    for (uint r = 0; r < READS_A; r++)
        held_a[r] = NAME(fetch)((item + r * ITEMS) * LOAD, WIDTH_A, a, lda,
            min((uint)HEIGHT_A, TRANSPOSE_A ? left : rows), TRANSPOSE_A ? rows : left);
#pragma unroll
    for (uint r = 0; r < READS_B; r++)
        held_b[r] = NAME(fetch)((item + r * ITEMS) * LOAD, WIDTH_B, b, ldb,
            min((uint)HEIGHT_B, TRANSPOSE_B ? columns : left), TRANSPOSE_B ? left : columns);
}

/* Puts what fetch() gave where the block is staged, in the order it was stored in or transposed. */
static inline void NAME(stage)(local float *block, const uint stride, const LOADED held,
    const uint at, const uint height, const uint width, const bool transposed)
{
    const uint i = at / width, j = at % width;
    if (i >= height)
        return;
    if (!transposed & (LOAD <= VECTOR)) { /* every row begins at a multiple of VECTOR */
        *(local LOADED *)(block + i * stride + j) = held;
        return;
    }
    float values[LOAD];
    PUT_LOADED(held, values);
#pragma unroll
    for (uint l = 0; l < LOAD; l++)
        block[transposed ? (j + l) * stride + i : i * stride + j + l] = values[l];
}

static inline void NAME(stage_both)(local float *block_a, local float *block_b,
    const LOADED *held_a, const LOADED *held_b, const uint item)
{
#pragma unroll
    for (uint r = 0; r < READS_A; r++)
        NAME(stage)(block_a, STRIDE_A, held_a[r], (item + r * ITEMS) * LOAD, HEIGHT_A, WIDTH_A,
            !TRANSPOSE_A);
#pragma unroll
    for (uint r = 0; r < READS_B; r++)
        NAME(stage)(block_b, STRIDE_B, held_b[r], (item + r * ITEMS) * LOAD, HEIGHT_B, WIDTH_B,
            TRANSPOSE_B);
}

/* The next link of every element's chain: sum += column of A · row of B. The item's columns are
 * VECTORS groups of VECTOR adjacent ones, a group of each item before the next of this one. */
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

/* VECTOR adjacent elements from x on, of which so many are there; all of them at once where wide. */
static inline FLOATS NAME(read)(const global float *x, const uint left, const bool wide)
{
    float values[VECTOR];
    if (wide)
        return *(const global FLOATS *)x;
#pragma unroll
    for (uint l = 0; l < VECTOR; l++)
        values[l] = l < left ? x[l] : 0.0f;
    return GET(values);
}

static inline void NAME(write)(
    global float *x, const FLOATS values, const uint left, const bool wide)
{
    float apart[VECTOR];
    if (wide) {
        *(global FLOATS *)x = values;
        return;
    }
    PUT(values, 0, apart);
#pragma unroll
    for (uint l = 0; l < VECTOR; l++) {
        if (l < left)
            x[l] = apart[l];
    }
}

/* The epilogue of VECTOR adjacent elements, as epilogue() has it of one. */
static inline void NAME(finish)(const uint how, global float *c, const FLOATS sum,
    const float alpha, const float beta, const global float *bias, global float *kept,
    const uint left, const bool wide)
{
    float products[VECTOR], added[VECTOR], values[VECTOR];
    const bool adds = how == MCL_STORE_LINEAR || how == MCL_STORE_FORWARD;
    FLOATS product = alpha * sum;
    if (beta != 0.0f)
        product = fma((FLOATS)beta, NAME(read)(c, left, wide), product);
    PUT(product, 0, products);
    PUT(adds ? NAME(read)(bias, left, wide) : (FLOATS)0.0f, 0, added);
    PUT(how == MCL_STORE_BACKWARD ? NAME(read)(kept, left, wide) : (FLOATS)0.0f, 0, values);
#pragma unroll
    for (uint l = 0; l < VECTOR; l++)
        products[l] = NAME(epilogue_of)(how, products[l], added[l], &values[l]);
    NAME(write)(c, GET(products), left, wide);
    if (ACTIVATION == 2 && how == MCL_STORE_FORWARD)
        NAME(write)(kept, GET(values), left, wide);
}

#if TRANSPOSE_A
/* Of how many rows of the tile a work-item has the sums, and how many links of a chain are sure to lie in
 * one block. */
#define SUMS ((TILE_ROWS + ITEMS - 1) / ITEMS)
#define SUM_LINKS (MCL_SUM_ROWS % DEPTH ? 1 : DEPTH)

/* The next DEPTH links, from number p on, of the chains that sum up the rows of op(A): blocks of
 * MCL_SUM_ROWS and a chain over the blocks, as column_sums of reduce.cl has them. */
static inline void NAME(add)(float sums[SUMS], float totals[SUMS], const local float *block_a,
    const uint item, const uint p)
{
#pragma unroll
    for (uint s = 0; s < SUMS; s++) {
        const uint i = item + s * ITEMS;
        if (i >= TILE_ROWS)
            return;
        for (uint q = 0; q < DEPTH; q += SUM_LINKS) {
            if ((p + q) % MCL_SUM_ROWS == 0) {
                totals[s] += sums[s];
                sums[s] = 0.0f;
            }
#pragma unroll 4
            for (uint l = 0; l < SUM_LINKS; l++)
                /* by fma, as Intel's compiler for CPUs takes additions in another order */
                sums[s] = fma(1.0f, block_a[(q + l) * STRIDE_A + i], sums[s]);
        }
    }
}
#endif

/* C = epilogue(alpha · op(A) · op(B) + beta · C), see src/compute/product.h. Work-group (q, r) has the tile
 * whose first element is in row r·TILE_ROWS, column q·TILE_COLUMNS. While a block of k is
 * multiplied, the next one is on its way from global memory. The blocks are staged in space_a and
 * space_b, arguments for the reason given in gemm.cl. Beyond k they have zeros: a link fma(0, 0, sum)
 * changes the sign of a zero at most, which no epilogue keeps. */
kernel __attribute__((reqd_work_group_size(GROUP_COLUMNS, GROUP_ROWS, 1))) void NAME(gemm_gpu)(
    const global float *restrict a, const ulong a_offset, const uint lda,
    const global float *restrict b, const ulong b_offset, const uint ldb, global float *restrict c,
    const ulong c_offset, const uint ldc, const uint m, const uint n, const uint k,
    const float alpha, const float beta, const uint how, global float *restrict bias,
    const ulong bias_offset, global float *restrict kept, const ulong kept_offset,
    local FLOATS *space_a, local FLOATS *space_b)
{
    const uint x = get_local_id(0), y = get_local_id(1), item = y * GROUP_COLUMNS + x;
    /* A launch that is a part of another has an offset. From get_global_id() the same would take
     * registers in every work-item, and on Intel's GPUs half as many of them at once. */
    const uint row = get_group_id(1) * TILE_ROWS + (uint)get_global_offset(1) * ITEM_ROWS;
    const uint column = get_group_id(0) * TILE_COLUMNS + (uint)get_global_offset(0) * ITEM_COLUMNS;
    const ulong step_a = TRANSPOSE_A ? lda : 1, step_b = TRANSPOSE_B ? 1 : ldb; /* along k */
    const local FLOATS *item_a = space_a + y * (ITEM_ROWS / VECTOR), *item_b = space_b + x;
    LOADED held_a[READS_A], held_b[READS_B];
    FLOATS sum[ITEM_ROWS][VECTORS];
    uint buffer = 0; /* that is multiplied */
#if TRANSPOSE_A
    const bool adds = how == MCL_STORE_SUMS && column == 0;
    float sums[SUMS], totals[SUMS];
#pragma unroll
    for (uint s = 0; s < SUMS; s++)
        sums[s] = totals[s] = 0.0f;
#endif
    a += a_offset + (ulong)row * (TRANSPOSE_A ? 1 : lda);
    b += b_offset + (ulong)column * (TRANSPOSE_B ? ldb : 1);
#pragma unroll
    for (uint i = 0; i < ITEM_ROWS; i++) {
#pragma unroll
        for (uint v = 0; v < VECTORS; v++)
            sum[i][v] = 0.0f;
    }

    NAME(fetch_both)(held_a, held_b, a, lda, b, ldb, m - row, n - column, k, item);
    NAME(stage_both)((local float *)space_a, (local float *)space_b, held_a, held_b, item);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint p = 0; p < k; p += DEPTH) {
        const uint left = k - p;
        const local FLOATS *from_a = item_a + buffer * (FLOATS_A / VECTOR);
        const local FLOATS *from_b = item_b + buffer * (FLOATS_B / VECTOR);
        if (left > DEPTH) {
            a += DEPTH * step_a;
            b += DEPTH * step_b;
            NAME(fetch_both)(
                held_a, held_b, a, lda, b, ldb, m - row, n - column, left - DEPTH, item);
        }
#pragma unroll 4 /* all of them at once, and compilers hold all that they read in registers */
        for (uint q = 0; q < DEPTH; q++)
            NAME(multiply)(
                sum, from_a + q * (STRIDE_A / VECTOR), from_b + q * (STRIDE_B / VECTOR));
#if TRANSPOSE_A
        if (adds)
            NAME(add)(sums, totals, (local float *)space_a + buffer * FLOATS_A, item, p);
#endif
        if (BUFFERS == 1)
            barrier(CLK_LOCAL_MEM_FENCE); /* all have read the blocks */
        else
            buffer = 1 - buffer;
        if (left > DEPTH)
            NAME(stage_both)((local float *)space_a + buffer * FLOATS_A,
                (local float *)space_b + buffer * FLOATS_B, held_a, held_b, item);
        barrier(CLK_LOCAL_MEM_FENCE);
    }

    /* Whether each of C's, kept's and the bias's vectors is one transaction. */
    const bool aligned = ((ldc | n | (uint)c_offset | (uint)bias_offset | (uint)kept_offset) & (VECTOR - 1)) == 0;
    c += c_offset;
    bias += bias_offset;
    kept += kept_offset;
#if TRANSPOSE_A
#pragma unroll
    for (uint s = 0; s < SUMS; s++) {
        const uint i = item + s * ITEMS;
        if (adds && i < TILE_ROWS && row + i < m)
            bias[row + i] = mcl_flush(totals[s] + sums[s]);
    }
#endif
    /* One row at a time, in the first row's registers: an index that is not known when compiling
     * would have them all in memory, and the epilogue is too long for a copy a row. */
#pragma unroll 1
    for (uint i = 0; i < ITEM_ROWS; i++) {
        const uint to_row = row + y * ITEM_ROWS + i;
#pragma unroll
        for (uint v = 0; v < VECTORS; v++) {
            const uint to = column + (v * GROUP_COLUMNS + x) * VECTOR;
            if (to_row < m && to < n)
                NAME(finish)(how, c + (ulong)to_row * ldc + to, sum[0][v], alpha, beta, bias + to,
                    kept + (ulong)to_row * n + to, n - to, aligned && to + VECTOR <= n);
        }
#pragma unroll
        for (uint r = 1; r < ITEM_ROWS; r++) {
#pragma unroll
            for (uint v = 0; v < VECTORS; v++)
                sum[r - 1][v] = sum[r][v];
        }
    }
}
