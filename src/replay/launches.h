/* SPDX-License-Identifier: Apache-2.0 */
/* What the launches of one step write, recorded on one side and compared on the other. */
#ifndef MASKCL_REPLAY_LAUNCHES_H
#define MASKCL_REPLAY_LAUNCHES_H

#include "device/context.h"
#include "device/observe.h"
#include "maskcl/reproduce.h"

typedef struct mcl_launches mcl_launches;

/* Freed with mcl_launches_free(), which takes NULL. */
mcl_status mcl_launches_create(mcl_launches **launches);
void mcl_launches_free(mcl_launches *launches);

/* Records the launches of the context from now on, until its observer is taken away: which words of
 * which buffers each of them changes. whole_products as in mcl_observer. */
void mcl_launches_record(mcl_launches *launches, mcl_context *context, bool whole_products);

/* Compares the launches of another context with those recorded, in their order. Words that a launch
 * changes on either side must be the same on both after it; what it leaves alone, such as memory
 * that nobody has written, may differ. *difference gets the first launch where they are not. */
void mcl_launches_compare(
    mcl_launches *launches, mcl_context *context, mcl_difference *difference, bool whole_products);

#endif
