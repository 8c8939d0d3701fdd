/* SPDX-License-Identifier: Apache-2.0 */
/* PNG images; and so that mutations need not keep checksums right, with those that their chunks
 * should have. */
#include "images.h"

#include <zlib.h>

#define HEAD 8 /* before the chunks: each has a length, a name, its bytes and a checksum */

static uint32_t big(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void mend(uint8_t *file, size_t size)
{
    for (size_t at = HEAD; at + 12 <= size;) {
        const size_t length = big(file + at);
        if (length > size - at - 12)
            return;
        const uint32_t sum = (uint32_t)crc32(0, file + at + 4, (uInt)length + 4);
        for (int i = 0; i < 4; i++)
            file[at + 8 + length + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
        at += 12 + length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_image(&mcl_image_png, data, size);
    uint8_t *file = malloc(size + 1);
    if (!file)
        return 0;
    if (size)
        memcpy(file, data, size);
    mend(file, size);
    fuzz_image(&mcl_image_png, file, size);
    free(file);
    return 0;
}
