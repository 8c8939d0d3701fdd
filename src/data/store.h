/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that stay in files: those of one file after those of another, read at any place. */
#ifndef MASKCL_DATA_STORE_H
#define MASKCL_DATA_STORE_H

#include <stdbool.h>

#include "maskcl/data.h"

/* Threads may read it at the same time. */
typedef struct mcl_store mcl_store;

typedef struct mcl_store_part {
    int file;         /* open for reading */
    const char *name; /* for messages */
    uint64_t offset;  /* of the first row */
    uint64_t rows;
    bool own; /* a temporary file of ours: it holds what is to be used, and nobody changes it */
} mcl_store_part;

mcl_status mcl_store_create(mcl_store **store, mcl_element element, uint64_t columns);

/* Closes the files. NULL is allowed. */
void mcl_store_free(mcl_store *store);

/* Adds the rows of a file, which is the store's from now on, also after a failure. */
mcl_status mcl_store_add(mcl_store *store, const mcl_store_part *part);

/* Reads rows first … first+count-1 to `to`. Floats become what mcl_data_store() makes of them; NaN
 * and infinities are MCL_ERROR_DATA, with row and column. A file whose size or time has changed
 * since it was added is MCL_ERROR_FILE. */
mcl_status mcl_store_read(void *to, const mcl_store *store, uint64_t first, uint64_t count);

/* Reads the rows with these numbers, in the order of their places on the disk, of which the file
 * system is told before. */
mcl_status mcl_store_gather(
    void *to, const mcl_store *store, const uint64_t *numbers, uint64_t count);

#endif
