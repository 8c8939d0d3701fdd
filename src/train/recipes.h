/* SPDX-License-Identifier: Apache-2.0 */
/* Named sets of options. */
#ifndef MASKCL_TRAIN_RECIPES_H
#define MASKCL_TRAIN_RECIPES_H

#include "maskcl/pretrain.h"

/* Sets options from a text of settings, "embedding=64;epochs=10"; what it holds is the library's
 * own, and right. */
mcl_status mcl_options_apply(mcl_options *options, const char *settings);

#endif
