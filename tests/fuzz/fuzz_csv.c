/* SPDX-License-Identifier: Apache-2.0 */
/* Text tables, as files and as pipes; what is read of one is read alike by its own schema. */
#include "arrays.h"

#include <unistd.h>

static mcl_data *open_input(
    mcl_status *status, const uint8_t *bytes, size_t size, const mcl_schema *schema)
{
    char path[64];
    int ends[2];
    mcl_data *data = NULL;
    const mcl_data_options options = {.schema = schema};
    FUZZ_ASSERT(pipe(ends) == 0);
    FUZZ_ASSERT(write(ends[1], bytes, size) == (ssize_t)size);
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    *status = mcl_data_open_with(&data, path, &options);
    close(ends[0]);
    FUZZ_ASSERT((*status == MCL_OK) == (data != NULL));
    return data;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char digests[2][MCL_DIGEST_SIZE];
    mcl_status status;
    if (size > 32768) /* a pipe has room for 65536 */
        size = 32768;
    mcl_data *data = open_input(&status, bytes, size, NULL);
    if (!data) {
        FUZZ_ASSERT(!strpbrk(mcl_error_message(), "\n\r"));
        return 0;
    }
    fuzz_check_data(data);
    mcl_data *again =
        mcl_data_schema(data) ? open_input(&status, bytes, size, mcl_data_schema(data)) : NULL;
    if (mcl_data_schema(data)) {
        FUZZ_ASSERT(again);
        mcl_data_digest(digests[0], data);
        mcl_data_digest(digests[1], again);
        FUZZ_ASSERT(strcmp(digests[0], digests[1]) == 0);
    }
    mcl_data_free(again);
    mcl_data_free(data);
    return 0;
}
