/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenCL API, and its errors by name. */
#ifndef MASKCL_DEVICE_OPENCL_H
#define MASKCL_DEVICE_OPENCL_H

#include <CL/cl.h>

#include "base/error.h"

/* From ocl-icd's and Khronos' loader: no driver was found. It is in CL/cl_ext.h only. */
#define MCL_PLATFORM_NOT_FOUND (-1001)

/* "CL_OUT_OF_RESOURCES" for -5, and so on; "unknown OpenCL error" for a number without a name. */
const char *mcl_opencl_error_name(cl_int code);

/* Records "DEVICE: WHAT failed: NAME (code)" and returns MCL_ERROR_DEVICE, with a hint where one
 * helps (memory, driver). device may be NULL. */
mcl_status mcl_opencl_fail(const char *device, const char *what, cl_int code);

#endif
