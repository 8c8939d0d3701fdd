/* SPDX-License-Identifier: Apache-2.0 */
/* What checks of objectives share. */
#ifndef MASKCL_VERIFY_OBJECTIVES_H
#define MASKCL_VERIFY_OBJECTIVES_H

#include "verify/checker.h"

/* Rows of a batch, views, columns of the embedding; no multiples of 16. */
#define B 19
#define R (2 * B)
#define E 45

/* A number that is not subnormal, but that a flush makes 0: where it is nothing but flushed, or
 * becomes still less before, the result does not depend on whether the device has subnormal
 * numbers. */
#define TINY 0x1.8p-126f

/* The other view of a row's view. */
static inline size_t positive_of(size_t i)
{
    return i < B ? i + B : i - B;
}

/* The larger number. */
static inline float largest(float a, float b)
{
    return a > b ? a : b;
}

/* Makes the first column of x[rows×n] tiny. */
static inline void make_tiny(float *x, size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++)
        x[i * n] = TINY;
}

/* Expects the gradient [R×E], flushed, or the sum of d and it where that is not NULL. */
mcl_status mcl_expect_gradient(
    mcl_checker *checker, const char *kernel, const float *gradient, const float *d, cl_mem got);

#endif
