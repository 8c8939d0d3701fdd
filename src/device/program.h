/* SPDX-License-Identifier: Apache-2.0 */
/* Programs, which are files of cl/ with their options, and the kernels in them. */
#ifndef MASKCL_DEVICE_PROGRAM_H
#define MASKCL_DEVICE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/opencl.h"
#include "maskcl/device.h"

#define MCL_PROGRAM_BUCKETS 64

/* A context's programs; all zero at first. */
struct mcl_programs {
    struct mcl_program *first, *last;
    struct mcl_program *buckets[MCL_PROGRAM_BUCKETS]; /* lists of those of one hash */
    bool has_plain;                                   /* the files without options are among them */
};

/* A kernel of a context, found once by what launches it and built when it is first launched. */
typedef struct mcl_kernel mcl_kernel;

/* *kernel = the kernel called name of cl/file with options ("-D TILE=4", or ""). It lives as long
 * as the context, and every search for it finds the same one. Nothing is built yet, and no file
 * read: whether there is such a kernel shows at its first launch. What has been found by then is
 * built together with it where that is faster, so that whoever launches kernels step by step finds
 * all of them before the first step. */
mcl_status mcl_kernel_find(mcl_kernel **kernel, mcl_context *context, const char *file,
    const char *name, const char *options);

/* *built = the OpenCL kernel, built now if it has not been. It is the context's, and every launch
 * sets its arguments anew. One that cannot be built is tried again when asked for again. */
mcl_status mcl_kernel_build(cl_kernel *built, mcl_kernel *kernel);

/* What the driver says of a kernel that is built: the work-items that a work-group of it can have,
 * which may be fewer than the device's, and the bytes of local memory that it declares. */
size_t mcl_kernel_largest_group(const mcl_kernel *kernel);
uint64_t mcl_kernel_local_memory(const mcl_kernel *kernel);

/* What is known of how long its launches take. */
struct mcl_pace *mcl_kernel_pace(mcl_kernel *kernel);

mcl_context *mcl_kernel_context(const mcl_kernel *kernel);

/* Releases what is built; a kernel that is launched after that is built again. */
void mcl_programs_release(mcl_context *context);

/* Frees all programs and kernels. */
void mcl_programs_free(mcl_context *context);

#endif
