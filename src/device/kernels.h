/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel sources that are built into the library. */
#ifndef MASKCL_DEVICE_KERNELS_H
#define MASKCL_DEVICE_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

struct mcl_kernel_file {
    const char *name; /* "views.cl" */
    const char *text;
    bool plain; /* its kernels are built without options; false for what others include */
};

/* Every file of cl/, ended by an entry whose name is NULL. */
extern const struct mcl_kernel_file mcl_kernel_files[];

/* Writes the name of parameter number `index`, from 0, of a kernel of these files; "" where there
 * is none, or it is not known. */
void mcl_kernel_parameter(char *name, size_t size, const char *kernel, size_t index);

#endif
