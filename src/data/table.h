/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: rows of cells under names, which can be read more than once. */
#ifndef MASKCL_DATA_TABLE_H
#define MASKCL_DATA_TABLE_H

#include "data/csv.h"
#include "data/dictionary.h"
#include "data/kept.h"
#include "data/notes.h"
#include "data/opening.h"

typedef struct mcl_table mcl_table;

/* Opens text tables, which are parts of one: all have the columns of the first, in any order. */
mcl_status mcl_table_open(mcl_table **table, const mcl_opening *opening);
/* What gives the cells of rows whose values have types. */
typedef struct mcl_cell_reader {
    /* As mcl_table_next(), of cells that are known. */
    mcl_status (*next)(const mcl_cell **cells, void *state);
    mcl_status (*rewind)(void *state);
    void (*want_texts)(void *state, size_t column); /* from the next row on, also of numbers */
    void (*close)(void *state);
    void *state;
} mcl_cell_reader;

/* The same of such rows. When it succeeds, names and reader are the table's. source is for
 * messages, and must live as long. */
mcl_status mcl_table_from_cells(
    mcl_table **table, const mcl_cell_reader *reader, mcl_dictionary *names, const char *source);

/* NULL is allowed. */
void mcl_table_close(mcl_table *table);

/* Goes back to the first row. */
mcl_status mcl_table_rewind(mcl_table *table);

/* *cells = the next row's, in the order of the first file's columns; NULL after the last. They are
 * good until the next call. */
mcl_status mcl_table_next(const mcl_cell **cells, mcl_table *table);

/* The columns' names, each once. */
const mcl_dictionary *mcl_table_names(const mcl_table *table);
size_t mcl_table_columns(const mcl_table *table);

char mcl_table_point(const mcl_table *table);
bool mcl_table_header(const mcl_table *table);

/* Numbers of a column are to have texts from the next row on, as categories, labels and names do.
 */
void mcl_table_want_texts(mcl_table *table, size_t column);

/* What messages call the table, and the file and place of its last row, as "line 7". The names live
 * as long as the table. */
#define MCL_PLACE_SIZE 64
const char *mcl_table_source(const mcl_table *table);
const char *mcl_table_file(const mcl_table *table);
const char *mcl_table_place(char place[MCL_PLACE_SIZE], const mcl_table *table);

/* What the options of a table say of its columns; NONE where they say nothing. */
typedef struct mcl_column_choices {
    uint64_t label, id;   /* the column's number, or MCL_DICTIONARY_NONE */
    unsigned char *kinds; /* [columns], an mcl_column_kind; MCL_CHOICE_NONE: not named */
} mcl_column_choices;

#define MCL_CHOICE_NONE 255

/* Finds the columns that options name; MCL_ERROR_ARGUMENT for a name that is none, with those that
 * there are, and for a column that is named as two kinds. Freed with free() of kinds. */
mcl_status mcl_table_choices(
    mcl_column_choices *choices, mcl_table *table, const mcl_data_options *options);

/* *schema = what the table's columns are, found in one pass over it or two. The schema has what
 * options say. notes get what the user should know. *kept = what was found in the cells, NULL where
 * that is too much, or not enough for mcl_table_encode(). */
mcl_status mcl_table_infer(mcl_schema **schema, mcl_kept **kept, mcl_notes *notes, mcl_table *table,
    const mcl_column_choices *choices, const mcl_data_options *options);

/* *data = the rows as the schema has them. fitted: the schema comes from this very table, and kept,
 * which may be NULL, is what was found in it then. */
mcl_status mcl_table_encode(mcl_data **data, mcl_notes *notes, mcl_table *table,
    const mcl_schema *schema, bool fitted, const mcl_kept *kept, const mcl_column_choices *choices,
    const mcl_data_options *options);

/* *data = the table's rows with labels, names, schema and warnings. The table is closed, whatever
 * comes of it. */
mcl_status mcl_table_data(mcl_data **data, mcl_table *table, const mcl_data_options *options);

#endif
