/* SPDX-License-Identifier: Apache-2.0 */
/* What a model's metadata say of how it was made. */
#ifndef MASKCL_TRAIN_DESCRIBE_H
#define MASKCL_TRAIN_DESCRIBE_H

#include "maskcl/data.h"
#include "maskcl/device.h"
#include "maskcl/model.h"

/* Sets metadata to what a printf format makes of the arguments. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
mcl_status
mcl_describe(mcl_model *model, const char *key, const char *format, ...);

/* "native" or "clblast": whose bits a product has, which both native kernels share. */
const char *mcl_product_bits(mcl_gemm_kind product);

/* Sets what a training needs to be run again beside its options, in metadata whose keys begin with
 * the prefix: the digest of the data, or the size and the seed of synthetic ones as well, whose
 * bits the products have, and the version of the numeric contract. The name of a file is not among
 * them: a model is a function of what is in the data, wherever that is. */
mcl_status mcl_describe_origin(mcl_model *model, const char *prefix, const mcl_data *data,
    const char *data_digest, mcl_gemm_kind product);

/* Sets that the run had no more patience: its steps are fewer than planned, and yet it is whole. */
mcl_status mcl_describe_early_end(mcl_model *model, const char *prefix);

/* Sets how the model's input was made of the data. */
mcl_status mcl_describe_input(mcl_model *model, const mcl_data *data);

/* Stores the data's schema, if it has one. */
mcl_status mcl_describe_schema(mcl_model *model, const mcl_data *data);

/* Stores the names of the data's classes. */
mcl_status mcl_describe_class_names(mcl_model *model, const mcl_data *data);

/* What a training has come to. */
typedef struct mcl_training {
    uint64_t rows; /* that it trains on */
    uint64_t steps, steps_per_epoch;
} mcl_training;

/* Sets how far the training came, of the steps that were planned, in metadata whose keys begin with
 * the prefix. */
mcl_status mcl_describe_training(
    mcl_model *model, const char *prefix, uint64_t planned_steps, const mcl_training *training);

#endif
