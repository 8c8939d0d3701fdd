/* SPDX-License-Identifier: Apache-2.0 */
/* The Barlow Twins objective (Zbontar et al. 2021): the correlations between the columns of the two
 * views as near as possible to the identity matrix. z[2B×n] holds the views. */
#include "correlations.clh"

#define EPSILON 1e-5f /* torch.nn.BatchNorm1d's */
#define LAMBDA 0.0051f

/* For column j of view v, m being its mean and σ² = Σ (z − m)²/B:
 *   inverse[v×n+j] = 1/√(σ² + ε), standard = (z − m)·inverse
 * Each sum is a chain over the rows in ascending order. Work-item (j, v). */
kernel void barlow_columns(const global float *restrict z, const uint batch, const uint n,
    global float *restrict inverse, global float *restrict standard)
{
    const uint j = get_global_id(0), v = get_global_id(1);
    if (MCL_PADS(j, n))
        return;
    const ulong first = (ulong)v * batch * n + j;
    float total = 0.0f;
    for (uint i = 0; i < batch; i++)
        total += z[first + (ulong)i * n];
    const float mean = mcl_divide(total, (float)batch);
    float squares = 0.0f;
    for (uint i = 0; i < batch; i++) {
        const float difference = z[first + (ulong)i * n] - mean;
        squares = fma(difference, difference, squares);
    }
    const float scale = mcl_reciprocal(mcl_sqrt(mcl_divide(squares, (float)batch) + EPSILON));
    for (uint i = 0; i < batch; i++)
        standard[first + (ulong)i * n] = mcl_flush((z[first + (ulong)i * n] - mean) * scale);
    inverse[v * n + j] = scale;
}

/* For row i of the correlations c[n×n]: loss[i] = (c_ii − 1)² + λ·Σ_{j≠i} c_ij², and c becomes the
 * gradient by it, scale·(c_ii − 1) and scale·λ·c_ij, scale being twice the objective's weight.
 * Row i. */
kernel void barlow_correlations(global float *restrict c, const uint n, const float scale,
    global float *restrict loss, local float *space)
{
    const uint i = mcl_row();
    const bool own = i < n && mcl_has_element(i);
    global float *row = c + (ulong)i * n;
    const float from_one = own ? row[i] - 1.0f : 0.0f;
    const float squares = mcl_square_and_scale(row, i, i < n ? n : 0, scale * LAMBDA, space);
    if (own) {
        row[i] = mcl_flush(scale * from_one);
        loss[i] = fma(LAMBDA, squares, from_one * from_one);
    }
}

/* along[v×n+j] = Σ_i standard·gradient / B over column j of view v, a chain over the rows.
 * Work-item (j, v). */
kernel void barlow_along(const global float *restrict standard,
    const global float *restrict gradient, const uint batch, const uint n,
    global float *restrict along)
{
    const uint j = get_global_id(0), v = get_global_id(1);
    if (MCL_PADS(j, n))
        return;
    const ulong first = (ulong)v * batch * n + j;
    float total = 0.0f;
    for (uint i = 0; i < batch; i++)
        total = fma(standard[first + (ulong)i * n], gradient[first + (ulong)i * n], total);
    along[v * n + j] = mcl_divide(total, (float)batch);
}

/* dz = (gradient − standard·along)·inverse, added to what d holds when accumulate is 1. The mean of
 * the gradient over a column, which the normalisation's derivative has too, is 0: it is a sum of
 * columns of the other view, whose means are. Work-item (j, i) of n × 2B. */
kernel void barlow_backward(const global float *restrict standard,
    const global float *restrict gradient, const global float *restrict along,
    const global float *restrict inverse, const uint batch, const uint n, const uint accumulate,
    global float *restrict d)
{
    const uint j = get_global_id(0), i = get_global_id(1);
    if (MCL_PADS(j, n))
        return;
    const ulong at = (ulong)i * n + j;
    const uint column = i < batch ? j : n + j;
    const float value = fma(-along[column], standard[at], gradient[at]) * inverse[column];
    d[at] = mcl_flush(accumulate ? d[at] + value : value);
}
