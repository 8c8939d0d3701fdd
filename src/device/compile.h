/* SPDX-License-Identifier: Apache-2.0 */
/* From a source to an OpenCL program, by the driver's compiler or out of the cache. */
#ifndef MASKCL_DEVICE_COMPILE_H
#define MASKCL_DEVICE_COMPILE_H

#include "device/opencl.h"
#include "maskcl/device.h"

/* *program = source, compiled with flags or taken from the cache; released with clReleaseProgram().
 * MCL_ERROR_DEVICE has the compiler's log in its message, which file says whose kernels these are.
 */
mcl_status mcl_compile(cl_program *program, mcl_context *context, const char *source,
    const char *flags, const char *file);

#endif
