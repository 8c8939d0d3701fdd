/* The options of a mask, for the commands that draw one. */
#ifndef MASKCL_CLI_MASK_OPTIONS_H
#define MASKCL_CLI_MASK_OPTIONS_H

#include "maskcl/mask.h"
#include "options.h"

extern const mcl_option_type mcl_option_mask; /* mcl_mask_kind */

/* Why a ratio or a patch makes no sense with this kind of mask, NULL when it does. */
const char *mcl_ratio_conflict(mcl_mask_kind kind);
const char *mcl_patch_conflict(mcl_mask_kind kind);

#endif
