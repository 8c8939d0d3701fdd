/* SPDX-License-Identifier: Apache-2.0 */
/* Eigenvalues of symmetric matrices, and their tridiagonal form. */
#ifndef MASKCL_EVALUATE_EIGENVALUES_H
#define MASKCL_EVALUATE_EIGENVALUES_H

#include <stddef.h>

/* values[n] = the eigenvalues of the symmetric a[n×n], in no order; a is overwritten, and space[n]
 * is workspace. Householder's reduction to a tridiagonal matrix, then implicit QL (EISPACK's tred1
 * and imtql1), in + − × ÷ √ of doubles. */
void mcl_eigenvalues(double *values, double *a, size_t n, double *space);

/* a[n×n], symmetric, is Q·T·Qᵀ: d[n] = T's diagonal, e[i] = its element beside d[i - 1] and d[i],
 * and e[0] = 0. a has the reflections that Q is a product of from then on. */
void mcl_tridiagonalize(double *d, double *e, double *a, size_t n);

/* x[n] = Qᵀ·x, and Q·x. */
void mcl_tridiagonal_enter(double *x, const double *a, size_t n);
void mcl_tridiagonal_leave(double *x, const double *a, size_t n);

#endif
