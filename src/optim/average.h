/* SPDX-License-Identifier: Apache-2.0 */
/* An exponential moving average of a flat vector: of a run's weights, or of the encoder that a
 * momentum encoder follows. */
#ifndef MASKCL_OPTIM_AVERAGE_H
#define MASKCL_OPTIM_AVERAGE_H

#include "device/context.h"

typedef struct mcl_average mcl_average;

/* An average that begins as the first count numbers of source are now. Those from the averaged-th
 * on are not averaged but always the newest. */
mcl_status mcl_average_create(
    mcl_average **average, mcl_context *context, cl_mem source, uint64_t count, uint64_t averaged);
void mcl_average_free(mcl_average *average);

/* Enqueues average = decay·average + (1 − decay)·values, decay from 0 to 1. */
mcl_status mcl_average_update(mcl_average *average, cl_mem values, double decay);

/* What decay is after so many updates before this one: min(decay, (1 + updates)/(10 + updates)), so
 * that what an average begins as does not count for long (as TensorFlow's ExponentialMovingAverage
 * with num_updates). */
double mcl_average_decay(double decay, uint64_t updates);

/* Where the average's numbers are; the average keeps the buffer. */
cl_mem mcl_average_buffer(const mcl_average *average);

#endif
