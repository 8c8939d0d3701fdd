/* SPDX-License-Identifier: Apache-2.0 */
/* Optimizers over one flat vector of parameters: PyTorch's Adam, AdamW and SGD, LARS and LAMB. */
#ifndef MASKCL_OPTIM_OPTIMIZER_H
#define MASKCL_OPTIM_OPTIMIZER_H

#include "device/context.h"
#include "maskcl/optimizer.h"
#include "optim/parts.h"

/* The moments of an optimizer, and the powers of its betas so far. */
typedef struct mcl_optimizer mcl_optimizer;

/* MCL_ERROR_ARGUMENT for options that PyTorch would refuse too. count is how many parameters there
 * are, and tensors[tensor_count] are the tensors that they make up, which only lars and lamb look
 * at. */
mcl_status mcl_optimizer_create(mcl_optimizer **optimizer, mcl_context *context,
    const mcl_optimizer_options *options, uint64_t count, const mcl_part_range *tensors,
    size_t tensor_count);

void mcl_optimizer_free(mcl_optimizer *optimizer);

/* Sets the learning rate of the steps that follow. */
void mcl_optimizer_set_rate(mcl_optimizer *optimizer, double rate);

/* Enqueues one step: changes parameters[count] by gradients[count]. The gradients are of no more
 * use afterwards. */
mcl_status mcl_optimizer_step(mcl_optimizer *optimizer, cl_mem parameters, cl_mem gradients);

/* Fills in the buffers of its state from step to step, of as many numbers as there are parameters
 * each, and returns how many: 2 for adam, adamw and lamb, 1 for lars and for sgd with momentum, 0
 * for sgd without. */
size_t mcl_optimizer_moments(cl_mem buffers[2], const mcl_optimizer *optimizer);

/* How many parameters it changes. */
uint64_t mcl_optimizer_size(const mcl_optimizer *optimizer);

/* Makes it as if so many steps had been made, but for the moments. */
void mcl_optimizer_skip(mcl_optimizer *optimizer, uint64_t steps);

/* The options with the kind's defaults in place of what is below 0. */
mcl_optimizer_options mcl_optimizer_resolve(const mcl_optimizer_options *options);

#endif
