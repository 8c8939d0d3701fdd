/* SPDX-License-Identifier: Apache-2.0 */
/* What an objective is to src/objectives/loss.c, and what objectives have in common. Shapes: B rows
 * a batch, R = 2B views (positive, then negative), E columns of the embedding, P of the projection,
 * D of the data. */
#ifndef MASKCL_OBJECTIVES_OBJECTIVE_H
#define MASKCL_OBJECTIVES_OBJECTIVE_H

#include "compute/sums.h"
#include "device/context.h"
#include "maskcl/pretrain.h"
#include "model/architecture.h"
#include "objectives/loss.h"

/* What an objective is made for. */
typedef struct mcl_objective_setup {
    mcl_context *context;
    const mcl_pretrain_options *options;
    const mcl_architecture *architecture;
    uint32_t batch;      /* B */
    uint32_t projection; /* P */
    cl_mem parameters;   /* of the whole model */
} mcl_objective_setup;

/* A gradient that several objectives have parts in: the first writes it, the others add theirs. */
typedef struct mcl_gradient {
    cl_mem buffer;
    bool written;
} mcl_gradient;

/* What an objective works on in a step. Without a projector, projections are the embeddings and
 * both gradients are one. */
typedef struct mcl_objective_step {
    const mcl_loss_input *input;
    cl_mem projections; /* [R×P] */
    mcl_gradient *by_projections;
    cl_mem embeddings; /* [R×E] */
    mcl_gradient *by_embeddings;
    float weight;
    uint64_t at; /* the mean loss goes to input->metrics[at] */
} mcl_objective_step;

typedef struct mcl_objective_type {
    bool has_decoder; /* it trains the decoder, on the embeddings; the others are on projections */
    bool has_mask_head; /* it trains the mask head, and so needs to know what the views alter */
    /* *state has its buffers and kernels; of one half made, free releases what there is. */
    mcl_status (*create)(void **state, const mcl_objective_setup *setup);
    void (*free)(void *state);
    /* Enqueues forward and backward: adds weight times its gradient to the gradient of what it is
     * on, writes those of parameters of its own, and its mean loss. */
    mcl_status (*run)(void *state, const mcl_objective_step *step);
    /* Fills in its states from step to step, MCL_OBJECTIVE_STATES_MAX at most, and returns how
     * many; NULL: it has none. */
    size_t (*states)(mcl_objective_state *states, const void *state);
    /* How many of a run's first steps have a loss that is not like that of later ones; NULL: none.
     */
    uint64_t (*settling)(const void *state);
} mcl_objective_type;

extern const mcl_objective_type mcl_objective_cosine;
extern const mcl_objective_type mcl_objective_ntxent;
extern const mcl_objective_type mcl_objective_reconstruction;
extern const mcl_objective_type mcl_objective_vicreg;
extern const mcl_objective_type mcl_objective_barlow;
extern const mcl_objective_type mcl_objective_scarf;
extern const mcl_objective_type mcl_objective_simsiam;
extern const mcl_objective_type mcl_objective_byol;
extern const mcl_objective_type mcl_objective_vime;
extern const mcl_objective_type mcl_objective_moco;

/* Whether to add to the gradient; whoever asks writes it. */
bool mcl_gradient_accumulates(mcl_gradient *gradient);

/* Enqueues the backward pass of a part of the model on x, of rows rows, whose output has its
 * gradient already. */
mcl_status mcl_gradient_through(
    mcl_gradient *by_x, mcl_network *part, const mcl_loss_input *input, cl_mem x, uint32_t rows);

/* Numbers, one a view or pair, whose sum is a loss. */
typedef struct mcl_terms {
    mcl_sums sums;
    cl_mem values;
    cl_mem workspace; /* of their sum */
} mcl_terms;

mcl_status mcl_terms_create(mcl_terms *terms, mcl_context *context, uint64_t count);
void mcl_terms_release(mcl_terms *terms);

/* input->metrics[at] = (Σ of the first n terms) / divisor */
mcl_status mcl_terms_total(
    const mcl_terms *terms, uint32_t n, float divisor, const mcl_objective_step *step);

#endif
