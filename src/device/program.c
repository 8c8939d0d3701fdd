/* SPDX-License-Identifier: Apache-2.0 */
#include "device/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "device/compile.h"
#include "device/context.h"
#include "device/drivers.h"
#include "device/kernels.h"
#include "device/pace.h"
#include "device/source.h"

struct mcl_kernel {
    mcl_kernel *next; /* of the same program */
    struct mcl_program *program;
    char *name;
    cl_kernel built; /* NULL until it is */
    size_t largest_group;
    cl_ulong local_memory;
    mcl_pace pace;
};

/* One file of cl/ with its options. Files that are built together share an OpenCL program. */
struct mcl_program {
    struct mcl_program *next;      /* in the order in which they were found */
    struct mcl_program *same_hash; /* the next in the bucket */
    struct mcl_program *with;      /* the next of those that are being built together */
    mcl_context *context;
    mcl_kernel *kernels;
    char *file;
    char *options;
    struct mcl_text defines; /* the options' -D, as lines of source */
    struct mcl_text flags;   /* all options that go to the compiler */
    unsigned number;         /* of the files before it in the OpenCL program */
    bool plain;              /* one of the files that are built without options */
    bool waits;              /* found, so that it is built when another is */
    bool alone;              /* it does not build, or not together with others */
    cl_program opencl;       /* NULL until built */
    mcl_compilation failure; /* of a build that nobody has asked for yet; its status is MCL_OK
                                where there was none */
};

/* Whether the files without options are one program, which has all of them. */
static bool joins_plain(const mcl_context *context)
{
    return mcl_context_is_pocl(context) && !context->joins_programs;
}

/* Whether two files become one program. PoCL takes a tenth of a second for each program, however
 * small, and a third of that when it has it in its cache: all that a run has found by its first
 * launch is one program there. Where MASKCL_SEPARATE_PROGRAMS is set, the files without options are
 * always the same program, and those with options are one each: of more than a few different runs,
 * less is compiled then. For other drivers, each file is a program, so that only what no run has
 * had before is compiled. */
static bool is_built_with(const struct mcl_program *p, const struct mcl_program *program)
{
    const bool joined =
        p->context->joins_programs || (joins_plain(p->context) && p->plain && program->plain);
    return p == program || (joined && p->waits && !p->opencl && !p->alone && !program->alone &&
                               strcmp(p->flags.bytes, program->flags.bytes) == 0);
}

/* The first of program and those that are built with it; `with` of each is the next. */
static struct mcl_program *gather(struct mcl_program *program)
{
    struct mcl_program *first = NULL, **end = &first;
    for (struct mcl_program *p = program->context->programs.first; p; p = p->next) {
        if (!is_built_with(p, program))
            continue;
        *end = p;
        end = &p->with;
    }
    *end = NULL;
    return first;
}

static mcl_status put_together(struct mcl_source *source, struct mcl_program *first)
{
    for (struct mcl_program *p = first; p; p = p->with) {
        p->number = source->files;
        MCL_TRY(mcl_source_append(source, p->file, p->defines.bytes));
    }
    return MCL_OK;
}

/* Builds program and those that are built with it, of which first is the first. */
static mcl_status build_all(struct mcl_program *program, struct mcl_program *first)
{
    struct mcl_source source = {0};
    cl_program opencl = NULL;
    mcl_status status = put_together(&source, first);
    if (status == MCL_OK)
        status = mcl_compile(
            &opencl, program->context, source.text.bytes, program->flags.bytes, program->file);
    mcl_source_free(&source);
    if (status != MCL_OK)
        return status;
    for (struct mcl_program *p = first; p; p = p->with) {
        if (p != program && clRetainProgram(opencl) == CL_SUCCESS)
            p->opencl = opencl;
    }
    program->opencl = opencl;
    return MCL_OK;
}

static void forget_failure(struct mcl_program *program)
{
    free(program->failure.message);
    program->failure = (mcl_compilation){.status = MCL_OK};
}

/* Fails as the build of program did; the next one tries again. */
static mcl_status report_failure(struct mcl_program *program)
{
    const mcl_status status = program->failure.status;
    (void)mcl_fail(status, "%s", program->failure.message ? program->failure.message : "");
    mcl_opencl_record_error(program->failure.code);
    forget_failure(program);
    return status;
}

/* Whether p is built side by side with another: a launch of one of its kernels is to come. */
static bool is_expected(const struct mcl_program *p)
{
    return p->kernels && p->waits && !p->opencl && p->failure.status == MCL_OK;
}

/* Programs that are built side by side, the n-th from the n-th source. */
struct side_by_side {
    struct mcl_program **programs;
    struct mcl_source *sources;
    mcl_compilation *compilations;
    size_t count;
};

static mcl_status add(struct side_by_side *all, struct mcl_program *program)
{
    struct mcl_source *source = &all->sources[all->count];
    program->with = NULL;
    const mcl_status status = put_together(source, program);
    if (status != MCL_OK) {
        mcl_source_free(source);
        *source = (struct mcl_source){0};
        return status;
    }
    all->compilations[all->count] = (mcl_compilation){
        .source = source->text.bytes, .flags = program->flags.bytes, .file = program->file};
    all->programs[all->count++] = program;
    return MCL_OK;
}

static mcl_status compile(struct side_by_side *all, struct mcl_program *program)
{
    MCL_TRY(add(all, program));
    for (struct mcl_program *p = program->context->programs.first; p; p = p->next) {
        if (p != program && is_expected(p))
            (void)add(all, p); /* or its own launch will tell why not */
    }
    mcl_compile_all(all->compilations, all->count, program->context);
    for (size_t i = 0; i < all->count; i++) {
        struct mcl_program *p = all->programs[i];
        p->opencl = all->compilations[i].program;
        p->failure = all->compilations[i];
        p->waits = false; /* it is not tried again beside others */
    }
    return program->opencl ? MCL_OK : report_failure(program);
}

/* Builds program, and side by side with it those that are expected. */
static mcl_status build_side_by_side(struct mcl_program *program)
{
    struct side_by_side all = {0};
    size_t most = 0;
    for (const struct mcl_program *p = program->context->programs.first; p; p = p->next)
        most++;
    mcl_status status = mcl_allocate(&all.programs, most, sizeof(struct mcl_program *));
    if (status == MCL_OK)
        status = mcl_allocate(&all.sources, most, sizeof *all.sources);
    if (status == MCL_OK)
        status = mcl_allocate(&all.compilations, most, sizeof *all.compilations);
    if (status == MCL_OK)
        status = compile(&all, program);
    for (size_t i = 0; i < all.count; i++)
        mcl_source_free(&all.sources[i]);
    free(all.programs);
    free(all.sources);
    free(all.compilations);
    return status;
}

static mcl_status build(struct mcl_program *program)
{
    if (program->failure.status != MCL_OK) /* beside others it may have lacked memory */
        forget_failure(program);
    const mcl_device_info *info = &program->context->info;
    if (info->type != MCL_DEVICE_CPU && mcl_drivers_compile_in_threads(info->platform))
        return build_side_by_side(program); /* for CPUs Intel's driver takes no less time so */
    struct mcl_program *first = gather(program);
    const bool several = first->with != NULL;
    mcl_status status = build_all(program, first);
    for (struct mcl_program *p = first; p && status != MCL_OK; p = p->with)
        p->alone = true;
    if (status != MCL_OK && several) /* one is faulty, or two do not get along: which, if any? */
        status = build_all(program, gather(program));
    return status;
}

/* Releases what is built of program. It no longer waits for others, but for those that are always
 * one program with it. */
static void release(struct mcl_program *program)
{
    for (mcl_kernel *kernel = program->kernels; kernel; kernel = kernel->next) {
        if (kernel->built)
            clReleaseKernel(kernel->built);
        kernel->built = NULL;
    }
    if (program->opencl)
        clReleaseProgram(program->opencl);
    program->opencl = NULL;
    program->waits = program->plain && joins_plain(program->context);
    forget_failure(program);
}

static void free_program(struct mcl_program *program)
{
    release(program);
    while (program->kernels) {
        mcl_kernel *next = program->kernels->next;
        free(program->kernels->name);
        free(program->kernels);
        program->kernels = next;
    }
    free(program->defines.bytes);
    free(program->flags.bytes);
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

/* Warnings are silenced: PoCL prints their count to standard error, into whatever stands there.
 * Errors stay in the log. A static function PoCL optimizes once more before it makes work-groups of
 * what calls it, which takes a quarter longer for the products and gives half again as much code.
 */
static mcl_status append_standard_flags(struct mcl_text *flags, const mcl_context *context)
{
    static const char all[] = "-w -cl-std=CL1.2", pocl[] = " -D static=";
    static const char spread[] = " -D MCL_WIDTH=1";
    static const char exact[] = " -cl-fp32-correctly-rounded-divide-sqrt -D MCL_EXACT_DIVISION=1";
    MCL_TRY(mcl_text_append(flags, all, strlen(all)));
    if (mcl_context_is_pocl(context))
        MCL_TRY(mcl_text_append(flags, pocl, strlen(pocl)));
    if (mcl_context_spreads(context))
        MCL_TRY(mcl_text_append(flags, spread, strlen(spread)));
    return context->exact_division ? mcl_text_append(flags, exact, strlen(exact)) : MCL_OK;
}

static mcl_status create(struct mcl_program *program, const char *file, const char *options)
{
    program->plain = is_plain(file, options);
    MCL_TRY(mcl_copy_string(&program->file, file));
    MCL_TRY(mcl_copy_string(&program->options, options));
    MCL_TRY(mcl_text_append(&program->defines, "", 0));
    MCL_TRY(append_standard_flags(&program->flags, program->context));
    return mcl_source_options(&program->defines, &program->flags, options);
}

/* The list that the program of file with options is in, if it is there. */
static struct mcl_program **bucket_of(
    struct mcl_programs *programs, const char *file, const char *options)
{
    uint32_t hash = 0;
    for (const char *at = file; *at; at++)
        hash = 31 * hash + (unsigned char)*at;
    for (const char *at = options; *at; at++)
        hash = 31 * hash + (unsigned char)*at;
    return &programs->buckets[hash % MCL_PROGRAM_BUCKETS];
}

/* *found = the program of file with options, added after the others when it is new. */
static mcl_status find_or_add(
    struct mcl_program **found, mcl_context *context, const char *file, const char *options)
{
    struct mcl_programs *programs = &context->programs;
    struct mcl_program **bucket = bucket_of(programs, file, options), *program = *bucket;
    while (program && (strcmp(program->file, file) != 0 || strcmp(program->options, options) != 0))
        program = program->same_hash;
    if (!program) {
        MCL_TRY(mcl_allocate(&program, 1, sizeof *program));
        program->context = context;
        mcl_status status = create(program, file, options);
        if (status != MCL_OK) {
            free_program(program);
            return status;
        }
        program->same_hash = *bucket;
        *bucket = program;
        *(programs->first ? &programs->last->next : &programs->first) = program;
        programs->last = program;
    }
    program->waits = true;
    *found = program;
    return MCL_OK;
}

/* The same; where the files without options are one program, with the first of them come all, in
 * the order of their names. */
static mcl_status find_program(
    struct mcl_program **found, mcl_context *context, const char *file, const char *options)
{
    if (joins_plain(context) && is_plain(file, options) && !context->programs.has_plain) {
        for (const struct mcl_kernel_file *other = mcl_kernel_files; other->name; other++) {
            if (other->plain)
                MCL_TRY(find_or_add(found, context, other->name, ""));
        }
        context->programs.has_plain = true;
    }
    return find_or_add(found, context, file, options);
}

mcl_status mcl_kernel_find(mcl_kernel **kernel, mcl_context *context, const char *file,
    const char *name, const char *options)
{
    struct mcl_program *program;
    MCL_TRY(find_program(&program, context, file, options));
    mcl_kernel *found = program->kernels;
    while (found && strcmp(found->name, name) != 0)
        found = found->next;
    if (!found) {
        MCL_TRY(mcl_allocate(&found, 1, sizeof *found));
        const mcl_status status = mcl_copy_string(&found->name, name);
        if (status != MCL_OK) {
            free(found);
            return status;
        }
        found->program = program;
        found->next = program->kernels;
        program->kernels = found;
    }
    *kernel = found;
    return MCL_OK;
}

/* Asks for the limits of a kernel that has just been built. A driver that does not answer is one
 * for which the device's hold. */
static void ask_limits(mcl_kernel *kernel, cl_device_id device, size_t largest_group)
{
    size_t group = 0;
    cl_ulong local = 0;
    (void)clGetKernelWorkGroupInfo(
        kernel->built, device, CL_KERNEL_WORK_GROUP_SIZE, sizeof group, &group, NULL);
    (void)clGetKernelWorkGroupInfo(
        kernel->built, device, CL_KERNEL_LOCAL_MEM_SIZE, sizeof local, &local, NULL);
    kernel->largest_group = group && group < largest_group ? group : largest_group;
    kernel->local_memory = local;
}

mcl_status mcl_kernel_build(cl_kernel *built, mcl_kernel *kernel)
{
    const struct mcl_program *program = kernel->program;
    if (!program->opencl)
        MCL_TRY(build(kernel->program));
    if (!kernel->built) {
        char full[128];
        const bool numbered = !program->plain && program->number > 0;
        snprintf(full, sizeof full, numbered ? "%s_%u" : "%s", kernel->name, program->number);
        cl_int code;
        cl_kernel created = clCreateKernel(program->opencl, full, &code);
        if (code != CL_SUCCESS) {
            char what[128];
            snprintf(
                what, sizeof what, "creating the kernel %s of %s", kernel->name, program->file);
            return mcl_context_fail(program->context, what, code);
        }
        kernel->built = created;
        ask_limits(kernel, program->context->device, program->context->largest_group);
    }
    *built = kernel->built;
    return MCL_OK;
}

size_t mcl_kernel_largest_group(const mcl_kernel *kernel)
{
    return kernel->largest_group;
}

uint64_t mcl_kernel_local_memory(const mcl_kernel *kernel)
{
    return kernel->local_memory;
}

struct mcl_pace *mcl_kernel_pace(mcl_kernel *kernel)
{
    return &kernel->pace;
}

mcl_context *mcl_kernel_context(const mcl_kernel *kernel)
{
    return kernel->program->context;
}

void mcl_programs_release(mcl_context *context)
{
    for (struct mcl_program *program = context->programs.first; program; program = program->next)
        release(program);
}

void mcl_programs_free(mcl_context *context)
{
    for (struct mcl_program *program = context->programs.first, *next; program; program = next) {
        next = program->next;
        free_program(program);
    }
    context->programs = (struct mcl_programs){0};
}
