/* SPDX-License-Identifier: Apache-2.0 */
/* The types of numbers that files and the caller's memory hold. */
#ifndef MASKCL_DATA_NUMBER_TYPES_H
#define MASKCL_DATA_NUMBER_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maskcl/data.h"

#define MCL_NUMBER_TEXT 32

/* "float32" and so on, as NumPy has it; NULL for no type. */
const char *mcl_number_name(mcl_number type);

/* "32-bit integers" */
const char *mcl_number_words(mcl_number type);

/* Bytes of a number. */
size_t mcl_number_size(mcl_number type);

/* Turns the bytes of each of count numbers around. */
void mcl_number_swap(void *numbers, mcl_number type, size_t count);

/* Number `index` of an array, exact but for 64-bit integers beyond 2^53, which are rounded. */
double mcl_number_at(const void *numbers, mcl_number type, size_t index);

/* The same with all its digits. */
void mcl_number_text(
    char text[MCL_NUMBER_TEXT], const void *numbers, mcl_number type, size_t index);

/* Whether float32 has every number of the type. */
bool mcl_number_fits_float(mcl_number type);

/* to[i] = from[i] rounded to the nearest float, for count numbers. */
void mcl_number_floats(float *to, const void *from, mcl_number type, size_t count);

#endif
