/* SPDX-License-Identifier: Apache-2.0 */
/* The contrast of the patches of a convolution, see src/compute/convolution.h. */
#include "common.clh"
#include "rounding.clh"

/* x, but 0 in the lanes from `left` on. */
static inline mcl_lanes contrast_part(const mcl_lanes x, const uint left)
{
#if MCL_WIDTH == 16
    return left >= 16 ? x : select((mcl_lanes)0.0f, x, MCL_LANE_NUMBERS < left);
#else
    return x;
#endif
}

/* patches[rows×n], in place: each row becomes (row − mean)/√(variance + added), of sums of the shape
 * of common.clh. Item of a row. */
kernel void contrast(global float *restrict patches, const uint rows, const uint n,
    const float added, local float *restrict space)
{
    const uint i = min(mcl_row(), rows - 1);
    global float *row = patches + (ulong)i * n;
    const uint end = mcl_stored(n, rows); /* a row that is none is not even read */
    const float share = mcl_reciprocal((float)n);
    mcl_lanes sums = 0.0f, squares = 0.0f;
    for (uint j = MCL_LANE; j < end; j += 16)
        sums = mcl_link(sums, mcl_load(row + j, n - j));
    const float mean = mcl_add_lanes(sums, space) * share;
    for (uint j = MCL_LANE; j < end; j += 16) {
        const mcl_lanes difference = contrast_part(mcl_load(row + j, n - j) - mean, n - j);
        squares = fma(difference, difference, squares);
    }
    const float variance = mcl_add_lanes(squares, space) * share;
    const float inverse = mcl_reciprocal(mcl_sqrt(variance + added));
    for (uint j = MCL_LANE; j < end; j += 16)
        mcl_store(mcl_flush((mcl_load(row + j, n - j) - mean) * inverse), row + j, n - j);
}
