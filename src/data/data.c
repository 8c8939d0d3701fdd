/* SPDX-License-Identifier: Apache-2.0 */
#include "data/data.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/host_memory.h"
#include "base/memory.h"
#include "data/array.h"
#include "data/arrays.h"
#include "data/losses.h"

#define BLOCK_BYTES ((uint64_t)1 << 20) /* that are read at once of rows in files */

struct mcl_data {
    void *values;     /* NULL: the rows are in the store */
    mcl_store *store; /* NULL: they are in memory */
    uint64_t memory;  /* bytes that rows in the store may take */
    char *digest;     /* of the values, where it is known; else NULL */
    bool borrowed;    /* the values are the caller's */
    char *source;
    char *warning; /* NULL: none */
    mcl_data_origin origin;
    mcl_element element;
    uint64_t rows;
    uint64_t columns;
    uint64_t shape[MCL_DIMENSIONS_MAX]; /* of a row */
    size_t dimensions;
    mcl_schema *schema;           /* NULL: none */
    int32_t *labels;              /* [rows]; NULL: none */
    mcl_strings *classes, *names; /* of the classes and of the rows; NULL: none */
};

static uint64_t add_dimension(mcl_data *data, uint64_t size)
{
    if (data->dimensions < MCL_DIMENSIONS_MAX)
        data->shape[data->dimensions++] = size;
    else
        data->shape[MCL_DIMENSIONS_MAX - 1] *= size;
    return data->columns * size;
}

mcl_status mcl_data_create(mcl_data **data, void *values, mcl_element element,
    const uint64_t *shape, size_t dimensions, const char *source)
{
    mcl_data *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    const mcl_status status = mcl_copy_string(&created->source, source);
    if (status != MCL_OK) {
        free(created);
        return status;
    }
    created->values = values;
    created->element = element;
    created->rows = shape[0];
    created->columns = 1;
    for (size_t d = 1; d < dimensions; d++)
        created->columns = add_dimension(created, shape[d]);
    if (dimensions == 1)
        add_dimension(created, 1); /* a row of a vector is one number */
    *data = created;
    return MCL_OK;
}

mcl_status mcl_data_create_stored(mcl_data **data, mcl_store *store, uint64_t memory,
    mcl_element element, const uint64_t *shape, size_t dimensions, const char *source)
{
    MCL_TRY(mcl_data_create(data, NULL, element, shape, dimensions, source));
    (*data)->store = store;
    (*data)->memory = memory;
    return MCL_OK;
}

uint64_t mcl_data_memory(const mcl_data *data)
{
    return data->memory;
}

float *mcl_data_own_floats(mcl_data *data)
{
    return data->borrowed || data->element != MCL_ELEMENT_FLOAT32 ? NULL : data->values;
}

bool mcl_data_is_stored(const mcl_data *data)
{
    return data->store != NULL;
}

void mcl_data_set_digest(mcl_data *data, char *digest)
{
    free(data->digest);
    data->digest = digest;
}

const char *mcl_data_known_digest(const mcl_data *data)
{
    return data->digest;
}

void mcl_data_free(mcl_data *data)
{
    if (!data)
        return;
    if (!data->borrowed)
        free(data->values);
    mcl_store_free(data->store);
    free(data->digest);
    free(data->source);
    free(data->warning);
    mcl_schema_free(data->schema);
    free(data->labels);
    mcl_strings_free(data->classes);
    mcl_strings_free(data->names);
    free(data);
}

static uint32_t float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Refuses value `index` of a run: it is NaN, infinite, or a number that no float32 holds. */
mcl_status mcl_data_refuse(const mcl_array_run *run, size_t index, double value)
{
    uint64_t row, column;
    mcl_array_locate(&row, &column, run, index);
    if (value != value || value - value != 0)
        return mcl_fail(MCL_ERROR_DATA,
            "%s: row %" PRIu64 ", column %" PRIu64 " (counted from 0) is %s; replace or remove it",
            run->source, row, column, value != value ? "NaN" : "infinite");
    return mcl_fail(MCL_ERROR_DATA,
        "%s: row %" PRIu64 ", column %" PRIu64
        " (counted from 0) is %.17g, which is too large for float32; scale the data",
        run->source, row, column, value);
}

static mcl_status keep_bytes(void *to, const void *from, size_t count, const mcl_array_run *run)
{
    (void)run;
    memcpy(to, from, count);
    return MCL_OK;
}

/* run->state has the losses. */
static mcl_status make_floats(void *to, const void *from, size_t count, const mcl_array_run *run)
{
    const mcl_number type = run->array->type;
    float *stored = to;
    mcl_number_floats(stored, from, type, count);
    for (size_t i = 0; i < count; i++) {
        if (!mcl_data_store(&stored[i], stored[i]))
            return mcl_data_refuse(run, i, mcl_number_at(from, type, i));
    }
    mcl_losses_add(run->state, from, stored, count, run->first);
    return MCL_OK;
}

/* Makes a data set of values that were read from an array, which it owns from now on, whatever
 * comes of it. */
static mcl_status create_read(mcl_data **data, void *values, mcl_element element,
    const mcl_array *array, const mcl_losses *losses, const char *source)
{
    mcl_data *created = NULL;
    mcl_status status =
        mcl_data_create(&created, values, element, array->shape, array->dimensions, source);
    if (status != MCL_OK) {
        free(values);
        return status;
    }
    status = mcl_losses_text(&created->warning, losses, source);
    if (status == MCL_OK)
        *data = created;
    else
        mcl_data_free(created);
    return status;
}

mcl_element mcl_data_element_of(mcl_number type)
{
    return type == MCL_NUMBER_UINT8 ? MCL_ELEMENT_UINT8 : MCL_ELEMENT_FLOAT32;
}

mcl_array_convert mcl_data_converter(mcl_element element)
{
    return element == MCL_ELEMENT_UINT8 ? keep_bytes : make_floats;
}

/* Reads an array that memory has room for. */
static mcl_status read_whole(mcl_data **data, const mcl_array *array, mcl_source *source)
{
    const mcl_element element = mcl_data_element_of(array->type);
    mcl_losses *losses;
    void *values;
    MCL_TRY(mcl_losses_create(&losses, array));
    mcl_status status = mcl_array_read(
        &values, array, source, mcl_element_size(element), mcl_data_converter(element), losses);
    if (status == MCL_OK)
        status = create_read(data, values, element, array, losses, mcl_source_name(source));
    mcl_losses_free(losses);
    return status;
}

mcl_status mcl_data_read_array(
    mcl_data **data, const mcl_array *array, mcl_source *source, uint64_t host_memory)
{
    return mcl_array_bytes(array) <= mcl_host_memory_allowed(host_memory)
               ? read_whole(data, array, source)
               : mcl_arrays_read_large(data, array, source, host_memory);
}

mcl_status mcl_data_read_within(mcl_data **data, mcl_source *source, uint64_t host_memory)
{
    mcl_array array;
    MCL_TRY(mcl_array_header(&array, source));
    return mcl_data_read_array(data, &array, source, host_memory);
}

mcl_status mcl_data_read(mcl_data **data, mcl_source *source)
{
    return mcl_data_read_within(data, source, 0);
}

#define IN_MEMORY "data in memory"

/* Refuses what no array can be described by, and sets *array to what is. */
static mcl_status check_description(mcl_array *array, const mcl_array_description *described)
{
    char shape[MCL_ARRAY_SHAPE_TEXT];
    if (!mcl_number_name(described->type))
        return mcl_fail(
            MCL_ERROR_ARGUMENT, IN_MEMORY ": there is no type of numbers %d", (int)described->type);
    if (described->dimensions < 1 || described->dimensions > 1 + MCL_DIMENSIONS_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            IN_MEMORY ": %" PRIu32 " dimensions; 1 to %d are possible", described->dimensions,
            1 + MCL_DIMENSIONS_MAX);
    if ((uintptr_t)described->values % mcl_number_size(described->type))
        return mcl_fail(MCL_ERROR_ARGUMENT, IN_MEMORY ": the values of %s are not aligned",
            mcl_number_name(described->type));
    if (described->borrow && described->type != MCL_NUMBER_UINT8 &&
        described->type != MCL_NUMBER_FLOAT32)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            IN_MEMORY ": values of %s become float32, which takes a copy: do not borrow them",
            mcl_number_name(described->type));
    *array = (mcl_array){.type = described->type, .dimensions = described->dimensions};
    memcpy(array->shape, described->shape, described->dimensions * sizeof *array->shape);
    mcl_array_shape_text(shape, array);
    if (mcl_array_count(array, IN_MEMORY) != MCL_OK ||
        array->rows * array->columns > SIZE_MAX / sizeof(float))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            IN_MEMORY ": a shape of %s has no rows or columns, or too many", shape);
    return MCL_OK;
}

/* Whether floats are what would be stored of them. */
static bool are_stored(const float *values, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        float stored;
        if (!mcl_data_store(&stored, values[i]) || float_bits(stored) != float_bits(values[i]))
            return false;
    }
    return true;
}

/* *data = the caller's own values; *borrowed is false where they must be copied. */
static mcl_status borrow(
    mcl_data **data, bool *borrowed, const void *values, const mcl_array *array)
{
    const mcl_element element = mcl_data_element_of(array->type);
    *borrowed = element == MCL_ELEMENT_UINT8 || are_stored(values, array->rows * array->columns);
    if (!*borrowed)
        return MCL_OK;
    MCL_TRY(
        mcl_data_create(data, (void *)values, element, array->shape, array->dimensions, IN_MEMORY));
    (*data)->borrowed = true;
    return MCL_OK;
}

mcl_status mcl_data_from_memory(mcl_data **data, const mcl_array_description *described)
{
    MCL_NEED(data);
    MCL_NEED(described);
    MCL_NEED(described->values);
    mcl_array array;
    mcl_losses *losses;
    char *values;
    bool borrowed = false;
    MCL_TRY(check_description(&array, described));
    if (described->borrow)
        MCL_TRY(borrow(data, &borrowed, described->values, &array));
    if (borrowed)
        return MCL_OK;
    const mcl_element element = mcl_data_element_of(array.type);
    const uint64_t count = array.rows * array.columns;
    MCL_TRY(mcl_allocate_pages(&values, count, mcl_element_size(element)));
    mcl_status status = mcl_losses_create(&losses, &array);
    if (status != MCL_OK) {
        free(values);
        return status;
    }
    const mcl_array_run run = {&array, IN_MEMORY, 0, losses};
    status = mcl_data_converter(element)(values, described->values, (size_t)count, &run);
    if (status == MCL_OK)
        status = create_read(data, values, element, &array, losses, IN_MEMORY);
    else
        free(values);
    mcl_losses_free(losses);
    return status;
}

mcl_status mcl_data_from_floats(
    mcl_data **data, const float *values, uint64_t rows, uint64_t columns)
{
    MCL_NEED(data);
    MCL_NEED(values);
    const mcl_array_description described = {
        .values = values, .type = MCL_NUMBER_FLOAT32, .dimensions = 2, .shape = {rows, columns}};
    return mcl_data_from_memory(data, &described);
}

const char *mcl_data_warning(const mcl_data *data)
{
    return data ? data->warning : NULL;
}

bool mcl_data_borrowed(const mcl_data *data)
{
    return data->borrowed;
}

void mcl_data_set_warning(mcl_data *data, char *warning)
{
    free(data->warning);
    data->warning = warning;
}

void mcl_data_set_schema(mcl_data *data, mcl_schema *schema)
{
    mcl_schema_free(data->schema);
    data->schema = schema;
}

void mcl_data_set_labels(mcl_data *data, int32_t *labels, mcl_strings *classes)
{
    free(data->labels);
    mcl_strings_free(data->classes);
    data->labels = labels;
    data->classes = classes;
}

void mcl_data_set_names(mcl_data *data, mcl_strings *names)
{
    mcl_strings_free(data->names);
    data->names = names;
}

const mcl_schema *mcl_data_schema(const mcl_data *data)
{
    return data ? data->schema : NULL;
}

const int32_t *mcl_data_labels(const mcl_data *data)
{
    return data ? data->labels : NULL;
}

const mcl_strings *mcl_data_class_names(const mcl_data *data)
{
    return data ? data->classes : NULL;
}

uint32_t mcl_data_classes(const mcl_data *data)
{
    return data ? (uint32_t)mcl_strings_count(data->classes) : 0;
}

const char *mcl_data_class_name(const mcl_data *data, uint32_t index)
{
    return data ? mcl_strings_at(data->classes, index) : NULL;
}

const char *mcl_data_row_name(const mcl_data *data, uint64_t row)
{
    return data ? mcl_strings_at(data->names, row) : NULL;
}

uint64_t mcl_data_rows(const mcl_data *data)
{
    return data ? data->rows : 0;
}

uint64_t mcl_data_columns(const mcl_data *data)
{
    return data ? data->columns : 0;
}

mcl_element mcl_data_element(const mcl_data *data)
{
    return data ? data->element : MCL_ELEMENT_UINT8;
}

size_t mcl_data_row_shape(const mcl_data *data, uint64_t shape[MCL_DIMENSIONS_MAX])
{
    if (!data || !shape)
        return 0;
    memcpy(shape, data->shape, sizeof data->shape);
    return data->dimensions;
}

const void *mcl_data_values(const mcl_data *data)
{
    return data->values;
}

const char *mcl_data_source(const mcl_data *data)
{
    return data->source;
}

mcl_data_origin mcl_data_origin_of(const mcl_data *data)
{
    return data->origin;
}

void mcl_data_set_origin(mcl_data *data, mcl_data_origin origin)
{
    data->origin = origin;
}

mcl_status mcl_data_floats(float *values, const mcl_data *data, uint64_t first, uint64_t rows)
{
    MCL_NEED(values);
    MCL_NEED(data);
    if (first > data->rows || rows > data->rows - first)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s: %" PRIu64 " rows from row %" PRIu64 " on are not there: it has %" PRIu64,
            data->source, rows, first, data->rows);
    const size_t count = (size_t)(rows * data->columns);
    if (data->element == MCL_ELEMENT_FLOAT32)
        return mcl_data_read_rows(values, data, first, rows);
    /* The bytes are read to the end of the floats, and become them from the beginning. */
    uint8_t *bytes = (uint8_t *)values + count * (sizeof(float) - 1);
    MCL_TRY(mcl_data_read_rows(bytes, data, first, rows));
    for (size_t i = 0; i < count; i++)
        values[i] = (float)bytes[i] / 255.0f;
    return MCL_OK;
}

static size_t row_size(const mcl_data *data)
{
    return (size_t)data->columns * mcl_element_size(data->element);
}

mcl_status mcl_data_read_rows(void *to, const mcl_data *data, uint64_t first, uint64_t count)
{
    const size_t row = row_size(data);
    if (data->store)
        return mcl_store_read(to, data->store, first, count);
    memcpy(to, (const char *)data->values + first * row, (size_t)count * row);
    return MCL_OK;
}

mcl_status mcl_data_gather(void *to, const mcl_data *data, const uint64_t *numbers, uint64_t count)
{
    const size_t row = row_size(data);
    if (data->store)
        return mcl_store_gather(to, data->store, numbers, count);
    for (uint64_t i = 0; i < count; i++)
        memcpy((char *)to + i * row, (const char *)data->values + numbers[i] * row, row);
    return MCL_OK;
}

uint64_t mcl_data_block(const mcl_data *data)
{
    const uint64_t fit = BLOCK_BYTES / row_size(data);
    return fit ? fit : 1;
}

mcl_status mcl_data_room(void *room, const mcl_data *data, uint64_t rows)
{
    if (data->store)
        return mcl_allocate(room, rows, row_size(data));
    memset(room, 0, sizeof(void *));
    return MCL_OK;
}

mcl_status mcl_data_look(
    const void **rows, void *room, const mcl_data *data, uint64_t first, uint64_t count)
{
    *rows = data->store ? room : (const char *)data->values + first * row_size(data);
    return data->store ? mcl_store_read(room, data->store, first, count) : MCL_OK;
}

size_t mcl_element_size(mcl_element element)
{
    return element == MCL_ELEMENT_UINT8 ? sizeof(uint8_t) : sizeof(float);
}
