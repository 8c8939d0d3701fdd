/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"

#include <inttypes.h>
#include <stdio.h>

void mcl_digest_show(char digest[MCL_DIGEST_SIZE], XXH128_hash_t hash)
{
    snprintf(digest, MCL_DIGEST_SIZE, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64,
        (uint64_t)hash.low64);
}
