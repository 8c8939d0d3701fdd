/* SPDX-License-Identifier: Apache-2.0 */
/* Values of options as text: whole numbers, floating-point numbers and names, each within what its
 * type allows. Nothing here depends on the locale. */
#ifndef MASKCL_BASE_VALUES_H
#define MASKCL_BASE_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maskcl/status.h"

/* Which values there are. Of numbers those from minimum to maximum, without the ends where that is
 * said; `words` is the same in words, as after "is not a number". */
typedef struct mcl_value_type {
    enum { MCL_VALUE_WHOLE, MCL_VALUE_FLOAT, MCL_VALUE_DOUBLE, MCL_VALUE_NAME } kind;
    uint64_t least, most; /* whole */
    double minimum, maximum;
    bool without_minimum, without_maximum;
    const char *words;
    const char *what; /* names: "activation", for messages */
    const char *const *names;
    size_t name_count;
} mcl_value_type;

extern const mcl_value_type mcl_value_count32;        /* whole, from 1 to 2^32 - 1 */
extern const mcl_value_type mcl_value_count64;        /* whole, from 1 */
extern const mcl_value_type mcl_value_whole32;        /* whole, from 0 to 2^32 - 1 */
extern const mcl_value_type mcl_value_whole64;        /* whole, from 0 */
extern const mcl_value_type mcl_value_positive;       /* double, above 0 */
extern const mcl_value_type mcl_value_positive_float; /* float, above 0 */
extern const mcl_value_type mcl_value_not_negative;   /* double, 0 or above */
extern const mcl_value_type mcl_value_inside_unit;    /* double, between 0 and 1 without the two */
extern const mcl_value_type mcl_value_below_one;      /* double, from 0 to below 1 */
extern const mcl_value_type mcl_value_no_or_yes;      /* "no" is 0, "yes" 1 */

/* MCL_ERROR_ARGUMENT, saying why, when text is not a value of the type. Of names, the value is the
 * place in the list. */
mcl_status mcl_whole_parse(uint64_t *value, const mcl_value_type *type, const char *text);
mcl_status mcl_value_parse(double *value, const mcl_value_type *type, const char *text);

/* Writes the shortest text that is read back as the same value. */
void mcl_value_show(char *text, size_t size, const mcl_value_type *type, double value);

/* Whether the value of a field that was not set by text is one of the type. */
bool mcl_value_fits(const mcl_value_type *type, double value);

#endif
