/* SPDX-License-Identifier: Apache-2.0 */
/* Group normalization (Wu and He 2018) of maps z[R×P×C] of P positions, and the activation after it:
 *   x̂ = (z − mean) · inverse,  y = scale·x̂ + shift,  a = f(y),  inverse = 1/√(variance + ε)
 * with mean and variance those of the n = P·C/G values of a row in one of G groups of adjacent
 * channels. Built with ACTIVATION, f, of activation.clh.
 *
 * A sum over a group is that over its positions of each channel, and then over its channels. Sums of
 * channels are kept in pairs, space[r×2C + c] and space[r×2C + C + c]. A work-item (q, r) has the
 * channels c = MCL_WIDTH·q … of row r, an item (g, r) group g of it. `moments` has for each row and
 * channel its group's mean, and then for each its inverse. */
#include "common.clh"
#include "normalization.clh"
#include "rounding.clh"

/* space = the mean of each channel, and Σ (z − mean)². Work-item (q, r). */
kernel void NAME(group_moments)(const global float *restrict z, const uint positions,
    const uint channels, global float *restrict space)
{
    const uint c = MCL_WIDTH * get_global_id(0), left = channels - c;
    const ulong r = get_global_id(1);
    if (c >= channels)
        return;
    const global float *from = z + r * positions * channels + c;
    mcl_lanes total = 0.0f, squares = 0.0f;
    for (uint p = 0; p < positions; p++)
        total = mcl_link(total, mcl_load(from + (ulong)p * channels, left));
    const mcl_lanes mean = total * mcl_reciprocal((float)positions);
    for (uint p = 0; p < positions; p++) {
        const mcl_lanes difference = mcl_load(from + (ulong)p * channels, left) - mean;
        squares = fma(difference, difference, squares);
    }
    mcl_store(mcl_flush(mean), space + r * 2 * channels + c, left);
    mcl_store(mcl_flush(squares), space + r * 2 * channels + channels + c, left);
}

/* The moments of each group from those of its channels, in ascending order:
 *   mean = Σ P·mean_c / n,  Σ(z − mean)² = Σ (squares_c + P·(mean_c − mean)²)
 * Work-item (g, r). */
kernel void NAME(group_merge)(const global float *restrict space, const uint rows,
    const uint positions, const uint channels, const uint groups, global float *restrict moments)
{
    const uint g = get_global_id(0), each = channels / groups;
    const ulong r = get_global_id(1);
    if (MCL_PADS(g, groups))
        return;
    const global float *means = space + r * 2 * channels + g * each, *squares = means + channels;
    const float count = (float)positions, share = mcl_reciprocal(count * (float)each);
    float total = 0.0f, sum = 0.0f;
    for (uint c = 0; c < each; c++)
        total = fma(count, means[c], total);
    const float mean = total * share;
    for (uint c = 0; c < each; c++) {
        const float difference = means[c] - mean;
        sum = fma(1.0f, fma(count * difference, difference, squares[c]), sum);
    }
    const float centre = mcl_flush(mean);
    const float inverse = mcl_reciprocal(mcl_sqrt(sum * share + EPSILON));
    global float *to = moments + r * channels + g * each;
    for (uint c = 0; c < each; c++) {
        to[c] = centre;
        to[(ulong)rows * channels + c] = inverse;
    }
}

/* a of a row. Work-item (q, r). */
kernel void NAME(group_forward)(const global float *restrict z,
    const global float *restrict moments, const uint rows, const uint positions,
    const uint channels, const global float *restrict parameters, const ulong scale_at,
    const ulong shift_at, global float *restrict out, global float *restrict kept)
{
    const uint c = MCL_WIDTH * get_global_id(0), left = channels - c;
    const ulong r = get_global_id(1);
    if (c >= channels)
        return;
    const global float *moment = moments + r * channels + c;
    const mcl_lanes mean = mcl_load(moment, left);
    const mcl_lanes inverse = mcl_load(moment + (ulong)rows * channels, left);
    const mcl_lanes scale = mcl_load(parameters + scale_at + c, left);
    const mcl_lanes shift = mcl_load(parameters + shift_at + c, left);
    for (uint p = 0; p < positions; p++) {
        const ulong at = (r * positions + p) * channels + c;
        NAME(store_activated)(NAME(hat)(mcl_load(z + at, left), mean, inverse), scale, shift,
            out + at, kept + at, left);
    }
}

/* space = Σ dy·x̂ and Σ dy of each channel: the row's part of the gradients by scale and shift.
 * Work-item (q, r). */
kernel void NAME(group_gradients)(const global float *restrict gradient,
    const global float *restrict z, const global float *restrict moments, const uint rows,
    const uint positions, const uint channels, global float *restrict space)
{
    const uint c = MCL_WIDTH * get_global_id(0), left = channels - c;
    const ulong r = get_global_id(1);
    if (c >= channels)
        return;
    const global float *moment = moments + r * channels + c;
    const mcl_lanes mean = mcl_load(moment, left);
    const mcl_lanes inverse = mcl_load(moment + (ulong)rows * channels, left);
    mcl_lanes total = 0.0f, along = 0.0f;
    for (uint p = 0; p < positions; p++) {
        const ulong at = (r * positions + p) * channels + c;
        const mcl_lanes dy = mcl_load(gradient + at, left);
        total = mcl_link(total, dy);
        along = fma(dy, NAME(hat)(mcl_load(z + at, left), mean, inverse), along);
    }
    mcl_store(mcl_flush(along), space + r * 2 * channels + c, left);
    mcl_store(mcl_flush(total), space + r * 2 * channels + channels + c, left);
}

/* merged = Σ g·x̂/n and Σ g/n of each channel's group, g = scale·dy, a chain over its channels. It
 * has the shape of space. Work-item (g, r). */
kernel void NAME(group_merge_gradients)(const global float *restrict space, const uint positions,
    const uint channels, const uint groups, const global float *restrict parameters,
    const ulong scale_at, global float *restrict merged)
{
    const uint g = get_global_id(0), each = channels / groups;
    const ulong r = get_global_id(1);
    if (MCL_PADS(g, groups))
        return;
    const ulong at = r * 2 * channels + g * each;
    const global float *alongs = space + at, *totals = alongs + channels;
    const global float *scale = parameters + scale_at + g * each;
    const float share = mcl_reciprocal((float)positions * (float)each);
    float along = 0.0f, total = 0.0f;
    for (uint c = 0; c < each; c++) {
        along = fma(scale[c], alongs[c], along);
        total = fma(scale[c], totals[c], total);
    }
    along = mcl_flush(along * share);
    total = mcl_flush(total * share);
    for (uint c = 0; c < each; c++) {
        merged[at + c] = along;
        merged[at + channels + c] = total;
    }
}

/* dz = inverse·(g − Σg/n − x̂·Σ(g·x̂)/n) of a row, in place of dy. Work-item (q, r). */
kernel void NAME(group_backward)(global float *restrict gradient, const global float *restrict z,
    const global float *restrict moments, const global float *restrict merged, const uint rows,
    const uint positions, const uint channels, const global float *restrict parameters,
    const ulong scale_at)
{
    const uint c = MCL_WIDTH * get_global_id(0), left = channels - c;
    const ulong r = get_global_id(1);
    if (c >= channels)
        return;
    const global float *moment = moments + r * channels + c;
    const mcl_lanes mean = mcl_load(moment, left);
    const mcl_lanes inverse = mcl_load(moment + (ulong)rows * channels, left);
    const mcl_lanes scale = mcl_load(parameters + scale_at + c, left);
    const mcl_lanes along = mcl_load(merged + r * 2 * channels + c, left);
    const mcl_lanes total = mcl_load(merged + r * 2 * channels + channels + c, left);
    for (uint p = 0; p < positions; p++) {
        const ulong at = (r * positions + p) * channels + c;
        const mcl_lanes x = NAME(hat)(mcl_load(z + at, left), mean, inverse);
        const mcl_lanes g = mcl_flush(scale * mcl_load(gradient + at, left));
        const mcl_lanes across = mcl_flush(fma(-x, along, mcl_flush(g - total)));
        mcl_store(mcl_flush(inverse * across), gradient + at, left);
    }
}
