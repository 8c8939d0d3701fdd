/* SPDX-License-Identifier: Apache-2.0 */
/* Data sets of arrays that memory has no room for, or of several files. */
#ifndef MASKCL_DATA_ARRAYS_H
#define MASKCL_DATA_ARRAYS_H

#include "data/array.h"
#include "data/source.h"
#include "maskcl/data.h"

/* Makes a data set of an array whose header has been read: rows of uint8 or of little-endian
 * float32 in C order stay where they are, in a plain file; others go through a mcl_builder, those
 * in Fortran order by blocks of rows. */
mcl_status mcl_arrays_read_large(
    mcl_data **data, const mcl_array *array, mcl_source *source, uint64_t host_memory);

/* Makes one data set of the arrays of several files, which must have rows of one shape and type,
 * file after file. */
mcl_status mcl_arrays_open(
    mcl_data **data, const char *const *paths, size_t count, uint64_t host_memory);

#endif
