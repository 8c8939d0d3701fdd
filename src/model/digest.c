/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of a model's parameters, and of all that a file holds. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/memory.h"
#include "model/model.h"

void mcl_model_digest(char digest[MCL_DIGEST_SIZE], const mcl_model *model)
{
    if (!digest)
        return;
    *digest = '\0';
    if (model)
        mcl_digest_show(
            digest, XXH3_128bits(model->parameters, model->parameter_count * sizeof(float)));
}

static void add_text(XXH3_state_t *state, const char *text)
{
    XXH3_128bits_update(state, text, strlen(text) + 1);
}

static void add_tensor(XXH3_state_t *state, const mcl_stored_tensor *tensor)
{
    uint64_t count = 0;
    (void)mcl_stored_tensor_count(&count, tensor); /* it is in memory: it fits */
    add_text(state, tensor->name);
    XXH3_128bits_update(state, tensor->values, (size_t)count * mcl_dtype_size(tensor->dtype));
}

static void add_pair(XXH3_state_t *state, const mcl_text_pair *pair)
{
    add_text(state, pair->key);
    add_text(state, pair->value);
}

/* Ends the hash of one item, adds it to the sum of all, and begins the next. */
static void add_up(XXH128_hash_t *sum, XXH3_state_t *state)
{
    const XXH128_hash_t hash = XXH3_128bits_digest(state);
    sum->low64 += hash.low64;
    sum->high64 += hash.high64;
    XXH3_128bits_reset(state);
}

mcl_status mcl_content_digest(
    char digest[MCL_DIGEST_SIZE], const mcl_content *content, const char *key)
{
    const bool any_order = strcmp(key, MCL_KEY_FILE_DIGEST) == 0;
    XXH128_hash_t sum = {0, 0};
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory for a digest");
    XXH3_128bits_reset(state);
    for (size_t i = 0; i < content->tensor_count; i++) {
        add_tensor(state, &content->tensors[i]);
        if (any_order)
            add_up(&sum, state);
    }
    for (size_t i = 0; i < content->pair_count; i++) {
        if (strcmp(content->pairs[i].key, key) == 0)
            continue;
        add_pair(state, &content->pairs[i]);
        if (any_order)
            add_up(&sum, state);
    }
    mcl_digest_show(digest, any_order ? sum : XXH3_128bits_digest(state));
    XXH3_freeState(state);
    return MCL_OK;
}

mcl_status mcl_file_digest(
    char digest[MCL_DIGEST_SIZE], const mcl_safetensors *file, const char *key)
{
    mcl_content content = {.tensor_count = mcl_safetensors_count(file),
        .pair_count = mcl_safetensors_metadata_count(file)};
    MCL_TRY(mcl_allocate(&content.tensors, content.tensor_count, sizeof *content.tensors));
    mcl_status status = mcl_allocate(&content.pairs, content.pair_count, sizeof *content.pairs);
    if (status == MCL_OK) {
        for (size_t i = 0; i < content.tensor_count; i++)
            content.tensors[i] = *mcl_safetensors_tensor(file, i);
        for (size_t i = 0; i < content.pair_count; i++)
            content.pairs[i] = *mcl_safetensors_metadata_at(file, i);
        status = mcl_content_digest(digest, &content, key);
    }
    free(content.tensors);
    free(content.pairs);
    return status;
}
