/* SPDX-License-Identifier: Apache-2.0 */
/* Features made comparable on their way to the device, in float64 on the host: whatever their unit
 * is, from 1e-37 to 1e38, and however far they lie from 0. */
#ifndef MASKCL_EVALUATE_SCALE_H
#define MASKCL_EVALUATE_SCALE_H

#include <stdbool.h>

#include "device/context.h"
#include "maskcl/evaluate.h"

/* Row i of those that count. */
static inline const float *mcl_features_row(const mcl_features *features, uint64_t i)
{
    return features->values +
           (features->chosen ? features->chosen[i] : i) * (size_t)features->columns;
}

/* Whether a probe can be made of these: with values, rows and columns, and as many columns in both.
 */
mcl_status mcl_features_check(const mcl_features *train, const mcl_features *test);

/* Mean and 1/deviation of columns; 0 of one that is constant but for the rounding of its floats. */
typedef struct mcl_standards {
    double *mean, *inverse; /* [D] */
} mcl_standards;

/* Of the columns of features. To be released, also after a failure. */
mcl_status mcl_standards_find(mcl_standards *standards, const mcl_features *features);
void mcl_standards_release(mcl_standards *standards);

/* to[n] = (from − mean) / deviation */
void mcl_standardize_row(float *to, const float *from, uint64_t n, const mcl_standards *standards);

/* Writes count rows of features, from the first on, to a buffer: standardised, or without standards
 * (NULL) each row times the power of two by which its largest value is from ½ to below 1, which
 * changes neither its direction nor a bit of the row divided by its length. */
mcl_status mcl_write_scaled(mcl_context *context, cl_mem to, const mcl_features *features,
    uint64_t first, uint32_t count, const mcl_standards *standards);

/* *merge = whether rows point so nearly the same way that cosines in float32 do not tell them
 * apart, as where all lie far from 0. Rows that are all equal do not. */
mcl_status mcl_directions_merge(bool *merge, const mcl_features *features);

#endif
