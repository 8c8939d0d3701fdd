/* SPDX-License-Identifier: Apache-2.0 */
/* What a trainer needs of its checkpoint: what a run has come to, from the device to the file and
 * back. */
#ifndef MASKCL_TRAIN_RESUME_H
#define MASKCL_TRAIN_RESUME_H

#include "train/trainer.h"

/* Before the first step of a run with checkpoints: what they depend on, and where
 * options->resume asks for it and there is one, trainer->first and all that is carried to it. */
mcl_status mcl_trainer_resume(mcl_trainer *trainer);

/* Writes a checkpoint, when no step is under way. */
mcl_status mcl_trainer_save(mcl_trainer *trainer);

/* Waits for the steps under way; digest = that of the model so far and of all else that a
 * checkpoint has but the metrics: XXH3 of the bytes. Trainings that have come as far with one
 * digest have the same bits, and go on to the same. */
mcl_status mcl_trainer_digest(char digest[MCL_DIGEST_SIZE], const mcl_trainer *trainer);

/* Whether one is to be written after the steps that have been enqueued. */
bool mcl_trainer_save_due(const mcl_trainer *trainer);

#endif
