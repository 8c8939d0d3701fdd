/* SPDX-License-Identifier: Apache-2.0 */
/* Eigenvalues and eigenvectors of symmetric matrices, and their tridiagonal form. */
#ifndef MASKCL_EVALUATE_EIGENVALUES_H
#define MASKCL_EVALUATE_EIGENVALUES_H

#include <stddef.h>

/* values[n] = the eigenvalues of the symmetric a[n×n], in no order; a is overwritten, and space[n]
 * is workspace. Householder's reduction to a tridiagonal matrix, then implicit QL (EISPACK's tred1
 * and imtql1), in + − × ÷ √ of doubles. */
void mcl_eigenvalues(double *values, double *a, size_t n, double *space);

/* vectors[n×n] = orthonormal eigenvectors of the symmetric a[n×n], a row each, and the diagonal of
 * a becomes their eigenvalues. Jacobi's method, whose sweeps go through the rows in their order
 * (Golub and Van Loan, Matrix Computations, 8.5), in + − × ÷ √ of doubles: for small matrices, as
 * it takes about ten times as long as the eigenvalues alone. */
void mcl_eigenvectors(double *vectors, double *a, size_t n);

/* a[n×n], symmetric, is Q·T·Qᵀ: d[n] = T's diagonal, e[i] = its element beside d[i - 1] and d[i],
 * and e[0] = 0. a has the reflections that Q is a product of from then on. */
void mcl_tridiagonalize(double *d, double *e, double *a, size_t n);

/* x[n] = Qᵀ·x, and Q·x. */
void mcl_tridiagonal_enter(double *x, const double *a, size_t n);
void mcl_tridiagonal_leave(double *x, const double *a, size_t n);

#endif
