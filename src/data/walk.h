/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a folder. */
#ifndef MASKCL_DATA_WALK_H
#define MASKCL_DATA_WALK_H

#include "data/strings.h"

/* Adds to files the paths within the folder of all regular files in it and in its subfolders, in
 * ascending order of their bytes, whatever the file system's own order. What begins with a dot is
 * left out. A symbolic link to a folder is followed once, and not where it leads back to a folder
 * above it. */
mcl_status mcl_walk(mcl_strings *files, const char *folder);

#endif
