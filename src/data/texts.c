/* SPDX-License-Identifier: Apache-2.0 */
#include "data/texts.h"

#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/error.h"
#include "base/memory.h"
#include "data/schema.h"

/* A text whose parts are numbers and what stands between them, as "0-0-0" of 2026-11-29. */
struct shape {
    size_t digits[8]; /* of each number */
    size_t numbers;
    char between[8]; /* after each number */
    bool others;     /* it has other characters, or too many parts */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct shape shape_of(const char *text, size_t length)
{
    struct shape shape = {.numbers = 0};
    size_t at = 0;
    while (at < length && !shape.others) {
        size_t digits = 0;
        while (at < length && is_digit(text[at])) {
            digits++;
            at++;
        }
        shape.others = digits == 0 || shape.numbers == 8;
        if (shape.others)
            break;
        shape.digits[shape.numbers] = digits;
        shape.between[shape.numbers++] = at < length ? text[at] : '\0';
        at++;
    }
    return shape;
}

static bool is_time(const struct shape *shape, size_t from)
{
    const size_t count = shape->numbers - from;
    if (count < 2 || shape->digits[from] > 2 || shape->between[from] != ':' ||
        shape->digits[from + 1] != 2)
        return false;
    return count == 2 || (shape->between[from + 1] == ':' && shape->digits[from + 2] == 2);
}

bool mcl_is_date(const char *text, size_t length)
{
    static const char separators[] = "-/.";
    if (length > 0 && text[length - 1] == 'Z')
        length--;
    const struct shape shape = shape_of(text, length);
    const char mark = shape.between[0];
    if (shape.others || shape.numbers < 2)
        return false;
    if (is_time(&shape, 0))
        return true;
    if (shape.numbers == 2)
        return shape.digits[0] == 4 && shape.digits[1] == 2 && mark == '-';
    const bool year_first = shape.digits[0] == 4 && shape.digits[2] <= 2;
    const bool year_last = shape.digits[0] <= 2 && (shape.digits[2] == 4 || shape.digits[2] == 2);
    if (!mark || !strchr(separators, mark) || shape.between[1] != mark || shape.digits[1] > 2 ||
        (!year_first && !year_last))
        return false;
    return shape.numbers == 3 ||
           (strchr(" T", shape.between[2]) && shape.between[2] && is_time(&shape, 3));
}

/* Characters that stand in numbers as people and programs for them write them, and what they are in
 * ASCII. */
static const struct {
    const char *text;
    char ascii;
} marks[] = {
    {"\u2212", '-'},  /* minus */
    {"\u00A0", ' '},  /* blanks that do not break, … */
    {"\u202F", ' '},  /* … are narrow, … */
    {"\u2009", ' '},  /* … thin, … */
    {"\u2007", ' '},  /* … or as wide as digits */
    {"\u2019", '\''}, /* as in Switzerland */
};

#define COPY_SIZE 64 /* bytes; longer texts are no numbers that somebody wrote */

/* Copies a text with such characters in ASCII; returns its length. */
static size_t to_ascii(char copy[COPY_SIZE], const char *text, size_t length)
{
    size_t used = 0;
    for (size_t at = 0; at < length;) {
        char ascii = text[at];
        size_t size = 1;
        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
            const size_t bytes = strlen(marks[i].text);
            if (bytes <= length - at && memcmp(text + at, marks[i].text, bytes) == 0) {
                ascii = marks[i].ascii;
                size = bytes;
            }
        }
        copy[used++] = ascii;
        at += size;
    }
    return used;
}

/* Takes a unit off one end; false where there is none. */
static bool strip_unit(const char **text, size_t *length)
{
    static const char *const signs[] = {"$", "%", "\u20AC", "\u00A3", "\u00A5"};
    static const char *const words[] = {"\u00B0C", "\u00B0F", "\u00B0", "kg", "mg", "\u00B5g", "lb",
        "lbs", "oz", "km", "cm", "mm", "nm", "mi", "ft", "km/h", "m/s", "mph", "ms", "min", "hrs",
        "sec", "kW", "MW", "kWh", "mA", "mV", "kV", "Hz", "kHz", "MHz", "GHz", "kB", "KB", "MB",
        "GB", "TB", "ml", "mL", "hPa", "kPa", "bar", "psi", "mmHg", "bpm", "mg/dL", "USD", "EUR",
        "GBP", " g", " m", " s", " h", " l", " L", " W", " V", " A", " K", " t"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        const size_t size = strlen(signs[i]);
        if (*length >= size && memcmp(*text, signs[i], size) == 0) {
            *text += size;
            *length -= size;
            return true;
        }
        if (*length >= size && memcmp(*text + *length - size, signs[i], size) == 0) {
            *length -= size;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const size_t size = strlen(words[i]);
        if (*length > size && memcmp(*text + *length - size, words[i], size) == 0 &&
            strchr("0123456789. ", (*text)[*length - size - (*words[i] != ' ')])) {
            *length -= size;
            return true;
        }
    }
    return false;
}

/* Takes signs, blanks and units off both ends; *found: there was a unit. */
static void strip(const char **text, size_t *length, bool *found)
{
    for (bool again = true; again && *length > 0;) {
        again = strip_unit(text, length);
        *found = *found || again;
        if (*length > 0 && strchr("+- ", **text)) {
            ++*text;
            --*length;
            again = true;
        } else if (*length > 0 && (*text)[*length - 1] == ' ') {
            --*length;
            again = true;
        }
    }
}

/* Whether separators stand before each three digits, and at most one other mark before the last. */
static bool has_thousands(const struct shape *shape)
{
    const char mark = shape->between[0];
    if (shape->others || shape->numbers < 2 || !mark || !strchr(",. '_", mark) ||
        shape->digits[0] > 3)
        return false;
    for (size_t i = 1; i < shape->numbers; i++) {
        const bool last = i + 1 == shape->numbers;
        const bool fraction =
            last && i > 1 && shape->between[i - 1] != mark && strchr(",.", shape->between[i - 1]);
        if (!fraction && (shape->between[i - 1] != mark || shape->digits[i] != 3))
            return false;
    }
    return shape->between[shape->numbers - 1] == '\0';
}

bool mcl_is_formatted_number(const char *text, size_t length)
{
    char copy[COPY_SIZE] = "";
    bool unit = false;
    double value;
    if (length >= sizeof copy)
        return false;
    const size_t ascii = to_ascii(copy, text, length);
    unit = ascii < length; /* another minus, or another blank */
    text = copy;
    length = ascii;
    strip(&text, &length, &unit);
    const struct shape shape = shape_of(text, length);
    return has_thousands(&shape) || (unit && mcl_decimal_parse(&value, text, length, '.')) ||
           (unit && mcl_decimal_parse(&value, text, length, ','));
}

bool mcl_text_number(double *value, const char *text)
{
    return mcl_decimal_parse(value, text, strlen(text), '.');
}

struct entry {
    const char *text;
    double number;
};

static int compare_texts(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->text, ((const struct entry *)b)->text);
}

static int compare_numbers(const void *a, const void *b)
{
    const double x = ((const struct entry *)a)->number, y = ((const struct entry *)b)->number;
    return x < y ? -1 : x > y ? 1 : compare_texts(a, b);
}

static mcl_status sort(mcl_strings *sorted, struct entry *entries, uint64_t count, bool merge)
{
    bool numbers = count > 0;
    for (uint64_t i = 0; i < count && numbers; i++)
        numbers = mcl_text_number(&entries[i].number, entries[i].text);
    qsort(entries, (size_t)count, sizeof *entries, numbers ? compare_numbers : compare_texts);
    for (uint64_t i = 0; i < count; i++) {
        if (merge && numbers && i > 0 && entries[i].number == entries[i - 1].number)
            continue;
        MCL_TRY(mcl_strings_add(sorted, entries[i].text, strlen(entries[i].text)));
    }
    return MCL_OK;
}

mcl_status mcl_texts_sorted(
    mcl_strings **sorted, const mcl_strings *texts, bool merge, bool missing)
{
    struct entry *entries;
    mcl_strings *created = NULL;
    const uint64_t count = mcl_strings_count(texts);
    MCL_TRY(mcl_allocate(&entries, count, sizeof *entries));
    for (uint64_t i = 0; i < count; i++)
        entries[i].text = mcl_strings_at(texts, i);
    mcl_status status = mcl_strings_create(&created);
    if (status == MCL_OK && missing)
        status = mcl_strings_add(created, MCL_CATEGORY_MISSING, 0);
    if (status == MCL_OK)
        status = sort(created, entries, count, merge);
    free(entries);
    if (status == MCL_OK)
        *sorted = created;
    else
        mcl_strings_free(created);
    return status;
}
