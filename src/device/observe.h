/* SPDX-License-Identifier: Apache-2.0 */
/* Watching what a context's commands write, launch by launch. Nothing is watched, and nothing costs
 * time, unless the context has an observer. */
#ifndef MASKCL_DEVICE_OBSERVE_H
#define MASKCL_DEVICE_OBSERVE_H

#include <stdbool.h>
#include <stddef.h>

#include "device/launch.h"

/* A launch: a kernel, or a matrix product of whatever kernels. */
typedef struct mcl_launch {
    const char *name;
    const cl_mem *buffers; /* [count], by the arguments' places; NULL: no buffer */
    size_t count;
} mcl_launch;

/* What is called before and after each launch, which is enqueued between the two. Both may read the
 * buffers; a failure ends the training. */
typedef struct mcl_observer {
    mcl_status (*before)(void *state, const mcl_launch *launch);
    mcl_status (*after)(void *state, const mcl_launch *launch);
    void *state;
    bool whole_products; /* a product is one launch, not those that its provider makes of it */
} mcl_observer;

#define MCL_LAUNCH_BUFFERS_MAX 32

/* A kernel's arguments as the launch that an observer sees; buffers and name are the caller's. */
mcl_launch mcl_launch_of(cl_mem buffers[MCL_LAUNCH_BUFFERS_MAX], char name[64], cl_kernel built,
    const mcl_argument *arguments, size_t count);

/* Tell the context's observer, if there is one. */
mcl_status mcl_observe_before(const mcl_context *context, const mcl_launch *launch);
mcl_status mcl_observe_after(const mcl_context *context, const mcl_launch *launch);

#endif
