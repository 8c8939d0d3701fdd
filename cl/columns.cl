/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of several inputs. A column is (first, width, kind): its inputs are first … first+width-1 of
 * a row. Built with the options below. */
#include "common.clh"
#include "constants.clh"
#include "rounding.clh"

/* The options, and what they are where none are given. */
#ifndef TARGET
#define TARGET float /* float, or uchar for what is altered */
#endif
#ifndef MASK
#define MASK 0 /* 1: cross-entropy of what is altered; 0: of each kind of column its own error */
#endif
#ifndef ALTERED
#define ALTERED 0 /* 1: of those columns only that the views hide or change */
#endif

/* Where one input of a column is altered, all of them are: altered[rows×n]. Work-item (c, i) has
 * column c of row i. */
kernel void NAME(alter_columns)(const global uint4 *restrict columns, const uint count,
    const uint n, global uchar *restrict altered)
{
    const uint c = get_global_id(0);
    if (MCL_PADS(c, count))
        return;
    const uint4 column = columns[c];
    global uchar *a = altered + (ulong)get_global_id(1) * n + column.x;
    uint any = 0;
    for (uint k = 0; k < column.y; k++)
        any |= a[k];
    for (uint k = 0; k < column.y; k++)
        a[k] = (uchar)any;
}

/* counts[i] = how many columns of row i of altered[rows×n] are. Row i. */
kernel void NAME(altered_columns)(const global uint4 *restrict columns, const uint count,
    const global uchar *restrict altered, const uint rows, const uint n,
    global float *restrict counts, local float *space)
{
    const uint i = min(mcl_row(), rows - 1);
    uint part = 0;
    for (uint c = MCL_LANE; c < count; c += MCL_WIDTH == 16 ? 1 : 16)
        part += altered[(ulong)i * n + columns[c].x];
    const uint total = mcl_add_counts(part, space);
    if (mcl_stores_row(rows))
        counts[i] = (float)total;
}

/* The cross-entropy of a logit, and its slope. */
static inline float NAME(binary)(const float output, const float target, float *slope)
{
    const float small = mcl_exp(-fabs(output)), part = mcl_reciprocal(1.0f + small);
    const float positive = output < 0.0f ? 0.0f : output;
    *slope = (output < 0.0f ? small * part : part) - target;
    return (positive - output * target) + mcl_log(1.0f + small);
}

/* With x the targets of outputs r, of column c and row i:
 *   numbers:    error = Σ (r − x)²,               slope = r − x, twice as steep as
 *   categories: error = N·Σ x − Σ x·r,            slope = exp(r − N)·Σ x − x
 *               N = largest r + log Σ exp(r − largest)
 *   indicated:  error = (r₀ − x₀)² + cross-entropy of r₁ by x₁, and the slopes of both
 *   MASK:       error = Σ cross-entropy of r by x over the width, and the slopes over the width
 * errors[rows×count] = error, d = scale·slope, with ALTERED scale over the number of altered columns, and
 * both 0 of a column that is not. Sums are chains. Work-item (c, i). */
kernel void NAME(column_errors)(const global uint4 *restrict columns, const uint count,
    const global float *restrict r, const global TARGET *restrict x, const uint targets,
    const uint n, const float scale, const global uchar *restrict altered,
    const global float *restrict altered_count, global float *restrict errors,
    global float *restrict d)
{
    const uint c = get_global_id(0), i = get_global_id(1);
    if (MCL_PADS(c, count))
        return;
    const uint4 column = columns[c];
    const ulong at = (ulong)i * n + column.x;
    const global TARGET *target = x + (ulong)(i % targets) * n + column.x;
    r += at;
    d += at;
#if ALTERED
    const float counts = (float)altered[at];
    const float each = mcl_divide(scale, fmax(*altered_count, 1.0f));
#else
    const float counts = 1.0f, each = scale;
#endif
    float error = 0.0f;
#if MASK
    const float width = (float)column.y;
    for (uint k = 0; k < column.y; k++) {
        float slope;
        error = fma(1.0f, NAME(binary)(r[k], (float)target[k], &slope), error);
        d[k] = mcl_flush(mcl_divide(each * slope, width) * counts);
    }
    error = mcl_divide(error, width);
#else
    if (column.z == MCL_GROUP_CATEGORY) {
        float largest = r[0], sum = 0.0f, known = 0.0f, own = 0.0f;
        for (uint k = 1; k < column.y; k++)
            largest = fmax(largest, r[k]);
        for (uint k = 0; k < column.y; k++) {
            sum = fma(1.0f, mcl_exp(r[k] - largest), sum); /* see mcl_link() */
            known = fma(1.0f, (float)target[k], known);
            own = fma((float)target[k], r[k], own);
        }
        const float normalizer = largest + mcl_log(sum);
        error = fma(normalizer, known, -own);
        for (uint k = 0; k < column.y; k++) {
            const float slope = fma(mcl_exp(r[k] - normalizer), known, -(float)target[k]);
            d[k] = mcl_flush((each * slope) * counts);
        }
    } else {
        const uint numbers = column.z == MCL_GROUP_INDICATED ? column.y - 1 : column.y;
        for (uint k = 0; k < numbers; k++) {
            const float slope = r[k] - (float)target[k];
            error = fma(slope, slope, error);
            d[k] = mcl_flush((2.0f * each * slope) * counts);
        }
        if (numbers < column.y) {
            float slope;
            error += NAME(binary)(r[numbers], (float)target[numbers], &slope);
            d[numbers] = mcl_flush((each * slope) * counts);
        }
    }
#endif
    errors[(ulong)i * count + c] = mcl_flush(error * counts);
}
