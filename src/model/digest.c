/* SPDX-License-Identifier: Apache-2.0 */
/* A model's digest: models with equal digests have equal parameters. */
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "model/model.h"

void mcl_model_digest(char digest[MCL_DIGEST_SIZE], const mcl_model *model)
{
    XXH128_canonical_t hash;
    if (!digest)
        return;
    *digest = '\0';
    if (!model)
        return;
    XXH128_canonicalFromHash(
        &hash, XXH3_128bits(model->parameters, model->parameter_count * sizeof(float)));
    for (size_t i = 0; i < sizeof hash.digest; i++)
        snprintf(digest + 2 * i, MCL_DIGEST_SIZE - 2 * i, "%02x", hash.digest[i]);
}
