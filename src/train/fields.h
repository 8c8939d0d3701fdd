/* SPDX-License-Identifier: Apache-2.0 */
/* The members of a struct of options as text. */
#ifndef MASKCL_TRAIN_FIELDS_H
#define MASKCL_TRAIN_FIELDS_H

#include "base/values.h"
#include "maskcl/data.h"
#include "maskcl/finetune.h"
#include "maskcl/options.h"
#include "maskcl/pretrain.h"

typedef struct mcl_row mcl_row;

/* How a member is read and written. `field` points to it, or where that is said to the struct. */
typedef struct mcl_field_type {
    mcl_status (*parse)(void *field, const char *text, const mcl_row *row);
    void (*show)(char *text, size_t size, const void *field, const mcl_row *row);
} mcl_field_type;

extern const mcl_field_type mcl_field_uint32;
extern const mcl_field_type mcl_field_uint64;
extern const mcl_field_type mcl_field_float;
extern const mcl_field_type mcl_field_double;
extern const mcl_field_type mcl_field_bool; /* two names */
extern const mcl_field_type mcl_field_activation;
extern const mcl_field_type mcl_field_normalization;
extern const mcl_field_type mcl_field_mask;
extern const mcl_field_type mcl_field_patch; /* mcl_mask */
extern const mcl_field_type mcl_field_filters;
extern const mcl_field_type mcl_field_optimizer;
extern const mcl_field_type mcl_field_schedule;
extern const mcl_field_type mcl_field_views;   /* mcl_view_options */
extern const mcl_field_type mcl_field_batch;   /* uint64_t: "256", "at most 256", "all" */
extern const mcl_field_type mcl_field_warmup;  /* double: "2.5" epochs, or "10%" of the run */
extern const mcl_field_type mcl_field_encoder; /* layers in words, or a name */
extern const mcl_field_type mcl_field_hidden;  /* mcl_pretrain_options, as are these: */
extern const mcl_field_type mcl_field_decoder; /* widths, or "mirror" */
extern const mcl_field_type mcl_field_projector;
extern const mcl_field_type mcl_field_predictor;
extern const mcl_field_type mcl_field_objectives;
extern const mcl_field_type mcl_field_recipe;
extern const mcl_field_type mcl_field_checkpoint_every; /* mcl_train_options: "500", "60s" */

/* What a row says of an option beside its value. */
enum {
    MCL_ROW_RECIPE = 1, /* recipes set it */
    MCL_ROW_BITS = 2,   /* it decides the bits: a condition of resuming */
    MCL_ROW_STORED = 4, /* it goes to the model's metadata */
    MCL_ROW_WHOLE = 8,  /* it says what other rows say, too: of what differs, those are named */
};

/* All that there is to an option. */
struct mcl_row {
    const char *key;
    const char *stored; /* its key in models and checkpoints; NULL: the same */
    const char *former; /* its key in the checkpoints of 0.1 where that is another; after a '#' the
                         * place, from 0, in a list joined by commas */
    const char *group, *values, *help;
    const mcl_field_type *type;
    const mcl_value_type *value; /* of numbers and names */
    size_t offset;               /* of the member */
    unsigned flags;
    const char *otherwise; /* the default's text */
    const char *unset;  /* the text of a member that leaves the choice open or does without … */
    double unset_value; /* … and its number */
    const char *unset_help; /* what that comes to, in words; NULL: unset says it */
    /* Why it makes no sense together with the others; NULL when it does. */
    const char *(*conflict)(const void *options);
};

#endif
