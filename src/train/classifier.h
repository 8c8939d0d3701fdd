/* SPDX-License-Identifier: Apache-2.0 */
/* A linear head after an encoder, and its softmax cross-entropy, forward and backward. */
#ifndef MASKCL_TRAIN_CLASSIFIER_H
#define MASKCL_TRAIN_CLASSIFIER_H

#include "device/context.h"
#include "model/networks.h"
#include "views/views.h"

/* What a step measures, one float each: the mean loss, and the accuracy. */
enum { MCL_CLASSIFIER_LOSS, MCL_CLASSIFIER_ACCURACY, MCL_CLASSIFIER_METRICS };

typedef struct mcl_classifier mcl_classifier;

/* For batches of B rows of a data set with these labels[rows], all below architecture->classes. */
mcl_status mcl_classifier_create(mcl_classifier **classifier, mcl_context *context,
    const mcl_architecture *architecture, const int32_t *labels, uint64_t rows, uint32_t batch);
void mcl_classifier_free(mcl_classifier *classifier);

/* Enqueues the head on the encoder's output [B×E] for the batch's rows, and back: writes the
 * gradient by the encoder's output and by the head's parameters, and what was measured to
 * metrics[slot·MCL_CLASSIFIER_METRICS …]. */
mcl_status mcl_classifier_run(mcl_classifier *classifier, const mcl_network *encoder,
    cl_mem parameters, cl_mem gradients, const mcl_rows *rows, cl_mem metrics, uint64_t slot);

#endif
