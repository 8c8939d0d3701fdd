/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of products of columns, in doubles on the host. */
#ifndef MASKCL_EVALUATE_GRAM_H
#define MASKCL_EVALUATE_GRAM_H

#include <stddef.h>

/* Adds rowᵀ·row of rows[count×n], one after the other, to the upper triangle of gram[n×n]. */
void mcl_gram_add(double *gram, size_t n, const double *rows, size_t count);

/* Copies the upper triangle of a[n×n] to the lower one. */
void mcl_gram_mirror(double *a, size_t n);

#endif
