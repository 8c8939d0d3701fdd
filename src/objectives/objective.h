/* SPDX-License-Identifier: Apache-2.0 */
/* What an objective is to src/objectives/loss.c, and what objectives have in common. Shapes: B rows
 * a batch, R = 2B views (positive, then negative), E columns of the embedding, P of the projection,
 * D of the data. */
#ifndef MASKCL_OBJECTIVES_OBJECTIVE_H
#define MASKCL_OBJECTIVES_OBJECTIVE_H

#include "base/values.h"
#include "compute/sums.h"
#include "data/groups.h"
#include "device/context.h"
#include "maskcl/pretrain.h"
#include "model/architecture.h"
#include "objectives/loss.h"

/* What an objective is made for. */
typedef struct mcl_objective_setup {
    mcl_context *context;
    const mcl_pretrain_options *options;
    const mcl_architecture *architecture;
    uint32_t batch;           /* B */
    uint32_t projection;      /* P */
    cl_mem parameters;        /* of the whole model */
    const mcl_groups *groups; /* the columns of the data */
    const double *values;     /* of the objective's own options */
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

/* An option of an objective's own. Several objectives may have one of the same key, which is then
 * set for all of them at once, each with its own default. */
typedef struct mcl_objective_option {
    const char *key;    /* "temperature" */
    const char *stored; /* its key in models and checkpoints; NULL: the same */
    const char *values; /* what the help calls a value: "T" */
    const char *help;   /* as after "of nt-xent: " */
    const mcl_value_type *type;
    double otherwise;  /* the default */
    const char *needs; /* the key of another one that must be above 0; NULL: none */
} mcl_objective_option;

#define MCL_OBJECTIVE_OPTIONS_MAX 8 /* of an objective */

/* What an objective needs of a run. One that decodes (mcl_objective_info) is on the embeddings, the
 * others are on the projections. */
typedef enum mcl_objective_needs {
    MCL_NEEDS_PREDICTOR = 2,  /* it trains the predictor */
    MCL_NEEDS_MASK_HEAD = 4,  /* the model has a mask head */
    MCL_NEEDS_TWO_VIEWS = 8,  /* it compares a row's views, which must differ */
    MCL_NEEDS_OTHER_ROWS = 16 /* it means nothing in a batch of one row */
} mcl_objective_needs;

/* What an objective may refuse. */
typedef struct mcl_objective_check {
    const mcl_pretrain_options *options;
    const mcl_data *data;
    uint32_t batch;
    const double *values; /* of its own options */
} mcl_objective_check;

/* All there is to an objective. No other file names one. */
typedef struct mcl_objective_type {
    mcl_objective_info info;
    unsigned needs; /* mcl_objective_needs */
    const mcl_objective_option *options;
    size_t option_count;
    /* Whether it wants to know which elements of the views are altered; NULL: no. */
    bool (*wants_altered)(const double *values);
    /* MCL_ERROR_ARGUMENT for options that make no sense with it; NULL: all do. */
    mcl_status (*check)(const mcl_objective_check *check);
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

#define MCL_OBJECTIVE_TYPE(NAME, file) extern const mcl_objective_type mcl_objective_##file;
MCL_OBJECTIVE_LIST(MCL_OBJECTIVE_TYPE)
#undef MCL_OBJECTIVE_TYPE

/* NULL when there is no such objective. */
const mcl_objective_type *mcl_objective_type_of(mcl_objective_kind kind);

/* The values of its own options: those set, else the defaults. */
void mcl_objective_values(double values[MCL_OBJECTIVE_OPTIONS_MAX], const mcl_objective_type *type,
    const mcl_pretrain_options *options);

/* Whether one of the options' objectives trains the decoder. */
bool mcl_objectives_decode(const mcl_pretrain_options *options);

/* Whether one of the options' objectives needs it. */
bool mcl_objectives_need(const mcl_pretrain_options *options, mcl_objective_needs needs);

/* Whether one of them wants to know which elements of the views are altered. */
bool mcl_objectives_want_altered(const mcl_pretrain_options *options);

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
