/* SPDX-License-Identifier: Apache-2.0 */
/* Eigenvalues and eigenvectors of symmetric matrices. */
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

#endif
