/* SPDX-License-Identifier: Apache-2.0 */
/* Where a run stands, kept in a file to go on from bit for bit.
 *
 * It is a model file that holds, beside the model so far: the optimizer's moments, the weights
 * where the model is their average, what objectives carry along, and the metrics of the epoch's
 * steps so far, as tensors whose names begin with "checkpoint."; and, as metadata of such names,
 * the position, the conditions that the rest of the run depends on, and a digest of it all. */
#ifndef MASKCL_TRAIN_CHECKPOINT_H
#define MASKCL_TRAIN_CHECKPOINT_H

#include "maskcl/pretrain.h"
#include "model/model.h"
#include "train/options.h"

#define MCL_CONDITIONS_MAX 96

/* What must be the same in the run that goes on, each in words. */
typedef struct mcl_conditions {
    struct {
        char key[32];       /* "checkpoint.seed" */
        char value[512];    /* "42" */
        const char *option; /* the key of the option, or what it is, for a message: "the data" */
        char unsaid[MCL_OPTION_SIZE]; /* what it is in a checkpoint that does not tell; "": unknown
                                       */
        const char *former;    /* an option's key in checkpoints of 0.1, see mcl_stored_option */
        mcl_options_kind kind; /* of the options that it is one of; 0: it is none */
    } of[MCL_CONDITIONS_MAX];
    size_t count;
} mcl_conditions;

/* The task of checkpoints that name none: 0.1 wrote them of pre-training alone. */
#define MCL_TASK_PRETRAINING "pre-training"

/* Adds one whose value is what a printf format makes of the arguments; the key without the prefix.
 */
#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
void mcl_conditions_add(
    mcl_conditions *conditions, const char *key, const char *option, const char *format, ...);

/* Begins with the task. Of what differs, the first is named. */
void mcl_conditions_begin(mcl_conditions *conditions, const char *task);

/* Options, resolved, that decide the bits: all that are not there yet, or the one called `only`. */
mcl_status mcl_conditions_add_options(
    mcl_conditions *conditions, const mcl_options *options, const char *only);

/* Data by their digests. */
void mcl_conditions_add_data(mcl_conditions *conditions, const mcl_data *data);
void mcl_conditions_add_labels(mcl_conditions *conditions, const int32_t *labels, uint64_t rows);

/* The sizes and kinds of a model's layers, where the options of the task do not say them. */
void mcl_conditions_add_layers(mcl_conditions *conditions, const mcl_model *model);

/* The provider of matrix products. */
void mcl_conditions_add_product(mcl_conditions *conditions, mcl_gemm_kind product);

#define MCL_STATES_MAX 16

/* Numbers that a run carries from step to step beside the model. */
typedef struct mcl_state {
    const char *name; /* of the tensor in the file: MCL_CHECKPOINT_PREFIX "moment1" */
    float *values;    /* [count] */
    uint64_t count;
} mcl_state;

/* What a checkpoint holds beside the model. */
typedef struct mcl_position {
    uint64_t step; /* how many have been made */
    mcl_state states[MCL_STATES_MAX];
    size_t state_count;
    float *metrics;        /* [metric_count] of the steps of this epoch */
    uint64_t metric_count; /* at most what there is room for; set by reading */
} mcl_position;

/* Writes a checkpoint to path, whole or not at all. What was at path is then called as
 * mcl_checkpoint_previous() says. */
mcl_status mcl_checkpoint_write(const char *path, const mcl_model *model,
    const mcl_conditions *conditions, const mcl_position *position);

/* Reads one into model, which has the run's architecture, and position, whose arrays have room for
 * what the run needs. MCL_ERROR_FILE when there is none, MCL_ERROR_FORMAT for a damaged one, and
 * MCL_ERROR_ARGUMENT, naming it, when a condition differs. */
mcl_status mcl_checkpoint_read(
    mcl_model *model, mcl_position *position, const char *path, const mcl_conditions *conditions);

#endif
