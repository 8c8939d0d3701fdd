/* SPDX-License-Identifier: Apache-2.0 */
#include "data/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "data/data.h"

/* A file of the table. */
struct part {
    const char *path;
    FILE *copy;  /* of what cannot be read twice; NULL: it can */
    bool copied; /* whole */
};

struct mcl_table {
    mcl_cell_reader reader; /* its state is NULL: of text */
    const char *source_name;
    uint64_t row; /* the next one of the reader */
    const mcl_opening *opening;
    struct part *parts; /* [opening->count] */
    mcl_dialect dialect;
    mcl_dictionary *names;
    size_t columns;
    /* Where it is being read: */
    size_t part;
    bool open;          /* the part is */
    mcl_source *source; /* NULL: the opening's */
    mcl_csv *csv;
    uint64_t *map;     /* [columns], of a part's cells; NULL: in order */
    mcl_cell *ordered; /* [columns] */
    bool pending;      /* first is the next row: a part without header has been opened */
    const mcl_cell *first;
    size_t first_count;
};

static const char *path_of(const mcl_table *table, size_t part)
{
    return part == 0 ? table->opening->file : table->opening->paths[part];
}

const char *mcl_table_source(const mcl_table *table)
{
    return table->source_name;
}

const char *mcl_table_file(const mcl_table *table)
{
    if (table->reader.state)
        return table->source_name;
    const size_t last = table->opening->count - 1;
    const size_t part = table->part < last ? table->part : last;
    return part == 0 ? mcl_table_source(table) : table->opening->paths[part];
}

const char *mcl_table_place(char place[MCL_PLACE_SIZE], const mcl_table *table)
{
    if (table->reader.state)
        snprintf(place, MCL_PLACE_SIZE, "row %" PRIu64 " (counted from 0)", table->row - 1);
    else
        snprintf(place, MCL_PLACE_SIZE, "line %" PRIu64, mcl_csv_line(table->csv));
    return place;
}

void mcl_table_want_texts(mcl_table *table, size_t column)
{
    if (table->reader.state)
        table->reader.want_texts(table->reader.state, column);
}

const mcl_dictionary *mcl_table_names(const mcl_table *table)
{
    return table->names;
}

size_t mcl_table_columns(const mcl_table *table)
{
    return table->columns;
}

char mcl_table_point(const mcl_table *table)
{
    return table->dialect.point;
}

bool mcl_table_header(const mcl_table *table)
{
    return table->reader.state || table->dialect.header;
}

static void close_part(mcl_table *table)
{
    mcl_csv_close(table->csv);
    mcl_source_close(table->source);
    free(table->map);
    table->csv = NULL;
    table->source = NULL;
    table->map = NULL;
    table->open = table->pending = false;
}

void mcl_table_close(mcl_table *table)
{
    if (!table)
        return;
    close_part(table);
    if (table->reader.state)
        table->reader.close(table->reader.state);
    for (size_t i = 0; table->parts && i < table->opening->count; i++) {
        if (table->parts[i].copy)
            fclose(table->parts[i].copy);
    }
    free(table->parts);
    free(table->ordered);
    mcl_dictionary_free(table->names);
    free(table);
}

/* A file without a name, for what is read once only. */
static mcl_status open_copy(FILE **copy, const char *source)
{
    char path[1024];
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/maskcl-XXXXXX", folder && *folder ? folder : "/tmp");
    const int descriptor = mkstemp(path);
    if (descriptor >= 0) {
        unlink(path);
        *copy = fdopen(descriptor, "w+b");
        if (*copy)
            return MCL_OK;
        close(descriptor);
    }
    return mcl_fail(MCL_ERROR_FILE,
        "%s: can be read only once, and there can be no temporary file %s: %s; set TMPDIR, or save "
        "it as a file",
        source, path, strerror(errno));
}

static mcl_status open_copied(mcl_source **source, FILE *copy, const char *name)
{
    struct stat information;
    if (fflush(copy) != 0 || fstat(fileno(copy), &information) != 0 || fseek(copy, 0, SEEK_SET))
        return mcl_fail(
            MCL_ERROR_FILE, "%s: its temporary copy cannot be read: %s", name, strerror(errno));
    const int descriptor = dup(fileno(copy));
    FILE *stream = descriptor >= 0 ? fdopen(descriptor, "rb") : NULL;
    if (!stream)
        return mcl_fail(
            MCL_ERROR_FILE, "%s: its temporary copy cannot be read: %s", name, strerror(errno));
    return mcl_source_from_stream(source, stream, (uint64_t)information.st_size, name);
}

/* The first part's source is the opening's, as long as nothing has been read of it. */
static mcl_status open_source(mcl_table *table)
{
    struct part *part = &table->parts[table->part];
    mcl_source *given = table->part == 0 ? table->opening->source : NULL;
    if (part->copied)
        return open_copied(&table->source, part->copy,
            given ? mcl_source_name(given) : path_of(table, table->part));
    if (!given || mcl_source_offset(given) > 0)
        MCL_TRY(mcl_source_open(&table->source, path_of(table, table->part)));
    mcl_source *source = given && !table->source ? given : table->source;
    if (!part->copy && !mcl_source_again(source))
        MCL_TRY(open_copy(&part->copy, mcl_source_name(source)));
    return MCL_OK;
}

/* The name of a column that has none in the header is pandas'. */
#define UNNAMED "Unnamed: %zu"

static mcl_status add_name(mcl_table *table, const mcl_cell *cell)
{
    char name[32], quote[MCL_QUOTE_SIZE], place[MCL_PLACE_SIZE];
    const size_t column = table->columns;
    const char *text = cell ? cell->text : "";
    size_t length = cell ? cell->length : 0;
    uint64_t index;
    if (length == 0) {
        length = (size_t)snprintf(name, sizeof name, cell ? UNNAMED : "%zu", column);
        text = name;
    }
    MCL_TRY(mcl_dictionary_add(&index, table->names, text, length));
    if (index < column)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: %s: columns %" PRIu64 " and %zu are both called '%s'; rename one",
            mcl_table_file(table), mcl_table_place(place, table), index + 1, column + 1,
            mcl_quote(quote, mcl_strings_at(mcl_dictionary_texts(table->names), index)));
    table->columns++;
    return MCL_OK;
}

static mcl_status refuse_columns(mcl_table *table, const mcl_cell *cells, size_t count)
{
    mcl_list missing = {.used = 0}, others = {.used = 0};
    const mcl_strings *names = mcl_dictionary_texts(table->names);
    bool *found;
    MCL_TRY(mcl_allocate(&found, table->columns, sizeof *found));
    for (size_t i = 0; i < count; i++) {
        char name[MCL_QUOTE_SIZE];
        snprintf(name, sizeof name, "%.*s",
            (int)(cells[i].length < sizeof name ? cells[i].length : sizeof name - 1),
            cells[i].text);
        const uint64_t column = mcl_dictionary_find(table->names, cells[i].text, cells[i].length);
        if (column == MCL_DICTIONARY_NONE)
            mcl_list_add(&others, name);
        else
            found[column] = true;
    }
    for (size_t c = 0; c < table->columns; c++) {
        if (!found[c])
            mcl_list_add(&missing, mcl_strings_at(names, c));
    }
    free(found);
    return mcl_fail(MCL_ERROR_DATA, "%s: has not the columns of %s; missing: %s; left over: %s",
        mcl_table_file(table), path_of(table, 0), missing.count ? mcl_list_text(&missing) : "none",
        others.count ? mcl_list_text(&others) : "none");
}

/* Maps the cells of a later part, or of the first one read again, to columns. */
static mcl_status map_columns(mcl_table *table, const mcl_cell *cells, size_t count)
{
    bool in_order = true, all = count == table->columns;
    MCL_TRY(mcl_allocate(&table->map, table->columns, sizeof *table->map));
    unsigned char *seen;
    MCL_TRY(mcl_allocate(&seen, table->columns, 1));
    for (size_t i = 0; i < count && all; i++) {
        char name[32];
        const int length = snprintf(name, sizeof name, UNNAMED, i);
        const uint64_t column =
            cells[i].length ? mcl_dictionary_find(table->names, cells[i].text, cells[i].length)
                            : mcl_dictionary_find(table->names, name, (size_t)length);
        all = column != MCL_DICTIONARY_NONE && !seen[column];
        if (all) {
            seen[column] = 1;
            table->map[i] = column;
        }
        in_order = in_order && column == i;
    }
    free(seen);
    if (!all)
        return refuse_columns(table, cells, count);
    if (in_order) {
        free(table->map);
        table->map = NULL;
    }
    return MCL_OK;
}

static mcl_status read_header(mcl_table *table)
{
    MCL_TRY(mcl_csv_next(&table->first, &table->first_count, table->csv, &table->dialect));
    if (!table->first)
        return mcl_fail(MCL_ERROR_DATA, "%s: holds no rows", mcl_table_file(table));
    if (table->columns == 0) {
        for (size_t i = 0; i < table->first_count; i++)
            MCL_TRY(add_name(table, table->dialect.header ? &table->first[i] : NULL));
        MCL_TRY(mcl_allocate(&table->ordered, table->columns, sizeof *table->ordered));
    } else if (table->dialect.header) {
        MCL_TRY(map_columns(table, table->first, table->first_count));
    }
    table->pending = !table->dialect.header;
    return MCL_OK;
}

static mcl_status open_part(mcl_table *table)
{
    struct part *part = &table->parts[table->part];
    const bool first = table->columns == 0;
    MCL_TRY(open_source(table));
    mcl_source *source = table->source ? table->source : table->opening->source;
    MCL_TRY(mcl_csv_open(&table->csv, source, part->copied ? NULL : part->copy, 0));
    if (first)
        MCL_TRY(mcl_csv_recognize(&table->dialect, table->csv, table->opening->options));
    MCL_TRY(read_header(table));
    table->open = true;
    return MCL_OK;
}

mcl_status mcl_table_open(mcl_table **table, const mcl_opening *opening)
{
    mcl_table *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->opening = opening;
    created->source_name = mcl_source_name(opening->source);
    mcl_status status = mcl_allocate(&created->parts, opening->count, sizeof *created->parts);
    if (status == MCL_OK)
        status = mcl_dictionary_create(&created->names);
    if (status == MCL_OK)
        status = open_part(created);
    if (status == MCL_OK)
        *table = created;
    else
        mcl_table_close(created);
    return status;
}

mcl_status mcl_table_from_cells(
    mcl_table **table, const mcl_cell_reader *reader, mcl_dictionary *names, const char *source)
{
    mcl_table *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->reader = *reader;
    created->source_name = source;
    created->dialect.point = '.';
    created->names = names;
    created->columns = (size_t)mcl_strings_count(mcl_dictionary_texts(names));
    *table = created;
    return MCL_OK;
}

mcl_status mcl_table_rewind(mcl_table *table)
{
    if (table->reader.state) {
        table->row = 0;
        return table->reader.rewind(table->reader.state);
    }
    close_part(table);
    table->part = 0;
    return open_part(table);
}

static mcl_status refuse_ragged(const mcl_table *table, size_t count)
{
    char place[MCL_PLACE_SIZE];
    return mcl_fail(MCL_ERROR_FORMAT,
        "%s: %s: has %zu cells, and the table %zu columns; a cell that has the "
        "delimiter in it must be in quotes",
        mcl_table_file(table), mcl_table_place(place, table), count, table->columns);
}

/* The next row of the part that is open, as its file has it. */
static mcl_status next_cells(const mcl_cell **cells, mcl_table *table)
{
    size_t count = table->first_count;
    *cells = table->first;
    if (!table->pending)
        MCL_TRY(mcl_csv_next(cells, &count, table->csv, &table->dialect));
    table->pending = false;
    return !*cells || count == table->columns ? MCL_OK : refuse_ragged(table, count);
}

mcl_status mcl_table_next(const mcl_cell **cells, mcl_table *table)
{
    const mcl_cell *found = NULL;
    if (table->reader.state) {
        table->row++;
        return table->reader.next(cells, table->reader.state);
    }
    *cells = NULL;
    while (!found) {
        if (!table->open && table->part == table->opening->count)
            return MCL_OK;
        if (!table->open)
            MCL_TRY(open_part(table));
        MCL_TRY(next_cells(&found, table));
        if (!found) {
            table->parts[table->part].copied = table->parts[table->part].copy != NULL;
            close_part(table);
            table->part++;
        }
    }
    *cells = found;
    if (!table->map)
        return MCL_OK;
    for (size_t i = 0; i < table->columns; i++)
        table->ordered[table->map[i]] = found[i];
    *cells = table->ordered;
    return MCL_OK;
}
