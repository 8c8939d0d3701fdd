/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled programs, kept in the user's cache folder from one run to the next. It only ever makes
 * things faster: whatever is wrong with an entry or the folder, it is as if there were none. */
#ifndef MASKCL_DEVICE_CACHE_H
#define MASKCL_DEVICE_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "device/context.h"

/* path = the folder, made where it is missing; false when there can be none. */
bool mcl_cache_folder(char *path, size_t size);

/* Why the content of an open file of the folder is not to be used, or NULL: somebody else than the
 * user, or root, may have written it. */
const char *mcl_cache_distrust(int file);

/* Writes a file beside path, which is in the folder, as trial, and reads it: MCL_ERROR_FILE where
 * what is stored there could not be used afterwards. */
mcl_status mcl_cache_try(const char *path);

/* *key = everything that a compiled program depends on, as text: the library, the platform, the
 * device, its driver, the options and the source. Freed with free(). */
mcl_status mcl_cache_key(
    char **key, const mcl_context *context, const char *options, const char *source);

/* *binary = what was stored under key, *size bytes freed with free(); false when there is no entry
 * or it cannot be trusted. */
bool mcl_cache_load(unsigned char **binary, size_t *size, const char *key);

/* Stores a binary under key in place of what may be there, and removes entries that were not used
 * for 90 days. */
void mcl_cache_store(const char *key, const unsigned char *binary, size_t size);

#endif
