/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of a table as they are written in it, to stand beside results. */
#ifndef MASKCL_CLI_KEPT_H
#define MASKCL_CLI_KEPT_H

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

/* 0 for NULL. */
size_t mcl_kept_columns_count(const mcl_kept_columns *kept);
const char *mcl_kept_columns_name(const mcl_kept_columns *kept, size_t column);
const char *mcl_kept_columns_text(const mcl_kept_columns *kept, size_t column, uint64_t row);

#endif
