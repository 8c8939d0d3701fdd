/* SPDX-License-Identifier: Apache-2.0 */
/* fma alone, to find out whether the device rounds it once. */
#include "common.clh"

/* out = a·b + c. Work-item j has element j. */
kernel void fused(const global float *restrict a, const global float *restrict b,
    const global float *restrict c, global float *restrict out)
{
    const uint j = get_global_id(0);
    out[j] = fma(a[j], b[j], c[j]);
}

/* The same in vectors. Work-item j has elements 16·j … 16·j+15. */
kernel void fused16(const global float *restrict a, const global float *restrict b,
    const global float *restrict c, global float *restrict out)
{
    const uint j = get_global_id(0);
    vstore16(fma(vload16(j, a), vload16(j, b), vload16(j, c)), j, out);
}
