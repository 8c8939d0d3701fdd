/* SPDX-License-Identifier: Apache-2.0 */
#include "device/launch.h"

#include <stdio.h>

#include "device/context.h"
#include "device/observe.h"
#include "device/pace.h"
#include "device/profile.h"

/* Of work-groups where the driver does not choose. */
#define LOCAL_MIN 8
#define LOCAL_MAX 64

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* PoCL compiles a kernel anew for every size of its work-groups, and takes one that differs with
 * the number of work-items. Here most numbers share a size: the largest divisor of the columns that
 * is at most 64. False where that is too small for work-items to run side by side in vectors. */
static bool choose_local(size_t local[3], const mcl_kernel *kernel, const size_t global[3])
{
    const mcl_context *context = mcl_kernel_context(kernel);
    const size_t forced = context->work_group;
    const size_t most = least(forced ? forced : LOCAL_MAX,
        least(mcl_kernel_largest_group(kernel), context->largest_side[0]));
    if (!forced && !mcl_context_is_pocl(context))
        return false;
    local[0] = local[1] = local[2] = 1;
    for (size_t size = 2; size <= most && size <= global[0]; size++) {
        if (global[0] % size == 0)
            local[0] = size;
    }
    return forced || local[0] >= LOCAL_MIN || global[0] == local[0];
}

/* A launch whose arguments are set. */
struct launched {
    mcl_context *context;
    cl_kernel kernel;
    bool
        chosen; /* the size of its work-groups is ours, and may be too large for what is not said */
};

/* mcl_paced_launch.enqueue */
static cl_int enqueue(
    void *of, const size_t offset[2], const size_t size[2], const size_t *local, bool last)
{
    struct launched *l = of;
    cl_event *event = last ? mcl_profile_event(l->context) : NULL;
    cl_int code = clEnqueueNDRangeKernel(
        l->context->queue, l->kernel, 2, offset, size, local, 0, NULL, event);
    if (l->chosen && (code == CL_INVALID_WORK_GROUP_SIZE || code == CL_INVALID_WORK_ITEM_SIZE))
        code = clEnqueueNDRangeKernel(
            l->context->queue, l->kernel, 2, offset, size, NULL, 0, NULL, event);
    return code;
}

static mcl_status launch(mcl_kernel *kernel, const size_t global[3], const size_t *local,
    const mcl_argument *arguments, size_t count)
{
    mcl_context *context = mcl_kernel_context(kernel);
    cl_kernel built;
    if (global[0] == 0 || global[1] == 0)
        return MCL_OK;
    MCL_TRY(mcl_kernel_build(&built, kernel));
    size_t chosen[3];
    if (!local && choose_local(chosen, kernel, global))
        local = chosen;
    cl_int code = CL_SUCCESS;
    for (size_t i = 0; i < count && code == CL_SUCCESS; i++)
        code = clSetKernelArg(built, (cl_uint)i, arguments[i].size, arguments[i].value);
    struct launched launched = {context, built, local == chosen};
    unsigned parts = 0;
    if (code == CL_SUCCESS && context->paced) {
        const double items = (double)global[0] * (double)global[1];
        const mcl_paced_launch paced = {{global[0], global[1]}, local,
            context->work > 0.0 ? context->work : items, enqueue, &launched};
        code = mcl_pace_launch(&parts, context, mcl_kernel_pace(kernel), &paced);
    } else if (code == CL_SUCCESS) {
        code = enqueue(&launched, NULL, global, local, true);
    }
    if (code == CL_SUCCESS) {
        const double items = (double)global[0] * (double)global[1];
        const double group = local ? (double)local[0] * (double)local[1] : 0.0;
        mcl_profile_size(context, items, local ? items / group : 0.0);
        return mcl_profile_command(context, built, NULL, parts > 1);
    }
    char name[64] = "?", what[96];
    (void)clGetKernelInfo(built, CL_KERNEL_FUNCTION_NAME, sizeof name - 1, name, NULL);
    snprintf(what, sizeof what, "launching the kernel %s", name);
    const mcl_status status = mcl_context_fail(context, what, code);
    if (parts > 0) /* not to be tried again: a part of it runs */
        mcl_opencl_record_error(CL_SUCCESS);
    return status;
}

/* The same between the two calls of the context's observer. */
static mcl_status launch_observed(mcl_kernel *kernel, const size_t global[3], const size_t *local,
    const mcl_argument *arguments, size_t count)
{
    const mcl_context *context = mcl_kernel_context(kernel);
    cl_mem buffers[MCL_LAUNCH_BUFFERS_MAX];
    char name[64];
    cl_kernel built;
    MCL_TRY(mcl_kernel_build(&built, kernel));
    const mcl_launch observed = mcl_launch_of(buffers, name, built, arguments, count);
    MCL_TRY(mcl_observe_before(context, &observed));
    MCL_TRY(launch(kernel, global, local, arguments, count));
    return mcl_observe_after(context, &observed);
}

mcl_status mcl_run_arguments(mcl_kernel *kernel, const size_t global[3], const size_t *local,
    const mcl_argument *arguments, size_t count)
{
    const bool observed = mcl_kernel_context(kernel)->observer && global[0] && global[1];
    return observed ? launch_observed(kernel, global, local, arguments, count)
                    : launch(kernel, global, local, arguments, count);
}
