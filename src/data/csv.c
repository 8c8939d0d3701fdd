/* SPDX-License-Identifier: Apache-2.0 */
/* A text table as a series of blocks of bytes. Threads find the cells of some blocks ahead of who
 * reads them. Where a block ends is a guess, as an end of a line may lie in quotes, and quotes in
 * texts: what the last record of a block lacks is joined with the next ones, until all records are
 * whole. So the records are the same for any number of threads. */
#include "data/csv.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/names.h"
#include "data/ahead.h"
#include "data/dictionary.h"

#define BLOCK ((size_t)512 << 10)
#define HEAD ((size_t)256 << 10) /* of the first one, by which tables are recognized */
#define MESSAGE_SIZE 1024
#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

/* An item of the series. */
struct item {
    mcl_block block;
    mcl_status status; /* of reading it */
    char message[MESSAGE_SIZE];
};

struct mcl_csv {
    mcl_source *source;
    FILE *copy;        /* NULL: none */
    size_t block_size; /* bytes */
    mcl_dialect dialect;
    mcl_block head;   /* the first one */
    mcl_block joined; /* a record that goes over the end of a block, and what follows it */
    /* Of the threads: */
    mcl_ahead work;
    mcl_series *series; /* NULL: not begun, or there is no more than the head */
    struct item *items; /* [work.count] */
    char *rest;         /* [block_size]: what was read after the end of the last block */
    size_t rest_count;
    bool ended; /* the source */
    /* Where records are taken from: */
    mcl_block *block; /* NULL: nothing is read yet */
    size_t record;    /* the block's next */
    uint64_t before;  /* lines before the block */
    uint64_t line;
};

mcl_status mcl_csv_open(mcl_csv **csv, mcl_source *source, FILE *copy, size_t block)
{
    mcl_csv *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->source = source;
    created->copy = copy;
    created->block_size = block ? block : BLOCK;
    *csv = created;
    return MCL_OK;
}

void mcl_csv_close(mcl_csv *csv)
{
    if (!csv)
        return;
    mcl_series_close(csv->series);
    for (size_t i = 0; csv->items && i < csv->work.count; i++)
        mcl_block_release(&csv->items[i].block);
    mcl_block_release(&csv->head);
    mcl_block_release(&csv->joined);
    free(csv->items);
    free(csv->rest);
    free(csv);
}

uint64_t mcl_csv_line(const mcl_csv *csv)
{
    return csv->line;
}

/* Fills a block's room with what follows in the source. */
static mcl_status fill(mcl_block *block, mcl_csv *csv)
{
    size_t got;
    char *to = block->bytes + block->filled;
    const size_t wanted = block->room - block->filled;
    MCL_TRY(mcl_source_read(&got, csv->source, to, wanted));
    if (csv->copy && got && fwrite(to, 1, got, csv->copy) != got)
        return mcl_fail(MCL_ERROR_FILE,
            "%s: cannot be copied to a temporary file: is the folder TMPDIR full?",
            mcl_source_name(csv->source));
    csv->ended = got < wanted;
    block->filled += got;
    return MCL_OK;
}

static mcl_status read_head(mcl_csv *csv)
{
    mcl_block *head = &csv->head;
    MCL_TRY(mcl_block_reserve(head, csv->block_size < HEAD ? csv->block_size : HEAD));
    MCL_TRY(fill(head, csv));
    if (head->filled >= 3 && memcmp(head->bytes, BYTE_ORDER_MARK, 3) == 0)
        memcpy(head->bytes, "   ", 3);
    head->last = csv->ended;
    csv->block = head;
    return MCL_OK;
}

/* Whether the number of quotes in bytes is odd. */
static bool has_odd_quotes(const char *bytes, size_t count)
{
    uint64_t odd = 0;
    size_t i = 0;
    if (!memchr(bytes, '"', count)) /* as in most tables */
        return false;
    for (; i + 8 <= count; i += 8) {
        uint64_t eight;
        memcpy(&eight, bytes + i, sizeof eight);
        eight ^= 0x2222222222222222u;
        odd ^=
            ~(((eight & 0x7F7F7F7F7F7F7F7Fu) + 0x7F7F7F7F7F7F7F7Fu) | eight | 0x7F7F7F7F7F7F7F7Fu);
    }
    bool result = __builtin_parityll(odd);
    for (; i < count; i++)
        result ^= bytes[i] == '"';
    return result;
}

/* Where the last line of bytes least … end-1 ends; 0 where none does. */
static size_t last_end(const char *bytes, size_t least, size_t end)
{
    for (size_t i = end; i > least; i--) {
        if (bytes[i - 1] == '\n')
            return i;
    }
    for (size_t i = end; i > least + 1; i--) {
        if (bytes[i - 2] == '\r')
            return i - 1;
    }
    return 0;
}

/* Where to end a block, so that records are likely to be whole: after the last line that no quote
 * is open behind, if quotes come in pairs. */
static size_t find_border(const char *bytes, size_t filled)
{
    const size_t least = filled / 2, guess = last_end(bytes, least, filled);
    size_t border = guess;
    bool inside = has_odd_quotes(bytes, border);
    while (inside && border > least) {
        size_t quote = border;
        while (quote > least && bytes[quote - 1] != '"')
            quote--;
        const size_t before = last_end(bytes, least, quote);
        inside ^= has_odd_quotes(bytes + before, border - before);
        border = before;
    }
    return inside || border == 0 ? guess ? guess : filled : border;
}

/* Ends a block that does not end the table, and keeps the rest for the next one. */
static void cut(mcl_block *block, mcl_csv *csv)
{
    if (csv->ended) {
        block->last = true;
        return;
    }
    const size_t border = find_border(block->bytes, block->filled);
    csv->rest_count = block->filled - border;
    memcpy(csv->rest, block->bytes + border, csv->rest_count);
    block->filled = border;
}

static mcl_status read_block(mcl_block *block, mcl_csv *csv)
{
    MCL_TRY(mcl_block_reserve(block, csv->block_size));
    block->last = false;
    block->filled = csv->rest_count;
    memcpy(block->bytes, csv->rest, csv->rest_count);
    csv->rest_count = 0;
    MCL_TRY(fill(block, csv));
    cut(block, csv);
    return MCL_OK;
}

static bool next_item(void *item, void *state)
{
    struct item *next = item;
    mcl_csv *csv = state;
    if (csv->ended)
        return false;
    next->status = read_block(&next->block, csv);
    if (next->status != MCL_OK) {
        mcl_clean_text(next->message, sizeof next->message, mcl_error_message(), "");
        csv->ended = true;
    }
    return true;
}

static void lex_item(void *item, void *state)
{
    struct item *next = item;
    const mcl_csv *csv = state;
    if (next->status == MCL_OK)
        mcl_lex_block(&next->block, &csv->dialect, SIZE_MAX);
}

/* After recognition: begins with the records of the head. */
static mcl_status begin(mcl_csv *csv)
{
    csv->work = (mcl_ahead){.state = csv,
        .count = 2 * mcl_ahead_threads() + 1,
        .size = sizeof *csv->items,
        .next = next_item,
        .run = lex_item};
    if (!csv->ended) {
        MCL_TRY(mcl_allocate(&csv->items, csv->work.count, sizeof *csv->items));
        csv->work.items = csv->items;
        MCL_TRY(mcl_allocate(&csv->rest, csv->block_size, 1));
        cut(&csv->head, csv);
    }
    mcl_lex_block(&csv->head, &csv->dialect, SIZE_MAX);
    return csv->ended ? MCL_OK : mcl_series_open(&csv->series, &csv->work);
}

/* *block = the series' next; NULL after the last. */
static mcl_status next_block(mcl_block **block, mcl_csv *csv)
{
    struct item *item = csv->series ? mcl_series_next(csv->series) : NULL;
    *block = item ? &item->block : NULL;
    return !item || item->status == MCL_OK ? MCL_OK : mcl_fail(item->status, "%s", item->message);
}

static mcl_status append(mcl_block *joined, const mcl_block *block)
{
    MCL_TRY(mcl_block_reserve(joined, joined->filled + block->filled));
    memcpy(joined->bytes + joined->filled, block->bytes, block->filled);
    joined->filled += block->filled;
    joined->last = block->last;
    return MCL_OK;
}

/* Joins what is left of a block with the next ones, twice as much at least. */
static mcl_status join(mcl_csv *csv)
{
    mcl_block *joined = &csv->joined, *next;
    const mcl_block *from = csv->block;
    const size_t left = from->filled - from->end;
    if (left > MCL_CSV_RECORD_MOST)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: line %" PRIu64 " begins a record of more than %d MiB: it is no table, or a quote "
            "in it is not closed",
            mcl_source_name(csv->source), csv->before + 1, MCL_CSV_RECORD_MOST >> 20);
    MCL_TRY(mcl_block_reserve(joined, left));
    memmove(joined->bytes, from->bytes + from->end, left);
    joined->filled = left;
    do {
        MCL_TRY(next_block(&next, csv));
        if (next)
            MCL_TRY(append(joined, next));
        else
            joined->last = true;
    } while (!joined->last && joined->filled < 2 * left && joined->filled <= MCL_CSV_RECORD_MOST);
    mcl_lex_block(joined, &csv->dialect, SIZE_MAX);
    csv->block = joined;
    return MCL_OK;
}

/* What begins after a block's records is none. */
static mcl_status refuse(const mcl_csv *csv, const mcl_block *block)
{
    const char *name = mcl_source_name(csv->source);
    const uint64_t line = csv->before + block->line + 1;
    if (block->status != MCL_ERROR_FORMAT)
        return mcl_fail(block->status, "%s: %s", name, block->what);
    return block->column
               ? mcl_fail(MCL_ERROR_FORMAT, "%s: line %" PRIu64 ", column %zu: %s", name, line,
                     block->column, block->what)
               : mcl_fail(MCL_ERROR_FORMAT, "%s: line %" PRIu64 ": %s", name, line, block->what);
}

/* After a block's last record: goes to the next block; *more is false at the end. */
static mcl_status advance(bool *more, mcl_csv *csv)
{
    mcl_block *block = csv->block;
    *more = true;
    if (block->status != MCL_OK)
        return refuse(csv, block);
    csv->before += block->lines;
    csv->record = 0;
    if (block->end < block->filled)
        return join(csv);
    MCL_TRY(next_block(&csv->block, csv));
    *more = csv->block != NULL;
    if (!*more)
        csv->block = block;
    return MCL_OK;
}

/* Undoes doubled quotes. Nobody reads the bytes again. */
static void undouble(mcl_cell *cells, size_t count, char *bytes)
{
    for (size_t i = 0; i < count; i++) {
        mcl_cell *cell = &cells[i];
        char *text = bytes + (cell->text - bytes);
        uint32_t kept = 0;
        if (!cell->doubled)
            continue;
        for (uint32_t c = 0; c < cell->length; c++) {
            text[kept++] = text[c];
            c += text[c] == '"';
        }
        cell->length = kept;
        cell->doubled = false;
    }
}

mcl_status mcl_csv_next(
    const mcl_cell **cells, size_t *count, mcl_csv *csv, const mcl_dialect *dialect)
{
    bool more = true;
    *cells = NULL;
    *count = 0;
    if (!csv->block)
        MCL_TRY(read_head(csv));
    if (!csv->dialect.delimiter) {
        csv->dialect = *dialect;
        MCL_TRY(begin(csv));
    }
    while (csv->record == csv->block->record_count) {
        MCL_TRY(advance(&more, csv));
        if (!more)
            return MCL_OK;
    }
    const mcl_record *record = &csv->block->records[csv->record++];
    if (record->doubled)
        undouble(csv->block->cells + record->first, record->count, csv->block->bytes);
    csv->line = csv->before + record->line + 1;
    *cells = csv->block->cells + record->first;
    *count = record->count;
    return MCL_OK;
}

/* Recognition. */
#define SAMPLE_RECORDS 200

/* What the first records are under a delimiter. */
struct sample {
    size_t columns; /* of the first record */
    size_t alike;   /* records that have as many */
    size_t records;
    size_t numberless; /* records after the first without any number */
};

/* The head's first records under a delimiter, each with its cells. */
static const mcl_record *take_records(size_t *count, mcl_csv *csv, char delimiter, char point)
{
    const mcl_dialect dialect = {.delimiter = delimiter, .point = point};
    mcl_lex_block(&csv->head, &dialect, SAMPLE_RECORDS);
    *count = csv->head.record_count;
    return csv->head.records;
}

static bool has_number(const mcl_cell *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (cells[i].known == MCL_CELL_NUMBER)
            return true;
    }
    return false;
}

static struct sample take_sample(mcl_csv *csv, char delimiter)
{
    struct sample sample = {.columns = 0};
    const mcl_record *records = take_records(&sample.records, csv, delimiter, '.');
    for (size_t r = 0; r < sample.records; r++) {
        const mcl_record *record = &records[r];
        if (r == 0)
            sample.columns = record->count;
        else
            sample.numberless += !has_number(csv->head.cells + record->first, record->count);
        sample.alike += record->count == sample.columns;
    }
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

/* How many cells of the sample are numbers with this mark in them. */
static size_t count_marks(mcl_csv *csv, char delimiter, char mark)
{
    size_t records, count = 0;
    take_records(&records, csv, delimiter, mark);
    for (size_t i = 0; i < csv->head.cell_count; i++) {
        const mcl_cell *cell = &csv->head.cells[i];
        count += cell->known == MCL_CELL_NUMBER && memchr(cell->text, mark, cell->length);
    }
    return count;
}

/* Whether decimals have commas: some cell is a number with one, and none is one with a point. */
static char find_point(mcl_csv *csv, char delimiter)
{
    return delimiter != ',' && count_marks(csv, delimiter, ',') > 0 &&
                   count_marks(csv, delimiter, '.') == 0
               ? ','
               : '.';
}

/* What is known of a column's cells. */
struct look {
    bool number, missing;        /* the first one */
    uint64_t hash;               /* of its text; texts that are taken for equal do no harm here */
    size_t numbers, texts, same; /* of the others */
};

static void look_at(struct look *look, const mcl_cell *cell, bool first)
{
    const bool number = cell->known == MCL_CELL_NUMBER, missing = cell->known == MCL_CELL_MISSING;
    const uint64_t hash = mcl_text_hash(cell->text, cell->length);
    if (first) {
        *look = (struct look){.number = number, .missing = missing, .hash = hash};
        return;
    }
    look->numbers += number;
    look->texts += !number && !missing;
    look->same += hash == look->hash;
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
    size_t records;
    struct look *looks;
    const mcl_record *all = take_records(&records, csv, dialect->delimiter, dialect->point);
    *header = true;
    if (records == 0)
        return MCL_OK;
    const mcl_cell *cells = csv->head.cells;
    const size_t count = all[0].count;
    const bool index = cells[0].length == 0;
    const bool counted = are_counted(cells + index, count - index);
    MCL_TRY(mcl_allocate(&looks, count, sizeof *looks));
    for (size_t r = 0; r < records; r++) {
        for (size_t i = 0; i < all[r].count && i < count; i++)
            look_at(&looks[i], &cells[all[r].first + i], r == 0);
    }
    *header = counted || judge_header(looks, count);
    free(looks);
    return MCL_OK;
}

#define COUNT(list) (sizeof(list) / sizeof *(list))

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
    MCL_TRY(read_head(csv));
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
