/* SPDX-License-Identifier: Apache-2.0 */
/* What kernels are made of, one thing at a time, for mcl_verify(). Built with the options
 * below. */
#include "common.clh"
#include "philox.clh"
#include "rounding.clh"

/* The options, and what they are where none are given. */
#ifndef FUNCTION
#define FUNCTION mcl_flush /* of rounding.clh */
#endif
#ifndef OPERANDS
#define OPERANDS 1 /* 1 or 2, how many it takes */
#endif
#ifndef LANES
#define LANES 1 /* 1, or 16 for the function of a vector */
#endif

/* out = a + b, a − b, a·b, and a·b + c rounded twice. Work-item j. */
kernel void NAME(operations)(const global float *restrict a, const global float *restrict b,
    const global float *restrict c, global float *restrict sum, global float *restrict difference,
    global float *restrict product, global float *restrict both)
{
    const uint j = get_global_id(0);
    sum[j] = a[j] + b[j];
    difference[j] = a[j] - b[j];
    product[j] = a[j] * b[j];
    both[j] = a[j] * b[j] + c[j];
}

/* out = a·b + c rounded twice. Work-item j has elements 16·j … 16·j+15. */
kernel void NAME(separate16)(const global float *restrict a, const global float *restrict b,
    const global float *restrict c, global float *restrict out)
{
    const uint j = get_global_id(0);
    vstore16(vload16(j, a) * vload16(j, b) + vload16(j, c), j, out);
}

/* out = the function of a, or of a and b. Work-item j. */
kernel void NAME(function)(const global float *restrict a, const global float *restrict b,
    global float *restrict out)
{
    const uint j = get_global_id(0);
#if LANES == 16
    vstore16(FUNCTION(vload16(j, a)), j, out);
#elif OPERANDS == 2
    out[j] = FUNCTION(a[j], b[j]);
#else
    out[j] = FUNCTION(a[j]);
#endif
}

/* words[4j …] = the random words of row j·step in quad j. Work-item j. */
kernel void NAME(draw)(const ulong step, const uint epoch, const uint2 key,
    global uint *restrict words)
{
    const uint j = get_global_id(0);
    vstore4(mcl_philox(mcl_counter(MCL_STREAM_MASK, 0, epoch, j * step, j), key), j, words);
}
