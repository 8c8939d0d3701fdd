/* SPDX-License-Identifier: Apache-2.0 */
/* What the values of a data set are like, as the encoder sees them: bytes divided by 255. */
#ifndef MASKCL_DATA_FACTS_H
#define MASKCL_DATA_FACTS_H

#include "maskcl/data.h"

typedef struct mcl_facts {
    double least, largest, mean, deviation;
    double magnitude; /* the mean of the absolute values */
    double far;       /* the part that is further from a centre than a distance */
} mcl_facts;

/* Looks at `most` rows or a few more, evenly over the data, or at all where it has fewer; far
 * counts what is further than distance from centre. */
mcl_status mcl_facts_find(
    mcl_facts *facts, const mcl_data *data, uint64_t most, double centre, double distance);

#endif
