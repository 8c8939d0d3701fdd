/* SPDX-License-Identifier: Apache-2.0 */
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

/* A row as a part of a picture: D = height × width × channels. */
typedef struct mcl_tile {
    uint64_t height, width, channels;
} mcl_tile;

/* The rows that --first and --rows ask for. */
typedef struct mcl_row_range {
    uint64_t first, rows;
} mcl_row_range;

/* Whether the output is to be a picture. */
bool mcl_is_picture(const char *output);

/* Refuses an output that is neither an array nor a picture, or as mcl_check_output() does. */
mcl_exit mcl_check_triples(const char *output, const char *const *inputs, size_t count);

/* Refuses rows that are no images with 1 or 3 channels, with advice on what to do instead. */
mcl_exit mcl_find_image(
    mcl_tile *image, const mcl_data *data, const char *path, const char *advice);
#define MCL_ADVICE_ARRAY "write an .npy file"

/* *rows = how many are wanted from range->first on: all, of a picture 32, unless --rows is given.
 * The data are the operand with this number. */
mcl_exit mcl_choose_rows(uint64_t *rows, const mcl_row_range *range, const mcl_arguments *arguments,
    size_t operand, const mcl_data *data, bool picture);

/* Values for triples->rows and columns, freed with mcl_free_triples(), in case of failure too. */
mcl_exit mcl_allocate_triples(mcl_triples *triples);
void mcl_free_triples(mcl_triples *triples);

/* Writes a picture, or the array [rows, 3, columns] where image is NULL. */
mcl_exit mcl_write_triples(const char *path, const mcl_triples *triples, const mcl_tile *image);

/* --rows and --first, of a mcl_row_range, and -o. */
#define MCL_ROW_OPTIONS(settings, member)                                                          \
    {.name = "rows",                                                                               \
        .argument = "N",                                                                           \
        .group = "Rows",                                                                           \
        .help = "how many rows",                                                                   \
        .without = "all, and of a picture 32",                                                     \
        .type = &mcl_option_whole,                                                                 \
        .offset = offsetof(settings, member.rows),                                                 \
        .least = 1},                                                                               \
    {                                                                                              \
        .name = "first", .argument = "N", .group = "Rows",                                         \
        .help = "the first row, counted from 0", .type = &mcl_option_whole,                        \
        .offset = offsetof(settings, member.first)                                                 \
    }
#define MCL_TRIPLES_OUTPUT(settings, member)                                                       \
    {                                                                                              \
        .name = "output", .letter = 'o', .required = true, .argument = "OUT.npy|OUT.png",          \
        .group = "Output",                                                                         \
        .help = "the file to write: an array of float32, rows x 3 x columns, or a picture of the " \
                "same side by side",                                                               \
        .type = &mcl_option_text, .offset = offsetof(settings, member)                             \
    }

#endif
