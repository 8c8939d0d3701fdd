/* SPDX-License-Identifier: Apache-2.0 */
/* What the device can do at most, measured through OpenCL. */
#include <stdio.h>

#include "base/clock.h"
#include "device/context.h"
#include "maskcl/profile.h"

#define RUNS 5
#define ITERATIONS 4096
#define ENOUGH_SECONDS 0.02 /* of a run, for the calls around it to be of no account */

/* How the work is cut: CPUs want wide vectors and few work-items, GPUs the opposite. */
struct shape {
    unsigned width, chains;
    size_t groups, local;
};

static mcl_status find_kernel(
    mcl_kernel **kernel, mcl_context *context, const char *name, unsigned width, unsigned chains)
{
    char vector[16], options[96];
    snprintf(vector, sizeof vector, width == 1 ? "float" : "float%u", width);
    snprintf(options, sizeof options, "-D VECTOR=%s -D CHAINS=%u -D ITERATIONS=%d", vector, chains,
        ITERATIONS);
    return mcl_kernel_find(kernel, context, "peak.cl", name, options);
}

/* *seconds = the shortest of so many runs of groups × local work-items, where local 0 is the
 * driver's choice; anything else on the machine only makes them longer. */
static mcl_status fastest(double *seconds, mcl_kernel *kernel, size_t groups, size_t local,
    const mcl_argument *arguments, size_t count, int runs)
{
    const size_t sizes[3] = {local ? groups * local : groups, 1, 1}, group[3] = {local, 1, 1};
    *seconds = 1e30;
    for (int run = 0; run <= runs; run++) {
        const double start = mcl_clock_seconds();
        MCL_TRY(mcl_run_arguments(kernel, sizes, local ? group : NULL, arguments, count));
        MCL_TRY(mcl_context_finish(mcl_kernel_context(kernel)));
        const double taken = mcl_clock_seconds() - start;
        if (run > 0 && taken < *seconds) /* the first one warms up */
            *seconds = taken;
    }
    return MCL_OK;
}

/* *groups = as many work-groups, up to most, as keep the device busy for a while: a slow one would
 * need minutes for what a fast one does at once. */
static mcl_status fit_groups(size_t *groups, mcl_kernel *kernel, size_t most, size_t local,
    const mcl_argument *arguments, size_t count)
{
    size_t tried = 1;
    double seconds = 0.0;
    while (tried < most && seconds < ENOUGH_SECONDS) {
        tried = 2 * tried < most ? 2 * tried : most;
        MCL_TRY(fastest(&seconds, kernel, tried, local, arguments, count, 1));
    }
    *groups = tried;
    return MCL_OK;
}

static mcl_status measure_fma(
    double *rate, mcl_context *context, cl_mem out, const struct shape *shape)
{
    cl_float half[16];
    for (size_t i = 0; i < 16; i++)
        half[i] = 0.5f;
    const size_t vector = shape->width * sizeof(cl_float);
    size_t local = shape->local;
    cl_kernel built;
    const mcl_argument arguments[] = {
        MCL_BUFFER(out), {.size = vector, .value = half}, {.size = vector, .value = half}};
    mcl_kernel *kernel;
    double seconds;
    MCL_TRY(find_kernel(&kernel, context, "peak_fma", shape->width, shape->chains));
    MCL_TRY(mcl_kernel_build(&built, kernel));
    while (
        local > 1 && (local > mcl_kernel_largest_group(kernel) || local > context->largest_side[0]))
        local /= 2;
    size_t groups;
    MCL_TRY(fit_groups(&groups, kernel, shape->groups, local, arguments, 3));
    MCL_TRY(fastest(&seconds, kernel, groups, local, arguments, 3, RUNS));
    *rate = 2.0 * (double)(groups * local) * shape->width * shape->chains * ITERATIONS / seconds;
    return MCL_OK;
}

static mcl_status measure_fmas(double *best, mcl_context *context, cl_mem out)
{
    static const unsigned chains[] = {8, 10, 12, 16, 20, 24};
    const bool cpu = context->info.type == MCL_DEVICE_CPU;
    struct shape shape = {.groups = context->info.compute_units * 32, .local = cpu ? 1 : 256};
    *best = 0.0;
    for (shape.width = cpu ? 8 : 1; shape.width <= (cpu ? 16u : 4u); shape.width *= 2) {
        for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
            double rate;
            shape.chains = chains[i];
            MCL_TRY(measure_fma(&rate, context, out, &shape));
            *best = rate > *best ? rate : *best;
        }
    }
    return MCL_OK;
}

static mcl_status measure_copies(
    double *best, mcl_context *context, cl_mem to, cl_mem from, size_t size)
{
    const mcl_argument arguments[] = {MCL_BUFFER(to), MCL_BUFFER(from)};
    *best = 0.0;
    for (unsigned width = 4; width <= 16; width *= 2) {
        mcl_kernel *kernel;
        double seconds;
        MCL_TRY(find_kernel(&kernel, context, "peak_copy", width, 1));
        MCL_TRY(
            fastest(&seconds, kernel, size / (width * sizeof(cl_float)), 0, arguments, 2, RUNS));
        const double rate = 2.0 * (double)size / seconds;
        *best = rate > *best ? rate : *best;
    }
    return MCL_OK;
}

mcl_status mcl_device_peaks(double *operations, double *bytes, mcl_context *context, size_t size)
{
    MCL_NEED(operations);
    MCL_NEED(bytes);
    MCL_NEED(context);
    if (size == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT, "a copy of 0 bytes has no rate: give some");
    cl_mem from = NULL, to = NULL;
    const size_t whole = (size + 1023) / 1024 * 1024;
    const size_t results = (size_t)context->info.compute_units * 32 * 256 * 16;
    const size_t space = results * sizeof(cl_float) > whole ? results * sizeof(cl_float) : whole;
    mcl_status status = mcl_buffer_create(&from, context, whole, 1, "what is copied");
    if (status == MCL_OK)
        status = mcl_buffer_create(&to, context, space, 1, "the copy");
    if (status == MCL_OK)
        status = mcl_buffer_zero(context, from, 0, whole);
    if (status == MCL_OK)
        status = measure_fmas(operations, context, to);
    if (status == MCL_OK)
        status = measure_copies(bytes, context, to, from, whole);
    mcl_buffer_release(&from);
    mcl_buffer_release(&to);
    return status;
}
