/* SPDX-License-Identifier: Apache-2.0 */
/* The reconstruction objective: mean squared error between the decoder's output on both views and
 * the rows. */
#include "common.clh"
#include "rounding.clh"

/* loss[i] = Σ_j (r_ij − x_ij)² for r[2B×n] and x of so many rows, the targets: B where both views
 * of a row have one target, 2B where each has its own. Work-item i of 2B. */
kernel void squared_errors(const global float *restrict r, const global float *restrict x,
    const uint targets, const uint n, global float *restrict loss)
{
    const uint i = get_global_id(0);
    loss[i] = mcl_squared_distance(r + (ulong)i * n, x + (ulong)(i % targets) * n, n);
}

/* d = scale·(r − x), scale being 2·weight over the number of elements, 2B·n. Work-item (j, i). */
kernel void reconstruction_backward(const global float *restrict r, const global float *restrict x,
    const uint targets, const uint n, const float scale, global float *restrict d)
{
    const uint j = get_global_id(0), i = get_global_id(1);
    const ulong at = (ulong)i * n + j;
    d[at] = mcl_flush(scale * (r[at] - x[(ulong)(i % targets) * n + j]));
}
