/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that are text: recognizing and opening them. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "data/data.h"
#include "data/schema.h"
#include "data/table.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* Beginnings of text that is no table, and what to do with it. */
static const struct {
    const char *start;
    const char *advice;
} others[] = {
    {"<!DOCTYPE", "is an HTML page, as when a download has failed"},
    {"<!doctype", "is an HTML page, as when a download has failed"},
    {"<html", "is an HTML page, as when a download has failed"},
    {"<?xml", "is XML; save pandas.read_xml(path).to_csv(name, index=False)"},
    {"{", "is JSON; save pandas.read_json(path).to_csv(name, index=False)"},
    {"[{", "is JSON; save pandas.read_json(path).to_csv(name, index=False)"},
    {"[[", "is JSON; save numpy.asarray(json.load(open(path))) with numpy.save()"},
    {"%PDF", "is a PDF document"},
    {"version https://git-lfs", "is a pointer of Git LFS; git lfs pull brings the file"},
    {"@relation", "is ARFF; save pandas.DataFrame(scipy.io.arff.loadarff(path)[0]).to_csv(name)"},
    {"@RELATION", "is ARFF; save pandas.DataFrame(scipy.io.arff.loadarff(path)[0]).to_csv(name)"},
};

/* Beginnings of formats that are no text, though their first bytes may be. */
static const char *const binary[] = {"BZh", "PAR1", "FEA1", "ARROW1", "MATLAB"};

static bool starts_with(const mcl_opening *opening, const char *start)
{
    const size_t length = strlen(start);
    return opening->byte_count >= length && memcmp(opening->bytes, start, length) == 0;
}

/* Whether text can begin so: with ASCII, or with a whole character of UTF-8. */
static bool begins_as_text(const mcl_opening *opening)
{
    const unsigned char first = opening->bytes[0];
    const size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    return opening->byte_count >= length && mcl_is_utf8((const char *)opening->bytes, length);
}

static bool is_control(unsigned char byte)
{
    return (byte < ' ' && !(byte && strchr("\t\r\n\f", byte))) || byte == 0x7F;
}

/* Whether the first bytes are text, in whichever encoding has ASCII in it. */
static bool recognize(const mcl_opening *opening)
{
    if (!opening->source || opening->byte_count == 0 || !begins_as_text(opening))
        return false;
    for (size_t i = 0; i < COUNT(binary); i++) {
        if (starts_with(opening, binary[i]))
            return false;
    }
    for (size_t i = 0; i < opening->byte_count; i++) {
        if (is_control(opening->bytes[i]))
            return false;
    }
    return true;
}

static mcl_status refuse_others(const mcl_opening *opening)
{
    for (size_t i = 0; i < COUNT(others); i++) {
        if (starts_with(opening, others[i].start))
            return mcl_fail(
                MCL_ERROR_FORMAT, "%s: %s", mcl_source_name(opening->source), others[i].advice);
    }
    return opening->member
               ? mcl_fail(MCL_ERROR_FORMAT, "%s: is a text table, which has no '%s' in it",
                     mcl_source_name(opening->source), opening->member)
               : MCL_OK;
}

/* Gives *data all that goes with it; schema is the data's from then on. */
static mcl_status read(mcl_data **data, mcl_notes *notes, mcl_schema **schema, mcl_table *table,
    const mcl_column_choices *choices, const mcl_data_options *options)
{
    const bool fitted = !options->schema;
    mcl_kept *kept = NULL;
    mcl_status status = fitted ? mcl_table_infer(schema, &kept, notes, table, choices, options)
                               : mcl_schema_copy(schema, options->schema);
    if (status == MCL_OK && fitted && !kept)
        status = mcl_table_rewind(table);
    if (status == MCL_OK)
        status = mcl_table_encode(data, notes, table, *schema, fitted, kept, choices, options);
    mcl_kept_free(kept);
    return status;
}

mcl_status mcl_table_data(mcl_data **data, mcl_table *table, const mcl_data_options *options)
{
    mcl_column_choices choices;
    mcl_notes notes = {NULL};
    mcl_schema *schema = NULL;
    mcl_status status = mcl_table_choices(&choices, table, options);
    if (status == MCL_OK) {
        status = read(data, &notes, &schema, table, &choices, options);
        free(choices.kinds);
    }
    mcl_table_close(table);
    if (status != MCL_OK) {
        mcl_schema_free(schema);
        free(notes.text);
        return status;
    }
    mcl_data_set_schema(*data, schema);
    mcl_data_set_warning(*data, notes.text);
    return MCL_OK;
}

static mcl_status open_table(mcl_data **data, const mcl_opening *opening)
{
    mcl_table *table;
    MCL_TRY(refuse_others(opening));
    MCL_TRY(mcl_table_open(&table, opening));
    return mcl_table_data(data, table, opening->options);
}

const mcl_holder mcl_holder_table = {
    .name = "CSV and TSV", .recognize = recognize, .open = open_table};
