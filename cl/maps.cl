/* SPDX-License-Identifier: Apache-2.0 */
/* Maps, [rows × positions × channels]: their order. */
#include "common.clh"

/* out[r][c][p] = in[r][p][c]; with back, out[r][p][c] = in[r][c][p]. Work-item (j, r) has element j of
 * row r of out. */
kernel void flatten(const global float *restrict in, const uint positions, const uint channels,
    const uint back, global float *restrict out)
{
    const uint j = get_global_id(0), columns = positions * channels;
    if (MCL_PADS(j, columns))
        return;
    const uint width = back ? channels : positions, height = back ? positions : channels;
    const ulong row = (ulong)get_global_id(1) * columns;
    out[row + j] = in[row + j % width * height + j / width];
}
