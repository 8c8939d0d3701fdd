/* InfoNCE between two sets of rows (van den Oord et al. 2018), as SCARF has it (Bahri et al. 2022): each
 * row of the one must find its own among all of the other. s[n×n] holds the similarities ẑ₂·ẑ₁ᵀ/τ,
 * row i's own being s_ii. */
#include "common.clh"
#include "rounding.clh"

/* The similarities of a row from column j on; −∞ beyond the last. */
inline float16 similarities(const global float *row, const uint j, const uint n)
{
    const uint16 number =
        j + (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const float16 values = j + 16 <= n ? vload16(0, row + j) : mcl_load_part(row + j, n - j);
    return select((float16)-INFINITY, values, number < n);
}

/* normalizer[i] = log Σ_j exp s_ij, loss[i] = normalizer[i] − s_ii. Work-item i. */
kernel void infonce_rows(const global float *restrict s, const uint n,
    global float *restrict normalizer, global float *restrict loss)
{
    const uint i = get_global_id(0);
    const global float *row = s + (ulong)i * n;
    float16 most = -INFINITY;
    for (uint j = 0; j < n; j += 16)
        most = fmax(most, similarities(row, j, n));
    const float8 by8 = fmax(most.lo, most.hi);
    const float4 by4 = fmax(by8.lo, by8.hi);
    const float2 by2 = fmax(by4.lo, by4.hi);
    const float largest = fmax(by2.x, by2.y);
    float16 lanes = 0.0f; /* exp(−∞) is 0 */
    for (uint j = 0; j < n; j += 16)
        lanes += mcl_exp(similarities(row, j, n) - largest);
    normalizer[i] = largest + mcl_log(mcl_sum_lanes(lanes));
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
