/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/clip.h"

#include <stdlib.h>

#include "base/memory.h"
#include "compute/sums.h"
#include "constants.clh"
#include "device/profile.h"
#include "optim/parts.h"

struct mcl_clip {
    mcl_context *context;
    mcl_kernel *find_factor, *scale;
    mcl_sums sums;
    uint64_t count;
    double limit;
    mcl_parts parts;  /* one: all of it */
    cl_mem workspace; /* of the sum */
    cl_mem factor;    /* [1] */
};

mcl_status mcl_clip_create(mcl_clip **clip, mcl_context *context, uint64_t count, double limit)
{
    const mcl_part_range all = {0, count, true};
    mcl_clip *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    created->count = count;
    created->limit = limit;
    mcl_status status =
        mcl_kernel_find(&created->find_factor, context, "layerwise.cl", "clip_factor", "");
    if (status == MCL_OK)
        status = mcl_kernel_find(&created->scale, context, "layerwise.cl", "clip", "");
    if (status == MCL_OK)
        status = mcl_sums_find(&created->sums, context);
    if (status == MCL_OK)
        status = mcl_parts_create(&created->parts, context, &all, 1);
    if (status == MCL_OK)
        status = mcl_buffer_create(&created->workspace, context,
            mcl_sum_workspace(created->parts.block_count), sizeof(float), "workspace of the norm");
    if (status == MCL_OK)
        status = mcl_buffer_create(&created->factor, context, 1, sizeof(float), "factor");
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
    mcl_buffer_release(&clip->factor);
    free(clip);
}

mcl_status mcl_clip_run(mcl_clip *clip, cl_mem gradients)
{
    mcl_partial_sums left;
    MCL_TRY(mcl_parts_square(&clip->parts, gradients, 0));
    MCL_TRY(mcl_sums_shorten(
        &left, &clip->sums, clip->parts.squares, clip->parts.block_count, clip->workspace));
    MCL_TRY(mcl_run_rows(clip->find_factor, 1, MCL_BUFFER(left.buffer), MCL_ULONG(left.from),
        MCL_UINT(left.count), MCL_FLOAT(clip->limit), MCL_BUFFER(clip->factor),
        MCL_LOCAL(MCL_ROW_SPACE)));
    mcl_profile_work(clip->context, NULL, 0.0, 2.0 * sizeof(float) * (double)clip->count);
    return mcl_run_elements(clip->scale, clip->count, 1, MCL_BUFFER(gradients),
        MCL_BUFFER(clip->factor), MCL_ULONG(clip->count));
}
