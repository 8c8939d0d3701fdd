/* SPDX-License-Identifier: Apache-2.0 */
/* Data sets of rows that the caller gives one after the other. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/builder.h"
#include "data/losses.h"

#define BLOCK_BYTES ((uint64_t)1 << 20) /* that are asked for at once */

/* Reading: what comes, what it becomes, and room for some of both. */
struct reading {
    const mcl_row_reader *reader;
    const char *name;
    mcl_array array; /* of the rows that came */
    mcl_builder *builder;
    mcl_losses *losses;
    uint64_t most;           /* rows at once */
    void *given, *converted; /* [most × columns] */
};

static mcl_status check(const mcl_row_reader *reader, const char *name)
{
    if (!mcl_number_name(reader->type))
        return mcl_fail(
            MCL_ERROR_ARGUMENT, "%s: there is no type of numbers %d", name, (int)reader->type);
    if (reader->dimensions < 1 || reader->dimensions > MCL_DIMENSIONS_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s: its rows have %" PRIu32 " dimensions; 1 to %d are possible", name,
            reader->dimensions, MCL_DIMENSIONS_MAX);
    return MCL_OK;
}

/* The caller's rows are what the builder checks their shape to be. */
static mcl_status prepare(struct reading *reading, uint64_t host_memory)
{
    const mcl_row_reader *reader = reading->reader;
    const mcl_element element = mcl_data_element_of(reader->type);
    const size_t size = mcl_number_size(reader->type);
    mcl_row_plan plan = {.element = element,
        .dimensions = reader->dimensions,
        .rows = reader->rows,
        .host_memory = host_memory,
        .source = reading->name};
    memcpy(plan.shape, reader->shape, reader->dimensions * sizeof *plan.shape);
    MCL_TRY(mcl_builder_create(&reading->builder, &plan));
    mcl_array *array = &reading->array;
    *array = (mcl_array){.type = reader->type, .dimensions = 2, .columns = 1};
    for (uint32_t d = 0; d < reader->dimensions; d++)
        array->columns *= reader->shape[d];
    const uint64_t fit = BLOCK_BYTES / size / array->columns;
    reading->most = fit ? fit : 1;
    MCL_TRY(mcl_losses_create(&reading->losses, array));
    MCL_TRY(mcl_allocate(&reading->given, reading->most * array->columns, size));
    return mcl_allocate(
        &reading->converted, reading->most * array->columns, mcl_element_size(element));
}

static mcl_status read_all(struct reading *reading)
{
    const mcl_row_reader *reader = reading->reader;
    const mcl_array_convert convert = mcl_data_converter(mcl_data_element_of(reader->type));
    mcl_array *array = &reading->array;
    for (;;) {
        uint64_t count = 0;
        const mcl_array_run run = {
            array, reading->name, array->rows * array->columns, reading->losses};
        MCL_TRY(reader->next(reading->given, &count, reading->most, reader->state));
        if (count == 0)
            return MCL_OK;
        if (count > reading->most)
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "%s: next() tells of %" PRIu64 " rows, but was asked for %" PRIu64 " at most",
                reading->name, count, reading->most);
        MCL_TRY(
            convert(reading->converted, reading->given, (size_t)(count * array->columns), &run));
        MCL_TRY(mcl_builder_add(reading->builder, reading->converted, count));
        array->rows += count;
    }
}

static mcl_status finish(mcl_data **data, struct reading *reading)
{
    char *warning;
    mcl_data *created;
    MCL_TRY(mcl_builder_finish(&created, reading->builder));
    const mcl_status status = mcl_losses_text(&warning, reading->losses, reading->name);
    if (status != MCL_OK) {
        mcl_data_free(created);
        return status;
    }
    mcl_data_set_warning(created, warning);
    *data = created;
    return MCL_OK;
}

mcl_status mcl_data_from_reader(
    mcl_data **data, const mcl_row_reader *reader, const mcl_data_options *options)
{
    MCL_NEED(data);
    MCL_NEED(reader);
    MCL_NEED(reader->next);
    struct reading *reading;
    const char *name = reader->name ? reader->name : "data from a reader";
    MCL_TRY(check(reader, name));
    MCL_TRY(mcl_allocate(&reading, 1, sizeof *reading));
    reading->reader = reader;
    reading->name = name;
    mcl_status status = prepare(reading, options ? options->host_memory : 0);
    if (status == MCL_OK)
        status = read_all(reading);
    if (status == MCL_OK)
        status = finish(data, reading);
    mcl_builder_free(reading->builder);
    mcl_losses_free(reading->losses);
    free(reading->given);
    free(reading->converted);
    free(reading);
    return status;
}
