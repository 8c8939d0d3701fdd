/* SPDX-License-Identifier: Apache-2.0 */
/* An exponential moving average of a flat vector. Work-item j has number j. */
#include "common.clh"
#include "rounding.clh"

/* a += (1 − decay)·(p − a), which is decay·a + (1 − decay)·p, and leaves a as it is where p = a;
 * rest = 1 − decay */
kernel void average(
    global float *restrict averages, const global float *restrict values, const float rest)
{
    const ulong j = get_global_id(0);
    const float a = averages[j];
    averages[j] = mcl_flush(fma(rest, values[j] - a, a));
}
