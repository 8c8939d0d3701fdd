/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "maskcl/status.h"

#define REPLACEMENT '?'

/* The bytes of the character that begins at text, 0 where it is no UTF-8 (Unicode, table 3-7);
 * *code = its number. */
static size_t decode(uint32_t *code, const unsigned char *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char first = *text;
    const size_t length = first < 0x80                     ? 1
                          : first >= 0xC2 && first <= 0xDF ? 2
                          : (first & 0xF0) == 0xE0         ? 3
                          : first >= 0xF0 && first <= 0xF4 ? 4
                                                           : 0;
    *code = length > 1 ? first & (0x7FU >> length) : first;
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xC0) != 0x80) /* the end of the text, too */
            return 0;
        *code = *code << 6 | (text[i] & 0x3FU);
    }
    const bool surrogate = *code >= 0xD800 && *code <= 0xDFFF;
    return length && *code >= least[length] && *code <= 0x10FFFF && !surrogate ? length : 0;
}

/* Control characters, and those that turn the direction of what stands around them. */
static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 ||
           (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

size_t mcl_clean_text(char *clean, size_t size, const char *text, const char *kept)
{
    size_t used = 0;
    if (!clean || size == 0)
        return 0;
    while (text && *text) {
        uint32_t code;
        const size_t length = decode(&code, (const unsigned char *)text);
        const bool good =
            length && (!is_control(code) || (code < 0x80 && kept && strchr(kept, *text)));
        const size_t room = good ? length : 1;
        if (used + room >= size)
            break;
        if (good)
            memcpy(clean + used, text, length);
        else
            clean[used] = REPLACEMENT;
        used += room;
        text += length ? length : 1;
    }
    clean[used] = '\0';
    return used;
}
