/* SPDX-License-Identifier: Apache-2.0 */
#include "data/rows.h"

#include "data/data.h"

mcl_status mcl_data_upload(cl_mem *buffer, mcl_context *context, const mcl_data *data)
{
    return mcl_buffer_create_from(buffer, context, mcl_data_values(data), mcl_data_rows(data),
        mcl_data_columns(data) * mcl_element_size(mcl_data_element(data)), "the data");
}
