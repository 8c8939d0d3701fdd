/* SPDX-License-Identifier: Apache-2.0 */
/* The random generator's host twin: Philox4x32-10 (Salmon et al. 2011) as cl/philox.clh has it. */
#ifndef MASKCL_BASE_RANDOM_H
#define MASKCL_BASE_RANDOM_H

#include <stdint.h>

#include "constants.clh"

/* The four words of Philox4x32-10 for a 128-bit counter and a 64-bit key, all in place order. */
void mcl_philox(uint32_t words[4], const uint32_t counter[4], const uint32_t key[2]);

/* Words of elements 4·quad … 4·quad+3 of a row in an epoch: the counter is (quad, row mod 2³²,
 * epoch, stream + 256·view + 65536·(row div 2³²)), the key (seed mod 2³², seed div 2³²). */
void mcl_random_words(uint32_t words[4], uint64_t seed, enum mcl_stream stream, uint32_t view,
    uint32_t epoch, uint64_t row, uint32_t quad);

/* The word as a number in [0,1): its upper 24 bits times 2^-24, exact. */
static inline float mcl_uniform(uint32_t word)
{
    return (float)(word >> 8) * 0x1p-24f;
}

#endif
