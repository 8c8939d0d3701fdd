/* SPDX-License-Identifier: Apache-2.0 */
/* Batch normalization (Ioffe and Szegedy 2015) and layer normalization (Ba et al. 2016) between a
 * layer's product and its activation, forward and backward:
 *   x̂ = (z − mean) · inverse,  y = scale·x̂ + shift,  a = f(y),  inverse = 1/√(variance + ε)
 * for z[R×n]; mean and variance are those of a column over the batch (batch) or of a row (layer).
 * Built with the option below and ACTIVATION, f, of activation.clh.
 * Work-item (q, b) has the columns 16·q … 16·q+15, where there are so many, of the rows 64·b …
 * 64·b+63, unless it says otherwise. `moments` holds all means, then all inverses. */
#include "activation.clh"
#include "common.clh"
#include "constants.clh"
#include "rounding.clh"

/* The option, and what it is where none is given. */
#ifndef ROWS
#define ROWS 0 /* 1 for layer normalization, 0 for batch normalization */
#endif

#define BLOCK_ROWS MCL_NORMALIZATION_ROWS
#define EPSILON 1e-5f /* torch's */
#define MOMENTUM 0.1f /* torch's: the part of a batch in the running statistics */

/* x, but 0 in the lanes from `left` on. */
static inline float16 NAME(keep_columns)(const float16 x, const uint left)
{
    const uint16 lane = (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return left >= 16 ? x : select((float16)0.0f, x, lane < left);
}

static inline float16 NAME(activate16)(const float16 y)
{
#if ACTIVATION == 0
    return y;
#elif ACTIVATION == 1
    return select(y, (float16)0.0f, y <= 0.0f);
#else
    float lanes[16];
    vstore16(y, 0, lanes);
    for (uint l = 0; l < 16; l++)
        lanes[l] = NAME(activate)(lanes[l]);
    return vload16(0, lanes);
#endif
}

static inline float16 NAME(inverse_deviation)(const float16 variance)
{
    float lanes[16];
    vstore16(variance, 0, lanes);
    for (uint l = 0; l < 16; l++)
        lanes[l] = mcl_reciprocal(mcl_sqrt(lanes[l] + EPSILON));
    return vload16(0, lanes);
}

/* Of the columns in block b, the mean to space[b×n + j], and Σ (z − mean)² to
 * space[(blocks + b)×n + j]. */
kernel void NAME(block_moments)(const global float *restrict z, const uint rows, const uint n,
    const uint blocks, global float *restrict space)
{
    const uint j = MCL_ITEM_COLUMNS * get_global_id(0), b = get_global_id(1);
    if (j >= n || b >= blocks)
        return;
    const uint left = n - j, count = min(rows - BLOCK_ROWS * b, (uint)BLOCK_ROWS);
    const global float *from = z + (ulong)b * BLOCK_ROWS * n + j;
    float16 total = 0.0f, squares = 0.0f;
    for (uint i = 0; i < count; i++)
        total += mcl_load16(from + (ulong)i * n, left);
    const float16 mean = total * mcl_reciprocal((float)count);
    for (uint i = 0; i < count; i++) {
        const float16 difference = mcl_load16(from + (ulong)i * n, left) - mean;
        squares = fma(difference, difference, squares);
    }
    mcl_store16(mcl_flush(mean), space + (ulong)b * n + j, left);
    mcl_store16(mcl_flush(squares), space + (ulong)(blocks + b) * n + j, left);
}

/* The moments of the columns from those of the blocks, in ascending order:
 *   mean = Σ count_b·mean_b / R,  Σ(z − mean)² = Σ (squares_b + count_b·(mean_b − mean)²)
 * and the running statistics in parameters, of which the variance is that without bias. Work-item
 * q. */
kernel void NAME(batch_moments)(const global float *restrict space, const uint rows, const uint n,
    const uint blocks, global float *restrict moments, global float *restrict parameters,
    const ulong mean_at, const ulong variance_at)
{
    const uint j = MCL_ITEM_COLUMNS * get_global_id(0);
    if (j >= n)
        return;
    const uint left = n - j;
    float16 total = 0.0f, squares = 0.0f;
    for (uint b = 0; b < blocks; b++) {
        const float count = (float)min(rows - BLOCK_ROWS * b, (uint)BLOCK_ROWS);
        total = fma((float16)count, mcl_load16(space + (ulong)b * n + j, left), total);
    }
    const float16 mean = total * mcl_reciprocal((float)rows);
    for (uint b = 0; b < blocks; b++) {
        const float count = (float)min(rows - BLOCK_ROWS * b, (uint)BLOCK_ROWS);
        const float16 difference = mcl_load16(space + (ulong)b * n + j, left) - mean;
        squares += fma(
            count * difference, difference, mcl_load16(space + (ulong)(blocks + b) * n + j, left));
    }
    const float16 variance = squares * mcl_reciprocal((float)rows);
    mcl_store16(mcl_flush(mean), moments + j, left);
    mcl_store16(NAME(inverse_deviation)(variance), moments + n + j, left);

    const float16 unbiased = squares * mcl_reciprocal((float)rows - 1.0f);
    global float *running_mean = parameters + mean_at + j;
    global float *running_variance = parameters + variance_at + j;
    const float16 old_mean = mcl_load16(running_mean, left);
    const float16 old_variance = mcl_load16(running_variance, left);
    mcl_store16(mcl_flush(fma((float16)MOMENTUM, mean - old_mean, old_mean)), running_mean, left);
    mcl_store16(mcl_flush(fma((float16)MOMENTUM, unbiased - old_variance, old_variance)),
        running_variance, left);
}

/* The moments from the running statistics, for a trained model. Work-item q. */
kernel void NAME(running_moments)(const uint n, global float *restrict moments,
    const global float *restrict parameters, const ulong mean_at, const ulong variance_at)
{
    const uint j = MCL_ITEM_COLUMNS * get_global_id(0);
    if (j >= n)
        return;
    const uint left = n - j;
    mcl_store16(mcl_load16(parameters + mean_at + j, left), moments + j, left);
    mcl_store16(NAME(inverse_deviation)(mcl_load16(parameters + variance_at + j, left)),
        moments + n + j, left);
}

/* The moments of rows; sums have the shape of common.clh. Work-item i. */
kernel void NAME(row_moments)(
    const global float *restrict z, const uint rows, const uint n, global float *restrict moments)
{
    const uint i = get_global_id(0);
    const global float *row = z + (ulong)i * n;
    const float share = mcl_reciprocal((float)n), mean = mcl_sum(row, n) * share;
    float16 lanes = 0.0f;
    for (uint j = 0; j < n; j += 16) {
        const float16 difference = NAME(keep_columns)(mcl_load16(row + j, n - j) - mean, n - j);
        lanes = fma(difference, difference, lanes);
    }
    moments[i] = mcl_flush(mean);
    moments[rows + i] = mcl_reciprocal(mcl_sqrt(mcl_sum_lanes(lanes) * share + EPSILON));
}

/* x̂. What is multiplied by the inverse, up to 1/√ε, is flushed before, too. */
static inline float16 NAME(hat)(const float16 z, const float16 mean, const float16 inverse)
{
    return mcl_flush(mcl_flush(z - mean) * inverse);
}

/* x̂ of sixteen columns of row i. `count` is that of the moments: n, or R with ROWS. */
static inline float16 NAME(normalized)(const float16 z, const global float *restrict moments,
    const uint count, const uint i, const uint j, const uint left)
{
#if ROWS
    return NAME(hat)(z, moments[i], moments[count + i]);
#else
    return NAME(hat)(z, mcl_load16(moments + j, left), mcl_load16(moments + count + j, left));
#endif
}

/* a = f(y), and y to kept where f is gelu. */
kernel void NAME(normalize_activate)(const global float *restrict z,
    const global float *restrict moments, const global float *restrict parameters,
    const ulong scale_at, const ulong shift_at, const uint rows, const uint n,
    global float *restrict out, global float *restrict kept)
{
    const uint j = MCL_ITEM_COLUMNS * get_global_id(0), first = BLOCK_ROWS * get_global_id(1);
    if (j >= n)
        return;
    const uint left = n - j, count = ROWS ? rows : n;
    const float16 scale = mcl_load16(parameters + scale_at + j, left);
    const float16 shift = mcl_load16(parameters + shift_at + j, left);
    for (uint i = first; i < min(first + BLOCK_ROWS, rows); i++) {
        const ulong at = (ulong)i * n + j;
        const float16 x = NAME(normalized)(mcl_load16(z + at, left), moments, count, i, j, left);
        const float16 y = mcl_flush(fma(x, scale, shift));
        if (ACTIVATION == 2)
            mcl_store16(y, kept + at, left);
        mcl_store16(NAME(activate16)(y), out + at, left);
    }
}

/* Of dy[R×n], in block b: Σ dy to space[b×n + j], Σ dy·x̂ to space[(blocks + b)×n + j]. */
kernel void NAME(block_gradients)(const global float *restrict gradient,
    const global float *restrict z, const global float *restrict moments, const uint rows,
    const uint n, const uint blocks, global float *restrict space)
{
    const uint j = MCL_ITEM_COLUMNS * get_global_id(0), b = get_global_id(1);
    if (j >= n || b >= blocks)
        return;
    const uint left = n - j, count = ROWS ? rows : n, first = BLOCK_ROWS * b;
    float16 total = 0.0f, along = 0.0f;
    for (uint i = first; i < min(first + BLOCK_ROWS, rows); i++) {
        const ulong at = (ulong)i * n + j;
        const float16 x = NAME(normalized)(mcl_load16(z + at, left), moments, count, i, j, left);
        const float16 dy = mcl_load16(gradient + at, left);
        total += dy;
        along = fma(dy, x, along);
    }
    mcl_store16(mcl_flush(total), space + (ulong)b * n + j, left);
    mcl_store16(mcl_flush(along), space + (ulong)(blocks + b) * n + j, left);
}

/* The gradients by scale and shift: the blocks' sums, added up in ascending order. Work-item q. */
kernel void NAME(column_gradients)(const global float *restrict space, const uint n,
    const uint blocks, global float *restrict gradients, const ulong scale_at, const ulong shift_at)
{
    const uint j = MCL_ITEM_COLUMNS * get_global_id(0);
    if (j >= n)
        return;
    const uint left = n - j;
    float16 total = 0.0f, along = 0.0f;
    for (uint b = 0; b < blocks; b++) {
        total += mcl_load16(space + (ulong)b * n + j, left);
        along += mcl_load16(space + (ulong)(blocks + b) * n + j, left);
    }
    mcl_store16(mcl_flush(total), gradients + shift_at + j, left);
    mcl_store16(mcl_flush(along), gradients + scale_at + j, left);
}

/* Batch: dz = scale·inverse·(dy − Σdy/R − x̂·Σ(dy·x̂)/R), in place of dy; the sums are the gradients
 * by shift and scale. */
kernel void NAME(batch_backward)(global float *restrict gradient, const global float *restrict z,
    const global float *restrict moments, const global float *restrict parameters,
    const global float *restrict gradients, const ulong scale_at, const ulong shift_at,
    const uint rows, const uint n)
{
    const uint j = MCL_ITEM_COLUMNS * get_global_id(0), first = BLOCK_ROWS * get_global_id(1);
    if (j >= n)
        return;
    const uint left = n - j;
    const float share = mcl_reciprocal((float)rows);
    const float16 mean = mcl_load16(moments + j, left);
    const float16 inverse = mcl_load16(moments + n + j, left);
    const float16 factor = mcl_flush(mcl_load16(parameters + scale_at + j, left) * inverse);
    const float16 total = mcl_flush(mcl_load16(gradients + shift_at + j, left) * share);
    const float16 along = mcl_flush(mcl_load16(gradients + scale_at + j, left) * share);
    for (uint i = first; i < min(first + BLOCK_ROWS, rows); i++) {
        const ulong at = (ulong)i * n + j;
        const float16 x = NAME(hat)(mcl_load16(z + at, left), mean, inverse);
        const float16 across = mcl_flush(mcl_load16(gradient + at, left) - total);
        mcl_store16(mcl_flush(factor * mcl_flush(fma(-x, along, across))), gradient + at, left);
    }
}

/* Layer: with g = scale·dy, dz = inverse·(g − Σg/n − x̂·Σ(g·x̂)/n) over the row, in place of dy.
 * Work-item i. */
kernel void NAME(row_backward)(global float *restrict gradient, const global float *restrict z,
    const global float *restrict moments, const global float *restrict parameters,
    const ulong scale_at, const uint rows, const uint n)
{
    const uint i = get_global_id(0);
    const float mean = moments[i], inverse = moments[rows + i], share = mcl_reciprocal((float)n);
    const global float *row = z + (ulong)i * n, *scale = parameters + scale_at;
    global float *d = gradient + (ulong)i * n;
    float16 totals = 0.0f, alongs = 0.0f;
    for (uint j = 0; j < n; j += 16) {
        const float16 g = mcl_flush(mcl_load16(scale + j, n - j) * mcl_load16(d + j, n - j));
        const float16 x = NAME(hat)(mcl_load16(row + j, n - j), mean, inverse);
        totals += g;
        alongs = fma(g, x, alongs);
    }
    const float total = mcl_flush(mcl_sum_lanes(totals) * share);
    const float along = mcl_flush(mcl_sum_lanes(alongs) * share);
    for (uint j = 0; j < n; j += 16) {
        const float16 g = mcl_flush(mcl_load16(scale + j, n - j) * mcl_load16(d + j, n - j));
        const float16 x = NAME(hat)(mcl_load16(row + j, n - j), mean, inverse);
        const float16 across = mcl_flush(fma(-x, (float16)along, mcl_flush(g - total)));
        mcl_store16(mcl_flush(inverse * across), d + j, n - j);
    }
}
