/* SPDX-License-Identifier: Apache-2.0 */
/* InfoNCE between two sets of rows (van den Oord et al. 2018), as SCARF has it (Bahri et al. 2022):
 * each row of the one must find its own among all of the other. s[n×n] holds the similarities
 * ẑ₂·ẑ₁ᵀ/τ, row i's own being s_ii. */
#include "softmax.clh"

/* normalizer[i] = log Σ_j exp s_ij, loss[i] = normalizer[i] − s_ii. Work-item i. */
kernel void infonce_rows(const global float *restrict s, const uint n,
    global float *restrict normalizer, global float *restrict loss)
{
    const uint i = get_global_id(0);
    const global float *row = s + (ulong)i * n;
    float largest;
    normalizer[i] = mcl_log_sum_exp(row, n, n, &largest);
    loss[i] = normalizer[i] - row[i];
}

/* s becomes the gradient by it, g_ij = scale·(exp(s_ij − normalizer_i) − [i = j]), scale being the
 * objective's weight over n. Work-item (j, i). */
kernel void infonce_backward(global float *restrict s, const global float *restrict normalizer,
    const uint n, const float scale)
{
    const uint j = get_global_id(0), i = get_global_id(1);
    const ulong at = (ulong)i * n + j;
    const float own = i == j ? 1.0f : 0.0f;
    s[at] = mcl_flush(scale * (mcl_exp(s[at] - normalizer[i]) - own));
}
