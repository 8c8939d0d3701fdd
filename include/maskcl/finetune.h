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

/* To be initialized with mcl_finetune_options_init(). */
typedef struct mcl_finetune_options {
    mcl_options base;
    /* In reports, loss is the mean cross-entropy over the batch, and spread is NaN. The seed
     * decides the head, the order of the rows, and which of them keep their labels. */
    mcl_train_options train;
    uint64_t labels_per_class; /* train on this many rows of each class, drawn as by
                                * mcl_probe_few(); 0: on all rows */
    bool from_scratch;         /* start with new parameters throughout, drawn for the seed */
} mcl_finetune_options;

static inline mcl_status mcl_finetune_options_init(mcl_finetune_options *options)
{
    return mcl_options_init(&options->base, MCL_OPTIONS_FINETUNE, MCL_FINETUNE_OPTIONS_VERSION);
}

/* Trains a copy of the model's encoder and a new head after its embedding, Linear(embedding,
 * classes), by the softmax cross-entropy with labels[rows of data], which are 0 or above, or -1 of
 * rows that are left out. Where the labels are the data's own and their classes have names, the
 * model's metadata class_names has these as a JSON list. The number of classes is 1 + the largest
 * label; where that is more than 1000 and four times the number of different labels or more, it is
 * this number, in ascending order, and the model's metadata finetune_class_numbers has the labels,
 * joined by commas. *tuned has the model's decoder unchanged, and no projector or predictor.
 * MCL_INTERRUPTED when options->train.stop ended it: *tuned then has the parameters after the last
 * complete step. A loss that is not finite, labels of a single class, and widths that do not match
 * are MCL_ERROR_DATA. The caller frees *tuned. */
MCL_API mcl_status mcl_finetune(mcl_model **tuned, mcl_context *context, const mcl_model *model,
    const mcl_data *data, const int32_t *labels, const mcl_finetune_options *options);

/* *relation of a model to a fine-tuning, by its metadata: the digests of the data, the labels and
 * the model to begin from, the product's bits, the numeric contract and all options that decide the
 * bits, and whether the run ended. *epochs = how many the run of the tuned model was to have. */
MCL_API mcl_status mcl_finetune_relate(mcl_relation *relation, uint64_t *epochs,
    const mcl_model *tuned, mcl_context *context, const mcl_model *model, const mcl_data *data,
    const int32_t *labels, const mcl_finetune_options *options);

/* classes[rows of data] = the most likely class of each row by the model's head, the first of
 * equals, as it was numbered in training. MCL_ERROR_ARGUMENT when the model has no head. */
MCL_API mcl_status mcl_classify(
    int32_t *classes, mcl_context *context, const mcl_model *model, const mcl_data *data);

/* probabilities[rows of data × classes of the model's head] = the softmax of the head's logits, by
 * the numeric contract's exp. The same errors. */
MCL_API mcl_status mcl_predict_probabilities(
    float *probabilities, mcl_context *context, const mcl_model *model, const mcl_data *data);

#ifdef __cplusplus
}
#endif

#endif
