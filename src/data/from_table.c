/* SPDX-License-Identifier: Apache-2.0 */
/* Data sets of a table in the caller's memory. */
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "data/data.h"
#include "data/records.h"

static mcl_status check(const mcl_table_description *table, const char *name)
{
    if (!table->columns || table->count == 0 || table->rows == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%s: has no rows or columns", name);
    for (size_t c = 0; c < table->count; c++) {
        const mcl_column_values *column = &table->columns[c];
        if (!column->name || !column->values)
            return mcl_fail(MCL_ERROR_ARGUMENT, "%s: column %zu has no name or no values", name, c);
        if (!mcl_is_utf8(column->name, strlen(column->name)))
            return mcl_fail(MCL_ERROR_ARGUMENT, "%s: the name of column %zu is not UTF-8", name, c);
        if (!column->texts && !mcl_number_name(column->type))
            return mcl_fail(MCL_ERROR_ARGUMENT, "%s: column %zu: there is no type of numbers %d",
                name, c, (int)column->type);
    }
    return MCL_OK;
}

static mcl_status add_columns(mcl_fields *fields, const mcl_table_description *table)
{
    for (size_t c = 0; c < table->count; c++) {
        const mcl_column_values *column = &table->columns[c];
        const size_t size = column->texts ? sizeof(char *) : mcl_number_size(column->type);
        const mcl_field field = {.kind = column->texts ? MCL_FIELD_TEXT : MCL_FIELD_NUMBER,
            .type = column->type,
            .size = size,
            .first = column->values,
            .stride = column->stride ? column->stride : size};
        MCL_TRY(mcl_fields_add(fields, &field, column->name));
    }
    return MCL_OK;
}

static mcl_status open_table(mcl_data **data, mcl_fields *fields,
    const mcl_table_description *description, const char *name, const mcl_data_options *options)
{
    mcl_table *table;
    MCL_TRY(check(description, name));
    MCL_TRY(add_columns(fields, description));
    MCL_TRY(mcl_records_open(&table, fields, description->rows, NULL, name, options));
    return mcl_table_data(data, table, options);
}

mcl_status mcl_data_from_table(
    mcl_data **data, const mcl_table_description *table, const mcl_data_options *options)
{
    MCL_NEED(data);
    MCL_NEED(table);
    static const mcl_data_options defaults = {.base = {MCL_OPTIONS_DATA, MCL_DATA_OPTIONS_VERSION}};
    mcl_fields fields = {.list = NULL};
    const mcl_status status = open_table(data, &fields, table,
        table->name ? table->name : "the table", options ? options : &defaults);
    mcl_fields_release(&fields);
    return status;
}
