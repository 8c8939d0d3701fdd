/* SPDX-License-Identifier: Apache-2.0 */
/* The checkpoints of a training: their name, and what is said and done about them. */
#ifndef MASKCL_CLI_CHECKPOINT_H
#define MASKCL_CLI_CHECKPOINT_H

#include "maskcl/train.h"
#include "message.h"

/* Decides by the options where checkpoints go, and sets options->checkpoint to path or leaves it
 * NULL. *resumed = the step that the run goes on from, 0 for a new one. Refuses to begin anew where
 * a checkpoint would be lost. */
mcl_exit mcl_checkpoint_prepare(
    char path[4096], uint64_t *resumed, mcl_train_options *options, const char *output, bool quiet);

/* Removes the checkpoints of a run that is whole. */
void mcl_checkpoint_remove(const char *path);

#endif
