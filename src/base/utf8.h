/* SPDX-License-Identifier: Apache-2.0 */
/* What text from files must be. */
#ifndef MASKCL_BASE_UTF8_H
#define MASKCL_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF. */
bool mcl_is_utf8(const char *text, size_t length);

bool mcl_has_control_character(const char *text);

/* Whether JSON has a zero byte, however it is written. cJSON ends a string there: two names could
 * become one. */
bool mcl_json_has_zero(const char *json, size_t length);

#define MCL_QUOTE_SIZE 64

/* Writes what a message may quote of text from a file: its beginning, on one line. Returns quote.
 */
const char *mcl_quote(char quote[MCL_QUOTE_SIZE], const char *text);

#endif
