/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of values that have types: NumPy's structured arrays, and columns in the caller's memory.
 */
#ifndef MASKCL_DATA_RECORDS_H
#define MASKCL_DATA_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/number_types.h"
#include "data/source.h"
#include "data/table.h"

typedef enum mcl_field_kind {
    MCL_FIELD_NUMBER,
    MCL_FIELD_SPAN,    /* of time: a 64-bit integer, the least of which is missing */
    MCL_FIELD_TIME,    /* the same since 1970, in `unit` */
    MCL_FIELD_BYTES,   /* UTF-8, filled up with zero bytes */
    MCL_FIELD_UNICODE, /* UTF-32, filled up with zeros */
    MCL_FIELD_TEXT,    /* a pointer to text that ends with a zero byte; NULL is missing */
} mcl_field_kind;

typedef struct mcl_field {
    char *name;
    mcl_field_kind kind;
    mcl_number type; /* of numbers, spans and times */
    bool big_endian;
    char unit[4];      /* "D", "h", "m", "s", "ms", "us", "ns" */
    size_t size;       /* bytes of a value */
    const char *first; /* the first row's; NULL: at offset in the records */
    size_t offset, stride;
} mcl_field;

typedef struct mcl_fields {
    mcl_field *list; /* [count] */
    size_t count, room;
    size_t size; /* bytes of a record */
} mcl_fields;

/* Appends a field with a copy of this name. MCL_ERROR_FORMAT where there are too many. */
mcl_status mcl_fields_add(mcl_fields *fields, const mcl_field *field, const char *name);
void mcl_fields_release(mcl_fields *fields);

/* *table = `rows` records with these fields, which are the table's from now on, whatever comes of
 * it. The source's content is what follows in it, and must be all of it; where it is NULL, fields
 * have their first values in memory, which must live as long. name is for messages; options must
 * live as long. */
mcl_status mcl_records_open(mcl_table **table, mcl_fields *fields, uint64_t rows,
    mcl_source *source, const char *name, const mcl_data_options *options);

#endif
