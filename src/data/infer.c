/* SPDX-License-Identifier: Apache-2.0 */
/* What the columns of a table are, by all of their cells; docs/data.md has the rules. Sums are of
 * differences to a column's first number, compensated (Neumaier's algorithm), in the order of the
 * rows. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/host_memory.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "data/schema.h"
#include "data/sums.h"
#include "data/table.h"
#include "data/texts.h"

#define CATEGORIES_MOST 1000    /* of a column that nobody has called categorical */
#define CATEGORIES_CHOSEN 65536 /* of one that options have */
#define ROWS_LEAST 20           /* below it different texts and counting numbers are by chance */
#define KEPT 4                  /* of it may be taken by cells that are kept */
#define NUMBERS_MOST 20         /* different ones among texts, unless they are fewer than those */

enum state {
    OPEN, /* only missing values were seen */
    NUMBERS,
    TEXTS,
    PASSED, /* it is not looked at */
};

struct facts {
    enum state state;
    mcl_moments moments;
    uint64_t missing;
    uint64_t texts;                  /* cells */
    bool counts;                     /* each number is the one of the row before and 1 */
    uint64_t first_row;              /* that has a number */
    char text_place[MCL_PLACE_SIZE]; /* of the first text among numbers; "": none */
    const char *text_file;
    char text[MCL_QUOTE_SIZE];
    mcl_dictionary *different; /* of texts; NULL: none yet */
    bool overflow;             /* there are more */
    uint64_t most;             /* of them that are kept */
};

/* Why a column that could be an input is none. */
enum reason {
    USED,
    EMPTY,
    CONSTANT,
    COUNTING,
    DIFFERENT,
    MANY,
    DATES,
    REASONS,
};

static const char *const reasons[REASONS] = {
    [EMPTY] = "have no values",
    [CONSTANT] = "have the same value in every row",
    [COUNTING] = "count the rows; to use one all the same, name it in `numeric`",
    [DIFFERENT] = "have another text in every row; one of them may be named as `id`, or as "
                  "`categorical` to be used all the same",
    [MANY] = "have more than 1000 different texts; to use one all the same, name it in "
             "`categorical`",
    [DATES] = "have dates or times; to use one, make numbers of it, such as days since the first "
              "one or the month, or name it in `categorical`",
};

struct inference {
    mcl_table *table;
    const mcl_column_choices *choices;
    const mcl_data_options *options;
    struct facts *facts;    /* [columns] */
    unsigned char *reasons; /* [columns] */
    size_t columns;
    uint64_t rows;
    char point;
    mcl_kept *kept; /* NULL: nothing is */
};

static const char *name_of(const struct inference *inference, size_t column)
{
    return mcl_strings_at(mcl_dictionary_texts(mcl_table_names(inference->table)), column);
}

/* *index = the number of the text among the different ones; NONE where they are too many. */
static mcl_status add_text(uint64_t *index, struct facts *facts, const mcl_cell *cell)
{
    *index = MCL_DICTIONARY_NONE;
    facts->texts++;
    if (facts->overflow)
        return MCL_OK;
    if (!facts->different)
        MCL_TRY(mcl_dictionary_create(&facts->different));
    const uint64_t hash = cell->known == MCL_CELL_TEXT && cell->hash
                              ? cell->hash
                              : mcl_text_hash(cell->text, cell->length);
    MCL_TRY(mcl_dictionary_add_hashed(
        index, facts->different, cell->text, cell->length, hash, facts->most));
    facts->overflow = *index == MCL_DICTIONARY_NONE;
    return MCL_OK;
}

static void add_number(struct facts *facts, double value, uint64_t row)
{
    if (facts->moments.count == 0)
        facts->first_row = row;
    facts->counts = facts->moments.count == 0
                        ? value == rint(value)
                        : facts->counts && facts->missing == 0 &&
                              value == facts->moments.first + (double)(row - facts->first_row);
    mcl_moments_add(&facts->moments, value);
}

static mcl_status add_kept_text(uint64_t *kept, struct facts *facts, const mcl_cell *cell)
{
    uint64_t index;
    MCL_TRY(add_text(&index, facts, cell));
    if (kept)
        *kept = mcl_kept_text(index);
    return MCL_OK;
}

/* Keeps the first text of a column, with its place. */
static void note_text(struct facts *facts, const struct inference *inference, const mcl_cell *cell)
{
    char text[MCL_QUOTE_SIZE];
    const size_t length = cell->length < sizeof text ? cell->length : sizeof text - 1;
    if (facts->text_place[0])
        return;
    memcpy(text, cell->text, length);
    text[length] = '\0';
    mcl_quote(facts->text, text);
    mcl_table_place(facts->text_place, inference->table);
    facts->text_file = mcl_table_file(inference->table);
}

/* A cell of a column of numbers that is none. */
static mcl_status add_other(uint64_t *kept, struct facts *facts, const struct inference *inference,
    const mcl_cell *cell, size_t column)
{
    char quote[MCL_QUOTE_SIZE], place[MCL_PLACE_SIZE];
    if (mcl_cell_infinite(cell) &&
        (facts->moments.count > 0 || inference->choices->kinds[column] == MCL_COLUMN_NUMBER))
        return mcl_fail(MCL_ERROR_DATA, "%s: %s, column '%s': is infinite; replace or remove it",
            mcl_table_file(inference->table), mcl_table_place(place, inference->table),
            mcl_quote(quote, name_of(inference, column)));
    note_text(facts, inference, cell);
    if (facts->moments.count == 0 && inference->choices->kinds[column] != MCL_COLUMN_NUMBER) {
        facts->state = TEXTS;
        return add_kept_text(kept, facts, cell);
    }
    facts->texts++;
    return MCL_OK;
}

/* kept: the cell's place among what is kept; NULL: nothing is. */
static mcl_status add_cell(uint64_t *kept, struct facts *facts, const struct inference *inference,
    const mcl_cell *cell, size_t column)
{
    double value;
    if (facts->state == TEXTS && !mcl_cell_missing(cell))
        return add_kept_text(kept, facts, cell);
    if (facts->state != TEXTS && mcl_cell_number(&value, cell, inference->point)) {
        facts->state = NUMBERS;
        add_number(facts, value, inference->rows);
        if (kept)
            *kept = mcl_kept_number(value);
        return MCL_OK;
    }
    if (kept)
        *kept = MCL_KEPT_MISSING;
    if (!mcl_cell_missing(cell))
        return add_other(kept, facts, inference, cell, column);
    facts->missing++;
    return MCL_OK;
}

/* The places of the row's cells among what is kept; NULL where nothing is. */
static uint64_t *keep_row(struct inference *inference)
{
    uint64_t *row = inference->kept ? mcl_kept_row(inference->kept, inference->rows) : NULL;
    if (!row) {
        mcl_kept_free(inference->kept);
        inference->kept = NULL;
    }
    return row;
}

/* Whether the schema is fitted to the present row. The names of classes are those of all rows. */
static bool is_fitted(const struct inference *inference)
{
    const mcl_data_options *options = inference->options;
    return !options->fit_to || options->fit_to(inference->rows, options->fit_user);
}

static mcl_status look_at_rows(struct inference *inference)
{
    const mcl_cell *cells;
    inference->rows = 0;
    for (;;) {
        MCL_TRY(mcl_table_next(&cells, inference->table));
        if (!cells)
            return MCL_OK;
        uint64_t *kept = keep_row(inference);
        const bool fitted = is_fitted(inference);
        for (size_t c = 0; c < inference->columns; c++) {
            struct facts *facts = &inference->facts[c];
            if (!fitted && c != inference->choices->label)
                continue;
            if (facts->state <= NUMBERS && cells[c].known == MCL_CELL_NUMBER) {
                facts->state = NUMBERS;
                add_number(facts, cells[c].number, inference->rows);
                if (kept)
                    kept[c] = mcl_kept_number(cells[c].number);
            } else if (facts->state != PASSED) {
                MCL_TRY(add_cell(kept ? &kept[c] : NULL, facts, inference, &cells[c], c));
            }
        }
        inference->rows++;
    }
}

static mcl_status refuse_text(
    const struct inference *inference, size_t column, const char *what, const char *advice)
{
    char quote[MCL_QUOTE_SIZE];
    const struct facts *facts = &inference->facts[column];
    return mcl_fail(MCL_ERROR_DATA, "%s: %s, column '%s': '%s' %s; %s", facts->text_file,
        facts->text_place, mcl_quote(quote, name_of(inference, column)), facts->text, what, advice);
}

/* After the first pass: which columns have texts among numbers, so that those numbers are texts,
 * too. They alone are looked at again. */
static mcl_status find_mixed(bool *any, struct inference *inference)
{
    *any = false;
    for (size_t c = 0; c < inference->columns; c++) {
        const struct facts *facts = &inference->facts[c];
        const bool mixed = facts->state != TEXTS && facts->state != PASSED && facts->texts > 0;
        if (mixed && inference->choices->kinds[c] == MCL_COLUMN_NUMBER)
            return refuse_text(inference, c, "is no number, as `numeric` has it",
                "correct or empty it, or leave the column out of `numeric`");
        *any = *any || mixed;
    }
    return MCL_OK;
}

static mcl_status look_again(struct inference *inference)
{
    enum state *states;
    MCL_TRY(mcl_allocate(&states, inference->columns, sizeof *states));
    for (size_t c = 0; c < inference->columns; c++) {
        struct facts *facts = &inference->facts[c];
        states[c] = facts->state;
        if (facts->state == NUMBERS && facts->texts > 0) {
            facts->texts = facts->missing = 0;
            states[c] = facts->state = TEXTS;
        } else {
            facts->state = PASSED;
        }
    }
    mcl_status status = mcl_table_rewind(inference->table);
    if (status == MCL_OK)
        status = look_at_rows(inference);
    for (size_t c = 0; c < inference->columns; c++)
        inference->facts[c].state = states[c];
    free(states);
    return status;
}

/* Whether all different texts that are known pass a test. */
static bool all_texts(const struct facts *facts, bool (*test)(const char *text, size_t length))
{
    const mcl_strings *texts = mcl_dictionary_texts(facts->different);
    for (uint64_t i = 0; i < mcl_strings_count(texts); i++) {
        const char *text = mcl_strings_at(texts, i);
        if (!test(text, strlen(text)))
            return false;
    }
    return true;
}

/* Texts among numbers: numbers that have separators, or something that is out of place. */
static mcl_status check_mixed(mcl_notes *notes, const struct inference *inference, size_t column)
{
    char quote[MCL_QUOTE_SIZE];
    const struct facts *facts = &inference->facts[column];
    const mcl_strings *texts = mcl_dictionary_texts(facts->different);
    const uint64_t count = mcl_strings_count(texts);
    uint64_t numbers = 0, formatted = 0;
    for (uint64_t i = 0; i < count; i++) {
        const char *text = mcl_strings_at(texts, i);
        const mcl_cell cell = {.text = text, .length = (uint32_t)strlen(text)};
        double value;
        if (mcl_cell_number(&value, &cell, mcl_table_point(inference->table)))
            numbers++;
        else
            formatted += mcl_is_formatted_number(text, cell.length);
    }
    if (formatted > 0 && numbers + formatted == count)
        return refuse_text(inference, column, "is a number with separators or a unit",
            "write numbers as 1234.5, or name the column in `ignore` or `categorical`");
    if (numbers > NUMBERS_MOST && numbers > count - numbers)
        return refuse_text(inference, column, "is no number, as most of the column are",
            "correct or empty it, or name the column in `ignore` or `categorical`");
    if (numbers < 3 || numbers <= count - numbers)
        return MCL_OK;
    return mcl_notes_add(notes,
        "%s: %s: column '%s' is taken for categories, as '%s' is no number, though most of the "
        "column are; correct or empty it to have numbers, or name the column in `categorical`",
        facts->text_file, facts->text_place, mcl_quote(quote, name_of(inference, column)),
        facts->text);
}

static mcl_status judge_texts(
    enum reason *reason, mcl_notes *notes, const struct inference *inference, size_t column)
{
    const struct facts *facts = &inference->facts[column];
    const bool chosen = inference->choices->kinds[column] == MCL_COLUMN_CATEGORY;
    const uint64_t different = mcl_strings_count(mcl_dictionary_texts(facts->different));
    char quote[MCL_QUOTE_SIZE];
    *reason = USED;
    if (chosen && facts->overflow)
        return mcl_fail(MCL_ERROR_DATA,
            "%s: column '%s' has more than %d categories; name it in `ignore`",
            mcl_table_source(inference->table), mcl_quote(quote, name_of(inference, column)),
            CATEGORIES_CHOSEN);
    if (chosen)
        return MCL_OK;
    MCL_TRY(check_mixed(notes, inference, column));
    if (all_texts(facts, mcl_is_date))
        *reason = DATES;
    else if (different == facts->texts && facts->texts >= ROWS_LEAST)
        *reason = DIFFERENT;
    else if (facts->overflow)
        *reason = MANY;
    else if (different == 1 && facts->missing == 0)
        *reason = CONSTANT;
    return MCL_OK;
}

static mcl_status judge(
    enum reason *reason, mcl_notes *notes, const struct inference *inference, size_t column)
{
    const struct facts *facts = &inference->facts[column];
    const bool chosen = inference->choices->kinds[column] == MCL_COLUMN_NUMBER;
    *reason = USED;
    if (facts->state == TEXTS && facts->texts > 0)
        return judge_texts(reason, notes, inference, column);
    if (facts->state != NUMBERS)
        *reason = EMPTY;
    else if (!facts->moments.varies && facts->missing == 0)
        *reason = CONSTANT;
    else if (facts->counts && facts->missing == 0 && inference->rows >= ROWS_LEAST && !chosen)
        *reason = COUNTING;
    return MCL_OK;
}

/* Lines that say which columns are no inputs, and why. */
static mcl_status note_reasons(mcl_notes *notes, const struct inference *inference)
{
    for (int reason = USED + 1; reason < REASONS; reason++) {
        mcl_list list = {.used = 0};
        for (size_t c = 0; c < inference->columns; c++) {
            if (inference->reasons[c] == reason)
                mcl_list_add(&list, name_of(inference, c));
        }
        if (list.count)
            MCL_TRY(mcl_notes_add(notes, "%s: ignored: %s, which %s",
                mcl_table_source(inference->table), mcl_list_text(&list), reasons[reason]));
    }
    return MCL_OK;
}

/* The deviation of all columns together about their own means. */
static double common_deviation(const struct inference *inference)
{
    double sum = 0.0, count = 0.0;
    for (size_t c = 0; c < inference->columns; c++) {
        const mcl_moments *moments = &inference->facts[c].moments;
        if (inference->facts[c].state != NUMBERS || inference->reasons[c] != USED ||
            inference->choices->kinds[c] == MCL_COLUMN_IGNORED)
            continue;
        const double deviation = mcl_moments_deviation(moments);
        sum += deviation * deviation * (double)moments->count;
        count += (double)moments->count;
    }
    return count > 0.0 && sum > 0.0 ? sqrt(sum / count) : 1.0;
}

static mcl_status describe_number(
    mcl_column *column, const struct inference *inference, size_t index, double common)
{
    const struct facts *facts = &inference->facts[index];
    const double mean = mcl_moments_mean(&facts->moments);
    const double deviation = mcl_moments_deviation(&facts->moments);
    char quote[MCL_QUOTE_SIZE];
    if (!isfinite(mean) || !isfinite(deviation))
        return mcl_fail(MCL_ERROR_DATA,
            "%s: column '%s' has numbers too large for sums of their squares; scale it",
            mcl_table_source(inference->table), mcl_quote(quote, column->name));
    if (facts->moments.varies && !(deviation > 0.0))
        return mcl_fail(MCL_ERROR_DATA,
            "%s: column '%s' has differences too small for their squares; scale it",
            mcl_table_source(inference->table), mcl_quote(quote, column->name));
    column->kind = MCL_COLUMN_NUMBER;
    column->indicator = facts->missing > 0;
    switch (inference->options->standardize) {
    case MCL_STANDARDIZE_NONE:
        column->deviation = 1.0;
        return MCL_OK;
    case MCL_STANDARDIZE_CENTER:
        column->mean = mean;
        column->deviation = common;
        return MCL_OK;
    default:
        column->mean = mean;
        column->deviation = deviation > 0.0 ? deviation : 1.0;
        return MCL_OK;
    }
}

/* point: of numbers. Labels that are no classes are not listed. */
static mcl_status add_categories(
    mcl_schema *schema, mcl_column *column, const struct facts *facts, char point)
{
    mcl_strings *sorted;
    const mcl_strings *texts = facts->different ? mcl_dictionary_texts(facts->different) : NULL;
    const bool label = column->kind == MCL_COLUMN_LABEL;
    MCL_TRY(mcl_texts_sorted(&sorted, texts, label, !label && facts->missing > 0));
    const bool listed = !label || (mcl_strings_count(sorted) <= CATEGORIES_CHOSEN &&
                                      !mcl_texts_are_targets(sorted, point));
    const mcl_status status = mcl_schema_add(schema, column, listed ? sorted : NULL);
    mcl_strings_free(sorted);
    return status;
}

static mcl_status add_column(
    mcl_schema *schema, const struct inference *inference, size_t index, double common)
{
    const struct facts *facts = &inference->facts[index];
    const unsigned char chosen = inference->choices->kinds[index];
    mcl_column column = {.name = name_of(inference, index), .kind = MCL_COLUMN_IGNORED};
    if (chosen == MCL_COLUMN_LABEL || chosen == MCL_COLUMN_ID || chosen == MCL_COLUMN_IGNORED)
        column.kind = (mcl_column_kind)chosen;
    else if (inference->reasons[index] == USED && facts->state == TEXTS)
        column.kind = MCL_COLUMN_CATEGORY;
    else if (inference->reasons[index] == USED)
        MCL_TRY(describe_number(&column, inference, index, common));
    return column.kind == MCL_COLUMN_CATEGORY || column.kind == MCL_COLUMN_LABEL
               ? add_categories(schema, &column, facts, inference->point)
               : mcl_schema_add(schema, &column, NULL);
}

static mcl_status make_schema(mcl_schema **schema, const struct inference *inference)
{
    mcl_schema *created;
    const double common = common_deviation(inference);
    MCL_TRY(mcl_schema_create(&created));
    mcl_status status = MCL_OK;
    for (size_t c = 0; c < inference->columns && status == MCL_OK; c++)
        status = add_column(created, inference, c, common);
    if (status == MCL_OK && mcl_schema_inputs(created) == 0)
        status = mcl_fail(MCL_ERROR_DATA,
            "%s: has no column that could be an input, in %" PRIu64
            " rows: all are ignored, or are the same in every row%s",
            mcl_table_source(inference->table), inference->rows,
            inference->options->fit_to ? " that is trained on" : "");
    if (status == MCL_OK)
        *schema = created;
    else
        mcl_schema_free(created);
    return status;
}

static void begin(struct inference *inference)
{
    for (size_t c = 0; c < inference->columns; c++) {
        struct facts *facts = &inference->facts[c];
        facts->most = CATEGORIES_MOST;
        switch (inference->choices->kinds[c]) {
        case MCL_COLUMN_CATEGORY:
            facts->state = TEXTS;
            facts->most = CATEGORIES_CHOSEN;
            break;
        case MCL_COLUMN_LABEL:
            facts->state = TEXTS;
            facts->most = MCL_LABEL_MAX;
            break;
        case MCL_COLUMN_ID:
        case MCL_COLUMN_IGNORED:
            facts->state = PASSED;
            break;
        default:
            break;
        }
    }
}

static mcl_status infer(mcl_schema **schema, mcl_notes *notes, struct inference *inference)
{
    bool mixed = false;
    begin(inference);
    /* Without standardization numbers may be too large for float32, which is told with the line;
     * and of rows that are not fitted nothing is known. */
    if (inference->choices->id == MCL_DICTIONARY_NONE && !inference->options->fit_to &&
        inference->options->standardize != MCL_STANDARDIZE_NONE)
        MCL_TRY(mcl_kept_create(&inference->kept, inference->columns,
            mcl_host_memory_allowed(inference->options->host_memory) / KEPT));
    MCL_TRY(look_at_rows(inference));
    if (inference->rows == 0)
        return mcl_fail(MCL_ERROR_DATA, "%s: holds no rows%s", mcl_table_source(inference->table),
            mcl_table_header(inference->table) ? " below its header" : "");
    MCL_TRY(find_mixed(&mixed, inference));
    if (mixed)
        MCL_TRY(look_again(inference));
    for (size_t c = 0; c < inference->columns; c++) {
        enum reason reason = USED;
        const unsigned char chosen = inference->choices->kinds[c];
        if (chosen == MCL_CHOICE_NONE || chosen == MCL_COLUMN_CATEGORY ||
            chosen == MCL_COLUMN_NUMBER)
            MCL_TRY(judge(&reason, notes, inference, c));
        inference->reasons[c] = (unsigned char)reason;
    }
    MCL_TRY(note_reasons(notes, inference));
    return make_schema(schema, inference);
}

mcl_status mcl_table_infer(mcl_schema **schema, mcl_kept **kept, mcl_notes *notes, mcl_table *table,
    const mcl_column_choices *choices, const mcl_data_options *options)
{
    struct inference inference = {.table = table,
        .choices = choices,
        .options = options,
        .columns = mcl_table_columns(table),
        .point = mcl_table_point(table)};
    MCL_TRY(mcl_allocate(&inference.facts, inference.columns, sizeof *inference.facts));
    mcl_status status =
        mcl_allocate(&inference.reasons, inference.columns, sizeof *inference.reasons);
    if (status == MCL_OK)
        status = infer(schema, notes, &inference);
    for (size_t c = 0; c < inference.columns; c++) {
        if (inference.kept)
            mcl_kept_set_texts(inference.kept, c, inference.facts[c].different);
        else
            mcl_dictionary_free(inference.facts[c].different);
    }
    free(inference.facts);
    free(inference.reasons);
    if (status == MCL_OK)
        *kept = inference.kept;
    else
        mcl_kept_free(inference.kept);
    return status;
}
