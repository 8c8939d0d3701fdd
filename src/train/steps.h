/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a training as the device ends them: how far the host runs ahead, what each step
 * measured, and the reports. */
#ifndef MASKCL_TRAIN_STEPS_H
#define MASKCL_TRAIN_STEPS_H

#include "device/context.h"
#include "maskcl/train.h"

typedef struct mcl_steps mcl_steps;

/* What there is to know of a training before its first step. */
typedef struct mcl_steps_options {
    const mcl_train_options *train; /* epochs, and what of the reports; it must live as long */
    uint32_t batch;                 /* rows a step */
    uint64_t per_epoch;
    size_t metrics; /* floats that a step measures */
    /* Fills in what the metrics[metrics] of step->step say: its loss, which must be finite for
     * training to go on, and whatever else the report is to tell; what it leaves alone is NaN. */
    void (*measure)(mcl_step *step, const float *metrics, const void *trainer);
    const void *trainer;
} mcl_steps_options;

mcl_status mcl_steps_create(
    mcl_steps **steps, mcl_context *context, const mcl_steps_options *options);

/* Waits for what is under way. NULL is allowed. */
void mcl_steps_free(mcl_steps *steps);

/* Where the device writes what the steps of an epoch measure, [per_epoch × metrics]: step i of the
 * run to row i mod per_epoch. */
cl_mem mcl_steps_metrics(const mcl_steps *steps);

/* Goes on after the first `done` steps of the run, as if they had been made. Before the begin. */
void mcl_steps_skip(mcl_steps *steps, uint64_t done);

/* The run begins now. */
void mcl_steps_begin(mcl_steps *steps);

/* Whether the step that is enqueued next is to be reported. */
bool mcl_steps_reports(const mcl_steps *steps);

/* Remembers the step whose last command has just been enqueued. When it is to be reported, its
 * metrics are read as it ends, and with an epoch's last step those of the whole epoch. Waits for
 * the oldest step when too many are under way; MCL_ERROR_DATA when a loss is no longer finite. */
mcl_status mcl_steps_add(mcl_steps *steps);

/* Waits for all that has been enqueued, step by step, so that each is seen to end when it does. */
mcl_status mcl_steps_finish(mcl_steps *steps);

/* Delivers the reports that wait for the rate to settle, with the rate as it is now. */
void mcl_steps_deliver(mcl_steps *steps);

/* The mean loss of the epoch that ended last, of those made here. */
double mcl_steps_epoch_loss(const mcl_steps *steps);

/* How many steps of the run have been enqueued, and how many have ended. */
uint64_t mcl_steps_enqueued(const mcl_steps *steps);
uint64_t mcl_steps_ended(const mcl_steps *steps);

#endif
