/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rounding.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* A compiler that computes in a wider type would round twice. */
#if FLT_EVAL_METHOD == 1 || FLT_EVAL_METHOD == 2
#error "float must be evaluated as float: build with -msse2 -mfpmath=sse or the like"
#endif

/* The parts of OpenCL C that cl/rounding.clh needs. */
#define uint uint32_t
#define fma fmaf

static inline uint32_t as_uint(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float as_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t mul_hi(uint32_t a, uint32_t b)
{
    return (uint32_t)((uint64_t)a * b >> 32);
}

#include "rounding.clh"

float mcl_host_exp(float x)
{
    return mcl_exp(x);
}

float mcl_host_log(float x)
{
    return mcl_log(x);
}

float mcl_host_tanh(float x)
{
    return mcl_tanh(x);
}

float mcl_host_erf(float x)
{
    return mcl_erf(x);
}

float mcl_host_sin(float x)
{
    return mcl_sin(x);
}

float mcl_host_cos(float x)
{
    return mcl_cos(x);
}

float mcl_host_sqrt(float x)
{
    return mcl_sqrt(x);
}

float mcl_host_rsqrt(float x)
{
    return mcl_rsqrt(x);
}

float mcl_host_divide(float a, float b)
{
    return mcl_divide(a, b);
}

float mcl_host_divide_by(float a, float b, float inverse)
{
    return mcl_divide_by(a, b, inverse);
}

float mcl_host_reciprocal(float x)
{
    return mcl_reciprocal(x);
}

float mcl_host_quantile(float x)
{
    return mcl_quantile(x);
}

float mcl_host_flush(float x)
{
    return mcl_flush(x);
}

void mcl_host_flush_all(float *out, const float *in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = mcl_flush(in[i]);
}
