/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters that training leaves as they are. */
#ifndef MASKCL_OPTIM_FROZEN_H
#define MASKCL_OPTIM_FROZEN_H

#include "device/context.h"
#include "model/architecture.h"

typedef struct mcl_frozen mcl_frozen;

/* Of the encoder's first `layers` layers, counted as by mcl_embed_layer(), at what they are now in
 * parameters. MCL_ERROR_ARGUMENT where it has not so many. */
mcl_status mcl_frozen_create(mcl_frozen **frozen, mcl_context *context,
    const mcl_architecture *architecture, uint32_t layers, cl_mem parameters);
void mcl_frozen_free(mcl_frozen *frozen);

/* Enqueued before the gradients are used: those of frozen parameters become 0. */
mcl_status mcl_frozen_clear(const mcl_frozen *frozen, cl_mem gradients);

/* Enqueued after a step of an optimizer, which may have decayed them: they are as they were. */
mcl_status mcl_frozen_restore(const mcl_frozen *frozen, cl_mem parameters);

#endif
