/* SPDX-License-Identifier: Apache-2.0 */
/* Encoders in words: what is read is written as words that are read and written alike, and makes
 * networks of them or says why not. */
#include "fuzz.h"

#include "model/encoder_layers.h"

/* One line without control characters. */
static void check_refusal(mcl_status status)
{
    FUZZ_ASSERT(status == MCL_ERROR_ARGUMENT);
    for (const char *message = mcl_error_message(); *message; message++)
        FUZZ_ASSERT((unsigned char)*message >= ' ');
}

static void check_layers(const char *text)
{
    mcl_architecture architecture = {
        .input = 3 * 12 * 14, .height = 12, .width = 14, .channels = 3};
    mcl_layer layers[MCL_LAYERS_MAX];
    size_t count = 0;
    memcpy(architecture.encoder, text, strlen(text) + 1);
    const mcl_status status = mcl_encoder_layers(layers, &count, &architecture);
    if (status != MCL_OK) {
        check_refusal(status);
        return;
    }
    FUZZ_ASSERT(count > 0 && count <= MCL_LAYERS_MAX);
    architecture.embedding = layers[count - 1].out;
    if (mcl_architecture_check(&architecture) == MCL_OK) {
        mcl_tensor_place places[MCL_TENSORS_MAX];
        FUZZ_ASSERT(mcl_architecture_tensors(places, &architecture) <= MCL_TENSORS_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *input = malloc(size + 1), text[MCL_ENCODER_SIZE], same[MCL_ENCODER_SIZE];
    mcl_words words, again;
    if (!input)
        return 0;
    if (size)
        memcpy(input, data, size);
    input[size] = '\0';
    const mcl_status status = mcl_words_parse(&words, input);
    if (status != MCL_OK) {
        check_refusal(status);
    } else {
        FUZZ_ASSERT(mcl_words_show(text, &words) == MCL_OK);
        FUZZ_ASSERT(mcl_words_parse(&again, text) == MCL_OK);
        FUZZ_ASSERT(mcl_words_show(same, &again) == MCL_OK && strcmp(text, same) == 0);
        if (words.count)
            check_layers(text);
    }
    free(input);
    return 0;
}
