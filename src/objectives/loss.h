/* SPDX-License-Identifier: Apache-2.0 */
/* The loss of a run: the weighted sum of its objectives, forward and backward on the device. */
#ifndef MASKCL_OBJECTIVES_LOSS_H
#define MASKCL_OBJECTIVES_LOSS_H

#include "device/context.h"
#include "maskcl/pretrain.h"
#include "model/networks.h"
#include "views/views.h"

/* Buffers and kernels of a run's objectives for one size of batch. */
typedef struct mcl_loss mcl_loss;

/* What the objectives work on in a step. */
typedef struct mcl_loss_input {
    const mcl_network *encoder;   /* after forward: its output [2B×E], first views, then second */
    cl_mem parameters, gradients; /* of the whole model */
    const mcl_view_buffers *views;
    bool paired;    /* the views have a target each, else one a row */
    uint32_t epoch; /* from 0 */
    uint64_t first; /* where in the epoch's order the batch begins */
    uint64_t step;  /* of the run, from 0 */
    cl_mem metrics; /* where the mean losses go, */
    uint64_t at;    /* from this number on, in the order of the options */
} mcl_loss_input;

/* For batches of B rows, whose inputs are columns by groups, with embeddings of
 * architecture->embedding columns. Target networks begin as the parameters are now. */
mcl_status mcl_loss_create(mcl_loss **loss, mcl_context *context,
    const mcl_pretrain_options *options, const mcl_architecture *architecture,
    const mcl_groups *groups, uint32_t batch, cl_mem parameters);
void mcl_loss_free(mcl_loss *loss);

/* How many of a run's first steps have a loss that is not like that of later ones. */
uint64_t mcl_loss_settling(const mcl_loss *loss);

/* Numbers that an objective keeps from step to step, for a checkpoint. */
typedef struct mcl_objective_state {
    const char *name; /* MCL_CHECKPOINT_PREFIX "byol_target" */
    cl_mem buffer;
    uint64_t count;
} mcl_objective_state;

#define MCL_OBJECTIVE_STATES_MAX 4 /* of all objectives together */

/* Fills in the states of all objectives, and returns how many there are. */
size_t mcl_loss_states(mcl_objective_state states[MCL_OBJECTIVE_STATES_MAX], const mcl_loss *loss);

/* Enqueues the projector, where there is one, and all objectives: writes the gradient of their
 * weighted sum to the encoder's output gradient, those of the parameters of projector and decoder
 * to gradients, and each objective's mean loss to metrics[at …]. */
mcl_status mcl_loss_run(mcl_loss *loss, const mcl_loss_input *input);

#endif
