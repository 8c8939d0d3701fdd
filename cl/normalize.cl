/* SPDX-License-Identifier: Apache-2.0 */
/* L2 normalisation of rows, forward and backward, and the spread of what it gives. */
#include "common.clh"
#include "rounding.clh"

#define EPSILON 1e-12f /* torch.nn.functional.normalize's */

/* inverse[i] = 1 / max(|z_i|, ε) for z[rows×n]. Row i. */
kernel void inverse_norms(const global float *restrict z, const uint rows, const uint n,
    global float *restrict inverse, local float *space)
{
    const uint i = min(mcl_row(), rows - 1);
    const global float *row = z + (ulong)i * n;
    const float squares = mcl_row_dot(row, row, n, space);
    if (mcl_stores_row(rows))
        inverse[i] = mcl_reciprocal(fmax(mcl_sqrt(squares), EPSILON));
}

/* ẑ = z · inverse. Work-item (j, i). */
kernel void normalize_rows(const global float *restrict z, const global float *restrict inverse,
    const uint n, global float *restrict normalized)
{
    const uint j = get_global_id(0), i = get_global_id(1);
    if (MCL_PADS(j, n))
        return;
    const ulong at = (ulong)i * n + j;
    normalized[at] = mcl_flush(z[at] * inverse[i]);
}

/* along[i] = ẑ_i · dẑ_i. Work-item i. */
kernel void row_dots(const global float *restrict normalized, const global float *restrict gradient,
    const uint n, global float *restrict along)
{
    const uint i = get_global_id(0);
    along[i] = mcl_flush(mcl_dot(normalized + (ulong)i * n, gradient + (ulong)i * n, n));
}

/* dz = (dẑ − ẑ (ẑ·dẑ)) / |z|, added to what d holds when accumulate is 1. A row shorter than ε was
 * divided by the constant ε. Work-item (j, i). */
kernel void normalize_backward(const global float *restrict normalized,
    const global float *restrict gradient, const global float *restrict along,
    const global float *restrict inverse, const uint n, const uint accumulate,
    global float *restrict d)
{
    const uint i = get_global_id(1);
    const ulong at = (ulong)i * n + get_global_id(0);
    const float across = inverse[i] < 1e12f ? fma(-along[i], normalized[at], gradient[at])
                                            : gradient[at];
    const float value = across * inverse[i];
    d[at] = mcl_flush(accumulate ? d[at] + value : value);
}

/* deviation[j] = the standard deviation of column j of z[rows×n] · inverse, each sum a chain over
 * the rows in ascending order. Work-item j. */
kernel void deviations(const global float *restrict z, const global float *restrict inverse,
    const uint rows, const uint n, global float *restrict deviation)
{
    const uint j = get_global_id(0);
    float total = 0.0f;
    for (uint i = 0; i < rows; i++)
        total = fma(z[(ulong)i * n + j], inverse[i], total);
    const float mean = mcl_divide(total, (float)rows);
    float squares = 0.0f;
    for (uint i = 0; i < rows; i++) {
        const float difference = fma(z[(ulong)i * n + j], inverse[i], -mean);
        squares = fma(difference, difference, squares);
    }
    deviation[j] = mcl_sqrt(mcl_divide(squares, (float)rows));
}
