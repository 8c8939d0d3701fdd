/* SPDX-License-Identifier: Apache-2.0 */
/* Zip archives and safetensors files, by a member's name and without one. */
#include "arrays.h"

#include <unistd.h>

static void open_input(const uint8_t *bytes, size_t size)
{
    char path[64];
    int ends[2];
    mcl_data *data = NULL;
    FUZZ_ASSERT(pipe(ends) == 0);
    FUZZ_ASSERT(write(ends[1], bytes, size) == (ssize_t)size);
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    const mcl_status status = mcl_data_open(&data, path);
    close(ends[0]);
    FUZZ_ASSERT((status == MCL_OK) == (data != NULL));
    if (data)
        fuzz_check_data(data);
    else
        FUZZ_ASSERT(!strpbrk(mcl_error_message(), "\n\r"));
    mcl_data_free(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    open_input(bytes, size < 32768 ? size : 32768);
    return 0;
}
