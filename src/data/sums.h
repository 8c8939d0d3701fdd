/* SPDX-License-Identifier: Apache-2.0 */
/* Mean and deviation of numbers that come one after the other, to nearly the last bit, wherever
 * they lie: of x = f + d, f the first one, the sums of d and of d² by Neumaier's compensated
 * algorithm (Zeitschrift für Angewandte Mathematik und Mechanik 54, 1974), in the order in which
 * they come. Additions, multiplications, a division and a root: the same bits everywhere. */
#ifndef MASKCL_DATA_SUMS_H
#define MASKCL_DATA_SUMS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct mcl_sum {
    double high, low;
} mcl_sum;

/* To be set to zeros. */
typedef struct mcl_moments {
    uint64_t count;
    double first;
    mcl_sum differences, squares;
    bool varies; /* not all are the first one */
} mcl_moments;

static inline void mcl_sum_add(mcl_sum *sum, double value)
{
    const double total = sum->high + value;
    const bool larger = fabs(sum->high) >= fabs(value);
    sum->low += larger ? (sum->high - total) + value : (value - total) + sum->high;
    sum->high = total;
}

static inline void mcl_moments_add(mcl_moments *moments, double value)
{
    if (moments->count++ == 0)
        moments->first = value;
    const double difference = value - moments->first;
    moments->varies = moments->varies || difference != 0.0;
    mcl_sum_add(&moments->differences, difference);
    mcl_sum_add(&moments->squares, difference * difference);
}

/* 0 of none. */
static inline double mcl_moments_mean(const mcl_moments *moments)
{
    const double sum = moments->differences.high + moments->differences.low;
    return moments->count ? moments->first + sum / (double)moments->count : 0.0;
}

/* The root of the mean squared difference to the mean; 0 of none. */
static inline double mcl_moments_deviation(const mcl_moments *moments)
{
    const double count = (double)moments->count;
    const double mean = (moments->differences.high + moments->differences.low) / count;
    const double square = (moments->squares.high + moments->squares.low) / count;
    const double variance = square - mean * mean;
    return moments->varies && !(variance <= 0.0) ? sqrt(variance) : 0.0;
}

#endif
