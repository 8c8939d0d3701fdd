/* SPDX-License-Identifier: Apache-2.0 */
/* Optimizers and learning rates. */
#ifndef MASKCL_OPTIMIZER_H
#define MASKCL_OPTIMIZER_H

#include <stdbool.h>
#include <stdint.h>

#include "maskcl/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mcl_optimizer_kind {
    MCL_OPTIMIZER_ADAM,
    MCL_OPTIMIZER_ADAMW,
    MCL_OPTIMIZER_SGD,
    MCL_OPTIMIZER_LARS, /* You et al. 2017; biases and normalizations' parameters as by sgd */
    MCL_OPTIMIZER_LAMB, /* You et al. 2020; the same as by adam without decay */
} mcl_optimizer_kind;

/* What is known of an optimizer of a kind. */
typedef struct mcl_optimizer_info {
    const char *name;    /* "adamw" */
    const char *summary; /* what it is, in a line or two for a person to read */
    /* Why a learning rate must be chosen for it, whatever others take; NULL: nothing speaks for
     * that. */
    const char *rate_advice;
    bool has_momentum, has_betas, has_epsilon; /* the options that it looks at */
    double weight_decay, momentum, epsilon;    /* what they are by default */
} mcl_optimizer_info;

/* What PyTorch's optimizers of the same names take, in double precision. A value below 0 is the
 * kind's default. */
typedef struct mcl_optimizer_options {
    mcl_optimizer_kind kind;
    double learning_rate;
    double weight_decay; /* default: mcl_optimizer_describe() has it */
    double momentum;     /* of kinds with has_momentum; default: there too */
    double beta1, beta2; /* of kinds with has_betas */
    double epsilon;      /* of kinds with has_epsilon; default: there too */
} mcl_optimizer_options;

typedef enum mcl_schedule_kind {
    MCL_SCHEDULE_CONSTANT,
    MCL_SCHEDULE_COSINE, /* half a cosine, down to final_rate at the end (SGDR without restarts,
                          * Loshchilov and Hutter 2017) */
    MCL_SCHEDULE_STEP,   /* times gamma every step_epochs epochs */
} mcl_schedule_kind;

/* What is known of a schedule of a kind. */
typedef struct mcl_schedule_info {
    const char *name;    /* "cosine" */
    const char *summary; /* what it does with the rate */
    bool has_final_rate; /* the options that it looks at, beside the warm-up */
    bool has_steps;      /* step_epochs and gamma */
} mcl_schedule_info;

/* How the learning rate goes with the steps; the optimizer's is the highest. */
typedef struct mcl_schedule_options {
    mcl_schedule_kind kind;
    /* Epochs, whole or not, in which it rises from 0, by the same amount a step; below 0: so much
     * of the run's, -0.1 being a tenth. */
    double warmup;
    double final_rate;    /* of kinds with has_final_rate */
    uint64_t step_epochs; /* of kinds with has_steps, counted from the first epoch */
    double gamma;         /* of kinds with has_steps */
} mcl_schedule_options;

#define MCL_WEIGHT_DECAY_DEFAULT -1.0
#define MCL_MOMENTUM_DEFAULT -1.0
#define MCL_EPSILON_DEFAULT -1.0

/* What is known of a kind; NULL for a number that is none, so that kinds can be counted from 0. It
 * belongs to the library. Thread-safe. */
MCL_API const mcl_optimizer_info *mcl_optimizer_describe(mcl_optimizer_kind kind);
MCL_API const mcl_schedule_info *mcl_schedule_describe(mcl_schedule_kind kind);

MCL_API mcl_status mcl_optimizer_parse(mcl_optimizer_kind *kind, const char *text);
MCL_API const char *mcl_optimizer_name(mcl_optimizer_kind kind);

MCL_API mcl_status mcl_schedule_parse(mcl_schedule_kind *kind, const char *text);
MCL_API const char *mcl_schedule_name(mcl_schedule_kind kind);

#ifdef __cplusplus
}
#endif

#endif
