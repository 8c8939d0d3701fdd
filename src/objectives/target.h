/* SPDX-License-Identifier: Apache-2.0 */
/* A target network: encoder and projector once more, with the moving average of their parameters in
 * place of these. */
#ifndef MASKCL_OBJECTIVES_TARGET_H
#define MASKCL_OBJECTIVES_TARGET_H

#include "objectives/objective.h"

typedef struct mcl_target mcl_target;

/* The objective's own option for how slowly the average moves, under its name in models and
 * checkpoints. */
#define MCL_TARGET_DECAY(name, value)                                                              \
    {                                                                                              \
        .key = "target_decay", .stored = (name), .values = "DECAY",                                \
        .help = "of the moving average of the weights, a step, that the target network has",       \
        .type = &mcl_value_inside_unit, .otherwise = (value)                                       \
    }

/* A target that begins as the parameters of the setup are now. */
mcl_status mcl_target_create(mcl_target **target, const mcl_objective_setup *setup, double decay);
void mcl_target_free(mcl_target *target);

/* Enqueues the average's update by the step's parameters, then what the networks make of the step's
 * views: mcl_target_output() [R×P]. Batch normalization goes by the batch, nothing is dropped. */
mcl_status mcl_target_run(mcl_target *target, const mcl_loss_input *input);
cl_mem mcl_target_output(const mcl_target *target);

/* What a checkpoint must hold of it, under this name. */
mcl_objective_state mcl_target_state(const mcl_target *target, const char *name);

#endif
