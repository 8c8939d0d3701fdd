/* SPDX-License-Identifier: Apache-2.0 */
#include "data/array.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/formats.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "values are little-endian in files and are taken as they are in memory");

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [MCL_ARRAY_UINT8] = {"uint8", 1},
    [MCL_ARRAY_FLOAT32] = {"float32", 4},
    [MCL_ARRAY_FLOAT64] = {"float64", 8},
    [MCL_ARRAY_INT32] = {"int32", 4},
    [MCL_ARRAY_INT64] = {"int64", 8},
};

static const struct {
    bool (*recognize)(const unsigned char magic[MCL_MAGIC_BYTES]);
    mcl_status (*header)(
        mcl_array *array, mcl_source *source, const unsigned char magic[MCL_MAGIC_BYTES]);
} formats[] = {
    {mcl_idx_recognize, mcl_idx_header},
    {mcl_npy_recognize, mcl_npy_header},
};

#define READABLE "IDX of unsigned bytes and NumPy .npy, plain or gzipped, can be read"

const char *mcl_array_type_name(mcl_array_type type)
{
    return types[type].name;
}

void mcl_array_shape_text(char text[MCL_ARRAY_SHAPE_TEXT], const mcl_array *array)
{
    size_t used = 0;
    for (size_t d = 0; d < array->dimensions; d++)
        used += (size_t)snprintf(text + used, MCL_ARRAY_SHAPE_TEXT - used,
            d ? "x%" PRIu64 : "%" PRIu64, array->shape[d]);
}

/* Refuses shapes that formats allow but that cannot be trained on, and computes rows and columns.
 */
static mcl_status check_shape(mcl_array *array, const mcl_source *source)
{
    char shape[MCL_ARRAY_SHAPE_TEXT];
    mcl_array_shape_text(shape, array);
    array->rows = array->shape[0];
    array->columns = 1;
    bool fits = true;
    for (size_t d = 1; d < array->dimensions; d++) {
        if (array->shape[d] == 0)
            return mcl_fail(MCL_ERROR_DATA, "%s: its rows hold no values: its shape is %s",
                mcl_source_name(source), shape);
        fits = fits && mcl_multiply(&array->columns, array->columns, array->shape[d]);
    }
    if (array->rows == 0)
        return mcl_fail(
            MCL_ERROR_DATA, "%s: holds no rows: its shape is %s", mcl_source_name(source), shape);
    uint64_t bytes;
    if (!fits || !mcl_multiply(&bytes, array->rows, array->columns) ||
        !mcl_multiply(&bytes, bytes, types[array->type].size) || bytes > SIZE_MAX)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: its header promises a shape of %s, more bytes than a file can have",
            mcl_source_name(source), shape);
    return MCL_OK;
}

mcl_status mcl_array_header(mcl_array *array, mcl_source *source)
{
    unsigned char magic[MCL_MAGIC_BYTES];
    size_t got;
    MCL_TRY(mcl_source_read(&got, source, magic, sizeof magic));
    if (got == 0)
        return mcl_fail(MCL_ERROR_FORMAT, "%s: is empty", mcl_source_name(source));
    if (got < sizeof magic)
        return mcl_fail(
            MCL_ERROR_FORMAT, "%s: has only %zu bytes; " READABLE, mcl_source_name(source), got);
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        if (formats[f].recognize(magic)) {
            MCL_TRY(formats[f].header(array, source, magic));
            return check_shape(array, source);
        }
    }
    if (memcmp(magic, "PK\3\4", sizeof magic) == 0)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: is a zip archive, as .npz files are; save one array of it with numpy.save()",
            mcl_source_name(source));
    return mcl_fail(MCL_ERROR_FORMAT,
        "%s: is of an unknown kind: it starts with the bytes %02x %02x %02x %02x; " READABLE,
        mcl_source_name(source), magic[0], magic[1], magic[2], magic[3]);
}

/* Compares what the header promises with the file's size, where that is known. */
static mcl_status check_size(const mcl_array *array, const mcl_source *source, uint64_t bytes)
{
    char shape[MCL_ARRAY_SHAPE_TEXT];
    const uint64_t left = mcl_source_left(source), offset = mcl_source_offset(source);
    if (left == MCL_SOURCE_UNKNOWN || left == bytes)
        return MCL_OK;
    mcl_array_shape_text(shape, array);
    if (left < bytes)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: is truncated: %s values of %s are %" PRIu64 " bytes from byte %" PRIu64
            " on, but the file has only %" PRIu64 " there",
            mcl_source_name(source), shape, types[array->type].name, bytes, offset, left);
    return mcl_source_fail(source, offset + bytes,
        "the %s values of %s end here, but %" PRIu64 " more bytes follow", shape,
        types[array->type].name, left - bytes);
}

/* A block of values that grows as they are read. */
struct block {
    unsigned char *bytes;
    uint64_t capacity; /* values */
};

/* Makes room for needed values, of which used are there. The capacity is total, halved some times,
 * so that the last copy is made when half the values are there: the old block and the used part of
 * the new one never take more memory together than all values will. */
static mcl_status reserve(
    struct block *block, uint64_t used, uint64_t needed, uint64_t total, size_t size)
{
    if (needed <= block->capacity)
        return MCL_OK;
    uint64_t capacity = total;
    while (capacity / 2 >= needed)
        capacity -= capacity / 2;
    unsigned char *bytes;
    MCL_TRY(mcl_allocate_pages(&bytes, capacity, size));
    if (used)
        memcpy(bytes, block->bytes, (size_t)used * size);
    free(block->bytes);
    block->bytes = bytes;
    block->capacity = capacity;
    return MCL_OK;
}

static mcl_status read_values(struct block *block, const mcl_array *array, mcl_source *source,
    size_t size, mcl_array_convert convert)
{
    _Alignas(8) unsigned char chunk[65536];
    const size_t from = types[array->type].size;
    const uint64_t total = array->rows * array->columns;
    mcl_array_place place = {mcl_source_name(source), 0, array->columns};
    size_t got;
    while (place.first < total) {
        size_t count = sizeof chunk / from;
        if (count > total - place.first)
            count = (size_t)(total - place.first);
        MCL_TRY(mcl_source_read(&got, source, chunk, count * from));
        if (got < count * from)
            return mcl_source_fail(source, mcl_source_offset(source),
                "the file is truncated: it ends here, after %" PRIu64 " of %" PRIu64
                " values of %s",
                place.first + got / from, total, types[array->type].name);
        MCL_TRY(reserve(block, place.first, place.first + count, total, size));
        MCL_TRY(convert(block->bytes + place.first * size, chunk, count, &place));
        place.first += count;
    }
    MCL_TRY(mcl_source_read(&got, source, chunk, 1));
    if (got)
        return mcl_source_fail(source, mcl_source_offset(source) - 1,
            "all %" PRIu64 " values of %s end here, but more bytes follow", total,
            types[array->type].name);
    return MCL_OK;
}

mcl_status mcl_array_read(void *values, const mcl_array *array, mcl_source *source, size_t size,
    mcl_array_convert convert)
{
    struct block block = {NULL, 0};
    const uint64_t total = array->rows * array->columns;
    MCL_TRY(check_size(array, source, total * types[array->type].size));
    if (mcl_source_left(source) != MCL_SOURCE_UNKNOWN)
        MCL_TRY(reserve(&block, 0, total, total, size));
    const mcl_status status = read_values(&block, array, source, size, convert);
    if (status != MCL_OK) {
        free(block.bytes);
        return status;
    }
    memcpy(values, &block.bytes, sizeof block.bytes);
    return MCL_OK;
}
