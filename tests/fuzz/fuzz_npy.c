/* SPDX-License-Identifier: Apache-2.0 */
/* .npy files, plain and gzipped; and so that mutations need not keep lengths right, headers by
 * themselves, with the length that they have and the values that follow the first newline. */
#include "arrays.h"

#define PREFIX 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_data(data, size);
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
    fuzz_data(file, PREFIX + size);
    free(file);
    return 0;
}
