/* SPDX-License-Identifier: Apache-2.0 */
#include "device/observe.h"

#include "device/context.h"
#include "device/profile.h"

mcl_launch mcl_launch_of(cl_mem buffers[MCL_LAUNCH_BUFFERS_MAX], char name[64], cl_kernel built,
    const mcl_argument *arguments, size_t count)
{
    const size_t watched = count < MCL_LAUNCH_BUFFERS_MAX ? count : MCL_LAUNCH_BUFFERS_MAX;
    for (size_t i = 0; i < watched; i++)
        buffers[i] = arguments[i].buffer ? *(const cl_mem *)arguments[i].value : NULL;
    mcl_kernel_name(name, 64, built);
    return (mcl_launch){name, buffers, watched};
}

mcl_status mcl_observe_before(const mcl_context *context, const mcl_launch *launch)
{
    const mcl_observer *observer = context->observer;
    return observer ? observer->before(observer->state, launch) : MCL_OK;
}

mcl_status mcl_observe_after(const mcl_context *context, const mcl_launch *launch)
{
    const mcl_observer *observer = context->observer;
    return observer ? observer->after(observer->state, launch) : MCL_OK;
}
