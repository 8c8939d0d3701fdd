/* SPDX-License-Identifier: Apache-2.0 */
/* InfoNCE between two sets of rows (van den Oord et al. 2018), as SCARF has it (Bahri et al. 2022):
 * each row of the one must find its own among all of the other. s[n×n] holds the similarities
 * ẑ₂·ẑ₁ᵀ/τ, row i's own being s_ii. */
#include "softmax.clh"

/* normalizer[i] = log Σ_j exp s_ij, loss[i] = normalizer[i] − s_ii. Row i. */
kernel void infonce_rows(const global float *restrict s, const uint n,
    global float *restrict normalizer, global float *restrict loss, local float *space)
{
    const uint i = min(mcl_row(), n - 1);
    const global float *row = s + (ulong)i * n;
    float largest;
    const float all = mcl_log_sum_exp(row, n, n, &largest, space);
    if (mcl_stores_row(n)) {
        normalizer[i] = all;
        loss[i] = all - row[i];
    }
}

/* s becomes the gradient by it, g_ij = scale·(exp(s_ij − normalizer_i) − [i = j]), scale being the
 * objective's weight over n. Work-item (q, i) has the columns from j = MCL_WIDTH·q on. */
kernel void infonce_backward(global float *restrict s, const global float *restrict normalizer,
    const uint n, const float scale)
{
    const uint j = MCL_WIDTH * get_global_id(0), i = get_global_id(1);
    if (j >= n)
        return;
    global float *at = s + (ulong)i * n + j;
    const mcl_lane_words number = j + MCL_LANE_NUMBERS;
    const mcl_lanes own = select((mcl_lanes)0.0f, (mcl_lanes)1.0f, number == i);
    const mcl_lanes softmax = mcl_exp(mcl_load(at, n - j) - normalizer[i]);
    mcl_store(mcl_flush(scale * (softmax - own)), at, n - j);
}
