/* SPDX-License-Identifier: Apache-2.0 */
/* A file for what memory has no room for: without a name, so that nothing of it is left whatever
 * ends the process. */
#ifndef MASKCL_DATA_SCRATCH_H
#define MASKCL_DATA_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

#include "maskcl/status.h"

typedef struct mcl_scratch mcl_scratch;

/* In the folder of the cache, else in $TMPDIR, else in /var/tmp: the first that can be written and
 * has room for so many bytes (0: not known). MCL_ERROR_FILE where none has. source is what the
 * bytes are of, for messages. */
mcl_status mcl_scratch_create(mcl_scratch **scratch, uint64_t bytes, const char *source);

/* Closes the file unless it was taken. NULL is allowed. */
void mcl_scratch_free(mcl_scratch *scratch);

/* Appends bytes. A full disk is MCL_ERROR_FILE. */
mcl_status mcl_scratch_write(mcl_scratch *scratch, const void *bytes, size_t count);

/* The file, of which any place can be read. */
int mcl_scratch_file(const mcl_scratch *scratch);

/* The same, which is the caller's from now on. */
int mcl_scratch_take(mcl_scratch *scratch);

#endif
