/* SPDX-License-Identifier: Apache-2.0 */
/* LARS and LAMB: the optimizers that scale the step of every tensor by its norm. */
#ifndef MASKCL_OPTIM_LAYERWISE_H
#define MASKCL_OPTIM_LAYERWISE_H

#include "maskcl/optimizer.h"
#include "optim/parts.h"

/* What they have beside moments: the tensors' norms and scales. */
typedef struct mcl_layerwise mcl_layerwise;

mcl_status mcl_layerwise_create(
    mcl_layerwise **layerwise, mcl_context *context, const mcl_part_range *tensors, size_t count);
void mcl_layerwise_free(mcl_layerwise *layerwise);

/* Enqueue one step over the flat vectors; options are resolved. power1 and power2 are β₁ᵗ and
 * β₂ᵗ; LAMB leaves its update in the gradients' place. */
mcl_status mcl_layerwise_lars(mcl_layerwise *layerwise, const mcl_optimizer_options *options,
    cl_mem parameters, cl_mem gradients, cl_mem velocity);
mcl_status mcl_layerwise_lamb(mcl_layerwise *layerwise, const mcl_optimizer_options *options,
    cl_mem parameters, cl_mem gradients, cl_mem mean, cl_mem square, double power1, double power2);

#endif
