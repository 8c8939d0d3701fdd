/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/layerwise.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/rounding.h"
#include "constants.clh"
#include "device/profile.h"

#define TRUST 0.001 /* LARS's trust coefficient */

struct mcl_layerwise {
    mcl_context *context;
    mcl_kernel *lars_scales, *lars, *lamb_update, *lamb_scales, *lamb;
    mcl_parts tensors;
    double bytes;  /* of a flat vector */
    cl_mem scales; /* [tensors] of two floats */
};

static mcl_status find_kernels(mcl_layerwise *layerwise)
{
    mcl_context *context = layerwise->context;
    MCL_TRY(mcl_kernel_find(&layerwise->lars_scales, context, "layerwise.cl", "lars_scales", ""));
    MCL_TRY(mcl_kernel_find(&layerwise->lars, context, "layerwise.cl", "lars", ""));
    MCL_TRY(mcl_kernel_find(&layerwise->lamb_update, context, "layerwise.cl", "lamb_update", ""));
    MCL_TRY(mcl_kernel_find(&layerwise->lamb_scales, context, "layerwise.cl", "lamb_scales", ""));
    return mcl_kernel_find(&layerwise->lamb, context, "layerwise.cl", "lamb", "");
}

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
    if (status == MCL_OK)
        status = find_kernels(created);
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

/* The profile's note of a launch that reads and writes so many flat vectors. */
static void note_vectors(const mcl_layerwise *layerwise, double vectors)
{
    mcl_profile_work(layerwise->context, NULL, 0.0, vectors * layerwise->bytes);
}

static mcl_status square_both(const mcl_layerwise *layerwise, cl_mem first, cl_mem second)
{
    MCL_TRY(mcl_parts_square(&layerwise->tensors, first, 0));
    return mcl_parts_square(&layerwise->tensors, second, 1);
}

mcl_status mcl_layerwise_lars(mcl_layerwise *layerwise, const mcl_optimizer_options *options,
    cl_mem parameters, cl_mem gradients, cl_mem velocity)
{
    const mcl_parts *tensors = &layerwise->tensors;
    MCL_TRY(square_both(layerwise, parameters, gradients));
    MCL_TRY(mcl_run_rows(layerwise->lars_scales, tensors->count, MCL_BUFFER(tensors->squares),
        MCL_UINT(tensors->block_count), MCL_BUFFER(tensors->parts), MCL_UINT(tensors->count),
        MCL_FLOAT(TRUST), MCL_FLOAT(options->weight_decay), MCL_FLOAT(options->epsilon),
        MCL_BUFFER(layerwise->scales), MCL_LOCAL(MCL_ROW_SPACE)));
    note_vectors(layerwise, 5.0);
    return mcl_run_elements(layerwise->lars, MCL_BLOCK, tensors->block_count,
        MCL_BUFFER(parameters), MCL_BUFFER(gradients), MCL_BUFFER(velocity),
        MCL_BUFFER(tensors->blocks), MCL_BUFFER(layerwise->scales),
        MCL_FLOAT(options->learning_rate), MCL_FLOAT(options->momentum));
}

mcl_status mcl_layerwise_lamb(mcl_layerwise *layerwise, const mcl_optimizer_options *options,
    cl_mem parameters, cl_mem gradients, cl_mem mean, cl_mem square, double power1, double power2)
{
    const mcl_parts *tensors = &layerwise->tensors;
    const float correction2 = (float)sqrt(1.0 - power2);
    note_vectors(layerwise, 7.0);
    MCL_TRY(mcl_run_elements(layerwise->lamb_update, MCL_BLOCK, tensors->block_count,
        MCL_BUFFER(parameters), MCL_BUFFER(gradients), MCL_BUFFER(mean), MCL_BUFFER(square),
        MCL_BUFFER(tensors->blocks), MCL_BUFFER(tensors->parts), MCL_FLOAT(options->weight_decay),
        MCL_FLOAT(1.0 - options->beta1), MCL_FLOAT(options->beta2), MCL_FLOAT(1.0 - options->beta2),
        MCL_FLOAT(1.0 - power1), MCL_FLOAT(correction2),
        MCL_FLOAT(mcl_host_reciprocal(correction2)), MCL_FLOAT(options->epsilon)));
    MCL_TRY(square_both(layerwise, parameters, gradients));
    MCL_TRY(mcl_run_rows(layerwise->lamb_scales, tensors->count, MCL_BUFFER(tensors->squares),
        MCL_UINT(tensors->block_count), MCL_BUFFER(tensors->parts), MCL_UINT(tensors->count),
        MCL_BUFFER(layerwise->scales), MCL_LOCAL(MCL_ROW_SPACE)));
    note_vectors(layerwise, 3.0);
    return mcl_run_elements(layerwise->lamb, MCL_BLOCK, tensors->block_count,
        MCL_BUFFER(parameters), MCL_BUFFER(gradients), MCL_BUFFER(tensors->blocks),
        MCL_BUFFER(layerwise->scales), MCL_FLOAT(options->learning_rate));
}
