/* SPDX-License-Identifier: Apache-2.0 */
/* Digests as text. */
#ifndef MASKCL_BASE_DIGEST_H
#define MASKCL_BASE_DIGEST_H

#include <xxhash.h>

#include "maskcl/status.h"

/* Writes hash in 32 hexadecimal digits, the most significant first. */
void mcl_digest_show(char digest[MCL_DIGEST_SIZE], XXH128_hash_t hash);

#endif
