/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of a table as they are written in it, to stand beside results. */
#ifndef MASKCL_CLI_KEPT_H
#define MASKCL_CLI_KEPT_H

#include <stdbool.h>
#include <stdio.h>

#include "maskcl/data.h"
#include "message.h"

typedef struct mcl_kept_columns mcl_kept_columns;

/* Reads the columns named in list, joined by commas. Those of the rows' names and classes are in
 * data, which must live as long; for others the files are read again, which standard input cannot
 * be. The caller frees *kept. */
mcl_exit mcl_kept_columns_read(mcl_kept_columns **kept, const char *list, const mcl_data *data,
    const char *const *paths, size_t count, const mcl_data_options *options);
/* NULL is allowed. */
void mcl_kept_columns_free(mcl_kept_columns *kept);

/* What a line of a table of results begins with: of the heading, and of a row. names has what the
 * rows are called; NULL: that is not wanted. kept may be NULL, too. */
void mcl_kept_print_heading(
    FILE *stream, bool *begun, const mcl_data *names, const mcl_kept_columns *kept);
void mcl_kept_print_row(
    FILE *stream, bool *begun, const mcl_data *names, const mcl_kept_columns *kept, uint64_t row);

/* Refuses --names of rows that have none. */
mcl_exit mcl_check_row_names(const mcl_data *data, const char *path);

#endif
