/* SPDX-License-Identifier: Apache-2.0 */
/* The cells of text tables, a block of bytes at a time. Blocks are independent of each other, so
 * that threads can take some at once. */
#ifndef MASKCL_DATA_LEX_H
#define MASKCL_DATA_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maskcl/status.h"

#define MCL_LEX_PADDING 8            /* zero bytes after those of a block */
#define MCL_CSV_CELLS_MOST (1 << 20) /* cells of one record */

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
    bool doubled; /* each quote in it is written twice, as mcl_lex_block() leaves it */
    unsigned char known;
    union {
        double number; /* that is known */
        uint64_t hash; /* of a known text, mcl_text_hash(); 0: not known */
    };
} mcl_cell;

/* Whether a cell's text is a number in the dialect. */
bool mcl_cell_number(double *value, const mcl_cell *cell, char point);

/* Whether it is one of the spellings of a missing value: nothing, or in any case NA, N/A, #N/A,
 * <NA>, NaN, NaT, null, none, ?, -, --, a point. */
bool mcl_cell_missing(const mcl_cell *cell);

/* Whether it is an infinite number, which no column may have. */
bool mcl_cell_infinite(const mcl_cell *cell);

/* A record that is not an empty line. */
typedef struct mcl_record {
    size_t first, count; /* cells */
    uint64_t line;       /* in which it begins, 0 for the block's first */
    bool doubled;        /* some cell is */
} mcl_record;

/* Bytes that begin where a record may begin, and the records that were found in them. To be set to
 * zeros. */
typedef struct mcl_block {
    char *bytes; /* [room + MCL_LEX_PADDING] */
    size_t room, filled;
    bool last;           /* nothing follows them */
    mcl_cell *cells;     /* [cell_room] */
    mcl_record *records; /* [record_room] */
    size_t cell_count, cell_room, record_count, record_room;
    uint64_t lines;    /* ends of lines before end */
    size_t end;        /* of the last whole record; filled where nothing follows it but blanks */
    mcl_status status; /* MCL_ERROR_FORMAT: what begins at end is no record, and the block is not to
                          be followed by another; MCL_ERROR_MEMORY */
    const char *what;  /* is wrong there */
    uint64_t line;     /* where, as in records */
    size_t column;     /* from 1; 0: none */
} mcl_block;

/* Frees what it holds. */
void mcl_block_release(mcl_block *block);

/* Makes room for so many bytes, and keeps those that are filled. */
mcl_status mcl_block_reserve(mcl_block *block, size_t room);

/* Finds all whole records, at most so many. A record that may go on in the next block is none. The
 * bytes stay as they are. */
void mcl_lex_block(mcl_block *block, const mcl_dialect *dialect, size_t most);

#endif
