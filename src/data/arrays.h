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

/* The arrays of one source or of several files, which can be read more than once. */
typedef struct mcl_arrays mcl_arrays;

/* Of the source whose header has been read, which is copied to a temporary file where it can be
 * read only once; or, where count > 1, of the files, which must have rows of one shape and type,
 * file after file. */
mcl_status mcl_arrays_create(mcl_arrays **arrays, const mcl_array *array, mcl_source *source,
    const char *const *paths, size_t count);
/* NULL is allowed. */
void mcl_arrays_free(mcl_arrays *arrays);

/* The shape of all together. */
const mcl_array *mcl_arrays_all(const mcl_arrays *arrays);
/* What messages call them. */
const char *mcl_arrays_name(const mcl_arrays *arrays);

/* Gives all values in the order of the files, one array after the other; nothing is taken of what
 * convert makes of them. */
mcl_status mcl_arrays_look(const mcl_arrays *arrays, mcl_array_convert convert, void *state);

/* Makes a data set of the floats that convert makes of the values. */
mcl_status mcl_arrays_convert(mcl_data **data, const mcl_arrays *arrays, mcl_array_convert convert,
    void *state, uint64_t host_memory);

/* Makes a data set of the values as they are. */
mcl_status mcl_arrays_data(mcl_data **data, const mcl_arrays *arrays, uint64_t host_memory);

#endif
