/* SPDX-License-Identifier: Apache-2.0 */
/* Self-supervised pre-training. */
#ifndef MASKCL_PRETRAIN_H
#define MASKCL_PRETRAIN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maskcl/data.h"
#include "maskcl/device.h"
#include "maskcl/model.h"
#include "maskcl/status.h"
#include "maskcl/views.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mcl_objective_kind {
    MCL_OBJECTIVE_COSINE,  /* 1 − cos of a row's two views; collapses, see the README */
    MCL_OBJECTIVE_NT_XENT, /* SimCLR's (Chen et al. 2020): a row's views against all others */
    MCL_OBJECTIVE_RECONSTRUCTION, /* mean squared error of the decoder's output on both views */
    MCL_OBJECTIVE_VICREG,  /* Bardes et al. 2022: near views, columns that vary and do not correlate
                            */
    MCL_OBJECTIVE_BARLOW,  /* Zbontar et al. 2021: views' columns correlate with themselves alone */
    MCL_OBJECTIVE_SCARF,   /* Bahri et al. 2022: a row's views against the first views of others */
    MCL_OBJECTIVE_SIMSIAM, /* Chen and He 2021: the predictor's output near the other view */
    MCL_OBJECTIVE_BYOL,    /* Grill et al. 2020: it near the other view by an averaged network */
    MCL_OBJECTIVE_VIME,    /* Yoon et al. 2020: which elements a view altered, and the row itself */
    MCL_OBJECTIVE_MOCO,    /* He et al. 2020: the other view by an averaged network, in a queue */
    MCL_OBJECTIVE_KINDS
} mcl_objective_kind;

typedef struct mcl_objective {
    mcl_objective_kind kind;
    float weight; /* above 0 */
} mcl_objective;

#define MCL_OBJECTIVES_MAX MCL_OBJECTIVE_KINDS

/* Which elements the objective reconstruction is on, in each view. */
typedef enum mcl_reconstruct_elements {
    MCL_RECONSTRUCT_ALL,
    MCL_RECONSTRUCT_HIDDEN, /* those that the mask hides, in part or as a whole, or else changes */
} mcl_reconstruct_elements;

typedef enum mcl_reconstruction_loss {
    MCL_RECONSTRUCTION_MSE,
    MCL_RECONSTRUCTION_BCE, /* binary cross-entropy: the decoder's output is a logit */
} mcl_reconstruction_loss;

typedef enum mcl_optimizer_kind {
    MCL_OPTIMIZER_ADAM,
    MCL_OPTIMIZER_ADAMW,
    MCL_OPTIMIZER_SGD,
    MCL_OPTIMIZER_LARS, /* You et al. 2017; biases and normalizations' parameters as by sgd */
    MCL_OPTIMIZER_LAMB, /* You et al. 2020; the same as by adam without decay */
} mcl_optimizer_kind;

/* What PyTorch's optimizers of the same names take, in double precision. A value below 0 is the
 * kind's default. */
typedef struct mcl_optimizer_options {
    mcl_optimizer_kind kind;
    double learning_rate;
    double weight_decay; /* default: 0.01 for adamw and lamb, 1e-6 for lars, 0 for the others */
    double momentum;     /* sgd and lars; default: 0.9 for lars, 0 for sgd */
    double beta1;        /* adam, adamw and lamb */
    double beta2;
    double epsilon; /* all but sgd; default: 1e-6 for lamb, 1e-8 for the others */
} mcl_optimizer_options;

typedef enum mcl_schedule_kind {
    MCL_SCHEDULE_CONSTANT,
    MCL_SCHEDULE_COSINE, /* half a cosine, down to final_rate at the end (SGDR without restarts,
                          * Loshchilov and Hutter 2017) */
    MCL_SCHEDULE_STEP,   /* times gamma every step_epochs epochs */
} mcl_schedule_kind;

/* How the learning rate goes with the steps; the optimizer's is the highest. */
typedef struct mcl_schedule_options {
    mcl_schedule_kind kind;
    double warmup; /* epochs, whole or not, in which it rises from 0, by the same amount a step */
    double final_rate;    /* cosine */
    uint64_t step_epochs; /* step, counted from the first epoch */
    double gamma;         /* step */
} mcl_schedule_options;

/* What one reported step measured. */
typedef struct mcl_step {
    uint64_t step;  /* from 1, over the whole run */
    uint64_t steps; /* of the whole run */
    uint64_t epoch; /* from 1 */
    uint64_t epochs;
    bool epoch_end;                            /* the last step of its epoch */
    double loss;                               /* the weighted sum of the objectives */
    double epoch_loss;                         /* its mean over the epoch; NaN unless epoch_end */
    double objective_loss[MCL_OBJECTIVES_MAX]; /* unweighted, in the order of the options */
    /* Spread of the L2-normalised embeddings of the positive views over the batch: √E times the
     * mean over the E columns of their standard deviation. About 1 when the embeddings fill the
     * sphere, 0 when they are all the same (Chen and He 2021, section 4.1); NaN of one row. */
    double spread;
    bool collapsed;        /* spread is below MCL_COLLAPSE_SPREAD */
    double accuracy;       /* part of the batch that fine-tuning's head told right; else NaN */
    double epoch_accuracy; /* its mean over the epoch; NaN unless epoch_end */
    double learning_rate;
    /* Of the normalised embeddings of the first rows of the batch, 256 at most, at ends of epochs:
     * about every 200 steps, of the last planned epoch, and with early_stop of each; else NaN. */
    double alignment;  /* mean square of the distance of a row's two views (Wang and Isola 2020) */
    double uniformity; /* log of the mean of exp(-2·distance²) over pairs of positive views, the
                        * same paper's: -4 or so where they fill the sphere, 0 where all are one */
    double effective_rank; /* exp of the entropy of the centred positive views' singular values
                            * (Roy and Vetterli 2007); 0 where all are one */
    /* At the same steps, where there are validation_labels: the part of some rows that the model
     * after the step tells right; else NaN. */
    double validation;
    /* Over the last second, or the last step where that is longer, by when the device ended the
     * steps; without the first step, in which drivers compile, unless there is no other. */
    double rows_per_second;
    double seconds; /* from the begin of the first step to the end of this one */
} mcl_step;

#define MCL_COLLAPSE_SPREAD 0.05

/* The rows of a batch: a number, which is refused where there are fewer, so many or all when there
 * are fewer, or all. */
#define MCL_BATCH_UP_TO(rows) ((uint64_t)(rows) | (uint64_t)1 << 63)
#define MCL_BATCH_ALL UINT64_MAX
#define MCL_WEIGHT_DECAY_DEFAULT -1.0
#define MCL_MOMENTUM_DEFAULT -1.0
#define MCL_EPSILON_DEFAULT -1.0

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
    float dropout; /* of the encoder's hidden layers: the part of elements set to 0; 0: none */
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
    mcl_optimizer_options optimizer;
    mcl_schedule_options schedule;
    double clip_norm; /* above 0: the gradient's norm is made at most this before each step */
    /* Above 0: the model is the exponential moving average of the weights over the steps, with this
     * decay, or (1 + t)/(10 + t) after t steps where that is less, and has the newest running
     * statistics; 0: it is the weights. */
    double ema;
    uint64_t batch; /* rows, MCL_BATCH_UP_TO(rows) or MCL_BATCH_ALL */
    uint64_t epochs;
    /* Above 0: training ends when the mean loss of an epoch has not been below the least one so far
     * for so many epochs. The model is the one after the last epoch, not the one of the least loss:
     * an objective's loss says little of what an embedding is worth. */
    uint64_t early_stop;
    /* The class of every row of the data, by which training is watched and not changed; NULL: it is
     * not. Of 2,000 rows, or all when there are fewer, the embeddings of one half tell the classes
     * of the other, by the 20 nearest by cosine as in mcl_probe(). The rows are the same for every
     * seed. The model is the one that would be saved: with running statistics, without dropout, the
     * average where ema is above 0. A single row, or a single class, is MCL_ERROR_DATA. */
    const int32_t *validation_labels;
    uint64_t seed;
    /* Every so many steps, and at the end of each epoch, report is called from within
     * mcl_pretrain(), in order, a few steps late; the first time when the rate can be told, a
     * quarter of a second after the first step or at the end of the second. The steps that were
     * trained are reported when the run is stopped, too. 0 reports ends of epochs only. */
    uint64_t report_every;
    void (*report)(const mcl_step *step, void *user);
    void *user;
    /* Polled before every step; when it is not 0, training ends there. May be NULL.
     *
     * The library sets no signal handler, blocks no signal and starts no thread. OpenCL drivers do
     * as they like when devices are listed, a context is opened or a kernel is compiled: with PoCL
     * as with Intel's CPU runtime, 15 signals have LLVM's handler afterwards, SIGINT and SIGTERM
     * among them. A program that catches signals sets its handlers after mcl_context_open(), as the
     * program maskcl does. */
    const volatile sig_atomic_t *stop;
    /* Where the run's checkpoints go; NULL: nowhere. One is written every so many steps, or when so
     * many seconds have passed since the last, 0 being never, and when the run is stopped: to a
     * temporary name, synced and renamed. What was there before is kept under the name that
     * mcl_checkpoint_previous() tells. A checkpoint can be read as the model so far, too. */
    const char *checkpoint;
    uint64_t checkpoint_steps;
    double checkpoint_seconds;
    /* Goes on from the checkpoint, if there is one, as if the run had not been interrupted, on
     * whatever device. One that is damaged is MCL_ERROR_FORMAT, one of a run with other data,
     * options or seed MCL_ERROR_ARGUMENT; the message names what differs. */
    bool resume;
} mcl_pretrain_options;

/* The rows of a batch, as in the options of a training, where there are so many in all. */
MCL_API uint64_t mcl_batch_rows(uint64_t batch, uint64_t rows);

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

/* Parses objectives joined by '+', each "name" or "name:weight": "nt-xent:1+reconstruction:10". */
MCL_API mcl_status mcl_objectives_parse(
    mcl_objective objectives[MCL_OBJECTIVES_MAX], size_t *count, const char *text);
MCL_API const char *mcl_objective_name(mcl_objective_kind kind);

/* Sets views to the paper's of an objective that is for certain ones: of scarf, the first view with
 * 0.6 of its elements from other rows, the second one whole; of vime, both with 0.3. False for
 * other objectives, and views stay as they are. Nothing else looks at them for the objective: the
 * program does where neither views nor masks are asked for. */
MCL_API bool mcl_objective_views(mcl_view_options *views, mcl_objective_kind kind);

/* "all" or "hidden", and "mse" or "bce". */
MCL_API mcl_status mcl_reconstruct_parse(mcl_reconstruct_elements *elements, const char *text);
MCL_API const char *mcl_reconstruct_name(mcl_reconstruct_elements elements);
MCL_API mcl_status mcl_reconstruction_loss_parse(mcl_reconstruction_loss *loss, const char *text);
MCL_API const char *mcl_reconstruction_loss_name(mcl_reconstruction_loss loss);

MCL_API mcl_status mcl_optimizer_parse(mcl_optimizer_kind *kind, const char *text);
MCL_API const char *mcl_optimizer_name(mcl_optimizer_kind kind);

MCL_API mcl_status mcl_schedule_parse(mcl_schedule_kind *kind, const char *text);
MCL_API const char *mcl_schedule_name(mcl_schedule_kind kind);

/* Trains a new model on data. MCL_INTERRUPTED when options->stop ended it: *model then holds the
 * parameters after the last whole step. A loss that is not finite is MCL_ERROR_DATA. The caller
 * frees *model. */
MCL_API mcl_status mcl_pretrain(mcl_model **model, mcl_context *context, const mcl_data *data,
    const mcl_pretrain_options *options);

/* Writes the name under which the checkpoint before the one at path is kept:
 * "model.checkpoint.safetensors" gives "model.checkpoint.previous.safetensors". */
MCL_API void mcl_checkpoint_previous(char *previous, size_t size, const char *path);

#ifdef __cplusplus
}
#endif

#endif
