/* SPDX-License-Identifier: Apache-2.0 */
/* Output files that appear whole or not at all. */
#ifndef MASKCL_BASE_FILE_H
#define MASKCL_BASE_FILE_H

#include <stddef.h>
#include <stdio.h>

#include "maskcl/status.h"

/* A file being written under a temporary name in the same folder. */
typedef struct mcl_output mcl_output;

/* Opens PATH.maskcl-XXXXXX. Temporary files of path that killed processes have left are removed:
 * those of our user that are older than a minute and that no process holds locked, as it would
 * while writing. */
mcl_status mcl_output_open(mcl_output **output, const char *path);

/* Appends bytes. After a failure only mcl_output_abandon() may follow. */
mcl_status mcl_output_write(mcl_output *output, const void *bytes, size_t count);

/* The output's stream, for a library that writes to one; mcl_output_commit() notices its errors. */
FILE *mcl_output_stream(mcl_output *output);

/* Syncs, closes and renames to the final name, then syncs the folder. Frees output whether it
 * succeeds or not; on failure the temporary file is gone and an old file at path is untouched. */
mcl_status mcl_output_commit(mcl_output *output);

/* Removes the temporary file and frees output; NULL is allowed. */
void mcl_output_abandon(mcl_output *output);

#endif
