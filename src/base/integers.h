/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic of sizes. */
#ifndef MASKCL_BASE_INTEGERS_H
#define MASKCL_BASE_INTEGERS_H

#include <stdint.h>

static inline uint64_t mcl_least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

#endif
