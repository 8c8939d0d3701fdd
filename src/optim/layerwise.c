/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/layerwise.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "device/profile.h"

#define TRUST 0.001 /* LARS's trust coefficient */

struct mcl_layerwise {
    mcl_context *context;
    mcl_parts tensors;
    double bytes;  /* of a flat vector */
    cl_mem scales; /* [tensors] of two floats */
};

mcl_status mcl_layerwise_create(
    mcl_layerwise **layerwise, mcl_context *context, const mcl_part_range *tensors, size_t count)
{
    mcl_layerwise *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    for (size_t t = 0; t < count; t++)
        created->bytes += (double)tensors[t].count * sizeof(float);
    mcl_status status = mcl_parts_create(&created->tensors, context, tensors, count);
    if (status == MCL_OK)
        status = mcl_buffer_create(
            &created->scales, context, count, sizeof(cl_float2), "scales of the tensors");
    if (status != MCL_OK) {
        mcl_layerwise_free(created);
        return status;
    }
    *layerwise = created;
    return MCL_OK;
}

void mcl_layerwise_free(mcl_layerwise *layerwise)
{
    if (!layerwise)
        return;
    mcl_parts_release(&layerwise->tensors);
    mcl_buffer_release(&layerwise->scales);
    free(layerwise);
}

/* *kernel = the one called name, which reads and writes so many flat vectors. */
static mcl_status get(
    cl_kernel *kernel, const mcl_layerwise *layerwise, const char *name, double vectors)
{
    MCL_TRY(mcl_kernel_get(kernel, layerwise->context, "layerwise.cl", name, ""));
    mcl_profile_work(layerwise->context, NULL, 0.0, vectors * layerwise->bytes);
    return MCL_OK;
}

static mcl_status square_both(const mcl_layerwise *layerwise, cl_mem first, cl_mem second)
{
    MCL_TRY(mcl_parts_square(&layerwise->tensors, layerwise->context, first, 0));
    return mcl_parts_square(&layerwise->tensors, layerwise->context, second, 1);
}

mcl_status mcl_layerwise_lars(mcl_layerwise *layerwise, const mcl_optimizer_options *options,
    cl_mem parameters, cl_mem gradients, cl_mem velocity)
{
    const mcl_parts *tensors = &layerwise->tensors;
    cl_kernel kernel;
    MCL_TRY(square_both(layerwise, parameters, gradients));
    MCL_TRY(get(&kernel, layerwise, "lars_scales", 0.0));
    MCL_TRY(mcl_launch(layerwise->context, kernel, tensors->count, 1, MCL_BUFFER(tensors->squares),
        MCL_UINT(tensors->block_count), MCL_BUFFER(tensors->parts), MCL_FLOAT(TRUST),
        MCL_FLOAT(options->weight_decay), MCL_FLOAT(options->epsilon),
        MCL_BUFFER(layerwise->scales)));
    MCL_TRY(get(&kernel, layerwise, "lars", 5.0));
    return mcl_launch(layerwise->context, kernel, MCL_BLOCK, tensors->block_count,
        MCL_BUFFER(parameters), MCL_BUFFER(gradients), MCL_BUFFER(velocity),
        MCL_BUFFER(tensors->blocks), MCL_BUFFER(layerwise->scales),
        MCL_FLOAT(options->learning_rate), MCL_FLOAT(options->momentum));
}

mcl_status mcl_layerwise_lamb(mcl_layerwise *layerwise, const mcl_optimizer_options *options,
    cl_mem parameters, cl_mem gradients, cl_mem mean, cl_mem square, double power1, double power2)
{
    const mcl_parts *tensors = &layerwise->tensors;
    cl_kernel kernel;
    MCL_TRY(get(&kernel, layerwise, "lamb_update", 7.0));
    MCL_TRY(mcl_launch(layerwise->context, kernel, MCL_BLOCK, tensors->block_count,
        MCL_BUFFER(parameters), MCL_BUFFER(gradients), MCL_BUFFER(mean), MCL_BUFFER(square),
        MCL_BUFFER(tensors->blocks), MCL_BUFFER(tensors->parts), MCL_FLOAT(options->weight_decay),
        MCL_FLOAT(1.0 - options->beta1), MCL_FLOAT(options->beta2), MCL_FLOAT(1.0 - options->beta2),
        MCL_FLOAT(1.0 - power1), MCL_FLOAT(sqrt(1.0 - power2)), MCL_FLOAT(options->epsilon)));
    MCL_TRY(square_both(layerwise, parameters, gradients));
    MCL_TRY(get(&kernel, layerwise, "lamb_scales", 0.0));
    MCL_TRY(mcl_launch(layerwise->context, kernel, tensors->count, 1, MCL_BUFFER(tensors->squares),
        MCL_UINT(tensors->block_count), MCL_BUFFER(tensors->parts), MCL_BUFFER(layerwise->scales)));
    MCL_TRY(get(&kernel, layerwise, "lamb", 3.0));
    return mcl_launch(layerwise->context, kernel, MCL_BLOCK, tensors->block_count,
        MCL_BUFFER(parameters), MCL_BUFFER(gradients), MCL_BUFFER(tensors->blocks),
        MCL_BUFFER(layerwise->scales), MCL_FLOAT(options->learning_rate));
}
