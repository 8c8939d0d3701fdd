/* SPDX-License-Identifier: Apache-2.0 */
/* Structured .npy files, plain and as pipes; and their headers by themselves. */
#include "arrays.h"

#include "data/opening.h"

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
    fuzz_npy(open_records, data, size);
    return 0;
}
