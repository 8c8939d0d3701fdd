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

/* MCL_ERROR_DATA where the data's rows have a shape, and another one than the maps that a model
 * takes; a single dimension may be the values of any map. */
static mcl_status check_map(const mcl_architecture *architecture, const mcl_data *data)
{
    const uint32_t of[] = {architecture->height, architecture->width, architecture->channels};
    uint64_t shape[MCL_DIMENSIONS_MAX];
    const size_t dimensions = mcl_data_row_shape(data, shape);
    const bool series = of[1] == 1 && dimensions == 2 && shape[1] == of[2];
    bool same = dimensions < 4 && (dimensions < 2 || series || shape[1] == of[1]);
    same = same && (dimensions < 2 || shape[0] == of[0]) && (dimensions < 3 || shape[2] == of[2]);
    if (same || !of[0])
        return MCL_OK;
    return mcl_fail(MCL_ERROR_DATA,
        "the model takes rows of %" PRIu32 " × %" PRIu32 " × %" PRIu32
        ", and the data's have as many values in another shape, of %zu dimensions, the first of "
        "%" PRIu64 ": give them that shape",
        of[0], of[1], of[2], dimensions, shape[0]);
}

mcl_status mcl_width_check(const mcl_architecture *architecture, const mcl_data *data)
{
    const uint64_t columns = mcl_data_columns(data);
    if (architecture->input == columns)
        return check_map(architecture, data);
    return mcl_fail(MCL_ERROR_DATA,
        "the model takes rows of %" PRIu64 " values, but the data's have %" PRIu64,
        architecture->input, columns);
}
