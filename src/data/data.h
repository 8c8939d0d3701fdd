/* SPDX-License-Identifier: Apache-2.0 */
/* What the rest of the library needs of a data set, in addition to maskcl/data.h. */
#ifndef MASKCL_DATA_DATA_H
#define MASKCL_DATA_DATA_H

#include <stdbool.h>
#include <string.h>

#include "data/array.h"
#include "data/source.h"
#include "data/store.h"
#include "data/strings.h"
#include "maskcl/data.h"

/* rows×columns values of mcl_data_element()'s type, row-major; floats are finite, and 0 or at least
 * 2^-125 in size. The data's own memory. NULL where the rows stay in files, as memory has no room
 * for them. */
const void *mcl_data_values(const mcl_data *data);

/* The same where they are floats of the data's own, to be changed before anyone else has the data;
 * else NULL. */
float *mcl_data_own_floats(mcl_data *data);

/* Whether the rows stay in files. */
bool mcl_data_is_stored(const mcl_data *data);

/* Copies rows first … first+count-1, which are there, to `to`, wherever they are. MCL_ERROR_FILE
 * where a file cannot be read, or is not what it was when it was opened. */
mcl_status mcl_data_read_rows(void *to, const mcl_data *data, uint64_t first, uint64_t count);

/* Copies the rows with these numbers. */
mcl_status mcl_data_gather(void *to, const mcl_data *data, const uint64_t *numbers, uint64_t count);

/* How many rows are to be read at once by whoever goes through all of them. */
uint64_t mcl_data_block(const mcl_data *data);

/* *room = memory for so many rows, freed with free(), for mcl_data_look(); NULL where all rows are
 * in memory anyway. room points to a pointer of any type. */
mcl_status mcl_data_room(void *room, const mcl_data *data, uint64_t rows);

/* *rows = count rows from first on: the data's own memory, or room, to which they are read. */
mcl_status mcl_data_look(
    const void **rows, void *room, const mcl_data *data, uint64_t first, uint64_t count);

/* Whether the values are the caller's, so that nothing after them belongs to the data set. */
bool mcl_data_borrowed(const mcl_data *data);

/* Where rows come from, for the metadata of models. */
typedef struct mcl_data_origin {
    bool synthetic; /* drawn for seed */
    uint64_t seed;
} mcl_data_origin;

mcl_data_origin mcl_data_origin_of(const mcl_data *data);
void mcl_data_set_origin(mcl_data *data, mcl_data_origin origin);

/* Bytes of an element. */
size_t mcl_element_size(mcl_element element);

/* The file's path, or a phrase for data without a file: the start of a message. */
const char *mcl_data_source(const mcl_data *data);

/* Makes a data set of values, and takes ownership of them when it succeeds. shape is that of the
 * whole array, rows first; of a row with more than MCL_DIMENSIONS_MAX dimensions, the last one kept
 * is the product of the rest. */
mcl_status mcl_data_create(mcl_data **data, void *values, mcl_element element,
    const uint64_t *shape, size_t dimensions, const char *source);

/* The same of rows that stay in files, as they may take no more than so many bytes of memory. Its
 * digest must be set. */
mcl_status mcl_data_create_stored(mcl_data **data, mcl_store *store, uint64_t memory,
    mcl_element element, const uint64_t *shape, size_t dimensions, const char *source);

/* The bytes of memory that rows in files may take. */
uint64_t mcl_data_memory(const mcl_data *data);

/* The digest of the values, computed as they were read once; it is the data set's own from now on.
 * NULL where it is not known: the values are in memory. */
void mcl_data_set_digest(mcl_data *data, char *digest);
const char *mcl_data_known_digest(const mcl_data *data);

/* What is known of a data set beside its values; each is the data set's own from now on, and takes
 * the place of what was there. */
void mcl_data_set_warning(mcl_data *data, char *warning);
void mcl_data_set_schema(mcl_data *data, mcl_schema *schema);
/* labels[rows] from -1; classes may be NULL: they are numbers. */
void mcl_data_set_labels(mcl_data *data, int32_t *labels, mcl_strings *classes);
/* NULL: they have no names. */
const mcl_strings *mcl_data_class_names(const mcl_data *data);
void mcl_data_set_names(mcl_data *data, mcl_strings *names); /* one a row */

/* Stores a float as the numeric contract requires: +0 below 2^-125 in size. The comparisons are of
 * integers, so that the processor's own treatment of subnormals does not matter. False for NaN and
 * infinities. */
static inline bool mcl_data_store(float *to, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint32_t size = bits & 0x7FFFFFFF, kept = size < 0x01000000 ? 0 : bits;
    memcpy(to, &kept, sizeof kept);
    return size < 0x7F800000;
}

/* The type in which numbers are kept, and what makes them of that type; its state is the losses. */
mcl_element mcl_data_element_of(mcl_number type);
mcl_array_convert mcl_data_converter(mcl_element element);

/* Refuses a value of a run that is NaN, infinite or too large for float32, with row and column. */
mcl_status mcl_data_refuse(const mcl_array_run *run, size_t index, double value);

/* mcl_data_open() and mcl_labels_open() on what is left of a source. */
mcl_status mcl_data_read(mcl_data **data, mcl_source *source);
mcl_status mcl_data_read_within(mcl_data **data, mcl_source *source, uint64_t host_memory);
/* The same where the header has been read. */
mcl_status mcl_data_read_array(
    mcl_data **data, const mcl_array *array, mcl_source *source, uint64_t host_memory);
mcl_status mcl_labels_read(int32_t **labels, uint64_t *count, mcl_source *source);

#endif
