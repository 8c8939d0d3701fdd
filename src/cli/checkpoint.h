/* SPDX-License-Identifier: Apache-2.0 */
/* The checkpoints of a training: their name, and what is said and done about them. */
#ifndef MASKCL_CLI_CHECKPOINT_H
#define MASKCL_CLI_CHECKPOINT_H

#include "maskcl/train.h"
#include "message.h"
#include "progress.h"

/* Decides by the options where checkpoints go, and sets options->checkpoint to path or leaves it
 * NULL. */
mcl_exit mcl_checkpoint_name(char path[4096], mcl_train_options *options, const char *output);

/* *resumed = the step that the run goes on from, 0 for a new one. Refuses to begin anew where a
 * checkpoint would be lost. Where there is no checkpoint but a file at output, which may be NULL,
 * that is yet to be said: the file may be what the run would come to. */
mcl_exit mcl_checkpoint_prepare(
    uint64_t *resumed, const mcl_train_options *options, const char *output, bool quiet);

/* Says that a run with --resume begins. */
void mcl_checkpoint_say_none(const mcl_train_options *options, bool quiet);

/* How the checkpoints of a run went. */
typedef struct mcl_checkpoint_log {
    uint64_t written, failed;
    bool failing;     /* the last one could not be written */
    char reason[512]; /* why the last that failed did */
} mcl_checkpoint_log;

/* Notes a checkpoint at path, as mcl_train_options.checkpointed is told. The first of several that
 * fail is warned of. */
void mcl_checkpoint_note(mcl_checkpoint_log *log, mcl_progress *progress, const char *path,
    uint64_t step, const char *problem);

/* The code of a training that ended with `code`: a failure, which is said, where checkpoints were
 * due and none could be written. */
mcl_exit mcl_checkpoint_judge(mcl_exit code, const mcl_checkpoint_log *log);

/* Removes the checkpoints of a run that is whole. */
void mcl_checkpoint_remove(const char *path);

#endif
