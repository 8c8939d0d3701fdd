/* SPDX-License-Identifier: Apache-2.0 */
#include "base/numbers.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Below this power of ten a number without more digits than that is written without exponent. */
#define PLAIN_POWER 9

/* The C locale for this thread alone, until leave(). Every C library has it ready-made, so that
 * there is nothing that could fail. */
struct locales {
    locale_t c, before;
};

static struct locales enter_c_locale(void)
{
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return (struct locales){c, uselocale(c)};
}

static void leave(struct locales locales)
{
    uselocale(locales.before);
    if (locales.c)
        freelocale(locales.c);
}

static size_t count_digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* Whether the whole text is a decimal number; strtod() would take more. */
static bool is_decimal(const char *text)
{
    text += *text == '+' || *text == '-';
    size_t digits = count_digits(text);
    text += digits;
    if (*text == '.') {
        const size_t after = count_digits(++text);
        text += after;
        digits += after;
    }
    if (digits > 0 && (*text == 'e' || *text == 'E')) {
        text++;
        text += *text == '+' || *text == '-';
        digits = count_digits(text);
        text += digits;
    }
    return digits > 0 && *text == '\0';
}

bool mcl_number_parse(double *value, const char *text)
{
    if (!is_decimal(text))
        return false;
    const struct locales locales = enter_c_locale();
    const double parsed = strtod(text, NULL);
    leave(locales);
    if (!isfinite(parsed))
        return false;
    *value = parsed;
    return true;
}

bool mcl_number_parse_float(float *value, const char *text)
{
    if (!is_decimal(text))
        return false;
    const struct locales locales = enter_c_locale();
    const float parsed = strtof(text, NULL); /* not by way of a double: it would round twice */
    leave(locales);
    if (!isfinite(parsed))
        return false;
    *value = parsed;
    return true;
}

/* Whether the text is value, as a float where single is set. */
static bool reads_back(const char *text, double value, bool single)
{
    return (single ? (double)strtof(text, NULL) : strtod(text, NULL)) == value;
}

static void show(char text[MCL_NUMBER_SIZE], double value, bool single)
{
    const int most = single ? 9 : 17; /* digits, which always suffice */
    const struct locales locales = enter_c_locale();
    int digits = 1;
    do
        snprintf(text, MCL_NUMBER_SIZE, "%.*e", digits - 1, value);
    while (!reads_back(text, value, single) && digits++ < most);
    const char *exponent = strchr(text, 'e');
    const int power = exponent ? (int)strtol(exponent + 1, NULL, 10) : 0;
    if (power < PLAIN_POWER && power >= digits) /* 20, not 2e+01 */
        digits = power + 1;
    snprintf(text, MCL_NUMBER_SIZE, "%.*g", digits, value);
    leave(locales);
}

void mcl_number_show(char text[MCL_NUMBER_SIZE], double value)
{
    show(text, value, false);
}

void mcl_number_show_float(char text[MCL_NUMBER_SIZE], float value)
{
    show(text, (double)value, true);
}
