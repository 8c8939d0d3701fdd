/* SPDX-License-Identifier: Apache-2.0 */
/* The model's internals, for the functions that read and write it. */
#ifndef MASKCL_MODEL_MODEL_H
#define MASKCL_MODEL_MODEL_H

#include "data/facts.h"
#include "model/architecture.h"
#include "model/safetensors.h"

/* Metadata that say what the file is and how large the model is: the first of every model. */
#define MCL_KEY_FORMAT "maskcl_format"
#define MCL_KEY_VERSION "maskcl_version"
#define MCL_KEY_INPUT "input"
#define MCL_KEY_HIDDEN "hidden" /* widths joined by commas */
#define MCL_KEY_EMBEDDING "embedding"
#define MCL_KEY_ACTIVATION "activation"

/* The same, of models that have these. */
#define MCL_KEY_NORMALIZATION "normalization"
#define MCL_KEY_ACTIVATED "activated_embedding" /* "yes" */
#define MCL_KEY_PROJECTOR "projector"           /* widths joined by commas */
#define MCL_KEY_PREDICTOR "predictor"
#define MCL_KEY_MASK_HEAD "mask_head" /* "yes" */
#define MCL_KEY_DECODER "decoder"
#define MCL_KEY_CLASSES "classes" /* of the head */

/* The same, of models whose encoder is in words, which are of format 2. */
#define MCL_KEY_ENCODER "encoder"
#define MCL_KEY_HEIGHT "height" /* of a row; these three are missing where rows are plain */
#define MCL_KEY_WIDTH "width"
#define MCL_KEY_CHANNELS "channels"

/* Of models trained on data with a schema: mcl_schema_text(). */
#define MCL_KEY_SCHEMA "schema"

/* Of fine-tuned models whose classes have names: a JSON list of them, by the classes' numbers. */
#define MCL_KEY_CLASS_NAMES "class_names"

/* The last of a file that is no checkpoint, and made from what it holds: the digest of the
 * parameters, and that of all tensors and other metadata. */
#define MCL_KEY_DIGEST "maskcl_digest"
#define MCL_KEY_FILE_DIGEST "maskcl_file_digest"

#define MCL_MODEL_FORMAT 2 /* the newest format that is read */

/* The one that a model is written in: 1 without, 2 with an encoder in words. */
int mcl_model_format(const mcl_architecture *architecture);

struct mcl_model {
    mcl_architecture architecture;
    mcl_tensor_place places[MCL_TENSORS_MAX];
    size_t tensor_count;
    float *parameters;
    uint64_t parameter_count;
    mcl_text_pair *metadata; /* owns its strings */
    size_t metadata_count, metadata_capacity;
};

/* A model with all parameters 0 that has the metadata above, with this text as the version. */
mcl_status mcl_model_allocate(
    mcl_model **model, const mcl_architecture *architecture, const char *version);

/* Copies the tensors that both have by name and shape, but for a head's. */
void mcl_model_copy_tensors(mcl_model *to, const mcl_model *from);

/* Whether a key is one of those above. */
bool mcl_model_key_is_own(const char *key);

/* Adds metadata whose key is not there yet; both strings must be fit for a file. */
mcl_status mcl_model_metadata_add(mcl_model *model, const char *key, const char *value);

/* Sets the metadata that mcl_model_doubts() goes by: what the values trained on are like. */
mcl_status mcl_model_set_facts(mcl_model *model, const mcl_facts *facts);

/* Metadata of a head whose classes have other numbers than 0, 1, 2, …: those, joined by commas. */
#define MCL_CLASS_NUMBERS "finetune_class_numbers"

/* The prefix of tensors and metadata that only a checkpoint has. */
#define MCL_CHECKPOINT_PREFIX "checkpoint."
#define MCL_KEY_CHECKPOINT_STEP MCL_CHECKPOINT_PREFIX "step"
#define MCL_KEY_CHECKPOINT_DIGEST MCL_CHECKPOINT_PREFIX "digest" /* in place of the two above */

/* What a file holds. */
typedef struct mcl_content {
    mcl_stored_tensor *tensors;
    size_t tensor_count;
    mcl_text_pair *pairs;
    size_t pair_count;
} mcl_content;

/* The digest that a file has under key: of all names and values of tensors and metadata but its
 * own. That of a model's file is the sum of their hashes, since other programs write them in any
 * order; that of a checkpoint is one hash, in their order. */
mcl_status mcl_content_digest(
    char digest[MCL_DIGEST_SIZE], const mcl_content *content, const char *key);
mcl_status mcl_file_digest(
    char digest[MCL_DIGEST_SIZE], const mcl_safetensors *file, const char *key);

/* mcl_model_load() of a file that is open; path is for messages. */
mcl_status mcl_model_read(mcl_model **model, const mcl_safetensors *file, const char *path);

/* mcl_model_save() of a checkpoint, with tensors and metadata after the model's own. */
mcl_status mcl_model_save_checkpoint(const mcl_model *model, const char *path,
    const mcl_stored_tensor *tensors, size_t tensor_count, const mcl_text_pair *metadata,
    size_t metadata_count);

/* MCL_ERROR_DATA for a parameter that is NaN or infinite, with its place. */
mcl_status mcl_model_check_finite(const mcl_model *model);

#endif
