/* SPDX-License-Identifier: Apache-2.0 */
#include "data/rows.h"

#include <stdlib.h>

#include "base/memory.h"
#include "data/data.h"

static mcl_status send_block(
    cl_mem buffer, mcl_context *context, const mcl_data *data, void *block, uint64_t first)
{
    const size_t row = (size_t)mcl_data_columns(data) * mcl_element_size(mcl_data_element(data));
    const uint64_t left = mcl_data_rows(data) - first, most = mcl_data_block(data);
    const uint64_t count = left < most ? left : most;
    MCL_TRY(mcl_data_read_rows(block, data, first, count));
    return mcl_buffer_write(context, buffer, (size_t)first * row, block, (size_t)count * row);
}

/* Rows in files go to the device block by block. */
static mcl_status upload_stored(
    cl_mem *buffer, mcl_context *context, const mcl_data *data, uint64_t row)
{
    const uint64_t most = mcl_data_block(data);
    char *block;
    MCL_TRY(mcl_allocate(&block, most, row));
    mcl_status status = mcl_buffer_create(buffer, context, mcl_data_rows(data), row, "the data");
    for (uint64_t first = 0; first < mcl_data_rows(data) && status == MCL_OK; first += most)
        status = send_block(*buffer, context, data, block, first);
    free(block);
    return status;
}

mcl_status mcl_data_upload(cl_mem *buffer, mcl_context *context, const mcl_data *data)
{
    const uint64_t row = mcl_data_columns(data) * mcl_element_size(mcl_data_element(data));
    return mcl_data_is_stored(data) ? upload_stored(buffer, context, data, row)
                                    : mcl_buffer_create_from(buffer, context, mcl_data_values(data),
                                          mcl_data_rows(data), row, "the data");
}
