/* SPDX-License-Identifier: Apache-2.0 */
#include "device/pace.h"

#include "base/clock.h"
#include "base/integers.h"

#define GROWTH 8.0     /* a part is at most so many times the largest that was measured */
#define MEASURED 0.01  /* seconds from which on each part is measured */
#define UNFLUSHED 0.02 /* seconds of commands that may wait to be sent to the device */
#define GROUP 64       /* work-items that the driver can make groups of, where it chooses */

/* Seconds that so much work takes; 0 before anything was measured. */
static double estimate(const mcl_pace *pace, double work)
{
    return pace->work > 0.0 ? pace->seconds * work / pace->work : 0.0;
}

/* The work that a part may have; 0: the least there is. */
static double allowance(const mcl_pace *pace)
{
    if (pace->work <= 0.0)
        return 0.0;
    const double by_time =
        pace->seconds > 0.0 ? MCL_PACE_SECONDS * pace->work / pace->seconds : GROWTH * pace->work;
    return by_time < GROWTH * pace->work ? by_time : GROWTH * pace->work;
}

static void learn(mcl_pace *pace, double work, double seconds)
{
    if (4.0 * work < pace->work && seconds >= estimate(pace, work)) /* too small to tell */
        return;
    pace->seconds = work >= pace->work ? seconds : seconds * pace->work / work;
    pace->work = work >= pace->work ? work : pace->work;
}

/* As many whole steps as are in x, but at least one, and no more than left. */
static size_t steps(double x, size_t step, size_t left)
{
    const double count = x / (double)step;
    return mcl_least(left, count >= (double)left ? left
                           : count < 1.0         ? step
                                                 : (size_t)count * step);
}

/* size = the part at `at` of a launch that may have so many work-items: whole rows, or where one is
 * too long, a part of the first. */
static void choose(size_t size[2], const mcl_paced_launch *launch, const size_t at[2], double items)
{
    const size_t *global = launch->global, *local = launch->local;
    const size_t rows = steps(items / (double)global[0], local ? local[1] : 1, global[1] - at[1]);
    const bool whole = at[0] == 0 && items >= (double)global[0] * (double)rows;
    size[1] = whole ? rows : mcl_least(local ? local[1] : 1, global[1] - at[1]);
    size[0] = whole ? global[0]
                    : steps(items / (double)size[1], local ? local[0] : GROUP, global[0] - at[0]);
}

/* Enqueues a part, and measures it where little is known of what it takes, or much time. */
static cl_int enqueue(mcl_context *context, mcl_pace *pace, const mcl_paced_launch *launch,
    const size_t at[2], const size_t size[2], double work)
{
    const double expected = estimate(pace, work);
    const bool last = at[0] + size[0] == launch->global[0] && at[1] + size[1] == launch->global[1];
    const bool measured = pace->begun && (work > pace->work || expected > MEASURED);
    if (measured || !pace->begun) {
        const cl_int code = clFinish(context->queue);
        if (code != CL_SUCCESS)
            return code;
        context->unflushed = 0.0;
    }
    const double start = measured ? mcl_clock_seconds() : 0.0;
    cl_int code = launch->enqueue(launch->of, at, size, launch->local, last);
    if (code != CL_SUCCESS)
        return code;
    if (measured) {
        code = clFinish(context->queue);
        learn(pace, work, mcl_clock_seconds() - start);
    }
    pace->begun = true;
    context->unflushed += measured ? 0.0 : expected;
    if (code == CL_SUCCESS && context->unflushed > UNFLUSHED) {
        code = clFlush(context->queue);
        context->unflushed = 0.0;
    }
    return code;
}

cl_int mcl_pace_launch(
    unsigned *parts, mcl_context *context, mcl_pace *pace, const mcl_paced_launch *launch)
{
    const double items = (double)launch->global[0] * (double)launch->global[1];
    size_t at[2] = {0, 0}, size[2];
    for (*parts = 0; at[1] < launch->global[1]; ++*parts) {
        choose(size, launch, at, items * allowance(pace) / launch->work);
        const double work = launch->work * (double)size[0] * (double)size[1] / items;
        const cl_int code = enqueue(context, pace, launch, at, size, work);
        if (code != CL_SUCCESS)
            return code;
        at[0] += size[0];
        if (at[0] == launch->global[0]) {
            at[0] = 0;
            at[1] += size[1];
        }
    }
    return CL_SUCCESS;
}
