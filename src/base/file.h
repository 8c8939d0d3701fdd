/* SPDX-License-Identifier: Apache-2.0 */
/* Output files that appear whole or not at all. */
#ifndef MASKCL_BASE_FILE_H
#define MASKCL_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "maskcl/status.h"

/* A file being written: without a name where the file system has such files, so that whatever ends
 * the process leaves nothing; else as PATH.maskcl-XXXXXX in the same folder. */
typedef struct mcl_output mcl_output;

typedef enum mcl_output_kind {
    /* What was worked for. It is as readable as any new file, or has the mode, and as far as that
     * is allowed the owner, of the file that it replaces. Where it cannot be put in place it is
     * kept under a name that the message says. */
    MCL_OUTPUT_RESULT,
    MCL_OUTPUT_CHECKPOINT, /* as readable; there will be another one, so that it need not be kept */
    MCL_OUTPUT_CACHE,      /* for its user alone, whatever the umask; need not be kept */
} mcl_output_kind;

/* Opens a file that will be at path, or at what path leads to by symbolic links, which stay.
 * Refuses what mcl_output_check() refuses, but for a file there that is write-protected. Temporary
 * files of path that killed processes have left are removed: those of our user that are older than
 * a minute and that no process holds locked, as it would while writing. */
mcl_status mcl_output_open(mcl_output **output, const char *path, mcl_output_kind kind);

/* Appends bytes. After a failure only mcl_output_abandon() may follow. */
mcl_status mcl_output_write(mcl_output *output, const void *bytes, size_t count);

/* The output's stream, for a library that writes to one; mcl_output_commit() notices its errors. */
FILE *mcl_output_stream(mcl_output *output);

/* Syncs, gives the file its final name, and syncs the folder. What a file system does not know how
 * to do (sync, a mode, an owner) is passed over; a name that cannot be renamed to, such as a mount
 * point's, is written in place, if the file is a result. Frees output whether it succeeds or not.
 * On failure an old file at path is untouched, unless the message says otherwise; a whole result
 * stays under another name, which it says too, and other files are gone. */
mcl_status mcl_output_commit(mcl_output *output);

/* *name = a name beside path that is not taken, for a result that cannot have its own; freed with
 * free(). */
mcl_status mcl_output_spare_name(char **name, const char *path);

/* Whether the last mcl_output_commit() of this thread failed and has kept the result. */
bool mcl_output_kept(void);

/* Removes the temporary file and frees output; NULL is allowed. */
void mcl_output_abandon(mcl_output *output);

#endif
