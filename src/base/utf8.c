/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <string.h>

#include "maskcl/status.h"

bool mcl_is_utf8(const char *text, size_t length)
{
    const unsigned char *c = (const unsigned char *)text, *end = c + length;
    while (c < end) {
        const unsigned char first = *c++;
        if (first < 0x80)
            continue;
        if (first < 0xC2 || first > 0xF4)
            return false;
        const int following = first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
        if (end - c < following)
            return false;
        if ((first == 0xE0 && *c < 0xA0) || (first == 0xED && *c > 0x9F) ||
            (first == 0xF0 && *c < 0x90) || (first == 0xF4 && *c > 0x8F))
            return false;
        for (int i = 0; i < following; i++) {
            if ((*c++ & 0xC0) != 0x80)
                return false;
        }
    }
    return true;
}

bool mcl_json_has_zero(const char *json, size_t length)
{
    if (memchr(json, 0, length))
        return true;
    for (size_t i = 0; i + 6 <= length; i++) {
        if (json[i] != '\\')
            continue;
        if (memcmp(json + i, "\\u0000", 6) == 0)
            return true;
        i++; /* an escaped character starts no escape */
    }
    return false;
}

bool mcl_has_control_character(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            return true;
    }
    return false;
}

const char *mcl_quote(char quote[MCL_QUOTE_SIZE], const char *text)
{
    static const char more[] = "\u2026";
    const size_t used = mcl_clean_text(quote, MCL_QUOTE_SIZE - sizeof more, text, "");
    if (used < strlen(text))
        memcpy(quote + used, more, sizeof more);
    return quote;
}
