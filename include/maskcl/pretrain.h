/* SPDX-License-Identifier: Apache-2.0 */
/* Self-supervised pre-training. */
#ifndef MASKCL_PRETRAIN_H
#define MASKCL_PRETRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maskcl/data.h"
#include "maskcl/device.h"
#include "maskcl/model.h"
#include "maskcl/objectives.h"
#include "maskcl/status.h"
#include "maskcl/train.h"
#include "maskcl/views.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mcl_pretrain_options {
    uint32_t hidden[MCL_HIDDEN_MAX];
    uint32_t hidden_count;
    uint32_t embedding;
    mcl_activation activation;
    mcl_normalization normalization;
    bool activated_embedding;
    bool own_decoder; /* else the decoder is the encoder's mirror image */
    uint32_t decoder[MCL_HIDDEN_MAX];
    uint32_t decoder_count;
    mcl_view_options views;
    mcl_objective objectives[MCL_OBJECTIVES_MAX];
    size_t objective_count;
    float temperature; /* 0: 0.2 for nt-xent, 1 for scarf, 0.07 for moco */
    /* byol and moco: of the moving average of the weights that their target networks have; 0: 0.996
     * for byol, 0.999 for moco */
    double target_decay;
    uint32_t queue;     /* moco: keys of the steps before, at least twice the batch */
    uint32_t negatives; /* cosine: other rows that a row's first view is compared with; 0: none */
    float margin;       /* cosine: up to which cosine such a pair costs nothing */
    mcl_reconstruct_elements reconstruct;
    mcl_reconstruction_loss reconstruction_loss;
    /* Widths of the layers of a projector behind the embedding, on whose output the objectives are
     * that compare views, and that the embedding does without; a count of 0: none. */
    uint32_t projector[MCL_HEAD_MAX];
    uint32_t projector_count;
    /* Widths of the layers of simsiam's or byol's predictor before its last, which is as wide as
     * what it predicts. */
    uint32_t predictor[MCL_HEAD_MAX];
    uint32_t predictor_count;
    mcl_train_options train;
} mcl_pretrain_options;

/* The defaults: the recipe "default" of mcl_recipe(). */
MCL_API void mcl_pretrain_defaults(mcl_pretrain_options *options);

/* A named set of options. */
typedef struct mcl_recipe {
    const char *name;
    const char *summary; /* when to use it, one sentence */
} mcl_recipe;

/* The recipes there are: *count entries, static. */
MCL_API const mcl_recipe *mcl_recipes(size_t *count);

/* Sets what the recipe fixes and leaves the rest (seed, report, user, stop) alone. A recipe's
 * warm-up is a part of its epochs: a caller that changes these changes schedule.warmup by the same
 * factor. */
MCL_API mcl_status mcl_recipe_apply(mcl_pretrain_options *options, const char *name);

/* Trains a new model on data. MCL_INTERRUPTED when options->stop ended it: *model then holds the
 * parameters after the last whole step. A loss that is not finite is MCL_ERROR_DATA. The caller
 * frees *model. */
MCL_API mcl_status mcl_pretrain(mcl_model **model, mcl_context *context, const mcl_data *data,
    const mcl_pretrain_options *options);

#ifdef __cplusplus
}
#endif

#endif
