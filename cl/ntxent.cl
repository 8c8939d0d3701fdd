/* SPDX-License-Identifier: Apache-2.0 */
/* The NT-Xent objective (SimCLR, Chen et al. 2020): every view of a row must find the row's other
 * view among all 2B−1 others. s[R×R] with R = 2B holds the similarities ẑ·ẑᵀ/τ; it is symmetric to
 * the bit, since a product's terms commute. */
#include "softmax.clh"

/* normalizer[i] = log Σ_{j≠i} exp s_ij, loss[i] = normalizer[i] − s_i,positive. Work-item i. */
kernel void ntxent_rows(const global float *restrict s, const uint rows,
    global float *restrict normalizer, global float *restrict loss)
{
    const uint i = get_global_id(0);
    const global float *row = s + (ulong)i * rows;
    const uint positive = i < rows / 2 ? i + rows / 2 : i - rows / 2;
    float largest;
    normalizer[i] = mcl_log_sum_exp(row, rows, i, &largest);
    loss[i] = normalizer[i] - row[positive];
}

/* s becomes the gradient by s + sᵀ, in place: with softmax p_ij = exp(s_ij − normalizer_i),
 *   g_ij = scale·(p_ij + p_ji − 2·[j is i's positive]), 0 for i = j
 * so that dẑ = g·ẑ/τ. scale is the objective's weight over 2B. Work-item (q, i) has the columns
 * j = 16·q … 16·q+15. */
kernel void ntxent_backward(global float *restrict s, const global float *restrict normalizer,
    const uint rows, const float scale)
{
    const uint j = 16 * get_global_id(0), i = get_global_id(1);
    if (j >= rows)
        return;
    const uint left = min(rows - j, 16u), positive = i < rows / 2 ? i + rows / 2 : i - rows / 2;
    global float *at = s + (ulong)i * rows + j;
    const float16 value = mcl_load16(at, left), others = mcl_load16(normalizer + j, left);
    const uint16 number = j + (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const float16 target = select((float16)0.0f, (float16)2.0f, number == positive);
    const float16 both = mcl_exp(value - normalizer[i]) + mcl_exp(value - others);
    const float16 gradient = mcl_flush(scale * (both - target));
    mcl_store16(select(gradient, (float16)0.0f, number == i), at, left);
}
