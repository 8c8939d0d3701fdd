/* SPDX-License-Identifier: Apache-2.0 */
#include "train/rate.h"

#define SPACING (MCL_RATE_WINDOW / 16) /* between samples: the ring holds more than a window */

static void keep(mcl_rate *rate)
{
    rate->samples[rate->count++ % MCL_RATE_SAMPLES] = rate->now;
}

void mcl_rate_start(mcl_rate *rate, double time)
{
    *rate = (mcl_rate){.start = {time, 0}, .now = {time, 0}};
}

void mcl_rate_step(mcl_rate *rate, double time, uint64_t rows)
{
    rate->now = (struct mcl_rate_sample){time, rows};
    rate->steps++;
    if (rate->count == 0 ||
        time - rate->samples[(rate->count - 1) % MCL_RATE_SAMPLES].time >= SPACING)
        keep(rate);
}

/* The newest sample that is a window old, or the oldest that there is. */
static struct mcl_rate_sample base(const mcl_rate *rate)
{
    const uint64_t oldest = rate->count < MCL_RATE_SAMPLES ? 0 : rate->count - MCL_RATE_SAMPLES;
    uint64_t i = rate->count - 1;
    while (
        i > oldest && rate->now.time - rate->samples[i % MCL_RATE_SAMPLES].time < MCL_RATE_WINDOW)
        i--;
    return rate->samples[i % MCL_RATE_SAMPLES];
}

bool mcl_rate_settled(const mcl_rate *rate)
{
    return rate->steps > 1 && rate->now.time - base(rate).time >= MCL_RATE_SETTLED;
}

double mcl_rate_value(const mcl_rate *rate)
{
    struct mcl_rate_sample from = base(rate);
    if (rate->now.time - from.time < MCL_RATE_LEAST) /* the first step, or too few to tell */
        from = rate->start;
    const double seconds = rate->now.time - from.time;
    return (double)(rate->now.rows - from.rows) / (seconds > 0 ? seconds : 1e-9);
}
