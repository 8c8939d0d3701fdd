/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/frozen.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "device/buffer.h"

struct mcl_frozen {
    mcl_context *context;
    cl_mem values; /* what the parameters stay */
    size_t size;   /* bytes, from the first parameter on: the encoder's come first */
};

/* *end = where the parameters of the encoder's first layers end in the flat vector. */
static mcl_status find_end(uint64_t *end, const mcl_architecture *architecture, uint32_t layers)
{
    mcl_layer encoder[MCL_LAYERS_MAX];
    const size_t count = mcl_part_layers(encoder, architecture, MCL_PART_ENCODER);
    const uint32_t blocks = encoder[count - 1].block + 1;
    if (layers > blocks)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "`freeze`: the encoder has %" PRIu32 " layer%s, not %" PRIu32, blocks,
            blocks == 1 ? "" : "s", layers);
    const size_t first = mcl_layers_of_blocks(encoder, count, layers);
    *end = first < count ? encoder[first].parameters : mcl_part_end(architecture, MCL_PART_ENCODER);
    return MCL_OK;
}

mcl_status mcl_frozen_create(mcl_frozen **frozen, mcl_context *context,
    const mcl_architecture *architecture, uint32_t layers, cl_mem parameters)
{
    mcl_frozen *created;
    uint64_t end;
    MCL_TRY(find_end(&end, architecture, layers));
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    created->size = (size_t)end * sizeof(float);
    mcl_status status =
        mcl_buffer_create(&created->values, context, end, sizeof(float), "frozen parameters");
    if (status == MCL_OK && end > 0)
        status = mcl_buffer_copy(context, created->values, 0, parameters, 0, created->size);
    if (status == MCL_OK)
        *frozen = created;
    else
        mcl_frozen_free(created);
    return status;
}

void mcl_frozen_free(mcl_frozen *frozen)
{
    if (!frozen)
        return;
    mcl_buffer_release(&frozen->values);
    free(frozen);
}

mcl_status mcl_frozen_clear(const mcl_frozen *frozen, cl_mem gradients)
{
    return frozen->size ? mcl_buffer_zero(frozen->context, gradients, 0, frozen->size) : MCL_OK;
}

mcl_status mcl_frozen_restore(const mcl_frozen *frozen, cl_mem parameters)
{
    return frozen->size
               ? mcl_buffer_copy(frozen->context, parameters, 0, frozen->values, 0, frozen->size)
               : MCL_OK;
}
