/* SPDX-License-Identifier: Apache-2.0 */
/* Eigenvalues of symmetric matrices. */
#ifndef MASKCL_EVALUATE_EIGENVALUES_H
#define MASKCL_EVALUATE_EIGENVALUES_H

#include <stddef.h>

/* values[n] = the eigenvalues of the symmetric a[n×n], in no order; a is overwritten, and space[n]
 * is workspace. Householder's reduction to a tridiagonal matrix, then implicit QL (EISPACK's tred1
 * and imtql1), in + − × ÷ √ of doubles. */
void mcl_eigenvalues(double *values, double *a, size_t n, double *space);

#endif
