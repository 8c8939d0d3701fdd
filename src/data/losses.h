/* SPDX-License-Identifier: Apache-2.0 */
/* What is lost of numbers that become float32, where it is more than a rounding error that no
 * measurement has: numbers far from 0 beside their differences, and large integers. */
#ifndef MASKCL_DATA_LOSSES_H
#define MASKCL_DATA_LOSSES_H

#include "data/array.h"

typedef struct mcl_losses mcl_losses;

/* *losses = NULL for a type of which float32 has every number. The array must live as long. */
mcl_status mcl_losses_create(mcl_losses **losses, const mcl_array *array);

/* NULL is allowed. */
void mcl_losses_free(mcl_losses *losses);

/* Looks at a run of values and what was stored of them. losses may be NULL. */
void mcl_losses_add(
    mcl_losses *losses, const void *values, const float *stored, size_t count, uint64_t first);

/* *text = what was lost of all values, one line that begins with name, freed with free(); NULL
 * where it is nothing that matters. losses may be NULL. */
mcl_status mcl_losses_text(char **text, const mcl_losses *losses, const char *name);

#endif
