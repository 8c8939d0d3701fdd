/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a safetensors file and as a model file: refused with a message of one line, or read
 * whole, and then writing it and reading that gives the same. Each input is tried as it is, and
 * once more with the header's length made to end at the last '}', which mutations hardly ever hit.
 */
#include "fuzz.h"

#include <unistd.h>

#include "maskcl/model.h"
#include "model/safetensors.h"

static char input_path[256], output_path[256];
static int input = -1;

static void remove_files(void)
{
    unlink(input_path);
    unlink(output_path);
}

/* In memory where the system has such a folder: every input is a file, and what it holds is written
 * and synced. */
static void open_files(void)
{
    const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(input_path, sizeof input_path, "%s/maskcl-fuzz-XXXXXX", folder);
    input = mkstemp(input_path);
    FUZZ_ASSERT(input >= 0);
    snprintf(output_path, sizeof output_path, "%.240s.out", input_path);
    atexit(remove_files);
}

static uint64_t bytes_of(const mcl_stored_tensor *tensor)
{
    uint64_t count = 0;
    FUZZ_ASSERT(mcl_stored_tensor_count(&count, tensor));
    return count * mcl_dtype_size(tensor->dtype);
}

static void check_same_tensor(const mcl_stored_tensor *a, const mcl_stored_tensor *b)
{
    const uint64_t count = bytes_of(a);
    FUZZ_ASSERT(strcmp(a->name, b->name) == 0 && a->dtype == b->dtype &&
                a->dimensions == b->dimensions && bytes_of(b) == count &&
                memcmp(a->shape, b->shape, a->dimensions * sizeof *a->shape) == 0);
    FUZZ_ASSERT((uintptr_t)a->values % mcl_dtype_size(a->dtype) == 0);
    FUZZ_ASSERT(memcmp(a->values, b->values, count) == 0);
}

static void check_same(const mcl_safetensors *a, const mcl_safetensors *b)
{
    FUZZ_ASSERT(mcl_safetensors_count(a) == mcl_safetensors_count(b));
    for (size_t i = 0; i < mcl_safetensors_count(a); i++)
        check_same_tensor(mcl_safetensors_tensor(a, i), mcl_safetensors_tensor(b, i));
    FUZZ_ASSERT(mcl_safetensors_metadata_count(a) == mcl_safetensors_metadata_count(b));
    for (size_t i = 0; i < mcl_safetensors_metadata_count(a); i++) {
        const mcl_text_pair *x = mcl_safetensors_metadata_at(a, i);
        const mcl_text_pair *y = mcl_safetensors_metadata_at(b, i);
        FUZZ_ASSERT(strcmp(x->key, y->key) == 0 && strcmp(x->value, y->value) == 0);
    }
}

static void check_file(const mcl_safetensors *file)
{
    const size_t count = mcl_safetensors_count(file);
    const size_t metadata_count = mcl_safetensors_metadata_count(file);
    mcl_stored_tensor *tensors = calloc(count + 1, sizeof *tensors);
    mcl_text_pair *metadata = calloc(metadata_count + 1, sizeof *metadata);
    FUZZ_ASSERT(tensors && metadata);
    for (size_t i = 0; i < count; i++)
        tensors[i] = *mcl_safetensors_tensor(file, i);
    for (size_t i = 0; i < metadata_count; i++)
        metadata[i] = *mcl_safetensors_metadata_at(file, i);
    mcl_safetensors *again;
    FUZZ_ASSERT(mcl_safetensors_write(output_path, MCL_OUTPUT_RESULT, tensors, count, metadata,
                    metadata_count) == MCL_OK);
    FUZZ_ASSERT(mcl_safetensors_open(&again, output_path) == MCL_OK);
    check_same(file, again);
    mcl_safetensors_close(again);
    free(tensors);
    free(metadata);
}

static void check_model(const mcl_model *model)
{
    mcl_model *again;
    uint64_t count, count_again;
    FUZZ_ASSERT(mcl_model_save(model, output_path) == MCL_OK);
    FUZZ_ASSERT(mcl_model_load(&again, output_path) == MCL_OK);
    const float *a = mcl_model_parameters(model, &count, NULL);
    const float *b = mcl_model_parameters(again, &count_again, NULL);
    FUZZ_ASSERT(count == count_again && memcmp(a, b, count * sizeof *a) == 0);
    FUZZ_ASSERT(mcl_model_metadata_count(model) == mcl_model_metadata_count(again));
    mcl_model_free(again);
}

static void try_bytes(const uint8_t *bytes, size_t size)
{
    mcl_safetensors *file;
    mcl_model *model;
    FUZZ_ASSERT(
        ftruncate(input, (off_t)size) == 0 && pwrite(input, bytes, size, 0) == (ssize_t)size);
    mcl_status status = mcl_safetensors_open(&file, input_path);
    if (status != MCL_OK) {
        fuzz_check_refusal(status, input_path);
        return;
    }
    check_file(file);
    mcl_safetensors_close(file);
    status = mcl_model_load(&model, input_path);
    if (status != MCL_OK) {
        fuzz_check_refusal(status, input_path);
        return;
    }
    check_model(model);
    mcl_model_free(model);
}

/* How long the header is when it ends at the last '}'. */
static uint64_t length_to_brace(const uint8_t *bytes, size_t size)
{
    while (size > 8 && bytes[size - 1] != '}')
        size--;
    return size - 8;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (input < 0)
        open_files();
    try_bytes(bytes, size);
    if (size < 8)
        return 0;
    uint8_t *repaired = malloc(size);
    FUZZ_ASSERT(repaired != NULL);
    memcpy(repaired, bytes, size);
    const uint64_t length = length_to_brace(bytes, size);
    for (int i = 0; i < 8; i++)
        repaired[i] = (uint8_t)(length >> 8 * i);
    try_bytes(repaired, size);
    free(repaired);
    return 0;
}
