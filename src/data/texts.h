/* SPDX-License-Identifier: Apache-2.0 */
/* What the texts of a column are. */
#ifndef MASKCL_DATA_TEXTS_H
#define MASKCL_DATA_TEXTS_H

#include <stdbool.h>
#include <stddef.h>

#include "data/strings.h"

/* "2026-11-29", "29.11.26", "11/29/2026 10:15", "10:15:30", "2026-11". */
bool mcl_is_date(const char *text, size_t length);

/* "1,234.5", "1 234", "12 %", "$5", "42 kg": a number, but for what stands in it or beside it. */
bool mcl_is_formatted_number(const char *text, size_t length);

/* *value = a text that is a number. */
bool mcl_text_number(double *value, const char *text);

/* Whether all are numbers with this point, of which some are not whole: no names of classes. */
bool mcl_texts_are_targets(const mcl_strings *texts, char point);

/* *sorted = texts, numbers by size where all are numbers, and else byte by byte. merge: of equal
 * numbers one is kept, which is the first byte by byte. missing: the empty text is put before them.
 * texts may be NULL. */
mcl_status mcl_texts_sorted(
    mcl_strings **sorted, const mcl_strings *texts, bool merge, bool missing);

#endif
