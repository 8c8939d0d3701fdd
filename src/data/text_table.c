/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that are text: recognizing and opening them. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/data.h"
#include "data/schema.h"
#include "data/table.h"

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

/* Whether the first bytes are text, in whichever encoding has ASCII in it. */
static bool recognize(const mcl_opening *opening)
{
    size_t letters = 0;
    if (!opening->source || opening->byte_count == 0)
        return false;
    for (size_t i = 0; i < opening->byte_count; i++) {
        const unsigned char byte = opening->bytes[i];
        if ((byte < ' ' && !(byte && strchr("\t\r\n\f", byte))) || byte == 0x7F)
            return false;
        letters += byte < 0x80;
    }
    return 4 * letters >= opening->byte_count;
}

static mcl_status refuse_others(const mcl_opening *opening)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const size_t length = strlen(others[i].start);
        if (opening->byte_count >= length && memcmp(opening->bytes, others[i].start, length) == 0)
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
    if (fitted) {
        MCL_TRY(mcl_table_infer(schema, notes, table, choices, options));
        MCL_TRY(mcl_table_rewind(table));
    } else {
        MCL_TRY(mcl_schema_copy(schema, options->schema));
    }
    return mcl_table_encode(data, notes, table, *schema, fitted, choices, options);
}

static mcl_status open_table(mcl_data **data, const mcl_opening *opening)
{
    mcl_table *table;
    mcl_column_choices choices;
    mcl_notes notes = {NULL};
    mcl_schema *schema = NULL;
    MCL_TRY(refuse_others(opening));
    MCL_TRY(mcl_table_open(&table, opening));
    mcl_status status = mcl_table_choices(&choices, table, opening->options);
    if (status == MCL_OK) {
        status = read(data, &notes, &schema, table, &choices, opening->options);
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

const mcl_holder mcl_holder_table = {
    .name = "CSV and TSV", .recognize = recognize, .open = open_table};
