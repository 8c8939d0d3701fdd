/* SPDX-License-Identifier: Apache-2.0 */
/* Some rows of a data set as a data set of their own. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/builder.h"
#include "data/schema.h"

static mcl_status check(const mcl_data *data, const uint64_t *numbers, uint64_t count)
{
    if (count == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%s: no rows are picked", mcl_data_source(data));
    for (uint64_t i = 0; i < count; i++) {
        if (numbers[i] >= mcl_data_rows(data))
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "%s: there is no row %" PRIu64 " among its %" PRIu64, mcl_data_source(data),
                numbers[i], mcl_data_rows(data));
    }
    return MCL_OK;
}

static mcl_status add_rows(
    mcl_builder *builder, const mcl_data *data, const uint64_t *numbers, uint64_t count)
{
    const uint64_t most = mcl_data_block(data);
    char *rows;
    mcl_status status = mcl_allocate(
        &rows, most, mcl_data_columns(data) * mcl_element_size(mcl_data_element(data)));
    if (status != MCL_OK)
        return status;
    for (uint64_t i = 0; i < count && status == MCL_OK; i += most) {
        const uint64_t some = count - i < most ? count - i : most;
        status = mcl_data_gather(rows, data, numbers + i, some);
        if (status == MCL_OK)
            status = mcl_builder_add(builder, rows, some);
    }
    free(rows);
    return status;
}

static mcl_status finish(mcl_data **part, mcl_builder *builder, const mcl_data *data)
{
    mcl_data *created;
    mcl_schema *schema = NULL;
    MCL_TRY(mcl_builder_finish(&created, builder));
    if (mcl_data_schema(data)) {
        const mcl_status status = mcl_schema_copy(&schema, mcl_data_schema(data));
        if (status != MCL_OK) {
            mcl_data_free(created);
            return status;
        }
        mcl_data_set_schema(created, schema);
    }
    *part = created;
    return MCL_OK;
}

mcl_status mcl_data_pick(
    mcl_data **part, const mcl_data *data, const uint64_t *numbers, uint64_t count)
{
    MCL_NEED(part);
    MCL_NEED(data);
    MCL_NEED(numbers);
    MCL_TRY(check(data, numbers, count));
    mcl_row_plan plan = {
        .element = mcl_data_element(data), .rows = count, .source = mcl_data_source(data)};
    plan.dimensions = mcl_data_row_shape(data, plan.shape);
    mcl_builder *builder;
    MCL_TRY(mcl_builder_create(&builder, &plan));
    mcl_status status = add_rows(builder, data, numbers, count);
    if (status == MCL_OK)
        status = finish(part, builder, data);
    mcl_builder_free(builder);
    return status;
}
