/* SPDX-License-Identifier: Apache-2.0 */
/* The loss on rows that are not trained on. */
#ifndef MASKCL_TRAIN_HOLDOUT_H
#define MASKCL_TRAIN_HOLDOUT_H

#include "train/trainer.h"

/* *loss = the mean over the batches of held's rows, whose trainer is of the same task and trains
 * nothing, of the loss of the model that trainer would save: with the views of epoch 0, the
 * batches' own statistics and dropout as in that epoch, so that it is the same function of the
 * parameters after every epoch. Waits for it. Nothing of trainer's changes. */
mcl_status mcl_holdout_measure(double *loss, mcl_trainer *held, const mcl_trainer *trainer);

#endif
