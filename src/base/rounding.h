/* SPDX-License-Identifier: Apache-2.0 */
/* The host twin of cl/rounding.clh: the same source compiled as C, with the same bits. */
#ifndef MASKCL_BASE_ROUNDING_H
#define MASKCL_BASE_ROUNDING_H

#include <stddef.h>

/* Subnormal arguments count as zero, results below 2^-126 become zero, every NaN is 0x7FC00000;
 * otherwise as C99's functions, within 1 ulp. sqrt, divide and reciprocal are correctly rounded. */
float mcl_host_exp(float x);
float mcl_host_log(float x);
float mcl_host_tanh(float x);
float mcl_host_erf(float x);
float mcl_host_sin(float x);
float mcl_host_cos(float x);
float mcl_host_sqrt(float x);
float mcl_host_rsqrt(float x);
float mcl_host_divide(float a, float b);
float mcl_host_divide_by(float a, float b, float inverse);
float mcl_host_reciprocal(float x);

/* The quantile of the normal distribution at (1 + x)/2 for |x| < 1, an odd multiple of 2^-24, to
 * 2^-21 of itself. */
float mcl_host_quantile(float x);

/* x, but +0 for |x| < 2^-125 and the one NaN for a NaN. */
float mcl_host_flush(float x);
void mcl_host_flush_all(float *out, const float *in, size_t count);

#endif
