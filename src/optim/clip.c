/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/clip.h"

#include <stdlib.h>

#include "base/memory.h"
#include "compute/sums.h"
#include "device/profile.h"
#include "optim/parts.h"

struct mcl_clip {
    mcl_context *context;
    mcl_kernel *kernel;
    mcl_sums sums;
    uint64_t count;
    double limit;
    mcl_parts parts;  /* one: all of it */
    cl_mem workspace; /* of the sum */
    cl_mem square;    /* [1] of the norm */
};

mcl_status mcl_clip_create(mcl_clip **clip, mcl_context *context, uint64_t count, double limit)
{
    const mcl_part_range all = {0, count, true};
    mcl_clip *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    created->count = count;
    created->limit = limit;
    mcl_status status = mcl_kernel_find(&created->kernel, context, "layerwise.cl", "clip", "");
    if (status == MCL_OK)
        status = mcl_sums_find(&created->sums, context);
    if (status == MCL_OK)
        status = mcl_parts_create(&created->parts, context, &all, 1);
    if (status == MCL_OK)
        status = mcl_buffer_create(&created->workspace, context,
            mcl_sum_workspace(created->parts.block_count), sizeof(float), "workspace of the norm");
    if (status == MCL_OK)
        status = mcl_buffer_create(&created->square, context, 1, sizeof(float), "norm");
    if (status != MCL_OK) {
        mcl_clip_free(created);
        return status;
    }
    *clip = created;
    return MCL_OK;
}

void mcl_clip_free(mcl_clip *clip)
{
    if (!clip)
        return;
    mcl_parts_release(&clip->parts);
    mcl_buffer_release(&clip->workspace);
    mcl_buffer_release(&clip->square);
    free(clip);
}

mcl_status mcl_clip_run(mcl_clip *clip, cl_mem gradients)
{
    MCL_TRY(mcl_parts_square(&clip->parts, gradients, 0));
    MCL_TRY(mcl_sums_run(&clip->sums, clip->parts.squares, clip->parts.block_count, 1.0f,
        clip->workspace, clip->square, 0));
    mcl_profile_work(clip->context, NULL, 0.0, 2.0 * sizeof(float) * (double)clip->count);
    return mcl_run(clip->kernel, clip->count, 1, MCL_BUFFER(gradients), MCL_BUFFER(clip->square),
        MCL_FLOAT(clip->limit));
}
