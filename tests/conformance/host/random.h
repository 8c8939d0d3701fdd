/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers and what is drawn with them alone. */
#ifndef HOST_RANDOM_H
#define HOST_RANDOM_H

#include <stddef.h>
#include <stdint.h>

enum stream {
    STREAM_PARAMETERS = 0,
    STREAM_ORDER = 1,
    STREAM_MASK = 2,
    STREAM_DATA = 5,
    STREAM_DIRECTIONS = 10,
};

/* The word of an element. */
uint32_t host_word(
    uint64_t seed, enum stream stream, uint32_t epoch, uint64_t row, uint64_t element);

/* u(w) */
float host_uniform(uint32_t word);

/* values[rows×columns] of synthetic data */
void host_synthetic(float *values, uint64_t rows, uint64_t columns, uint64_t seed);

/* order[rows] of an epoch */
void host_order(uint64_t *order, uint64_t rows, uint64_t seed, uint32_t epoch);

#endif
