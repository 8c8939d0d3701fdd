/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program (LD_PRELOAD), stands between it and the OpenCL loader. It follows every
 * object that the program creates, retains and releases, and can make calls fail:
 *   OPENCL_SHIM_LOG=FILE   one line a call, and at the end one for each object still alive
 *   OPENCL_SHIM_FAIL=N     the Nth call fails; N+ makes all from the Nth on fail
 *   OPENCL_SHIM_GROUP=N    no kernel runs with more work-items a group, and says so when asked;
 *                          N! keeps it to itself until the launch
 *   OPENCL_SHIM_GPU=1      devices say that they are GPUs with memory of their own
 *   OPENCL_SHIM_LARGEST=N  devices say that no buffer can have more than N bytes
 *   OPENCL_SHIM_MOST=N     there is no memory for buffers of more bytes; N! finds that out when a
 *                          command first uses one
 * Calls that release or retain do not fail: an object would stay alive through no fault of the
 * program's. What drivers do among themselves is not seen. A function that the library uses is
 * listed here, or the test that preloads this says that it is missing. */
#include <CL/cl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every function may return this one, and the program has no special words for it. */
#define INJECTED CL_OUT_OF_HOST_MEMORY
#define OBJECTS_MAX 4096

static struct object {
    const char *kind;
    void *handle;
    int count;
} objects[OBJECTS_MAX];
static size_t object_count;
static unsigned long calls, fail_at;
static bool fail_on, group_is_told;
static size_t largest_group, largest_buffer, most_memory;
static bool is_gpu, memory_is_lazy;
static FILE *output;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("OPENCL_SHIM_LOG"), *fail = getenv("OPENCL_SHIM_FAIL");
    output = fopen(path ? path : "/dev/null", "w");
    if (!output) {
        perror(path);
        abort();
    }
    unsetenv("LD_PRELOAD"); /* the linker that PoCL starts is not to write the same file */
    fail_at = fail ? strtoul(fail, NULL, 10) : 0;
    fail_on = fail && strchr(fail, '+');
    const char *group = getenv("OPENCL_SHIM_GROUP");
    largest_group = group ? strtoul(group, NULL, 10) : SIZE_MAX;
    group_is_told = group && !strchr(group, '!');
    const char *largest = getenv("OPENCL_SHIM_LARGEST"), *most = getenv("OPENCL_SHIM_MOST");
    largest_buffer = largest ? strtoul(largest, NULL, 10) : SIZE_MAX;
    most_memory = most ? strtoul(most, NULL, 10) : SIZE_MAX;
    memory_is_lazy = most && strchr(most, '!');
    is_gpu = getenv("OPENCL_SHIM_GPU");
}

__attribute__((destructor)) static void end(void)
{
    for (size_t i = 0; i < object_count; i++)
        fprintf(output, "alive %s, %d references\n", objects[i].kind, objects[i].count);
    fprintf(output, "end\n");
    fclose(output);
}

static void *find(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (!function) {
        fprintf(stderr, "opencl_shim: the loader has no %s\n", name);
        abort();
    }
    return function;
}

/* Notes a call; what it is to return, where that is not CL_SUCCESS, instead of being made. */
static cl_int begin(const char *name, const char *detail)
{
    pthread_mutex_lock(&lock);
    calls++;
    const bool fails = fail_at && (calls == fail_at || (fail_on && calls > fail_at));
    fprintf(output, "%s %lu %s %s\n", fails ? "failed" : "call", calls, name, detail);
    pthread_mutex_unlock(&lock);
    return fails ? INJECTED : CL_SUCCESS;
}

/* False where there is nothing to release. */
static bool add_references(const char *kind, void *handle, int change)
{
    bool known = true;
    pthread_mutex_lock(&lock);
    size_t i = 0;
    while (i < object_count && objects[i].handle != handle)
        i++;
    if (i == object_count && (change < 0 || i == OBJECTS_MAX)) {
        fprintf(output, change < 0 ? "unknown %s released\n" : "too many objects: %s\n", kind);
        known = change > 0;
    } else {
        if (i == object_count)
            objects[object_count++] = (struct object){kind, handle, 0};
        objects[i].count += change;
        if (objects[i].count == 0)
            objects[i] = objects[--object_count];
    }
    pthread_mutex_unlock(&lock);
    return known;
}

/* The name of a kernel, for the log; valid until the next call. */
static const char *name_of(cl_kernel kernel)
{
    static __thread char name[128];
    static __typeof__(clGetKernelInfo) *real;
    if (!real)
        *(void **)&real = find("clGetKernelInfo");
    if (real(kernel, CL_KERNEL_FUNCTION_NAME, sizeof name, name, NULL) != CL_SUCCESS)
        strcpy(name, "?");
    return name;
}

#define REAL(name)                                                                                 \
    static __typeof__(name) *real;                                                                 \
    if (!real)                                                                                     \
    *(void **)&real = find(#name)

/* A function that returns a status. */
#define CALL(name, detail, parameters, arguments)                                                  \
    cl_int name parameters                                                                         \
    {                                                                                              \
        REAL(name);                                                                                \
        const cl_int code = begin(#name, detail);                                                  \
        return code == CL_SUCCESS ? real arguments : code;                                         \
    }

/* One that waits. Where all calls fail from now on it waits before it fails, too: a device that is
 * lost no longer writes. */
#define WAIT(name, parameters, arguments)                                                          \
    cl_int name parameters                                                                         \
    {                                                                                              \
        REAL(name);                                                                                \
        const cl_int injected = begin(#name, "");                                                  \
        const cl_int code = injected == CL_SUCCESS || fail_on ? real arguments : injected;         \
        return injected == CL_SUCCESS ? code : injected;                                           \
    }

/* One whose last parameter is `cl_event *event`. */
#define ENQUEUE(name, detail, parameters, arguments)                                               \
    cl_int name parameters                                                                         \
    {                                                                                              \
        REAL(name);                                                                                \
        cl_int code = begin(#name, detail);                                                        \
        if (code == CL_SUCCESS)                                                                    \
            code = real arguments;                                                                 \
        if (code == CL_SUCCESS && event)                                                           \
            add_references("event", *event, 1);                                                    \
        return code;                                                                               \
    }

/* The same on buffers that there may be no memory for. */
#define ENQUEUE_WITH(name, lacks, parameters, arguments)                                           \
    cl_int name parameters                                                                         \
    {                                                                                              \
        REAL(name);                                                                                \
        cl_int code = begin(#name, "");                                                            \
        if (code == CL_SUCCESS)                                                                    \
            code = (lacks) ? CL_OUT_OF_RESOURCES : real arguments;                                 \
        if (code == CL_SUCCESS && event)                                                           \
            add_references("event", *event, 1);                                                    \
        return code;                                                                               \
    }

/* One that returns an object, and a status in its last parameter, `cl_int *code`. */
#define CREATE(type, name, parameters, arguments)                                                  \
    type name parameters                                                                           \
    {                                                                                              \
        REAL(name);                                                                                \
        const cl_int injected = begin(#name, "");                                                  \
        type object = injected == CL_SUCCESS ? real arguments : NULL;                              \
        if (injected != CL_SUCCESS && code)                                                        \
            *code = injected;                                                                      \
        if (object)                                                                                \
            add_references(#type, object, 1);                                                      \
        return object;                                                                             \
    }

#define REFERENCE(type, name, change)                                                              \
    cl_int name(type object)                                                                       \
    {                                                                                              \
        REAL(name);                                                                                \
        /* A driver may crash when it is given an object that is gone. */                          \
        return add_references(#type, object, change) ? real(object) : CL_INVALID_VALUE;            \
    }

cl_int clCreateSubDevices(cl_device_id device, const cl_device_partition_property *parts,
    cl_uint capacity, cl_device_id *devices, cl_uint *count)
{
    REAL(clCreateSubDevices);
    cl_int code = begin("clCreateSubDevices", "");
    if (code == CL_SUCCESS)
        code = real(device, parts, capacity, devices, count);
    if (code == CL_SUCCESS)
        add_references("cl_device_id", devices[0], 1);
    return code;
}

CALL(clGetPlatformIDs, "", (cl_uint most, cl_platform_id *platforms, cl_uint *count),
    (most, platforms, count))
CALL(clGetPlatformInfo, "",
    (cl_platform_id object, cl_platform_info what, size_t size, void *value, size_t *used),
    (object, what, size, value, used))
CALL(clGetDeviceIDs, "",
    (cl_platform_id platform, cl_device_type type, cl_uint most, cl_device_id *devices,
        cl_uint *count),
    (platform, type, most, devices, count))

cl_int clGetDeviceInfo(
    cl_device_id object, cl_device_info what, size_t size, void *value, size_t *used)
{
    REAL(clGetDeviceInfo);
    cl_int code = begin("clGetDeviceInfo", "");
    if (code == CL_SUCCESS)
        code = real(object, what, size, value, used);
    if (code != CL_SUCCESS || !value)
        return code;
    if (what == CL_DEVICE_MAX_MEM_ALLOC_SIZE && *(cl_ulong *)value > largest_buffer)
        *(cl_ulong *)value = largest_buffer;
    if (what == CL_DEVICE_TYPE && is_gpu)
        *(cl_device_type *)value = CL_DEVICE_TYPE_GPU;
    if (what == CL_DEVICE_HOST_UNIFIED_MEMORY && is_gpu)
        *(cl_bool *)value = CL_FALSE;
    return code;
}
CALL(clGetCommandQueueInfo, "",
    (cl_command_queue object, cl_command_queue_info what, size_t size, void *value, size_t *used),
    (object, what, size, value, used))
CALL(clGetMemObjectInfo, "",
    (cl_mem object, cl_mem_info what, size_t size, void *value, size_t *used),
    (object, what, size, value, used))
CALL(clGetProgramInfo, "",
    (cl_program object, cl_program_info what, size_t size, void *value, size_t *used),
    (object, what, size, value, used))
CALL(clGetProgramBuildInfo, "",
    (cl_program object, cl_device_id device, cl_program_build_info what, size_t size, void *value,
        size_t *used),
    (object, device, what, size, value, used))
CALL(clGetKernelInfo, "",
    (cl_kernel object, cl_kernel_info what, size_t size, void *value, size_t *used),
    (object, what, size, value, used))

cl_int clGetKernelWorkGroupInfo(cl_kernel object, cl_device_id device,
    cl_kernel_work_group_info what, size_t size, void *value, size_t *used)
{
    REAL(clGetKernelWorkGroupInfo);
    cl_int code = begin("clGetKernelWorkGroupInfo", "");
    if (code == CL_SUCCESS)
        code = real(object, device, what, size, value, used);
    if (code == CL_SUCCESS && what == CL_KERNEL_WORK_GROUP_SIZE && group_is_told && value &&
        *(size_t *)value > largest_group)
        *(size_t *)value = largest_group;
    return code;
}

CREATE(cl_context, clCreateContext,
    (const cl_context_properties *properties, cl_uint count, const cl_device_id *devices,
        void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *), void *user,
        cl_int *code),
    (properties, count, devices, notify, user, code))
CREATE(cl_command_queue, clCreateCommandQueue,
    (cl_context context, cl_device_id device, cl_command_queue_properties properties, cl_int *code),
    (context, device, properties, code))

/* Whether a command finds no memory for a buffer. */
static bool lacks_memory(cl_mem buffer)
{
    static __typeof__(clGetMemObjectInfo) *real;
    size_t size = 0;
    if (!memory_is_lazy)
        return false;
    if (!real)
        *(void **)&real = find("clGetMemObjectInfo");
    return real(buffer, CL_MEM_SIZE, sizeof size, &size, NULL) == CL_SUCCESS && size > most_memory;
}

cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *code)
{
    REAL(clCreateBuffer);
    const cl_int injected = begin("clCreateBuffer", "");
    cl_mem buffer = NULL;
    if (injected != CL_SUCCESS)
        *code = injected;
    else if (size > most_memory && !memory_is_lazy)
        *code = CL_MEM_OBJECT_ALLOCATION_FAILURE;
    else
        buffer = real(context, flags, size, host, code);
    if (buffer)
        add_references("cl_mem", buffer, 1);
    return buffer;
}

CREATE(cl_program, clCreateProgramWithSource,
    (cl_context context, cl_uint count, const char **texts, const size_t *lengths, cl_int *code),
    (context, count, texts, lengths, code))
CREATE(cl_program, clCreateProgramWithBinary,
    (cl_context context, cl_uint count, const cl_device_id *devices, const size_t *lengths,
        const unsigned char **binaries, cl_int *status, cl_int *code),
    (context, count, devices, lengths, binaries, status, code))
CREATE(cl_kernel, clCreateKernel, (cl_program program, const char *name, cl_int *code),
    (program, name, code))

REFERENCE(cl_context, clRetainContext, 1)
REFERENCE(cl_context, clReleaseContext, -1)
REFERENCE(cl_command_queue, clRetainCommandQueue, 1)
REFERENCE(cl_command_queue, clReleaseCommandQueue, -1)
REFERENCE(cl_mem, clRetainMemObject, 1)
REFERENCE(cl_mem, clReleaseMemObject, -1)
REFERENCE(cl_program, clRetainProgram, 1)
REFERENCE(cl_program, clReleaseProgram, -1)
REFERENCE(cl_kernel, clRetainKernel, 1)
REFERENCE(cl_kernel, clReleaseKernel, -1)
REFERENCE(cl_device_id, clReleaseDevice, -1)
REFERENCE(cl_event, clRetainEvent, 1)
REFERENCE(cl_event, clReleaseEvent, -1)

CALL(clBuildProgram, "",
    (cl_program program, cl_uint count, const cl_device_id *devices, const char *options,
        void(CL_CALLBACK *notify)(cl_program, void *), void *user),
    (program, count, devices, options, notify, user))
CALL(clSetKernelArg, name_of(kernel),
    (cl_kernel kernel, cl_uint index, size_t size, const void *value), (kernel, index, size, value))
CALL(clFlush, "", (cl_command_queue queue), (queue))
WAIT(clFinish, (cl_command_queue queue), (queue))
CALL(clGetEventProfilingInfo, "",
    (cl_event event, cl_profiling_info what, size_t size, void *value, size_t *written),
    (event, what, size, value, written))
WAIT(clWaitForEvents, (cl_uint count, const cl_event *events), (count, events))

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions,
    const size_t *offset, const size_t *global, const size_t *local, cl_uint count,
    const cl_event *events, cl_event *event)
{
    REAL(clEnqueueNDRangeKernel);
    cl_int code = begin("clEnqueueNDRangeKernel", name_of(kernel));
    size_t items = 1;
    for (cl_uint i = 0; local && i < dimensions; i++)
        items *= local[i];
    if (items > largest_group)
        code = CL_INVALID_WORK_GROUP_SIZE;
    if (code == CL_SUCCESS)
        code = real(queue, kernel, dimensions, offset, global, local, count, events, event);
    if (code == CL_SUCCESS && event)
        add_references("event", *event, 1);
    return code;
}

ENQUEUE_WITH(clEnqueueReadBuffer, lacks_memory(buffer),
    (cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t size,
        void *host, cl_uint count, const cl_event *events, cl_event *event),
    (queue, buffer, blocking, offset, size, host, count, events, event))
ENQUEUE(clEnqueueReadBufferRect, "",
    (cl_command_queue queue, cl_mem buffer, cl_bool blocking, const size_t *from, const size_t *to,
        const size_t *region, size_t row, size_t slice, size_t host_row, size_t host_slice,
        void *host, cl_uint count, const cl_event *events, cl_event *event),
    (queue, buffer, blocking, from, to, region, row, slice, host_row, host_slice, host, count,
        events, event))
ENQUEUE_WITH(clEnqueueWriteBuffer, lacks_memory(buffer),
    (cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t size,
        const void *host, cl_uint count, const cl_event *events, cl_event *event),
    (queue, buffer, blocking, offset, size, host, count, events, event))
ENQUEUE_WITH(clEnqueueFillBuffer, lacks_memory(buffer),
    (cl_command_queue queue, cl_mem buffer, const void *pattern, size_t pattern_size, size_t offset,
        size_t size, cl_uint count, const cl_event *events, cl_event *event),
    (queue, buffer, pattern, pattern_size, offset, size, count, events, event))
ENQUEUE_WITH(clEnqueueCopyBuffer, lacks_memory(from) || lacks_memory(to),
    (cl_command_queue queue, cl_mem from, cl_mem to, size_t from_offset, size_t to_offset,
        size_t size, cl_uint count, const cl_event *events, cl_event *event),
    (queue, from, to, from_offset, to_offset, size, count, events, event))
ENQUEUE(clEnqueueUnmapMemObject, "",
    (cl_command_queue queue, cl_mem buffer, void *host, cl_uint count, const cl_event *events,
        cl_event *event),
    (queue, buffer, host, count, events, event))
ENQUEUE(clEnqueueBarrierWithWaitList, "",
    (cl_command_queue queue, cl_uint count, const cl_event *events, cl_event *event),
    (queue, count, events, event))
ENQUEUE(clEnqueueMarkerWithWaitList, "",
    (cl_command_queue queue, cl_uint count, const cl_event *events, cl_event *event),
    (queue, count, events, event))

/* Returns what is mapped, which is not counted: the buffer is. */
void *clEnqueueMapBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking,
    cl_map_flags flags, size_t offset, size_t size, cl_uint count, const cl_event *events,
    cl_event *event, cl_int *code)
{
    REAL(clEnqueueMapBuffer);
    const cl_int injected = begin("clEnqueueMapBuffer", "");
    if (injected != CL_SUCCESS) {
        *code = injected;
        return NULL;
    }
    void *host = real(queue, buffer, blocking, flags, offset, size, count, events, event, code);
    if (host && event)
        add_references("event", *event, 1);
    return host;
}
