/* SPDX-License-Identifier: Apache-2.0 */
/* Device memory and what goes to and from it. */
#ifndef MASKCL_DEVICE_BUFFER_H
#define MASKCL_DEVICE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "device/opencl.h"
#include "maskcl/device.h"

/* *buffer = device memory for count elements of size bytes, never less than one; what says in a
 * message whose memory it is ("activations"), and names, in backquotes, the option by which its
 * size grows, where there is one ("queue of keys (`queue`)"): a failure advises to make that
 * smaller. The memory is there when this returns, though what is in it is not known, with drivers
 * too that would only find it for the first command. Released with mcl_buffer_release(). */
mcl_status mcl_buffer_create(
    cl_mem *buffer, mcl_context *context, uint64_t count, uint64_t size, const char *what);

/* The same in memory of the kind that flags ask for, over host where they say so. */
mcl_status mcl_buffer_create_flags(cl_mem *buffer, mcl_context *context, cl_mem_flags flags,
    void *host, uint64_t count, uint64_t size, const char *what);

/* The same, filled with the count × size bytes at values. */
mcl_status mcl_buffer_create_from(cl_mem *buffer, mcl_context *context, const void *values,
    uint64_t count, uint64_t size, const char *what);

/* The same of bytes, of which so many are not counted in what the limit on device memory allows:
 * what stands in for work-groups' local memory on processors, or pads a copy. */
mcl_status mcl_buffer_create_scratch(
    cl_mem *buffer, mcl_context *context, uint64_t bytes, uint64_t uncounted, const char *what);

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

#endif
