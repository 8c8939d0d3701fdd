/* SPDX-License-Identifier: Apache-2.0 */
/* Where the path of an output leads. */
#ifndef MASKCL_BASE_TARGET_H
#define MASKCL_BASE_TARGET_H

#include "maskcl/status.h"

/* *target = the path without a symbolic link at its end, whether there is a file or not: a new file
 * takes this name, and the links stay. Freed with free(). Refuses folders, what is no regular file,
 * the names of open files (/dev/stdout, /dev/fd/3, links in /proc), which would not be written but
 * replaced, and a link in a folder for all (/tmp) that somebody else put there. */
mcl_status mcl_target_find(char **target, const char *path);

/* *folder = the folder that a path lies in, freed with free(). */
mcl_status mcl_target_folder(char **folder, const char *path);

/* What a path has after its last slash. */
const char *mcl_target_name(const char *path);

#endif
