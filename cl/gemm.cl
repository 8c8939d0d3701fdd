/* SPDX-License-Identifier: Apache-2.0 */
/* The native matrix product for CPU devices: a work-item is a work-group, one for each compute unit, and
 * takes blocks of C, rows times some panels of columns, one after the other until none is left. Built
 * with the options below and ACTIVATION of epilogue.clh. */
#include "common.clh"
#include "constants.clh"
#include "epilogue.clh"
#include "patches.clh"
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
#ifndef PATCHES
#define PATCHES MCL_PATCHES_NONE /* MCL_PATCHES_…: which operand is made of patches of maps */
#endif
#define FLOATS JOIN(float, VECTOR)
#define LOAD JOIN(vload, VECTOR)
#define STORE JOIN(vstore, VECTOR)
#define COLUMNS (VECTOR * VECTORS) /* of a panel */

/* Floats that are copied at once of a tile's rows, where they are adjacent. */
#if TILE_ROWS <= 4
#define PACK 4
#elif TILE_ROWS <= 8
#define PACK 8
#else
#define PACK 16
#endif

/* strip[panels][depth×COLUMNS] = depth rows of B, zeros after the last of the columns. */
static inline void NAME(copy_strip)(global float *strip, const global float *b, const uint ldb,
    const uint depth, const uint columns)
{
    const uint whole = columns / COLUMNS;
    for (uint p = 0; p < depth; p++) {
        global float *panel = strip + p * COLUMNS;
        for (uint q = 0; q < whole; q++) {
#pragma unroll
            for (uint v = 0; v < VECTORS; v++)
                STORE(LOAD(v, b + q * COLUMNS), v, panel);
            panel += depth * COLUMNS;
        }
        for (uint j = whole * COLUMNS; j < columns; j++)
            *panel++ = b[j];
        for (uint j = columns; j % COLUMNS != 0; j++)
            *panel++ = 0.0f;
        b += ldb;
    }
}

/* A panel of a B that is stored transposed, in whole blocks where there are some. */
static inline void NAME(transpose_panel)(global float *panel, const global float *b, const uint ldb,
    const uint depth, const uint columns)
{
    for (uint p = 0; p < depth; p += MCL_TRANSPOSE_BLOCK) {
        const uint height = min(depth - p, (uint)MCL_TRANSPOSE_BLOCK);
        for (uint j = 0; j < COLUMNS; j += MCL_TRANSPOSE_BLOCK) {
            const global float *from = b + (ulong)j * ldb + p;
            global float *to = panel + p * COLUMNS + j;
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

/* packed[panels][k×COLUMNS] = all of B, which is stored [n×k] where it is transposed. Work-item (q, y)
 * has panel q of the rows depth·y … of B. */
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void NAME(pack)(
    const global float *restrict b, const ulong b_offset, const uint ldb, const uint transposed,
    global float *restrict packed, const uint n, const uint k, const uint depth)
{
    const uint left = get_global_id(0) * COLUMNS, columns = min(n - left, (uint)COLUMNS);
    const uint p = get_global_id(1) * depth, here = min(depth, k - p);
    packed += (ulong)left * k + (ulong)p * COLUMNS;
    b += b_offset;
    if (transposed)
        NAME(transpose_panel)(packed, b + (ulong)left * ldb + p, ldb, here, columns);
    else
        NAME(copy_strip)(packed, b + (ulong)p * ldb + left, ldb, here, columns);
}

/* copy[tiles][depth×TILE_ROWS + MCL_TILE_PADDING] = a block of an A that is stored [k×m], which begins
 * at a: depth × rows. What is after the last row is written as it comes and not used. */
static inline void NAME(copy_columns)(global float *copy, const global float *a, const uint lda,
    const uint depth, const uint rows, const uint there)
{
    for (uint p = 0; p < depth; p++) {
        global float *to = copy + p * TILE_ROWS;
        for (uint i = 0; i < rows; i += TILE_ROWS) {
            if (i + (TILE_ROWS + PACK - 1) / PACK * PACK <= there) {
#pragma unroll
                for (uint r = 0; r < TILE_ROWS; r += PACK)
                    JOIN(vstore, PACK)(JOIN(vload, PACK)(0, a + i + r), 0, to + r);
            } else {
                for (uint r = 0; r < TILE_ROWS; r++)
                    to[r] = i + r < rows ? a[i + r] : 0.0f;
            }
            to += depth * TILE_ROWS + MCL_TILE_PADDING;
        }
        a += lda;
    }
}

/* copy[rows][depth + MCL_TILE_PADDING] = a block of an A that is stored [m×k]: in place its rows may
 * meet in few sets of the cache. */
static inline void NAME(copy_rows)(global float *copy, const global float *a, const uint lda,
    const uint depth, const uint rows)
{
    for (uint i = 0; i < rows; i++) {
        for (uint p = 0; p < depth; p++)
            copy[p] = a[p];
        copy += depth + MCL_TILE_PADDING;
        a += lda;
    }
}

#if PATCHES == MCL_PATCHES_OF_A
/* The same of a block of patches: so many columns, from number p on, of the rows from number row on. */
static inline void NAME(gather_rows)(global float *copy, const global float *map,
    const global int *geometry, const uint row, const uint rows, const uint p, const uint depth)
{
    const uint floats = geometry[MCL_PATCH_RUN];
    uint run = p / floats, at = p % floats;
    for (uint done = 0; done < depth; run++, at = 0) {
        const uint count = min(floats - at, depth - done);
        mcl_gather_run(
            copy + done, depth + MCL_TILE_PADDING, map, geometry, row, rows, run, at, count);
        done += count;
    }
}
#endif

#if PATCHES == MCL_PATCHES_OF_B
/* As copy_strip of patches: depth rows of B from number p on, and the columns from left to right. */
static inline void NAME(gather_strip)(global float *strip, const global float *map,
    const global int *geometry, const uint p, const uint depth, const uint left, const uint right)
{
    const uint floats = geometry[MCL_PATCH_RUN];
    uint run = left / floats, at = left % floats, count;
    for (uint column = left; column < right; column += count) {
        const uint across = (column - left) % COLUMNS;
        global float *to = strip + (column - left - across) * depth + across;
        count = min(min(floats - at, COLUMNS - across), right - column);
        mcl_gather_run(to, COLUMNS, map, geometry, p, depth, run, at, count);
        at += count;
        if (at == floats) {
            run++;
            at = 0;
        }
    }
    const uint there = (right - left) % COLUMNS;
    if (there == 0)
        return;
    strip += (right - left - there) * depth;
    for (uint i = 0; i < depth; i++) {
        for (uint j = there; j < COLUMNS; j++)
            strip[i * COLUMNS + j] = 0.0f;
    }
}
#endif

/* sums[TILE_ROWS×COLUMNS] += A's rows · B's columns, each element its chain's next links; from zero
 * where it is the first. A's row i of the tile begins at from[i], its next element of k is step_a
 * elements further; B's next row is step_b elements further. */
static inline void NAME(multiply_tile)(local float *sums, const bool first,
    const global float *const *from, const ulong step_a, const global float *b, const ulong step_b,
    const uint depth)
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
    ulong a = 0;
    for (uint p = 0; p < depth; p++) {
        FLOATS row[VECTORS];
#pragma unroll
        for (uint v = 0; v < VECTORS; v++)
            row[v] = LOAD(v, b);
#pragma unroll
        for (uint i = 0; i < TILE_ROWS; i++) {
            const FLOATS value = from[i][a];
#pragma unroll
            for (uint v = 0; v < VECTORS; v++)
                sum[i][v] = fma(value, row[v], sum[i][v]);
        }
        a += step_a;
        b += step_b;
    }
#pragma unroll
    for (uint i = 0; i < TILE_ROWS; i++) {
#pragma unroll
        for (uint v = 0; v < VECTORS; v++)
            STORE(sum[i][v], v, sums + i * COLUMNS);
    }
}

#if PATCHES == MCL_PATCHES_OF_A
/* The same with rows of patches, read where they are in the map: so many columns from number p on of the
 * rows `row` to `row + last`. zeros[depth] are what is beyond the map. */
static inline void NAME(multiply_patches)(local float *sums, const bool first,
    const global float *map, const global int *geometry, const global float *zeros, const uint row,
    const uint last, const uint p, const global float *b, const ulong step_b, const uint depth)
{
    const uint floats = geometry[MCL_PATCH_RUN], runs = geometry[MCL_PATCH_RUNS];
    const uint height = geometry[MCL_PATCH_HEIGHT], width = geometry[MCL_PATCH_WIDTH];
    const ulong channels = geometry[MCL_PATCH_CHANNELS];
    const uint across = geometry[MCL_PATCH_ACROSS], down = geometry[MCL_PATCH_DOWN];
    uint x = row % across, y = row / across % down;
    ulong top = (ulong)(row / across / down) * height;
    int from_y[TILE_ROWS], from_x[TILE_ROWS]; /* of the first tap */
    ulong tops[TILE_ROWS];
#pragma unroll
    for (uint r = 0; r < TILE_ROWS; r++) {
        from_y[r] = geometry[MCL_PATCH_FIRST_Y] + (int)y * geometry[MCL_PATCH_STEP_Y];
        from_x[r] = geometry[MCL_PATCH_FIRST_X] + (int)x * geometry[MCL_PATCH_STEP_X];
        tops[r] = top;
        if (r < last && ++x == across) {
            x = 0;
            if (++y == down) {
                y = 0;
                top += height;
            }
        }
    }
    uint run = p / floats, at = p % floats;
    for (uint done = 0; done < depth; run++, at = 0) {
        const uint count = min(floats - at, depth - done);
        const int tap_y = (int)(run / runs) * geometry[MCL_PATCH_TAP_Y];
        const int tap_x = (int)(run % runs) * geometry[MCL_PATCH_TAP_X];
        const global float *from[TILE_ROWS];
#pragma unroll
        for (uint r = 0; r < TILE_ROWS; r++) {
            const uint to_y = from_y[r] + tap_y, to_x = from_x[r] + tap_x;
            from[r] = to_y < height && to_x < width
                          ? map + ((tops[r] + to_y) * width + to_x) * channels + at
                          : zeros;
        }
        NAME(multiply_tile)(
            sums, first && done == 0, from, 1, b + done * step_b, step_b, count);
        done += count;
    }
}
#endif

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

#if PATCHES == MCL_PATCHES_NONE
#define SEGMENTS 1
#define LAST_LINKS k
#define PLACE(i) ((ulong)(i))
#else
#define SEGMENTS segments
#define LAST_LINKS last_k
#define PLACE(i)                                                                                   \
    (PATCHES == MCL_PATCHES_OF_A && scattered ? mcl_patch_place(geometry, i) : (ulong)(i))
#endif

/* C = epilogue(alpha · op(A) · B + beta · C), see src/compute/product.h, in blocks of `rows` rows and a
 * strip of `panels` panels, which the work-items take by tickets: the counter is 0 before and after. With
 * a stride, that of all work-items, each takes every stride-th block, for launches that are divided. k
 * is worked off in blocks of depth, for each of which a work-item copies what it reads several times
 * to its own part of space: A's rows where how_a says so, and the strip of B where how_b does.
 * The partial sums wait in sums_space, which has room for panels×rows×COLUMNS where k > depth, for a
 * tile otherwise, and is an argument because Oclgrind adds up what all kernels of a program declare. A row after the last reads the last
 * one and is not stored.
 *
 * With patches of A, a is a map, of which A's rows are copied, or read in place; where they are scattered, so are C's
 * rows. With patches of B, b is one, and k is cut into segments of k links, the last one of last_k, of which
 * each has a C of its own, [segments][m×n]. */
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void NAME(gemm)(
    const global float *restrict a, const ulong a_offset, const uint lda, const uint transpose_a,
    const uint how_a, const global float *restrict b, const ulong b_offset, const uint ldb,
    const uint how_b, global float *restrict c, const ulong c_offset, const uint ldc, const uint m,
    const uint n, const uint k, const float alpha, const float beta, const uint how,
    const uint rows, const uint panels, const uint depth, const global float *restrict bias,
    const ulong bias_offset, global float *restrict kept, const ulong kept_offset, global float *space,
    const ulong space_floats, volatile global uint *tickets, const uint stride,
    local float16 *sums_space
#if PATCHES != MCL_PATCHES_NONE
    ,
    const global int *restrict geometry, const uint scattered, const uint segments,
    const uint last_k
#endif
)
{
    const uint strips = (n - 1) / (panels * COLUMNS) + 1;
    const uint of_segment = ((m - 1) / rows + 1) * strips, blocks = of_segment * SEGMENTS;
    global float *strip = space + get_global_id(0) * space_floats;
    global float *copy = strip + panels * COLUMNS * depth;
    a += a_offset;
    b += b_offset;
    c += c_offset;
    bias += bias_offset;
    kept += kept_offset;
#if PATCHES == MCL_PATCHES_OF_A
    if (how_a == MCL_READ)
        mcl_clear_run(copy, depth);
#endif

    uint ticket = stride ? get_global_id(0) : atomic_inc(tickets);
    for (; ticket < blocks; ticket = stride ? ticket + stride : atomic_inc(tickets)) {
        const uint segment = ticket / of_segment, block_of = ticket % of_segment;
        const uint row = block_of / strips * rows, end = row + min(rows, m - row);
        const uint left = block_of % strips * panels * COLUMNS;
        const uint right = left + min(panels * COLUMNS, n - left);
        const uint first = segment * k, links = segment == SEGMENTS - 1 ? LAST_LINKS : k;
        global float *to = c + (ulong)segment * m * ldc;
        for (uint p = 0; p < links; p += depth) {
            const uint here = min(depth, links - p);
            const global float *block = a + (ulong)(first + p) * (transpose_a ? lda : 1) +
                                        (ulong)row * (transpose_a ? 1 : lda);
#if PATCHES == MCL_PATCHES_OF_A
            if (how_a == MCL_READ_COPY)
                NAME(gather_rows)(copy, a, geometry, row, end - row, p, here);
#else
            if (how_a == MCL_READ_COPY && transpose_a)
                NAME(copy_columns)(copy, block, lda, here, end - row, m - row);
            else if (how_a == MCL_READ_COPY)
                NAME(copy_rows)(copy, block, lda, here, end - row);
#endif
#if PATCHES == MCL_PATCHES_OF_B
            NAME(gather_strip)(strip, b, geometry, first + p, here, left, right);
#else
            if (how_b == MCL_READ_COPY)
                NAME(copy_strip)(strip, b + (ulong)p * ldb + left, ldb, here, right - left);
#endif
            local float *sum = (local float *)sums_space;
            for (uint column = left; column < right; column += COLUMNS) {
                const uint columns = min(right - column, (uint)COLUMNS);
                global float *panel = strip + (column - left) * here;
                const global float *from_b = panel;
                ulong step_b = COLUMNS;
                if (how_b == MCL_READ_PACKED) {
                    from_b = b + (ulong)column * k + (ulong)p * COLUMNS;
                } else if (how_b == MCL_READ_TRANSPOSED) {
                    NAME(transpose_panel)(panel, b + (ulong)column * ldb + p, ldb, here, columns);
                } else if (how_b == MCL_READ && columns == COLUMNS) {
                    from_b = b + (ulong)p * ldb + column;
                    step_b = ldb;
                } else if (how_b == MCL_READ) {
                    NAME(copy_strip)(panel, b + (ulong)p * ldb + column, ldb, here, columns);
                }
                for (uint i = row; i < end; i += TILE_ROWS) {
                    const global float *from_a = block + (ulong)(i - row) * (transpose_a ? 1 : lda);
                    ulong across = transpose_a ? 1 : lda, step_a = transpose_a ? lda : 1;
                    if (how_a == MCL_READ_COPY && transpose_a) {
                        from_a = copy +
                            (i - row) / TILE_ROWS * (here * TILE_ROWS + MCL_TILE_PADDING);
                        step_a = TILE_ROWS;
                    } else if (how_a == MCL_READ_COPY) {
                        across = here + MCL_TILE_PADDING;
                        from_a = copy + (i - row) * across;
                    }
                    const uint last = min(end - i, (uint)TILE_ROWS) - 1;
#if PATCHES == MCL_PATCHES_OF_A
                    if (how_a == MCL_READ) {
                        NAME(multiply_patches)(
                            sum, p == 0, a, geometry, copy, i, last, p, from_b, step_b, here);
                    } else
#endif
                    {
                        const global float *from[TILE_ROWS];
#pragma unroll
                        for (uint r = 0; r < TILE_ROWS; r++)
                            from[r] = from_a + min(r, last) * across;
                        NAME(multiply_tile)(sum, p == 0, from, step_a, from_b, step_b, here);
                    }
                    if (p + here == links) {
                        for (uint r = 0; r <= last; r++) {
                            const ulong place = PLACE(i + r);
                            NAME(epilogue_row)(how, to + place * ldc + column, sum + r * COLUMNS,
                                alpha, beta, bias + column, kept + place * n + column, columns);
                        }
                    }
                    if (k > depth)
                        sum += TILE_ROWS * COLUMNS;
                }
            }
        }
    }
    if (!stride && ticket == blocks + get_global_size(0) - 1) /* nobody takes another one */
        atomic_xchg(tickets, 0);
}
