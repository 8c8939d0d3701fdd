/* SPDX-License-Identifier: Apache-2.0 */
/* The classes that labels are of: their numbers, which may have gaps, and their places among them,
 * which have none. */
#ifndef MASKCL_DATA_CLASSES_H
#define MASKCL_DATA_CLASSES_H

#include <stdint.h>

#include "maskcl/status.h"

#define MCL_CLASSES_MOST 65536

typedef struct mcl_classes {
    int32_t *numbers; /* [count], ascending */
    uint32_t count;
} mcl_classes;

/* Finds the classes of labels[rows], to be released. Negative labels and more than MCL_CLASSES_MOST
 * classes are MCL_ERROR_DATA. */
mcl_status mcl_classes_find(mcl_classes *classes, const int32_t *labels, uint64_t rows);
void mcl_classes_release(mcl_classes *classes);

/* The place of a number, or classes->count where no label has it. */
uint32_t mcl_classes_place(const mcl_classes *classes, int32_t number);

/* *places = the place of each of labels[rows], -1 of what is no class, freed with free(). */
mcl_status mcl_classes_places(
    int32_t **places, const mcl_classes *classes, const int32_t *labels, uint64_t rows);

/* *text = the numbers joined by commas, freed with free(). */
mcl_status mcl_classes_show(char **text, const mcl_classes *classes);

/* Reads `count` numbers from such a text, to be released; MCL_ERROR_FORMAT for any other. */
mcl_status mcl_classes_parse(mcl_classes *classes, const char *text, uint32_t count);

#endif
