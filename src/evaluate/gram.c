/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/gram.h"

#define TOGETHER 8 /* rows that are added while a row of the matrix is in the cache */

/* Adds TOGETHER rows. */
static void add_together(double *gram, size_t n, const double *rows)
{
    for (size_t i = 0; i < n; i++) {
        double *restrict to = gram + i * n;
        double factors[TOGETHER];
        for (size_t r = 0; r < TOGETHER; r++)
            factors[r] = rows[r * n + i];
        for (size_t j = i; j < n; j++) {
            double sum = to[j];
            for (size_t r = 0; r < TOGETHER; r++)
                sum += factors[r] * rows[r * n + j];
            to[j] = sum;
        }
    }
}

void mcl_gram_add(double *gram, size_t n, const double *rows, size_t count)
{
    size_t r = 0;
    for (; r + TOGETHER <= count; r += TOGETHER)
        add_together(gram, n, rows + r * n);
    for (; r < count; r++) {
        const double *row = rows + r * n;
        for (size_t i = 0; i < n; i++) {
            for (size_t j = i; j < n; j++)
                gram[i * n + j] += row[i] * row[j];
        }
    }
}

void mcl_gram_mirror(double *a, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        for (size_t j = 0; j < i; j++)
            a[i * n + j] = a[j * n + i];
    }
}
