/* SPDX-License-Identifier: Apache-2.0 */
#include "device/context.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/names.h"
#include "constants.clh"
#include "device/devices.h"
#include "device/drivers.h"
#include "device/profile.h"

#define WARNING_SIZE 2048

/* The most that MASKCL_WORK_GROUP may say. */
#define WORK_GROUP_MAX 65536

/* One part in so many of the device's memory is left to the driver and to others. */
#define MEMORY_MARGIN 8

static const char *const gemm_names[] = {"auto", "clblast", "native", "native-cpu", "native-gpu"};

#define GEMM_KINDS (sizeof gemm_names / sizeof *gemm_names)

mcl_status mcl_gemm_kind_parse(mcl_gemm_kind *kind, const char *text)
{
    size_t index;
    MCL_NEED(kind);
    MCL_TRY(mcl_name_parse(&index, text, gemm_names, GEMM_KINDS, "matrix product"));
    *kind = (mcl_gemm_kind)index;
    return MCL_OK;
}

const char *mcl_gemm_kind_name(mcl_gemm_kind kind)
{
    return mcl_name_of(gemm_names, GEMM_KINDS, (size_t)kind);
}

mcl_status mcl_context_fail(const mcl_context *context, const char *what, cl_int code)
{
    char text[WARNING_SIZE] = "";
    struct mcl_line hint = {text, sizeof text, 0};
    const mcl_status status = mcl_opencl_fail(context->info.name, what, code);
    if (mcl_opencl_lacks_memory(code))
        return mcl_fail(status,
            "%s; the device may be out of memory, which other programs may use too: use %s%s",
            mcl_error_message(), mcl_context_advice(context),
            context->info.type == MCL_DEVICE_GPU && !context->paced
                ? "; or a display is connected to it, and its driver has ended the launch: leave "
                  "out `exclusive`"
                : "");
    if (mcl_drivers_cache_problem(&hint, context->info.platform))
        return mcl_fail(status, "%s; %s", mcl_error_message(), text);
    return status;
}

const char *mcl_context_advice(const mcl_context *context)
{
    return context->advice ? context->advice : "a lower `device_memory` or another `device`";
}

void mcl_context_warn(const mcl_context *context, const char *format, ...)
{
    char line[WARNING_SIZE], clean[WARNING_SIZE];
    va_list arguments;
    if (!context->warn)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    mcl_clean_text(clean, sizeof clean, line, "");
    context->warn(clean, context->warn_user);
}

static void warn_of_small_cache(const mcl_context *context)
{
    char text[WARNING_SIZE] = "";
    struct mcl_line line = {text, sizeof text, 0};
    if (mcl_drivers_cache_is_small(&line, context->info.platform))
        mcl_context_warn(context, "%s", text);
}

static void warn_of_old_driver(const mcl_context *context)
{
    if (context->info.too_old)
        mcl_context_warn(context,
            "%s: its driver says '%s', and the kernels need OpenCL 1.2: it may refuse them; try "
            "another `device`",
            context->info.name, context->info.opencl_version);
}

static void warn_of_cut_loops(const mcl_context *context)
{
    if (mcl_context_cuts_loops(context))
        mcl_context_warn(context,
            "%s: llvmpipe leaves a work-item's loops after 65535 iterations, so that what is "
            "computed over many rows can be wrong: it is for tests; use PoCL or Intel's CPU "
            "runtime",
            context->info.name);
}

struct mcl_attachment {
    struct mcl_attachment *next; /* the one attached before */
    const void *key;
    void *state;
    void (*free_state)(void *state);
};

mcl_status mcl_context_attach(
    mcl_context *context, const void *key, void *state, void (*free_state)(void *state))
{
    struct mcl_attachment *attachment;
    MCL_TRY(mcl_allocate(&attachment, 1, sizeof *attachment));
    *attachment = (struct mcl_attachment){context->attachments, key, state, free_state};
    context->attachments = attachment;
    return MCL_OK;
}

void *mcl_context_attached(const mcl_context *context, const void *key)
{
    const struct mcl_attachment *attachment = context->attachments;
    while (attachment && attachment->key != key)
        attachment = attachment->next;
    return attachment ? attachment->state : NULL;
}

static void free_attachments(mcl_context *context)
{
    while (context->attachments) {
        struct mcl_attachment *attachment = context->attachments;
        context->attachments = attachment->next;
        attachment->free_state(attachment->state);
        free(attachment);
    }
}

static mcl_status choose(mcl_device_info *info, const mcl_context_options *options)
{
    mcl_device_info *devices;
    size_t count, index = 0;
    MCL_TRY(mcl_devices_list(&devices, &count));
    mcl_status status =
        mcl_device_select(&index, NULL, devices, count, options->platform, options->device);
    if (status == MCL_OK && !devices[index].usable)
        status = mcl_fail(MCL_ERROR_NO_DEVICE,
            "%s: the device is not available, or its driver has no compiler", devices[index].name);
    if (status == MCL_OK)
        *info = devices[index];
    mcl_devices_free(devices);
    return status;
}

/* Makes the context's device the part of device that has so many compute units. */
static mcl_status divide_device(mcl_context *context, cl_device_id device, uint32_t compute_units)
{
    mcl_device_info *info = &context->info;
    if (compute_units > info->compute_units)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s: %" PRIu32 " compute units are wanted, but it has %" PRIu32, info->name,
            compute_units, info->compute_units);
    const cl_device_partition_property parts[] = {CL_DEVICE_PARTITION_BY_COUNTS,
        (cl_device_partition_property)compute_units, CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};
    cl_device_id part;
    const cl_int code = clCreateSubDevices(device, parts, 1, &part, NULL);
    if (code != CL_SUCCESS)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s: it cannot be divided to work on %" PRIu32 " of its %" PRIu32
            " compute units: %s (%d)",
            info->name, compute_units, info->compute_units, mcl_opencl_error_name(code), code);
    context->device = context->part = part;
    info->compute_units = compute_units;
    return MCL_OK;
}

/* A driver that does not answer is trusted with a single work-item. */
static void ask_group_limits(mcl_context *context)
{
    size_t sides[8] = {0}, size = 0;
    (void)clGetDeviceInfo(context->device, CL_DEVICE_MAX_WORK_GROUP_SIZE,
        sizeof context->largest_group, &context->largest_group, NULL);
    if (context->largest_group == 0)
        context->largest_group = 1;
    if (clGetDeviceInfo(context->device, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizeof sides, sides,
            &size) != CL_SUCCESS)
        size = 0;
    for (size_t i = 0; i < 2; i++)
        context->largest_side[i] =
            i < size / sizeof *sides && sides[i] ? sides[i] : context->largest_group;
}

static mcl_status open_device(mcl_context *context, uint32_t compute_units)
{
    cl_platform_id platform;
    cl_device_id device;
    MCL_TRY(mcl_device_find(&platform, &device, &context->info));
    if (compute_units && compute_units != context->info.compute_units)
        MCL_TRY(divide_device(context, device, compute_units));
    else
        context->device = device;
    cl_uint width = 0;
    (void)clGetDeviceInfo(
        context->device, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof width, &width, NULL);
    context->vector_width = width ? width : 1;
    ask_group_limits(context);
    cl_device_fp_config single = 0;
    (void)clGetDeviceInfo(
        context->device, CL_DEVICE_SINGLE_FP_CONFIG, sizeof single, &single, NULL);
    context->exact_division = (single & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0;
    const cl_context_properties properties[] = {
        CL_CONTEXT_PLATFORM, (cl_context_properties)platform, 0};
    cl_int code;
    context->opencl = clCreateContext(properties, 1, &context->device, NULL, NULL, &code);
    if (code != CL_SUCCESS)
        return mcl_context_fail(context, "creating a context", code);
    context->queue = clCreateCommandQueue(context->opencl, context->device, 0, &code);
    if (code != CL_SUCCESS)
        return mcl_context_fail(context, "creating a command queue", code);
    return MCL_OK;
}

/* *size = what MASKCL_WORK_GROUP says, 0 where it is not set. */
static mcl_status read_work_group(size_t *size)
{
    const char *text = getenv("MASKCL_WORK_GROUP");
    *size = 0;
    if (!text || !*text)
        return MCL_OK;
    char *end;
    const unsigned long value = strtoul(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || value == 0 || value > WORK_GROUP_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "MASKCL_WORK_GROUP: '%s' is not a number of work-items from 1 to %d", text,
            WORK_GROUP_MAX);
    *size = value;
    return MCL_OK;
}

static bool can_spread(const mcl_context *context)
{
    const size_t most = context->largest_group < context->largest_side[0]
                            ? context->largest_group
                            : context->largest_side[0];
    return most >= MCL_LANES &&
           (context->info.type != MCL_DEVICE_CPU || mcl_context_cuts_loops(context));
}

mcl_status mcl_context_open(mcl_context **context, const mcl_context_options *options)
{
    const mcl_context_options defaults = {.gemm = MCL_GEMM_AUTO};
    MCL_NEED(context);
    if (!options)
        options = &defaults;
    if ((size_t)options->gemm >= GEMM_KINDS)
        return mcl_fail(
            MCL_ERROR_ARGUMENT, "%d is no matrix product's number (`gemm`)", (int)options->gemm);
    mcl_context *opened;
    MCL_TRY(mcl_allocate(&opened, 1, sizeof *opened));
    opened->warn = options->warn;
    opened->warn_user = options->warn_user;
    mcl_status status = choose(&opened->info, options);
    if (status == MCL_OK)
        status = open_device(opened, options->compute_units);
    if (status == MCL_OK)
        status = read_work_group(&opened->work_group);
    opened->joins_programs = mcl_context_is_pocl(opened) && !getenv("MASKCL_SEPARATE_PROGRAMS");
    if (status != MCL_OK) {
        mcl_context_close(opened);
        return status;
    }
    warn_of_small_cache(opened);
    warn_of_old_driver(opened);
    warn_of_cut_loops(opened);
    opened->spreads = can_spread(opened);
    opened->paced = opened->info.type == MCL_DEVICE_GPU && !options->exclusive;
    mcl_context_limit_memory(opened, 0);
    opened->gemm = options->gemm;
    if (opened->gemm == MCL_GEMM_AUTO)
        opened->gemm = opened->info.type == MCL_DEVICE_CPU ? MCL_GEMM_NATIVE : MCL_GEMM_CLBLAST;
    *context = opened;
    return MCL_OK;
}

void mcl_context_close(mcl_context *context)
{
    if (!context)
        return;
    if (context->queue)
        clFinish(context->queue);
    free_attachments(context);
    mcl_profiler_free(context->profiler);
    mcl_programs_free(context);
    if (context->queue)
        clReleaseCommandQueue(context->queue);
    if (context->opencl)
        clReleaseContext(context->opencl);
    if (context->part)
        clReleaseDevice(context->part);
    free(context);
}

const mcl_device_info *mcl_context_device(const mcl_context *context)
{
    return context ? &context->info : NULL;
}

mcl_gemm_kind mcl_context_gemm(const mcl_context *context)
{
    return context ? context->gemm : MCL_GEMM_AUTO;
}

void mcl_context_limit_memory(mcl_context *context, uint64_t bytes)
{
    if (!context)
        return;
    const uint64_t all = context->info.global_memory ? context->info.global_memory : UINT64_MAX;
    context->memory_limit = bytes ? bytes : all - all / MEMORY_MARGIN;
}

bool mcl_context_is_pocl(const mcl_context *context)
{
    return strcmp(context->info.platform, "Portable Computing Language") == 0;
}

bool mcl_context_cuts_loops(const mcl_context *context)
{
    return strncmp(context->info.name, "llvmpipe", 8) == 0;
}

bool mcl_context_spreads(const mcl_context *context)
{
    return context->spreads;
}

mcl_status mcl_context_finish(mcl_context *context)
{
    cl_int code = clFinish(context->queue);
    return code == CL_SUCCESS ? MCL_OK : mcl_context_fail(context, "waiting for the device", code);
}
