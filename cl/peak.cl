/* SPDX-License-Identifier: Apache-2.0 */
/* What the device can do at most. Built with the options below. */
#include "common.clh"

/* The options, and what they are where none are given. */
#ifndef VECTOR
#define VECTOR float8 /* the type to work with, float to float16 */
#endif
#ifndef CHAINS
#define CHAINS 8 /* independent accumulators */
#endif
#ifndef ITERATIONS
#define ITERATIONS 4096 /* of each */
#endif

/* CHAINS · ITERATIONS fma of VECTOR in registers; what is stored keeps them from being left out. */
kernel void NAME(peak_fma)(global VECTOR *out, const VECTOR a, const VECTOR b)
{
    VECTOR x[CHAINS];
    __attribute__((opencl_unroll_hint(CHAINS)))
    for (int c = 0; c < CHAINS; c++)
        x[c] = a + (float)c + (float)get_local_id(0);
    for (int i = 0; i < ITERATIONS; i++) {
        __attribute__((opencl_unroll_hint(CHAINS)))
        for (int c = 0; c < CHAINS; c++)
            x[c] = fma(x[c], a, b);
    }
    VECTOR sum = x[0];
    __attribute__((opencl_unroll_hint(CHAINS)))
    for (int c = 1; c < CHAINS; c++)
        sum += x[c];
    out[get_global_id(0)] = sum;
}

/* Work-item j copies vector j. */
kernel void NAME(peak_copy)(global VECTOR *restrict to, const global VECTOR *restrict from)
{
    to[get_global_id(0)] = from[get_global_id(0)];
}
