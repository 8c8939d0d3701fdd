/* SPDX-License-Identifier: Apache-2.0 */
#include "data/data.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/array.h"

struct mcl_data {
    void *values;
    char *source;
    mcl_element element;
    uint64_t rows;
    uint64_t columns;
    uint64_t shape[MCL_DIMENSIONS_MAX]; /* of a row */
    size_t dimensions;
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

void mcl_data_free(mcl_data *data)
{
    if (!data)
        return;
    free(data->values);
    free(data->source);
    free(data);
}

static uint32_t float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Refuses value `index` of a run: it is NaN, infinite, or a number that no float32 holds. */
static mcl_status refuse(const mcl_array_place *place, size_t index, double value)
{
    const uint64_t number = place->first + index;
    const uint64_t row = number / place->columns, column = number % place->columns;
    if (value != value || value - value != 0)
        return mcl_fail(MCL_ERROR_DATA,
            "%s: row %" PRIu64 ", column %" PRIu64 " (counted from 0) is %s; replace or remove it",
            place->source, row, column, value != value ? "NaN" : "infinite");
    return mcl_fail(MCL_ERROR_DATA,
        "%s: row %" PRIu64 ", column %" PRIu64
        " (counted from 0) is %.17g, which is too large for float32; scale the data",
        place->source, row, column, value);
}

/* Stores a float as the numeric contract requires: +0 below 2^-125 in size. The comparisons are of
 * integers, so that the processor's own treatment of subnormals does not matter. False for NaN and
 * infinities. */
static bool store(float *to, float value)
{
    const uint32_t bits = float_bits(value), size = bits & 0x7FFFFFFF;
    const uint32_t kept = size < 0x01000000 ? 0 : bits;
    memcpy(to, &kept, sizeof kept);
    return size < 0x7F800000;
}

static mcl_status convert_uint8(
    void *to, const void *from, size_t count, const mcl_array_place *place)
{
    (void)place;
    memcpy(to, from, count);
    return MCL_OK;
}

static mcl_status convert_float32(
    void *to, const void *from, size_t count, const mcl_array_place *place)
{
    const float *values = from;
    float *stored = to;
    for (size_t i = 0; i < count; i++) {
        if (!store(&stored[i], values[i]))
            return refuse(place, i, values[i]);
    }
    return MCL_OK;
}

static mcl_status convert_float64(
    void *to, const void *from, size_t count, const mcl_array_place *place)
{
    const double *values = from;
    float *stored = to;
    for (size_t i = 0; i < count; i++) {
        if (!store(&stored[i], (float)values[i]))
            return refuse(place, i, values[i]);
    }
    return MCL_OK;
}

mcl_status mcl_data_read(mcl_data **data, mcl_source *source)
{
    mcl_array array;
    MCL_TRY(mcl_array_header(&array, source));
    if (array.type == MCL_ARRAY_INT32 || array.type == MCL_ARRAY_INT64)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: the elements are %s; data are uint8, float32 or float64: save "
            "array.astype(numpy.float32)",
            mcl_source_name(source), mcl_array_type_name(array.type));
    const mcl_element element =
        array.type == MCL_ARRAY_UINT8 ? MCL_ELEMENT_UINT8 : MCL_ELEMENT_FLOAT32;
    void *values;
    MCL_TRY(
        mcl_array_read(&values, &array, source, element == MCL_ELEMENT_UINT8 ? 1 : sizeof(float),
            array.type == MCL_ARRAY_UINT8     ? convert_uint8
            : array.type == MCL_ARRAY_FLOAT32 ? convert_float32
                                              : convert_float64));
    const mcl_status status = mcl_data_create(
        data, values, element, array.shape, array.dimensions, mcl_source_name(source));
    if (status != MCL_OK)
        free(values);
    return status;
}

mcl_status mcl_data_open(mcl_data **data, const char *path)
{
    MCL_NEED(data);
    MCL_NEED(path);
    mcl_source *source;
    MCL_TRY(mcl_source_open(&source, path));
    const mcl_status status = mcl_data_read(data, source);
    mcl_source_close(source);
    return status;
}

mcl_status mcl_data_from_floats(
    mcl_data **data, const float *values, uint64_t rows, uint64_t columns)
{
    MCL_NEED(data);
    MCL_NEED(values);
    const char *name = "data in memory";
    const uint64_t shape[] = {rows, columns};
    const mcl_array_place place = {name, 0, columns};
    uint64_t count;
    if (rows == 0 || columns == 0 || !mcl_multiply(&count, rows, columns) ||
        count > SIZE_MAX / sizeof(float))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s: %" PRIu64 " rows of %" PRIu64 " columns are none, or too many", name, rows,
            columns);
    float *copy;
    MCL_TRY(mcl_allocate_pages(&copy, count, sizeof *copy));
    mcl_status status = convert_float32(copy, values, (size_t)count, &place);
    if (status == MCL_OK)
        status = mcl_data_create(data, copy, MCL_ELEMENT_FLOAT32, shape, 2, name);
    if (status != MCL_OK)
        free(copy);
    return status;
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

mcl_status mcl_data_floats(float *values, const mcl_data *data, uint64_t first, uint64_t rows)
{
    MCL_NEED(values);
    MCL_NEED(data);
    if (first > data->rows || rows > data->rows - first)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s: %" PRIu64 " rows from row %" PRIu64 " on are not there: it has %" PRIu64,
            data->source, rows, first, data->rows);
    const size_t start = (size_t)(first * data->columns), count = (size_t)(rows * data->columns);
    if (data->element == MCL_ELEMENT_FLOAT32) {
        memcpy(values, (const float *)data->values + start, count * sizeof(float));
        return MCL_OK;
    }
    const uint8_t *bytes = (const uint8_t *)data->values + start;
    for (size_t i = 0; i < count; i++)
        values[i] = (float)bytes[i] / 255.0f;
    return MCL_OK;
}

size_t mcl_element_size(mcl_element element)
{
    return element == MCL_ELEMENT_UINT8 ? sizeof(uint8_t) : sizeof(float);
}
