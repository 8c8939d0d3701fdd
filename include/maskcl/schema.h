/* SPDX-License-Identifier: Apache-2.0 */
/* What the columns of a data set are and how they become the encoder's inputs. A schema is fitted
 * to the data that a model is trained on, goes into the model, and is applied to whatever the model
 * is given later, by the columns' names. */
#ifndef MASKCL_SCHEMA_H
#define MASKCL_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maskcl/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mcl_column_kind {
    MCL_COLUMN_NUMBER, /* (x − mean) / deviation; missing: 0, and an indicator of its own is 1 */
    MCL_COLUMN_CATEGORY, /* one-hot, with a last place for what is none of the categories; missing
                            is a category of its own, the empty text, where there are such values */
    MCL_COLUMN_LABEL,    /* the classes; no input */
    MCL_COLUMN_ID,       /* names the rows; no input */
    MCL_COLUMN_IGNORED,  /* no input */
} mcl_column_kind;

/* "number", "category", "label", "id", "ignored"; "?" for a number that is none. */
MCL_API const char *mcl_column_kind_name(mcl_column_kind kind);

/* One column of a table. Its inputs are adjacent: inputs first … first+width-1 of a row. */
typedef struct mcl_column {
    const char *name; /* UTF-8; the schema's own memory */
    mcl_column_kind kind;
    uint64_t first, width;  /* width 0: no input */
    double mean, deviation; /* of a number, as they are used: 0 and 1 where nothing is done */
    bool indicator;         /* of a number: the last of its inputs tells missing values */
    uint32_t categories;    /* of a category or a label */
} mcl_column;

typedef struct mcl_schema mcl_schema;

/* Reads what mcl_schema_text() wrote. MCL_ERROR_FORMAT says where it is damaged. The caller frees
 * *schema. */
MCL_API mcl_status mcl_schema_parse(mcl_schema **schema, const char *text);

/* *text = the schema as one line of JSON, which the caller frees with mcl_schema_text_free(). Two
 * schemas that transform alike have the same text. */
MCL_API mcl_status mcl_schema_text(char **text, const mcl_schema *schema);
MCL_API void mcl_schema_text_free(char *text);

/* NULL is allowed. */
MCL_API void mcl_schema_free(mcl_schema *schema);

/* All columns in the order of the file, those without inputs too. 0 for NULL; a column beyond the
 * count has no name, NULL. */
MCL_API size_t mcl_schema_columns(const mcl_schema *schema);
MCL_API mcl_column mcl_schema_column(const mcl_schema *schema, size_t index);

/* The text of a column's category, or of a label's class; NULL beyond their count. */
MCL_API const char *mcl_schema_category(const mcl_schema *schema, size_t column, uint32_t index);

/* What images are: rows of height × width × channels values, each the byte that it is stored as,
 * times 1/255. */
typedef struct mcl_image {
    uint32_t height, width, channels;
} mcl_image;

/* Writes *image where the rows are images; false, and *image as it was, where they are not. */
MCL_API bool mcl_schema_image(mcl_image *image, const mcl_schema *schema);

/* The encoder inputs of a row. */
MCL_API uint64_t mcl_schema_inputs(const mcl_schema *schema);

#ifdef __cplusplus
}
#endif

#endif
