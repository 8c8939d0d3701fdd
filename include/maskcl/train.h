/* SPDX-License-Identifier: Apache-2.0 */
/* What all kinds of training share: length, speed, reports and checkpoints. */
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
     * sphere, 0 when they are all the same (Chen and He 2021, section 4.1); NaN of one row. A quick
     * signal: these rows are masked, and differ by their masks even where they are all the same.
     * Whether the embeddings have collapsed is in the model: mcl_model_collapse(). */
    double spread;
    /* The mean loss on the rows that are held out, by the model after the epoch; NaN unless
     * epoch_end and there are such rows. Views, dropout and batches are the same after every
     * epoch, and batch normalization takes the batches' own statistics. */
    double held_out;
    double accuracy;       /* of fine-tuning's head, on the batch; else NaN */
    double epoch_accuracy; /* its mean over the epoch; NaN unless epoch_end */
    double learning_rate;
    /* Of the normalised embeddings of the first rows of the batch, at most 256, at the ends of
     * epochs: about every 200 steps, of the last planned epoch, and with early_stop of each; else
     * NaN. */
    double alignment;  /* mean squared distance of a row's two views (Wang and Isola 2020) */
    double uniformity; /* log of the mean of exp(-2·distance²) over pairs of positive views (the
                        * same paper): about -4 where they fill the sphere, 0 where all are equal */
    double effective_rank; /* exp of the entropy of the centred positive views' singular values
                            * (Roy and Vetterli 2007); 0 where all are equal */
    /* At the same steps, where there are validation_labels: the accuracy of the model after the
     * step; else NaN. */
    double validation;
    /* Over the last second, or the last step if that took longer, by the times at which the device
     * ended the steps; without the first step, in which drivers compile, unless it is the only
     * one. */
    double rows_per_second;
    double seconds; /* from the start of the first step to the end of this one */
} mcl_step;

/* The rows of a batch: a number, which is refused if the data has fewer rows; at most a number; or
 * all. */
#define MCL_BATCH_UP_TO(rows) ((uint64_t)(rows) | (uint64_t)1 << 63)
#define MCL_BATCH_ALL UINT64_MAX

/* The options of pre-training and fine-tuning alike. */
typedef struct mcl_train_options {
    mcl_optimizer_options optimizer;
    mcl_schedule_options schedule;
    float dropout;    /* of the encoder's hidden layers: the fraction of elements set to 0 */
    double clip_norm; /* above 0: the gradient's norm is limited to this before each step */
    /* The encoder's first so many layers, counted as by mcl_embed_layer(), keep the parameters that
     * they begin with; running statistics of batch normalization among them move on. More than
     * there are is MCL_ERROR_ARGUMENT. */
    uint32_t freeze;
    /* Above 0: the model is the exponential moving average of the weights over the steps, with this
     * decay, or (1 + t)/(10 + t) after t steps where that is less, and the newest running
     * statistics. 0: the model is the weights. */
    double ema;
    uint64_t batch; /* rows, MCL_BATCH_UP_TO(rows) or MCL_BATCH_ALL */
    uint64_t epochs;
    /* Above 0: training ends when the mean loss of an epoch has not fallen below the least one so
     * far for this many epochs; of rows held out, where there are such. The model is that of the
     * last epoch, not that of the least loss: an objective's loss says little about the quality of
     * an embedding. */
    uint64_t early_stop;
    /* The class of every row of the data, to monitor training, which it does not change; may be
     * NULL. Of 2,000 rows, or all if there are fewer, the embeddings of one half predict the
     * classes of the other, by the 20 nearest by cosine as in mcl_probe(). The rows are the same
     * for every seed; in fine-tuning they are drawn from all the data, whichever rows keep their
     * labels. The model is the one that would be saved: with running statistics, without dropout,
     * the average where ema is above 0. Rows whose label is -1 are no candidates and no queries. A
     * single row, or a single class, is MCL_ERROR_DATA. */
    const int32_t *validation_labels;
    uint64_t seed;
    /* Every so many steps, and at the end of each epoch, report is called from within
     * mcl_pretrain() or mcl_finetune(), in order, a few steps late; for the first time when the
     * rate is known, a quarter of a second after the first step or at the end of the second. All
     * steps that were trained are reported when the run is stopped, too. 0 reports only the ends of
     * epochs. */
    uint64_t report_every;
    void (*report)(const mcl_step *step, void *user);
    void *user;
    /* Polled before every step; training ends when it is not 0. May be NULL.
     *
     * The library sets no signal handler, blocks no signal and starts no thread. OpenCL drivers may
     * when devices are listed, a context is opened or a kernel is compiled: after PoCL or Intel's
     * CPU runtime, 15 signals have LLVM's handler, SIGINT and SIGTERM among them, and when one of
     * the others arrives it puts all back to what they were. A program that is to notice signals
     * blocks them before it starts a thread or opens a context, and has a thread of its own wait
     * for them by sigwait(), as the program maskcl does (src/cli/signals.c). */
    const volatile sig_atomic_t *stop;
    /* Above 0: training ends after so many steps of the run as if stop had become nonzero then. */
    uint64_t stop_after;
    /* The file of the run's checkpoints; NULL: there are none. One is written every so many steps,
     * or when so many seconds have passed since the last, 0 being never, and when the run is
     * stopped: to a temporary name, synced and renamed. The previous one is kept under the name
     * given by mcl_checkpoint_previous(). A checkpoint can also be loaded as the model so far. */
    const char *checkpoint;
    uint64_t checkpoint_steps;
    double checkpoint_seconds;
    /* Continues from the checkpoint, if there is one, as if the run had not been interrupted, on
     * any device. A damaged checkpoint is MCL_ERROR_FORMAT; one of a run with other data, labels,
     * options or seed, or with another initial model, is MCL_ERROR_ARGUMENT, and the message names
     * the difference. */
    bool resume;
    /* Called from within mcl_pretrain() or mcl_finetune() when a checkpoint was due after so many
     * steps. problem is NULL, or one line on why the file could not be written: training then goes
     * on, what is at `checkpoint` stays, and the next one is tried within a minute. NULL: such a
     * problem ends training. */
    void (*checkpointed)(uint64_t step, const char *problem, void *user);
} mcl_train_options;

/* What a model is to a run that is asked for. */
typedef enum mcl_relation {
    MCL_RELATION_NONE,    /* of other data, options or bits, or not whole */
    MCL_RELATION_SAME,    /* what the run would come to: it need not be made */
    MCL_RELATION_SHORTER, /* what the same run of fewer epochs came to */
} mcl_relation;

/* The number of rows of a batch, given as in mcl_train_options, of data with so many rows. */
MCL_API uint64_t mcl_batch_rows(uint64_t batch, uint64_t rows);

/* Writes the name under which the checkpoint previous to the one at path is kept:
 * "model.checkpoint.safetensors" gives "model.checkpoint.previous.safetensors"; cut to size. */
MCL_API void mcl_checkpoint_previous(char *previous, size_t size, const char *path);

#ifdef __cplusplus
}
#endif

#endif
