/* SPDX-License-Identifier: Apache-2.0 */
#include "device/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "maskcl/profile.h"

#define PENDING 1024 /* commands whose times have not been read yet */

struct pending {
    cl_event event;
    size_t row;
    bool several;
};

struct mcl_profiler {
    mcl_profile_row *rows;
    size_t count, capacity;
    struct pending pending[PENDING]; /* a ring, in the order of the queue */
    size_t oldest, newest;
    cl_event next;      /* of the command being enqueued */
    char next_name[64]; /* and what it is; empty: the kernel's name */
    double next_operations, next_bytes, next_items, next_groups;
    cl_ulong end;                  /* of the last command that was read; 0 before the first */
    cl_ulong first_calls, between; /* nanoseconds */
};

mcl_status mcl_profile_start(mcl_context *context)
{
    MCL_NEED(context);
    if (context->profiler)
        return MCL_OK;
    cl_int code;
    cl_command_queue queue =
        clCreateCommandQueue(context->opencl, context->device, CL_QUEUE_PROFILING_ENABLE, &code);
    if (code != CL_SUCCESS)
        return mcl_context_fail(context, "creating a command queue that takes times", code);
    const mcl_status status = mcl_allocate(&context->profiler, 1, sizeof *context->profiler);
    if (status != MCL_OK) {
        clReleaseCommandQueue(queue);
        return status;
    }
    clReleaseCommandQueue(context->queue);
    context->queue = queue;
    return MCL_OK;
}

void mcl_profile_work(mcl_context *context, const char *name, double operations, double bytes)
{
    struct mcl_profiler *record = context->profiler;
    context->work = operations + bytes;
    if (!record)
        return;
    snprintf(record->next_name, sizeof record->next_name, "%s", name ? name : "");
    record->next_operations = operations;
    record->next_bytes = bytes;
}

void mcl_profile_size(mcl_context *context, double items, double groups)
{
    struct mcl_profiler *record = context->profiler;
    if (!record)
        return;
    record->next_items = items;
    record->next_groups = groups;
}

cl_event *mcl_profile_event(mcl_context *context)
{
    return context->profiler ? &context->profiler->next : NULL;
}

/* Waits for the oldest pending command and adds its times to its row. */
static mcl_status read_oldest(mcl_context *context)
{
    struct mcl_profiler *record = context->profiler;
    struct pending *pending = &record->pending[record->oldest++ % PENDING];
    mcl_profile_row *row = &record->rows[pending->row];
    cl_ulong start = 0, end = 0;
    cl_int code = clWaitForEvents(1, &pending->event);
    if (code == CL_SUCCESS)
        code = clGetEventProfilingInfo(
            pending->event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL);
    if (code == CL_SUCCESS)
        code = clGetEventProfilingInfo(
            pending->event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
    clReleaseEvent(pending->event);
    if (code != CL_SUCCESS)
        return mcl_context_fail(context, "reading a command's times", code);
    const cl_ulong before = record->end ? record->end : start;
    if (pending->several || start < before)
        start = before;
    *(row->calls == 0 ? &record->first_calls : &record->between) += start - before;
    row->calls++;
    row->seconds += end > start ? 1e-9 * (double)(end - start) : 0.0;
    record->end = end > before ? end : before;
    return MCL_OK;
}

/* *row = the row of that name, added where it is new. */
static mcl_status find_row(size_t *row, struct mcl_profiler *record, const char *name)
{
    for (*row = 0; *row < record->count; (*row)++) {
        if (strcmp(record->rows[*row].name, name) == 0)
            return MCL_OK;
    }
    if (record->count == record->capacity) {
        const size_t capacity = 2 * record->capacity + 16;
        mcl_profile_row *longer = realloc(record->rows, capacity * sizeof *longer);
        if (!longer)
            return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory for the profile");
        record->rows = longer;
        record->capacity = capacity;
    }
    mcl_profile_row *added = &record->rows[record->count++];
    memset(added, 0, sizeof *added);
    snprintf(added->name, sizeof added->name, "%s", name);
    return MCL_OK;
}

void mcl_kernel_name(char *name, size_t size, cl_kernel kernel)
{
    if (clGetKernelInfo(kernel, CL_KERNEL_FUNCTION_NAME, size, name, NULL) != CL_SUCCESS)
        snprintf(name, size, "?");
    char *digits = name + strlen(name);
    while (digits > name && digits[-1] >= '0' && digits[-1] <= '9')
        digits--;
    if (*digits && digits > name && digits[-1] == '_')
        digits[-1] = '\0';
}

mcl_status mcl_profile_command(
    mcl_context *context, cl_kernel kernel, const char *name, bool several)
{
    struct mcl_profiler *record = context->profiler;
    context->work = 0.0;
    if (!record)
        return MCL_OK;
    char own[64];
    if (record->next_name[0]) {
        name = record->next_name;
    } else if (kernel) {
        mcl_kernel_name(own, sizeof own, kernel);
        name = own;
    }
    size_t row;
    mcl_status status = find_row(&row, record, name);
    if (status == MCL_OK && record->newest - record->oldest == PENDING)
        status = read_oldest(context);
    if (status != MCL_OK) {
        clReleaseEvent(record->next);
        return status;
    }
    record->pending[record->newest++ % PENDING] = (struct pending){record->next, row, several};
    record->rows[row].operations += record->next_operations;
    record->rows[row].bytes += record->next_bytes;
    record->rows[row].items += record->next_items;
    record->rows[row].groups += record->next_groups;
    mcl_profile_work(context, NULL, 0.0, 0.0);
    mcl_profile_size(context, 0.0, 0.0);
    return MCL_OK;
}

static int by_seconds(const void *a, const void *b)
{
    const mcl_profile_row *left = a, *right = b;
    return (left->seconds < right->seconds) - (left->seconds > right->seconds);
}

mcl_status mcl_profile_read(mcl_profile *profile, mcl_context *context)
{
    MCL_NEED(profile);
    MCL_NEED(context);
    struct mcl_profiler *record = context->profiler;
    if (!record)
        return mcl_fail(MCL_ERROR_ARGUMENT, "the context takes no times: start its profile first");
    while (record->oldest < record->newest)
        MCL_TRY(read_oldest(context));
    mcl_profile read = {.count = record->count,
        .first_calls = 1e-9 * (double)record->first_calls,
        .between = 1e-9 * (double)record->between};
    MCL_TRY(mcl_allocate(&read.rows, record->count ? record->count : 1, sizeof *read.rows));
    if (record->count)
        memcpy(read.rows, record->rows, record->count * sizeof *read.rows);
    qsort(read.rows, read.count, sizeof *read.rows, by_seconds);
    *profile = read;
    return MCL_OK;
}

void mcl_profile_free(mcl_profile *profile)
{
    if (!profile)
        return;
    free(profile->rows);
    *profile = (mcl_profile){0};
}

void mcl_profiler_free(struct mcl_profiler *record)
{
    if (!record)
        return;
    for (; record->oldest < record->newest; record->oldest++)
        clReleaseEvent(record->pending[record->oldest % PENDING].event);
    free(record->rows);
    free(record);
}
