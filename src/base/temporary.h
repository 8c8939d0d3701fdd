/* SPDX-License-Identifier: Apache-2.0 */
/* The temporary files that this process is writing, for mcl_output_discard(). */
#ifndef MASKCL_BASE_TEMPORARY_H
#define MASKCL_BASE_TEMPORARY_H

/* Adds the name of a file that has just been created; it must stay as it is until it is dropped. Of
 * more than 64 at once the last are not known. Thread-safe. */
void mcl_temporary_add(const char *path);

/* Takes *path off the list, frees it and sets it to NULL. Thread-safe. */
void mcl_temporary_drop(char **path);

#endif
