/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a trained encoder tells rows apart, by what it makes of a sample of them. */
#ifndef MASKCL_TRAIN_COLLAPSE_H
#define MASKCL_TRAIN_COLLAPSE_H

#include "data/data.h"
#include "maskcl/device.h"
#include "maskcl/pretrain.h"

typedef struct mcl_collapse_watch mcl_collapse_watch;

/* Draws a sample of the rows by the seed, and measures it and what the untrained encoder of that
 * seed makes of it; *watch is NULL for a single row. Before training, in which memory may be short
 * and for which kernels are compiled anyway. */
mcl_status mcl_collapse_begin(mcl_collapse_watch **watch, mcl_context *context,
    const mcl_architecture *architecture, const mcl_data *data, uint64_t seed);

/* NULL is allowed. */
void mcl_collapse_free(mcl_collapse_watch *watch);

/* Measures the trained model, and judges: collapse->verdict is MCL_COLLAPSE_UNKNOWN for numbers
 * that are not finite. */
mcl_status mcl_collapse_end(
    mcl_collapse *collapse, mcl_collapse_watch *watch, const mcl_model *model);

/* Writes it to the model's metadata, from which mcl_model_collapse() reads it. */
mcl_status mcl_collapse_describe(mcl_model *model, const mcl_collapse *collapse);

#endif
