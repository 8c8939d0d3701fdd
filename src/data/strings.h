/* SPDX-License-Identifier: Apache-2.0 */
/* A list of texts that grows, as in the names of a million rows. */
#ifndef MASKCL_DATA_STRINGS_H
#define MASKCL_DATA_STRINGS_H

#include <stddef.h>
#include <stdint.h>

#include "maskcl/status.h"

typedef struct mcl_strings mcl_strings;

mcl_status mcl_strings_create(mcl_strings **strings);
/* NULL is allowed. */
void mcl_strings_free(mcl_strings *strings);

/* Appends a copy of a text of length bytes. */
mcl_status mcl_strings_add(mcl_strings *strings, const char *text, size_t length);

/* 0 for NULL. */
uint64_t mcl_strings_count(const mcl_strings *strings);

/* NULL beyond the count and for NULL; the list's own memory until the next one is added. */
const char *mcl_strings_at(const mcl_strings *strings, uint64_t index);

/* Appends the texts of another list in ascending order of their bytes. */
mcl_status mcl_strings_add_sorted(mcl_strings *strings, const mcl_strings *others);

#endif
