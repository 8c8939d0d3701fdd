/* SPDX-License-Identifier: Apache-2.0 */
#include "data/lex.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/decimal.h"
#include "base/error.h"
#include "base/utf8.h"
#include "data/dictionary.h"

_Static_assert(MCL_CSV_CELLS_MOST == 1048576, "the message has it");

#define EACH(byte) (0x0101010101010101u * (uint64_t)(byte))

/* Where a block is being read. */
struct lexer {
    mcl_block *block;
    const char *at, *end;
    uint64_t line;  /* at at */
    size_t first;   /* cell of the record */
    bool more;      /* the block ends before the record does */
    bool done;      /* the record has ended before at */
    bool doubled;   /* some cell of it is */
    char delimiter; /* see mcl_dialect */
    char point;
    uint64_t delimiters; /* EACH(delimiter) */
};

void mcl_block_release(mcl_block *block)
{
    free(block->bytes);
    free(block->cells);
    free(block->records);
}

mcl_status mcl_block_reserve(mcl_block *block, size_t room)
{
    if (room <= block->room)
        return MCL_OK;
    char *bytes = realloc(block->bytes, room + MCL_LEX_PADDING);
    if (!bytes)
        return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory for a record of %zu bytes", room);
    block->bytes = bytes;
    block->room = room;
    return MCL_OK;
}

/* The record cannot be read. */
static void refuse(struct lexer *lexer, const char *what)
{
    mcl_block *block = lexer->block;
    block->status = MCL_ERROR_FORMAT;
    block->what = what;
    block->line = lexer->line;
    block->column = block->cell_count - lexer->first + 1;
    lexer->done = true;
}

/* Room for one more cell; NULL where there is none. */
static mcl_cell *next_cell(struct lexer *lexer)
{
    mcl_block *block = lexer->block;
    if (block->cell_count - lexer->first >= MCL_CSV_CELLS_MOST) {
        refuse(lexer, "has more than 1048576 columns, which no table may have");
        block->column = 0;
        return NULL;
    }
    if (block->cell_count == block->cell_room) {
        const size_t room = block->cell_room ? 2 * block->cell_room : 256;
        mcl_cell *cells = realloc(block->cells, room * sizeof *cells);
        if (!cells) {
            refuse(lexer, "the host has no memory for so many cells");
            block->status = MCL_ERROR_MEMORY;
            return NULL;
        }
        block->cells = cells;
        block->cell_room = room;
    }
    return &block->cells[block->cell_count];
}

static bool is_blank(char c, char delimiter)
{
    return c == ' ' || (c == '\t' && delimiter != '\t');
}

/* Scans a cell at its opening quote, to behind its closing quote. */
static void scan_quoted(mcl_cell *cell, bool *high, struct lexer *lexer)
{
    const uint64_t line = lexer->line;
    const char *at = lexer->at + 1;
    cell->quoted = true;
    cell->text = at;
    for (;; at++) {
        *high = *high || (*at & 0x80);
        if (*at == '\n' || (*at == '\r' && at[1] != '\n'))
            lexer->line++;
        if (*at == '"') {
            if (at[1] != '"')
                break;
            cell->doubled = lexer->doubled = true;
            at++;
        } else if (*at == '\0' && at < lexer->end) {
            refuse(lexer, "has a zero byte, which no text has");
            return;
        } else if (*at == '\0') {
            lexer->line = line;
            lexer->more = !lexer->block->last;
            if (lexer->block->last)
                refuse(lexer, "a quote is opened and never closed");
            return;
        }
    }
    cell->length = (uint32_t)(at - cell->text);
    lexer->at = at + 1;
    lexer->more = lexer->at == lexer->end && !lexer->block->last; /* a second quote may follow */
}

/* Whether a byte below 16, or the delimiter, ends a cell. */
static bool is_stop(char c, char delimiter)
{
    return c == delimiter || c == '\n' || c == '\r' || c == '\0' || (c == '\t' && delimiter == ' ');
}

/* The first byte from at on that is a stop, found eight bytes at a time. The block has so many
 * bytes after its end. *high is set where one before it is not ASCII. */
static const char *find_stop(bool *high, const char *at, const struct lexer *lexer)
{
    for (;;) {
        uint64_t bytes;
        memcpy(&bytes, at, sizeof bytes);
        const uint64_t same = bytes ^ lexer->delimiters;
        const uint64_t low = (bytes - EACH(16)) & ~bytes, zero = (same - EACH(1)) & ~same;
        const uint64_t found = (low | zero) & EACH(0x80);
        const uint64_t before = found ? (found & (~found + 1)) - 1 : UINT64_MAX;
        *high = *high || (bytes & before & EACH(0x80));
        if (!found) {
            at += 8;
            continue;
        }
        at += __builtin_ctzll(found) / 8;
        if (is_stop(*at, lexer->delimiter))
            return at;
        at++; /* a control character in the text */
    }
}

static void scan_plain(mcl_cell *cell, bool *high, struct lexer *lexer)
{
    const char *last = find_stop(high, lexer->at, lexer);
    cell->text = lexer->at;
    lexer->at = last;
    while (last > cell->text && is_blank(last[-1], lexer->delimiter))
        last--;
    cell->length = (uint32_t)(last - cell->text);
}

/* Whether a number can begin so. */
static bool begins_number(char c)
{
    static const bool begin[256] = {['0'] = true,
        ['1'] = true,
        ['2'] = true,
        ['3'] = true,
        ['4'] = true,
        ['5'] = true,
        ['6'] = true,
        ['7'] = true,
        ['8'] = true,
        ['9'] = true,
        ['+'] = true,
        ['-'] = true,
        ['.'] = true,
        [','] = true};
    return begin[(unsigned char)c];
}

/* Says of a cell what it is, so that nobody needs to read it again. */
static void know(mcl_cell *cell, char point)
{
    double value;
    if (cell->length > 0 && !cell->doubled && begins_number(*cell->text) &&
        mcl_cell_number(&value, cell, point)) {
        cell->known = MCL_CELL_NUMBER;
        cell->number = value;
    } else if (!cell->doubled && mcl_cell_missing(cell)) {
        cell->known = MCL_CELL_MISSING;
    } else {
        cell->hash = cell->doubled ? 0 : mcl_text_hash(cell->text, cell->length);
        cell->known = MCL_CELL_TEXT;
    }
}

/* After a cell: takes the delimiter, or the end of the record. */
static void scan_end(struct lexer *lexer, bool quoted)
{
    const char *before = lexer->at;
    const bool last = lexer->block->last;
    if (*before == lexer->delimiter && lexer->delimiter != ' ') {
        lexer->at++;
        return;
    }
    while (is_blank(*lexer->at, lexer->delimiter))
        lexer->at++;
    const char c = *lexer->at;
    if (lexer->at == lexer->end) {
        lexer->more = !last;
        lexer->done = last;
    } else if (c == '\n' || c == '\r') {
        lexer->more = c == '\r' && lexer->at + 1 == lexer->end && !last;
        lexer->at += c == '\r' && lexer->at[1] == '\n' ? 2 : 1;
        lexer->line++;
        lexer->done = true;
    } else if (lexer->delimiter == ' ' && lexer->at > before) {
        return; /* the blanks were it */
    } else if (c == lexer->delimiter) {
        lexer->at++;
    } else if (c == '\0') {
        refuse(lexer, "has a zero byte, which no text has");
    } else {
        refuse(lexer,
            quoted ? "something follows a closing quote; a quote inside of quotes is written twice"
                   : "cannot be read");
    }
}

/* The usual number, which a delimiter or an end of a line follows at once. */
static bool scan_number(mcl_cell *cell, struct lexer *lexer)
{
    if (!begins_number(*lexer->at))
        return false;
    const char *end = mcl_decimal_scan(&cell->number, lexer->at, lexer->point);
    if (!end || !is_stop(*end, lexer->delimiter) || *end == '\0')
        return false;
    cell->text = lexer->at;
    cell->length = (uint32_t)(end - lexer->at);
    cell->known = MCL_CELL_NUMBER;
    lexer->at = end;
    return true;
}

static void scan_cell(struct lexer *lexer)
{
    bool high = false;
    mcl_cell *cell = next_cell(lexer);
    if (!cell)
        return;
    *cell = (mcl_cell){.text = NULL};
    while (is_blank(*lexer->at, lexer->delimiter))
        lexer->at++;
    if (!scan_number(cell, lexer)) {
        if (*lexer->at == '"')
            scan_quoted(cell, &high, lexer);
        else
            scan_plain(cell, &high, lexer);
        if (lexer->more || lexer->block->status != MCL_OK)
            return;
        if (high && !mcl_is_utf8(cell->text, cell->length) &&
            (lexer->at < lexer->end || lexer->block->last)) {
            refuse(lexer, "is not UTF-8; save the file as UTF-8, as by iconv -f WINDOWS-1252 -t "
                          "UTF-8");
            return;
        }
        know(cell, lexer->point);
    }
    scan_end(lexer, cell->quoted);
    lexer->block->cell_count++;
}

/* Passes over empty lines; false at the end. */
static bool skip_empty_lines(struct lexer *lexer)
{
    for (;;) {
        const char *at = lexer->at;
        while (is_blank(*at, lexer->delimiter))
            at++;
        if (at == lexer->end && !lexer->block->last)
            return lexer->at < lexer->end; /* what begins with blanks goes on in the next block */
        if (at == lexer->end) {
            lexer->at = at;
            return false;
        }
        if (*at != '\n' && *at != '\r')
            return true;
        if (*at == '\r' && at + 1 == lexer->end && !lexer->block->last)
            return true;
        lexer->at = at + (at[0] == '\r' && at[1] == '\n' ? 2 : 1);
        lexer->line++;
    }
}

static bool add_record(struct lexer *lexer, uint64_t line)
{
    mcl_block *block = lexer->block;
    if (block->record_count == block->record_room) {
        const size_t room = block->record_room ? 2 * block->record_room : 64;
        mcl_record *records = realloc(block->records, room * sizeof *records);
        if (!records) {
            refuse(lexer, "the host has no memory for so many records");
            block->status = MCL_ERROR_MEMORY;
            return false;
        }
        block->records = records;
        block->record_room = room;
    }
    block->records[block->record_count++] = (mcl_record){.first = lexer->first,
        .count = block->cell_count - lexer->first,
        .line = line,
        .doubled = lexer->doubled};
    return true;
}

static void scan_record(struct lexer *lexer)
{
    lexer->first = lexer->block->cell_count;
    lexer->done = lexer->more = lexer->doubled = false;
    while (!lexer->done && !lexer->more)
        scan_cell(lexer);
}

static void begin(struct lexer *lexer, mcl_block *block, const mcl_dialect *dialect)
{
    block->cell_count = block->record_count = 0;
    block->status = MCL_OK;
    memset(block->bytes + block->filled, 0, MCL_LEX_PADDING);
    *lexer = (struct lexer){.block = block,
        .at = block->bytes,
        .end = block->bytes + block->filled,
        .delimiter = dialect->delimiter,
        .point = dialect->point,
        .delimiters = EACH((unsigned char)dialect->delimiter)};
}

void mcl_lex_block(mcl_block *block, const mcl_dialect *dialect, size_t most)
{
    struct lexer lexer;
    begin(&lexer, block, dialect);
    block->end = 0;
    block->lines = 0;
    while (block->record_count < most && skip_empty_lines(&lexer)) {
        const uint64_t line = lexer.line;
        block->end = (size_t)(lexer.at - block->bytes);
        block->lines = line;
        scan_record(&lexer);
        if (lexer.more || block->status != MCL_OK || !add_record(&lexer, line)) {
            block->cell_count = lexer.first;
            return;
        }
    }
    block->end = (size_t)(lexer.at - block->bytes);
    block->lines = lexer.line;
}

bool mcl_cell_number(double *value, const mcl_cell *cell, char point)
{
    if (cell->known == MCL_CELL_UNREAD)
        return mcl_decimal_parse(value, cell->text, cell->length, point);
    *value = cell->number;
    return cell->known == MCL_CELL_NUMBER;
}

struct spelling {
    size_t length;
    const char *text;
};

#define SPELLED(text)                                                                              \
    {                                                                                              \
        sizeof(text) - 1, text                                                                     \
    }

static bool is_one_of(const mcl_cell *cell, const struct spelling *spellings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (spellings[i].length == cell->length &&
            strncasecmp(cell->text, spellings[i].text, cell->length) == 0)
            return true;
    }
    return false;
}

#define COUNT(list) (sizeof(list) / sizeof *(list))

bool mcl_cell_missing(const mcl_cell *cell)
{
    static const struct spelling spellings[] = {SPELLED("NA"), SPELLED("NaN"), SPELLED("N/A"),
        SPELLED("#N/A"), SPELLED("<NA>"), SPELLED("NaT"), SPELLED("null"), SPELLED("none"),
        SPELLED("?"), SPELLED("-"), SPELLED("--"), SPELLED("."), SPELLED("-nan")};
    static const bool begin[256] = {['N'] = true,
        ['n'] = true,
        ['#'] = true,
        ['<'] = true,
        ['?'] = true,
        ['-'] = true,
        ['.'] = true};
    if (cell->known != MCL_CELL_UNREAD)
        return cell->known == MCL_CELL_MISSING;
    return cell->length == 0 || (cell->length <= 4 && begin[(unsigned char)*cell->text] &&
                                    is_one_of(cell, spellings, COUNT(spellings)));
}

bool mcl_cell_infinite(const mcl_cell *cell)
{
    static const struct spelling spellings[] = {SPELLED("inf"), SPELLED("+inf"), SPELLED("-inf"),
        SPELLED("infinity"), SPELLED("+infinity"), SPELLED("-infinity")};
    return is_one_of(cell, spellings, COUNT(spellings));
}
