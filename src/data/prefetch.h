/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of rows that lie in files, read by threads before they are needed. The threads block all
 * signals, and end with the prefetch. */
#ifndef MASKCL_DATA_PREFETCH_H
#define MASKCL_DATA_PREFETCH_H

#include "data/permutation.h"
#include "maskcl/data.h"

typedef struct mcl_prefetch mcl_prefetch;

/* Reads batches of `batch` rows, in the order that the permutation keeps, or the data set's own
 * where that is NULL; only that has a last batch of fewer. Nothing is read yet. data and order must
 * live as long. It takes a part of the memory that the data's rows may take. */
mcl_status mcl_prefetch_create(
    mcl_prefetch **prefetch, const mcl_data *data, uint32_t batch, const mcl_permutation *order);

/* Waits for what is being read. NULL is allowed. */
void mcl_prefetch_free(mcl_prefetch *prefetch);

/* Gives up what was read ahead, so that another order can be kept, and reads from place `first` on.
 */
void mcl_prefetch_pause(mcl_prefetch *prefetch);
void mcl_prefetch_start(mcl_prefetch *prefetch, uint64_t first);

/* Copies the rows at places first … first+count-1 and, in an order, their numbers. Those of the
 * batch after the one that was taken last are there or soon will be; for any other it starts anew.
 * Errors are those of mcl_data_gather(). */
mcl_status mcl_prefetch_take(
    uint64_t *numbers, void *rows, mcl_prefetch *prefetch, uint64_t first, uint32_t count);

#endif
