/* SPDX-License-Identifier: Apache-2.0 */
/* Two trainings side by side, and where they part. */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "device/context.h"
#include "maskcl/reproduce.h"
#include "replay/launches.h"
#include "replay/run.h"
#include "train/resume.h"

/* Both trainings, and who is told of them. */
struct comparison {
    const mcl_side *sides;
    mcl_context *contexts[2];
    mcl_trainer *trainers[2];
    mcl_difference difference;
    void (*report)(uint64_t step, uint64_t steps, bool locating, void *user);
    void *user;
    const volatile sig_atomic_t *stop;
};

static uint64_t steps_of(const struct comparison *comparison)
{
    const uint64_t a = comparison->sides[0].run->steps, b = comparison->sides[1].run->steps;
    return a < b ? a : b;
}

static mcl_status open_side(struct comparison *comparison, size_t side)
{
    const mcl_side *given = &comparison->sides[side];
    mcl_context **context = &comparison->contexts[side];
    mcl_trainer **trainer = &comparison->trainers[side];
    MCL_TRY(mcl_context_open(context, &given->device));
    mcl_context_limit_memory(*context, given->memory);
    comparison->difference.device[side] = *mcl_context_device(*context);
    comparison->difference.product[side] = mcl_context_gemm(*context);
    MCL_TRY(mcl_run_build(trainer, *context, given->run, given->input));
    return mcl_trainer_begin(*trainer);
}

static void close_sides(struct comparison *comparison)
{
    for (size_t side = 0; side < 2; side++) {
        if (comparison->contexts[side])
            comparison->contexts[side]->observer = NULL;
        mcl_trainer_free(comparison->trainers[side]);
        mcl_context_close(comparison->contexts[side]);
        comparison->trainers[side] = NULL;
        comparison->contexts[side] = NULL;
    }
}

static mcl_status open_sides(struct comparison *comparison)
{
    MCL_TRY(open_side(comparison, 0));
    return open_side(comparison, 1);
}

/* Tells of steps that have been made; MCL_INTERRUPTED on request. */
static mcl_status tell(const struct comparison *comparison, uint64_t steps, bool locating)
{
    if (comparison->report)
        comparison->report(steps, steps_of(comparison), locating, comparison->user);
    if (comparison->stop && *comparison->stop)
        return mcl_fail(MCL_INTERRUPTED, "stopped after step %" PRIu64, steps);
    return MCL_OK;
}

/* Both sides work at the same time: each step is enqueued on both before either is waited for. */
static mcl_status compare_steps(struct comparison *comparison)
{
    mcl_difference *difference = &comparison->difference;
    const uint64_t steps = steps_of(comparison);
    for (uint64_t step = 0; step < steps; step++) {
        for (size_t side = 0; side < 2; side++)
            MCL_TRY(mcl_trainer_step(comparison->trainers[side], step));
        for (size_t side = 0; side < 2; side++)
            MCL_TRY(mcl_trainer_digest(difference->digest[side], comparison->trainers[side]));
        difference->steps = step + 1;
        difference->found = strcmp(difference->digest[0], difference->digest[1]) != 0;
        if (difference->found)
            return MCL_OK;
        MCL_TRY(tell(comparison, step + 1, false));
    }
    return MCL_OK;
}

/* Whether both sides multiply matrices by the same kernels with the same blocks. */
static bool multiply_alike(const mcl_difference *difference)
{
    const mcl_device_info *a = &difference->device[0], *b = &difference->device[1];
    return difference->product[0] == difference->product[1] && strcmp(a->name, b->name) == 0 &&
           strcmp(a->platform, b->platform) == 0 && a->compute_units == b->compute_units;
}

/* Runs a side up to the step that differs, whose launches are then watched. */
static mcl_status watch_side(struct comparison *comparison, size_t side, mcl_launches *launches)
{
    mcl_difference *difference = &comparison->difference;
    mcl_trainer *trainer = comparison->trainers[side];
    const uint64_t last = difference->steps - 1;
    const bool whole = !multiply_alike(difference);
    for (uint64_t step = 0; step < last; step++) {
        MCL_TRY(mcl_trainer_step(trainer, step));
        MCL_TRY(tell(comparison, step + 1, true));
    }
    if (side == 0)
        mcl_launches_record(launches, comparison->contexts[side], whole);
    else
        mcl_launches_compare(launches, comparison->contexts[side], difference, whole);
    MCL_TRY(mcl_trainer_step(trainer, last));
    comparison->contexts[side]->observer = NULL;
    return mcl_context_finish(comparison->contexts[side]);
}

static mcl_status locate(struct comparison *comparison)
{
    mcl_launches *launches;
    MCL_TRY(mcl_launches_create(&launches));
    close_sides(comparison);
    mcl_status status = open_sides(comparison);
    for (size_t side = 0; side < 2 && status == MCL_OK; side++)
        status = watch_side(comparison, side, launches);
    close_sides(comparison); /* before the observer that its contexts have is freed */
    mcl_launches_free(launches);
    return status;
}

mcl_status mcl_run_compare(mcl_difference *difference, const mcl_side sides[2],
    void (*report)(uint64_t step, uint64_t steps, bool locating, void *user), void *user,
    const volatile sig_atomic_t *stop)
{
    MCL_NEED(difference);
    MCL_NEED(sides);
    for (size_t side = 0; side < 2; side++)
        MCL_TRY(mcl_run_expect(sides[side].run, sides[side].input));
    struct comparison comparison = {.sides = sides, .report = report, .user = user, .stop = stop};
    mcl_status status = open_sides(&comparison);
    if (status == MCL_OK)
        status = compare_steps(&comparison);
    if (status == MCL_OK && comparison.difference.found)
        status = locate(&comparison);
    close_sides(&comparison);
    if (status == MCL_OK)
        *difference = comparison.difference;
    return status;
}
