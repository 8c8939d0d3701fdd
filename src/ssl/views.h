/* Batches on the device: from rows of the data set, in the data's own type, to the network's input.
 */
#ifndef MASKCL_SSL_VIEWS_H
#define MASKCL_SSL_VIEWS_H

#include "device/context.h"
#include "maskcl/data.h"
#include "maskcl/mask.h"

/* How views of a data set are made. */
typedef struct mcl_views {
    mcl_context *context;
    mcl_mask mask;
    uint64_t seed;
    uint32_t columns;
    uint32_t image[3]; /* height, width, channels, for block masks */
    size_t row_bytes;  /* that are read and written for a row, for the profile */
    char options[64];  /* that the kernel is built with */
} mcl_views;

/* MCL_ERROR_ARGUMENT when the mask does not fit the data. whole says that the unmasked rows are
 * wanted too. */
mcl_status mcl_views_create(mcl_views *views, mcl_context *context, const mcl_data *data,
    const mcl_mask *mask, uint64_t seed, bool whole);

/* out[2·batch × columns] = the positive views of rows order[first …] of data, then the negative
 * ones; whole[batch × columns] = the rows themselves, when they are wanted. order holds 64-bit
 * places in data, which are the row numbers that masks are drawn for. */
mcl_status mcl_views_run(mcl_views *views, cl_mem data, cl_mem order, uint64_t first,
    uint32_t batch, uint32_t epoch, cl_mem out, cl_mem whole);

/* out[count] = the first count elements of data, scaled and unmasked. */
mcl_status mcl_unmasked(
    mcl_context *context, cl_mem data, mcl_element element, uint64_t count, cl_mem out);

/* *buffer = rows first … first+rows-1 of data in device memory, in their own type. */
mcl_status mcl_data_upload(
    cl_mem *buffer, mcl_context *context, const mcl_data *data, uint64_t first, uint64_t rows);

/* The same into a buffer that is there. */
mcl_status mcl_data_write(
    mcl_context *context, cl_mem buffer, const mcl_data *data, uint64_t first, uint64_t rows);

/* Bytes of an element. */
size_t mcl_element_size(mcl_element element);

#endif
