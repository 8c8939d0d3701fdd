/* SPDX-License-Identifier: Apache-2.0 */
/* The reconstruction objective: mean squared error between the decoder's output on both views and
 * the rows. */
#include "common.clh"
#include "rounding.clh"

/* For r[2B×n] and x of so many rows, the targets, B where both views of a row have one target, 2B
 * where each has its own:
 *   loss[i] = Σ_j (r_ij − x_ij)²,  d_ij = scale·(r_ij − x_ij)
 * scale being 2·weight over the number of elements, 2B·n. Row i of 2B. */
kernel void squared_errors(const global float *restrict r, const global float *restrict x,
    const uint rows, const uint targets, const uint n, const float scale,
    global float *restrict loss, global float *restrict d, local float *space)
{
    const uint i = min(mcl_row(), rows - 1);
    const ulong at = (ulong)i * n;
    const global float *target = x + (ulong)(i % targets) * n;
    mcl_lanes lanes = 0.0f;
    for (uint j = MCL_LANE; j < mcl_stored(n, rows); j += 16) {
        const mcl_lanes difference = mcl_load(r + at + j, n - j) - mcl_load(target + j, n - j);
        lanes = fma(difference, difference, lanes);
        mcl_store(mcl_flush(scale * difference), d + at + j, n - j);
    }
    const float total = mcl_add_lanes(lanes, space);
    if (mcl_stores_row(rows))
        loss[i] = total;
}
