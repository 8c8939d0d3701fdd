/* SPDX-License-Identifier: Apache-2.0 */
/* Folders whose files are the parts of one table or array. */
#ifndef MASKCL_DATA_SHARDS_H
#define MASKCL_DATA_SHARDS_H

#include <stddef.h>

#include "data/strings.h"

/* *files = the paths, and in place of each folder of shards the paths of its files, in ascending
 * order of their bytes; NULL where no path is such a folder. All files of it have the same ending,
 * such as .csv or .npy.gz; what begins with '.' or '_' and notes such as README.md do not count.
 * MCL_ERROR_DATA of a folder that has shards beside other files. */
mcl_status mcl_shards(mcl_strings **files, const char *const *paths, size_t count);

#endif
