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

/* Where the rows of a batch are on the device. */
typedef struct mcl_rows {
    cl_mem data; /* rows in the data set's own type, from element `start` on */
    uint64_t start;
    cl_mem order; /* 64-bit numbers of rows, from entry `first` on those of the batch */
    uint64_t first;
    bool gathered; /* data has the batch's rows one after the other; else every row of the data set
                    */
} mcl_rows;

/* MCL_ERROR_ARGUMENT when the mask does not fit the data. whole says that the unmasked rows are
 * wanted too. */
mcl_status mcl_views_create(mcl_views *views, mcl_context *context, const mcl_data *data,
    const mcl_mask *mask, uint64_t seed, bool whole);

/* out[2·batch × columns] = the positive views of rows, then the negative ones; whole[batch ×
 * columns] = the rows themselves, when they are wanted. Masks are drawn for the rows' numbers in
 * the data set. */
mcl_status mcl_views_run(mcl_views *views, const mcl_rows *rows, uint32_t batch, uint32_t epoch,
    cl_mem out, cl_mem whole);

/* out[count] = count elements of data from element `start` on, scaled and unmasked. */
mcl_status mcl_unmasked(mcl_context *context, cl_mem data, uint64_t start, mcl_element element,
    uint64_t count, cl_mem out);

/* *buffer = a copy of all rows in device memory, in their own type. */
mcl_status mcl_data_upload(cl_mem *buffer, mcl_context *context, const mcl_data *data);

/* Bytes of an element. */
size_t mcl_element_size(mcl_element element);

#endif
