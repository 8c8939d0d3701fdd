/* Programs: sources put together, built when first needed, kernels by name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "device/context.h"
#include "device/kernels.h"

#define KERNELS_MAX 32 /* a program */
#define INCLUDE_DEPTH_MAX 8

struct mcl_program {
    struct mcl_program *next;
    char *file;
    char *options;
    cl_program opencl;
    struct {
        char *name;
        cl_kernel opencl;
    } kernels[KERNELS_MAX];
    size_t kernel_count;
};

/* A text that grows. */
struct text {
    char *bytes;
    size_t length, capacity;
};

static mcl_status append(struct text *text, const char *bytes, size_t count)
{
    if (text->length + count + 1 > text->capacity) {
        size_t capacity = 2 * (text->length + count + 1);
        char *longer = realloc(text->bytes, capacity);
        if (!longer)
            return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory for a kernel's source");
        text->bytes = longer;
        text->capacity = capacity;
    }
    memcpy(text->bytes + text->length, bytes, count);
    text->length += count;
    text->bytes[text->length] = '\0';
    return MCL_OK;
}

/* Appends the file called name from the folder that MASKCL_KERNELS names. */
static mcl_status read_file(struct text *text, const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return mcl_fail(MCL_ERROR_FILE, "%s: cannot open the kernel source (MASKCL_KERNELS): %s",
            path, strerror(errno));
    mcl_status status = MCL_OK;
    char block[4096];
    size_t count;
    while (status == MCL_OK && (count = fread(block, 1, sizeof block, file)) > 0)
        status = append(text, block, count);
    if (status == MCL_OK && ferror(file))
        status = mcl_fail(MCL_ERROR_FILE, "%s: cannot read: %s", path, strerror(errno));
    fclose(file);
    return status;
}

static mcl_status read_source(struct text *text, const char *name)
{
    const char *folder = getenv("MASKCL_KERNELS");
    if (folder && *folder)
        return read_file(text, folder, name);
    for (const struct mcl_kernel_file *file = mcl_kernel_files; file->name; file++) {
        if (strcmp(file->name, name) == 0)
            return append(text, file->text, strlen(file->text));
    }
    return mcl_fail(MCL_ERROR_ARGUMENT, "there is no kernel source called '%s'", name);
}

/* Appends name's source with every `#include "other"` line replaced by that file's source. Line
 * directives make the compiler name the file and line that a person would look at. */
static mcl_status assemble(struct text *program, const char *name, unsigned depth)
{
    static const char directive[] = "#include \"";
    if (depth > INCLUDE_DEPTH_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%s: kernel sources include each other", name);
    struct text source = {0};
    mcl_status status = read_source(&source, name);
    char mark[256];
    snprintf(mark, sizeof mark, "#line 1 \"%s\"\n", name);
    if (status == MCL_OK)
        status = append(program, mark, strlen(mark));
    unsigned number = 0;
    for (char *line = source.bytes; status == MCL_OK && line && *line;) {
        size_t length = strcspn(line, "\n");
        length += line[length] == '\n';
        number++;
        if (strncmp(line, directive, sizeof directive - 1) == 0) {
            char *first = line + sizeof directive - 1;
            char included[128];
            snprintf(included, sizeof included, "%.*s", (int)strcspn(first, "\"\n"), first);
            status = assemble(program, included, depth + 1);
            snprintf(mark, sizeof mark, "\n#line %u \"%s\"\n", number + 1, name);
            if (status == MCL_OK)
                status = append(program, mark, strlen(mark));
        } else {
            status = append(program, line, length);
        }
        line += length;
    }
    free(source.bytes);
    return status;
}

/* Records the compiler's log, which names the kernel's own lines. */
static mcl_status build_failed(mcl_context *context, const struct mcl_program *program, cl_int code)
{
    size_t bytes = 0;
    char *log = NULL;
    (void)clGetProgramBuildInfo(
        program->opencl, context->device, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes);
    if (bytes && mcl_allocate(&log, bytes + 1, 1) == MCL_OK)
        (void)clGetProgramBuildInfo(
            program->opencl, context->device, CL_PROGRAM_BUILD_LOG, bytes, log, NULL);
    mcl_status status = mcl_fail(MCL_ERROR_DEVICE,
        "%s: the kernels of %s do not build: %s (%d)%s%s", context->info.name, program->file,
        mcl_opencl_error_name(code), code, log && *log ? ":\n" : "", log ? log : "");
    free(log);
    return status;
}

static void release(struct mcl_program *program)
{
    for (size_t i = 0; i < program->kernel_count; i++) {
        clReleaseKernel(program->kernels[i].opencl);
        free(program->kernels[i].name);
    }
    if (program->opencl)
        clReleaseProgram(program->opencl);
    free(program->file);
    free(program->options);
    free(program);
}

static mcl_status build(struct mcl_program *program, mcl_context *context)
{
    struct text source = {0};
    struct text options = {0};
    mcl_status status = assemble(&source, program->file, 0);
    if (status == MCL_OK)
        status = append(&options, "-cl-std=CL1.2 ", strlen("-cl-std=CL1.2 "));
    if (status == MCL_OK)
        status = append(&options, program->options, strlen(program->options));
    if (status == MCL_OK) {
        const char *text = source.bytes;
        cl_int code;
        program->opencl = clCreateProgramWithSource(context->opencl, 1, &text, NULL, &code);
        if (code != CL_SUCCESS)
            status = mcl_context_fail(context, "creating a program", code);
        else if ((code = clBuildProgram(program->opencl, 1, &context->device, options.bytes, NULL,
                      NULL)) != CL_SUCCESS)
            status = build_failed(context, program, code);
    }
    free(source.bytes);
    free(options.bytes);
    return status;
}

static mcl_status get_program(
    struct mcl_program **found, mcl_context *context, const char *file, const char *options)
{
    for (struct mcl_program *p = context->programs; p; p = p->next) {
        if (strcmp(p->file, file) == 0 && strcmp(p->options, options) == 0) {
            *found = p;
            return MCL_OK;
        }
    }
    struct mcl_program *program;
    MCL_TRY(mcl_allocate(&program, 1, sizeof *program));
    mcl_status status = mcl_copy_string(&program->file, file);
    if (status == MCL_OK)
        status = mcl_copy_string(&program->options, options);
    if (status == MCL_OK)
        status = build(program, context);
    if (status != MCL_OK) {
        release(program);
        return status;
    }
    program->next = context->programs;
    context->programs = program;
    *found = program;
    return MCL_OK;
}

mcl_status mcl_kernel_get(cl_kernel *kernel, mcl_context *context, const char *file,
    const char *name, const char *options)
{
    struct mcl_program *program;
    MCL_TRY(get_program(&program, context, file, options));
    for (size_t i = 0; i < program->kernel_count; i++) {
        if (strcmp(program->kernels[i].name, name) == 0) {
            *kernel = program->kernels[i].opencl;
            return MCL_OK;
        }
    }
    if (program->kernel_count == KERNELS_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%s: more than %d kernels", file, KERNELS_MAX);
    char *copy;
    MCL_TRY(mcl_copy_string(&copy, name));
    cl_int code;
    cl_kernel created = clCreateKernel(program->opencl, name, &code);
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

void mcl_programs_release(mcl_context *context)
{
    while (context->programs) {
        struct mcl_program *next = context->programs->next;
        release(context->programs);
        context->programs = next;
    }
}
