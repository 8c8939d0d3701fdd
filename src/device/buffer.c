/* SPDX-License-Identifier: Apache-2.0 */
#include "device/buffer.h"

#include <inttypes.h>

#include "base/memory.h"
#include "device/context.h"
#include "device/observe.h"
#include "device/profile.h"

mcl_status mcl_buffer_create_flags(cl_mem *buffer, mcl_context *context, cl_mem_flags flags,
    void *host, uint64_t count, uint64_t size, const char *what)
{
    uint64_t bytes;
    const mcl_device_info *info = &context->info;
    if (!mcl_multiply(&bytes, count, size) || (size_t)bytes != bytes ||
        (info->largest_buffer && bytes > info->largest_buffer))
        return mcl_fail(MCL_ERROR_DEVICE,
            "%s: %s: %" PRIu64 " × %" PRIu64 " bytes are more than the device's largest buffer, "
            "%" PRIu64 " bytes: use a smaller `batch`, less data or another `device`",
            info->name, what, count, size, info->largest_buffer);
    cl_int code;
    cl_mem created = clCreateBuffer(context->opencl, flags, bytes ? bytes : 1, host, &code);
    if (code != CL_SUCCESS)
        return mcl_fail(MCL_ERROR_DEVICE,
            "%s: %s: no %" PRIu64 " bytes of device memory (%" PRIu64
            " in all): %s (%d): use a smaller `batch`, less data or another `device`",
            info->name, what, bytes, info->global_memory, mcl_opencl_error_name(code), code);
    context->memory_made += bytes;
    *buffer = created;
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

void mcl_buffer_release(cl_mem *buffer)
{
    if (*buffer)
        clReleaseMemObject(*buffer);
    *buffer = NULL;
}

mcl_status mcl_buffer_write(
    mcl_context *context, cl_mem buffer, size_t offset, const void *values, size_t count)
{
    if (count == 0)
        return MCL_OK;
    cl_int code = clEnqueueWriteBuffer(context->queue, buffer, CL_TRUE, offset, count, values, 0,
        NULL, mcl_profile_event(context));
    mcl_profile_work(context, NULL, 0.0, (double)count);
    return code == CL_SUCCESS ? mcl_profile_command(context, NULL, "copy to the device", false)
                              : mcl_context_fail(context, "writing a buffer", code);
}

mcl_status mcl_buffer_read(
    mcl_context *context, void *values, cl_mem buffer, size_t offset, size_t count)
{
    if (count == 0)
        return MCL_OK;
    cl_int code = clEnqueueReadBuffer(context->queue, buffer, CL_TRUE, offset, count, values, 0,
        NULL, mcl_profile_event(context));
    mcl_profile_work(context, NULL, 0.0, (double)count);
    return code == CL_SUCCESS ? mcl_profile_command(context, NULL, "copy to the host", false)
                              : mcl_context_fail(context, "reading a buffer", code);
}

mcl_status mcl_buffer_copy(mcl_context *context, cl_mem to, size_t to_offset, cl_mem from,
    size_t from_offset, size_t count)
{
    if (count == 0)
        return MCL_OK;
    const mcl_launch launch = {"copy on the device", &to, 1};
    MCL_TRY(mcl_observe_before(context, &launch));
    cl_int code = clEnqueueCopyBuffer(context->queue, from, to, from_offset, to_offset, count, 0,
        NULL, mcl_profile_event(context));
    mcl_profile_work(context, NULL, 0.0, 2.0 * (double)count);
    if (code != CL_SUCCESS)
        return mcl_context_fail(context, "copying a buffer", code);
    MCL_TRY(mcl_observe_after(context, &launch));
    return mcl_profile_command(context, NULL, "copy on the device", false);
}

mcl_status mcl_buffer_zero(mcl_context *context, cl_mem buffer, size_t offset, size_t count)
{
    if (count == 0)
        return MCL_OK;
    const cl_uchar zero = 0;
    const mcl_launch launch = {"fill with zeros", &buffer, 1};
    MCL_TRY(mcl_observe_before(context, &launch));
    cl_int code = clEnqueueFillBuffer(context->queue, buffer, &zero, sizeof zero, offset, count, 0,
        NULL, mcl_profile_event(context));
    mcl_profile_work(context, NULL, 0.0, (double)count);
    if (code != CL_SUCCESS)
        return mcl_context_fail(context, "clearing a buffer", code);
    MCL_TRY(mcl_observe_after(context, &launch));
    return mcl_profile_command(context, NULL, "fill with zeros", false);
}
