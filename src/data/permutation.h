/* The order of the rows in an epoch. */
#ifndef MASKCL_DATA_PERMUTATION_H
#define MASKCL_DATA_PERMUTATION_H

#include <stdint.h>

#include "maskcl/status.h"

/* The memory that drawing permutations of a number of rows takes: 32 bytes a row. */
typedef struct mcl_permutation mcl_permutation;

mcl_status mcl_permutation_create(mcl_permutation **permutation, uint64_t rows);
void mcl_permutation_free(mcl_permutation *permutation);

/* order[0 … rows-1] = the rows in the epoch's order: sorted by (w0 << 32) | w1, the first two words
 * of the row's draw in the stream MCL_STREAM_SHUFFLE; equal keys by row. Allocates nothing. */
void mcl_permutation_draw(
    mcl_permutation *permutation, uint64_t *order, uint64_t seed, uint32_t epoch);

#endif
