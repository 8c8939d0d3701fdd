/* SPDX-License-Identifier: Apache-2.0 */
/* Work on a series of items in several threads, ahead of who takes the results, in order. */
#ifndef MASKCL_DATA_AHEAD_H
#define MASKCL_DATA_AHEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "maskcl/status.h"

typedef struct mcl_ahead {
    void *state; /* that the functions get */
    void *items; /* [count] of size bytes each: how far ahead the work may be; 64 at most */
    size_t count, size;
    /* Sets *item to the series' next; false: there is none. One thread at a time calls it. */
    bool (*next)(void *item, void *state);
    /* Does the work, in any thread. */
    void (*run)(void *item, void *state);
    /* For mcl_work_ahead(): takes the items in their order, in the caller's thread; a failure ends
     * it all. Until it sets *settled, each item is taken before the next one is begun. */
    mcl_status (*take)(bool *settled, void *item, void *state);
} mcl_ahead;

/* How many threads work, the caller's among them: one a processor, 16 at most. */
size_t mcl_ahead_threads(void);

/* Returns when all items are taken, or what take failed with. */
mcl_status mcl_work_ahead(const mcl_ahead *work);

/* The same for who asks for the items one after the other. The work must live as long. */
typedef struct mcl_series mcl_series;
mcl_status mcl_series_open(mcl_series **series, const mcl_ahead *work);
/* Ends the threads. NULL is allowed. */
void mcl_series_close(mcl_series *series);

/* The next item, on which the work is done; NULL after the last one. It is the caller's until the
 * next call. Where nothing is done yet, the caller's thread works, too. */
void *mcl_series_next(mcl_series *series);

#endif
