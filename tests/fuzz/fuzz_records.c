/* SPDX-License-Identifier: Apache-2.0 */
/* Structured .npy files, plain and as pipes; and headers by themselves, as in fuzz_npy.c. */
#include "arrays.h"

#include "data/opening.h"

#define PREFIX 12

static void open_records(const uint8_t *bytes, size_t size)
{
    char digests[2][MCL_DIGEST_SIZE] = {"", ""};
    for (int pipe = 0; pipe < 2; pipe++) {
        const mcl_data_options options = {.host_memory = 1 << 24};
        mcl_data *data = NULL;
        mcl_opening opening = {.count = 1, .options = &options, .file = FUZZ_NAME};
        opening.source = fuzz_source(bytes, size, pipe);
        if (!opening.source)
            return;
        const mcl_status status = mcl_holder_records.open(&data, &opening);
        mcl_source_close(opening.source);
        FUZZ_ASSERT((status == MCL_OK) == (data != NULL));
        if (data)
            fuzz_check_data(data);
        else
            FUZZ_ASSERT(!strpbrk(mcl_error_message(), "\n\r"));
        mcl_data_digest(digests[pipe], data);
        mcl_data_free(data);
        FUZZ_ASSERT(strcmp(digests[pipe], digests[0]) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    open_records(data, size);
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    const size_t length = end ? (size_t)(end - data) + 1 : size;
    uint8_t *file = malloc(PREFIX + size);
    if (!file)
        return 0;
    memcpy(file, "\x93NUMPY\2", 8);
    for (int i = 0; i < 4; i++)
        file[8 + i] = (uint8_t)(length >> 8 * i);
    if (size)
        memcpy(file + PREFIX, data, size);
    open_records(file, PREFIX + size);
    free(file);
    return 0;
}
