/* SPDX-License-Identifier: Apache-2.0 */
/* Optimizers and schedules of the learning rate. */
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
    MCL_OPTIMIZER_LAMB, /* You et al. 2020; these as by adam without decay */
} mcl_optimizer_kind;

/* A kind of optimizer. */
typedef struct mcl_optimizer_info {
    const char *name;    /* "adamw" */
    const char *summary; /* what it is, in a line or two for people */
    /* Why the learning rate must be set explicitly; NULL: the default will do. */
    const char *rate_advice;
    bool has_momentum, has_betas, has_epsilon; /* the options that it uses */
    double weight_decay, momentum, epsilon;    /* their defaults */
} mcl_optimizer_info;

/* What PyTorch's optimizers of the same names take, in double precision. A value below 0 is the
 * kind's default. */
typedef struct mcl_optimizer_options {
    mcl_optimizer_kind kind;
    double learning_rate;
    double weight_decay; /* default: see mcl_optimizer_describe() */
    double momentum;     /* of kinds with has_momentum; default: likewise */
    double beta1, beta2; /* of kinds with has_betas */
    double epsilon;      /* of kinds with has_epsilon; default: likewise */
} mcl_optimizer_options;

typedef enum mcl_schedule_kind {
    MCL_SCHEDULE_CONSTANT,
    MCL_SCHEDULE_COSINE, /* half a cosine, down to final_rate at the end (SGDR without restarts,
                          * Loshchilov and Hutter 2017) */
    MCL_SCHEDULE_STEP,   /* times gamma every step_epochs epochs */
} mcl_schedule_kind;

/* A kind of schedule. */
typedef struct mcl_schedule_info {
    const char *name;    /* "cosine" */
    const char *summary; /* how the rate changes */
    bool has_final_rate; /* the options that it uses, besides the warm-up */
    bool has_steps;      /* step_epochs and gamma */
} mcl_schedule_info;

/* How the learning rate changes over the steps; the optimizer's is the highest. */
typedef struct mcl_schedule_options {
    mcl_schedule_kind kind;
    /* Epochs, not necessarily whole, in which it rises linearly from 0; below 0: the fraction of
     * the run's epochs, -0.1 being a tenth. */
    double warmup;
    double final_rate;    /* of kinds with has_final_rate */
    uint64_t step_epochs; /* of kinds with has_steps, counted from the first epoch */
    double gamma;         /* of kinds with has_steps */
} mcl_schedule_options;

#define MCL_WEIGHT_DECAY_DEFAULT -1.0
#define MCL_MOMENTUM_DEFAULT -1.0
#define MCL_EPSILON_DEFAULT -1.0

/* A kind; NULL for a number that is none, so that kinds can be counted from 0. Owned by the
 * library. Thread-safe. */
MCL_API const mcl_optimizer_info *mcl_optimizer_describe(mcl_optimizer_kind kind);
MCL_API const mcl_schedule_info *mcl_schedule_describe(mcl_schedule_kind kind);

/* The name of a number that is no kind is "?". */
MCL_API mcl_status mcl_optimizer_parse(mcl_optimizer_kind *kind, const char *text);
MCL_API const char *mcl_optimizer_name(mcl_optimizer_kind kind);

MCL_API mcl_status mcl_schedule_parse(mcl_schedule_kind *kind, const char *text);
MCL_API const char *mcl_schedule_name(mcl_schedule_kind kind);

#ifdef __cplusplus
}
#endif

#endif
