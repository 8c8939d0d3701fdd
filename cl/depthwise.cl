/* SPDX-License-Identifier: Apache-2.0 */
/* Depthwise convolution: each channel of maps x[R×H×W×C] has a filter of kh × kw taps of its own,
 * t = ky·kw + kx, and out is [R×H'×W'×C]. Weights are here [taps×C]. What a tap would read beyond the map
 * is left out. Built with ACTIVATION, see activation.clh: forward that of the layer, backward that
 * of the one before. A work-item (q, i) has the channels from MCL_WIDTH·q on of position i of what it
 * computes. */
#include "activation.clh"
#include "common.clh"
#include "rounding.clh"

/* out = f(Σ x·w + bias): a chain of fma over (ky, kx) ascending. */
kernel void NAME(depthwise_forward)(const global float *restrict x, const global float *restrict w,
    const uint height, const uint width, const uint channels, const uint out_height,
    const uint out_width, const uint kernel_height, const uint kernel_width, const uint stride_y,
    const uint stride_x, const uint dilation_y, const uint dilation_x, const uint padding_y,
    const uint padding_x, const global float *restrict parameters, const ulong bias_at,
    global float *restrict out, global float *restrict kept)
{
    const uint c = MCL_WIDTH * get_global_id(0), i = get_global_id(1), left = channels - c;
    if (c >= channels)
        return;
    const ulong row = i / out_width / out_height;
    /* what lies before the map wraps around to beyond it */
    const uint top = i / out_width % out_height * stride_y - padding_y;
    const uint begin = i % out_width * stride_x - padding_x;
    mcl_lanes sum = 0.0f;
    for (uint ky = 0; ky < kernel_height; ky++) {
        const uint from_y = top + ky * dilation_y;
        for (uint kx = 0; kx < kernel_width && from_y < height; kx++) {
            const uint from_x = begin + kx * dilation_x;
            if (from_x >= width)
                continue;
            const ulong at = ((row * height + from_y) * width + from_x) * channels + c;
            sum = fma(mcl_load(x + at, left),
                mcl_load(w + (ulong)(ky * kernel_width + kx) * channels + c, left), sum);
        }
    }
    const ulong at = (ulong)i * channels + c;
    const mcl_lanes z = mcl_flush(sum + mcl_load(parameters + bias_at + c, left));
    NAME(store_value)(z, out + at, kept + at, left);
}

/* dx = Σ dy·w over the taps that lead from here to a place of out: a chain of fma over (ky, kx)
 * ascending. */
kernel void NAME(depthwise_by_input)(const global float *restrict dy,
    const global float *restrict w, const uint height, const uint width, const uint channels,
    const uint out_height, const uint out_width, const uint kernel_height, const uint kernel_width,
    const uint stride_y, const uint stride_x, const uint dilation_y, const uint dilation_x,
    const uint padding_y, const uint padding_x, const float keep, const global float *kept,
    global float *dx)
{
    const uint c = MCL_WIDTH * get_global_id(0), i = get_global_id(1), left = channels - c;
    if (c >= channels)
        return;
    const ulong row = i / width / height;
    const uint at_y = i / width % height + padding_y, at_x = i % width + padding_x;
    mcl_lanes sum = 0.0f;
    for (uint ky = 0; ky < kernel_height && ky * dilation_y <= at_y; ky++) {
        const uint down = at_y - ky * dilation_y, to_y = down / stride_y;
        if (down % stride_y != 0 || to_y >= out_height)
            continue;
        for (uint kx = 0; kx < kernel_width && kx * dilation_x <= at_x; kx++) {
            const uint across = at_x - kx * dilation_x, to_x = across / stride_x;
            if (across % stride_x != 0 || to_x >= out_width)
                continue;
            const ulong at = ((row * out_height + to_y) * out_width + to_x) * channels + c;
            sum = fma(mcl_load(dy + at, left),
                mcl_load(w + (ulong)(ky * kernel_width + kx) * channels + c, left), sum);
        }
    }
    const ulong at = (ulong)i * channels + c;
    NAME(store_gradient)(sum, keep, kept + at, dx + at, left);
}

/* partial[s][t][c] = Σ dy·x over the positions (r, y, x) of out, ascending, of the rows of segment s: a
 * chain of fma. Work-item (q, i) has tap t of segment s, i = s·taps + t. */
kernel void NAME(depthwise_by_weight)(const global float *restrict dy,
    const global float *restrict x, const uint rows, const uint segment, const uint height,
    const uint width, const uint channels, const uint out_height, const uint out_width,
    const uint kernel_height, const uint kernel_width, const uint stride_y, const uint stride_x,
    const uint dilation_y, const uint dilation_x, const uint padding_y, const uint padding_x,
    global float *restrict partial)
{
    const uint c = MCL_WIDTH * get_global_id(0), i = get_global_id(1), left = channels - c;
    if (c >= channels)
        return;
    const uint taps = kernel_height * kernel_width, t = i % taps, first = i / taps * segment;
    const uint tap_y = t / kernel_width * dilation_y - padding_y;
    const uint tap_x = t % kernel_width * dilation_x - padding_x;
    mcl_lanes sum = 0.0f;
    for (ulong r = first; r < min(first + segment, rows); r++) {
        for (uint v = 0; v < out_height; v++) {
            const uint from_y = v * stride_y + tap_y;
            for (uint u = 0; u < out_width && from_y < height; u++) {
                const uint from_x = u * stride_x + tap_x;
                if (from_x >= width)
                    continue;
                const ulong from = ((r * height + from_y) * width + from_x) * channels + c;
                const ulong at = ((r * out_height + v) * out_width + u) * channels + c;
                sum = fma(mcl_load(dy + at, left), mcl_load(x + from, left), sum);
            }
        }
    }
    mcl_store(mcl_flush(sum), partial + (ulong)i * channels + c, left);
}

/* out[to + …][columns×rows] = in[from + …][rows×columns]ᵀ: the order of weights. Work-item (j, i) has
 * column j of row i of out. */
kernel void NAME(depthwise_weights)(const global float *restrict in, const ulong from,
    const uint rows, const uint columns, global float *restrict out, const ulong to)
{
    const uint j = get_global_id(0), i = get_global_id(1);
    if (!MCL_PADS(j, rows))
        out[to + (ulong)i * rows + j] = in[from + (ulong)j * columns + i];
}
