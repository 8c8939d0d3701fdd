/* SPDX-License-Identifier: Apache-2.0 */
#include "model/parameters.h"

#include <inttypes.h>

mcl_status mcl_parameters_upload(cl_mem *buffer, mcl_context *context, const mcl_model *model)
{
    uint64_t count;
    const float *values = mcl_model_parameters(model, &count, NULL);
    return mcl_buffer_create_from(buffer, context, values, count, sizeof(float), "parameters");
}

mcl_status mcl_parameters_fetch(mcl_model *model, mcl_context *context, cl_mem buffer)
{
    uint64_t count;
    float *values = mcl_model_parameters(model, &count, NULL);
    return mcl_buffer_read(context, values, buffer, 0, count * sizeof(float));
}

mcl_status mcl_width_check(const mcl_architecture *architecture, const mcl_data *data)
{
    const uint64_t columns = mcl_data_columns(data);
    if (architecture->input == columns)
        return MCL_OK;
    return mcl_fail(MCL_ERROR_DATA,
        "the model takes rows of %" PRIu64 " values, but the data's have %" PRIu64,
        architecture->input, columns);
}
