/* The NT-Xent objective (SimCLR, Chen et al. 2020): every view of a row must find the row's other
 * view among all 2B−1 others. s[R×R] with R = 2B holds the similarities ẑ·ẑᵀ/τ; it is symmetric to
 * the bit, since a product's terms commute. */
#include "common.clh"
#include "rounding.clh"

/* The similarities of row i with rows j … j+15; −∞ for i itself, which is no candidate, and for what
 * is beyond the rows. */
inline float16 candidates(const global float *row, const uint i, const uint j, const uint rows)
{
    const uint16 number =
        j + (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const float16 values = j + 16 <= rows ? vload16(0, row + j) : mcl_load_part(row + j, rows - j);
    return select((float16)-INFINITY, values, (number != i) & (number < rows));
}

inline float largest_lane(const float16 lanes)
{
    const float8 by8 = fmax(lanes.lo, lanes.hi);
    const float4 by4 = fmax(by8.lo, by8.hi);
    const float2 by2 = fmax(by4.lo, by4.hi);
    return fmax(by2.x, by2.y);
}

/* normalizer[i] = log Σ_{j≠i} exp s_ij, loss[i] = normalizer[i] − s_i,positive. Work-item i. */
kernel void ntxent_rows(const global float *restrict s, const uint rows,
    global float *restrict normalizer, global float *restrict loss)
{
    const uint i = get_global_id(0);
    const global float *row = s + (ulong)i * rows;
    float16 most = -INFINITY;
    for (uint j = 0; j < rows; j += 16)
        most = fmax(most, candidates(row, i, j, rows));
    const float largest = largest_lane(most);
    float16 lanes = 0.0f; /* exp(−∞) is 0 */
    for (uint j = 0; j < rows; j += 16)
        lanes += mcl_exp(candidates(row, i, j, rows) - largest);
    const uint positive = i < rows / 2 ? i + rows / 2 : i - rows / 2;
    normalizer[i] = largest + mcl_log(mcl_sum_lanes(lanes));
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
    const float16 value = left == 16 ? vload16(0, at) : mcl_load_part(at, left);
    const float16 others = left == 16 ? vload16(0, normalizer + j)
                                      : mcl_load_part(normalizer + j, left);
    const uint16 number = j + (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const float16 target = select((float16)0.0f, (float16)2.0f, number == positive);
    const float16 both = mcl_exp(value - normalizer[i]) + mcl_exp(value - others);
    const float16 gradient = mcl_flush(scale * (both - target));
    const float16 result = select(gradient, (float16)0.0f, number == i);
    if (left == 16) {
        vstore16(result, 0, at);
    } else {
        float values[16];
        vstore16(result, 0, values);
        for (uint l = 0; l < left; l++)
            at[l] = values[l];
    }
}
