/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/average.h"

#include <stdlib.h>

#include "base/memory.h"
#include "device/profile.h"

struct mcl_average {
    mcl_context *context;
    mcl_kernel *kernel;
    uint64_t count, averaged;
    cl_mem values;
};

mcl_status mcl_average_create(
    mcl_average **average, mcl_context *context, cl_mem source, uint64_t count, uint64_t averaged)
{
    mcl_average *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    created->count = count;
    created->averaged = averaged;
    mcl_status status = mcl_kernel_find(&created->kernel, context, "average.cl", "average", "");
    if (status == MCL_OK)
        status =
            mcl_buffer_create(&created->values, context, count, sizeof(float), "moving average");
    if (status == MCL_OK)
        status = mcl_buffer_copy(
            context, created->values, 0, source, 0, (size_t)(count * sizeof(float)));
    if (status != MCL_OK) {
        mcl_average_free(created);
        return status;
    }
    *average = created;
    return MCL_OK;
}

void mcl_average_free(mcl_average *average)
{
    if (!average)
        return;
    mcl_buffer_release(&average->values);
    free(average);
}

mcl_status mcl_average_update(mcl_average *average, cl_mem values, double decay)
{
    mcl_context *context = average->context;
    const uint64_t averaged = average->averaged;
    const size_t end = (size_t)averaged * sizeof(float);
    mcl_profile_work(context, NULL, 0.0, 3.0 * sizeof(float) * (double)averaged);
    MCL_TRY(mcl_run_elements(average->kernel, averaged, 1, MCL_BUFFER(average->values),
        MCL_BUFFER(values), MCL_ULONG(averaged), MCL_FLOAT(1.0 - decay)));
    return mcl_buffer_copy(context, average->values, end, values, end,
        (size_t)(average->count - averaged) * sizeof(float));
}

double mcl_average_decay(double decay, uint64_t updates)
{
    const double most = (1.0 + (double)updates) / (10.0 + (double)updates);
    return decay < most ? decay : most;
}

cl_mem mcl_average_buffer(const mcl_average *average)
{
    return average->values;
}
