/* SPDX-License-Identifier: Apache-2.0 */
#include "device/compile.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "device/cache.h"
#include "device/context.h"
#include "device/drivers.h"

#define THREADS_MAX 16 /* that compile, beside the caller's */
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
    const int lock = mcl_drivers_lock_cache(context->info.platform);
    code = clBuildProgram(created, 1, &context->device, flags, NULL, NULL);
    mcl_drivers_unlock_cache(lock);
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

/* What threads share that compile a list. */
struct work {
    mcl_context *context;
    mcl_compilation *list;
    size_t count;
    atomic_size_t next; /* that no thread has taken */
};

static void compile_one(mcl_compilation *compilation, mcl_context *context)
{
    compilation->status = mcl_compile(
        &compilation->program, context, compilation->source, compilation->flags, compilation->file);
    if (compilation->status == MCL_OK)
        return;
    compilation->program = NULL;
    compilation->code = mcl_opencl_last_error();
    if (mcl_copy_string(&compilation->message, mcl_error_message()) != MCL_OK)
        compilation->message = NULL;
}

static void *compile_next(void *of)
{
    struct work *work = of;
    for (size_t i; (i = atomic_fetch_add(&work->next, 1)) < work->count;)
        compile_one(&work->list[i], work->context);
    return NULL;
}

void mcl_compile_all(mcl_compilation *list, size_t count, mcl_context *context)
{
    struct work work = {.context = context, .list = list, .count = count};
    pthread_t threads[THREADS_MAX];
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    long started = 0;
    sigset_t all, before;
    sigfillset(&all); /* signals are for the threads that there were */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (started < THREADS_MAX && started + 1 < processors && (size_t)started + 1 < count &&
           pthread_create(&threads[started], NULL, compile_next, &work) == 0)
        started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    compile_next(&work); /* whatever else is taken on, and all of it where no thread starts */
    while (started > 0)
        pthread_join(threads[--started], NULL);
}
