/* SPDX-License-Identifier: Apache-2.0 */
/* Text with a record a line and a character between its cells (RFC 4180 and what people write). */
#ifndef MASKCL_DATA_CSV_H
#define MASKCL_DATA_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "data/source.h"
#include "maskcl/data.h"

#define MCL_CSV_RECORD_MOST (64 << 20) /* bytes of one record */
#define MCL_CSV_CELLS_MOST (1 << 20)   /* cells of one record */

typedef struct mcl_dialect {
    char delimiter; /* ' ' stands for any run of blanks */
    char point;     /* of numbers: '.' or ',' */
    bool header;    /* the first record has names */
} mcl_dialect;

/* What is known of a cell without reading its text. */
enum { MCL_CELL_UNREAD, MCL_CELL_NUMBER, MCL_CELL_MISSING, MCL_CELL_TEXT };

/* A cell's text, without quotes, and without blanks around what was not quoted. Not ended by a zero
 * byte. */
typedef struct mcl_cell {
    const char *text;
    uint32_t length;
    bool quoted;
    unsigned char known;
    double number; /* that is known */
} mcl_cell;

typedef struct mcl_csv mcl_csv;

/* Reads from a source, which must live as long. What is read is also written to copy, unless it is
 * NULL. Nothing but UTF-8 is taken; a byte-order mark is passed over. */
mcl_status mcl_csv_open(mcl_csv **csv, mcl_source *source, FILE *copy);
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

/* Whether a cell's text is a number in the dialect. */
bool mcl_cell_number(double *value, const mcl_cell *cell, char point);

/* Whether it is one of the spellings of a missing value: nothing, or in any case NA, N/A, #N/A,
 * <NA>, NaN, NaT, null, none, ?, -, --, a point. */
bool mcl_cell_missing(const mcl_cell *cell);

/* Whether it is an infinite number, which no column may have. */
bool mcl_cell_infinite(const mcl_cell *cell);

#endif
