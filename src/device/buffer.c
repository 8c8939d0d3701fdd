/* SPDX-License-Identifier: Apache-2.0 */
#include "device/buffer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "device/context.h"
#include "device/observe.h"
#include "device/profile.h"

/* Smaller buffers are not worth asking for early. */
#define TOUCHED_LEAST (UINT64_C(1) << 20)

/* Adds what helps to the facts of an allocation that has failed: a smaller value of the option that
 * what names in backquotes, or else what whoever opened the run says. */
static mcl_status no_memory(const mcl_context *context, const char *what, const char *facts)
{
    const char *option = strchr(what, '`'), *end = option ? strrchr(option, '`') : NULL;
    if (option)
        return mcl_fail(MCL_ERROR_DEVICE, "%s: %s: %s: use a smaller %.*s", context->info.name,
            what, facts, (int)(end - option + 1), option);
    return mcl_fail(MCL_ERROR_DEVICE, "%s: %s: %s: use %s", context->info.name, what, facts,
        mcl_context_advice(context));
}

/* Has the driver find the memory now: many do so only when a command first uses a buffer, which may
 * be hours later. Memory of the host's own is there. */
static cl_int touch(const mcl_context *context, cl_mem buffer, uint64_t bytes, cl_mem_flags flags)
{
    const cl_uchar zero = 0;
    cl_event event;
    if (bytes < TOUCHED_LEAST || (flags & CL_MEM_USE_HOST_PTR) != 0 ||
        context->info.type == MCL_DEVICE_CPU)
        return CL_SUCCESS;
    cl_int code = clEnqueueFillBuffer(
        context->queue, buffer, &zero, sizeof zero, 0, sizeof zero, 0, NULL, &event);
    if (code != CL_SUCCESS)
        return code;
    code = clWaitForEvents(1, &event);
    clReleaseEvent(event);
    return code == CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST ? CL_OUT_OF_RESOURCES : code;
}

/* Of memory that host and device share, the host's is asked for: PoCL otherwise looks for it when a
 * command first uses the buffer, and aborts where there is none. */
static cl_int allocate(
    cl_mem *buffer, const mcl_context *context, cl_mem_flags flags, void *host, uint64_t bytes)
{
    cl_int code;
    if (context->info.host_memory && !(flags & CL_MEM_USE_HOST_PTR))
        flags |= CL_MEM_ALLOC_HOST_PTR;
    cl_mem created = clCreateBuffer(context->opencl, flags, bytes ? bytes : 1, host, &code);
    if (code != CL_SUCCESS)
        return code;
    code = touch(context, created, bytes, flags);
    if (code != CL_SUCCESS)
        clReleaseMemObject(created);
    else
        *buffer = created;
    return code;
}

mcl_status mcl_buffer_create_flags(cl_mem *buffer, mcl_context *context, cl_mem_flags flags,
    void *host, uint64_t count, uint64_t size, const char *what)
{
    uint64_t bytes;
    char facts[192];
    const mcl_device_info *info = &context->info;
    if (!mcl_multiply(&bytes, count, size) || (size_t)bytes != bytes ||
        (info->largest_buffer && bytes > info->largest_buffer)) {
        snprintf(facts, sizeof facts,
            "%" PRIu64 " × %" PRIu64 " bytes are more than the device's largest buffer, %" PRIu64
            " bytes",
            count, size, info->largest_buffer);
        mcl_opencl_record_error(CL_INVALID_BUFFER_SIZE);
        return no_memory(context, what, facts);
    }
    const cl_int code = allocate(buffer, context, flags, host, bytes);
    if (code != CL_SUCCESS) {
        snprintf(facts, sizeof facts,
            "no %" PRIu64 " bytes of device memory (of %" PRIu64
            ", which other programs may use too): %s (%d)",
            bytes, info->global_memory, mcl_opencl_error_name(code), code);
        mcl_opencl_record_error(code);
        return no_memory(context, what, facts);
    }
    context->memory_made += bytes;
    return MCL_OK;
}

mcl_status mcl_buffer_create(
    cl_mem *buffer, mcl_context *context, uint64_t count, uint64_t size, const char *what)
{
    return mcl_buffer_create_flags(buffer, context, CL_MEM_READ_WRITE, NULL, count, size, what);
}

mcl_status mcl_buffer_create_from(cl_mem *buffer, mcl_context *context, const void *values,
    uint64_t count, uint64_t size, const char *what)
{
    cl_mem created = NULL;
    MCL_TRY(mcl_buffer_create(&created, context, count, size, what));
    mcl_status status = mcl_buffer_write(context, created, 0, values, (size_t)(count * size));
    if (status != MCL_OK)
        mcl_buffer_release(&created);
    else
        *buffer = created;
    return status;
}

mcl_status mcl_buffer_create_scratch(
    cl_mem *buffer, mcl_context *context, uint64_t bytes, uint64_t uncounted, const char *what)
{
    MCL_TRY(mcl_buffer_create(buffer, context, bytes, 1, what));
    context->memory_made -= uncounted;
    return MCL_OK;
}

void mcl_buffer_release(cl_mem *buffer)
{
    if (*buffer)
        clReleaseMemObject(*buffer);
    *buffer = NULL;
}

/* Of a transfer that a GPU with a display does not notice. */
#define PART ((size_t)64 << 20)

/* How much of a transfer, of which so much is left, one command may have. */
static size_t part_of(const mcl_context *context, size_t left)
{
    return context->paced && left > PART ? PART : left;
}

/* A transfer between host and buffer, or within device memory; enqueue() has count bytes from at on
 * copied, and waits where it is to. */
struct transfer {
    mcl_context *context;
    cl_mem buffer, from;
    size_t offset, from_offset;
    void *read;
    const void *write;
};

static cl_int enqueue_write(const struct transfer *t, size_t at, size_t count, cl_event *event)
{
    return clEnqueueWriteBuffer(t->context->queue, t->buffer, CL_TRUE, t->offset + at, count,
        (const char *)t->write + at, 0, NULL, event);
}

static cl_int enqueue_read(const struct transfer *t, size_t at, size_t count, cl_event *event)
{
    return clEnqueueReadBuffer(t->context->queue, t->buffer, CL_TRUE, t->offset + at, count,
        (char *)t->read + at, 0, NULL, event);
}

static cl_int enqueue_copy(const struct transfer *t, size_t at, size_t count, cl_event *event)
{
    return clEnqueueCopyBuffer(t->context->queue, t->from, t->buffer, t->from_offset + at,
        t->offset + at, count, 0, NULL, event);
}

static cl_int enqueue_zero(const struct transfer *t, size_t at, size_t count, cl_event *event)
{
    const cl_uchar zero = 0;
    return clEnqueueFillBuffer(
        t->context->queue, t->buffer, &zero, sizeof zero, t->offset + at, count, 0, NULL, event);
}

/* Enqueues a transfer of count bytes, in parts where it may not take long. name and moved are the
 * profile's, what is for a message. */
static mcl_status transfer(const struct transfer *t, size_t count, double moved, const char *name,
    const char *what,
    cl_int (*enqueue)(const struct transfer *t, size_t at, size_t count, cl_event *event))
{
    mcl_context *context = t->context;
    size_t at = 0, part;
    while (at < count) {
        part = part_of(context, count - at);
        const bool last = at + part == count;
        const cl_int code = enqueue(t, at, part, last ? mcl_profile_event(context) : NULL);
        if (code != CL_SUCCESS)
            return mcl_context_fail(context, what, code);
        if (!last && clFlush(context->queue) != CL_SUCCESS)
            return mcl_context_fail(context, what, CL_OUT_OF_RESOURCES);
        at += part;
    }
    if (count == 0)
        return MCL_OK;
    mcl_profile_work(context, NULL, 0.0, moved);
    return mcl_profile_command(context, NULL, name, context->paced && count > PART);
}

mcl_status mcl_buffer_write(
    mcl_context *context, cl_mem buffer, size_t offset, const void *values, size_t count)
{
    const struct transfer t = {
        .context = context, .buffer = buffer, .offset = offset, .write = values};
    return transfer(
        &t, count, (double)count, "copy to the device", "writing a buffer", enqueue_write);
}

mcl_status mcl_buffer_read(
    mcl_context *context, void *values, cl_mem buffer, size_t offset, size_t count)
{
    const struct transfer t = {
        .context = context, .buffer = buffer, .offset = offset, .read = values};
    return transfer(&t, count, (double)count, "copy to the host", "reading a buffer", enqueue_read);
}

mcl_status mcl_buffer_copy(mcl_context *context, cl_mem to, size_t to_offset, cl_mem from,
    size_t from_offset, size_t count)
{
    const struct transfer t = {context, to, from, to_offset, from_offset, NULL, NULL};
    const mcl_launch launch = {"copy on the device", &to, 1};
    if (count == 0)
        return MCL_OK;
    MCL_TRY(mcl_observe_before(context, &launch));
    MCL_TRY(
        transfer(&t, count, 2.0 * (double)count, launch.name, "copying a buffer", enqueue_copy));
    return mcl_observe_after(context, &launch);
}

mcl_status mcl_buffer_zero(mcl_context *context, cl_mem buffer, size_t offset, size_t count)
{
    const struct transfer t = {.context = context, .buffer = buffer, .offset = offset};
    const mcl_launch launch = {"fill with zeros", &buffer, 1};
    if (count == 0)
        return MCL_OK;
    MCL_TRY(mcl_observe_before(context, &launch));
    MCL_TRY(transfer(&t, count, (double)count, launch.name, "clearing a buffer", enqueue_zero));
    return mcl_observe_after(context, &launch);
}
