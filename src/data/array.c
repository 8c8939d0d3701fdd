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
    bool (*recognize)(const unsigned char magic[MCL_MAGIC_BYTES]);
    mcl_status (*header)(
        mcl_array *array, mcl_source *source, const unsigned char magic[MCL_MAGIC_BYTES]);
} formats[] = {
    {mcl_idx_recognize, mcl_idx_header},
    {mcl_npy_recognize, mcl_npy_header},
};

#define READABLE                                                                                   \
    "tables (CSV, TSV), arrays (IDX, .npy, .npz, safetensors), images and tar files of them can "  \
    "be "                                                                                          \
    "read, gzip and zstd undone"

#define PICKLED                                                                                    \
    "is pickled by Python; save numpy.asarray(pickle.load(open(path, 'rb'))) with numpy.save()"

/* What people have in place of these, and how it becomes one of them. */
static const struct {
    const char *magic; /* of 1 to MCL_MAGIC_BYTES bytes */
    const char *advice;
} others[] = {
    {"PK\3\4", "is a zip archive, as .npz files are; save one array of it with numpy.save()"},
    {"GIF8", "is a GIF image; save it as PNG"},
    {"BM", "is a BMP image, or of an unknown kind; save an image as PNG"},
    {"\x89HDF", "is an HDF5 file; save one data set of it with numpy.save()"},
    {"PAR1", "is a Parquet file; save pandas.read_parquet(path).to_numpy() with numpy.save()"},
    {"BZh", "is compressed by bzip2; decompress it, or use gzip"},
    {"\xFD\x37zX", "is compressed by xz; decompress it, or use gzip"},
    {"\x28\xB5\x2F\xFD", "is compressed by zstd twice; decompress it once"},
    {"\x1F\x8B", "is compressed by gzip twice; decompress it once"},
    {"MATL", "is a MATLAB file; save scipy.io.loadmat(path)['NAME'] with numpy.save()"},
    {"ARRO", "is an Arrow file; save pandas.read_feather(path).to_numpy() with numpy.save()"},
    {"FEA1", "is a Feather file; save pandas.read_feather(path).to_numpy() with numpy.save()"},
    {"\x80\2", PICKLED},
    {"\x80\3", PICKLED},
    {"\x80\4", PICKLED},
    {"\x80\5", PICKLED},
    {"\xEF\xBB\xBF", "is text, with a byte-order mark; save pandas.read_csv(path).to_numpy() with "
                     "numpy.save()"},
    {"\xFF\xFE", "is text in UTF-16; save pandas.read_csv(path, encoding='utf-16').to_numpy() with "
                 "numpy.save()"},
};

void mcl_array_shape_text(char text[MCL_ARRAY_SHAPE_TEXT], const mcl_array *array)
{
    size_t used = 0;
    for (size_t d = 0; d < array->dimensions; d++)
        used += (size_t)snprintf(text + used, MCL_ARRAY_SHAPE_TEXT - used,
            d ? "x%" PRIu64 : "%" PRIu64, array->shape[d]);
}

mcl_status mcl_array_count(mcl_array *array, const char *name)
{
    char shape[MCL_ARRAY_SHAPE_TEXT];
    mcl_array_shape_text(shape, array);
    array->rows = array->shape[0];
    array->columns = 1;
    bool fits = true;
    for (size_t d = 1; d < array->dimensions; d++) {
        if (array->shape[d] == 0)
            return mcl_fail(
                MCL_ERROR_DATA, "%s: its rows hold no values: its shape is %s", name, shape);
        fits = fits && mcl_multiply(&array->columns, array->columns, array->shape[d]);
    }
    if (array->rows == 0)
        return mcl_fail(MCL_ERROR_DATA, "%s: holds no rows: its shape is %s", name, shape);
    uint64_t bytes;
    if (!fits || !mcl_multiply(&bytes, array->rows, array->columns) ||
        !mcl_multiply(&bytes, bytes, mcl_number_size(array->type)) || bytes > SIZE_MAX)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: its header promises a shape of %s, more bytes than a file can have", name, shape);
    return MCL_OK;
}

/* The order of the indices tells nothing of an array with a single one that counts. */
static bool has_one_index(const mcl_array *array)
{
    size_t indices = 0;
    for (size_t d = 0; d < array->dimensions; d++)
        indices += array->shape[d] > 1;
    return indices <= 1;
}

/* Whether the first bytes are those of text, as in .csv files. */
static bool is_text(const unsigned char magic[MCL_MAGIC_BYTES])
{
    for (size_t i = 0; i < MCL_MAGIC_BYTES; i++) {
        if ((magic[i] < ' ' || magic[i] > '~') && !(magic[i] && strchr("\t\r\n", magic[i])))
            return false;
    }
    return true;
}

static mcl_status refuse(const mcl_source *source, const unsigned char magic[MCL_MAGIC_BYTES])
{
    const char *name = mcl_source_name(source);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (memcmp(magic, others[i].magic, strlen(others[i].magic)) == 0)
            return mcl_fail(MCL_ERROR_FORMAT, "%s: %s", name, others[i].advice);
    }
    if (is_text(magic))
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: is text, but no table: there are control characters among its first bytes; remove "
            "them, or save it anew as CSV in UTF-8",
            name);
    return mcl_fail(MCL_ERROR_FORMAT,
        "%s: is of an unknown kind: it starts with the bytes %02x %02x %02x %02x; " READABLE, name,
        magic[0], magic[1], magic[2], magic[3]);
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
            *array = (mcl_array){.dimensions = 0};
            MCL_TRY(formats[f].header(array, source, magic));
            array->fortran = array->fortran && !has_one_index(array);
            return mcl_array_count(array, mcl_source_name(source));
        }
    }
    return refuse(source, magic);
}

/* Appends the dtype of the file to a message on the size of the values. */
static const char *dtype_text(char text[64], const mcl_array *array)
{
    if (array->dtype[0])
        snprintf(text, 64, "; its dtype is '%s'", array->dtype);
    else
        text[0] = '\0';
    return text;
}

uint64_t mcl_array_bytes(const mcl_array *array)
{
    uint64_t bytes;
    const size_t size = array->type == MCL_NUMBER_UINT8 ? 1 : sizeof(float);
    return mcl_multiply(&bytes, array->rows * array->columns, size) ? bytes : UINT64_MAX;
}

mcl_status mcl_array_check_size(const mcl_array *array, const mcl_source *source)
{
    const uint64_t bytes = array->rows * array->columns * mcl_number_size(array->type);
    char shape[MCL_ARRAY_SHAPE_TEXT], dtype[64];
    const uint64_t left = mcl_source_left(source), offset = mcl_source_offset(source);
    if (left == MCL_SOURCE_UNKNOWN || left == bytes)
        return MCL_OK;
    mcl_array_shape_text(shape, array);
    dtype_text(dtype, array);
    if (left < bytes)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: is truncated: %s values of %s are %" PRIu64 " bytes from byte %" PRIu64
            " on, but the file has only %" PRIu64 " there%s",
            mcl_source_name(source), shape, mcl_number_name(array->type), bytes, offset, left,
            dtype);
    return mcl_source_fail(source, offset + bytes,
        "the %s values of %s end here, but %" PRIu64 " more bytes follow%s", shape,
        mcl_number_name(array->type), left - bytes, dtype);
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
    if (block->bytes)
        memcpy(bytes, block->bytes, (size_t)used * size);
    free(block->bytes);
    block->bytes = bytes;
    block->capacity = capacity;
    return MCL_OK;
}

uint64_t mcl_array_c_column(const mcl_array *array, uint64_t column)
{
    uint64_t result = 0, stride = array->columns;
    for (size_t d = 1; d < array->dimensions; d++) {
        stride /= array->shape[d];
        result += column % array->shape[d] * stride;
        column /= array->shape[d];
    }
    return result;
}

void mcl_array_locate(uint64_t *row, uint64_t *column, const mcl_array_run *run, size_t index)
{
    const mcl_array *array = run->array;
    const uint64_t number = run->first + index;
    if (array->fortran) {
        *row = number % array->rows;
        *column = mcl_array_c_column(array, number / array->rows);
    } else {
        *row = number / array->columns;
        *column = number % array->columns;
    }
}

/* Reading: what is read, what it becomes, and room for some of it. */
struct reading {
    const mcl_array *array;
    mcl_source *source;
    size_t size; /* of a value in the block */
    mcl_array_convert convert;
    mcl_array_run run;
    _Alignas(8) unsigned char chunk[65536];
};

/* Reads the next values of the file to chunk, at most as many as fit; *count = how many. */
static mcl_status read_chunk(size_t *count, struct reading *reading, uint64_t most)
{
    const mcl_array *array = reading->array;
    const uint64_t total = array->rows * array->columns;
    const size_t from = mcl_number_size(array->type), fit = sizeof reading->chunk / from;
    const size_t wanted = most < fit ? (size_t)most : fit;
    char dtype[64];
    size_t got;
    MCL_TRY(mcl_source_read(&got, reading->source, reading->chunk, wanted * from));
    if (got < wanted * from)
        return mcl_source_fail(reading->source, mcl_source_offset(reading->source),
            "the file is truncated: it ends here, after %" PRIu64 " of %" PRIu64 " values of %s%s",
            reading->run.first + got / from, total, mcl_number_name(array->type),
            dtype_text(dtype, array));
    if (array->big_endian)
        mcl_number_swap(reading->chunk, array->type, wanted);
    *count = wanted;
    return MCL_OK;
}

/* Reads the values to a block in the order of the file. */
static mcl_status read_values(struct block *block, struct reading *reading)
{
    const uint64_t total = reading->array->rows * reading->array->columns;
    uint64_t *done = &reading->run.first;
    while (*done < total) {
        size_t count = 0;
        MCL_TRY(read_chunk(&count, reading, total - *done));
        MCL_TRY(reserve(block, *done, *done + count, total, reading->size));
        MCL_TRY(reading->convert(
            block->bytes + *done * reading->size, reading->chunk, count, &reading->run));
        *done += count;
    }
    return MCL_OK;
}

/* Some columns as the file has them, one after the other, to be written side by side: a line of the
 * processor's cache is then touched once and not once for each value. */
#define SLAB_COLUMNS 16
#define SLAB_BYTES ((uint64_t)1 << 24) /* at most; where a column is longer, a part of one */

struct slab {
    unsigned char *bytes;
    uint64_t columns;
    uint64_t rows; /* of a column, or of the part of one */
};

/* Reads a slab: columns of `rows` rows each. */
static mcl_status read_slab(
    struct reading *reading, const struct slab *slab, uint64_t columns, uint64_t rows)
{
    const uint64_t wanted = columns * rows;
    size_t count = 0;
    for (uint64_t done = 0; done < wanted; done += count) {
        MCL_TRY(read_chunk(&count, reading, wanted - done));
        MCL_TRY(reading->convert(
            slab->bytes + done * reading->size, reading->chunk, count, &reading->run));
        reading->run.first += count;
    }
    return MCL_OK;
}

/* Writes a slab's columns, of which the first is number `column` in the order of the file, to rows
 * row … row+rows-1. */
static void scatter(struct block *block, const struct reading *reading, const struct slab *slab,
    uint64_t column, uint64_t columns, uint64_t row, uint64_t rows)
{
    const mcl_array *array = reading->array;
    const size_t size = reading->size;
    uint64_t to[SLAB_COLUMNS];
    for (uint64_t c = 0; c < columns; c++)
        to[c] = mcl_array_c_column(array, column + c);
    for (uint64_t r = 0; r < rows; r++) {
        unsigned char *line = block->bytes + (row + r) * array->columns * size;
        const unsigned char *from = slab->bytes + r * size;
        for (uint64_t c = 0; c < columns; c++)
            memcpy(line + to[c] * size, from + c * rows * size, size);
    }
}

/* Reads the values, which are in Fortran order and all there, to a block that has room for all. */
static mcl_status read_columns(struct block *block, struct reading *reading)
{
    const mcl_array *array = reading->array;
    const uint64_t fit = SLAB_BYTES / reading->size;
    struct slab slab = {.rows = array->rows < fit ? array->rows : fit};
    slab.columns = fit / slab.rows < SLAB_COLUMNS ? fit / slab.rows : SLAB_COLUMNS;
    if (slab.columns > array->columns)
        slab.columns = array->columns;
    MCL_TRY(mcl_allocate(&slab.bytes, slab.columns * slab.rows, reading->size));
    mcl_status status = MCL_OK;
    for (uint64_t c = 0; c < array->columns && status == MCL_OK; c += slab.columns) {
        const uint64_t left = array->columns - c;
        const uint64_t columns = left < slab.columns ? left : slab.columns;
        for (uint64_t r = 0; r < array->rows && status == MCL_OK; r += slab.rows) {
            const uint64_t rows = array->rows - r < slab.rows ? array->rows - r : slab.rows;
            status = read_slab(reading, &slab, columns, rows);
            if (status == MCL_OK)
                scatter(block, reading, &slab, c, columns, r, rows);
        }
    }
    free(slab.bytes);
    return status;
}

static void exchange(unsigned char *a, unsigned char *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const unsigned char byte = a[i];
        a[i] = b[i];
        b[i] = byte;
    }
}

/* Brings a block from Fortran order to C order in place, along the cycles of the permutation. */
static mcl_status reorder(struct block *block, const struct reading *reading)
{
    const mcl_array *array = reading->array;
    const uint64_t total = array->rows * array->columns;
    const size_t size = reading->size;
    unsigned char carried[8], *moved; /* a bit a value */
    MCL_TRY(mcl_allocate(&moved, total / 8 + 1, 1));
    for (uint64_t start = 0; start < total; start++) {
        uint64_t at = start;
        if (moved[at / 8] >> at % 8 & 1)
            continue;
        memcpy(carried, block->bytes + at * size, size);
        do {
            at = at % array->rows * array->columns + mcl_array_c_column(array, at / array->rows);
            exchange(carried, block->bytes + at * size, size);
            moved[at / 8] |= (unsigned char)(1u << at % 8);
        } while (at != start);
    }
    free(moved);
    return MCL_OK;
}

static mcl_status read_end(const struct reading *reading)
{
    unsigned char byte;
    char dtype[64];
    size_t got;
    MCL_TRY(mcl_source_read(&got, reading->source, &byte, 1));
    if (got)
        return mcl_source_fail(reading->source, mcl_source_offset(reading->source) - 1,
            "all %" PRIu64 " values of %s end here, but more bytes follow%s", reading->run.first,
            mcl_number_name(reading->array->type), dtype_text(dtype, reading->array));
    return MCL_OK;
}

static mcl_status read_all(struct block *block, struct reading *reading, uint64_t total)
{
    const bool known = mcl_source_left(reading->source) != MCL_SOURCE_UNKNOWN;
    const bool fortran = reading->array->fortran;
    if (known)
        MCL_TRY(reserve(block, 0, total, total, reading->size));
    MCL_TRY(known && fortran ? read_columns(block, reading) : read_values(block, reading));
    MCL_TRY(read_end(reading));
    return fortran && !known ? reorder(block, reading) : MCL_OK;
}

mcl_status mcl_array_read(void *values, const mcl_array *array, mcl_source *source, size_t size,
    mcl_array_convert convert, void *state)
{
    struct block block = {NULL, 0};
    const uint64_t total = array->rows * array->columns;
    struct reading *reading;
    MCL_TRY(mcl_array_check_size(array, source));
    MCL_TRY(mcl_allocate(&reading, 1, sizeof *reading));
    reading->array = array;
    reading->source = source;
    reading->size = size;
    reading->convert = convert;
    reading->run = (mcl_array_run){array, mcl_source_name(source), 0, state};
    const mcl_status status = read_all(&block, reading, total);
    free(reading);
    if (status != MCL_OK) {
        free(block.bytes);
        return status;
    }
    memcpy(values, &block.bytes, sizeof block.bytes);
    return MCL_OK;
}

/* Converts what was read, and gives it on, piece by piece. */
static mcl_status pass_on(struct reading *reading, void *piece, const mcl_array_flow *flow)
{
    const uint64_t total = reading->array->rows * reading->array->columns;
    uint64_t *done = &reading->run.first;
    while (*done < total) {
        size_t count = 0;
        MCL_TRY(read_chunk(&count, reading, total - *done));
        MCL_TRY(reading->convert(piece, reading->chunk, count, &reading->run));
        MCL_TRY(flow->take(piece, count, flow->taker));
        *done += count;
    }
    return read_end(reading);
}

mcl_status mcl_array_stream(const mcl_array *array, mcl_source *source, const mcl_array_flow *flow)
{
    struct reading *reading;
    void *piece;
    MCL_TRY(mcl_array_check_size(array, source));
    MCL_TRY(mcl_allocate(&reading, 1, sizeof *reading));
    reading->array = array;
    reading->source = source;
    reading->convert = flow->convert;
    reading->run = (mcl_array_run){array, mcl_source_name(source), 0, flow->state};
    mcl_status status =
        mcl_allocate(&piece, sizeof reading->chunk / mcl_number_size(array->type), flow->size);
    if (status == MCL_OK) {
        status = pass_on(reading, piece, flow);
        free(piece);
    }
    free(reading);
    return status;
}
