/* SPDX-License-Identifier: Apache-2.0 */
/* IDX files, plain and gzipped. */
#include "arrays.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_data(data, size);
    return 0;
}
