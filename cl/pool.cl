/* SPDX-License-Identifier: Apache-2.0 */
/* Pooling of maps x[R×H×W×C] to out[R×H'×W'×C]: the largest value, or the average, of a window at each
 * position of out. Window o along an axis of `size` places begins at o·stride and has `extent` places;
 * with extent 0 it is part o of `parts`: from ⌊o·size/parts⌋ to before ⌈(o + 1)·size/parts⌉.
 *
 * A work-item (q, i) has the channels from MCL_WIDTH·q on of position i = (r·H' + y)·W' + x of what it
 * computes. Built with ACTIVATION, see activation.clh: that of the layer before, whose derivative
 * the backward passes multiply in. */
#include "activation.clh"
#include "common.clh"
#include "rounding.clh"

/* *begin, and what is returned, the end of the window of place o. */
static inline uint NAME(window)(uint *begin, const uint o, const uint size, const uint parts,
    const uint extent, const uint stride)
{
    if (extent == 0) {
        *begin = (ulong)o * size / parts;
        return ((ulong)(o + 1) * size + parts - 1) / parts;
    }
    *begin = o * stride;
    return *begin + extent;
}

/* The same of the windows that have place y of the map. */
static inline uint NAME(windows_of)(uint *begin, const uint y, const uint size, const uint parts,
    const uint extent, const uint stride)
{
    if (extent == 0) {
        *begin = (ulong)y * parts / size;
        return ((ulong)(y + 1) * parts + size - 1) / size;
    }
    *begin = y < extent ? 0 : (y - extent) / stride + 1;
    return min(y / stride + 1, parts);
}

/* out = the largest value of a window, the first NaN where there is one; with keeps, taken = which
 * of the window's it was, the first of equal ones, as a number. */
kernel void NAME(pool_max)(const global float *restrict x, const uint height, const uint width,
    const uint channels, const uint out_height, const uint out_width, const uint extent_y,
    const uint extent_x, const uint stride_y, const uint stride_x, const uint keeps,
    global float *restrict out, global float *restrict taken)
{
    const uint c = MCL_WIDTH * get_global_id(0), i = get_global_id(1), left = channels - c;
    if (c >= channels)
        return;
    const ulong row = i / out_width / out_height;
    const uint top = i / out_width % out_height * stride_y, begin = i % out_width * stride_x;
    const global float *from = x + ((row * height + top) * width + begin) * channels + c;
    mcl_lanes best = mcl_load(from, left), which = 0.0f;
    for (uint t = 1; t < extent_y * extent_x; t++) {
        const ulong at = ((ulong)(t / extent_x) * width + t % extent_x) * channels;
        const mcl_lanes value = mcl_load(from + at, left);
        which = select(
            which, (mcl_lanes)(float)t, ((value > best) | (value != value)) & (best == best));
        best = select(best, value, ((value > best) | (value != value)) & (best == best));
    }
    mcl_store(best, out + (ulong)i * channels + c, left);
    if (keeps)
        mcl_store(which, taken + (ulong)i * channels + c, left);
}

/* dx = Σ dy of the windows whose value this was, in ascending order. */
kernel void NAME(pool_max_backward)(const global float *restrict dy,
    const global float *restrict taken, const uint height, const uint width, const uint channels,
    const uint out_height, const uint out_width, const uint extent_y, const uint extent_x,
    const uint stride_y, const uint stride_x, const float keep, const global float *kept,
    global float *dx)
{
    const uint c = MCL_WIDTH * get_global_id(0), i = get_global_id(1), left = channels - c;
    if (c >= channels)
        return;
    const uint x = i % width, y = i / width % height;
    const ulong row = i / width / height;
    uint first_y, first_x;
    const uint end_y = NAME(windows_of)(&first_y, y, height, out_height, extent_y, stride_y);
    const uint end_x = NAME(windows_of)(&first_x, x, width, out_width, extent_x, stride_x);
    mcl_lanes sum = 0.0f;
    for (uint v = first_y; v < end_y; v++) {
        for (uint u = first_x; u < end_x; u++) {
            const uint tap = (y - v * stride_y) * extent_x + (x - u * stride_x);
            const ulong at = ((row * out_height + v) * out_width + u) * channels + c;
            const mcl_lanes here = mcl_load(taken + at, left);
            sum = mcl_link(sum, select((mcl_lanes)0.0f, mcl_load(dy + at, left),
                                    here == (mcl_lanes)(float)tap));
        }
    }
    const ulong at = (ulong)i * channels + c;
    NAME(store_gradient)(sum, keep, kept + at, dx + at, left);
}

/* out = the sum of a window's values, row by row in ascending order, times 1/count. */
kernel void NAME(pool_average)(const global float *restrict x, const uint height,
    const uint width, const uint channels, const uint out_height, const uint out_width,
    const uint extent_y, const uint extent_x, const uint stride_y, const uint stride_x,
    global float *restrict out)
{
    const uint c = MCL_WIDTH * get_global_id(0), i = get_global_id(1), left = channels - c;
    if (c >= channels)
        return;
    const uint across = i % out_width, down = i / out_width % out_height;
    const ulong row = i / out_width / out_height;
    uint top, begin;
    const uint bottom = NAME(window)(&top, down, height, out_height, extent_y, stride_y);
    const uint end = NAME(window)(&begin, across, width, out_width, extent_x, stride_x);
    const float share = mcl_reciprocal((float)((bottom - top) * (end - begin)));
    mcl_lanes sum = 0.0f;
    for (uint v = top; v < bottom; v++) {
        for (uint u = begin; u < end; u++)
            sum = mcl_link(
                sum, mcl_load(x + ((row * height + v) * width + u) * channels + c, left));
    }
    mcl_store(mcl_flush(sum * share), out + (ulong)i * channels + c, left);
}

/* dx = Σ dy/count of the windows that this is in: a chain of fma in ascending order. */
kernel void NAME(pool_average_backward)(const global float *restrict dy, const uint height,
    const uint width, const uint channels, const uint out_height, const uint out_width,
    const uint extent_y, const uint extent_x, const uint stride_y, const uint stride_x,
    const float keep, const global float *kept, global float *dx)
{
    const uint c = MCL_WIDTH * get_global_id(0), i = get_global_id(1), left = channels - c;
    if (c >= channels)
        return;
    const ulong row = i / width / height;
    uint first_y, first_x, top, begin;
    const uint end_y = NAME(windows_of)(
        &first_y, i / width % height, height, out_height, extent_y, stride_y);
    const uint end_x = NAME(windows_of)(&first_x, i % width, width, out_width, extent_x, stride_x);
    mcl_lanes sum = 0.0f;
    for (uint v = first_y; v < end_y; v++) {
        const uint bottom = NAME(window)(&top, v, height, out_height, extent_y, stride_y);
        for (uint u = first_x; u < end_x; u++) {
            const uint end = NAME(window)(&begin, u, width, out_width, extent_x, stride_x);
            const float share = mcl_reciprocal((float)((bottom - top) * (end - begin)));
            const ulong at = ((row * out_height + v) * out_width + u) * channels + c;
            sum = fma(mcl_load(dy + at, left), (mcl_lanes)share, sum);
        }
    }
    const ulong at = (ulong)i * channels + c;
    NAME(store_gradient)(sum, keep, kept + at, dx + at, left);
}
