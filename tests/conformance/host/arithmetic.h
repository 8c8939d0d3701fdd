/* SPDX-License-Identifier: Apache-2.0 */
/* What docs/numerics.md builds everything from: elementary functions, and sums of a fixed shape. */
#ifndef HOST_ARITHMETIC_H
#define HOST_ARITHMETIC_H

#include <stddef.h>
#include <stdint.h>

/* "Arithmetic" and "Elementary functions" */
float host_flush(float x);
float host_exp(float x);
float host_log(float x);
float host_tanh(float x);
float host_erf(float x);
float host_sin(float x);
float host_cos(float x);
float host_sqrt(float x);
float host_divide(float a, float b);
float host_quantile(float x);

/* "Sums and products" */
float host_sum(const float *x, size_t n);
float host_dot(const float *a, const float *b, size_t n);
float host_total(const float *x, size_t n, float divisor);
void host_row_sum(float *out, const float *x, size_t rows, size_t columns);

/* How an operand lies in memory: element (i, j) is values[i·down + j·across]. */
struct matrix {
    const float *values;
    size_t down, across;
};

/* c[m×n] = alpha·a[m×k]·b[k×n] + beta·c */
void host_product(float *c, size_t m, size_t n, size_t k, struct matrix a, struct matrix b,
    float alpha, float beta);

#endif
