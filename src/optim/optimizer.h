/* Optimizers: PyTorch's Adam, AdamW and SGD over one flat vector of parameters. */
#ifndef MASKCL_OPTIM_OPTIMIZER_H
#define MASKCL_OPTIM_OPTIMIZER_H

#include "device/context.h"
#include "maskcl/pretrain.h"

/* The moments of an optimizer, and the powers of its betas so far. */
typedef struct mcl_optimizer mcl_optimizer;

/* MCL_ERROR_ARGUMENT for options that PyTorch would refuse too. count is how many parameters there
 * are. */
mcl_status mcl_optimizer_create(mcl_optimizer **optimizer, mcl_context *context,
    const mcl_optimizer_options *options, uint64_t count);
void mcl_optimizer_free(mcl_optimizer *optimizer);

/* Sets the learning rate of the steps that follow. */
void mcl_optimizer_set_rate(mcl_optimizer *optimizer, double rate);

/* Enqueues one step: changes parameters[count] by gradients[count]. */
mcl_status mcl_optimizer_step(mcl_optimizer *optimizer, cl_mem parameters, cl_mem gradients);

/* Fills in the buffers of what it carries from step to step, of as many numbers as there are
 * parameters each, and returns how many: 2 for adam, 1 for sgd with momentum, 0 without. */
size_t mcl_optimizer_moments(cl_mem buffers[2], const mcl_optimizer *optimizer);

/* How many parameters it changes. */
uint64_t mcl_optimizer_size(const mcl_optimizer *optimizer);

/* Makes it as if so many steps had been made, but for the moments. */
void mcl_optimizer_skip(mcl_optimizer *optimizer, uint64_t steps);

/* The weight decay in force: options->weight_decay, or the kind's default. */
double mcl_weight_decay(const mcl_optimizer_options *options);

#endif
