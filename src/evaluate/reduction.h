/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that are fewer than their columns, in fewer columns: with the same inner products, so that
 * whatever is learnt of them by these alone, as weights with an L2 penalty are, is the same. The
 * rows X are L·Vᵀ, V having orthonormal columns: X·Xᵀ = L·Lᵀ by Cholesky's factorisation, in which
 * the row that is furthest from the span of those before it is the next one (Higham 2002, section
 * 10.3). */
#ifndef MASKCL_EVALUATE_REDUCTION_H
#define MASKCL_EVALUATE_REDUCTION_H

#include "evaluate/scale.h"

typedef struct mcl_reduction {
    const mcl_features *features; /* D columns */
    const mcl_standards *standards;
    uint64_t columns; /* at most the rows; 0 where all rows are zeros */
    double *values;   /* [rows×columns] L */
    uint64_t *pivots; /* [columns] the row that has made each column */
} mcl_reduction;

/* Of standardised rows; both must live as long. To be released, also after a failure. */
mcl_status mcl_reduction_find(
    mcl_reduction *reduction, const mcl_features *features, const mcl_standards *standards);
void mcl_reduction_release(mcl_reduction *reduction);

/* weights[D] = V·reduced[columns], with which the rows have the products that they have in fewer
 * columns with `reduced`. */
mcl_status mcl_reduction_expand(
    double *weights, const mcl_reduction *reduction, const double *reduced);

/* to[D] = row i, standardised. */
void mcl_standardized_row(
    double *to, const mcl_features *features, const mcl_standards *standards, uint64_t i);

#endif
