/* SPDX-License-Identifier: Apache-2.0 */
/* Text with a record a line and a character between its cells (RFC 4180 and what people write). */
#ifndef MASKCL_DATA_CSV_H
#define MASKCL_DATA_CSV_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "data/lex.h"
#include "data/source.h"
#include "maskcl/data.h"

#define MCL_CSV_RECORD_MOST (64 << 20) /* bytes of one record */

typedef struct mcl_csv mcl_csv;

/* Reads from a source, which must live as long. What is read is also written to copy, unless it is
 * NULL. Nothing but UTF-8 is taken; a byte-order mark is passed over. block is how many bytes are
 * read at once, of which no record depends; 0: as many as suit most machines. */
mcl_status mcl_csv_open(mcl_csv **csv, mcl_source *source, FILE *copy, size_t block);
/* NULL is allowed. */
void mcl_csv_close(mcl_csv *csv);

/* Recognizes the dialect by the first records, which are read all the same, but for what options
 * say. Call it before the first record. */
mcl_status mcl_csv_recognize(mcl_dialect *dialect, mcl_csv *csv, const mcl_data_options *options);

/* Reads the next record that is not an empty line: *cells = its cells, NULL after the last. They
 * are good until the next call. MCL_ERROR_FORMAT names line and column. */
mcl_status mcl_csv_next(
    const mcl_cell **cells, size_t *count, mcl_csv *csv, const mcl_dialect *dialect);

/* The line, counted from 1, in which the last record begins. */
uint64_t mcl_csv_line(const mcl_csv *csv);

#endif
