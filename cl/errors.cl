/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of a network's output, element by element. Built with the options below. */
#include "common.clh"
#include "rounding.clh"

/* The options, and what they are where none are given. */
#ifndef TARGET
#define TARGET float /* float or uchar, the type of the targets */
#endif
#ifndef BCE
#define BCE 0 /* 1: binary cross-entropy of the output as a logit; 0: squared error */
#endif
#ifndef ALTERED
#define ALTERED 0 /* 1: of those elements only that the views hide or change */
#endif

/* counts[i] = how many elements of row i of altered[rows×n] are 1. Row i. */
kernel void NAME(altered_counts)(const global uchar *restrict altered, const uint rows,
    const uint n, global float *restrict counts, local float *space)
{
    const uint i = min(mcl_row(), rows - 1);
    uint count = 0;
    for (uint j = MCL_LANE; j < n; j += MCL_WIDTH == 16 ? 1 : 16)
        count += altered[(ulong)i * n + j];
    const uint total = mcl_add_counts(count, space);
    if (mcl_stores_row(rows))
        counts[i] = (float)total;
}

/* With x the target of output r, row i of r having row i mod targets of x:
 *   squared error:  error = (r − x)²,                            slope = r − x
 *   cross-entropy:  error = max(r, 0) − r·x + log(1 + e^−|r|),   slope = 1/(1 + e^−r) − x
 * errors = error and d = scale·slope, with ALTERED scale over the number of altered elements, and
 * both 0 where an element is not. Work-item (j, i). */
kernel void NAME(element_errors)(const global float *restrict r, const global TARGET *restrict x,
    const uint targets, const uint n, const float scale, const global uchar *restrict altered,
    const global float *restrict altered_count, global float *restrict errors,
    global float *restrict d)
{
    const uint j = get_global_id(0), i = get_global_id(1);
    if (MCL_PADS(j, n))
        return;
    const ulong at = (ulong)i * n + j;
    const float output = r[at], target = (float)x[(ulong)(i % targets) * n + j];
#if BCE
    const float small = mcl_exp(-fabs(output)), part = mcl_reciprocal(1.0f + small);
    const float positive = output < 0.0f ? 0.0f : output;
    const float error = (positive - output * target) + mcl_log(1.0f + small);
    const float slope = (output < 0.0f ? small * part : part) - target;
#else
    const float slope = output - target, error = slope * slope;
#endif
#if ALTERED
    const float each = mcl_divide(scale, fmax(*altered_count, 1.0f));
    const float counts = (float)altered[at]; /* no branch, from which PoCL 3.1 makes wrong code */
    errors[at] = mcl_flush(error * counts);
    d[at] = mcl_flush((each * slope) * counts);
#else
    errors[at] = mcl_flush(error);
    d[at] = mcl_flush(scale * slope);
#endif
}

/* sums[to+i] = factor·Σ of row i of errors[rows×n]. Row i. */
kernel void NAME(error_sums)(const global float *restrict errors, const uint rows, const uint n,
    const float factor, global float *restrict sums, const uint to, local float *space)
{
    const uint i = min(mcl_row(), rows - 1);
    const float total = mcl_row_sum(errors + (ulong)i * n, n, space);
    if (mcl_stores_row(rows))
        sums[to + i] = factor * total;
}

/* metrics[at] becomes the mean over the altered elements. One work-item. */
kernel void NAME(altered_mean)(global float *restrict metrics, const ulong at,
    const global float *restrict altered_count)
{
    if (MCL_PADS(get_global_id(0), 1))
        return;
    metrics[at] = mcl_divide(metrics[at], fmax(*altered_count, 1.0f));
}
