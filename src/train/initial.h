/* SPDX-License-Identifier: Apache-2.0 */
/* Pre-training that begins with the parameters of a model. */
#ifndef MASKCL_TRAIN_INITIAL_H
#define MASKCL_TRAIN_INITIAL_H

#include "maskcl/pretrain.h"

/* The metadata that have the digest of the model to begin with. */
#define MCL_INITIAL_DIGEST "model_digest"

/* Copies what options->init, if there is one, and the new model have in common.
 * MCL_ERROR_ARGUMENT where the encoders are not alike. */
mcl_status mcl_initial_copy(mcl_model *model, const mcl_pretrain_options *options);

#endif
