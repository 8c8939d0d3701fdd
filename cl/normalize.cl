/* SPDX-License-Identifier: Apache-2.0 */
/* L2 normalisation of rows, forward and backward, and the spread of what it gives. */
#include "common.clh"
#include "rounding.clh"

#define EPSILON 1e-12f /* torch.nn.functional.normalize's */

/* 1 / max(|z_i|, ε) of a row. */
static inline float inverse_norm(const global float *row, const uint n, local float *space)
{
    return mcl_reciprocal(fmax(mcl_sqrt(mcl_row_dot(row, row, n, space)), EPSILON));
}

/* inverse[i] = 1 / max(|z_i|, ε) for z[rows×n]. Row i. */
kernel void inverse_norms(const global float *restrict z, const uint rows, const uint n,
    global float *restrict inverse, local float *space)
{
    const uint i = min(mcl_row(), rows - 1);
    const float by = inverse_norm(z + (ulong)i * n, n, space);
    if (mcl_stores_row(rows))
        inverse[i] = by;
}

/* The same, and ẑ_i = z_i · inverse_i. Row i. */
kernel void normalize_rows(const global float *restrict z, const uint rows, const uint n,
    global float *restrict inverse, global float *restrict normalized, local float *space)
{
    const uint i = min(mcl_row(), rows - 1);
    const ulong at = (ulong)i * n;
    const float by = inverse_norm(z + at, n, space);
    if (mcl_stores_row(rows))
        inverse[i] = by;
    for (uint j = MCL_LANE; j < mcl_stored(n, rows); j += 16)
        mcl_store(mcl_flush(mcl_load(z + at + j, n - j) * by), normalized + at + j, n - j);
}

/* dz_i = (dẑ_i − ẑ_i (ẑ_i·dẑ_i)) / |z_i|, added to what d holds when accumulate is 1. A row shorter
 * than ε was divided by the constant ε. Row i. */
kernel void normalize_backward(const global float *restrict normalized,
    const global float *restrict gradient, const global float *restrict inverse, const uint rows,
    const uint n, const uint accumulate, global float *restrict d, local float *space)
{
    const uint i = min(mcl_row(), rows - 1);
    const ulong at = (ulong)i * n;
    const float along = mcl_flush(mcl_row_dot(normalized + at, gradient + at, n, space));
    const float by = inverse[i];
    for (uint j = MCL_LANE; j < mcl_stored(n, rows); j += 16) {
        const uint left = n - j;
        const mcl_lanes g = mcl_load(gradient + at + j, left);
        const mcl_lanes turned = fma((mcl_lanes)-along, mcl_load(normalized + at + j, left), g);
        const mcl_lanes value = (by < 1e12f ? turned : g) * by;
        global float *to = d + at + j;
        mcl_store(mcl_flush(accumulate ? mcl_load(to, left) + value : value), to, left);
    }
}

/* Of each lane of x: x/n, and √x. */
static inline mcl_lanes divide_lanes(const mcl_lanes x, const float n)
{
#if MCL_WIDTH == 16
    float lanes[16];
    vstore16(x, 0, lanes);
    for (uint l = 0; l < 16; l++)
        lanes[l] = mcl_divide(lanes[l], n);
    return vload16(0, lanes);
#else
    return mcl_divide(x, n);
#endif
}

static inline mcl_lanes root_of_lanes(const mcl_lanes x)
{
#if MCL_WIDTH == 16
    float lanes[16];
    vstore16(x, 0, lanes);
    for (uint l = 0; l < 16; l++)
        lanes[l] = mcl_sqrt(lanes[l]);
    return vload16(0, lanes);
#else
    return mcl_sqrt(x);
#endif
}

/* deviation[j] = the standard deviation of column j of z[rows×n] · inverse, each sum a chain over
 * the rows in ascending order. Work-item q has the columns from j = MCL_WIDTH·q on. */
kernel void deviations(const global float *restrict z, const global float *restrict inverse,
    const uint rows, const uint n, global float *restrict deviation)
{
    const uint j = MCL_WIDTH * get_global_id(0);
    if (j >= n)
        return;
    const uint left = n - j;
    mcl_lanes total = 0.0f;
    for (uint i = 0; i < rows; i++)
        total = fma(mcl_load(z + (ulong)i * n + j, left), (mcl_lanes)inverse[i], total);
    const mcl_lanes mean = divide_lanes(total, (float)rows);
    mcl_lanes squares = 0.0f;
    for (uint i = 0; i < rows; i++) {
        const mcl_lanes difference =
            fma(mcl_load(z + (ulong)i * n + j, left), (mcl_lanes)inverse[i], -mean);
        squares = fma(difference, difference, squares);
    }
    mcl_store(root_of_lanes(divide_lanes(squares, (float)rows)), deviation + j, left);
}
