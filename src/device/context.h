/* SPDX-License-Identifier: Apache-2.0 */
/* The context's inside: one device, its in-order queue, its kernels, and how to launch them. */
#ifndef MASKCL_DEVICE_CONTEXT_H
#define MASKCL_DEVICE_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include "device/opencl.h"
#include "maskcl/device.h"

struct mcl_context {
    mcl_device_info info;
    mcl_gemm_kind gemm;
    cl_device_id device;
    cl_device_id part;     /* the same, where it is a sub-device that the context made; else NULL */
    bool exact_division;   /* division and square root are declared correctly rounded */
    uint32_t vector_width; /* floats of a vector register, as the driver says; at least 1 */
    size_t largest_group;  /* work-items that a work-group can have */
    size_t work_group;     /* its most work-items where a launch leaves the size open; 0: any */
    bool joins_programs;   /* files of kernels with options become one program */
    uint64_t memory_limit; /* bytes that a run's buffers may have together */
    uint64_t memory_made;  /* bytes of all buffers made so far */
    cl_context opencl;
    cl_command_queue queue;        /* in order: a command sees what those before it wrote */
    struct mcl_program *programs;  /* built or expected */
    struct mcl_kernel *kernels;    /* that were found */
    struct mcl_profiler *profiler; /* the profile's; NULL: no times are taken */
    struct mcl_attachment *attachments;
    struct mcl_tuning *tuning; /* of the matrix product; NULL until it is needed */
    struct mcl_scratch {       /* workspace of the native product, as large as the largest */
        cl_mem buffer;
        size_t bytes;
    } scratch;
};

/* Makes state a part of the context: mcl_context_attached() finds it by its key, the address of
 * something of the caller's own, and free_state frees it when the context is closed, what was
 * attached last first, while buffers and kernels can still be released. When this fails, state
 * stays the caller's. A key is attached once. */
mcl_status mcl_context_attach(
    mcl_context *context, const void *key, void *state, void (*free_state)(void *state));

/* The state attached with key, or NULL. */
void *mcl_context_attached(const mcl_context *context, const void *key);

/* Says that kernels of cl/file with options will be asked for. Where the context joins programs,
 * what is expected when the first kernel is asked for is compiled as one. Of files without options
 * this need not be said. */
mcl_status mcl_kernel_expect(mcl_context *context, const char *file, const char *options);

/* *kernel = the kernel called name of cl/file, built with options ("-D TILE=4", or "") when first
 * asked for. It belongs to the context, and its arguments are set anew by every launch. */
mcl_status mcl_kernel_get(cl_kernel *kernel, mcl_context *context, const char *file,
    const char *name, const char *options);

/* A kernel of the context's, found once by what launches it, and built when it is first launched:
 * what else is known of by then is built with it where the context joins programs. */
typedef struct mcl_kernel mcl_kernel;

/* *kernel = the kernel called name of cl/file with options ("-D TILE=4", or ""). It lives as long
 * as the context. Whoever launches it in every step finds it once, when it is made. */
mcl_status mcl_kernel_find(mcl_kernel **kernel, mcl_context *context, const char *file,
    const char *name, const char *options);

/* *built = the OpenCL kernel, built now if it has not been. */
mcl_status mcl_kernel_build(cl_kernel *built, mcl_kernel *kernel);

/* Releases all programs and kernels. */
void mcl_programs_release(mcl_context *context);

/* Frees what mcl_kernel_find() found. */
void mcl_kernels_free(mcl_context *context);

/* One argument of a kernel. */
typedef struct mcl_argument {
    size_t size;
    const void *value;
} mcl_argument;

#define MCL_BUFFER(x)                                                                              \
    {                                                                                              \
        sizeof(cl_mem), &(cl_mem)                                                                  \
        {                                                                                          \
            (x)                                                                                    \
        }                                                                                          \
    }
#define MCL_UINT(x)                                                                                \
    {                                                                                              \
        sizeof(cl_uint), &(cl_uint)                                                                \
        {                                                                                          \
            (cl_uint)(x)                                                                           \
        }                                                                                          \
    }
#define MCL_ULONG(x)                                                                               \
    {                                                                                              \
        sizeof(cl_ulong), &(cl_ulong)                                                              \
        {                                                                                          \
            (cl_ulong)(x)                                                                          \
        }                                                                                          \
    }
#define MCL_FLOAT(x)                                                                               \
    {                                                                                              \
        sizeof(cl_float), &(cl_float)                                                              \
        {                                                                                          \
            (cl_float)(x)                                                                          \
        }                                                                                          \
    }

/* Local memory of so many bytes a work-group. */
#define MCL_LOCAL(bytes)                                                                           \
    {                                                                                              \
        (bytes), NULL                                                                              \
    }

/* Enqueues kernel over global[0] × global[1] × global[2] work-items in work-groups of the driver's
 * choice, or of local when that is not NULL. A size of 0 launches nothing. */
mcl_status mcl_launch_arguments(mcl_context *context, cl_kernel kernel, const size_t global[3],
    const size_t *local, const mcl_argument *arguments, size_t count);

/* The same for a kernel that was found. */
mcl_status mcl_run_arguments(mcl_kernel *kernel, const size_t global[3], const size_t *local,
    const mcl_argument *arguments, size_t count);

/* mcl_run(kernel, columns, rows, MCL_BUFFER(a), MCL_UINT(n), …): work-groups of the driver's
 * choice; mcl_run_local: of local[3]. */
#define mcl_run_local(kernel, x, y, local, ...)                                                    \
    mcl_run_arguments(kernel, (size_t[3]){(x), (y), 1}, local,                                     \
        (const mcl_argument[]){__VA_ARGS__},                                                       \
        sizeof((const mcl_argument[]){__VA_ARGS__}) / sizeof(mcl_argument))
#define mcl_run(kernel, x, y, ...) mcl_run_local(kernel, x, y, NULL, __VA_ARGS__)

#define mcl_launch_local(context, kernel, x, y, local, ...)                                        \
    mcl_launch_arguments(context, kernel, (size_t[3]){(x), (y), 1}, local,                         \
        (const mcl_argument[]){__VA_ARGS__},                                                       \
        sizeof((const mcl_argument[]){__VA_ARGS__}) / sizeof(mcl_argument))

/* mcl_launch(context, kernel, columns, rows, MCL_BUFFER(a), MCL_UINT(n), …) */
#define mcl_launch(context, kernel, x, y, ...)                                                     \
    mcl_launch_local(context, kernel, x, y, NULL, __VA_ARGS__)

/* *buffer = device memory for count elements of size bytes, never less than one; what says in a
 * message whose memory it is ("activations"). Released with mcl_buffer_release(). */
mcl_status mcl_buffer_create(
    cl_mem *buffer, mcl_context *context, uint64_t count, uint64_t size, const char *what);

/* The same in memory of the kind that flags ask for, over host where they say so. */
mcl_status mcl_buffer_create_flags(cl_mem *buffer, mcl_context *context, cl_mem_flags flags,
    void *host, uint64_t count, uint64_t size, const char *what);

/* The same, filled with the count × size bytes at values. */
mcl_status mcl_buffer_create_from(cl_mem *buffer, mcl_context *context, const void *values,
    uint64_t count, uint64_t size, const char *what);

/* Releases a buffer and sets it to NULL; NULL is allowed. */
void mcl_buffer_release(cl_mem *buffer);

/* Copies between host memory and a buffer, count bytes from offset on, and waits for it. */
mcl_status mcl_buffer_write(
    mcl_context *context, cl_mem buffer, size_t offset, const void *values, size_t count);
mcl_status mcl_buffer_read(
    mcl_context *context, void *values, cl_mem buffer, size_t offset, size_t count);

/* Enqueues a copy of count bytes from one buffer to another, by their offsets in bytes. */
mcl_status mcl_buffer_copy(mcl_context *context, cl_mem to, size_t to_offset, cl_mem from,
    size_t from_offset, size_t count);

/* Fills count bytes from offset on with zero. */
mcl_status mcl_buffer_zero(mcl_context *context, cl_mem buffer, size_t offset, size_t count);

/* Waits until the queue is empty. */
mcl_status mcl_context_finish(mcl_context *context);

/* Whether the driver is PoCL, which compiles kernels when they first run. */
bool mcl_context_is_pocl(const mcl_context *context);

/* mcl_opencl_fail() for this context's device. */
mcl_status mcl_context_fail(const mcl_context *context, const char *what, cl_int code);

#endif
