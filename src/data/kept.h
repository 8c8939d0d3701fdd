/* SPDX-License-Identifier: Apache-2.0 */
/* What was found in the cells of a table, kept so that they need not be read again: a number as the
 * double that it is, a text as its number in the column's dictionary. */
#ifndef MASKCL_DATA_KEPT_H
#define MASKCL_DATA_KEPT_H

#include <string.h>

#include "data/dictionary.h"

typedef struct mcl_kept mcl_kept;

/* *kept = nothing yet of a table of so many columns, for which it takes so many bytes at most. */
mcl_status mcl_kept_create(mcl_kept **kept, size_t columns, uint64_t most);
/* NULL is allowed. */
void mcl_kept_free(mcl_kept *kept);

/* The places of a row's cells, one of those that there are or the next one; NULL where they take
 * too much memory. */
uint64_t *mcl_kept_row(mcl_kept *kept, uint64_t row);

/* Gives it the texts of a column, which are its own from then on. */
void mcl_kept_set_texts(mcl_kept *kept, size_t column, mcl_dictionary *texts);

uint64_t mcl_kept_rows(const mcl_kept *kept);
size_t mcl_kept_columns(const mcl_kept *kept);
/* NULL where a column has none. */
const mcl_strings *mcl_kept_texts(const mcl_kept *kept, size_t column);

/* The cells of a row and of those after it, *count rows in all, which lie one after the other. */
const uint64_t *mcl_kept_cells(uint64_t *count, const mcl_kept *kept, uint64_t row);

#define MCL_KEPT_MISSING UINT64_MAX
#define MCL_KEPT_TEXT ((uint64_t)0xFFFFFFFE << 32) /* with this or more a double is no number */

static inline uint64_t mcl_kept_text(uint64_t index)
{
    return index < UINT32_MAX ? MCL_KEPT_TEXT | index : MCL_KEPT_MISSING;
}

static inline uint64_t mcl_kept_number(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

#endif
