/* SPDX-License-Identifier: Apache-2.0 */
/* An exponential moving average of a flat vector. Work-item j has number j of count. */
#include "common.clh"
#include "rounding.clh"

/* a += (1 − decay)·(p − a), which is decay·a + (1 − decay)·p, and leaves a as it is where p = a;
 * rest = 1 − decay */
kernel void average(
    global float *restrict averages, const global float *restrict values, const ulong count,
    const float rest)
{
    const ulong j = get_global_id(0);
    if (MCL_PADS(j, count))
        return;
    const float a = averages[j];
    averages[j] = mcl_flush(fma(rest, values[j] - a, a));
}
