/* SPDX-License-Identifier: Apache-2.0 */
/* Whether options make sense, by themselves and for the data. Functions return MCL_ERROR_ARGUMENT
 * when they do not. */
#ifndef MASKCL_TRAIN_CHECK_H
#define MASKCL_TRAIN_CHECK_H

#include "maskcl/finetune.h"
#include "maskcl/pretrain.h"

/* Every training's options, of so many epochs at least, of a network of so many hidden layers, on
 * data of so many rows. On success *batch is the number of rows of every batch. */
mcl_status mcl_train_check(uint32_t *batch, const mcl_train_options *options, uint32_t least_epochs,
    mcl_normalization normalization, uint32_t hidden_count, uint64_t rows);

/* The same and what is pre-training's own. */
mcl_status mcl_pretrain_check(
    uint32_t *batch, const mcl_pretrain_options *options, const mcl_data *data);

#endif
