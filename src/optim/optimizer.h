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

/* Enqueues one step: changes parameters[count] by gradients[count]. */
mcl_status mcl_optimizer_step(mcl_optimizer *optimizer, cl_mem parameters, cl_mem gradients);

/* The weight decay in force: options->weight_decay, or the kind's default. */
double mcl_weight_decay(const mcl_optimizer_options *options);

#endif
