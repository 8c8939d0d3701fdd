/* SPDX-License-Identifier: Apache-2.0 */
/* The order of the rows in an epoch. */
#ifndef MASKCL_DATA_PERMUTATION_H
#define MASKCL_DATA_PERMUTATION_H

#include <stdint.h>

#include "maskcl/status.h"

/* The memory that drawing permutations of a number of rows takes: twice as many bytes a row as the
 * number of the last row has, which are 3 of 16 million rows. */
typedef struct mcl_permutation mcl_permutation;

/* The bytes that it takes with an order that is kept. */
uint64_t mcl_permutation_bytes(uint64_t rows);

mcl_status mcl_permutation_create(mcl_permutation **permutation, uint64_t rows);
void mcl_permutation_free(mcl_permutation *permutation);

/* Starts to draw the order of an epoch. An unfinished draw is abandoned. */
void mcl_permutation_begin(mcl_permutation *permutation, uint64_t seed, uint32_t epoch);

/* How often a draw passes over all rows. */
#define MCL_PERMUTATION_PASSES 5

/* Continues the draw by this many visits of a row, so that the draw for an epoch can be spread over
 * the steps of the previous one. */
void mcl_permutation_advance(mcl_permutation *permutation, uint64_t visits);

/* Ends the draw: order[0 … rows-1] = the rows in the epoch's order, sorted by (w0 << 32) | w1, the
 * first two words of the row's draw in the stream MCL_STREAM_SHUFFLE; equal keys by row. */
void mcl_permutation_finish(mcl_permutation *permutation, uint64_t *order);

/* The same, kept beside the next draw, in half as much memory again. Nothing is kept after a
 * failure.
 */
mcl_status mcl_permutation_keep(mcl_permutation *permutation);

/* numbers[count] = the rows at places first … of the order that was kept. */
void mcl_permutation_kept(
    uint64_t *numbers, const mcl_permutation *permutation, uint64_t first, uint64_t count);

#endif
