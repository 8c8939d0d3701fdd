/* The parameters of a model that a training changes. */
#ifndef MASKCL_SSL_PARAMETERS_H
#define MASKCL_SSL_PARAMETERS_H

#include "model/architecture.h"
#include "optim/optimizer.h"

/* mcl_optimizer_create() for the first count parameters, which end where a tensor does. */
mcl_status mcl_parameters_optimizer(mcl_optimizer **optimizer, mcl_context *context,
    const mcl_optimizer_options *options, const mcl_architecture *architecture, uint64_t count);

#endif
