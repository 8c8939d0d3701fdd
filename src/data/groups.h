/* SPDX-License-Identifier: Apache-2.0 */
/* Columns that are several adjacent inputs of a row: what views draw for and objectives weigh is
 * the column, not the input. */
#ifndef MASKCL_DATA_GROUPS_H
#define MASKCL_DATA_GROUPS_H

#include <stdint.h>

#include "maskcl/data.h"

/* A column's inputs are first … first+width-1; kind is MCL_GROUP_…, see cl/constants.clh. */
typedef struct mcl_group {
    uint32_t first, width, kind, unused;
} mcl_group;

/* All columns that have inputs, in the inputs' order, which they cover. */
typedef struct mcl_groups {
    mcl_group *columns; /* [count]; NULL: every input is a column of numbers by itself */
    uint32_t count;
} mcl_groups;

/* Every input by itself. */
extern const mcl_groups mcl_groups_none;

/* Those of the data's schema; none where it has no schema, or one of numbers alone. MCL_ERROR_DATA
 * for a schema whose columns leave inputs of the rows out. Released with mcl_groups_release(). */
mcl_status mcl_groups_of(mcl_groups *groups, const mcl_data *data);
void mcl_groups_release(mcl_groups *groups);

#endif
