/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text, the same in every locale: a program with a decimal comma reads and writes the
 * options and files of one without. Thread-safe; the process's locale is not touched. */
#ifndef MASKCL_BASE_NUMBERS_H
#define MASKCL_BASE_NUMBERS_H

#include <stdbool.h>

#define MCL_NUMBER_SIZE 32 /* bytes of a number's text at most */

/* *value = the number nearest to the decimal text: an optional sign, digits with at most one '.'
 * among or around them, an optional exponent; "-1.5e-3". False, and *value as it was, for anything
 * else: an empty text, blanks, hexadecimal digits, "inf", "nan", and what is beyond the largest
 * finite number. What is nearer to 0 than to the smallest number is 0. */
bool mcl_number_parse(double *value, const char *text);
bool mcl_number_parse_float(float *value, const char *text);

/* Writes as few digits as mcl_number_parse() (of a float: mcl_number_parse_float()) reads back as
 * value; with an exponent where printf's %.9g has one. "inf", "-inf" and "nan" are not read back.
 */
void mcl_number_show(char text[MCL_NUMBER_SIZE], double value);
void mcl_number_show_float(char text[MCL_NUMBER_SIZE], float value);

#endif
