/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of a model on a device. */
#ifndef MASKCL_MODEL_PARAMETERS_H
#define MASKCL_MODEL_PARAMETERS_H

#include "device/context.h"
#include "maskcl/data.h"
#include "model/architecture.h"

/* *buffer = the parameters of a model, running statistics too; and back. */
mcl_status mcl_parameters_upload(cl_mem *buffer, mcl_context *context, const mcl_model *model);
mcl_status mcl_parameters_fetch(mcl_model *model, mcl_context *context, cl_mem buffer);

/* MCL_ERROR_DATA unless rows of the data are what the architecture takes. */
mcl_status mcl_width_check(const mcl_architecture *architecture, const mcl_data *data);

#endif
