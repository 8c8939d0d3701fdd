/* SPDX-License-Identifier: Apache-2.0 */
#include "data/csv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/decimal.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/names.h"
#include "base/utf8.h"

#define BUFFER_LEAST (256 << 10)
#define BUFFER_MOST ((size_t)MCL_CSV_RECORD_MOST + 1)
#define PADDING 8
#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

struct cell_place {
    size_t start, end; /* in bytes */
    bool quoted, doubled, high;
};

/* What a byte outside of quotes is. */
enum { PLAIN, STOP };

struct mcl_csv {
    mcl_source *source;
    FILE *copy;  /* NULL: none */
    char *bytes; /* [size + PADDING]; zero bytes follow those that are filled */
    size_t size, filled;
    size_t at;  /* where the next record begins */
    bool ended; /* the source */
    uint64_t line, next_line;
    char delimiter; /* that stops are for; '\0': none */
    unsigned char stops[256];
    struct cell_place *places; /* [room] */
    mcl_cell *cells;           /* [room] */
    size_t count, room;
};

mcl_status mcl_csv_open(mcl_csv **csv, mcl_source *source, FILE *copy)
{
    mcl_csv *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->source = source;
    created->copy = copy;
    created->next_line = 1;
    *csv = created;
    return MCL_OK;
}

void mcl_csv_close(mcl_csv *csv)
{
    if (!csv)
        return;
    free(csv->bytes);
    free(csv->places);
    free(csv->cells);
    free(csv);
}

uint64_t mcl_csv_line(const mcl_csv *csv)
{
    return csv->line;
}

/* Moves what is left to the front, and makes room for as much again. */
static mcl_status make_room(mcl_csv *csv)
{
    const size_t left = csv->filled - csv->at;
    if (csv->at > 0 && left > 0)
        memmove(csv->bytes, csv->bytes + csv->at, left);
    csv->filled = left;
    csv->at = 0;
    if (2 * left < csv->size)
        return MCL_OK;
    if (csv->size >= BUFFER_MOST)
        return left + 1 < csv->size
                   ? MCL_OK
                   : mcl_fail(MCL_ERROR_FORMAT,
                         "%s: line %" PRIu64
                         " begins a record of more than %d MiB: it is no table, or a quote in it "
                         "is not closed",
                         mcl_source_name(csv->source), csv->next_line, MCL_CSV_RECORD_MOST >> 20);
    size_t size = csv->size ? 2 * csv->size : BUFFER_LEAST;
    size = size < BUFFER_MOST ? size : BUFFER_MOST;
    char *bytes = realloc(csv->bytes, size + PADDING);
    if (!bytes)
        return mcl_fail(MCL_ERROR_MEMORY, "%s: the host has no memory for a record of %zu bytes",
            mcl_source_name(csv->source), size);
    csv->bytes = bytes;
    csv->size = size;
    return MCL_OK;
}

/* Reads more of the source to the buffer. */
static mcl_status fill(mcl_csv *csv)
{
    const bool first = mcl_source_offset(csv->source) == 0;
    size_t got;
    MCL_TRY(make_room(csv));
    char *to = csv->bytes + csv->filled;
    const size_t wanted = csv->size - csv->filled - 1;
    MCL_TRY(mcl_source_read(&got, csv->source, to, wanted));
    if (csv->copy && got && fwrite(to, 1, got, csv->copy) != got)
        return mcl_fail(MCL_ERROR_FILE,
            "%s: cannot be copied to a temporary file: is the folder TMPDIR full?",
            mcl_source_name(csv->source));
    csv->ended = got < wanted;
    csv->filled += got;
    memset(csv->bytes + csv->filled, 0, PADDING);
    if (first && got >= 3 && memcmp(to, BYTE_ORDER_MARK, 3) == 0)
        csv->at += 3;
    return MCL_OK;
}

static void set_delimiter(mcl_csv *csv, char delimiter)
{
    if (csv->delimiter == delimiter)
        return;
    memset(csv->stops, PLAIN, sizeof csv->stops);
    csv->stops[0] = csv->stops['\r'] = csv->stops['\n'] = STOP;
    csv->stops[(unsigned char)delimiter] = STOP;
    if (delimiter == ' ')
        csv->stops['\t'] = STOP;
    csv->delimiter = delimiter;
}

static mcl_status reserve(mcl_csv *csv)
{
    if (csv->count < csv->room)
        return MCL_OK;
    if (csv->room >= MCL_CSV_CELLS_MOST)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: line %" PRIu64 ": has more than %d columns, which no table may have",
            mcl_source_name(csv->source), csv->next_line, MCL_CSV_CELLS_MOST);
    const size_t room = csv->room ? 2 * csv->room : 64;
    struct cell_place *places = realloc(csv->places, room * sizeof *places);
    if (places)
        csv->places = places;
    mcl_cell *cells = places ? realloc(csv->cells, room * sizeof *cells) : NULL;
    if (!cells)
        return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory for %zu cells", room);
    csv->cells = cells;
    csv->room = room;
    return MCL_OK;
}

/* Scanning one record from csv->at on. */
struct scan {
    const char *at, *end;
    uint64_t line; /* at at */
    bool more;     /* the buffer ends before the record does */
    bool done;     /* the record has ended before at */
};

static mcl_status bad_byte(const mcl_csv *csv, const struct scan *scan, const char *what)
{
    return mcl_fail(MCL_ERROR_FORMAT, "%s: line %" PRIu64 ", column %zu: %s",
        mcl_source_name(csv->source), scan->line, csv->count + 1, what);
}

static bool is_blank(char c, char delimiter)
{
    return c == ' ' || (c == '\t' && delimiter != '\t');
}

/* Scans a cell at its opening quote, to behind its closing quote. */
static mcl_status scan_quoted(struct cell_place *place, struct scan *scan, const mcl_csv *csv)
{
    const struct scan opening = *scan;
    const char *at = scan->at + 1;
    place->quoted = true;
    place->start = (size_t)(at - csv->bytes);
    for (;; at++) {
        place->high = place->high || (*at & 0x80);
        if (*at == '\n' || (*at == '\r' && at[1] != '\n'))
            scan->line++;
        if (*at == '"') {
            if (at[1] != '"')
                break;
            place->doubled = true;
            at++;
        } else if (*at == '\0' && at < scan->end) {
            return bad_byte(csv, scan, "has a zero byte, which no text has");
        } else if (*at == '\0') {
            scan->more = true;
            return csv->ended ? bad_byte(csv, &opening, "a quote is opened and never closed")
                              : MCL_OK;
        }
    }
    place->end = (size_t)(at - csv->bytes);
    scan->at = at + 1;
    scan->more = scan->at == scan->end && !csv->ended; /* a second quote may follow */
    return MCL_OK;
}

#define EACH(byte) (0x0101010101010101u * (uint64_t)(byte))

/* The first byte from at on that is a stop, found eight bytes at a time: one below 16, as ends of
 * lines and zero bytes are, or the delimiter. The buffer has so many bytes after its end. *high is
 * set where one before it is not ASCII. */
static const char *find_stop(bool *high, const char *at, const mcl_csv *csv)
{
    const uint64_t delimiters = EACH((unsigned char)csv->delimiter);
    for (;;) {
        uint64_t bytes;
        memcpy(&bytes, at, sizeof bytes);
        const uint64_t same = bytes ^ delimiters;
        const uint64_t low = (bytes - EACH(16)) & ~bytes, zero = (same - EACH(1)) & ~same;
        const uint64_t found = (low | zero) & EACH(0x80);
        const uint64_t before = found ? (found & (~found + 1)) - 1 : UINT64_MAX;
        *high = *high || (bytes & before & EACH(0x80));
        if (!found) {
            at += 8;
            continue;
        }
        at += __builtin_ctzll(found) / 8;
        if (csv->stops[(unsigned char)*at] != PLAIN)
            return at;
        at++; /* a control character in the text */
    }
}

static void scan_plain(struct cell_place *place, struct scan *scan, const mcl_csv *csv)
{
    const char *last = find_stop(&place->high, scan->at, csv);
    place->start = (size_t)(scan->at - csv->bytes);
    scan->at = last;
    while (last > csv->bytes + place->start && is_blank(last[-1], csv->delimiter))
        last--;
    place->end = (size_t)(last - csv->bytes);
}

/* After a cell: takes the delimiter, or the end of the record. */
static mcl_status scan_end(struct scan *scan, const mcl_csv *csv, bool quoted)
{
    const char *before = scan->at;
    if (*before == csv->delimiter && csv->delimiter != ' ') {
        scan->at++;
        return MCL_OK;
    }
    while (is_blank(*scan->at, csv->delimiter))
        scan->at++;
    if (scan->at == scan->end) {
        scan->more = !csv->ended;
        scan->done = csv->ended;
    } else if (*scan->at == '\n' || *scan->at == '\r') {
        scan->more = *scan->at == '\r' && scan->at + 1 == scan->end && !csv->ended;
        scan->at += scan->at[0] == '\r' && scan->at[1] == '\n' ? 2 : 1;
        scan->line++;
        scan->done = true;
    } else if (csv->delimiter == ' ' && scan->at > before) {
        return MCL_OK; /* the blanks were it */
    } else if (*scan->at == csv->delimiter) {
        scan->at++;
    } else if (*scan->at == '\0') {
        return bad_byte(csv, scan, "has a zero byte, which no text has");
    } else {
        return bad_byte(csv, scan,
            quoted ? "something follows a closing quote; a quote inside of quotes is written twice"
                   : "cannot be read");
    }
    return MCL_OK;
}

static mcl_status scan_cell(struct scan *scan, mcl_csv *csv)
{
    struct cell_place place = {.start = 0};
    MCL_TRY(reserve(csv));
    while (is_blank(*scan->at, csv->delimiter))
        scan->at++;
    if (*scan->at == '"')
        MCL_TRY(scan_quoted(&place, scan, csv));
    else
        scan_plain(&place, scan, csv);
    if (scan->more)
        return MCL_OK;
    if (place.high && !mcl_is_utf8(csv->bytes + place.start, place.end - place.start) &&
        (scan->at < scan->end || csv->ended))
        return bad_byte(csv, scan,
            "is not UTF-8; save the file as UTF-8, as by iconv -f WINDOWS-1252 -t UTF-8");
    csv->places[csv->count] = place;
    MCL_TRY(scan_end(scan, csv, place.quoted));
    csv->count++;
    return MCL_OK;
}

/* Makes cells of places, now that the record is whole and its bytes stay where they are. */
static void make_cells(mcl_csv *csv)
{
    for (size_t i = 0; i < csv->count; i++) {
        const struct cell_place *place = &csv->places[i];
        char *text = csv->bytes + place->start;
        size_t length = place->end - place->start;
        if (place->doubled) {
            size_t kept = 0;
            for (size_t c = 0; c < length; c++) {
                text[kept++] = text[c];
                c += text[c] == '"';
            }
            length = kept;
        }
        csv->cells[i] =
            (mcl_cell){.text = text, .length = (uint32_t)length, .quoted = place->quoted};
    }
}

/* Passes over empty lines; *more is false at the end. */
static mcl_status skip_empty_lines(bool *more, mcl_csv *csv)
{
    for (;;) {
        size_t at = csv->at;
        while (at < csv->filled && csv->bytes[at] == ' ')
            at++;
        if (at == csv->filled && csv->ended) {
            *more = false;
            return MCL_OK;
        }
        if (csv->filled - at < 2 && !csv->ended) {
            MCL_TRY(fill(csv));
            continue;
        }
        if (csv->bytes[at] != '\n' && csv->bytes[at] != '\r') {
            *more = true;
            return MCL_OK;
        }
        csv->at = at + (csv->bytes[at] == '\r' && csv->bytes[at + 1] == '\n' ? 2 : 1);
        csv->next_line++;
    }
}

mcl_status mcl_csv_next(
    const mcl_cell **cells, size_t *count, mcl_csv *csv, const mcl_dialect *dialect)
{
    bool more;
    set_delimiter(csv, dialect->delimiter);
    *cells = NULL;
    *count = 0;
    MCL_TRY(skip_empty_lines(&more, csv));
    if (!more)
        return MCL_OK;
    struct scan scan;
    do {
        scan = (struct scan){
            .at = csv->bytes + csv->at, .end = csv->bytes + csv->filled, .line = csv->next_line};
        csv->count = 0;
        while (!scan.done && !scan.more)
            MCL_TRY(scan_cell(&scan, csv));
        if (scan.more)
            MCL_TRY(fill(csv));
    } while (scan.more);
    make_cells(csv);
    csv->line = csv->next_line;
    csv->next_line = scan.line;
    csv->at = (size_t)(scan.at - csv->bytes);
    *cells = csv->cells;
    *count = csv->count;
    return MCL_OK;
}

bool mcl_cell_number(double *value, const mcl_cell *cell, char point)
{
    if (cell->known == MCL_CELL_UNREAD)
        return mcl_decimal_parse(value, cell->text, cell->length, point);
    *value = cell->number;
    return cell->known == MCL_CELL_NUMBER;
}

static bool is_one_of(const mcl_cell *cell, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(texts[i]) == cell->length &&
            strncasecmp(cell->text, texts[i], cell->length) == 0)
            return true;
    }
    return false;
}

#define COUNT(list) (sizeof(list) / sizeof *(list))

bool mcl_cell_missing(const mcl_cell *cell)
{
    static const char *const spellings[] = {
        "NA", "NaN", "N/A", "#N/A", "<NA>", "NaT", "null", "none", "?", "-", "--", ".", "-nan"};
    return cell->length == 0 || (cell->length <= 4 && is_one_of(cell, spellings, COUNT(spellings)));
}

bool mcl_cell_infinite(const mcl_cell *cell)
{
    static const char *const spellings[] = {
        "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"};
    return is_one_of(cell, spellings, COUNT(spellings));
}

/* Recognition. */
#define SAMPLE_BYTES (128 << 10)
#define SAMPLE_RECORDS 200

/* What the first records are under a delimiter. */
struct sample {
    size_t columns; /* of the first record */
    size_t alike;   /* records that have as many */
    size_t records;
    size_t numberless; /* records after the first without any number */
};

/* The state that reading changes, so that it can be read again. */
struct mark {
    size_t at;
    uint64_t line, next_line;
};

static struct mark mark_of(const mcl_csv *csv)
{
    return (struct mark){csv->at, csv->line, csv->next_line};
}

static void go_back(mcl_csv *csv, const struct mark *mark)
{
    csv->at = mark->at;
    csv->line = mark->line;
    csv->next_line = mark->next_line;
}

/* Whether another record is whole in the buffer, so that reading it moves nothing. */
static bool has_sample(const mcl_csv *csv, size_t records)
{
    const char *at = csv->bytes + csv->at;
    const size_t left = csv->filled - csv->at;
    return records < SAMPLE_RECORDS && left > 0 &&
           (csv->ended || memchr(at, '\n', left) || memchr(at, '\r', left - 1));
}

/* The cells of the next record of a sample, which stays as it is; 0 where there is none. */
static size_t next_sample(mcl_csv *csv, char delimiter)
{
    struct scan scan = {
        .at = csv->bytes + csv->at, .end = csv->bytes + csv->filled, .line = csv->next_line};
    set_delimiter(csv, delimiter);
    csv->count = 0;
    while (!scan.done && !scan.more) {
        if (scan_cell(&scan, csv) != MCL_OK)
            return 0;
    }
    if (scan.more)
        return 0;
    for (size_t i = 0; i < csv->count; i++) {
        const struct cell_place *place = &csv->places[i];
        csv->cells[i] = (mcl_cell){.text = csv->bytes + place->start,
            .length = (uint32_t)(place->end - place->start),
            .quoted = place->quoted};
    }
    csv->at = (size_t)(scan.at - csv->bytes);
    csv->next_line = scan.line;
    return csv->count;
}

static bool is_empty_line(const mcl_csv *csv)
{
    return csv->count == 1 && csv->cells[0].length == 0 && !csv->cells[0].quoted;
}

static bool has_number(const mcl_csv *csv)
{
    double value;
    for (size_t i = 0; i < csv->count; i++) {
        if (mcl_cell_number(&value, &csv->cells[i], '.'))
            return true;
    }
    return false;
}

static struct sample take_sample(mcl_csv *csv, char delimiter)
{
    const struct mark mark = mark_of(csv);
    struct sample sample = {.columns = 0};
    while (has_sample(csv, sample.records) && next_sample(csv, delimiter)) {
        if (is_empty_line(csv))
            continue;
        if (sample.records == 0)
            sample.columns = csv->count;
        else
            sample.numberless += !has_number(csv);
        sample.alike += csv->count == sample.columns;
        sample.records++;
    }
    go_back(csv, &mark);
    return sample;
}

/* The first delimiter that divides all records alike; else the one that divides most. Blanks are
 * one only where every record has numbers: else they stand in texts. */
static char find_delimiter(mcl_csv *csv)
{
    static const char candidates[] = {'\t', ';', '|', ',', ' '};
    char best = ',';
    size_t most = 0;
    for (size_t i = 0; i < sizeof candidates; i++) {
        const struct sample sample = take_sample(csv, candidates[i]);
        if (sample.columns < 2 || (candidates[i] == ' ' && sample.numberless > 0))
            continue;
        if (sample.alike == sample.records && sample.records > 1)
            return candidates[i];
        if (sample.alike > most) {
            most = sample.alike;
            best = candidates[i];
        }
    }
    return best;
}

/* Whether decimals have commas: some cell is a number with one, and none is one with a point. */
static char find_point(mcl_csv *csv, char delimiter)
{
    const struct mark mark = mark_of(csv);
    size_t records = 0, commas = 0, points = 0;
    if (delimiter == ',')
        return '.';
    for (; has_sample(csv, records) && next_sample(csv, delimiter); records++) {
        for (size_t i = 0; i < csv->count; i++) {
            const mcl_cell *cell = &csv->cells[i];
            double value;
            commas += memchr(cell->text, ',', cell->length) && mcl_cell_number(&value, cell, ',');
            points += memchr(cell->text, '.', cell->length) && mcl_cell_number(&value, cell, '.');
        }
    }
    go_back(csv, &mark);
    return commas > 0 && points == 0 ? ',' : '.';
}

/* What is known of a column's cells. */
struct look {
    bool number, missing;        /* the first one */
    uint64_t hash;               /* of its text; texts that are taken for equal do no harm here */
    size_t numbers, texts, same; /* of the others */
};

static uint64_t hash_of(const mcl_cell *cell)
{
    uint64_t hash = 0xCBF29CE484222325u; /* FNV-1a */
    for (uint32_t i = 0; i < cell->length; i++)
        hash = (hash ^ (unsigned char)cell->text[i]) * 0x100000001B3u;
    return hash;
}

static void look_at(struct look *look, const mcl_cell *cell, char point, bool first)
{
    double value;
    const bool number = mcl_cell_number(&value, cell, point), missing = mcl_cell_missing(cell);
    if (first) {
        *look = (struct look){.number = number, .missing = missing, .hash = hash_of(cell)};
        return;
    }
    look->numbers += number;
    look->texts += !number && !missing;
    look->same += hash_of(cell) == look->hash;
}

/* Whether cells are 0, 1, …, the names that pandas gives columns without any. */
static bool are_counted(const mcl_cell *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double value;
        if (!mcl_cell_number(&value, &cells[i], '.') || value != (double)i)
            return false;
    }
    return count > 1;
}

/* Names stand over columns of numbers, are no numbers, or do not come again among the values. */
static bool judge_header(const struct look *looks, size_t count)
{
    size_t numbers = 0, texts = 0, again = 0;
    for (size_t i = 0; i < count; i++) {
        if (!looks[i].number && !looks[i].missing && looks[i].numbers > 0 && looks[i].texts == 0)
            return true;
        numbers += looks[i].number;
        texts += !looks[i].number && !looks[i].missing;
        again += !looks[i].number && !looks[i].missing && looks[i].same > 0;
    }
    return numbers == 0 && 2 * again < texts + (texts == 0);
}

static mcl_status find_header(bool *header, mcl_csv *csv, const mcl_dialect *dialect)
{
    const struct mark mark = mark_of(csv);
    const size_t count = next_sample(csv, dialect->delimiter);
    size_t records = 1;
    struct look *looks;
    *header = true;
    if (count == 0)
        return MCL_OK;
    const bool index = csv->cells[0].length == 0;
    const bool counted = are_counted(csv->cells + index, count - index);
    MCL_TRY(mcl_allocate(&looks, count, sizeof *looks));
    for (size_t i = 0; i < count; i++)
        look_at(&looks[i], &csv->cells[i], dialect->point, true);
    for (; has_sample(csv, records) && next_sample(csv, dialect->delimiter); records++) {
        for (size_t i = 0; i < csv->count && i < count; i++)
            look_at(&looks[i], &csv->cells[i], dialect->point, false);
    }
    *header = counted || judge_header(looks, count);
    free(looks);
    go_back(csv, &mark);
    return MCL_OK;
}

static const struct {
    const char *name;
    char character;
} delimiters[] = {{"comma", ','}, {"semicolon", ';'}, {"tab", '\t'}, {"space", ' '}, {"pipe", '|'}},
  points[] = {{"point", '.'}, {"comma", ','}};

/* What an option names. */
#define FIND(character_, table, text, what)                                                        \
    do {                                                                                           \
        size_t index;                                                                              \
        MCL_TRY(mcl_name_parse_row(&index, text, table, sizeof *(table), COUNT(table), what));     \
        *(character_) = (table)[index].character;                                                  \
    } while (0)

mcl_status mcl_csv_recognize(mcl_dialect *dialect, mcl_csv *csv, const mcl_data_options *options)
{
    bool more;
    MCL_TRY(skip_empty_lines(&more, csv));
    if (csv->filled < SAMPLE_BYTES && !csv->ended)
        MCL_TRY(fill(csv));
    if (options->delimiter)
        FIND(&dialect->delimiter, delimiters, options->delimiter, "delimiter");
    else
        dialect->delimiter = find_delimiter(csv);
    if (options->decimal)
        FIND(&dialect->point, points, options->decimal, "decimal");
    else
        dialect->point = find_point(csv, dialect->delimiter);
    if (dialect->point == dialect->delimiter)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s: a comma cannot be both between cells and in numbers",
            mcl_source_name(csv->source));
    dialect->header = options->header == MCL_HEADER_YES;
    return options->header == MCL_HEADER_AUTO ? find_header(&dialect->header, csv, dialect)
                                              : MCL_OK;
}
