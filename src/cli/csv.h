/* SPDX-License-Identifier: Apache-2.0 */
/* Tables as text. */
#ifndef MASKCL_CLI_CSV_H
#define MASKCL_CLI_CSV_H

#include <stdbool.h>
#include <stdio.h>

/* A value, in quotes where it needs them. */
void mcl_csv_value(FILE *stream, const char *text);

/* What is between two values, or before the first. */
void mcl_csv_comma(FILE *stream, bool *begun);

#endif
