/* SPDX-License-Identifier: Apache-2.0 */
/* An array in a file: what the formats have in common. */
#ifndef MASKCL_DATA_ARRAY_H
#define MASKCL_DATA_ARRAY_H

#include <stddef.h>
#include <stdint.h>

#include "data/source.h"
#include "maskcl/status.h"

#define MCL_ARRAY_DIMENSIONS_MAX 64 /* NumPy 2 has no more */
#define MCL_ARRAY_SHAPE_TEXT (MCL_ARRAY_DIMENSIONS_MAX * 21)

/* Little-endian in a file, where it has more than one byte. */
typedef enum mcl_array_type {
    MCL_ARRAY_UINT8,
    MCL_ARRAY_FLOAT32,
    MCL_ARRAY_FLOAT64,
    MCL_ARRAY_INT32,
    MCL_ARRAY_INT64,
} mcl_array_type;

/* What a file's header declares; the values follow it in C order. */
typedef struct mcl_array {
    mcl_array_type type;
    size_t dimensions; /* at least 1 */
    uint64_t shape[MCL_ARRAY_DIMENSIONS_MAX];
    uint64_t rows;    /* shape[0], at least 1 */
    uint64_t columns; /* the product of the others, at least 1 */
} mcl_array;

/* Reads the header of a file, whose format is recognized by its content, and checks the shape. */
mcl_status mcl_array_header(mcl_array *array, mcl_source *source);

/* "float32" and so on, as NumPy has it. */
const char *mcl_array_type_name(mcl_array_type type);

/* "60000x28x28" */
void mcl_array_shape_text(char text[MCL_ARRAY_SHAPE_TEXT], const mcl_array *array);

/* Where a run of values is, for messages. */
typedef struct mcl_array_place {
    const char *source;
    uint64_t first; /* the number of the run's first value */
    uint64_t columns;
} mcl_array_place;

/* to[i] = from[i], in the type that is wanted, for count values. */
typedef mcl_status (*mcl_array_convert)(
    void *to, const void *from, size_t count, const mcl_array_place *place);

/* Reads all the values, of size bytes each after convert, to *values, freed with free(), and checks
 * that the file ends there. Memory is allocated as the values are read, whatever the header
 * promises. values points to a pointer of any type. */
mcl_status mcl_array_read(void *values, const mcl_array *array, mcl_source *source, size_t size,
    mcl_array_convert convert);

#endif
