/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options: every option of a training stands here, once. */
#ifndef MASKCL_TRAIN_ROWS_H
#define MASKCL_TRAIN_ROWS_H

#include "train/fields.h"

/* The prefix of fine-tuning's metadata. */
#define MCL_FINETUNE_PREFIX "finetune_"

/* What is called after a kind of options: its struct and its defaults. */
typedef struct mcl_options_family {
    mcl_options_kind kind;
    uint32_t version;
    size_t size;          /* of the struct */
    size_t training;      /* offset of its mcl_train_options; 0: it has none */
    const mcl_row *rows;  /* of its own, in the order in which they are applied */
    size_t row_count;     /* before those of training */
    const char *prefix;   /* of its keys in a model's metadata */
    const char *defaults; /* settings, where they differ from the rows' */
} mcl_options_family;

/* Those of mcl_data_options, in data_rows.c. */
#define MCL_ROWS_OF_DATA 15
extern const mcl_row mcl_rows_of_data[MCL_ROWS_OF_DATA];

/* NULL when there is none of that kind. */
const mcl_options_family *mcl_options_family_of(mcl_options_kind kind);

/* Row number `index` of the family's own, then of those of training; NULL after the last. */
const mcl_row *mcl_options_row(const mcl_options_family *family, size_t index);

#endif
