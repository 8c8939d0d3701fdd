/* SPDX-License-Identifier: Apache-2.0 */
/* Maps, [rows × positions × channels]: their order, and sums of two. Built with ACTIVATION, see
 * activation.clh. */
#include "activation.clh"
#include "common.clh"
#include "rounding.clh"

/* out[r][c][p] = in[r][p][c] + keep·out; with back, out[r][p][c] = in[r][c][p] + keep·out. Work-item
 * (j, r) has element j of row r of out. */
kernel void NAME(flatten)(const global float *restrict in, const uint positions,
    const uint channels, const uint back, const float keep, global float *restrict out)
{
    const uint j = get_global_id(0), columns = positions * channels;
    if (MCL_PADS(j, columns))
        return;
    const uint width = back ? channels : positions, height = back ? positions : channels;
    const ulong row = (ulong)get_global_id(1) * columns;
    const float value = in[row + j % width * height + j / width];
    out[row + j] = keep != 0.0f ? mcl_flush(fma(keep, out[row + j], value)) : value;
}

/* out = f(x + earlier) of rows of n. Work-item (q, i) has the columns from MCL_WIDTH·q on. */
kernel void NAME(add_forward)(const global float *restrict x, const global float *restrict earlier,
    const uint n, global float *restrict out, global float *restrict kept)
{
    const uint j = MCL_WIDTH * get_global_id(0), left = n - j;
    const ulong at = (ulong)get_global_id(1) * n + j;
    if (j < n)
        NAME(store_value)(mcl_flush(mcl_load(x + at, left) + mcl_load(earlier + at, left)),
            out + at, kept + at, left);
}

/* by_earlier = dy + keep·by_earlier. Work-items as before. */
kernel void NAME(add_backward)(const global float *restrict dy, const uint n, const float keep,
    global float *restrict by_earlier)
{
    const uint j = MCL_WIDTH * get_global_id(0), left = n - j;
    const ulong at = (ulong)get_global_id(1) * n + j;
    if (j >= n)
        return;
    mcl_lanes gradient = mcl_load(dy + at, left);
    if (keep != 0.0f)
        gradient =
            mcl_flush(fma((mcl_lanes)keep, mcl_load(by_earlier + at, left), gradient));
    mcl_store(gradient, by_earlier + at, left);
}
