/* SPDX-License-Identifier: Apache-2.0 */
/* What all trainings share: how long, how fast, what is reported, and checkpoints. */
#ifndef MASKCL_TRAIN_H
#define MASKCL_TRAIN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maskcl/objectives.h"
#include "maskcl/optimizer.h"
#include "maskcl/status.h"

#ifdef __cplusplus
extern "C" {
#endif

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
    double accuracy;       /* of fine-tuning's head, on the batch; else NaN */
    double epoch_accuracy; /* its mean over the epoch; NaN unless epoch_end */
    double learning_rate;
    /* Of the normalised embeddings of the first rows of the batch, 256 at most, at ends of epochs:
     * about every 200 steps, of the last planned epoch, and with early_stop of each; else NaN. */
    double alignment;  /* mean square of the distance of a row's two views (Wang and Isola 2020) */
    double uniformity; /* log of the mean of exp(-2·distance²) over pairs of positive views, the
                        * same paper's: -4 or so where they fill the sphere, 0 where all are one */
    double effective_rank; /* exp of the entropy of the centred positive views' singular values
                            * (Roy and Vetterli 2007); 0 where all are one */
    /* At the same steps, where there are validation_labels: the accuracy of the model after the
     * step; else NaN. */
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

/* What pre-training and fine-tuning have in common. */
typedef struct mcl_train_options {
    mcl_optimizer_options optimizer;
    mcl_schedule_options schedule;
    float dropout;    /* of the encoder's hidden layers: the part of elements set to 0; 0: none */
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
     * seed; in fine-tuning they are of all the data, whichever of them keep their labels. The model
     * is the one that would be saved: with running statistics, without dropout, the average where
     * ema is above 0. A single row, or a single class, is MCL_ERROR_DATA. */
    const int32_t *validation_labels;
    uint64_t seed;
    /* Every so many steps, and at the end of each epoch, report is called from within
     * mcl_pretrain() or mcl_finetune(), in order, a few steps late; the first time when the rate
     * can be told, a quarter of a second after the first step or at the end of the second. The
     * steps that were trained are reported when the run is stopped, too. 0 reports ends of epochs
     * only. */
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
     * labels, options or seed, or that began from another model, MCL_ERROR_ARGUMENT; the message
     * names what differs. */
    bool resume;
} mcl_train_options;

/* The rows of a batch, as in the options of a training, where there are so many in all. */
MCL_API uint64_t mcl_batch_rows(uint64_t batch, uint64_t rows);

/* Writes the name under which the checkpoint before the one at path is kept:
 * "model.checkpoint.safetensors" gives "model.checkpoint.previous.safetensors". */
MCL_API void mcl_checkpoint_previous(char *previous, size_t size, const char *path);

#ifdef __cplusplus
}
#endif

#endif
