/* SPDX-License-Identifier: Apache-2.0 */
/* A table's rows being made encoder inputs. */
#ifndef MASKCL_DATA_ENCODE_H
#define MASKCL_DATA_ENCODE_H

#include "base/utf8.h"
#include "data/builder.h"
#include "data/lookup.h"
#include "data/row_labels.h"
#include "data/sums.h"
#include "data/table.h"

/* What becomes of a column's cells. */
typedef struct mcl_target {
    mcl_column column; /* of the schema; of width 0: nothing */
    mcl_lookup *lookup;
    uint64_t missing, unknown; /* cells that the schema knows nothing of */
    char example[MCL_QUOTE_SIZE];
    mcl_moments moments; /* of numbers as they are used */
} mcl_target;

typedef struct mcl_encoding {
    mcl_table *table;
    const mcl_schema *schema;
    mcl_target *targets; /* [columns] */
    size_t columns;
    uint64_t label, id; /* columns, or MCL_DICTIONARY_NONE */
    bool fitted;
    mcl_builder *builder;
    float *block; /* [block_rows × inputs] */
    uint64_t block_rows, filled, inputs;
    mcl_row_labels *labels;
    mcl_strings *names;
} mcl_encoding;

/* Adds all rows to the builder and the labels, by threads. */
mcl_status mcl_encode_kept(mcl_encoding *encoding, const mcl_kept *kept);

#endif
