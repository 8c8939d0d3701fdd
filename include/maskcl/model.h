/* SPDX-License-Identifier: Apache-2.0 */
/* A model, that is an encoder and a decoder of fully connected layers, and its file. */
#ifndef MASKCL_MODEL_H
#define MASKCL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maskcl/data.h"
#include "maskcl/schema.h"
#include "maskcl/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MCL_HIDDEN_MAX 16
#define MCL_HEAD_MAX 4
#define MCL_ENCODER_SIZE 384 /* bytes of an encoder in words */

typedef enum mcl_activation {
    MCL_ACTIVATION_NONE,
    MCL_ACTIVATION_RELU,
    MCL_ACTIVATION_GELU, /* the exact one, x·Φ(x) */
    MCL_ACTIVATION_TANH,
} mcl_activation;

typedef enum mcl_normalization {
    MCL_NORMALIZATION_NONE,
    MCL_NORMALIZATION_BATCH, /* Ioffe and Szegedy 2015, as torch.nn.BatchNorm1d */
    MCL_NORMALIZATION_LAYER, /* Ba et al. 2016, as torch.nn.LayerNorm; of maps GroupNorm of 1 group
                              */
    MCL_NORMALIZATION_GROUP, /* Wu and He 2018, as torch.nn.GroupNorm, of 8 groups of channels or
                                columns, or the most below that divide them: gcd(8, channels) */
} mcl_normalization;

/* The encoder is Linear(input, hidden[0]), activation, …, Linear(hidden[n-1], embedding); the
 * decoder is its mirror image, or leads from the embedding through its own widths back to the
 * input. The activation follows every layer but the last, and the normalization precedes every
 * activation.
 *
 * Or the encoder is what its words say, as "conv:64x5/2,conv:128x3/2,pool:grid:3", of the map that
 * a row is; see docs/images.md. The activation follows every layer with weights but the last one of
 * all. The embedding is the last layer's output, a map as torch.nn.Flatten has it.
 *
 * The projector is a stack of layers after the embedding, Linear(embedding, projector[0]),
 * activation, …, Linear(…, projector[n-1]); objectives on embeddings see its output instead of the
 * embedding. The predictor is a stack after the projector, or after the embedding where there is no
 * projector, whose output is as wide as its input, P: Linear(P, predictor[0]), activation, …,
 * Linear(predictor[n-1], P).
 *
 * The mask head is Linear(embedding, input); it predicts which elements a view altered.
 *
 * The head of a fine-tuned model is Linear(embedding, classes), after the embedding. */
typedef struct mcl_architecture {
    uint64_t input; /* columns of the data */
    uint32_t hidden[MCL_HIDDEN_MAX];
    uint32_t hidden_count; /* 0 makes the encoder one linear layer */
    uint32_t embedding;
    mcl_activation activation;
    mcl_normalization normalization;
    bool activated_embedding; /* normalization and activation follow the encoder's last layer too */
    uint32_t projector[MCL_HEAD_MAX];
    uint32_t projector_count; /* 0: none */
    uint32_t predictor[MCL_HEAD_MAX];
    uint32_t predictor_count; /* 0: none */
    bool mask_head;
    bool own_decoder; /* the decoder has the widths below; else it mirrors the encoder */
    uint32_t decoder[MCL_HIDDEN_MAX];
    uint32_t decoder_count; /* 0 makes it one linear layer */
    uint32_t classes;       /* of the head; 0: there is no head */
    char
        encoder[MCL_ENCODER_SIZE]; /* in words, in full; "": layers of the widths above. With words
                                      there are no hidden widths, and embedding is what they come to
                                    */
    uint32_t height, width, channels; /* of a row, whose values are in this order: an image, or a
                                         series of time (height) × 1 × channels. Zeros: rows are
                                         plain, and so are an encoder's layers */
} mcl_architecture;

/* Parameters in host memory, with the architecture and the metadata that go into the file. Several
 * threads may read a model at once. */
typedef struct mcl_model mcl_model;

#define MCL_SHAPE_MAX 4 /* dimensions of a parameter tensor */

/* One parameter tensor: values are row-major in the model's own memory. */
typedef struct mcl_tensor {
    const char *name; /* "encoder.0.weight", as in the published PyTorch class */
    float *values;
    uint64_t shape[MCL_SHAPE_MAX]; /* [out, in] for a dense layer's weight, [out] for all others */
    uint32_t dimensions;
    uint64_t offset; /* of its first value in the flat vector of all parameters */
} mcl_tensor;

/* Makes a model with the initial parameters of torch.nn.Linear (weight and bias uniform in
 * ±1/√fan_in) drawn for seed; a normalization has weight 1 and bias 0, running mean 0 and
 * running variance 1. The caller frees *model. */
MCL_API mcl_status mcl_model_create(
    mcl_model **model, const mcl_architecture *architecture, uint64_t seed);

/* Reads a model file; a damaged or foreign one is MCL_ERROR_FORMAT, and the message says where.
 * What is not as the file's digest says, in a tensor or in the metadata, is damage; a file without
 * a digest is taken as it is. The caller frees *model. */
MCL_API mcl_status mcl_model_load(mcl_model **model, const char *path);

/* Writes a model file (safetensors), syncs it and gives it the name path, or the name that path
 * leads to by symbolic links: an existing file is replaced whole or not at all, and keeps its mode.
 * A file that cannot be renamed to, such as a mount point, is written in place. The bytes are a
 * function of the parameters, the architecture and the metadata. A NaN or an infinity among the
 * parameters is MCL_ERROR_DATA. MCL_ERROR_FILE: it could not be written; where the whole file is
 * there but cannot be put in place, it stays in the folder under a name that the message says. */
MCL_API mcl_status mcl_model_save(const mcl_model *model, const char *path);

/* mcl_model_save() of a model that must not be lost: where it cannot be written, it is saved in
 * $TMPDIR, /tmp, /var/tmp or $HOME, the first that can be. That is MCL_ERROR_FILE, too, and the
 * message says both. */
MCL_API mcl_status mcl_model_save_anywhere(const mcl_model *model, const char *path);

/* NULL is allowed. */
MCL_API void mcl_model_free(mcl_model *model);

MCL_API const mcl_architecture *mcl_model_architecture(const mcl_model *model);

/* How many layers the encoder has, as mcl_embed_layer() counts them; 0 for NULL. */
MCL_API uint32_t mcl_model_layers(const mcl_model *model);

/* Parameter tensors in model order: those of the encoder, the head, the projector, the predictor,
 * the mask head and the decoder, layer by layer (weight, bias, then the normalization's weight and
 * bias); after them the running means and variances of batch normalization, in the same order. A
 * tensor beyond the count has no name, NULL, and no values. The values may be written, of a model
 * that no other thread reads. */
MCL_API size_t mcl_model_tensor_count(const mcl_model *model);
MCL_API mcl_tensor mcl_model_tensor(const mcl_model *model, size_t index);

/* All parameters as one flat vector in model order; *count is its length, of which the first
 * *encoder_count belong to the encoder. Either may be NULL. They may be
 * written, of a model that no other thread reads. */
MCL_API float *mcl_model_parameters(
    const mcl_model *model, uint64_t *count, uint64_t *encoder_count);

/* Writes the digest of the parameters: XXH3's 128-bit hash of all of them in model order, each as
 * four little-endian bytes, in 32 hexadecimal digits. These bytes follow the header of the model's
 * file: `tail -c` extracts them, and `xxhsum -H2` prints the same digits. "" of NULL. */
MCL_API void mcl_model_digest(char digest[MCL_DIGEST_SIZE], const mcl_model *model);

/* Metadata are pairs of strings, kept in the order in which they were first set. The first are the
 * model's own: maskcl_format, maskcl_version (of the library that made it), input, hidden (widths
 * joined by commas), embedding and activation; where the architecture has them normalization,
 * activated_embedding ("yes"), projector, predictor, mask_head ("yes"), decoder and classes. A file
 * ends with maskcl_digest, as mcl_model_digest() writes it, and maskcl_file_digest: the sum of
 * XXH3's 128-bit hashes of each tensor, its name and values, and of each pair of the other
 * metadata, key and value, each text with a zero byte, both halves modulo 2^64; a loaded model does
 * not have them. set refuses those keys with MCL_ERROR_ARGUMENT, as well as text that is not UTF-8
 * and a key that is empty or has a control character. get returns NULL for a key that is not there;
 * the string is the model's. at sets both to NULL beyond the count; key or value may be NULL. */
MCL_API mcl_status mcl_model_metadata_set(mcl_model *model, const char *key, const char *value);
MCL_API const char *mcl_model_metadata_get(const mcl_model *model, const char *key);
MCL_API size_t mcl_model_metadata_count(const mcl_model *model);
MCL_API void mcl_model_metadata_at(
    const mcl_model *model, size_t index, const char **key, const char **value);

/* Whether rows look as if they were scaled otherwise than those that the model was trained on, and
 * if so, why, in size bytes of text: one line without a full stop that goes after the name of the
 * rows' source. It looks at up to about a thousand rows, and knows their range in training by the
 * model's metadata. A model of NULL is one that is yet to be trained on these rows, of which bytes
 * can be doubted that are no pixels. */
MCL_API bool mcl_model_doubts(
    char *text, size_t size, const mcl_model *model, const mcl_data *data);

/* Parses "none", "relu", "gelu" or "tanh". */
MCL_API mcl_status mcl_activation_parse(mcl_activation *activation, const char *text);
/* "?" for a number that is none. */
MCL_API const char *mcl_activation_name(mcl_activation activation);

/* Parses "none", "batch", "layer" or "group". */
MCL_API mcl_status mcl_normalization_parse(mcl_normalization *normalization, const char *text);
/* "?" for a number that is none. */
MCL_API const char *mcl_normalization_name(mcl_normalization normalization);

/* *schema = that of the data that the model was trained on, which its metadata have as "schema", or
 * NULL where they have none: its rows are plain numbers. NULL for no model, too. MCL_ERROR_FORMAT
 * where it is damaged. The caller frees *schema with mcl_schema_free(). */
MCL_API mcl_status mcl_model_schema(mcl_schema **schema, const mcl_model *model);

/* *names[*count] = what the classes of a fine-tuned model are called, by their numbers, as its
 * metadata class_names has them; *count 0 and NULL where they have no names. MCL_ERROR_FORMAT where
 * that is no JSON list of texts. The caller frees *names, which is one piece, with
 * mcl_class_names_free(). */
MCL_API mcl_status mcl_model_class_names(
    const char ***names, uint32_t *count, const mcl_model *model);
/* NULL is allowed. */
MCL_API void mcl_class_names_free(const char **names);

#ifdef __cplusplus
}
#endif

#endif
