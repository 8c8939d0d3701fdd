/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into the program (LD_PRELOAD), writes what the driver says of each kernel that is
 * created to the file that KERNEL_INFO_LOG names: a line each with its name, the largest
 * work-group, its preferred multiple, bytes of local and of private memory, and -1 for what the
 * driver does not say. A line is there as soon as the kernel is, so that a run may be ended at any
 * moment. */
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static long long size_info(cl_kernel kernel, cl_device_id device, cl_kernel_work_group_info what)
{
    size_t value;
    return clGetKernelWorkGroupInfo(kernel, device, what, sizeof value, &value, NULL) == CL_SUCCESS
               ? (long long)value
               : -1;
}

static long long memory_info(cl_kernel kernel, cl_device_id device, cl_kernel_work_group_info what)
{
    cl_ulong value;
    return clGetKernelWorkGroupInfo(kernel, device, what, sizeof value, &value, NULL) == CL_SUCCESS
               ? (long long)value
               : -1;
}

static void note(cl_program program, cl_kernel kernel, const char *name)
{
    cl_device_id device;
    const char *path = getenv("KERNEL_INFO_LOG");
    if (!path ||
        clGetProgramInfo(program, CL_PROGRAM_DEVICES, sizeof device, &device, NULL) != CL_SUCCESS)
        return;
    FILE *file = fopen(path, "a");
    if (!file)
        return;
    fprintf(file, "%s %lld %lld %lld %lld\n", name,
        size_info(kernel, device, CL_KERNEL_WORK_GROUP_SIZE),
        size_info(kernel, device, CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE),
        memory_info(kernel, device, CL_KERNEL_LOCAL_MEM_SIZE),
        memory_info(kernel, device, CL_KERNEL_PRIVATE_MEM_SIZE));
    fclose(file);
}

cl_kernel clCreateKernel(cl_program program, const char *name, cl_int *code)
{
    static __typeof__(clCreateKernel) *real;
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clCreateKernel");
    cl_kernel kernel = real(program, name, code);
    if (kernel)
        note(program, kernel, name);
    return kernel;
}
