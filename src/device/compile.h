/* SPDX-License-Identifier: Apache-2.0 */
/* From a source to an OpenCL program, by the driver's compiler or out of the cache. */
#ifndef MASKCL_DEVICE_COMPILE_H
#define MASKCL_DEVICE_COMPILE_H

#include "device/opencl.h"
#include "maskcl/device.h"

/* A program to compile, and what became of it. */
typedef struct mcl_compilation {
    const char *source, *flags, *file; /* as mcl_compile() takes them */
    cl_program program;                /* NULL where it failed */
    mcl_status status;
    char *message; /* of the failure, to be freed, or NULL for want of memory */
    cl_int code;   /* and what mcl_opencl_last_error() was after it */
} mcl_compilation;

/* *program = source, compiled with flags or taken from the cache; released with clReleaseProgram().
 * MCL_ERROR_DEVICE has the compiler's log in its message, which file says whose kernels these are.
 */
mcl_status mcl_compile(cl_program *program, mcl_context *context, const char *source,
    const char *flags, const char *file);

/* Compiles all of list[count], several at a time, by threads that are gone when it returns: as many
 * as there are processors. The driver must be one of mcl_drivers_compile_in_threads(). */
void mcl_compile_all(mcl_compilation *list, size_t count, mcl_context *context);

#endif
