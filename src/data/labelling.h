/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of whatever kind, from a file. */
#ifndef MASKCL_DATA_LABELLING_H
#define MASKCL_DATA_LABELLING_H

#include "data/source.h"
#include "data/strings.h"
#include "maskcl/data.h"

/* What was read; each is freed by the caller. */
typedef struct mcl_labelling {
    int32_t *labels; /* [count] from -1 */
    uint64_t count;
    mcl_strings *classes; /* their names; NULL: they are numbers */
} mcl_labelling;

/* Reads the labels of `rows` rows (0: of however many) as mcl_data_label() does. */
mcl_status mcl_labelling_read(
    mcl_labelling *labelling, mcl_source *source, uint64_t rows, const mcl_data *like);
void mcl_labelling_release(mcl_labelling *labelling);

#endif
