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

/* The inputs that come before all columns are an image's, and each by itself. */
static uint64_t add_image(mcl_groups *groups, const mcl_schema *schema, uint64_t columns)
{
    mcl_image image;
    if (!mcl_schema_image(&image, schema))
        return 0;
    const uint64_t inputs = (uint64_t)image.height * image.width * image.channels;
    for (; groups->count < inputs && groups->count < columns; groups->count++)
        groups->columns[groups->count] = (mcl_group){.first = groups->count, .width = 1};
    return inputs;
}

/* Columns with inputs, which must have all of them, one after the other. */
static mcl_status fill(mcl_groups *groups, const mcl_schema *schema, const mcl_data *data)
{
    uint64_t covered = add_image(groups, schema, mcl_data_columns(data));
    for (size_t i = 0; i < mcl_schema_columns(schema); i++) {
        const mcl_column column = mcl_schema_column(schema, i);
        if (column.width == 0)
            continue;
        if (column.first != covered || column.width > mcl_data_columns(data) - covered)
            break;
        covered += column.width;
        groups->columns[groups->count++] = group_of(&column);
    }
    return covered == mcl_data_columns(data)
               ? MCL_OK
               : mcl_fail(MCL_ERROR_DATA,
                     "%s: its columns tell of %" PRIu64 " inputs, but a row has %" PRIu64
                     ": its schema is damaged",
                     mcl_data_source(data), covered, mcl_data_columns(data));
}

mcl_status mcl_groups_of(mcl_groups *groups, const mcl_data *data)
{
    const mcl_schema *schema = mcl_data_schema(data);
    bool numbers = true;
    *groups = mcl_groups_none;
    if (!schema)
        return MCL_OK;
    MCL_TRY(mcl_allocate(&groups->columns, mcl_data_columns(data), sizeof(mcl_group)));
    const mcl_status status = fill(groups, schema, data);
    for (uint32_t i = 0; i < groups->count; i++)
        numbers = numbers && groups->columns[i].width == 1 &&
                  groups->columns[i].kind != MCL_GROUP_CATEGORY;
    if (status != MCL_OK || numbers)
        mcl_groups_release(groups);
    return status;
}

void mcl_groups_release(mcl_groups *groups)
{
    free(groups->columns);
    *groups = mcl_groups_none;
}
