/* SPDX-License-Identifier: Apache-2.0 */
#include "device/launch.h"

#include <stdio.h>

#include "base/integers.h"
#include "device/context.h"
#include "device/observe.h"
#include "device/pace.h"
#include "device/profile.h"

/* Of work-groups where the driver does not choose. */
#define LOCAL_MIN 8
#define LOCAL_MAX 64

/* PoCL compiles a kernel anew for every size of its work-groups, and takes one that differs with
 * the number of work-items. Here most numbers share a size: the largest divisor of the columns that
 * is at most 64. False where that is too small for work-items to run side by side in vectors. */
static bool choose_local(size_t local[3], const mcl_kernel *kernel, const size_t global[3])
{
    const mcl_context *context = mcl_kernel_context(kernel);
    const size_t forced = context->work_group;
    const size_t most = mcl_least(forced ? forced : LOCAL_MAX,
        mcl_least(mcl_kernel_largest_group(kernel), context->largest_side[0]));
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
    bool chosen; /* its work-groups are ours, and may be too large for what is not said: the
                  * driver may choose others … */
    size_t
        narrowest; /* … or they are halved, down to so many items along dimension 0; 0: neither */
};

static bool is_too_large(cl_int code)
{
    return code == CL_INVALID_WORK_GROUP_SIZE || code == CL_INVALID_WORK_ITEM_SIZE;
}

/* Work-groups of half as many items, which the global size is made of as well. */
static bool halve(size_t group[3], size_t narrowest)
{
    size_t *side = group[1] % 2 == 0 ? &group[1] : &group[0];
    if (*side % 2 != 0 || (side == &group[0] && *side / 2 < narrowest))
        return false;
    *side /= 2;
    return true;
}

/* mcl_paced_launch.enqueue */
static cl_int enqueue(
    void *of, const size_t offset[2], const size_t size[2], const size_t *local, bool last)
{
    struct launched *l = of;
    cl_event *event = last ? mcl_profile_event(l->context) : NULL;
    cl_int code = clEnqueueNDRangeKernel(
        l->context->queue, l->kernel, 2, offset, size, local, 0, NULL, event);
    if (l->chosen && is_too_large(code))
        code = clEnqueueNDRangeKernel(
            l->context->queue, l->kernel, 2, offset, size, NULL, 0, NULL, event);
    if (local && l->narrowest && is_too_large(code)) {
        size_t group[3] = {local[0], local[1], 1};
        while (is_too_large(code) && halve(group, l->narrowest))
            code = clEnqueueNDRangeKernel(
                l->context->queue, l->kernel, 2, offset, size, group, 0, NULL, event);
    }
    return code;
}

/* Enqueues a kernel that is built in work-groups of local, NULL being the driver's choice. */
static mcl_status launch(mcl_kernel *kernel, struct launched *launched, const size_t global[3],
    const size_t *local, const mcl_argument *arguments, size_t count)
{
    mcl_context *context = launched->context;
    cl_kernel built = launched->kernel;
    cl_int code = CL_SUCCESS;
    for (size_t i = 0; i < count && code == CL_SUCCESS; i++)
        code = clSetKernelArg(built, (cl_uint)i, arguments[i].size, arguments[i].value);
    unsigned parts = 0;
    if (code == CL_SUCCESS && context->paced) {
        const double items = (double)global[0] * (double)global[1];
        const mcl_paced_launch paced = {{global[0], global[1]}, local,
            context->work > 0.0 ? context->work : items, enqueue, launched};
        code = mcl_pace_launch(&parts, context, mcl_kernel_pace(kernel), &paced);
    } else if (code == CL_SUCCESS) {
        code = enqueue(launched, NULL, global, local, true);
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

/* The same between the two calls of the context's observer, if it has one. */
static mcl_status launch_observed(mcl_kernel *kernel, struct launched *launched,
    const size_t global[3], const size_t *local, const mcl_argument *arguments, size_t count)
{
    const mcl_context *context = launched->context;
    cl_mem buffers[MCL_LAUNCH_BUFFERS_MAX];
    char name[64];
    if (!context->observer)
        return launch(kernel, launched, global, local, arguments, count);
    const mcl_launch observed = mcl_launch_of(buffers, name, launched->kernel, arguments, count);
    MCL_TRY(mcl_observe_before(context, &observed));
    MCL_TRY(launch(kernel, launched, global, local, arguments, count));
    return mcl_observe_after(context, &observed);
}

mcl_status mcl_run_arguments(mcl_kernel *kernel, const size_t global[3], const size_t *local,
    const mcl_argument *arguments, size_t count)
{
    size_t chosen[3];
    struct launched launched = {.context = mcl_kernel_context(kernel)};
    if (global[0] == 0 || global[1] == 0)
        return MCL_OK;
    MCL_TRY(mcl_kernel_build(&launched.kernel, kernel));
    launched.chosen = !local && choose_local(chosen, kernel, global);
    return launch_observed(
        kernel, &launched, global, launched.chosen ? chosen : local, arguments, count);
}

mcl_status mcl_run_mapped(mcl_kernel *kernel, mcl_mapping mapping, size_t columns, size_t rows,
    const mcl_argument *arguments, size_t count)
{
    struct launched launched = {.context = mcl_kernel_context(kernel)};
    if (columns == 0 || rows == 0)
        return MCL_OK;
    MCL_TRY(mcl_kernel_build(&launched.kernel, kernel));
    const mcl_geometry geometry = mcl_geometry_of(kernel, mapping, columns, rows);
    if (geometry.open)
        return mcl_run_arguments(kernel, geometry.global, NULL, arguments, count);
    launched.narrowest = geometry.narrowest;
    return launch_observed(kernel, &launched, geometry.global, geometry.local, arguments, count);
}
