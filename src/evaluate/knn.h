/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest neighbours of test rows among training rows, both in host memory. */
#ifndef MASKCL_EVALUATE_KNN_H
#define MASKCL_EVALUATE_KNN_H

#include "device/context.h"
#include "maskcl/evaluate.h"

/* *places = of each test row the numbers of its *count nearest training rows by cosine, the nearest
 * first, freed with free(). */
mcl_status mcl_knn_find(uint32_t **places, uint32_t *count, mcl_context *context,
    const mcl_features *train, const mcl_features *test);

#endif
