/* SPDX-License-Identifier: Apache-2.0 */
/* The safetensors format (huggingface/safetensors): named tensors and pairs of strings in a file.
 *
 * 8 bytes little-endian: the header's length n. n bytes: a JSON object of
 * name → {"dtype", "shape", "data_offsets": [begin, end]}, where "__metadata__" holds the pairs.
 * Then the data, which the tensors cover without overlap or gap. */
#ifndef MASKCL_MODEL_SAFETENSORS_H
#define MASKCL_MODEL_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/file.h"
#include "base/utf8.h"
#include "maskcl/data.h"
#include "maskcl/status.h"

/* Bytes of a header. Parsed, JSON takes up to 40 times as much memory, and it is all read before it
 * is known what it says; a model of a table with 100,000 columns of numbers has about half of it.
 */
#define MCL_SAFETENSORS_HEADER_MAX (16 << 20)

typedef enum mcl_dtype {
    MCL_DTYPE_F32,
    MCL_DTYPE_F64,
    MCL_DTYPE_I32,
    MCL_DTYPE_I64,
    MCL_DTYPE_U8,
} mcl_dtype;

/* A tensor in a file. */
typedef struct mcl_stored_tensor {
    const char *name;
    mcl_dtype dtype;
    uint64_t shape[MCL_DIMENSIONS_MAX];
    uint32_t dimensions; /* 0 for a single number */
    const void *values;  /* row-major, aligned for the dtype */
} mcl_stored_tensor;

typedef struct mcl_text_pair {
    const char *key;
    const char *value;
} mcl_text_pair;

/* A whole file in memory; tensors and strings live until it is closed. */
typedef struct mcl_safetensors mcl_safetensors;

/* Reads and checks a file. MCL_ERROR_FILE, or MCL_ERROR_FORMAT for whatever is not as the format
 * demands, a dtype that is not listed above, more than MCL_DIMENSIONS_MAX dimensions, and a name
 * with a control character. */
mcl_status mcl_safetensors_open(mcl_safetensors **file, const char *path);
void mcl_safetensors_close(mcl_safetensors *file);

/* Tensors in the order of their data. find returns NULL for a name that is not there. */
size_t mcl_safetensors_count(const mcl_safetensors *file);
const mcl_stored_tensor *mcl_safetensors_tensor(const mcl_safetensors *file, size_t index);
const mcl_stored_tensor *mcl_safetensors_find(const mcl_safetensors *file, const char *name);

/* Metadata in the file's order. get returns NULL for a key that is not there. */
size_t mcl_safetensors_metadata_count(const mcl_safetensors *file);
const mcl_text_pair *mcl_safetensors_metadata_at(const mcl_safetensors *file, size_t index);
const char *mcl_safetensors_metadata_get(const mcl_safetensors *file, const char *key);

/* Writes tensors and metadata in the order given; the file appears whole or not at all, and its
 * bytes are a function of the arguments. The caller makes sure that names are distinct, keys are
 * distinct, strings UTF-8, and names and keys without control characters. */
mcl_status mcl_safetensors_write(const char *path, mcl_output_kind kind,
    const mcl_stored_tensor *tensors, size_t count, const mcl_text_pair *metadata,
    size_t metadata_count);

/* "F32" and so on, and the bytes of one element. */
const char *mcl_dtype_name(mcl_dtype dtype);
size_t mcl_dtype_size(mcl_dtype dtype);

/* How many values a tensor has; false when that, in bytes, does not fit 64 bits. */
bool mcl_stored_tensor_count(uint64_t *count, const mcl_stored_tensor *tensor);

#endif
