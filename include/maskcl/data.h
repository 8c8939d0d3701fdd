/* SPDX-License-Identifier: Apache-2.0 */
/* Rows to train on, from files, from the caller's memory, or synthetic; and labels. */
#ifndef MASKCL_DATA_H
#define MASKCL_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maskcl/options.h"
#include "maskcl/schema.h"
#include "maskcl/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The type in which rows are stored; uint8 values are divided by 255 when they are used. */
typedef enum mcl_element {
    MCL_ELEMENT_UINT8,
    MCL_ELEMENT_FLOAT32,
} mcl_element;

/* The types of numbers that rows and labels are read from. uint8 and float32 rows are kept as they
 * are; numbers of all other types become the nearest float32, of the same value where there is one,
 * and bool becomes 0 and 1. */
typedef enum mcl_number {
    MCL_NUMBER_BOOL, /* a byte each */
    MCL_NUMBER_UINT8,
    MCL_NUMBER_INT8,
    MCL_NUMBER_UINT16,
    MCL_NUMBER_INT16,
    MCL_NUMBER_UINT32,
    MCL_NUMBER_INT32,
    MCL_NUMBER_UINT64,
    MCL_NUMBER_INT64,
    MCL_NUMBER_FLOAT16,
    MCL_NUMBER_FLOAT32,
    MCL_NUMBER_FLOAT64,
} mcl_number;

#define MCL_DIMENSIONS_MAX 8

/* An immutable matrix of rows×columns values in host memory. Threads may share it. */
typedef struct mcl_data mcl_data;

/* Reads a whole file: IDX or NumPy .npy, of any mcl_number in either byte order, in C or Fortran
 * order, plain or compressed by gzip or zstd, recognized by content; and all that
 * mcl_data_open_with() reads, with its defaults. The caller frees *data with mcl_data_free(). The
 * first dimension counts rows, the others are flattened to columns. Errors: MCL_ERROR_FILE,
 * MCL_ERROR_FORMAT (with the place in the file), MCL_ERROR_DATA (a NaN or infinity, with its row
 * and column). */
MCL_API mcl_status mcl_data_open(mcl_data **data, const char *path);

/* Whether columns of numbers become (x − mean) / deviation. */
typedef enum mcl_standardize {
    MCL_STANDARDIZE_AUTO,    /* columns, where the data are a table or their columns differ much */
    MCL_STANDARDIZE_COLUMNS, /* each by its own mean and deviation */
    MCL_STANDARDIZE_CENTER,  /* each by its own mean; the deviation is that of all together */
    MCL_STANDARDIZE_NONE,
} mcl_standardize;

typedef enum mcl_channels {
    MCL_CHANNELS_AUTO,
    MCL_CHANNELS_LAST,  /* rows of height × width × channels */
    MCL_CHANNELS_FIRST, /* rows of channels × height × width */
} mcl_channels;

typedef enum mcl_header {
    MCL_HEADER_AUTO,
    MCL_HEADER_YES, /* the first line of a text table has the columns' names */
    MCL_HEADER_NO,  /* they are called 0, 1, … */
} mcl_header;

#define MCL_DATA_OPTIONS_VERSION 1

/* How a data set is read. To be initialized with mcl_data_options_init(). Texts are the caller's
 * and must live until the data set is open. Lists of columns are names joined by commas; a name
 * that has commas or quotes is quoted as in CSV; NULL is none. */
typedef struct mcl_data_options {
    mcl_options base;
    /* Tables. */
    const char *label;       /* the column of the classes */
    const char *id;          /* the column that names the rows */
    const char *categorical; /* columns that are categories, whatever they look like */
    const char *numeric;     /* columns that are numbers */
    const char *ignore;      /* columns that are no inputs */
    const char *delimiter;   /* "comma", "semicolon", "tab", "space", "pipe"; NULL: recognized */
    const char *decimal;     /* "point" or "comma"; NULL: recognized */
    mcl_header header;
    mcl_standardize standardize;
    /* Images. */
    uint32_t size;          /* height and width that they get; 0: that of the first one */
    const char *background; /* "RRGGBB" or a grey "GG", that shows where they are transparent; NULL:
                               white */
    mcl_channels channels;  /* of arrays */
    uint32_t colors;        /* 1: grey, 3: colour; 0: as the first image has it */
    /* All. */
    bool strict;          /* a damaged file among many is an error, not left out with a warning */
    uint64_t host_memory; /* bytes that rows may take; 0: half of what is free */
    const mcl_schema *schema;    /* to be applied, a model's; NULL: one is fitted to the data */
    const struct mcl_data *like; /* labels are numbered as there; NULL: in their own order */
    /* Which rows a schema is fitted to, by their numbers from 0, so that others can be measured on;
     * NULL: all. May be asked for a row more than once. */
    bool (*fit_to)(uint64_t row, void *fit_user);
    void *fit_user;
} mcl_data_options;

static inline mcl_status mcl_data_options_init(mcl_data_options *options)
{
    return mcl_options_init(&options->base, MCL_OPTIONS_DATA, MCL_DATA_OPTIONS_VERSION);
}

/* Whether pre-training with `holdout` and this seed keeps a row out of training, by its number from
 * 0: a schema is to be fitted to the others. */
MCL_API bool mcl_row_is_held_out(uint64_t row, double holdout, uint64_t seed);

/* Opens whatever holds rows, recognized by content: what mcl_data_open() reads, tables (CSV, TSV),
 * .npz (FILE.npz:ARRAY), safetensors (FILE.safetensors:TENSOR), a folder or a tar file of images,
 * CIFAR's binary files; several of one kind, joined by mcl_data_open_all(), are one data set, row
 * after row. "-" is standard input. Of a table, options->label and the like name columns; labels
 * also come from an image folder's subfolders. options may be NULL: defaults. Errors are those of
 * mcl_data_open(), MCL_ERROR_ARGUMENT for options that do not suit the data, and MCL_ERROR_DATA
 * where a schema cannot be applied, with what is missing and what is left over. The caller frees
 * *data. */
MCL_API mcl_status mcl_data_open_with(
    mcl_data **data, const char *path, const mcl_data_options *options);
MCL_API mcl_status mcl_data_open_all(
    mcl_data **data, const char *const *paths, size_t count, const mcl_data_options *options);

/* Rows in the caller's memory: an array in C order of the host's own numbers, whose first dimension
 * counts rows. */
typedef struct mcl_array_description {
    const void *values; /* aligned as its type needs */
    mcl_number type;
    uint32_t dimensions; /* from 1 to 1 + MCL_DIMENSIONS_MAX */
    uint64_t shape[1 + MCL_DIMENSIONS_MAX];
    /* Use the caller's memory, which must stay as it is until *data is freed, in place of a copy.
     * For uint8 and float32 only. Floats with a value that is used as 0 though it is none (−0, and
     * sizes below 2^-125) are copied all the same. */
    bool borrow;
} mcl_array_description;

/* Makes a data set of an array in memory: 64 images of 28×28 floats are
 *     {.values = pixels, .type = MCL_NUMBER_FLOAT32, .dimensions = 3, .shape = {64, 28, 28}}
 * NaN and infinities are MCL_ERROR_DATA, what the description cannot be MCL_ERROR_ARGUMENT. The
 * caller frees *data. */
MCL_API mcl_status mcl_data_from_memory(mcl_data **data, const mcl_array_description *array);

/* A stream of rows that the caller reads or makes. */
typedef struct mcl_row_reader {
    /* Writes the next rows, one to `most` of them, in C order and the host's own numbers of the
     * type below, and sets *count to how many; to 0 at the end. Whatever it returns but MCL_OK ends
     * the reading. */
    mcl_status (*next)(void *rows, uint64_t *count, uint64_t most, void *state);
    void *state; /* next()'s own */
    mcl_number type;
    uint32_t dimensions; /* of a row: from 1 to MCL_DIMENSIONS_MAX */
    uint64_t shape[MCL_DIMENSIONS_MAX];
    uint64_t rows;    /* that are expected; 0: not known. More or fewer may come */
    const char *name; /* for messages; NULL: "data from a reader" */
} mcl_row_reader;

/* Makes a data set of all rows that reader->next() gives, in this call. Of options, which may be
 * NULL, only host_memory matters: rows that it has no room for go to a temporary file. NaN and
 * infinities are MCL_ERROR_DATA, what the reader cannot be MCL_ERROR_ARGUMENT, a failure of next()
 * is its status, and no rows at all are MCL_ERROR_DATA. The caller frees *data. */
MCL_API mcl_status mcl_data_from_reader(
    mcl_data **data, const mcl_row_reader *reader, const mcl_data_options *options);

/* A column of rows in the caller's memory: numbers, or texts. */
typedef struct mcl_column_values {
    const char *name;   /* UTF-8, each column's another */
    const void *values; /* of the first row: a number, or a const char * to UTF-8 text */
    size_t stride;      /* bytes from a row's to the next one's; 0: they are adjacent */
    bool texts;         /* in place of numbers */
    mcl_number type;    /* of numbers */
} mcl_column_values;

/* Rows of columns that have names and kinds, as a CSV file has them:
 *     {{"mass", masses, .type = MCL_NUMBER_FLOAT64}, {"island", islands, .texts = true}} */
typedef struct mcl_table_description {
    const mcl_column_values *columns; /* [count] */
    size_t count;
    uint64_t rows;
    const char *name; /* for messages; NULL: "the table" */
} mcl_table_description;

/* Makes a data set of a table in memory: numbers are standardized, texts are categories, a NaN, a
 * NULL and texts such as "" and "NA" are missing, and options, which may be NULL, name the label,
 * the id and what is to be of another kind, or have a schema to be applied, as in
 * mcl_data_open_with(). Everything is copied. An infinite number or a text that is not UTF-8 is
 * MCL_ERROR_DATA, with its row and column. The caller frees *data. */
MCL_API mcl_status mcl_data_from_table(
    mcl_data **data, const mcl_table_description *table, const mcl_data_options *options);

/* Standard normal values, a function of row, column and seed alone. The caller frees *data. */
MCL_API mcl_status mcl_data_synthetic(
    mcl_data **data, uint64_t rows, uint64_t columns, uint64_t seed);

/* mcl_data_from_memory() of a copy of rows×columns floats. */
MCL_API mcl_status mcl_data_from_floats(
    mcl_data **data, const float *values, uint64_t rows, uint64_t columns);

/* *part = copies of the rows of data with these numbers, in this order, with the schema, without
 * labels and names; rows that memory has no room for go to a temporary file. A number that is none
 * of a row, or no rows at all, is MCL_ERROR_ARGUMENT. The caller frees *part. */
MCL_API mcl_status mcl_data_pick(
    mcl_data **part, const mcl_data *data, const uint64_t *numbers, uint64_t count);

/* NULL is allowed. */
MCL_API void mcl_data_free(mcl_data *data);

/* 0 for NULL; of mcl_data_element() that is MCL_ELEMENT_UINT8. */
MCL_API uint64_t mcl_data_rows(const mcl_data *data);
MCL_API uint64_t mcl_data_columns(const mcl_data *data);
MCL_API mcl_element mcl_data_element(const mcl_data *data);

/* The sizes of one row's dimensions, in the file's order (28, 28 for a 28×28 image); returns how
 * many there are, at least 1 and at most MCL_DIMENSIONS_MAX; 0 for NULL. */
MCL_API size_t mcl_data_row_shape(const mcl_data *data, uint64_t shape[MCL_DIMENSIONS_MAX]);

/* What the user should know of data that were read all the same, lines joined by '\n' with the
 * rows' source before each: columns of a table that are ignored, what the schema does not know, and
 * what float32 has lost of the numbers that the rows were made of: numbers that it has not or
 * cannot tell apart, such as integers above 2^24 and times counted from 1970. NULL where there is
 * nothing. The data's own memory. */
MCL_API const char *mcl_data_warning(const mcl_data *data);

/* The schema by which the rows were made; NULL where they are the file's own numbers. The data's
 * own memory. */
MCL_API const mcl_schema *mcl_data_schema(const mcl_data *data);

/* The class of each row, from 0, and -1 where it is not known; NULL where the data have no labels.
 * The data's own memory. */
MCL_API const int32_t *mcl_data_labels(const mcl_data *data);

/* How many classes have names, and the name of one; NULL beyond the count. Without names a class is
 * its number. */
MCL_API uint32_t mcl_data_classes(const mcl_data *data);
MCL_API const char *mcl_data_class_name(const mcl_data *data, uint32_t index);

/* Whether the labels are numbers of which some are not whole: numbers to be told of the rows, which
 * are no classes. They have labels and names of classes all the same, one for each number. */
MCL_API bool mcl_data_has_targets(const mcl_data *data);

/* targets[rows] = the label of each row as a number, whole ones too; NaN where it is not known.
 * MCL_ERROR_DATA where a label is no number, or the data have no labels. */
MCL_API mcl_status mcl_data_targets(double *targets, const mcl_data *data);

/* Gives the data the labels of a file, one a row, in place of those that they have: IDX, .npy or
 * .npz (FILE.npz:ARRAY) of numbers or texts, or text with one a line, quoted as in CSV, where a
 * first line more than there are rows is a heading. Whole numbers from 0 to MCL_LABEL_MAX are the
 * classes' own; others and texts become names of classes, numbered in their order or, where like is
 * not NULL, as there, with names that are not there after those. NaN, a text that is missing in a
 * table (empty, NA and the like), and -1, unless labels are numbers of which some are not whole,
 * are no label. Errors are those of mcl_data_open(), MCL_ERROR_DATA for another
 * number of labels. */
MCL_API mcl_status mcl_data_label(mcl_data *data, const char *path, const mcl_data *like);

/* What a row is called: its id, or the path of its file in the folder; NULL where it has no name.
 */
MCL_API const char *mcl_data_row_name(const mcl_data *data, uint64_t row);

/* Writes rows first … first+rows-1 as floats (uint8 divided by 255) to values[rows × columns]. */
MCL_API mcl_status mcl_data_floats(
    float *values, const mcl_data *data, uint64_t first, uint64_t rows);

/* Writes the digest of the values: XXH3's 128-bit hash of all of them, row by row, in the type of
 * mcl_data_element() (floats little-endian), in 32 hexadecimal digits, or "" for NULL. A model's
 * metadata have that of the data that it was trained on. "" of NULL. */
MCL_API void mcl_data_digest(char digest[MCL_DIGEST_SIZE], const mcl_data *data);

/* Reads class labels: a file as mcl_data_open() reads it, of n, n×1 or 1×n whole numbers of any
 * type from 0 to MCL_LABEL_MAX. *labels has *count entries and is freed by the caller with
 * mcl_labels_free(). */
#define MCL_LABEL_MAX INT32_MAX
MCL_API mcl_status mcl_labels_open(int32_t **labels, uint64_t *count, const char *path);
/* NULL is allowed. */
MCL_API void mcl_labels_free(int32_t *labels);

/* Writes the digest of labels[count], as that of data. */
MCL_API void mcl_labels_digest(char digest[MCL_DIGEST_SIZE], const int32_t *labels, uint64_t count);

#ifdef __cplusplus
}
#endif

#endif
