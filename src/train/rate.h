/* SPDX-License-Identifier: Apache-2.0 */
/* How many rows a second a run trains, from when its steps ended as the host saw it.
 *
 * The host sees an end late by what the scheduler takes, and several at once when it was busy
 * itself; the time between two ends says little where steps are short. So the rate is taken over
 * the last second, or over the last step where that is longer, and the first step, in which drivers
 * still compile, is left out as soon as the others took time enough to tell. */
#ifndef MASKCL_TRAIN_RATE_H
#define MASKCL_TRAIN_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MCL_RATE_WINDOW 1.0   /* seconds */
#define MCL_RATE_SETTLED 0.25 /* seconds, which delays of the host do not distort much */
#define MCL_RATE_LEAST 0.01   /* seconds, of which such delays may be all */
#define MCL_RATE_SAMPLES 32

typedef struct mcl_rate {
    struct mcl_rate_sample {
        double time; /* seconds */
        uint64_t rows;
    } samples[MCL_RATE_SAMPLES], start, now;
    uint64_t steps; /* that have ended */
    uint64_t count; /* of samples ever taken; number i is at i mod MCL_RATE_SAMPLES */
} mcl_rate;

/* Begins a run at this time. */
void mcl_rate_start(mcl_rate *rate, double time);

/* A step has ended, and with it so many rows since the start. */
void mcl_rate_step(mcl_rate *rate, double time, uint64_t rows);

/* Whether the rate is taken over time enough to be trusted. */
bool mcl_rate_settled(const mcl_rate *rate);

/* Rows a second at the last step's end; at least one step has ended. */
double mcl_rate_value(const mcl_rate *rate);

#endif
