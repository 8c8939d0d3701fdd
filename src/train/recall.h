/* SPDX-License-Identifier: Apache-2.0 */
/* Options read back from the metadata of the model that was trained by them. */
#ifndef MASKCL_TRAIN_RECALL_H
#define MASKCL_TRAIN_RECALL_H

#include "train/options.h"

/* Sets options, which have been initialized, to those that mcl_options_describe() wrote. assumed
 * gets the keys of those that are not there, joined by commas; they stay as they are.
 * MCL_ERROR_FORMAT for values that this library cannot have written. */
mcl_status mcl_options_recall(
    mcl_options *options, char *assumed, size_t size, const mcl_model *model);

#endif
