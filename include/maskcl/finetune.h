/* SPDX-License-Identifier: Apache-2.0 */
/* Training with labels: encoder and head together. */
#ifndef MASKCL_FINETUNE_H
#define MASKCL_FINETUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "maskcl/data.h"
#include "maskcl/device.h"
#include "maskcl/model.h"
#include "maskcl/options.h"
#include "maskcl/train.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MCL_FINETUNE_OPTIONS_VERSION 1

/* Begun with mcl_finetune_options_init(). */
typedef struct mcl_finetune_options {
    mcl_options base;
    /* Of a step, loss is the cross-entropy's mean over the batch; spread is NaN. seed is of the
     * head, the order of the rows, and which keep their labels. */
    mcl_train_options train;
    uint64_t labels_per_class; /* trains on so many rows of each class, drawn as mcl_probe_few()
                                * draws them; 0: on all rows */
    bool from_scratch;         /* begins with new parameters throughout, drawn for seed */
} mcl_finetune_options;

static inline mcl_status mcl_finetune_options_init(mcl_finetune_options *options)
{
    return mcl_options_init(&options->base, MCL_OPTIONS_FINETUNE, MCL_FINETUNE_OPTIONS_VERSION);
}

/* Trains a copy of the model's encoder and a new head behind its embedding, Linear(embedding,
 * classes), by the softmax cross-entropy with labels[rows of data], which are 0 or above; there are
 * as many classes as the largest label says. *tuned has the model's decoder as it was, and no
 * projector or predictor. MCL_INTERRUPTED when options->stop ended it: *tuned then holds the
 * parameters after the last whole step. A loss that is not finite, labels of a single class, and
 * widths that do not match are MCL_ERROR_DATA. The caller frees *tuned. */
MCL_API mcl_status mcl_finetune(mcl_model **tuned, mcl_context *context, const mcl_model *model,
    const mcl_data *data, const int32_t *labels, const mcl_finetune_options *options);

/* classes[rows of data] = the class that the model's head finds likeliest for each row; of several
 * the first. MCL_ERROR_ARGUMENT when the model has no head. */
MCL_API mcl_status mcl_classify(
    int32_t *classes, mcl_context *context, const mcl_model *model, const mcl_data *data);

#ifdef __cplusplus
}
#endif

#endif
