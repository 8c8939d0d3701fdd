/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into the program (LD_PRELOAD), makes any OpenCL device look like a GPU on which
 * everything succeeds at once and nothing is computed, and writes down what would be compiled: so
 * that runs of real sizes tell within moments which programs a GPU gets.
 *   RECORD_FOLDER=FOLDER   program N becomes FOLDER/PROCESS-N.cl, its options
 *                          FOLDER/PROCESS-N.options
 *   RECORD_UNITS=N         the device's compute units, which decide tiles
 *   RECORD_LAUNCHES=FILE   gets a line for each launch: kernel, global size and that of its groups,
 *                          0 where it is left to the driver; and "step" where a training step ends
 * Compiled by tools/gpu/compilers. Buffers, queues and their commands are the driver's own. */
#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What platform and device are called; no driver of that name is special. */
#define NAME "Recorder"
#define GROUP_MAX 256 /* work-items in a work-group */

#define REAL(name)                                                                                 \
    static __typeof__(name) *real;                                                                 \
    if (!real)                                                                                     \
    *(void **)&real = dlsym(RTLD_NEXT, #name)

/* A kernel is its name, a program its number. */
struct program {
    unsigned number;
    unsigned references;
};

static unsigned programs;

static FILE *open_file(unsigned number, const char *ending)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%ld-%03u.%s", getenv("RECORD_FOLDER"), (long)getpid(), number,
        ending);
    FILE *file = fopen(path, "w");
    if (!file) {
        perror(path);
        abort();
    }
    return file;
}

static cl_int answer(const void *value, size_t bytes, size_t size, void *to, size_t *needed)
{
    if (needed)
        *needed = bytes;
    if (to && size < bytes)
        return CL_INVALID_VALUE;
    if (to)
        memcpy(to, value, bytes);
    return CL_SUCCESS;
}

cl_int clGetPlatformInfo(
    cl_platform_id platform, cl_platform_info what, size_t size, void *to, size_t *needed)
{
    REAL(clGetPlatformInfo);
    if (what == CL_PLATFORM_NAME)
        return answer(NAME, sizeof NAME, size, to, needed);
    return real(platform, what, size, to, needed);
}

cl_int clGetDeviceIDs(cl_platform_id platform, cl_device_type type, cl_uint count,
    cl_device_id *devices, cl_uint *found)
{
    REAL(clGetDeviceIDs);
    return real(
        platform, type & CL_DEVICE_TYPE_GPU ? CL_DEVICE_TYPE_ALL : type, count, devices, found);
}

/* What a run or the choice of kernels may depend on is the same wherever this is recorded. */
cl_int clGetDeviceInfo(
    cl_device_id device, cl_device_info what, size_t size, void *to, size_t *needed)
{
    REAL(clGetDeviceInfo);
    static const cl_device_type type = CL_DEVICE_TYPE_GPU;
    static const cl_bool shared = CL_FALSE;
    static const cl_uint width = 1;
    static const size_t group = GROUP_MAX;
    static const cl_ulong local = 48 << 10, memory = (cl_ulong)8 << 30, largest = (cl_ulong)2 << 30;
    static const cl_device_fp_config config =
        CL_FP_DENORM | CL_FP_INF_NAN | CL_FP_ROUND_TO_NEAREST | CL_FP_ROUND_TO_ZERO |
        CL_FP_ROUND_TO_INF | CL_FP_FMA | CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT;
    const cl_uint units = (cl_uint)strtoul(getenv("RECORD_UNITS"), NULL, 10);
    switch (what) {
    case CL_DEVICE_NAME:
        return answer(NAME, sizeof NAME, size, to, needed);
    case CL_DEVICE_TYPE:
        return answer(&type, sizeof type, size, to, needed);
    case CL_DEVICE_HOST_UNIFIED_MEMORY:
        return answer(&shared, sizeof shared, size, to, needed);
    case CL_DEVICE_MAX_COMPUTE_UNITS:
        return answer(&units, sizeof units, size, to, needed);
    case CL_DEVICE_MAX_WORK_GROUP_SIZE:
        return answer(&group, sizeof group, size, to, needed);
    case CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT:
    case CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT:
        return answer(&width, sizeof width, size, to, needed);
    case CL_DEVICE_LOCAL_MEM_SIZE:
        return answer(&local, sizeof local, size, to, needed);
    case CL_DEVICE_GLOBAL_MEM_SIZE:
        return answer(&memory, sizeof memory, size, to, needed);
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
        return answer(&largest, sizeof largest, size, to, needed);
    case CL_DEVICE_SINGLE_FP_CONFIG:
        return answer(&config, sizeof config, size, to, needed);
    default:
        return real(device, what, size, to, needed);
    }
}

cl_program clCreateProgramWithSource(
    cl_context context, cl_uint count, const char **strings, const size_t *lengths, cl_int *code)
{
    (void)context;
    struct program *program = malloc(sizeof *program);
    if (!program)
        abort();
    *program = (struct program){.number = programs++, .references = 1};
    FILE *file = open_file(program->number, "cl");
    for (cl_uint i = 0; i < count; i++)
        fwrite(strings[i], 1, lengths && lengths[i] ? lengths[i] : strlen(strings[i]), file);
    fclose(file);
    if (code)
        *code = CL_SUCCESS;
    return (cl_program)program;
}

cl_int clBuildProgram(cl_program program, cl_uint count, const cl_device_id *devices,
    const char *options, void(CL_CALLBACK *notify)(cl_program, void *), void *data)
{
    (void)count, (void)devices, (void)notify, (void)data;
    FILE *file = open_file(((struct program *)program)->number, "options");
    fputs(options ? options : "", file);
    fclose(file);
    return CL_SUCCESS;
}

cl_int clRetainProgram(cl_program program)
{
    ((struct program *)program)->references++;
    return CL_SUCCESS;
}

cl_int clReleaseProgram(cl_program program)
{
    if (--((struct program *)program)->references == 0)
        free(program);
    return CL_SUCCESS;
}

/* A binary of one byte, which the cache of the program and CLBlast's are content with. */
cl_int clGetProgramInfo(
    cl_program program, cl_program_info what, size_t size, void *to, size_t *needed)
{
    (void)program;
    const size_t one = 1;
    const cl_uint devices = 1;
    if (what == CL_PROGRAM_NUM_DEVICES)
        return answer(&devices, sizeof devices, size, to, needed);
    if (what == CL_PROGRAM_BINARY_SIZES)
        return answer(&one, sizeof one, size, to, needed);
    if (what == CL_PROGRAM_BINARIES) {
        if (to)
            **(unsigned char **)to = 0;
        if (needed)
            *needed = sizeof(unsigned char *);
        return CL_SUCCESS;
    }
    return CL_INVALID_VALUE;
}

cl_int clGetProgramBuildInfo(cl_program program, cl_device_id device, cl_program_build_info what,
    size_t size, void *to, size_t *needed)
{
    (void)program, (void)device, (void)what;
    return answer("", 1, size, to, needed);
}

cl_kernel clCreateKernel(cl_program program, const char *name, cl_int *code)
{
    (void)program;
    char *kernel = strdup(name);
    if (code)
        *code = kernel ? CL_SUCCESS : CL_OUT_OF_HOST_MEMORY;
    return (cl_kernel)kernel;
}

cl_int clReleaseKernel(cl_kernel kernel)
{
    free(kernel);
    return CL_SUCCESS;
}

cl_int clSetKernelArg(cl_kernel kernel, cl_uint index, size_t size, const void *value)
{
    (void)kernel, (void)index, (void)size, (void)value;
    return CL_SUCCESS;
}

cl_int clGetKernelInfo(cl_kernel kernel, cl_kernel_info what, size_t size, void *to, size_t *needed)
{
    if (what != CL_KERNEL_FUNCTION_NAME)
        return CL_INVALID_VALUE;
    return answer(kernel, strlen((const char *)kernel) + 1, size, to, needed);
}

cl_int clGetKernelWorkGroupInfo(cl_kernel kernel, cl_device_id device,
    cl_kernel_work_group_info what, size_t size, void *to, size_t *needed)
{
    (void)kernel, (void)device;
    const size_t group = GROUP_MAX, unstated[3] = {0}, multiple = 32;
    const cl_ulong none = 0;
    switch (what) {
    case CL_KERNEL_WORK_GROUP_SIZE:
        return answer(&group, sizeof group, size, to, needed);
    case CL_KERNEL_COMPILE_WORK_GROUP_SIZE:
        return answer(unstated, sizeof unstated, size, to, needed);
    case CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE:
        return answer(&multiple, sizeof multiple, size, to, needed);
    default:
        return answer(&none, sizeof none, size, to, needed);
    }
}

/* Appends a line to RECORD_LAUNCHES. */
static void note(const char *line)
{
    const char *path = getenv("RECORD_LAUNCHES");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file)
        return;
    fputs(line, file);
    fclose(file);
}

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions,
    const size_t *offset, const size_t *global, const size_t *local, cl_uint count,
    const cl_event *wait, cl_event *event)
{
    REAL(clEnqueueMarkerWithWaitList);
    const bool rows = dimensions > 1;
    char line[256];
    (void)offset;
    snprintf(line, sizeof line, "%s %zu %zu %zu %zu\n", (const char *)kernel, global[0],
        rows ? global[1] : 1, local ? local[0] : 0, local ? (rows ? local[1] : 1) : 0);
    note(line);
    return real(queue, count, wait, event);
}

/* The library marks the end of a training step, unless it reads what that measured. */
cl_int clEnqueueMarkerWithWaitList(
    cl_command_queue queue, cl_uint count, const cl_event *wait, cl_event *event)
{
    REAL(clEnqueueMarkerWithWaitList);
    note("step\n");
    return real(queue, count, wait, event);
}

/* Every buffer holds zeros, so that no run stops for numbers that are not finite. */
cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *code)
{
    REAL(clCreateBuffer);
    if (host)
        return real(context, flags, size, host, code);
    void *zeros = calloc(1, size);
    if (!zeros)
        abort();
    cl_mem buffer = real(context, flags | CL_MEM_COPY_HOST_PTR, size, zeros, code);
    free(zeros);
    return buffer;
}
