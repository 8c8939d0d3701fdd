/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program (LD_PRELOAD), makes every second context that it creates one of a device
 * that computes wrongly: after a launch of a kernel it flips the lowest bit of a word.
 *   FLIP_SHIM=KERNEL,LAUNCH,ARGUMENT,WORD   launches of that kernel on such a context count from 1
 *   FLIP_SHIM_ONCE=1                        on the second context alone, not on the fourth */
#include <CL/cl.h>
#include <ctype.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cl_context flawed;
static unsigned contexts, launches;
static char kernel_name[64];
static unsigned launch, argument, word;
static cl_kernel argument_of; /* the kernel whose argument was set last, and its value */
static cl_mem buffer;

#define REAL(name)                                                                                 \
    static __typeof__(name) *real;                                                                 \
    if (!real)                                                                                     \
    *(void **)&real = dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void start(void)
{
    const char *text = getenv("FLIP_SHIM");
    if (!text || sscanf(text, "%63[^,],%u,%u,%u", kernel_name, &launch, &argument, &word) != 4) {
        fprintf(stderr, "flip_shim: FLIP_SHIM is not KERNEL,LAUNCH,ARGUMENT,WORD\n");
        abort();
    }
    unsetenv("LD_PRELOAD"); /* of the linker that PoCL starts */
}

cl_context clCreateContext(const cl_context_properties *properties, cl_uint count,
    const cl_device_id *devices,
    void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *), void *user, cl_int *code)
{
    REAL(clCreateContext);
    cl_context created = real(properties, count, devices, notify, user, code);
    contexts++;
    if (contexts == 2 || (contexts % 2 == 0 && !getenv("FLIP_SHIM_ONCE"))) {
        flawed = created;
        launches = 0;
    }
    return created;
}

cl_int clReleaseContext(cl_context context)
{
    REAL(clReleaseContext);
    if (context == flawed)
        flawed = NULL;
    return real(context);
}

cl_int clSetKernelArg(cl_kernel kernel, cl_uint index, size_t size, const void *value)
{
    REAL(clSetKernelArg);
    if (index == argument && size == sizeof(cl_mem) && value) {
        argument_of = kernel;
        memcpy(&buffer, value, sizeof buffer);
    }
    return real(kernel, index, size, value);
}

/* Names in a program of several files may end in _NUMBER. */
static int is_named(cl_kernel kernel)
{
    char name[128] = "";
    const size_t length = strlen(kernel_name);
    (void)clGetKernelInfo(kernel, CL_KERNEL_FUNCTION_NAME, sizeof name - 1, name, NULL);
    return strncmp(name, kernel_name, length) == 0 &&
           (!name[length] || (name[length] == '_' && isdigit((unsigned char)name[length + 1])));
}

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions,
    const size_t *offset, const size_t *global, const size_t *local, cl_uint count,
    const cl_event *waits, cl_event *event)
{
    REAL(clEnqueueNDRangeKernel);
    const cl_int code = real(queue, kernel, dimensions, offset, global, local, count, waits, event);
    cl_context context = NULL;
    cl_uint value;
    (void)clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context, &context, NULL);
    if (!flawed || context != flawed || !is_named(kernel) || ++launches != launch)
        return code;
    if (argument_of != kernel ||
        clEnqueueReadBuffer(queue, buffer, CL_TRUE, 4 * (size_t)word, 4, &value, 0, NULL, NULL)) {
        fprintf(stderr, "flip_shim: no buffer is flipped\n");
        abort();
    }
    value ^= 1;
    (void)clEnqueueWriteBuffer(queue, buffer, CL_TRUE, 4 * (size_t)word, 4, &value, 0, NULL, NULL);
    return code;
}
