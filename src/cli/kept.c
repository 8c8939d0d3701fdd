/* SPDX-License-Identifier: Apache-2.0 */
#include "kept.h"

#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "data_options.h"
#include "files.h"

struct column {
    char *name;
    bool is_label;    /* the classes of source; else its rows' names */
    mcl_data *opened; /* a reading of its own; NULL: none */
    const mcl_data *source;
};

struct mcl_kept_columns {
    struct column *columns;
    size_t count;
};

/* The kind of a column in the schema by which the rows were made; false where there is none. */
static bool find_kind(mcl_column_kind *kind, const mcl_data *data, const char *name)
{
    const mcl_schema *schema = mcl_data_schema(data);
    for (size_t i = 0; i < mcl_schema_columns(schema); i++) {
        const mcl_column column = mcl_schema_column(schema, i);
        if (strcmp(column.name, name) == 0) {
            *kind = column.kind;
            return true;
        }
    }
    return false;
}

static mcl_exit complain_of_no_table(const char *path)
{
    return mcl_complain(MCL_EXIT_USAGE, "--keep: %s is no table, and has no columns", path);
}

/* The library speaks of the option by which the column is read here, which nobody has typed. */
static mcl_exit complain_of_reading(void)
{
    static const char option[] = "`id`: ";
    const char *message = mcl_error_message();
    const char *found = strstr(message, option);
    const int before = found ? (int)(found - message) : 0;
    return mcl_complain(MCL_EXIT_FAILED, "--keep: %.*s%s", before, message,
        found ? found + strlen(option) : message);
}

/* Reads the files once more, so that the column is what the rows are called. */
static mcl_exit read_again(struct column *column, const char *const *paths, size_t count,
    const mcl_data_options *options, uint64_t rows)
{
    mcl_data_options reading = *options;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(paths[i], "-") == 0)
            return mcl_complain(MCL_EXIT_USAGE,
                "--keep: %s: standard input cannot be read twice; of it the columns of --id and "
                "--label can be kept",
                column->name);
    }
    reading.id = column->name;
    reading.label = NULL;
    reading.schema = NULL;
    if (mcl_data_open_all(&column->opened, paths, count, &reading) != MCL_OK)
        return complain_of_reading();
    column->source = column->opened;
    if (!mcl_data_row_name(column->opened, 0)) /* an array whose columns are standardized */
        return complain_of_no_table(*paths);
    return mcl_data_rows(column->opened) == rows
               ? MCL_EXIT_DONE
               : mcl_complain(MCL_EXIT_FAILED, "--keep: %s has changed while it was read", *paths);
}

/* Whether the rows are called by this column: it was named as that, or a schema says so. */
static bool names_rows(
    const mcl_data *data, const mcl_data_options *options, const char *name, mcl_column_kind kind)
{
    if (!mcl_data_row_name(data, 0))
        return false;
    return options->id ? strcmp(options->id, name) == 0 : kind == MCL_COLUMN_ID;
}

static mcl_exit add(mcl_kept_columns *kept, const char *name, size_t length, const mcl_data *data,
    const char *const *paths, size_t count, const mcl_data_options *options)
{
    struct column *columns = realloc(kept->columns, (kept->count + 1) * sizeof *columns);
    mcl_column_kind kind = MCL_COLUMN_IGNORED;
    if (!columns)
        return mcl_complain(MCL_EXIT_FAILED, "the host has no memory left");
    kept->columns = columns;
    struct column *column = &columns[kept->count];
    *column = (struct column){.name = strndup(name, length), .source = data};
    if (!column->name)
        return mcl_complain(MCL_EXIT_FAILED, "the host has no memory left");
    kept->count++;
    const bool known = find_kind(&kind, data, column->name);
    column->is_label = options->label && strcmp(options->label, column->name) == 0;
    if (column->is_label || (known && kind == MCL_COLUMN_LABEL && mcl_data_labels(data))) {
        column->is_label = true;
        return MCL_EXIT_DONE;
    }
    return names_rows(data, options, column->name, kind)
               ? MCL_EXIT_DONE
               : read_again(column, paths, count, options, mcl_data_rows(data));
}

mcl_exit mcl_kept_columns_read(mcl_kept_columns **kept, const char *list, const mcl_data *data,
    const char *const *paths, size_t count, const mcl_data_options *options)
{
    mcl_exit code = MCL_EXIT_DONE;
    mcl_kept_columns *made = calloc(1, sizeof *made);
    if (!made)
        return mcl_complain(MCL_EXIT_FAILED, "the host has no memory left");
    if (!mcl_data_are_table(data))
        code = complain_of_no_table(*paths);
    for (const char *name = list; name && code == MCL_EXIT_DONE;) {
        const size_t length = strcspn(name, ",");
        code = add(made, name, length, data, paths, count, options);
        name = name[length] ? name + length + 1 : NULL;
    }
    if (code == MCL_EXIT_DONE)
        *kept = made;
    else
        mcl_kept_columns_free(made);
    return code;
}

void mcl_kept_columns_free(mcl_kept_columns *kept)
{
    if (!kept)
        return;
    for (size_t i = 0; i < kept->count; i++) {
        free(kept->columns[i].name);
        mcl_data_free(kept->columns[i].opened);
    }
    free(kept->columns);
    free(kept);
}

static const char *text_of(const struct column *found, uint64_t row)
{
    const char *text = NULL;
    if (!found->is_label) {
        text = mcl_data_row_name(found->source, row);
    } else {
        const int32_t label = mcl_data_labels(found->source)[row];
        text = label < 0 ? NULL : mcl_data_class_name(found->source, (uint32_t)label);
    }
    return text ? text : "";
}

void mcl_kept_print_heading(
    FILE *stream, bool *begun, const mcl_data *names, const mcl_kept_columns *kept)
{
    if (names) {
        mcl_csv_comma(stream, begun);
        mcl_csv_value(stream, "name");
    }
    for (size_t i = 0; kept && i < kept->count; i++) {
        mcl_csv_comma(stream, begun);
        mcl_csv_value(stream, kept->columns[i].name);
    }
}

void mcl_kept_print_row(
    FILE *stream, bool *begun, const mcl_data *names, const mcl_kept_columns *kept, uint64_t row)
{
    if (names) {
        const char *name = mcl_data_row_name(names, row);
        mcl_csv_comma(stream, begun);
        mcl_csv_value(stream, name ? name : "");
    }
    for (size_t i = 0; kept && i < kept->count; i++) {
        mcl_csv_comma(stream, begun);
        mcl_csv_value(stream, text_of(&kept->columns[i], row));
    }
}

mcl_exit mcl_check_row_names(const mcl_data *data, const char *path)
{
    if (mcl_data_row_name(data, 0))
        return MCL_EXIT_DONE;
    return mcl_complain(MCL_EXIT_USAGE,
        "--names: the rows of %s have no names: --id names the column of a table that has them",
        path);
}
