/* SPDX-License-Identifier: Apache-2.0 */
/* The tensors of a model as an optimizer sees them. */
#ifndef MASKCL_OPTIM_TENSORS_H
#define MASKCL_OPTIM_TENSORS_H

#include "model/architecture.h"
#include "optim/optimizer.h"

/* mcl_optimizer_create() for the first count parameters, which end where a tensor does. */
mcl_status mcl_parameters_optimizer(mcl_optimizer **optimizer, mcl_context *context,
    const mcl_optimizer_options *options, const mcl_architecture *architecture, uint64_t count);

#endif
