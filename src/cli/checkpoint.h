/* SPDX-License-Identifier: Apache-2.0 */
/* The checkpoints of maskcl pretrain: their name, and what is said and done about them. */
#ifndef MASKCL_CLI_CHECKPOINT_H
#define MASKCL_CLI_CHECKPOINT_H

#include "options.h"
#include "pretrain_options.h"

extern const mcl_option_type mcl_option_checkpoint_every; /* of a mcl_pretrain_options */

/* Decides by the settings where checkpoints go, and sets options->checkpoint to path or leaves it
 * NULL. *resumed = the step that the run goes on from, 0 for a new one. Refuses to begin anew where
 * a checkpoint would be lost. */
mcl_exit mcl_checkpoint_prepare(
    char path[4096], uint64_t *resumed, mcl_pretrain_settings *settings);

/* Removes the checkpoints of a run that is whole. */
void mcl_checkpoint_remove(const char *path);

#endif
