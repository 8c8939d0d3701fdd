/* SPDX-License-Identifier: Apache-2.0 */
/* Programs: sources put together, built or taken from the cache when first needed, kernels by name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "device/cache.h"
#include "device/context.h"
#include "device/kernels.h"
#include "device/source.h"

#define KERNELS_MAX 32 /* a file */

/* One file of cl/ with its options. Files that are built together share an OpenCL program. */
struct mcl_program {
    struct mcl_program *next;
    char *file;
    char *options;
    struct mcl_text defines; /* the options' -D, as lines of source */
    struct mcl_text flags;   /* all options that go to the compiler */
    struct mcl_text renamed; /* functions called NAME_number in the shared program */
    unsigned number;
    bool plain;        /* one of the files that are built without options */
    bool alone;        /* it does not build together with the others */
    cl_program opencl; /* NULL until built */
    struct {
        char *name;
        cl_kernel opencl;
    } kernels[KERNELS_MAX];
    size_t kernel_count;
};

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
    mcl_status status = mcl_fail(MCL_ERROR_DEVICE,
        "%s: the kernels of %s do not build: %s (%d)%s%s", context->info.name, file,
        mcl_opencl_error_name(code), code, log && *log ? ":\n" : "", log ? log : "");
    free(log);
    return status;
}

/* PoCL has a cache of its own, finer than this one, and gives a binary only after it has compiled
 * every kernel once more: 2.4 s for the programs of a training. */
static bool is_cached(const mcl_context *context)
{
    return !mcl_context_is_pocl(context);
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
        clBuildProgram(loaded, 1, &context->device, flags, NULL, NULL) == CL_SUCCESS)
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

static mcl_status compile(cl_program *program, mcl_context *context, const char *source,
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

static mcl_status load_or_compile(cl_program *program, mcl_context *context, const char *source,
    const char *flags, const char *file)
{
    if (!is_cached(context))
        return compile(program, context, source, flags, file);
    char *key;
    MCL_TRY(mcl_cache_key(&key, context, flags, source));
    load(program, context, flags, key);
    mcl_status status = MCL_OK;
    if (!*program) {
        status = compile(program, context, source, flags, file);
        if (status == MCL_OK)
            store(*program, key);
    }
    free(key);
    return status;
}

/* Whether two files become one program. PoCL takes a tenth of a second for each program, however
 * small, and a quarter of that when it has it in its cache. The files without options are always
 * the same program there; those with options are another, or one each where
 * MASKCL_SEPARATE_PROGRAMS is set: of more than a few different runs, less is compiled then. For
 * other drivers, each file is a program, so that only what no run has had before is compiled. */
static bool is_built_with(
    const mcl_context *context, const struct mcl_program *p, const struct mcl_program *program)
{
    return p == program ||
           (mcl_context_is_pocl(context) && (p->plain || context->joins_programs) &&
               p->plain == program->plain && !p->opencl && !p->alone && !program->alone &&
               strcmp(p->flags.bytes, program->flags.bytes) == 0);
}

/* Builds program, and with it all others that wait to be built and can be. */
static mcl_status build(mcl_context *context, struct mcl_program *program)
{
    struct mcl_source source = {0};
    cl_program opencl = NULL;
    mcl_status status = MCL_OK;
    bool alone = true;
    for (struct mcl_program *p = context->programs; p; p = p->next) {
        if (!is_built_with(context, p, program))
            continue;
        alone = alone && p == program;
        if (status == MCL_OK)
            status = mcl_source_prepare(&source, p->file, p->defines.bytes);
    }
    for (struct mcl_program *p = context->programs; p && status == MCL_OK; p = p->next) {
        if (!is_built_with(context, p, program))
            continue;
        p->number = source.files;
        free(p->renamed.bytes);
        p->renamed = (struct mcl_text){0};
        status = mcl_source_append(&source, &p->renamed, p->file, p->defines.bytes);
    }
    if (status == MCL_OK)
        status = load_or_compile(
            &opencl, context, source.text.bytes, program->flags.bytes, program->file);
    mcl_source_free(&source);
    if (status != MCL_OK) {
        if (alone)
            return status;
        /* One of the files is faulty, or two do not get along: only this one's faults matter. */
        for (struct mcl_program *p = context->programs; p; p = p->next)
            p->alone = p->alone || !p->opencl;
        return build(context, program);
    }
    for (struct mcl_program *p = context->programs; p; p = p->next) {
        if (is_built_with(context, p, program) && p != program &&
            clRetainProgram(opencl) == CL_SUCCESS)
            p->opencl = opencl;
    }
    program->opencl = opencl;
    return MCL_OK;
}

static void release(struct mcl_program *program)
{
    for (size_t i = 0; i < program->kernel_count; i++) {
        clReleaseKernel(program->kernels[i].opencl);
        free(program->kernels[i].name);
    }
    if (program->opencl)
        clReleaseProgram(program->opencl);
    free(program->defines.bytes);
    free(program->flags.bytes);
    free(program->renamed.bytes);
    free(program->file);
    free(program->options);
    free(program);
}

/* Whether it is one of the files that are built without options. */
static bool is_plain(const char *name, const char *options)
{
    const struct mcl_kernel_file *file = mcl_source_find(name);
    return file && file->plain && !*options;
}

static mcl_status create(
    struct mcl_program *program, const mcl_context *context, const char *file, const char *options)
{
    /* Warnings are silenced: PoCL prints their count to standard error, into whatever stands there.
     * Errors stay in the log. */
    const char *standard =
        context->exact_division
            ? "-w -cl-std=CL1.2 -cl-fp32-correctly-rounded-divide-sqrt -D MCL_EXACT_DIVISION=1"
            : "-w -cl-std=CL1.2";
    program->plain = is_plain(file, options);
    MCL_TRY(mcl_copy_string(&program->file, file));
    MCL_TRY(mcl_copy_string(&program->options, options));
    MCL_TRY(mcl_text_append(&program->defines, "", 0));
    MCL_TRY(mcl_text_append(&program->flags, standard, strlen(standard)));
    return mcl_source_options(&program->defines, &program->flags, options);
}

/* The place in the list of the program of file with options, or the list's end. */
static struct mcl_program **search(mcl_context *context, const char *file, const char *options)
{
    struct mcl_program **at = &context->programs;
    while (*at && (strcmp((*at)->file, file) != 0 || strcmp((*at)->options, options) != 0))
        at = &(*at)->next;
    return at;
}

/* *found = the program of file with options, added behind the others when it is new. */
static mcl_status find_or_add(
    struct mcl_program **found, mcl_context *context, const char *file, const char *options)
{
    struct mcl_program **at = search(context, file, options), *program;
    if (*at) {
        *found = *at;
        return MCL_OK;
    }
    MCL_TRY(mcl_allocate(&program, 1, sizeof *program));
    mcl_status status = create(program, context, file, options);
    if (status == MCL_OK)
        *found = *at = program;
    else
        release(program);
    return status;
}

/* *found = the program of file with options. With the first of the files without options come all
 * of them, in the order of their names. */
static mcl_status find(
    struct mcl_program **found, mcl_context *context, const char *file, const char *options)
{
    *found = *search(context, file, options);
    if (*found)
        return MCL_OK;
    const bool plain = is_plain(file, options);
    for (const struct mcl_kernel_file *other = mcl_kernel_files; plain && other->name; other++) {
        if (other->plain)
            MCL_TRY(find_or_add(found, context, other->name, ""));
    }
    return find_or_add(found, context, file, options);
}

/* Takes a program that does not build out of the list: it is tried anew when asked for again. */
static void forget(mcl_context *context, struct mcl_program *program)
{
    struct mcl_program **link = search(context, program->file, program->options);
    *link = program->next;
    release(program);
}

mcl_status mcl_kernel_expect(mcl_context *context, const char *file, const char *options)
{
    struct mcl_program *program;
    return find(&program, context, file, options);
}

mcl_status mcl_kernel_get(cl_kernel *kernel, mcl_context *context, const char *file,
    const char *name, const char *options)
{
    struct mcl_program *program;
    MCL_TRY(find(&program, context, file, options));
    if (!program->opencl) {
        mcl_status status = build(context, program);
        if (status != MCL_OK) {
            forget(context, program);
            return status;
        }
    }
    for (size_t i = 0; i < program->kernel_count; i++) {
        if (strcmp(program->kernels[i].name, name) == 0) {
            *kernel = program->kernels[i].opencl;
            return MCL_OK;
        }
    }
    if (program->kernel_count == KERNELS_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%s: more than %d kernels", file, KERNELS_MAX);
    char *copy, full[128];
    snprintf(full, sizeof full,
        mcl_names_have(&program->renamed, name, strlen(name)) ? "%s_%u" : "%s", name,
        program->number);
    MCL_TRY(mcl_copy_string(&copy, name));
    cl_int code;
    cl_kernel created = clCreateKernel(program->opencl, full, &code);
    if (code != CL_SUCCESS) {
        free(copy);
        char what[128];
        snprintf(what, sizeof what, "creating the kernel %s of %s", name, file);
        return mcl_context_fail(context, what, code);
    }
    program->kernels[program->kernel_count].name = copy;
    program->kernels[program->kernel_count++].opencl = created;
    *kernel = created;
    return MCL_OK;
}

struct mcl_kernel {
    mcl_kernel *next;
    mcl_context *context;
    char *file, *name, *options;
    cl_kernel built; /* NULL until it is */
};

static void free_kernel(mcl_kernel *kernel)
{
    free(kernel->file);
    free(kernel->name);
    free(kernel->options);
    free(kernel);
}

mcl_status mcl_kernel_find(mcl_kernel **kernel, mcl_context *context, const char *file,
    const char *name, const char *options)
{
    MCL_TRY(mcl_kernel_expect(context, file, options));
    for (mcl_kernel *at = context->kernels; at; at = at->next) {
        if (strcmp(at->file, file) == 0 && strcmp(at->name, name) == 0 &&
            strcmp(at->options, options) == 0) {
            *kernel = at;
            return MCL_OK;
        }
    }
    mcl_kernel *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    mcl_status status = mcl_copy_string(&created->file, file);
    if (status == MCL_OK)
        status = mcl_copy_string(&created->name, name);
    if (status == MCL_OK)
        status = mcl_copy_string(&created->options, options);
    if (status != MCL_OK) {
        free_kernel(created);
        return status;
    }
    created->next = context->kernels;
    *kernel = context->kernels = created;
    return MCL_OK;
}

mcl_status mcl_kernel_build(cl_kernel *built, mcl_kernel *kernel)
{
    if (!kernel->built)
        MCL_TRY(mcl_kernel_get(
            &kernel->built, kernel->context, kernel->file, kernel->name, kernel->options));
    *built = kernel->built;
    return MCL_OK;
}

mcl_status mcl_run_arguments(mcl_kernel *kernel, const size_t global[3], const size_t *local,
    const mcl_argument *arguments, size_t count)
{
    cl_kernel built;
    MCL_TRY(mcl_kernel_build(&built, kernel));
    return mcl_launch_arguments(kernel->context, built, global, local, arguments, count);
}

void mcl_programs_release(mcl_context *context)
{
    for (mcl_kernel *kernel = context->kernels; kernel; kernel = kernel->next)
        kernel->built = NULL;
    while (context->programs) {
        struct mcl_program *next = context->programs->next;
        release(context->programs);
        context->programs = next;
    }
}

void mcl_kernels_free(mcl_context *context)
{
    while (context->kernels) {
        mcl_kernel *next = context->kernels->next;
        free_kernel(context->kernels);
        context->kernels = next;
    }
}
