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
#include "maskcl/options.h"
#include "maskcl/status.h"
#include "maskcl/train.h"
#include "maskcl/views.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MCL_PRETRAIN_OPTIONS_VERSION 1

/* What the first convolution of an encoder begins with. */
typedef enum mcl_filters {
    MCL_FILTERS_RANDOM,  /* numbers drawn for the seed, as every other layer */
    MCL_FILTERS_PATCHES, /* whitened patches of the data (Coates, Lee and Ng 2011) */
    MCL_FILTERS_KMEANS,  /* what k-means makes of them (Coates and Ng 2012) */
} mcl_filters;

/* How filters are taken from the data. */
typedef struct mcl_filter_options {
    mcl_filters kind;
    float deviation; /* patches that vary by no more than this are not used */
    float whitening; /* added to the eigenvalues of the patches' covariance; above 0 */
    float threshold; /* subtracted from what a filter gives; below 0 added */
    bool two_sided;  /* half of the filters are the negatives of the others */
} mcl_filter_options;

/* To be initialized with mcl_pretrain_options_init(), which sets the recipe "auto": options are
 * those of "default" until mcl_recipe_fit() has seen the data. */
typedef struct mcl_pretrain_options {
    mcl_options base;
    const char *recipe; /* the name of the one applied last, static */
    uint32_t hidden[MCL_HIDDEN_MAX];
    uint32_t hidden_count;
    uint32_t embedding;
    mcl_activation activation;
    mcl_normalization normalization;
    bool activated_embedding;
    bool own_decoder; /* the decoder has the widths below; else it mirrors the encoder */
    uint32_t decoder[MCL_HIDDEN_MAX];
    uint32_t decoder_count;
    mcl_view_options views;
    mcl_objective objectives[MCL_OBJECTIVES_MAX];
    size_t objective_count;
    /* The objectives' own options that are not left to their defaults: see mcl_options_set(). */
    mcl_objective_setting settings[MCL_OBJECTIVE_SETTINGS_MAX];
    size_t setting_count;
    /* Widths of the layers of a projector after the embedding: objectives that compare views work
     * on its output. A count of 0: none. */
    uint32_t projector[MCL_HEAD_MAX];
    uint32_t projector_count;
    /* Widths of the layers of the predictor, for objectives that have one, before its last layer,
     * which is as wide as what it predicts. */
    uint32_t predictor[MCL_HEAD_MAX];
    uint32_t predictor_count;
    mcl_train_options train;
    /* Whose parameters training begins with; NULL: new ones, drawn for the seed. Its encoder must
     * be the one that the options describe: see mcl_pretrain_from(). Other parts are taken over
     * where both have them alike. It must live as long as the training. */
    const mcl_model *init;
    /* Above 0: about this part of the rows, drawn for the seed by their numbers, is not trained on;
     * the loss on them is measured after every epoch, and early_stop goes by it. */
    float holdout;
    bool keep_best; /* the model is that of the epoch with the least loss on those rows */
    char encoder[MCL_ENCODER_SIZE]; /* its layers in words, in full, as setting the option "encoder"
                                       writes them; "": dense ones of the widths above */
    mcl_filter_options filters;     /* of the first convolution, which they are for alone */
} mcl_pretrain_options;

static inline mcl_status mcl_pretrain_options_init(mcl_pretrain_options *options)
{
    return mcl_options_init(&options->base, MCL_OPTIONS_PRETRAIN, MCL_PRETRAIN_OPTIONS_VERSION);
}

/* A named set of options. */
typedef struct mcl_recipe {
    const char *name;
    const char *summary; /* when to use it, one sentence */
} mcl_recipe;

/* The recipes, static; NULL after the last. */
MCL_API const mcl_recipe *mcl_recipe_at(size_t index);

/* Sets the options that recipes define and leaves the others (seed, early_stop, report, user, stop)
 * unchanged, as setting the option "recipe" does. */
MCL_API mcl_status mcl_recipe_apply(mcl_pretrain_options *options, const char *name);

/* Sets `init` to the model and the options of the architecture to what it has: the encoder, and of
 * the decoder, projector and predictor those that the objectives have a use for. */
MCL_API mcl_status mcl_pretrain_from(mcl_pretrain_options *options, const mcl_model *model);

/* *relation by the model's metadata: the digests of the data and of the model to begin with, the
 * product's bits, the numeric contract and all options that decide the bits, and whether the run
 * ended. *epochs = how many the model's run was to have. */
MCL_API mcl_status mcl_pretrain_relate(mcl_relation *relation, uint64_t *epochs,
    const mcl_model *model, mcl_context *context, const mcl_data *data,
    const mcl_pretrain_options *options);

#define MCL_RECIPE_LINE_SIZE 256

/* What the recipe "auto" stands for, which without this is no more than "default": applies the
 * recipe that suits the data by what they are (images, a table, sequences, vectors), their width
 * and how many rows there are, with as many epochs and as large a batch as these need; "default"
 * for synthetic rows. line gets what was chosen and why, and may be NULL. */
MCL_API mcl_status mcl_recipe_fit(
    char line[MCL_RECIPE_LINE_SIZE], mcl_pretrain_options *options, const mcl_data *data);

/* Trains a new model on data. MCL_INTERRUPTED when options->train.stop ended it: *model then has
 * the parameters after the last complete step. A loss that is not finite is MCL_ERROR_DATA. The
 * caller frees *model. */
MCL_API mcl_status mcl_pretrain(mcl_model **model, mcl_context *context, const mcl_data *data,
    const mcl_pretrain_options *options);

/* Whether the embeddings of a trained model tell rows apart. */
typedef enum mcl_collapse_verdict {
    MCL_COLLAPSE_UNKNOWN, /* it was not measured: a single row, a model of an earlier version */
    MCL_COLLAPSE_NONE,
    MCL_COLLAPSE_OF_ROWS,       /* they do not, but nor are the rows themselves apart */
    MCL_COLLAPSE_OF_EMBEDDINGS, /* they do not: every row gets nearly the same embedding */
} mcl_collapse_verdict;

typedef enum mcl_collapse_subject {
    MCL_COLLAPSE_INPUTS,
    MCL_COLLAPSE_UNTRAINED, /* the encoder that the seed gives, before any step */
    MCL_COLLAPSE_TRAINED,
} mcl_collapse_subject;

#define MCL_COLLAPSE_SUBJECTS 3

#define MCL_COLLAPSE_SPREAD 0.05

/* Measured at the end of pre-training on up to 256 rows, unmasked and as mcl_embed() embeds them:
 * with running statistics, without dropout. Both are of vectors of length 1: the spread of a batch
 * (mcl_step), and the effective rank, which says nothing of how far they are apart. Embeddings
 * have collapsed where their spread is below MCL_COLLAPSE_SPREAD or 0.22 of the untrained
 * encoder's, and so have rows where theirs, too, is below MCL_COLLAPSE_SPREAD. */
typedef struct mcl_collapse {
    mcl_collapse_verdict verdict;
    double spread[MCL_COLLAPSE_SUBJECTS], effective_rank[MCL_COLLAPSE_SUBJECTS];
} mcl_collapse;

/* What the metadata of a model say of it: collapse, collapse_spread, collapse_spread_untrained,
 * collapse_spread_inputs, and collapse_rank in the same way. */
MCL_API mcl_status mcl_model_collapse(mcl_collapse *collapse, const mcl_model *model);

#ifdef __cplusplus
}
#endif

#endif
