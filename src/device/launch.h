/* SPDX-License-Identifier: Apache-2.0 */
/* Launching kernels. */
#ifndef MASKCL_DEVICE_LAUNCH_H
#define MASKCL_DEVICE_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>

#include "device/program.h"

/* One argument of a kernel. */
typedef struct mcl_argument {
    size_t size;
    const void *value;
    bool buffer; /* the value is a cl_mem */
} mcl_argument;

#define MCL_BUFFER(x)                                                                              \
    {                                                                                              \
        .size = sizeof(cl_mem), .value = &(cl_mem){(x)}, .buffer = true                            \
    }
#define MCL_UINT(x)                                                                                \
    {                                                                                              \
        .size = sizeof(cl_uint), .value = &(cl_uint)                                               \
        {                                                                                          \
            (cl_uint)(x)                                                                           \
        }                                                                                          \
    }
#define MCL_ULONG(x)                                                                               \
    {                                                                                              \
        .size = sizeof(cl_ulong), .value = &(cl_ulong)                                             \
        {                                                                                          \
            (cl_ulong)(x)                                                                          \
        }                                                                                          \
    }
#define MCL_FLOAT(x)                                                                               \
    {                                                                                              \
        .size = sizeof(cl_float), .value = &(cl_float)                                             \
        {                                                                                          \
            (cl_float)(x)                                                                          \
        }                                                                                          \
    }

/* Local memory of so many bytes a work-group. */
#define MCL_LOCAL(bytes)                                                                           \
    {                                                                                              \
        .size = (bytes), .value = NULL                                                             \
    }

/* Enqueues kernel over global[0] × global[1] × global[2] work-items in work-groups of the driver's
 * choice, or of local when that is not NULL. A size of 0 launches nothing. A kernel that has not
 * been built yet is built now, and the program that it is of with it: MCL_ERROR_DEVICE with the
 * compiler's log where that fails. */
mcl_status mcl_run_arguments(mcl_kernel *kernel, const size_t global[3], const size_t *local,
    const mcl_argument *arguments, size_t count);

/* mcl_run(kernel, columns, rows, MCL_BUFFER(a), MCL_UINT(n), …): work-groups of the driver's
 * choice; mcl_run_local: of local[3]. */
#define mcl_run_local(kernel, x, y, local, ...)                                                    \
    mcl_run_arguments(kernel, (size_t[3]){(x), (y), 1}, local,                                     \
        (const mcl_argument[]){__VA_ARGS__},                                                       \
        sizeof((const mcl_argument[]){__VA_ARGS__}) / sizeof(mcl_argument))
#define mcl_run(kernel, x, y, ...) mcl_run_local(kernel, x, y, NULL, __VA_ARGS__)

#endif
