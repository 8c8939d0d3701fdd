/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/schedule.h"

#include <inttypes.h>
#include <math.h>

#include "base/error.h"
#include "base/names.h"

#define PI 0x1.921fb54442d18p+1

static const char *const names[] = {"constant", "cosine", "step"};

mcl_status mcl_schedule_parse(mcl_schedule_kind *kind, const char *text)
{
    size_t index;
    MCL_TRY(mcl_name_parse(&index, text, names, 3, "schedule"));
    *kind = (mcl_schedule_kind)index;
    return MCL_OK;
}

const char *mcl_schedule_name(mcl_schedule_kind kind)
{
    return names[kind];
}

mcl_status mcl_schedule_check(const mcl_schedule_options *options, uint64_t epochs)
{
    if (!(options->warmup >= 0.0 && options->warmup < (double)epochs))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a warm-up of %g epochs in a run of %" PRIu64 ": it must be 0 or more, and end before "
            "the run does",
            options->warmup, epochs);
    if (options->kind == MCL_SCHEDULE_COSINE &&
        !(options->final_rate >= 0.0 && options->final_rate < INFINITY))
        return mcl_fail(MCL_ERROR_ARGUMENT, "a final learning rate of %g: it must be 0 or more",
            options->final_rate);
    if (options->kind == MCL_SCHEDULE_STEP && options->step_epochs == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "the schedule step multiplies the rate every so many epochs: say how many (--lr-step)");
    if (options->kind == MCL_SCHEDULE_STEP && !(options->gamma > 0.0 && options->gamma < INFINITY))
        return mcl_fail(MCL_ERROR_ARGUMENT, "a factor of %g: it must be above 0", options->gamma);
    return MCL_OK;
}

/* cos²(π·x/2) = (1 + cos(π·x))/2 for x in [0,1], by the cosine's power series */
static double half_cosine(double x)
{
    const double angle = PI / 2.0 * x, square = angle * angle;
    double cosine = 1.0;
    for (int k = 24; k > 0; k -= 2)
        cosine = 1.0 - square / (double)(k * (k - 1)) * cosine;
    return cosine * cosine;
}

/* base^exponent by squaring */
static double power(double base, uint64_t exponent)
{
    double result = 1.0;
    for (; exponent; exponent /= 2) {
        if (exponent % 2)
            result *= base;
        base *= base;
    }
    return result;
}

double mcl_schedule_rate(const mcl_schedule_options *options, double rate, uint64_t epochs,
    uint64_t steps_per_epoch, uint64_t step)
{
    const double warmup = options->warmup * (double)steps_per_epoch; /* steps, or parts of one */
    if ((double)step < warmup)
        return rate * ((double)step / warmup);
    switch (options->kind) {
    case MCL_SCHEDULE_COSINE: {
        const double all = (double)(epochs * steps_per_epoch);
        const double part = ((double)step - warmup) / (all - warmup);
        return options->final_rate + (rate - options->final_rate) * half_cosine(part);
    }
    case MCL_SCHEDULE_STEP:
        return rate * power(options->gamma, step / steps_per_epoch / options->step_epochs);
    default:
        return rate;
    }
}
