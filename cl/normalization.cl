/* SPDX-License-Identifier: Apache-2.0 */
/* Batch normalization (Ioffe and Szegedy 2015) and layer normalization (Ba et al. 2016) between a
 * layer's product and its activation, forward and backward:
 *   x̂ = (z − mean) · inverse,  y = scale·x̂ + shift,  a = f(y),  inverse = 1/√(variance + ε)
 * for z[R×n]; mean and variance are those of a column over the batch (batch) or of a row (layer).
 * Built with the option below and ACTIVATION, f, of activation.clh.
 *
 * Sums over rows go by blocks of block_rows rows, and then over the blocks. Each is one pair of numbers a
 * column and block, space[b×n + j] and space[(blocks + b)×n + j], and whoever needs the whole merges
 * the blocks of its columns itself. A work-item (q, …) has the columns j = MCL_WIDTH·q … `moments`
 * holds all means, then all inverses. */
#include "common.clh"
#include "constants.clh"
#include "normalization.clh"
#include "rounding.clh"

/* The option, and what it is where none is given. */
#ifndef ROWS
#define ROWS 0 /* 1 for layer normalization, 0 for batch normalization */
#endif

#define MOMENTUM 0.1f /* torch's: the part of a batch in the running statistics */

/* Of dy[R×n], in block b: Σ dy, and Σ dy·x̂, to space. */
static inline void NAME(sum_gradients)(const global float *gradient, const global float *z,
    const global float *moments, const uint rows, const uint n, const uint blocks,
    const uint block_rows, const uint b, const uint j, global float *space)
{
    const uint left = n - j, first = block_rows * b, end = min(first + block_rows, rows);
#if !ROWS
    const mcl_lanes mean = mcl_load(moments + j, left), inverse = mcl_load(moments + n + j, left);
#endif
    mcl_lanes total = 0.0f, along = 0.0f;
    for (uint i = first; i < end; i++) {
        const ulong at = (ulong)i * n + j;
#if ROWS
        const float mean = moments[i], inverse = moments[rows + i];
#endif
        const mcl_lanes dy = mcl_load(gradient + at, left);
        total += dy;
        along = fma(dy, NAME(hat)(mcl_load(z + at, left), mean, inverse), along);
    }
    mcl_store(mcl_flush(total), space + (ulong)b * n + j, left);
    mcl_store(mcl_flush(along), space + (ulong)(blocks + b) * n + j, left);
}

/* The gradients by shift and scale: the blocks' sums, added up in ascending order. Returns the
 * former; *along = the latter. */
static inline mcl_lanes NAME(merge_gradients)(mcl_lanes *along, const global float *space,
    const uint n, const uint blocks, const uint j)
{
    const uint left = n - j;
    mcl_lanes totals = 0.0f, alongs = 0.0f;
    for (uint b = 0; b < blocks; b++) {
        totals = mcl_link(totals, mcl_load(space + (ulong)b * n + j, left));
        alongs = mcl_link(alongs, mcl_load(space + (ulong)(blocks + b) * n + j, left));
    }
    *along = mcl_flush(alongs);
    return mcl_flush(totals);
}

/* The sums of the blocks. Work-item (q, b). */
kernel void NAME(block_gradients)(const global float *restrict gradient,
    const global float *restrict z, const global float *restrict moments, const uint rows,
    const uint n, const uint blocks, const uint block_rows, global float *restrict space)
{
    const uint j = MCL_WIDTH * get_global_id(0), b = get_global_id(1);
    if (j < n)
        NAME(sum_gradients)(gradient, z, moments, rows, n, blocks, block_rows, b, j, space);
}

#if ROWS

/* x, but 0 in the lanes from `left` on. */
static inline mcl_lanes NAME(keep_columns)(const mcl_lanes x, const uint left)
{
    return left >= 16 ? x : select((mcl_lanes)0.0f, x, MCL_LANE_NUMBERS < left);
}

/* Layer, forward: the moments of a row, by sums of the shape of common.clh, and then the row. Item
 * of a row. */
kernel void NAME(row_forward)(const global float *restrict z,
    const global float *restrict parameters, const ulong scale_at, const ulong shift_at,
    const uint rows, const uint n, global float *restrict moments, global float *restrict out,
    global float *restrict kept, local float *restrict lanes_space)
{
    const uint i = min(mcl_row(), rows - 1);
    const global float *row = z + (ulong)i * n;
    const float share = mcl_reciprocal((float)n), mean = mcl_row_sum(row, n, lanes_space) * share;
    mcl_lanes lanes = 0.0f;
    for (uint j = MCL_LANE; j < n; j += 16) {
        const mcl_lanes difference = NAME(keep_columns)(mcl_load(row + j, n - j) - mean, n - j);
        lanes = fma(difference, difference, lanes);
    }
    const float variance = mcl_add_lanes(lanes, lanes_space) * share;
    const float centre = mcl_flush(mean), inverse = mcl_reciprocal(mcl_sqrt(variance + EPSILON));
    if (mcl_row() >= rows)
        return;
    if (mcl_stores_row(rows)) {
        moments[i] = centre;
        moments[rows + i] = inverse;
    }
    for (uint j = MCL_LANE; j < n; j += 16) {
        const ulong at = (ulong)i * n + j;
        const uint left = n - j;
        NAME(store_activated)(NAME(hat)(mcl_load(row + j, left), centre, inverse),
            mcl_load(parameters + scale_at + j, left), mcl_load(parameters + shift_at + j, left),
            out + at, kept + at, left);
    }
}

/* Layer, backward: with g = scale·dy, dz = inverse·(g − Σg/n − x̂·Σ(g·x̂)/n) over the row, in place of
 * dy. Item of a row; row i merges the blocks' sums of the columns 16·i … 16·i+15 besides, and those
 * R rows further on. */
kernel void NAME(row_backward)(global float *restrict gradient, const global float *restrict z,
    const global float *restrict moments, const global float *restrict parameters,
    const global float *restrict space, global float *restrict gradients, const ulong scale_at,
    const ulong shift_at, const uint rows, const uint n, const uint blocks,
    local float *restrict lanes_space)
{
    const uint i = min(mcl_row(), rows - 1);
    const float mean = moments[i], inverse = moments[rows + i], share = mcl_reciprocal((float)n);
    const global float *row = z + (ulong)i * n, *scale = parameters + scale_at;
    global float *d = gradient + (ulong)i * n;
    const uint stored = mcl_stored(n, rows); /* what others write in place is not to be read */
    mcl_lanes totals = 0.0f, alongs = 0.0f;
    for (uint j = MCL_LANE; j < stored; j += 16) {
        const mcl_lanes g = mcl_flush(mcl_load(scale + j, n - j) * mcl_load(d + j, n - j));
        totals += g;
        alongs = fma(g, NAME(hat)(mcl_load(row + j, n - j), mean, inverse), alongs);
    }
    const float total = mcl_flush(mcl_add_lanes(totals, lanes_space) * share);
    const float along = mcl_flush(mcl_add_lanes(alongs, lanes_space) * share);
    if (mcl_row() >= rows)
        return;
    for (uint j = MCL_LANE; j < n; j += 16) {
        const mcl_lanes g = mcl_flush(mcl_load(scale + j, n - j) * mcl_load(d + j, n - j));
        const mcl_lanes x = NAME(hat)(mcl_load(row + j, n - j), mean, inverse);
        const mcl_lanes across = mcl_flush(fma(-x, (mcl_lanes)along, mcl_flush(g - total)));
        mcl_store(mcl_flush(inverse * across), d + j, n - j);
    }
    for (uint q = i; 16 * q + MCL_LANE < n; q += rows) {
        const uint j = 16 * q + MCL_LANE;
        mcl_lanes by_scale;
        const mcl_lanes by_shift = NAME(merge_gradients)(&by_scale, space, n, blocks, j);
        mcl_store(by_shift, gradients + shift_at + j, n - j);
        mcl_store(by_scale, gradients + scale_at + j, n - j);
    }
}

#else

/* What a work-group's items wrote can be read by all of them. An item of a CPU is alone. */
#if MCL_WIDTH == 16
#define AWAIT_GROUP()
#else
#define AWAIT_GROUP() barrier(CLK_GLOBAL_MEM_FENCE)
#endif

static inline mcl_lanes NAME(inverse_deviation)(const mcl_lanes variance)
{
#if MCL_WIDTH == 1
    return mcl_reciprocal(mcl_sqrt(variance + EPSILON));
#else
    float lanes[16];
    vstore16(variance, 0, lanes);
    for (uint l = 0; l < 16; l++)
        lanes[l] = mcl_reciprocal(mcl_sqrt(lanes[l] + EPSILON));
    return vload16(0, lanes);
#endif
}

/* In block b: the mean, and Σ (z − mean)², to space. */
static inline void NAME(find_moments)(const global float *z, const uint rows, const uint n,
    const uint blocks, const uint block_rows, const uint b, const uint j, global float *space)
{
    const uint left = n - j, count = min(rows - block_rows * b, block_rows);
    const global float *from = z + (ulong)b * block_rows * n + j;
    mcl_lanes total = 0.0f, squares = 0.0f;
    for (uint i = 0; i < count; i++)
        total += mcl_load(from + (ulong)i * n, left);
    const mcl_lanes mean = total * mcl_reciprocal((float)count);
    for (uint i = 0; i < count; i++) {
        const mcl_lanes difference = mcl_load(from + (ulong)i * n, left) - mean;
        squares = fma(difference, difference, squares);
    }
    mcl_store(mcl_flush(mean), space + (ulong)b * n + j, left);
    mcl_store(mcl_flush(squares), space + (ulong)(blocks + b) * n + j, left);
}

/* The moments of the columns from those of the blocks, in ascending order:
 *   mean = Σ count_b·mean_b / R,  Σ(z − mean)² = Σ (squares_b + count_b·(mean_b − mean)²)
 * Returns the mean; *squares = the latter. */
static inline mcl_lanes NAME(merge_moments)(mcl_lanes *squares, const global float *space,
    const uint rows, const uint n, const uint blocks, const uint block_rows, const uint j)
{
    const uint left = n - j;
    mcl_lanes total = 0.0f, sum = 0.0f;
    for (uint b = 0; b < blocks; b++) {
        const float count = (float)min(rows - block_rows * b, block_rows);
        total = fma((mcl_lanes)count, mcl_load(space + (ulong)b * n + j, left), total);
    }
    const mcl_lanes mean = total * mcl_reciprocal((float)rows);
    for (uint b = 0; b < blocks; b++) {
        const float count = (float)min(rows - block_rows * b, block_rows);
        const mcl_lanes difference = mcl_load(space + (ulong)b * n + j, left) - mean;
        sum += fma(
            count * difference, difference, mcl_load(space + (ulong)(blocks + b) * n + j, left));
    }
    *squares = sum;
    return mean;
}

/* Moves the running statistics in parameters, of which the variance is that without bias. */
static inline void NAME(move_statistics)(global float *running_mean,
    global float *running_variance, const mcl_lanes mean, const mcl_lanes squares, const uint rows,
    const uint left)
{
    const mcl_lanes unbiased = squares * mcl_reciprocal((float)rows - 1.0f);
    const mcl_lanes old_mean = mcl_load(running_mean, left);
    const mcl_lanes old_variance = mcl_load(running_variance, left);
    mcl_store(mcl_flush(fma((mcl_lanes)MOMENTUM, mean - old_mean, old_mean)), running_mean, left);
    mcl_store(mcl_flush(fma((mcl_lanes)MOMENTUM, unbiased - old_variance, old_variance)),
        running_variance, left);
}

/* *mean, *inverse = those of x̂, merged; an item that is the first of its columns keeps them for the
 * backward pass and moves the running statistics. */
static inline void NAME(settle_moments)(mcl_lanes *mean, mcl_lanes *inverse,
    const global float *space, const uint rows, const uint n, const uint blocks,
    const uint block_rows, const uint j, const bool first, global float *moments, global float *parameters, const ulong mean_at,
    const ulong variance_at)
{
    const uint left = n - j;
    mcl_lanes squares;
    const mcl_lanes exact = NAME(merge_moments)(&squares, space, rows, n, blocks, block_rows, j);
    *mean = mcl_flush(exact);
    *inverse = NAME(inverse_deviation)(squares * mcl_reciprocal((float)rows));
    if (!first)
        return;
    mcl_store(*mean, moments + j, left);
    mcl_store(*inverse, moments + n + j, left);
    NAME(move_statistics)(parameters + mean_at + j, parameters + variance_at + j, exact, squares,
        rows, left);
}

/* a of the rows from first to before end. */
static inline void NAME(normalize)(const global float *z, const mcl_lanes mean,
    const mcl_lanes inverse, const global float *scale, const global float *shift,
    const uint first, const uint end, const uint n, const uint j, global float *out,
    global float *kept)
{
    const uint left = n - j;
    const mcl_lanes scales = mcl_load(scale + j, left), shifts = mcl_load(shift + j, left);
    for (uint i = first; i < end; i++) {
        const ulong at = (ulong)i * n + j;
        NAME(store_activated)(NAME(hat)(mcl_load(z + at, left), mean, inverse), scales, shifts,
            out + at, kept + at, left);
    }
}

/* The moments of the blocks. Work-item (q, b). */
kernel void NAME(block_moments)(const global float *restrict z, const uint rows, const uint n,
    const uint blocks, const uint block_rows, global float *restrict space)
{
    const uint j = MCL_WIDTH * get_global_id(0), b = get_global_id(1);
    if (j < n)
        NAME(find_moments)(z, rows, n, blocks, block_rows, b, j, space);
}

/* Forward, from the moments of the blocks. Work-item (q, p) has the rows part·p …, `part` of them. */
kernel void NAME(block_forward)(const global float *restrict z,
    const global float *restrict space, const uint rows, const uint n, const uint blocks,
    const uint block_rows, const uint part, global float *restrict moments, global float *restrict parameters,
    const ulong scale_at, const ulong shift_at, const ulong mean_at, const ulong variance_at,
    global float *restrict out, global float *restrict kept)
{
    const uint j = MCL_WIDTH * get_global_id(0), first = part * get_global_id(1);
    mcl_lanes mean, inverse;
    if (j >= n)
        return;
    NAME(settle_moments)(&mean, &inverse, space, rows, n, blocks, block_rows, j, first == 0, moments,
        parameters, mean_at, variance_at);
    NAME(normalize)(z, mean, inverse, parameters + scale_at, parameters + shift_at, first,
        min(first + part, rows), n, j, out, kept);
}

/* Forward, in one launch: a work-group has all rows of its columns. Item (q, y) of one of G × H
 * has the blocks y, y + H, … */
kernel void NAME(column_forward)(const global float *restrict z, global float *restrict space,
    const uint rows, const uint n, const uint blocks, const uint block_rows,
    global float *restrict moments, global float *restrict parameters, const ulong scale_at, const ulong shift_at,
    const ulong mean_at, const ulong variance_at, global float *restrict out,
    global float *restrict kept)
{
    const uint j = MCL_WIDTH * get_global_id(0), y = get_local_id(1), step = get_local_size(1);
    mcl_lanes mean, inverse;
    const bool mine = j < n && get_group_id(1) == 0;
    for (uint b = y; b < blocks && mine; b += step)
        NAME(find_moments)(z, rows, n, blocks, block_rows, b, j, space);
    AWAIT_GROUP();
    if (!mine)
        return;
    NAME(settle_moments)(&mean, &inverse, space, rows, n, blocks, block_rows, j, y == 0, moments, parameters,
        mean_at, variance_at);
    for (uint b = y; b < blocks; b += step)
        NAME(normalize)(z, mean, inverse, parameters + scale_at, parameters + shift_at,
            block_rows * b, min(block_rows * (b + 1), rows), n, j, out, kept);
}

/* Forward by the running statistics, for a trained model. Work-item (q, p) has the rows part·p … */
kernel void NAME(running_forward)(const global float *restrict z, const uint rows, const uint n,
    const uint part, const global float *restrict parameters, const ulong scale_at,
    const ulong shift_at, const ulong mean_at, const ulong variance_at,
    global float *restrict out, global float *restrict kept)
{
    const uint j = MCL_WIDTH * get_global_id(0), first = part * get_global_id(1), left = n - j;
    if (j >= n)
        return;
    const mcl_lanes mean = mcl_load(parameters + mean_at + j, left);
    const mcl_lanes inverse =
        NAME(inverse_deviation)(mcl_load(parameters + variance_at + j, left));
    NAME(normalize)(z, mean, inverse, parameters + scale_at, parameters + shift_at, first,
        min(first + part, rows), n, j, out, kept);
}

/* dz = scale·inverse·(dy − Σdy/R − x̂·Σ(dy·x̂)/R) in place of dy, for the rows from first to before
 * end; total and along are the sums, which are the gradients by shift and scale. */
static inline void NAME(differentiate)(global float *gradient, const global float *z,
    const global float *moments, const global float *scale, const mcl_lanes total,
    const mcl_lanes along, const uint first, const uint end, const uint rows, const uint n,
    const uint j)
{
    const uint left = n - j;
    const float share = mcl_reciprocal((float)rows);
    const mcl_lanes mean = mcl_load(moments + j, left), inverse = mcl_load(moments + n + j, left);
    const mcl_lanes factor = mcl_flush(mcl_load(scale + j, left) * inverse);
    const mcl_lanes totals = mcl_flush(total * share), alongs = mcl_flush(along * share);
    for (uint i = first; i < end; i++) {
        const ulong at = (ulong)i * n + j;
        const mcl_lanes x = NAME(hat)(mcl_load(z + at, left), mean, inverse);
        const mcl_lanes across = mcl_flush(mcl_load(gradient + at, left) - totals);
        mcl_store(mcl_flush(factor * mcl_flush(fma(-x, alongs, across))), gradient + at, left);
    }
}

/* Backward, from the sums of the blocks. Work-item (q, p) has the rows part·p … */
kernel void NAME(block_backward)(global float *restrict gradient, const global float *restrict z,
    const global float *restrict moments, const global float *restrict parameters,
    const global float *restrict space, global float *restrict gradients, const ulong scale_at,
    const ulong shift_at, const uint rows, const uint n, const uint blocks, const uint part)
{
    const uint j = MCL_WIDTH * get_global_id(0), first = part * get_global_id(1);
    mcl_lanes along;
    if (j >= n)
        return;
    const mcl_lanes total = NAME(merge_gradients)(&along, space, n, blocks, j);
    if (first == 0) {
        mcl_store(total, gradients + shift_at + j, n - j);
        mcl_store(along, gradients + scale_at + j, n - j);
    }
    NAME(differentiate)(gradient, z, moments, parameters + scale_at, total, along, first,
        min(first + part, rows), rows, n, j);
}

/* Backward, in one launch: work-groups as in column_forward. */
kernel void NAME(column_backward)(global float *restrict gradient, const global float *restrict z,
    const global float *restrict moments, const global float *restrict parameters,
    global float *restrict space, global float *restrict gradients, const ulong scale_at,
    const ulong shift_at, const uint rows, const uint n, const uint blocks,
    const uint block_rows)
{
    const uint j = MCL_WIDTH * get_global_id(0), y = get_local_id(1), step = get_local_size(1);
    mcl_lanes along;
    const bool mine = j < n && get_group_id(1) == 0;
    for (uint b = y; b < blocks && mine; b += step)
        NAME(sum_gradients)(gradient, z, moments, rows, n, blocks, block_rows, b, j, space);
    AWAIT_GROUP();
    if (!mine)
        return;
    const mcl_lanes total = NAME(merge_gradients)(&along, space, n, blocks, j);
    if (y == 0) {
        mcl_store(total, gradients + shift_at + j, n - j);
        mcl_store(along, gradients + scale_at + j, n - j);
    }
    for (uint b = y; b < blocks; b += step)
        NAME(differentiate)(gradient, z, moments, parameters + scale_at, total, along,
            block_rows * b, min(block_rows * (b + 1), rows), rows, n, j);
}

#endif
