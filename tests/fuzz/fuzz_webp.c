/* SPDX-License-Identifier: Apache-2.0 */
/* WebP images. */
#include "images.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_image(&mcl_image_webp, data, size);
    return 0;
}
