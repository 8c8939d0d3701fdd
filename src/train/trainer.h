/* SPDX-License-Identifier: Apache-2.0 */
/* The trainer: what every training does, whatever it is for.
 *
 * The trainer has the encoder, its parameters and their gradients, the optimizer, and all of
 * mcl_train_options: clipping, the average of the weights, early stop, validation, reports,
 * checkpoints. A task says what goes into the encoder, what its output is trained for, and what a
 * step measures. Shapes: B rows a batch, V views of each, D columns of the data, E of the
 * embedding. */
#ifndef MASKCL_TRAIN_TRAINER_H
#define MASKCL_TRAIN_TRAINER_H

#include "data/feed.h"
#include "maskcl/finetune.h"
#include "maskcl/pretrain.h"
#include "model/model.h"
#include "model/networks.h"
#include "objectives/loss.h"
#include "optim/average.h"
#include "optim/clip.h"
#include "optim/frozen.h"
#include "optim/optimizer.h"
#include "train/checkpoint.h"
#include "train/steps.h"
#include "train/validation.h"

typedef struct mcl_trainer mcl_trainer;

/* The batch of one step. */
typedef struct mcl_batch {
    mcl_rows rows;
    uint32_t epoch; /* from 0 */
    uint64_t first; /* where in the epoch's order the batch begins */
    uint64_t step;  /* of the run, from 0 */
    uint64_t slot; /* the step's place in its epoch: it measures metrics[slot·type->metrics …] */
    bool reported; /* what it measures will be read */
    bool measured; /* mcl_trainer_measures(): what costs more than that, too */
} mcl_batch;

/* What is trained for. Functions that enqueue have state as their own and read the trainer. */
typedef struct mcl_task_type {
    const char *name;      /* in the conditions of a checkpoint */
    const char *prefix;    /* of the metadata that say how far the trainer came */
    uint32_t views;        /* V */
    size_t metrics;        /* floats that a step measures */
    bool loss_reads_order; /* the loss reads the numbers of the batch's rows, not the input alone */
    /* Makes what the loss and the input take, beside what the trainer has: the encoder and the
     * parameters. Sets trainer->trained, and trainer->settling where it is not 0. What is half made
     * is freed by free. */
    mcl_status (*create)(void *state, mcl_trainer *trainer);
    /* Frees the state; called once, whether or not create was. */
    void (*free)(void *state);
    /* Enqueues input[V·B×D] = what the encoder sees of the batch. */
    mcl_status (*input)(void *state, const mcl_trainer *trainer, const mcl_batch *batch);
    /* Enqueues the loss of the encoder's output [V·B×E], and back: writes the gradient by it, and
     * by the parameters that are not the encoder's, and the step's metrics. */
    mcl_status (*loss)(void *state, const mcl_trainer *trainer, const mcl_batch *batch);
    /* Fills in what the metrics[metrics] of step->step say, in which what is not measured is NaN.
     */
    void (*measure)(mcl_step *step, const float *metrics, const mcl_trainer *trainer);
    /* Fills in what it keeps from step to step, MCL_OBJECTIVE_STATES_MAX at most, and returns how
     * many; NULL: nothing. */
    size_t (*states)(mcl_objective_state *states, const void *state);
    /* Sets metadata that neither the data nor the options tell; NULL: there are none. */
    mcl_status (*describe)(mcl_model *model, const mcl_trainer *trainer);
    /* Measures, before the first step, what the trained model will be compared with, and that model
     * after the last one, whose metadata it sets. What fails is warned of. NULL: nothing. */
    mcl_status (*begin)(void *state, const mcl_trainer *trainer);
    mcl_status (*judge)(mcl_model *model, const mcl_trainer *trainer);
    /* Adds what the run depends on beside the data and the options; NULL: nothing. */
    mcl_status (*add_conditions)(mcl_conditions *conditions, const mcl_trainer *trainer);
} mcl_task_type;

/* A training to be. Pointers but for those that the trainer frees must live as long as it. */
typedef struct mcl_task {
    const mcl_task_type *type;
    void *state;                      /* the trainer frees it */
    const mcl_options *all_options;   /* of its kind, resolved: mcl_train_resolve() */
    const mcl_train_options *options; /* the part of them that every training has */
    const mcl_data *data;             /* the rows that are trained on */
    const mcl_data *source;   /* those among which they were chosen: data, where all are; what
                               * options->validation_labels and a checkpoint are of */
    mcl_model *model;         /* to begin from; the trainer frees it */
    uint32_t batch;           /* B */
    struct mcl_trainer *held; /* of rows to measure the loss on, mcl_holdout_measure(), which the
                               * trainer frees; NULL: there are none */
    bool keep_best;           /* the model is to be that of the least loss on them */
} mcl_task;

struct mcl_trainer {
    mcl_context *context;
    mcl_task task;
    const mcl_architecture *architecture;
    uint64_t steps_per_epoch;
    uint64_t trained;  /* so many of the first parameters are */
    uint64_t settling; /* steps from the first on whose loss is not like that of later ones */
    mcl_network *encoder;
    cl_mem input; /* [V·B×D] */
    cl_mem parameters, gradients;
    mcl_optimizer *optimizer;
    mcl_average *average; /* of the weights, or NULL */
    mcl_clip *clip;       /* of the gradients, or NULL */
    mcl_frozen *frozen;   /* parameters that stay, or NULL */
    mcl_feed *feed;
    mcl_validation *validation; /* NULL without a report, or labels */
    mcl_steps *steps;
    mcl_facts facts;        /* of the rows that are trained on */
    uint64_t memory_before; /* the context's sum before the first buffer */
    double held_out;        /* the loss on held rows after the last epoch */
    cl_mem best_model;      /* of the least one; NULL without task.keep_best */
    float best[2];          /* that loss, and its epoch from 1; 0: none yet */
    float patience[2];      /* the least loss of an epoch, and for how many none has been below */
    char data_digest[MCL_DIGEST_SIZE]; /* of task.source */
    uint64_t first;                    /* step of the run: 0, or where a checkpoint was made */
    mcl_conditions conditions;         /* of a run with checkpoints */
    bool advises;                      /* the context's advice is the trainer's */
    uint64_t checkpoint_step;
    double checkpoint_time;
    bool checkpoint_failed; /* the last one could not be written */
};

/* Makes everything that training takes, so that no step allocates. Whatever comes of it, the
 * task's state and model are the trainer's, or freed. */
mcl_status mcl_trainer_create(mcl_trainer **trainer, mcl_context *context, const mcl_task *task);

/* Waits for what is under way. NULL is allowed. */
void mcl_trainer_free(mcl_trainer *trainer);

/* Trains, from the checkpoint on where there is one to resume; to be called once. *model is the
 * caller's. MCL_INTERRUPTED when options->stop ended it: *model then has the parameters after the
 * last whole step. */
mcl_status mcl_trainer_run(mcl_model **model, mcl_trainer *trainer);

/* The parts of that for whoever trains step by step: before the first one, and step number `number`
 * of the run, from 0 and in order, which is enqueued with what comes with it. */
mcl_status mcl_trainer_begin(mcl_trainer *trainer);
mcl_status mcl_trainer_step(mcl_trainer *trainer, uint64_t number);

/* Whether a step, from 1, has the measures that cost more than others: where any epoch may be the
 * last, the end of each. */
bool mcl_trainer_measures(const mcl_trainer *trainer, uint64_t step);

/* Where the model is on the device: its weights, or their average. */
cl_mem mcl_trainer_model(const mcl_trainer *trainer);

/* Sets the metadata that a reader of the model file needs to know. */
mcl_status mcl_trainer_describe(mcl_model *model, const mcl_trainer *trainer);

/* The trainer of mcl_pretrain(), which does not look at the checkpoint before mcl_trainer_run().
 * The data must live as long as it. */
mcl_status mcl_pretrain_build(mcl_trainer **trainer, mcl_context *context, const mcl_data *data,
    const mcl_pretrain_options *options);

/* The trainer of mcl_finetune(), in the same way. */
mcl_status mcl_finetune_build(mcl_trainer **trainer, mcl_context *context, const mcl_model *model,
    const mcl_data *data, const int32_t *labels, const mcl_finetune_options *options);

#endif
