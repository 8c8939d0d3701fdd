/* SPDX-License-Identifier: Apache-2.0 */
/* Loops over the table of options. */
#ifndef MASKCL_TRAIN_OPTIONS_H
#define MASKCL_TRAIN_OPTIONS_H

#include "maskcl/finetune.h"
#include "maskcl/pretrain.h"
#include "model/model.h"
#include "train/fields.h"

#define MCL_OPTION_SIZE 400 /* bytes of a value's text at most */

/* Sets options to the rows' defaults: all, or those that recipes set. */
mcl_status mcl_options_reset(mcl_options *options, bool of_recipe_only);

/* What the options come to on data of so many rows: members that leave a choice open have what is
 * chosen, "at most 256" is a number of rows, a warm-up of a part of the run one of epochs. */
void mcl_train_resolve(mcl_train_options *options, uint64_t rows);

/* An option that decides the bits, as it goes to models and checkpoints. */
typedef struct mcl_stored_option {
    const char *key;    /* "learning_rate" */
    const char *stored; /* its key in models and checkpoints */
    const char *former; /* its key in the checkpoints of 0.1, see mcl_row; NULL: the same */
    unsigned flags;     /* MCL_ROW_BITS, MCL_ROW_STORED */
    bool is_set;        /* the value is not the text that leaves the choice open or does without */
    char value[MCL_OPTION_SIZE];
} mcl_stored_option;

/* Calls take for each option of these, which are resolved, that makes sense together with the
 * others; the first failure ends it. */
mcl_status mcl_options_each(const mcl_options *options,
    mcl_status (*take)(void *to, const mcl_stored_option *option), void *to);

/* Whether two texts say the same of an option: "nt-xent:1" and "nt-xent", "0.200000003" and "0.2"
 * where that is the same float. */
bool mcl_option_agrees(mcl_options_kind kind, const char *key, const char *a, const char *b);

/* text = what an option comes to where nothing sets it and the others are as in these options. */
mcl_status mcl_option_default(
    char text[MCL_OPTION_SIZE], const mcl_options *options, const char *key);

/* Writes the options to a model's metadata. */
mcl_status mcl_options_describe(mcl_model *model, const mcl_options *options);

#endif
