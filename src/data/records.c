/* SPDX-License-Identifier: Apache-2.0 */
#include "data/records.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/host_memory.h"
#include "base/memory.h"
#include "base/utf8.h"

#define BLOCK ((size_t)1 << 20) /* bytes of records that are read at once, if one has no more */
#define MEMORY_PART 2           /* of what rows may take, for records that can be read only once */
#define TEXT_LEAST 32           /* bytes of a value as text, at least */

struct records {
    mcl_fields fields;
    char *name;
    uint64_t rows, next;
    mcl_cell *cells; /* [fields.count] */
    bool *as_text;   /* [fields.count]: numbers are wanted as texts */
    char **texts;    /* [fields.count], each with room for its value as text; NULL: not needed */
    /* Records, unless fields are in memory: */
    int file; /* -1: all are in bytes */
    uint64_t offset;
    char *bytes;
    uint64_t bytes_first, bytes_count; /* records in bytes */
};

mcl_status mcl_fields_add(mcl_fields *fields, const mcl_field *field, const char *name)
{
    if (fields->count >= MCL_CSV_CELLS_MOST)
        return mcl_fail(MCL_ERROR_FORMAT, "a record has more than %d fields", MCL_CSV_CELLS_MOST);
    if (fields->count == fields->room) {
        const size_t room = fields->room ? 2 * fields->room : 16;
        mcl_field *list = realloc(fields->list, room * sizeof *list);
        if (!list)
            return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory for %zu fields", room);
        fields->list = list;
        fields->room = room;
    }
    mcl_field *added = &fields->list[fields->count];
    *added = *field;
    MCL_TRY(mcl_copy_string(&added->name, name));
    fields->count++;
    return MCL_OK;
}

void mcl_fields_release(mcl_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++)
        free(fields->list[i].name);
    free(fields->list);
    *fields = (mcl_fields){.list = NULL};
}

static void close_records(void *state)
{
    struct records *records = state;
    for (size_t i = 0; records->texts && i < records->fields.count; i++)
        free(records->texts[i]);
    mcl_fields_release(&records->fields);
    free(records->name);
    free(records->cells);
    free(records->as_text);
    free(records->texts);
    free(records->bytes);
    free(records);
}

static mcl_status rewind_records(void *state)
{
    ((struct records *)state)->next = 0;
    return MCL_OK;
}

static mcl_status read_at(char *to, const struct records *records, uint64_t offset, size_t count)
{
    for (size_t done = 0; done < count;) {
        const ssize_t got = pread(records->file, to + done, count - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return mcl_fail(MCL_ERROR_FILE, "%s: cannot read: %s", records->name,
                got < 0 ? strerror(errno) : "the file has become shorter");
        done += (size_t)got;
    }
    return MCL_OK;
}

/* Makes sure that the next record is in bytes. */
static mcl_status load(struct records *records)
{
    const uint64_t row = records->next, size = records->fields.size;
    if (records->file < 0 ||
        (row >= records->bytes_first && row - records->bytes_first < records->bytes_count))
        return MCL_OK;
    const uint64_t most = size < BLOCK ? BLOCK / size : 1, left = records->rows - row;
    const uint64_t count = left < most ? left : most;
    if (!records->bytes)
        MCL_TRY(mcl_allocate(&records->bytes, most, size));
    MCL_TRY(read_at(records->bytes, records, records->offset + row * size, (size_t)(count * size)));
    records->bytes_first = row;
    records->bytes_count = count;
    return MCL_OK;
}

/* The place of the next row's value. */
static const char *value_of(const struct records *records, const mcl_field *field)
{
    const uint64_t row = records->next;
    return field->first ? field->first + row * field->stride
                        : records->bytes + field->offset +
                              (row - records->bytes_first) * records->fields.size;
}

static mcl_status refuse(const struct records *records, const mcl_field *field, const char *what)
{
    char quote[MCL_QUOTE_SIZE];
    return mcl_fail(MCL_ERROR_DATA, "%s: row %" PRIu64 " (counted from 0), column '%s': %s",
        records->name, records->next, mcl_quote(quote, field->name), what);
}

/* Writes a character of UTF-32 as UTF-8; returns its bytes, 0 where it is none. */
static size_t encode_character(char *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return c > 0;
    }
    if (c < 0x800) {
        to[0] = (char)(0xC0 | c >> 6);
        to[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (char)(0xE0 | c >> 12);
        to[1] = (char)(0x80 | (c >> 6 & 0x3F));
        to[2] = (char)(0x80 | (c & 0x3F));
        return c >= 0xD800 && c < 0xE000 ? 0 : 3;
    }
    if (c > 0x10FFFF)
        return 0;
    to[0] = (char)(0xF0 | c >> 18);
    to[1] = (char)(0x80 | (c >> 12 & 0x3F));
    to[2] = (char)(0x80 | (c >> 6 & 0x3F));
    to[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

static bool show_unicode(char *text, uint32_t *length, const mcl_field *field, const char *value)
{
    size_t count = field->size / 4, used = 0;
    while (count > 0 && memcmp(value + 4 * (count - 1), "\0\0\0\0", 4) == 0)
        count--;
    for (size_t i = 0; i < count; i++) {
        uint32_t c;
        memcpy(&c, value + 4 * i, sizeof c);
        if (field->big_endian)
            c = __builtin_bswap32(c);
        const size_t bytes = encode_character(text + used, c);
        if (bytes == 0)
            return false;
        used += bytes;
    }
    *length = (uint32_t)used;
    return true;
}

/* Seconds since 1970 as a date and time (H. Hinnant, chrono-Compatible Low-Level Date Algorithms).
 */
static uint32_t show_time(char *text, int64_t seconds)
{
    const int64_t days = (seconds - (((seconds % 86400) + 86400) % 86400)) / 86400 + 719468;
    const int64_t second = seconds - (days - 719468) * 86400;
    const int64_t era = (days >= 0 ? days : days - 146096) / 146097, doe = days - era * 146097;
    const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    const int64_t day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9;
    return (uint32_t)snprintf(text, TEXT_LEAST, "%04d-%02d-%02dT%02d:%02d:%02d",
        (int)((yoe + era * 400 + (month <= 2)) % 10000), (int)month, (int)day, (int)(second / 3600),
        (int)(second / 60 % 60), (int)(second % 60));
}

static int64_t seconds_of(int64_t time, const char *unit)
{
    static const struct {
        const char *name;
        int64_t seconds, parts; /* of a second */
    } units[] = {{"D", 86400, 1}, {"h", 3600, 1}, {"m", 60, 1}, {"s", 1, 1}, {"ms", 1, 1000},
        {"us", 1, 1000000}, {"ns", 1, 1000000000}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        int64_t seconds;
        if (strcmp(units[i].name, unit) == 0)
            return __builtin_mul_overflow(time / units[i].parts, units[i].seconds, &seconds) ||
                           seconds > INT64_MAX / 2 || seconds < INT64_MIN / 2
                       ? 0
                       : seconds;
    }
    return 0;
}

static void know_number(mcl_cell *cell, const struct records *records, size_t column)
{
    const mcl_field *field = &records->fields.list[column];
    _Alignas(8) char value[8];
    int64_t whole = 0;
    memcpy(value, value_of(records, field), field->size);
    if (field->big_endian)
        mcl_number_swap(value, field->type, 1);
    if (field->kind != MCL_FIELD_NUMBER)
        memcpy(&whole, value, sizeof whole);
    cell->number = mcl_number_at(value, field->type, 0);
    cell->known = isnan(cell->number) || (field->kind != MCL_FIELD_NUMBER && whole == INT64_MIN)
                      ? MCL_CELL_MISSING
                      : MCL_CELL_NUMBER;
    if (cell->known == MCL_CELL_MISSING)
        return;
    if (field->kind == MCL_FIELD_TIME) {
        cell->length = show_time(records->texts[column], seconds_of(whole, field->unit));
    } else if (records->as_text[column] || isinf(cell->number)) {
        mcl_number_text(records->texts[column], value, field->type, 0);
        cell->length = (uint32_t)strlen(records->texts[column]);
    } else {
        return;
    }
    cell->text = records->texts[column];
    cell->known = MCL_CELL_TEXT;
    cell->hash = 0;
}

/* What is a text is none of a number, however it looks. */
static mcl_status know_text(mcl_cell *cell, const struct records *records, size_t column)
{
    const mcl_field *field = &records->fields.list[column];
    const char *value = value_of(records, field);
    size_t length = field->size;
    if (field->kind == MCL_FIELD_UNICODE) {
        if (!show_unicode(records->texts[column], &cell->length, field, value))
            return refuse(records, field, "is no text: it has what is no character");
        cell->text = records->texts[column];
    } else {
        if (field->kind == MCL_FIELD_TEXT) {
            memcpy(&value, value, sizeof value);
            value = value ? value : "";
            length = strlen(value);
        }
        while (field->kind == MCL_FIELD_BYTES && length > 0 && value[length - 1] == '\0')
            length--;
        if (length > MCL_CSV_RECORD_MOST || memchr(value, 0, length) || !mcl_is_utf8(value, length))
            return refuse(records, field, "is no UTF-8 text");
        cell->text = value;
        cell->length = (uint32_t)length;
    }
    cell->known = mcl_cell_missing(cell) ? MCL_CELL_MISSING : MCL_CELL_TEXT;
    return MCL_OK;
}

static mcl_status next_record(const mcl_cell **cells, void *state)
{
    struct records *records = state;
    *cells = NULL;
    if (records->next == records->rows)
        return MCL_OK;
    MCL_TRY(load(records));
    for (size_t c = 0; c < records->fields.count; c++) {
        records->cells[c] = (mcl_cell){.text = ""};
        if (records->fields.list[c].kind <= MCL_FIELD_TIME)
            know_number(&records->cells[c], records, c);
        else
            MCL_TRY(know_text(&records->cells[c], records, c));
    }
    records->next++;
    *cells = records->cells;
    return MCL_OK;
}

static void want_texts(void *state, size_t column)
{
    ((struct records *)state)->as_text[column] = true;
}

static mcl_status check_size(
    const struct records *records, uint64_t bytes, const mcl_source *source)
{
    const uint64_t left = mcl_source_left(source);
    if (left == MCL_SOURCE_UNKNOWN || left == bytes)
        return MCL_OK;
    return mcl_source_fail(source, mcl_source_offset(source) + (left < bytes ? left : bytes),
        "the file %s: its header promises %" PRIu64 " records of %zu bytes, and %" PRIu64
        " bytes follow",
        left < bytes ? "is truncated" : "has more than its array", records->rows,
        records->fields.size, left);
}

/* Reads all records of what can be read only once. */
static mcl_status read_all(
    struct records *records, uint64_t bytes, mcl_source *source, const mcl_data_options *options)
{
    size_t room = 0, got = 1;
    uint64_t done = 0;
    if (bytes > mcl_host_memory_allowed(options->host_memory) / MEMORY_PART)
        return mcl_fail(MCL_ERROR_MEMORY,
            "%s: has records of %" PRIu64 " bytes, which are too many for the memory where they "
            "can be read only once; uncompress it, or save its fields as a CSV file",
            records->name, bytes);
    while (done < bytes && got > 0) {
        if (done == room) {
            room = room ? 2 * room : BLOCK;
            room = room < bytes ? room : (size_t)bytes;
            char *grown = realloc(records->bytes, room);
            if (!grown)
                return mcl_fail(MCL_ERROR_MEMORY, "%s: the host has no memory for %zu bytes",
                    records->name, room);
            records->bytes = grown;
        }
        MCL_TRY(mcl_source_read(&got, source, records->bytes + done, room - (size_t)done));
        done += got;
    }
    char more;
    MCL_TRY(mcl_source_read(&got, source, &more, 1));
    if (done < bytes || got > 0)
        return mcl_source_fail(source, mcl_source_offset(source),
            "the file %s: its header promises %" PRIu64 " records of %zu bytes",
            done < bytes ? "is truncated" : "has more than its array", records->rows,
            records->fields.size);
    records->bytes_count = records->rows;
    return MCL_OK;
}

static mcl_status take_source(
    struct records *records, mcl_source *source, const mcl_data_options *options)
{
    uint64_t bytes;
    records->file = -1;
    if (!source)
        return MCL_OK;
    if (!mcl_multiply(&bytes, records->rows, records->fields.size) || bytes > SIZE_MAX / 2)
        return mcl_source_fail(source, 0,
            "its header promises %" PRIu64 " records of %zu bytes, more than a file can have",
            records->rows, records->fields.size);
    MCL_TRY(check_size(records, bytes, source));
    records->file = mcl_source_file(source);
    records->offset = mcl_source_offset(source);
    return records->file < 0 ? read_all(records, bytes, source, options) : MCL_OK;
}

static mcl_status prepare(struct records *records)
{
    const size_t count = records->fields.count;
    MCL_TRY(mcl_allocate(&records->cells, count, sizeof *records->cells));
    MCL_TRY(mcl_allocate(&records->as_text, count, sizeof *records->as_text));
    MCL_TRY(mcl_allocate(&records->texts, count, sizeof *records->texts));
    for (size_t c = 0; c < count; c++) {
        const mcl_field *field = &records->fields.list[c];
        if (field->kind == MCL_FIELD_BYTES || field->kind == MCL_FIELD_TEXT)
            continue;
        const size_t size = field->size > TEXT_LEAST ? field->size : TEXT_LEAST;
        MCL_TRY(mcl_allocate(&records->texts[c], size, 1));
    }
    return MCL_OK;
}

static mcl_status add_names(mcl_dictionary *names, const struct records *records)
{
    char quote[MCL_QUOTE_SIZE];
    for (size_t c = 0; c < records->fields.count; c++) {
        const char *name = records->fields.list[c].name;
        uint64_t index;
        MCL_TRY(mcl_dictionary_add(&index, names, name, strlen(name)));
        if (index != c)
            return mcl_fail(MCL_ERROR_DATA, "%s: two of its columns are called '%s'", records->name,
                mcl_quote(quote, name));
    }
    return MCL_OK;
}

static mcl_status open_records(
    mcl_table **table, struct records *records, mcl_source *source, const mcl_data_options *options)
{
    mcl_dictionary *names;
    MCL_TRY(prepare(records));
    MCL_TRY(take_source(records, source, options));
    MCL_TRY(mcl_dictionary_create(&names));
    const mcl_cell_reader reader = {
        next_record, rewind_records, want_texts, close_records, records};
    mcl_status status = add_names(names, records);
    if (status == MCL_OK)
        status = mcl_table_from_cells(table, &reader, names, records->name);
    if (status != MCL_OK)
        mcl_dictionary_free(names);
    return status;
}

mcl_status mcl_records_open(mcl_table **table, mcl_fields *fields, uint64_t rows,
    mcl_source *source, const char *name, const mcl_data_options *options)
{
    struct records *records;
    mcl_status status = mcl_allocate(&records, 1, sizeof *records);
    if (status != MCL_OK) {
        mcl_fields_release(fields);
        return status;
    }
    records->fields = *fields;
    records->rows = rows;
    *fields = (mcl_fields){.list = NULL};
    status = mcl_copy_string(&records->name, name);
    if (status == MCL_OK)
        status = open_records(table, records, source, options);
    if (status != MCL_OK)
        close_records(records);
    return status;
}
