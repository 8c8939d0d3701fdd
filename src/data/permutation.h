/* SPDX-License-Identifier: Apache-2.0 */
/* The order of the rows in an epoch. */
#ifndef MASKCL_DATA_PERMUTATION_H
#define MASKCL_DATA_PERMUTATION_H

#include <stdint.h>

#include "maskcl/status.h"

/* The memory that drawing permutations of a number of rows takes: 32 bytes a row. */
typedef struct mcl_permutation mcl_permutation;

mcl_status mcl_permutation_create(mcl_permutation **permutation, uint64_t rows);
void mcl_permutation_free(mcl_permutation *permutation);

/* Begins to draw the order of an epoch. Whatever was begun before is given up. */
void mcl_permutation_begin(mcl_permutation *permutation, uint64_t seed, uint32_t epoch);

/* A draw goes over all rows so many times. */
#define MCL_PERMUTATION_PASSES 5

/* Goes on with what was begun, by the work of visiting a row this many times: so that the draw of
 * an epoch can be spread over the steps of the one before. */
void mcl_permutation_advance(mcl_permutation *permutation, uint64_t visits);

/* Ends the draw: order[0 … rows-1] = the rows in the epoch's order, sorted by (w0 << 32) | w1, the
 * first two words of the row's draw in the stream MCL_STREAM_SHUFFLE; equal keys by row. */
void mcl_permutation_finish(mcl_permutation *permutation, uint64_t *order);

#endif
