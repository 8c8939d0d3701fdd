/* SPDX-License-Identifier: Apache-2.0 */
/* Names: of the values of an enumeration, for options and files, and parts of others. */
#ifndef MASKCL_BASE_NAMES_H
#define MASKCL_BASE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "maskcl/status.h"

/* *index = the place of text in names; what is "activation" and so on for the message, which lists
 * all names. MCL_ERROR_ARGUMENT when text is none of them. */
mcl_status mcl_name_parse(
    size_t *index, const char *text, const char *const *names, size_t count, const char *what);

/* The same for a table of count rows of size bytes each, whose first member is the name, a const
 * char pointer. */
mcl_status mcl_name_parse_row(
    size_t *index, const char *text, const void *rows, size_t size, size_t count, const char *what);

/* Whether part occurs in text, in any case. */
bool mcl_contains(const char *text, const char *part);

/* names[index], or "?" for a number that has no name. */
const char *mcl_name_of(const char *const *names, size_t count, size_t index);

#endif
