/* Rows in three states side by side: as an array, or as a picture. */
#ifndef MASKCL_CLI_TRIPLES_H
#define MASKCL_CLI_TRIPLES_H

#include <stdbool.h>

#include "maskcl/data.h"
#include "options.h"

#define MCL_TRIPLE 3

/* [rows × columns] in each state. */
typedef struct mcl_triples {
    uint64_t rows, columns;
    float *values[MCL_TRIPLE];
} mcl_triples;

/* Rows as images: D = height × width × channels. */
typedef struct mcl_image {
    uint64_t height, width, channels;
} mcl_image;

/* The rows that --first and --rows ask for. */
typedef struct mcl_row_range {
    uint64_t first, rows;
} mcl_row_range;

bool mcl_ends_in(const char *path, const char *suffix);

/* Refuses rows that are no images with 1 or 3 channels. */
mcl_exit mcl_find_image(mcl_image *image, const mcl_data *data, const char *path);

/* *rows = how many are wanted from range->first on: all, of a picture 32, unless --rows is given.
 * The data are the operand with this number. */
mcl_exit mcl_choose_rows(uint64_t *rows, const mcl_row_range *range, const mcl_arguments *arguments,
    size_t operand, const mcl_data *data, bool picture);

/* Values for triples->rows and columns, freed with mcl_free_triples(), in case of failure too. */
mcl_exit mcl_allocate_triples(mcl_triples *triples);
void mcl_free_triples(mcl_triples *triples);

/* Writes a picture, or the array [rows, 3, columns] where image is NULL. */
mcl_exit mcl_write_triples(const char *path, const mcl_triples *triples, const mcl_image *image);

#endif
