/* SPDX-License-Identifier: Apache-2.0 */
/* Clipping of the gradient by its norm. */
#ifndef MASKCL_OPTIM_CLIP_H
#define MASKCL_OPTIM_CLIP_H

#include "device/context.h"

typedef struct mcl_clip mcl_clip;

/* For gradients of count numbers, whose norm is to be at most limit, above 0. */
mcl_status mcl_clip_create(mcl_clip **clip, mcl_context *context, uint64_t count, double limit);
void mcl_clip_free(mcl_clip *clip);

/* Enqueues torch.nn.utils.clip_grad_norm_: gradients[count] times limit/(norm + 1e−6), where that
 * is below 1. */
mcl_status mcl_clip_run(mcl_clip *clip, cl_mem gradients);

#endif
