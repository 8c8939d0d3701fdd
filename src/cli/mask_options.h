/* SPDX-License-Identifier: Apache-2.0 */
/* The options of masks and views, for the commands that draw them. */
#ifndef MASKCL_CLI_MASK_OPTIONS_H
#define MASKCL_CLI_MASK_OPTIONS_H

#include "maskcl/mask.h"
#include "maskcl/views.h"
#include "options.h"

extern const mcl_option_type mcl_option_mask;  /* mcl_mask_kind */
extern const mcl_option_type mcl_option_patch; /* mcl_mask: the sides of its patches */
extern const mcl_option_type mcl_option_views; /* mcl_view_options */

/* Why a ratio or a patch makes no sense with this kind of mask, NULL when it does. */
const char *mcl_ratio_conflict(mcl_mask_kind kind);
const char *mcl_patch_conflict(mcl_mask_kind kind);

#endif
