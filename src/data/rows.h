/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a data set in device memory, in the data's own type. */
#ifndef MASKCL_DATA_ROWS_H
#define MASKCL_DATA_ROWS_H

#include "device/context.h"
#include "maskcl/data.h"

/* Where the rows of a batch are on the device. */
typedef struct mcl_rows {
    cl_mem data; /* rows in the data set's own type, from element `start` on */
    uint64_t start;
    cl_mem order; /* 64-bit numbers of rows, from entry `first` on those of the batch */
    uint64_t first;
    bool gathered; /* data has the batch's rows one after the other; else every row of the data set
                    */
} mcl_rows;

/* *buffer = a copy of all rows in device memory, in their own type. */
mcl_status mcl_data_upload(cl_mem *buffer, mcl_context *context, const mcl_data *data);

#endif
