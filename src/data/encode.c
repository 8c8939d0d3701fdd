/* SPDX-License-Identifier: Apache-2.0 */
/* A table's cells as encoder inputs, by a schema. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "data/encode.h"
#include "data/schema.h"

#define BLOCK_VALUES                                                                               \
    65536             /* inputs that are encoded before they are added, if a row has not more */
#define FAR 10.0      /* deviations by which numbers of the same kind do not differ */
#define NARROW 0.01   /* deviations by which they differ at least */
#define ROWS_LEAST 20 /* for it */

static uint64_t find_column(const mcl_table *table, const char *name)
{
    return mcl_dictionary_find(mcl_table_names(table), name, strlen(name));
}

static mcl_status categories_of(mcl_strings **categories, const mcl_schema *schema, size_t column)
{
    mcl_strings *created;
    MCL_TRY(mcl_strings_create(&created));
    const char *text;
    for (uint32_t i = 0; (text = mcl_schema_category(schema, column, i)); i++) {
        const mcl_status status = mcl_strings_add(created, text, strlen(text));
        if (status != MCL_OK) {
            mcl_strings_free(created);
            return status;
        }
    }
    *categories = created;
    return MCL_OK;
}

static mcl_status aim(mcl_target *target, const mcl_schema *schema, size_t index)
{
    mcl_strings *categories;
    target->column = mcl_schema_column(schema, index);
    if (target->column.kind != MCL_COLUMN_CATEGORY)
        return MCL_OK;
    MCL_TRY(categories_of(&categories, schema, index));
    const mcl_status status = mcl_lookup_create(&target->lookup, categories);
    mcl_strings_free(categories);
    return status;
}

static mcl_status refuse_missing(
    const mcl_encoding *encoding, mcl_list *missing, const unsigned char *known)
{
    mcl_list others = {.used = 0};
    for (size_t c = 0; c < encoding->columns; c++) {
        if (!known[c])
            mcl_list_add(
                &others, mcl_strings_at(mcl_dictionary_texts(mcl_table_names(encoding->table)), c));
    }
    return mcl_fail(MCL_ERROR_DATA,
        "%s: lacks columns that the model's schema has: %s; left over: %s%s",
        mcl_table_source(encoding->table), mcl_list_text(missing),
        others.count ? mcl_list_text(&others) : "none",
        mcl_table_header(encoding->table) ? "" : " (the file has no header)");
}

/* The columns of the file that the schema does not have. */
static mcl_status note_others(
    mcl_notes *notes, const mcl_encoding *encoding, const unsigned char *known)
{
    mcl_list others = {.used = 0};
    for (size_t c = 0; c < encoding->columns; c++) {
        if (!known[c] && c != encoding->label && c != encoding->id)
            mcl_list_add(
                &others, mcl_strings_at(mcl_dictionary_texts(mcl_table_names(encoding->table)), c));
    }
    return others.count ? mcl_notes_add(notes, "%s: ignored: %s, which the model's schema has not",
                              mcl_table_source(encoding->table), mcl_list_text(&others))
                        : MCL_OK;
}

/* An option may say of a column what the schema says, too. */
static mcl_status check_choice(
    const mcl_encoding *encoding, const mcl_column *column, unsigned char chosen)
{
    char quote[MCL_QUOTE_SIZE];
    const bool input = chosen == MCL_COLUMN_NUMBER || chosen == MCL_COLUMN_CATEGORY;
    const bool was = column->width > 0;
    if (encoding->fitted) /* to these very choices, and to what there is */
        return MCL_OK;
    if (chosen == MCL_CHOICE_NONE || chosen == column->kind || (!input && !was) ||
        chosen == MCL_COLUMN_LABEL || chosen == MCL_COLUMN_ID)
        return MCL_OK;
    return mcl_fail(MCL_ERROR_ARGUMENT,
        "%s: column '%s' is of kind '%s' in the model's schema, and cannot be %s",
        mcl_table_source(encoding->table), mcl_quote(quote, column->name),
        mcl_column_kind_name(column->kind), mcl_column_kind_name((mcl_column_kind)chosen));
}

/* Takes the schema's columns of this kind where options name none. */
static void take_default(
    uint64_t *column, uint64_t found, mcl_column_kind kind, mcl_column_kind wanted)
{
    if (*column == MCL_DICTIONARY_NONE && kind == wanted)
        *column = found;
}

static mcl_status match(mcl_notes *notes, mcl_encoding *encoding, const mcl_column_choices *choices,
    unsigned char *known)
{
    mcl_list missing = {.used = 0};
    for (size_t i = 0; i < mcl_schema_columns(encoding->schema); i++) {
        const mcl_column column = mcl_schema_column(encoding->schema, i);
        const uint64_t found = find_column(encoding->table, column.name);
        if (found == MCL_DICTIONARY_NONE) {
            if (column.width > 0)
                mcl_list_add(&missing, column.name);
            continue;
        }
        known[found] = 1;
        if (column.kind != MCL_COLUMN_NUMBER)
            mcl_table_want_texts(encoding->table, (size_t)found);
        take_default(&encoding->label, found, column.kind, MCL_COLUMN_LABEL);
        take_default(&encoding->id, found, column.kind, MCL_COLUMN_ID);
        MCL_TRY(check_choice(encoding, &column, choices->kinds[found]));
        MCL_TRY(aim(&encoding->targets[found], encoding->schema, i));
    }
    if (missing.count)
        return refuse_missing(encoding, &missing, known);
    return encoding->fitted ? MCL_OK : note_others(notes, encoding, known);
}

static mcl_status refuse_cell(
    const mcl_encoding *encoding, const mcl_target *target, const mcl_cell *cell, const char *what)
{
    char quote[MCL_QUOTE_SIZE], text[MCL_QUOTE_SIZE], shown[MCL_QUOTE_SIZE], place[MCL_PLACE_SIZE];
    const size_t length = cell->length < sizeof text ? cell->length : sizeof text - 1;
    memcpy(text, cell->text, length);
    text[length] = '\0';
    return mcl_fail(MCL_ERROR_DATA, "%s: %s, column '%s': '%s' %s", mcl_table_file(encoding->table),
        mcl_table_place(place, encoding->table), mcl_quote(quote, target->column.name),
        mcl_quote(shown, text), what);
}

static mcl_status encode_number(
    float *row, mcl_target *target, const mcl_encoding *encoding, const mcl_cell *cell)
{
    const mcl_column *column = &target->column;
    double value;
    if (!mcl_cell_number(&value, cell, mcl_table_point(encoding->table))) {
        if (!mcl_cell_missing(cell))
            return refuse_cell(encoding, target, cell,
                mcl_cell_infinite(cell) ? "is infinite; replace or remove it"
                                        : "is no number, and the schema has numbers there");
        if (column->indicator)
            row[column->first + 1] = 1.0f;
        else
            target->missing++;
        return MCL_OK;
    }
    const double used = (value - column->mean) / column->deviation;
    if (!(fabs(used) <= FLT_MAX))
        return refuse_cell(encoding, target, cell, "is too large for float32; scale the column");
    row[column->first] = (float)used;
    if (!encoding->fitted)
        mcl_moments_add(&target->moments, used);
    return MCL_OK;
}

static mcl_status encode_category(float *row, mcl_target *target, const mcl_cell *cell)
{
    const bool missing = mcl_cell_missing(cell);
    uint32_t place;
    MCL_TRY(mcl_lookup_find(&place, target->lookup, cell->text, missing ? 0 : cell->length));
    if (place == MCL_LOOKUP_NONE) {
        place = target->column.categories;
        target->missing += missing;
        if (!missing && target->unknown++ == 0) {
            char text[MCL_QUOTE_SIZE];
            const size_t length = cell->length < sizeof text ? cell->length : sizeof text - 1;
            memcpy(text, cell->text, length);
            text[length] = '\0';
            mcl_quote(target->example, text);
        }
    }
    row[target->column.first + place] = 1.0f;
    return MCL_OK;
}

static mcl_status add_names(mcl_encoding *encoding, const mcl_cell *cells)
{
    if (encoding->label != MCL_DICTIONARY_NONE) {
        const mcl_cell *cell = &cells[encoding->label];
        MCL_TRY(mcl_row_labels_add(
            encoding->labels, mcl_cell_missing(cell) ? NULL : cell->text, cell->length));
    }
    if (encoding->id == MCL_DICTIONARY_NONE)
        return MCL_OK;
    const mcl_cell *cell = &cells[encoding->id];
    return mcl_strings_add(encoding->names, cell->text, cell->length);
}

static mcl_status encode_row(mcl_encoding *encoding, const mcl_cell *cells)
{
    float *row = encoding->block + encoding->filled * encoding->inputs;
    memset(row, 0, (size_t)encoding->inputs * sizeof *row);
    for (size_t c = 0; c < encoding->columns; c++) {
        mcl_target *target = &encoding->targets[c];
        if (target->column.width == 0)
            continue;
        MCL_TRY(target->lookup ? encode_category(row, target, &cells[c])
                               : encode_number(row, target, encoding, &cells[c]));
    }
    return add_names(encoding, cells);
}

static mcl_status flush(mcl_encoding *encoding)
{
    MCL_TRY(mcl_builder_add(encoding->builder, encoding->block, encoding->filled));
    encoding->filled = 0;
    return MCL_OK;
}

static mcl_status encode_rows(mcl_encoding *encoding)
{
    const mcl_cell *cells;
    for (;;) {
        MCL_TRY(mcl_table_next(&cells, encoding->table));
        if (!cells)
            return flush(encoding);
        MCL_TRY(encode_row(encoding, cells));
        if (++encoding->filled == encoding->block_rows)
            MCL_TRY(flush(encoding));
    }
}

/* Whether numbers are of another scale than those of the schema; a mean or deviation of 0 and 1
 * tell nothing, as they may be no measured ones. */
static bool is_far(const mcl_target *target)
{
    const double mean = mcl_moments_mean(&target->moments);
    const double deviation = mcl_moments_deviation(&target->moments);
    const bool narrow =
        target->moments.count >= ROWS_LEAST && target->moments.varies && deviation < NARROW;
    return target->moments.count > 0 &&
           (target->column.mean != 0.0 || target->column.deviation != 1.0) &&
           (sqrt(mean * mean + deviation * deviation) > FAR || narrow);
}

static mcl_status note_column(
    mcl_notes *notes, const mcl_encoding *encoding, const mcl_target *target)
{
    char quote[MCL_QUOTE_SIZE];
    const char *source = mcl_table_source(encoding->table);
    const mcl_column *column = &target->column;
    mcl_quote(quote, column->name);
    if (target->unknown)
        MCL_TRY(mcl_notes_add(notes,
            "%s: column '%s': %" PRIu64 " rows have categories that the model does not know, the "
            "first '%s'",
            source, quote, target->unknown, target->example));
    if (target->missing)
        MCL_TRY(mcl_notes_add(notes,
            "%s: column '%s': %" PRIu64 " rows have no value, and none was missing in training; "
            "they count as %s",
            source, quote, target->missing, target->lookup ? "an unknown category" : "the mean"));
    if (column->kind == MCL_COLUMN_NUMBER && is_far(target))
        MCL_TRY(mcl_notes_add(notes,
            "%s: column '%s': its mean is %.4g and its deviation %.3g; they were %.4g and %.3g in "
            "training: is it in another unit?",
            source, quote, column->mean + column->deviation * mcl_moments_mean(&target->moments),
            column->deviation * mcl_moments_deviation(&target->moments), column->mean,
            column->deviation));
    return MCL_OK;
}

static mcl_status note_columns(mcl_notes *notes, const mcl_encoding *encoding)
{
    char quote[MCL_QUOTE_SIZE];
    for (size_t c = 0; c < encoding->columns; c++) {
        if (encoding->targets[c].column.width > 0)
            MCL_TRY(note_column(notes, encoding, &encoding->targets[c]));
    }
    if (encoding->label == MCL_DICTIONARY_NONE ||
        encoding->targets[encoding->label].column.width == 0)
        return MCL_OK;
    return mcl_notes_add(notes,
        "%s: column '%s' is the label, and an input of the model, too, which thus sees the answer",
        mcl_table_source(encoding->table),
        mcl_quote(quote, encoding->targets[encoding->label].column.name));
}

static mcl_status give_labels(
    mcl_data *data, const mcl_encoding *encoding, const mcl_data_options *options)
{
    mcl_strings *classes = NULL;
    if (encoding->label == MCL_DICTIONARY_NONE)
        return MCL_OK;
    const char *name =
        mcl_strings_at(mcl_dictionary_texts(mcl_table_names(encoding->table)), encoding->label);
    for (size_t i = 0; i < mcl_schema_columns(encoding->schema) && !classes; i++) {
        const mcl_column column = mcl_schema_column(encoding->schema, i);
        if (column.kind == MCL_COLUMN_LABEL && strcmp(column.name, name) == 0)
            MCL_TRY(categories_of(&classes, encoding->schema, i));
    }
    const mcl_status status = mcl_row_labels_give(data, encoding->labels, options->like, classes);
    mcl_strings_free(classes);
    return status;
}

static mcl_status finish(
    mcl_data **data, mcl_notes *notes, mcl_encoding *encoding, const mcl_data_options *options)
{
    mcl_data *created = NULL;
    MCL_TRY(note_columns(notes, encoding));
    MCL_TRY(mcl_builder_finish(&created, encoding->builder));
    const mcl_status status = give_labels(created, encoding, options);
    if (status != MCL_OK) {
        mcl_data_free(created);
        return status;
    }
    if (encoding->id != MCL_DICTIONARY_NONE) {
        mcl_data_set_names(created, encoding->names);
        encoding->names = NULL;
    }
    *data = created;
    return MCL_OK;
}

static mcl_status prepare(mcl_notes *notes, mcl_encoding *encoding, const mcl_kept *kept,
    const mcl_column_choices *choices, const mcl_data_options *options)
{
    unsigned char *known;
    MCL_TRY(mcl_allocate(&encoding->targets, encoding->columns, sizeof *encoding->targets));
    MCL_TRY(mcl_allocate(&known, encoding->columns, 1));
    const mcl_status status = match(notes, encoding, choices, known);
    free(known);
    MCL_TRY(status);
    const mcl_row_plan plan = {.element = MCL_ELEMENT_FLOAT32,
        .shape = {encoding->inputs},
        .dimensions = 1,
        .rows = kept ? mcl_kept_rows(kept) : 0,
        .host_memory = options->host_memory,
        .source = mcl_table_source(encoding->table)};
    encoding->block_rows = encoding->inputs < BLOCK_VALUES ? BLOCK_VALUES / encoding->inputs : 1;
    MCL_TRY(mcl_allocate(
        &encoding->block, encoding->block_rows * encoding->inputs, sizeof *encoding->block));
    MCL_TRY(mcl_row_labels_create(&encoding->labels, mcl_table_point(encoding->table)));
    MCL_TRY(mcl_strings_create(&encoding->names));
    return mcl_builder_create(&encoding->builder, &plan);
}

mcl_status mcl_table_encode(mcl_data **data, mcl_notes *notes, mcl_table *table,
    const mcl_schema *schema, bool fitted, const mcl_kept *kept, const mcl_column_choices *choices,
    const mcl_data_options *options)
{
    mcl_encoding encoding = {.table = table,
        .schema = schema,
        .columns = mcl_table_columns(table),
        .label = choices->label,
        .id = choices->id,
        .fitted = fitted,
        .inputs = mcl_schema_inputs(schema)};
    mcl_status status = prepare(notes, &encoding, kept, choices, options);
    if (status == MCL_OK)
        status = kept ? mcl_encode_kept(&encoding, kept) : encode_rows(&encoding);
    if (status == MCL_OK)
        status = finish(data, notes, &encoding, options);
    for (size_t c = 0; encoding.targets && c < encoding.columns; c++)
        mcl_lookup_free(encoding.targets[c].lookup);
    free(encoding.targets);
    free(encoding.block);
    mcl_builder_free(encoding.builder);
    mcl_row_labels_free(encoding.labels);
    mcl_strings_free(encoding.names);
    return status;
}
