/* SPDX-License-Identifier: Apache-2.0 */
#include "device/compile.h"

#include <stdlib.h>

#include "base/memory.h"
#include "device/cache.h"
#include "device/context.h"
#include "device/drivers.h"

#define HINT_SIZE 1400 /* of a path and what there is to do about it */

/* Records the compiler's log, which names the kernel's own lines. */
static mcl_status build_failed(
    mcl_context *context, cl_program program, const char *file, cl_int code)
{
    size_t bytes = 0;
    char *log = NULL;
    (void)clGetProgramBuildInfo(program, context->device, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes);
    if (bytes && mcl_allocate(&log, bytes + 1, 1) == MCL_OK)
        (void)clGetProgramBuildInfo(
            program, context->device, CL_PROGRAM_BUILD_LOG, bytes, log, NULL);
    char text[HINT_SIZE] = "";
    struct mcl_line hint = {text, sizeof text, 0};
    if (!mcl_drivers_cache_problem(&hint, context->info.platform) && !(log && *log))
        mcl_line_add(&hint, "the compiler says nothing, as where the folder for temporary files "
                            "or that of the driver's cache is full");
    mcl_status status =
        mcl_fail(MCL_ERROR_DEVICE, "%s: the kernels of %s do not build: %s (%d)%s%s%s%s",
            context->info.name, file, mcl_opencl_error_name(code), code, hint.used ? "; " : "",
            text, log && *log ? ":\n" : "", log ? log : "");
    free(log);
    mcl_opencl_record_error(code);
    return status;
}

/* PoCL has a cache of its own, finer than this one, and gives a binary only after it has compiled
 * every kernel once more: 2.4 s for the programs of a training. */
static bool is_cached(const mcl_context *context)
{
    return !mcl_context_is_pocl(context);
}

/* A driver may take a binary and have nothing of it. */
static bool has_kernels(cl_program program)
{
    size_t count = 0;
    return clGetProgramInfo(program, CL_PROGRAM_NUM_KERNELS, sizeof count, &count, NULL) ==
               CL_SUCCESS &&
           count > 0;
}

/* *program = what the cache has under key, or NULL. */
static void load(cl_program *program, mcl_context *context, const char *flags, const char *key)
{
    unsigned char *binary;
    size_t size;
    *program = NULL;
    if (!mcl_cache_load(&binary, &size, key))
        return;
    cl_int accepted, code;
    const unsigned char *bytes = binary;
    cl_program loaded = clCreateProgramWithBinary(
        context->opencl, 1, &context->device, &size, &bytes, &accepted, &code);
    free(binary);
    if (code != CL_SUCCESS)
        return;
    if (accepted == CL_SUCCESS &&
        clBuildProgram(loaded, 1, &context->device, flags, NULL, NULL) == CL_SUCCESS &&
        has_kernels(loaded))
        *program = loaded;
    else
        clReleaseProgram(loaded);
}

static void store(cl_program program, const char *key)
{
    size_t size = 0;
    unsigned char *binary;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) !=
            CL_SUCCESS ||
        size == 0 || mcl_allocate(&binary, size, 1) != MCL_OK)
        return;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS)
        mcl_cache_store(key, binary, size);
    free(binary);
}

static mcl_status build(cl_program *program, mcl_context *context, const char *source,
    const char *flags, const char *file)
{
    cl_int code;
    cl_program created = clCreateProgramWithSource(context->opencl, 1, &source, NULL, &code);
    if (code != CL_SUCCESS)
        return mcl_context_fail(context, "creating a program", code);
    code = clBuildProgram(created, 1, &context->device, flags, NULL, NULL);
    if (code != CL_SUCCESS) {
        mcl_status status = build_failed(context, created, file, code);
        clReleaseProgram(created);
        return status;
    }
    *program = created;
    return MCL_OK;
}

mcl_status mcl_compile(cl_program *program, mcl_context *context, const char *source,
    const char *flags, const char *file)
{
    if (!is_cached(context))
        return build(program, context, source, flags, file);
    char *key;
    MCL_TRY(mcl_cache_key(&key, context, flags, source));
    load(program, context, flags, key);
    mcl_status status = MCL_OK;
    if (!*program) {
        status = build(program, context, source, flags, file);
        if (status == MCL_OK)
            store(*program, key);
    }
    free(key);
    return status;
}
