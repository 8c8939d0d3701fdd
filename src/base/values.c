/* SPDX-License-Identifier: Apache-2.0 */
#include "base/values.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "base/numbers.h"

static const char *const no_or_yes[] = {"no", "yes"};

const mcl_value_type mcl_value_count32 = {.least = 1, .most = UINT32_MAX};
const mcl_value_type mcl_value_count64 = {.least = 1, .most = UINT64_MAX};
const mcl_value_type mcl_value_whole32 = {.most = UINT32_MAX};
const mcl_value_type mcl_value_whole64 = {.most = UINT64_MAX};
const mcl_value_type mcl_value_positive = {.kind = MCL_VALUE_DOUBLE,
    .maximum = INFINITY,
    .without_minimum = true,
    .without_maximum = true,
    .words = "above 0"};
const mcl_value_type mcl_value_positive_float = {.kind = MCL_VALUE_FLOAT,
    .maximum = INFINITY,
    .without_minimum = true,
    .without_maximum = true,
    .words = "above 0"};
const mcl_value_type mcl_value_not_negative = {.kind = MCL_VALUE_DOUBLE,
    .maximum = INFINITY,
    .without_maximum = true,
    .words = "of 0 or above"};
const mcl_value_type mcl_value_inside_unit = {.kind = MCL_VALUE_DOUBLE,
    .maximum = 1.0,
    .without_minimum = true,
    .without_maximum = true,
    .words = "between 0 and 1"};
const mcl_value_type mcl_value_below_one = {.kind = MCL_VALUE_DOUBLE,
    .maximum = 1.0,
    .without_maximum = true,
    .words = "from 0 to below 1"};
const mcl_value_type mcl_value_no_or_yes = {
    .kind = MCL_VALUE_NAME, .what = "answer", .names = no_or_yes, .name_count = 2};

mcl_status mcl_whole_parse(uint64_t *value, const mcl_value_type *type, const char *text)
{
    if (!*text || text[strspn(text, "0123456789")])
        return mcl_fail(MCL_ERROR_ARGUMENT, "'%s' is not a whole number", text);
    errno = 0;
    const unsigned long long number = strtoull(text, NULL, 10);
    if (errno || number < type->least || number > type->most)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%s is not from %" PRIu64 " to %" PRIu64, text,
            type->least, type->most);
    *value = number;
    return MCL_OK;
}

bool mcl_value_fits(const mcl_value_type *type, double value)
{
    switch (type->kind) {
    case MCL_VALUE_WHOLE:
        return value >= (double)type->least && value <= (double)type->most && value == floor(value);
    case MCL_VALUE_NAME:
        return value >= 0.0 && value < (double)type->name_count && value == floor(value);
    default:
        return isfinite(value) && value >= type->minimum && value <= type->maximum &&
               !(type->without_minimum && value == type->minimum) &&
               !(type->without_maximum && value == type->maximum);
    }
}

mcl_status mcl_value_parse(double *value, const mcl_value_type *type, const char *text)
{
    uint64_t whole = 0;
    size_t name = 0;
    double number = 0.0;
    switch (type->kind) {
    case MCL_VALUE_WHOLE:
        MCL_TRY(mcl_whole_parse(&whole, type, text));
        *value = (double)whole;
        return MCL_OK;
    case MCL_VALUE_NAME:
        MCL_TRY(mcl_name_parse(&name, text, type->names, type->name_count, type->what));
        *value = (double)name;
        return MCL_OK;
    default:
        break;
    }
    if (!mcl_number_parse(&number, text))
        return mcl_fail(MCL_ERROR_ARGUMENT, "'%s' is not a number", text);
    if (type->kind == MCL_VALUE_FLOAT) /* before the range is checked: 1e-60 is 0 then */
        number = (double)(float)number;
    if (!mcl_value_fits(type, number))
        return mcl_fail(MCL_ERROR_ARGUMENT, "%s is not a number %s", text, type->words);
    *value = number;
    return MCL_OK;
}

void mcl_value_show(char *text, size_t size, const mcl_value_type *type, double value)
{
    char number[32];
    switch (type->kind) {
    case MCL_VALUE_WHOLE:
        snprintf(text, size, "%.0f", value);
        return;
    case MCL_VALUE_NAME:
        snprintf(text, size, "%s",
            mcl_value_fits(type, value) ? type->names[(size_t)value] : "an unknown name");
        return;
    case MCL_VALUE_FLOAT:
        mcl_number_show_float(number, (float)value);
        break;
    default:
        mcl_number_show(number, value);
    }
    snprintf(text, size, "%s", number);
}
