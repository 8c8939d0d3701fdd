/* SPDX-License-Identifier: Apache-2.0 */
/* What the rest of the library needs of a data set, in addition to maskcl/data.h. */
#ifndef MASKCL_DATA_DATA_H
#define MASKCL_DATA_DATA_H

#include <stdbool.h>

#include "data/source.h"
#include "data/strings.h"
#include "maskcl/data.h"

/* rows×columns values of mcl_data_element()'s type, row-major; floats are finite, and 0 or at least
 * 2^-125 in size. The data's own memory. */
const void *mcl_data_values(const mcl_data *data);

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

/* What is known of a data set beside its values; each is the data set's own from now on, and takes
 * the place of what was there. */
void mcl_data_set_warning(mcl_data *data, char *warning);
void mcl_data_set_schema(mcl_data *data, mcl_schema *schema);
/* labels[rows] from -1; classes may be NULL: they are numbers. */
void mcl_data_set_labels(mcl_data *data, int32_t *labels, mcl_strings *classes);
void mcl_data_set_names(mcl_data *data, mcl_strings *names); /* one a row */

/* Stores a float as the numeric contract requires: +0 below 2^-125 in size. The comparisons are of
 * integers, so that the processor's own treatment of subnormals does not matter. False for NaN and
 * infinities. */
bool mcl_data_store(float *to, float value);

/* mcl_data_open() and mcl_labels_open() on what is left of a source. */
mcl_status mcl_data_read(mcl_data **data, mcl_source *source);
mcl_status mcl_labels_read(int32_t **labels, uint64_t *count, mcl_source *source);

#endif
