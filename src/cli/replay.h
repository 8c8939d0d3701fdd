/* SPDX-License-Identifier: Apache-2.0 */
/* A model's own run, with the files that it takes, for the commands that train it once more. */
#ifndef MASKCL_CLI_REPLAY_H
#define MASKCL_CLI_REPLAY_H

#include "files.h"
#include "maskcl/reproduce.h"
#include "options.h"

/* The files that a run is of; NULL: not given. */
typedef struct mcl_replay_files {
    const char *data;
    const char *labels;
    const char *model;
    mcl_data_options reading; /* of the data */
} mcl_replay_files;

/* The entries of an option table for a mcl_replay_files that is a member of settings. */
#define MCL_REPLAY_OPTIONS(settings, member)                                                       \
    {.name = "data",                                                                               \
        .argument = "FILE",                                                                        \
        .group = "Data",                                                                           \
        .help = "the rows that the model was trained on",                                          \
        .type = &mcl_option_text,                                                                  \
        .offset = offsetof(settings, member.data),                                                 \
        .without = "synthetic rows, which are made anew"},                                         \
        {.name = "labels",                                                                         \
            .argument = "FILE",                                                                    \
            .group = "Data",                                                                       \
            .help = "of a fine-tuned model: the labels that it was trained with",                  \
            .type = &mcl_option_text,                                                              \
            .offset = offsetof(settings, member.labels),                                           \
            .without = "none"},                                                                    \
    {                                                                                              \
        .name = "model", .argument = "FILE", .group = "Data",                                      \
        .help =                                                                                    \
            "of a fine-tuned model, or one begun with --init: the model that it was made from",    \
        .type = &mcl_option_text, .offset = offsetof(settings, member.model), .without = "none"    \
    }

/* A model with its run. */
typedef struct mcl_replay {
    mcl_model *model;
    mcl_run run;
    mcl_labelled set;
    mcl_model *begin; /* what was fine-tuned; NULL: nothing */
    char data[4096];  /* what the rows were read from */
    mcl_run_input input;
} mcl_replay;

/* Reads the model at path, its run and the files that this takes, and refuses others than those it
 * was trained on. What was read is freed by mcl_replay_free() in any case. */
mcl_exit mcl_replay_load(mcl_replay *replay, const char *path, const mcl_replay_files *files);
void mcl_replay_free(mcl_replay *replay);

/* The run's training options. */
mcl_train_options *mcl_replay_options(mcl_replay *replay);

/* Warns, unless quiet, of what the model does not tell of its run. */
void mcl_replay_warn(const mcl_replay *replay, const char *path, bool quiet);

#endif
