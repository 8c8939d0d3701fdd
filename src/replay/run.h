/* SPDX-License-Identifier: Apache-2.0 */
/* A run read from a model's metadata, as a trainer. */
#ifndef MASKCL_REPLAY_RUN_H
#define MASKCL_REPLAY_RUN_H

#include "maskcl/reproduce.h"
#include "train/trainer.h"

/* MCL_ERROR_ARGUMENT for a run or an input that is not there, or lacks something. */
mcl_status mcl_run_expect(const mcl_run *run, const mcl_run_input *input);

/* The trainer of a run, which must live as long as it. */
mcl_status mcl_run_build(
    mcl_trainer **trainer, mcl_context *context, const mcl_run *run, const mcl_run_input *input);

#endif
