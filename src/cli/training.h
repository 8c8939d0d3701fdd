/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that train have in common: learning rates that must be given, and the model
 * that a training ends with. */
#ifndef MASKCL_CLI_TRAINING_H
#define MASKCL_CLI_TRAINING_H

#include <stdbool.h>

#include "checkpoint.h"
#include "maskcl/model.h"
#include "maskcl/optimizer.h"
#include "maskcl/pretrain.h"
#include "options.h"

/* MCL_EXIT_USAGE where an optimizer is taken whose learning rate must be chosen, and none is. */
mcl_exit mcl_check_rate(mcl_optimizer_kind kind, const mcl_arguments *arguments);

/* Objectives bring their views along where none are asked for; the first one that does counts. */
void mcl_take_objective_views(mcl_pretrain_options *options);

/* Claims the files of a training (mcl_claim_files): count inputs, the model, its checkpoints, whose
 * name goes to checkpoint and, if there are any, to the options, and the metrics, which may be
 * NULL. */
mcl_exit mcl_claim_training(char checkpoint[4096], mcl_train_options *options, const char *output,
    const char *metrics, const char *const *inputs, size_t count);

/* Writes the model; digest gets its digest. */
mcl_exit mcl_save_model(char digest[MCL_DIGEST_SIZE], const mcl_model *model, const char *output);

/* The same after a signal, with the library's last message as where it was, unless there was no
 * step: `steps` is the key of their number in the metadata. Says what was done, and that --resume
 * goes on where it can: log is NULL without checkpoints. MCL_EXIT_INTERRUPTED when all went well,
 * MCL_EXIT_FAILED where the last checkpoint is missing. */
mcl_exit mcl_save_interrupted(char digest[MCL_DIGEST_SIZE], const mcl_model *model,
    const char *steps, const char *output, const mcl_checkpoint_log *log);

#endif
