/* SPDX-License-Identifier: Apache-2.0 */
/* The options of maskcl pretrain. */
#ifndef MASKCL_CLI_PRETRAIN_OPTIONS_H
#define MASKCL_CLI_PRETRAIN_OPTIONS_H

#include "device_options.h"
#include "maskcl/pretrain.h"
#include "options.h"
#include <stdbool.h>

typedef struct mcl_pretrain_settings {
    mcl_pretrain_options options;
    const char *recipe;
    const char *views; /* the text of --views; NULL: not given */
    struct {
        uint64_t rows, columns; /* zeros: not wanted */
    } synthetic;
    const char *validate; /* the file of the labels; NULL: none */
    const char *output;
    const char *metrics; /* NULL: none */
    uint64_t metrics_every;
    bool profile;
    mcl_device_settings device;
} mcl_pretrain_settings;

#define MCL_PRETRAIN_OPTIONS 52

extern const mcl_option mcl_pretrain_option_table[MCL_PRETRAIN_OPTIONS];

extern const mcl_option_type mcl_option_hidden;    /* the hidden widths of a mcl_pretrain_options */
extern const mcl_option_type mcl_option_optimizer; /* mcl_optimizer_kind */
extern const mcl_option_type mcl_option_schedule;  /* mcl_schedule_kind */
extern const mcl_option_type mcl_option_weight_decay; /* double, below 0 the optimizer's own */
extern const mcl_option_type mcl_option_momentum;     /* the same */
extern const mcl_option_type mcl_option_batch;        /* uint64_t, with MCL_BATCH_UP_TO and _ALL */

/* Why a momentum makes no sense with this optimizer, NULL when it does. */
const char *mcl_momentum_conflict(mcl_optimizer_kind kind);

/* MCL_EXIT_USAGE where an optimizer is taken whose learning rate nobody can guess, and none given.
 */
mcl_exit mcl_check_rate(mcl_optimizer_kind kind, const mcl_arguments *arguments);

/* Options of settings that have options.train.optimizer and options.train.schedule. */
#define MCL_RATE_OPTIONS(settings, of_recipe, momentum_conflict)                                   \
    {.name = "lr",                                                                                 \
        .recipe = (of_recipe),                                                                     \
        .argument = "RATE",                                                                        \
        .group = "Optimizer",                                                                      \
        .help = "learning rate",                                                                   \
        .type = &mcl_option_double,                                                                \
        .offset = offsetof(settings, options.train.optimizer.learning_rate),                             \
        .range = &mcl_range_positive},                                                             \
        {.name = "weight-decay",                                                                   \
            .recipe = (of_recipe),                                                                 \
            .argument = "DECAY",                                                                   \
            .group = "Optimizer",                                                                  \
            .help = "weight decay",                                                                \
            .type = &mcl_option_weight_decay,                                                      \
            .offset = offsetof(settings, options.train.optimizer.weight_decay),                          \
            .range = &mcl_range_not_negative},                                                     \
    {                                                                                              \
        .name = "momentum", .recipe = (of_recipe), .argument = "M", .group = "Optimizer",          \
        .help = "momentum of sgd and lars", .type = &mcl_option_momentum,                          \
        .offset = offsetof(settings, options.train.optimizer.momentum), .range = &mcl_range_below_one,   \
        .conflict = (momentum_conflict)                                                            \
    }
#define MCL_WARMUP_OPTION(settings, of_recipe)                                                     \
    {                                                                                              \
        .name = "warmup", .recipe = (of_recipe), .argument = "EPOCHS", .group = "Optimizer",       \
        .help = "epochs, whole or not, in which the learning rate first rises from 0 to --lr, by " \
                "the same amount a step",                                                          \
        .type = &mcl_option_double, .offset = offsetof(settings, options.train.schedule.warmup),         \
        .range = &mcl_range_not_negative                                                           \
    }

/* Sets the mcl_pretrain_settings at given, zeros so far, to the defaults. */
void mcl_pretrain_set_defaults(void *given);

/* Writes the objectives as --objective takes them. */
void mcl_show_objectives(char *text, size_t size, const mcl_pretrain_options *options);

#endif
