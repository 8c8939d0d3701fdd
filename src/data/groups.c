/* SPDX-License-Identifier: Apache-2.0 */
#include "data/groups.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "constants.clh"
#include "data/data.h"

const mcl_groups mcl_groups_none;

static mcl_group group_of(const mcl_column *column)
{
    return (mcl_group){.first = (uint32_t)column->first,
        .width = (uint32_t)column->width,
        .kind = column->kind == MCL_COLUMN_CATEGORY ? MCL_GROUP_CATEGORY
                : column->indicator                 ? MCL_GROUP_INDICATED
                                                    : MCL_GROUP_NUMBERS};
}

/* The columns with inputs, one after the other; inputs of an image come before them, each by
 * itself. Returns whether there are any but numbers alone. */
static bool fill(mcl_groups *groups, const mcl_schema *schema)
{
    bool several = false;
    mcl_image image = {0};
    (void)mcl_schema_image(&image, schema);
    const uint64_t pixels = (uint64_t)image.height * image.width * image.channels;
    for (; groups->count < pixels; groups->count++)
        groups->columns[groups->count] = (mcl_group){.first = groups->count, .width = 1};
    for (size_t i = 0; i < mcl_schema_columns(schema); i++) {
        const mcl_column column = mcl_schema_column(schema, i);
        if (column.width == 0)
            continue;
        groups->columns[groups->count++] = group_of(&column);
        several = several || column.width > 1 || column.kind == MCL_COLUMN_CATEGORY;
    }
    return several;
}

mcl_status mcl_groups_of(mcl_groups *groups, const mcl_data *data)
{
    const mcl_schema *schema = mcl_data_schema(data);
    *groups = mcl_groups_none;
    if (!schema)
        return MCL_OK;
    if (mcl_schema_inputs(schema) != mcl_data_columns(data))
        return mcl_fail(MCL_ERROR_DATA,
            "%s: its columns tell of %" PRIu64 " inputs, but a row has %" PRIu64
            ": its schema is damaged",
            mcl_data_source(data), mcl_schema_inputs(schema), mcl_data_columns(data));
    MCL_TRY(mcl_allocate(&groups->columns, mcl_data_columns(data), sizeof(mcl_group)));
    if (!fill(groups, schema))
        mcl_groups_release(groups);
    return MCL_OK;
}

void mcl_groups_release(mcl_groups *groups)
{
    free(groups->columns);
    *groups = mcl_groups_none;
}
