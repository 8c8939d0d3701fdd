/* SPDX-License-Identifier: Apache-2.0 */
/* Output files that appear whole or not at all. */
#ifndef MASKCL_BASE_FILE_H
#define MASKCL_BASE_FILE_H

#include <stddef.h>
#include <stdio.h>

#include "maskcl/status.h"

/* A file being written under a temporary name beside the one it will have. */
typedef struct mcl_output mcl_output;

/* Opens path's temporary twin in the same folder, PATH.maskcl-XXXXXX. Twins that killed processes
 * have left there are removed: those of our user that are older than a minute and that no process
 * writes to, which it would hold locked. */
mcl_status mcl_output_open(mcl_output **output, const char *path);

/* Appends bytes. After a failure only mcl_output_abandon() may follow. */
mcl_status mcl_output_write(mcl_output *output, const void *bytes, size_t count);

/* The stream behind an output, for a library that writes to one; its errors are noticed by
 * mcl_output_commit(). */
FILE *mcl_output_stream(mcl_output *output);

/* Syncs, closes and renames to the final name, then syncs the folder. Frees output whether it
 * succeeds or not; on failure the temporary file is gone and an old file at path is untouched. */
mcl_status mcl_output_commit(mcl_output *output);

/* Removes the temporary file and frees output; NULL is allowed. */
void mcl_output_abandon(mcl_output *output);

#endif
