/* SPDX-License-Identifier: Apache-2.0 */
/* Optimizers and learning rates. */
#ifndef MASKCL_OPTIMIZER_H
#define MASKCL_OPTIMIZER_H

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
    double warmup;     /* epochs, whole or not, in which it rises from 0, by the same amount a step;
                        * below 0: so much of the run's, -0.1 being a tenth */
    double final_rate; /* cosine */
    uint64_t step_epochs; /* step, counted from the first epoch */
    double gamma;         /* step */
} mcl_schedule_options;

#define MCL_WEIGHT_DECAY_DEFAULT -1.0
#define MCL_MOMENTUM_DEFAULT -1.0
#define MCL_EPSILON_DEFAULT -1.0

MCL_API mcl_status mcl_optimizer_parse(mcl_optimizer_kind *kind, const char *text);
MCL_API const char *mcl_optimizer_name(mcl_optimizer_kind kind);

MCL_API mcl_status mcl_schedule_parse(mcl_schedule_kind *kind, const char *text);
MCL_API const char *mcl_schedule_name(mcl_schedule_kind kind);

#ifdef __cplusplus
}
#endif

#endif
