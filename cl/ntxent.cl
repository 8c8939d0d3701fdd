/* SPDX-License-Identifier: Apache-2.0 */
/* The NT-Xent objective (SimCLR, Chen et al. 2020): every view of a row must find the row's other
 * view among all 2B−1 others. s[R×R] with R = 2B holds the similarities ẑ·ẑᵀ/τ; it is symmetric to
 * the bit, since a product's terms commute. */
#include "softmax.clh"

/* normalizer[i] = log Σ_{j≠i} exp s_ij, loss[i] = normalizer[i] − s_i,positive. Row i. */
kernel void ntxent_rows(const global float *restrict s, const uint rows,
    global float *restrict normalizer, global float *restrict loss, local float *space)
{
    const uint i = min(mcl_row(), rows - 1);
    const global float *row = s + (ulong)i * rows;
    const uint positive = i < rows / 2 ? i + rows / 2 : i - rows / 2;
    float largest;
    const float all = mcl_log_sum_exp(row, rows, i, &largest, space);
    if (mcl_stores_row(rows)) {
        normalizer[i] = all;
        loss[i] = all - row[positive];
    }
}

/* s becomes the gradient by s + sᵀ, in place: with softmax p_ij = exp(s_ij − normalizer_i),
 *   g_ij = scale·(p_ij + p_ji − 2·[j is i's positive]), 0 for i = j
 * so that dẑ = g·ẑ/τ. scale is the objective's weight over 2B. Work-item (q, i) has the columns
 * from j = MCL_WIDTH·q on. */
kernel void ntxent_backward(global float *restrict s, const global float *restrict normalizer,
    const uint rows, const float scale)
{
    const uint j = MCL_WIDTH * get_global_id(0), i = get_global_id(1);
    if (j >= rows)
        return;
    const uint left = min(rows - j, 16u), positive = i < rows / 2 ? i + rows / 2 : i - rows / 2;
    global float *at = s + (ulong)i * rows + j;
    const mcl_lanes value = mcl_load(at, left), others = mcl_load(normalizer + j, left);
    const mcl_lane_words number = j + MCL_LANE_NUMBERS;
    const mcl_lanes target = select((mcl_lanes)0.0f, (mcl_lanes)2.0f, number == positive);
    const mcl_lanes both = mcl_exp(value - normalizer[i]) + mcl_exp(value - others);
    const mcl_lanes gradient = mcl_flush(scale * (both - target));
    mcl_store(select(gradient, (mcl_lanes)0.0f, number == i), at, left);
}
