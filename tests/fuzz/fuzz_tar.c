/* SPDX-License-Identifier: Apache-2.0 */
/* tar files of images; and so that mutations need not keep checksums right, with those that their
 * headers should have. */
#include "arrays.h"

#include "data/opening.h"

#define BLOCK 512
#define CHECKSUM 148

static void mend(uint8_t *file, size_t size)
{
    for (size_t at = 0; at + BLOCK <= size; at += BLOCK) {
        uint8_t *header = file + at;
        unsigned sum = 8 * ' ';
        if (memcmp(header + 257, "ustar", 5) != 0)
            continue;
        for (size_t i = 0; i < BLOCK; i++)
            sum += i >= CHECKSUM && i < CHECKSUM + 8 ? 0 : header[i];
        char text[16];
        snprintf(text, sizeof text, "%06o", sum & 0777777);
        memcpy(header + CHECKSUM, text, 7);
        header[CHECKSUM + 7] = ' ';
    }
}

static void fuzz_tar(const uint8_t *bytes, size_t size)
{
    mcl_data_options options;
    FUZZ_ASSERT(mcl_data_options_init(&options) == MCL_OK);
    options.size = 8;
    const char *path = FUZZ_NAME;
    mcl_opening opening = {.paths = &path, .count = 1, .options = &options, .file = path};
    mcl_data *data = NULL;
    opening.source = fuzz_source(bytes, size, 0);
    if (!opening.source)
        return;
    const mcl_status peeked =
        mcl_source_peek(&opening.byte_count, opening.source, opening.bytes, sizeof opening.bytes);
    if (peeked == MCL_OK && mcl_holder_tar.recognize(&opening)) {
        const mcl_status status = mcl_holder_tar.open(&data, &opening);
        FUZZ_ASSERT((status == MCL_OK) == (data != NULL));
        if (data)
            fuzz_check_data(data);
        else
            fuzz_check_refusal(status, FUZZ_NAME);
    }
    mcl_data_free(data);
    mcl_source_close(opening.source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_tar(data, size);
    uint8_t *file = malloc(size + 1);
    if (!file)
        return 0;
    if (size)
        memcpy(file, data, size);
    mend(file, size);
    fuzz_tar(file, size);
    free(file);
    return 0;
}
