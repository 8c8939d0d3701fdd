/* SPDX-License-Identifier: Apache-2.0 */
/* The learning rate of every step: a function of the options and the step alone. */
#ifndef MASKCL_OPTIM_SCHEDULE_H
#define MASKCL_OPTIM_SCHEDULE_H

#include "maskcl/optimizer.h"

/* MCL_ERROR_ARGUMENT for options that make no sense in a run of so many epochs. */
mcl_status mcl_schedule_check(const mcl_schedule_options *options, uint64_t epochs);

/* The rate of a step, from 0, where `rate` is the highest one: in + − × ÷ of doubles only, so that
 * it is the same on every host. */
double mcl_schedule_rate(const mcl_schedule_options *options, double rate, uint64_t epochs,
    uint64_t steps_per_epoch, uint64_t step);

#endif
