/* SPDX-License-Identifier: Apache-2.0 */
/* The VICReg objective (Bardes et al. 2022): the two views of a row near each other, every column's
 * deviation over the batch at least 1, no two columns correlated. z[2B×n] holds the views; every
 * kernel adds terms to the loss, whose sum it is. */
#include "correlations.clh"

#define EPSILON 1e-4f /* within the root of a variance */

/* For column j of view v, with m its mean: centred = z − m, σ = √(Σ centred²/(B−1) + ε),
 *   terms[v×n+j] = term·max(0, 1 − σ)
 *   pull[v×n+j] = −scale/σ for σ < 1, else 0: by which centred is the gradient of that
 * Each sum is a chain over the rows in ascending order. Work-item (j, v). */
kernel void vicreg_columns(const global float *restrict z, const uint batch, const uint n,
    const float term, const float scale, global float *restrict centred,
    global float *restrict pull, global float *restrict terms)
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
        const float difference = mcl_flush(z[first + (ulong)i * n] - mean);
        centred[first + (ulong)i * n] = difference;
        squares = fma(difference, difference, squares);
    }
    const float sigma = mcl_sqrt(mcl_divide(squares, (float)(batch - 1)) + EPSILON);
    terms[v * n + j] = sigma < 1.0f ? term * (1.0f - sigma) : 0.0f;
    pull[v * n + j] = sigma < 1.0f ? -mcl_divide(scale, sigma) : 0.0f;
}

/* terms[to+i] = term·Σ_j (z_ij − z_B+i,j)². Row i of B. */
kernel void vicreg_distances(const global float *restrict z, const uint batch, const uint n,
    const float term, global float *restrict terms, const uint to, local float *space)
{
    const uint i = min(mcl_row(), batch - 1);
    const global float *p = z + (ulong)i * n, *q = p + (ulong)batch * n;
    const float squares = mcl_row_squared_distance(p, q, n, space);
    if (mcl_stores_row(batch))
        terms[to + i] = term * squares;
}

/* For row i of c[n×n], the covariances of view v, without its diagonal: terms[to+v×n+i] = term·Σ
 * c², and c becomes scale·c, by which centred is to be multiplied for the gradient. Row v×n+i. */
kernel void vicreg_covariances(global float *restrict c, const uint n, const float term,
    const float scale, global float *restrict terms, const uint to, local float *space)
{
    const uint row = mcl_row(), count = row < 2 * n ? n : 0;
    const float squares =
        mcl_square_and_scale(c + (ulong)row * n, row % n, count, scale, space);
    if (mcl_stores_row(2 * n))
        terms[to + row] = term * squares;
}

/* d = scale·(p − q) + pull·centred + across, and with q − p for the second view, where across is
 * centred times the scaled covariances; added to what d holds when accumulate is 1. Work-item (j,
 * i) of n × B. */
kernel void vicreg_backward(const global float *restrict z, const global float *restrict centred,
    const global float *restrict pull, const global float *restrict across, const uint batch,
    const uint n, const float scale, const uint accumulate, global float *restrict d)
{
    const uint j = get_global_id(0), i = get_global_id(1);
    if (MCL_PADS(j, n))
        return;
    const ulong p = (ulong)i * n + j, q = p + (ulong)batch * n;
    const float apart = z[p] - z[q];
    const float by_p = fma(scale, apart, fma(pull[j], centred[p], across[p]));
    const float by_q = fma(-scale, apart, fma(pull[n + j], centred[q], across[q]));
    d[p] = mcl_flush(accumulate ? d[p] + by_p : by_p);
    d[q] = mcl_flush(accumulate ? d[q] + by_q : by_q);
}
