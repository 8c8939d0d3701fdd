/* The NT-Xent objective (SimCLR, Chen et al. 2020): every view of a row must find the row's other
 * view among all 2B−1 others. s[R×R] with R = 2B holds the similarities ẑ·ẑᵀ/τ; it is symmetric to
 * the bit, since a product's terms commute. */
#include "common.clh"
#include "rounding.clh"

/* −∞ instead of the similarity of row i with itself, which is no candidate. */
inline float candidate(const float s, const uint i, const uint j)
{
    return i == j ? -INFINITY : s;
}

/* Sixteen exponentials, since the functions of rounding.clh take one number. */
inline float16 exp16(const float16 x)
{
    float values[16];
    vstore16(x, 0, values);
#pragma unroll
    for (uint l = 0; l < 16; l++)
        values[l] = mcl_exp(values[l]);
    return vload16(0, values);
}

/* normalizer[i] = log Σ_{j≠i} exp s_ij, loss[i] = normalizer[i] − s_i,positive. Work-item i. */
kernel void ntxent_rows(const global float *s, const uint rows, global float *normalizer,
    global float *loss)
{
    const uint i = get_global_id(0);
    const global float *row = s + (ulong)i * rows;
    float largest = -INFINITY;
    for (uint j = 0; j < rows; j++)
        largest = fmax(largest, candidate(row[j], i, j));
    const uint16 lane = (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    float16 lanes = 0.0f;
    for (uint j = 0; j < rows; j += 16) {
        const float16 values = j + 16 <= rows ? vload16(0, row + j) : mcl_load_part(row + j, rows - j);
        const int16 counted = (j + lane != i) & (j + lane < rows);
        lanes += select((float16)0.0f, exp16(values - largest), counted);
    }
    const uint positive = i < rows / 2 ? i + rows / 2 : i - rows / 2;
    normalizer[i] = largest + mcl_log(mcl_sum_lanes(lanes));
    loss[i] = normalizer[i] - row[positive];
}

/* s becomes the gradient by s + sᵀ, in place: with softmax p_ij = exp(s_ij − normalizer_i),
 *   g_ij = scale·(p_ij + p_ji − 2·[j is i's positive]), 0 for i = j
 * so that dẑ = g·ẑ/τ. scale is the objective's weight over 2B. Work-item (j, i). */
kernel void ntxent_backward(global float *s, const global float *normalizer, const uint rows,
    const float scale)
{
    const uint j = get_global_id(0), i = get_global_id(1);
    const ulong at = (ulong)i * rows + j;
    const float value = s[at];
    const float target = j + rows / 2 == i || i + rows / 2 == j ? 2.0f : 0.0f;
    const float both = mcl_exp(value - normalizer[i]) + mcl_exp(value - normalizer[j]);
    s[at] = i == j ? 0.0f : mcl_flush(scale * (both - target));
}
