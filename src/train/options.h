/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the options of pre-training. */
#ifndef MASKCL_TRAIN_OPTIONS_H
#define MASKCL_TRAIN_OPTIONS_H

#include "maskcl/pretrain.h"

/* MCL_ERROR_ARGUMENT for options that no training can have. */
mcl_status mcl_train_check(const mcl_train_options *options);

/* *batch = the rows of a batch, of so many in all, where `wanted` was asked for. */
mcl_status mcl_batch_check(uint32_t *batch, uint64_t wanted, uint64_t rows);

/* Refuses batches whose statistics batch normalization cannot go by, and a dropout that leaves
 * nothing, or has no hidden layer to be of. */
mcl_status mcl_layers_check(
    mcl_normalization normalization, float dropout, uint32_t hidden_count, uint32_t batch);

/* MCL_ERROR_ARGUMENT for options that make no sense by themselves, or for this data. On success
 * *batch is the number of rows of every batch. */
mcl_status mcl_pretrain_check(
    uint32_t *batch, const mcl_pretrain_options *options, const mcl_data *data);

/* An option of the objectives in words, for the model's metadata and a checkpoint's conditions. */
typedef struct mcl_setting {
    const char *key;    /* "temperature" */
    const char *option; /* "--temperature" */
    char value[400];
} mcl_setting;

#define MCL_OBJECTIVE_SETTINGS_MAX 16

/* Fills in the objectives and those of their options that count, and returns how many. */
size_t mcl_objective_settings(
    mcl_setting settings[MCL_OBJECTIVE_SETTINGS_MAX], const mcl_pretrain_options *options);

/* The temperature in force for an objective that has one. */
float mcl_temperature(const mcl_pretrain_options *options, mcl_objective_kind kind);

/* The decay in force of the target network of an objective that has one. */
double mcl_target_decay(const mcl_pretrain_options *options, mcl_objective_kind kind);

/* Whether an objective is among those of the options. */
bool mcl_has_objective(const mcl_pretrain_options *options, mcl_objective_kind kind);

#endif
