/* SPDX-License-Identifier: Apache-2.0 */
/* What makes matrix products of convolutions: patches of maps as rows, and weights in the order in
 * which they are read, see src/compute/convolution.h. T = kh·kw taps, t = ky·kw + kx. */
#include "common.clh"

/* out[R·H'·W'][T×C] = the patches of x[R×H×W×C], zeros where they reach beyond the map. Work-item
 * (j, i) has element j = t·C + c of position i = (r·H' + y)·W' + x. */
kernel void patches(const global float *restrict x, const ulong offset, const uint height,
    const uint width, const uint channels, const uint out_height, const uint out_width,
    const uint kernel_height, const uint kernel_width, const uint stride_y, const uint stride_x,
    const uint dilation_y, const uint dilation_x, const uint padding_y, const uint padding_x,
    global float *restrict out)
{
    const uint j = get_global_id(0), columns = kernel_height * kernel_width * channels;
    const ulong i = get_global_id(1);
    if (MCL_PADS(j, columns))
        return;
    const uint c = j % channels, t = j / channels;
    const uint across = i % out_width, down = i / out_width % out_height;
    const ulong row = i / out_width / out_height;
    /* what lies before the map wraps around to beyond it */
    const uint from_y = down * stride_y + t / kernel_width * dilation_y - padding_y;
    const uint from_x = across * stride_x + t % kernel_width * dilation_x - padding_x;
    const bool inside = from_y < height && from_x < width;
    out[i * columns + j] =
        inside ? x[offset + ((row * height + from_y) * width + from_x) * channels + c] : 0.0f;
}

/* out[R·H·W][T×O] = for each position of the input map the gradients dy[R×H'×W'×O] that its value
 * went to through tap t, zeros where there is none. Work-item (j, i) has element j = t·O + o of
 * position i = (r·H + y)·W + x. */
kernel void gradient_patches(const global float *restrict dy, const ulong offset,
    const uint height, const uint width, const uint filters, const uint out_height,
    const uint out_width, const uint kernel_height, const uint kernel_width, const uint stride_y,
    const uint stride_x, const uint dilation_y, const uint dilation_x, const uint padding_y,
    const uint padding_x, global float *restrict out)
{
    const uint j = get_global_id(0), columns = kernel_height * kernel_width * filters;
    const ulong i = get_global_id(1);
    if (MCL_PADS(j, columns))
        return;
    const uint o = j % filters, t = j / filters;
    const uint across = i % width, down = i / width % height;
    const ulong row = i / width / height;
    const uint at_y = down + padding_y, at_x = across + padding_x;
    const uint tap_y = t / kernel_width * dilation_y, tap_x = t % kernel_width * dilation_x;
    const uint from_y = (at_y - tap_y) / stride_y, from_x = (at_x - tap_x) / stride_x;
    const bool inside = at_y >= tap_y && at_x >= tap_x && (at_y - tap_y) % stride_y == 0 &&
                        (at_x - tap_x) % stride_x == 0 && from_y < out_height &&
                        from_x < out_width;
    out[i * columns + j] =
        inside ? dy[offset + ((row * out_height + from_y) * out_width + from_x) * filters + o] : 0.0f;
}

/* out[T·O][C] = w[O×C×T], the taps in another order. Work-item (c, i) has the weight of tap order[t] and
 * filter o, i = t·O + o. */
kernel void weights_by_tap(const global float *restrict w, const ulong offset, const uint filters,
    const uint channels, const uint taps, const global uint *restrict order,
    global float *restrict out)
{
    const uint c = get_global_id(0), i = get_global_id(1);
    if (MCL_PADS(c, channels))
        return;
    const uint o = i % filters, t = order[i / filters];
    out[(ulong)i * channels + c] = w[offset + ((ulong)o * channels + c) * taps + t];
}

/* out[O][T×C] = w[O×C×T]. Work-item (j, o), j = t·C + c. */
kernel void weights_by_filter(const global float *restrict w, const ulong offset,
    const uint channels, const uint taps, global float *restrict out)
{
    const uint j = get_global_id(0), o = get_global_id(1), columns = taps * channels;
    if (MCL_PADS(j, columns))
        return;
    const uint c = j % channels, t = j / channels;
    out[(ulong)o * columns + j] = w[offset + (ulong)o * columns + c * taps + t];
}

/* w[O×C×T] = in[O][T×C]. Work-item (j, o), j = c·T + t. */
kernel void weights_back(const global float *restrict in, const uint channels, const uint taps,
    global float *restrict w, const ulong offset)
{
    const uint j = get_global_id(0), o = get_global_id(1), columns = taps * channels;
    if (MCL_PADS(j, columns))
        return;
    const uint t = j % taps, c = j / taps;
    w[offset + (ulong)o * columns + j] = in[(ulong)o * columns + t * channels + c];
}
