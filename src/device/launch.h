/* SPDX-License-Identifier: Apache-2.0 */
/* Launching kernels. */
#ifndef MASKCL_DEVICE_LAUNCH_H
#define MASKCL_DEVICE_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>

#include "constants.clh"
#include "device/geometry.h"
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
/* A buffer that the kernel keeps its own things in: nobody watches what is written there. */
#define MCL_SCRATCH(x)                                                                             \
    {                                                                                              \
        .size = sizeof(cl_mem), .value = &(cl_mem)                                                 \
        {                                                                                          \
            (x)                                                                                    \
        }                                                                                          \
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

/* Arguments as an array and their number. */
#define MCL_ARGUMENTS(...)                                                                         \
    (const mcl_argument[]){__VA_ARGS__},                                                           \
        sizeof((const mcl_argument[]){__VA_ARGS__}) / sizeof(mcl_argument)

/* Enqueues kernel over global[0] × global[1] × global[2] work-items in work-groups of the driver's
 * choice, or of local when that is not NULL. A size of 0 launches nothing. A kernel that has not
 * been built yet is built now, and the program that it is of with it: MCL_ERROR_DEVICE with the
 * compiler's log where that fails. */
mcl_status mcl_run_arguments(mcl_kernel *kernel, const size_t global[3], const size_t *local,
    const mcl_argument *arguments, size_t count);

/* The same for a matrix of so many columns and rows, in the geometry that the mapping has on the
 * context's device, see device/geometry.h. */
mcl_status mcl_run_mapped(mcl_kernel *kernel, mcl_mapping mapping, size_t columns, size_t rows,
    const mcl_argument *arguments, size_t count);

/* A kernel that sums rows with mcl_add_lanes() and the like: `rows` of them. It stores nothing for
 * a mcl_row() beyond the last, and has MCL_LOCAL(MCL_ROW_SPACE) among its arguments. */
#define mcl_run_rows(kernel, rows, ...)                                                            \
    mcl_run_mapped(kernel, MCL_MAP_ROWS, 1, rows, MCL_ARGUMENTS(__VA_ARGS__))

/* A kernel whose item has MCL_WIDTH adjacent columns, the first of them MCL_WIDTH *
 * get_global_id(0), in block get_global_id(1) of the rows; it returns at once where that is n or
 * more. */
#define mcl_run_columns(kernel, n, blocks, ...)                                                    \
    mcl_run_mapped(kernel, MCL_MAP_COLUMNS, n, blocks, MCL_ARGUMENTS(__VA_ARGS__))

/* A kernel whose work-group has whole columns, all `blocks` blocks of their rows: item (q, y) of
 * one with H items along dimension 1 has the columns from MCL_WIDTH * q on in the blocks y, y + H,
 * … A work-group whose get_group_id(1) is not 0 returns at once. */
#define mcl_run_whole_columns(kernel, n, blocks, ...)                                              \
    mcl_run_mapped(kernel, MCL_MAP_WHOLE_COLUMNS, n, blocks, MCL_ARGUMENTS(__VA_ARGS__))

/* A kernel whose item is an element of rows × columns; it returns at once where
 * MCL_PADS(get_global_id(0), columns). */
#define mcl_run_elements(kernel, columns, rows, ...)                                               \
    mcl_run_mapped(kernel, MCL_MAP_ELEMENTS, columns, rows, MCL_ARGUMENTS(__VA_ARGS__))

/* A kernel whose item has MCL_WIDTH adjacent elements of a row, the first of them in column
 * MCL_WIDTH * get_global_id(0); it returns at once where that is beyond the last. */
#define mcl_run_vectors(kernel, columns, rows, ...)                                                \
    mcl_run_mapped(kernel, MCL_MAP_VECTORS, columns, rows, MCL_ARGUMENTS(__VA_ARGS__))

/* mcl_run(kernel, columns, rows, MCL_BUFFER(a), MCL_UINT(n), …): work-groups of the driver's
 * choice; mcl_run_local: of local[3]. */
#define mcl_run_local(kernel, x, y, local, ...)                                                    \
    mcl_run_arguments(kernel, (size_t[3]){(x), (y), 1}, local, MCL_ARGUMENTS(__VA_ARGS__))
#define mcl_run(kernel, x, y, ...) mcl_run_local(kernel, x, y, NULL, __VA_ARGS__)

#endif
