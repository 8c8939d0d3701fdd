/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/schedule.h"

#include <inttypes.h>
#include <math.h>

#include "base/error.h"
#include "base/names.h"

#define PI 0x1.921fb54442d18p+1

/* Where a step is in a run: its number from 0, and how many make the warm-up, an epoch and all. */
struct position {
    uint64_t step, steps_per_epoch, steps;
    double warmup; /* steps, or parts of one */
};

/* A schedule: the facts that are public, whether its options make sense, and the rate after the
 * warm-up, of which `rate` is the highest. */
struct schedule_type {
    mcl_schedule_info info;
    mcl_status (*check)(const mcl_schedule_options *options); /* NULL: it has none of its own */
    double (*rate)(
        const mcl_schedule_options *options, double rate, const struct position *position);
};

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

static double constant_rate(
    const mcl_schedule_options *options, double rate, const struct position *position)
{
    (void)options;
    (void)position;
    return rate;
}

static mcl_status check_cosine(const mcl_schedule_options *options)
{
    if (!(options->final_rate >= 0.0 && options->final_rate < INFINITY))
        return mcl_fail(MCL_ERROR_ARGUMENT, "a final learning rate of %g: it must be 0 or more",
            options->final_rate);
    return MCL_OK;
}

static double cosine_rate(
    const mcl_schedule_options *options, double rate, const struct position *position)
{
    const double part =
        ((double)position->step - position->warmup) / ((double)position->steps - position->warmup);
    return options->final_rate + (rate - options->final_rate) * half_cosine(part);
}

static mcl_status check_step(const mcl_schedule_options *options)
{
    if (options->step_epochs == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT, "the schedule step multiplies the rate every so many "
                                            "epochs: say how many (`learning_rate_step_epochs`)");
    if (!(options->gamma > 0.0 && options->gamma < INFINITY))
        return mcl_fail(MCL_ERROR_ARGUMENT, "a factor of %g: it must be above 0", options->gamma);
    return MCL_OK;
}

static double step_rate(
    const mcl_schedule_options *options, double rate, const struct position *position)
{
    const uint64_t epoch = position->step / position->steps_per_epoch;
    return rate * power(options->gamma, epoch / options->step_epochs);
}

static const struct schedule_type types[] = {
    [MCL_SCHEDULE_CONSTANT] = {.info = {.name = "constant", .summary = "the same in all steps"},
        .rate = constant_rate},
    [MCL_SCHEDULE_COSINE] =
        {.info = {.name = "cosine",
             .summary = "half a cosine, down to the final rate at the end (Loshchilov and "
                        "Hutter 2017, without restarts)",
             .has_final_rate = true},
            .check = check_cosine,
            .rate = cosine_rate},
    [MCL_SCHEDULE_STEP] = {.info = {.name = "step",
                               .summary = "times a factor after every so many epochs",
                               .has_steps = true},
        .check = check_step,
        .rate = step_rate},
};
#define TYPES (sizeof types / sizeof *types)

const mcl_schedule_info *mcl_schedule_describe(mcl_schedule_kind kind)
{
    return (size_t)kind < TYPES ? &types[kind].info : NULL;
}

mcl_status mcl_schedule_parse(mcl_schedule_kind *kind, const char *text)
{
    MCL_NEED(kind);
    size_t index;
    MCL_TRY(mcl_name_parse_row(&index, text, types, sizeof *types, TYPES, "schedule"));
    *kind = (mcl_schedule_kind)index;
    return MCL_OK;
}

const char *mcl_schedule_name(mcl_schedule_kind kind)
{
    const mcl_schedule_info *info = mcl_schedule_describe(kind);
    return info ? info->name : "?";
}

mcl_status mcl_schedule_check(const mcl_schedule_options *options, uint64_t epochs)
{
    if (!(options->warmup >= 0.0 && options->warmup < (double)epochs))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a warm-up of %g epochs in a run of %" PRIu64 ": it must be 0 or more, and end before "
            "the run does",
            options->warmup, epochs);
    const struct schedule_type *type = &types[options->kind];
    return type->check ? type->check(options) : MCL_OK;
}

double mcl_schedule_rate(const mcl_schedule_options *options, double rate, uint64_t epochs,
    uint64_t steps_per_epoch, uint64_t step)
{
    const struct position position = {
        step, steps_per_epoch, epochs * steps_per_epoch, options->warmup * (double)steps_per_epoch};
    if ((double)step < position.warmup)
        return rate * ((double)step / position.warmup);
    return types[options->kind].rate(options, rate, &position);
}
