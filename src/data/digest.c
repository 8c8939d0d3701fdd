/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of rows and labels: those with equal digests are equal. */
#include <string.h>

#include "base/digest.h"
#include "data/data.h"

static void show_digest(char digest[MCL_DIGEST_SIZE], const void *bytes, size_t count)
{
    if (!digest)
        return;
    *digest = '\0';
    if (!bytes)
        return;
    mcl_digest_show(digest, XXH3_128bits(bytes, count));
}

void mcl_data_digest(char digest[MCL_DIGEST_SIZE], const mcl_data *data)
{
    const uint64_t count = mcl_data_rows(data) * mcl_data_columns(data);
    const char *known = data ? mcl_data_known_digest(data) : NULL;
    if (known && digest) {
        memcpy(digest, known, MCL_DIGEST_SIZE);
        return;
    }
    const void *values = data ? mcl_data_values(data) : NULL;
    show_digest(digest, values, (size_t)count * mcl_element_size(mcl_data_element(data)));
}

void mcl_labels_digest(char digest[MCL_DIGEST_SIZE], const int32_t *labels, uint64_t count)
{
    show_digest(digest, labels, (size_t)count * sizeof *labels);
}
