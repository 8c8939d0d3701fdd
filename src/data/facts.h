/* SPDX-License-Identifier: Apache-2.0 */
/* What the values of a data set are like, as the encoder sees them: bytes divided by 255. */
#ifndef MASKCL_DATA_FACTS_H
#define MASKCL_DATA_FACTS_H

#include "maskcl/data.h"

typedef struct mcl_facts {
    double least, largest, mean, deviation;
    double magnitude; /* the mean of the absolute values */
    /* Parts of all values: further from a centre than a distance, and than another; below 0. */
    double far, unusual, negative;
    double far_rows; /* part of the rows that have a far value */
} mcl_facts;

/* What counts as far and as unusual. */
typedef struct mcl_distances {
    double centre, far, unusual;
} mcl_distances;

/* Looks at `most` rows or a few more, evenly over the data, or at all where it has fewer. distances
 * may be NULL: nothing is far. */
mcl_status mcl_facts_find(
    mcl_facts *facts, const mcl_data *data, uint64_t most, const mcl_distances *distances);

#endif
