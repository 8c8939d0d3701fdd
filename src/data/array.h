/* SPDX-License-Identifier: Apache-2.0 */
/* An array in a file: what the formats have in common. */
#ifndef MASKCL_DATA_ARRAY_H
#define MASKCL_DATA_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/number_types.h"
#include "data/source.h"
#include "maskcl/status.h"

#define MCL_ARRAY_DIMENSIONS_MAX 64 /* NumPy 2 has no more */
#define MCL_ARRAY_SHAPE_TEXT (MCL_ARRAY_DIMENSIONS_MAX * 21)

#define MCL_ARRAY_DTYPE_SIZE 16 /* a dtype's text and its end */

/* What a file's header declares; the values follow it. */
typedef struct mcl_array {
    mcl_number type;
    char dtype[MCL_ARRAY_DTYPE_SIZE]; /* as the file has it; "" where that is no text */
    bool big_endian;                  /* its numbers; else they are little-endian */
    bool fortran;                     /* the first index varies fastest, not the last one */
    size_t dimensions;                /* at least 1 */
    uint64_t shape[MCL_ARRAY_DIMENSIONS_MAX];
    uint64_t rows;    /* shape[0], at least 1 */
    uint64_t columns; /* the product of the others, at least 1 */
} mcl_array;

/* Reads the header of a file, whose format is recognized by its content, and checks the shape. */
mcl_status mcl_array_header(mcl_array *array, mcl_source *source);

/* "60000x28x28" */
void mcl_array_shape_text(char text[MCL_ARRAY_SHAPE_TEXT], const mcl_array *array);

/* Sets rows and columns. MCL_ERROR_DATA where there are none, MCL_ERROR_FORMAT where there are more
 * than memory can hold. name is for messages. */
mcl_status mcl_array_count(mcl_array *array, const char *name);

/* The bytes that the values take as data sets keep them: one of uint8, four of any other type. */
uint64_t mcl_array_bytes(const mcl_array *array);

/* Refuses a file that has more or fewer bytes left than the values take, where that is known. */
mcl_status mcl_array_check_size(const mcl_array *array, const mcl_source *source);

/* A run of values, in the order of the file. */
typedef struct mcl_array_run {
    const mcl_array *array;
    const char *source; /* for messages */
    uint64_t first;     /* the number of the run's first value */
    void *state;        /* of who converts them */
} mcl_array_run;

/* Where value `index` of a run is. */
void mcl_array_locate(uint64_t *row, uint64_t *column, const mcl_array_run *run, size_t index);

/* to[i] = from[i], in the type that is wanted, for count values, whose bytes are in the host's
 * order. */
typedef mcl_status (*mcl_array_convert)(
    void *to, const void *from, size_t count, const mcl_array_run *run);

/* Reads all the values, of size bytes each after convert, to *values, freed with free(), in C
 * order, and checks that the file ends there. state is for convert. Memory is allocated as the
 * values are read, whatever the header promises, and never more than the values take, but for a bit
 * a value where an array in Fortran order comes from a pipe or out of gzip. values points to a
 * pointer of any type. */
mcl_status mcl_array_read(void *values, const mcl_array *array, mcl_source *source, size_t size,
    mcl_array_convert convert, void *state);

/* Takes count values of a run, of the size that convert has made them. */
typedef mcl_status (*mcl_array_take)(const void *values, size_t count, void *taker);

/* How values go from a file to whoever takes them, some at a time. */
typedef struct mcl_array_flow {
    size_t size; /* of a value after convert */
    mcl_array_convert convert;
    void *state; /* of convert */
    mcl_array_take take;
    void *taker;
} mcl_array_flow;

/* Reads all the values in the order of the file, and checks that the file ends there. */
mcl_status mcl_array_stream(const mcl_array *array, mcl_source *source, const mcl_array_flow *flow);

/* Reads the values of an array in Fortran order, which are in a file from offset on, and gives them
 * in C order, so many rows at a time, for which it takes memory: each time it reads a piece of
 * every column. name is the file's, for messages. */
mcl_status mcl_array_transpose(const mcl_array *array, int file, uint64_t offset, const char *name,
    uint64_t rows, const mcl_array_flow *flow);

/* The column, in C order, of the values that have this one in the order of the file. */
uint64_t mcl_array_c_column(const mcl_array *array, uint64_t column);

#endif
