/* SPDX-License-Identifier: Apache-2.0 */
/* .npy files, plain and gzipped, and their headers by themselves. */
#include "arrays.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_npy(fuzz_data, data, size);
    return 0;
}
