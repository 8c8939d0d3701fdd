/* SPDX-License-Identifier: Apache-2.0 */
/* How a model was trained, as its metadata tell. */
#ifndef MASKCL_CLI_METADATA_H
#define MASKCL_CLI_METADATA_H

#include "maskcl/mask.h"
#include "maskcl/model.h"
#include "message.h"

/* Each leaves its result alone when the model does not tell, and refuses metadata that no run of
 * pretrain writes. */
mcl_exit mcl_metadata_seed(uint64_t *seed, const mcl_model *model, const char *path);
mcl_exit mcl_metadata_mask(mcl_mask *mask, const mcl_model *model, const char *path);

#endif
