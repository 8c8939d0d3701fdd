/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenCL API, and its errors by name. */
#ifndef MASKCL_DEVICE_OPENCL_H
#define MASKCL_DEVICE_OPENCL_H

#include <CL/cl.h>
#include <stdbool.h>

#include "base/error.h"

/* From ocl-icd's and Khronos' loader: no driver was found. It is in CL/cl_ext.h only. */
#define MCL_PLATFORM_NOT_FOUND (-1001)

/* "CL_OUT_OF_RESOURCES" for -5, and so on; "unknown OpenCL error" for a number without a name. */
const char *mcl_opencl_error_name(cl_int code);

/* 102 of "OpenCL 1.2 …"; 0 where a text is no version. */
unsigned mcl_opencl_version(const char *text);

/* Records "DEVICE: WHAT failed: NAME (code)" and returns MCL_ERROR_DEVICE. device may be NULL. */
mcl_status mcl_opencl_fail(const char *device, const char *what, cl_int code);

/* Makes code what mcl_opencl_last_error() returns, for failures that are recorded in other words.
 */
void mcl_opencl_record_error(cl_int code);

/* The code of the last failure that was recorded on this thread; CL_SUCCESS before the first. Of
 * use only just after one. */
cl_int mcl_opencl_last_error(void);

/* Whether code says that the device, or the driver for it, lacks the memory for something. */
bool mcl_opencl_lacks_memory(cl_int code);

#endif
