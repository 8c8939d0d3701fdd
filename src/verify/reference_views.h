/* SPDX-License-Identifier: Apache-2.0 */
/* What cl/augment.cl must give, on the host, from docs/numerics.md. */
#ifndef MASKCL_VERIFY_REFERENCE_VIEWS_H
#define MASKCL_VERIFY_REFERENCE_VIEWS_H

#include "data/groups.h"
#include "maskcl/data.h"
#include "maskcl/views.h"

/* The views of a row: [D] each. */
typedef struct mcl_reference_views {
    float *views[2];
    float *targets[2];         /* the same for both, where nothing moves or lights them */
    unsigned char *altered[2]; /* 0 or 1 */
} mcl_reference_views;

/* Of the data set's row number `place`, as if it were number `row`, in an epoch. */
void mcl_reference_views_of(mcl_reference_views *out, const mcl_data *data,
    const mcl_groups *groups, const mcl_view_options *options, uint64_t seed, uint32_t epoch,
    uint64_t place, uint64_t row);

#endif
