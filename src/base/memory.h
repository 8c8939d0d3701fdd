/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation with checked sizes. */
#ifndef MASKCL_BASE_MEMORY_H
#define MASKCL_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "maskcl/status.h"

/* *product = a × b; false on overflow. */
#define mcl_multiply(product, a, b) (!__builtin_mul_overflow((a), (b), (product)))

/* *memory = count × size bytes set to zero, freed with free(); an overflow or a refusal is
 * MCL_ERROR_MEMORY. count or size 0 gives a pointer that can be freed. memory points to a pointer
 * of any type. */
mcl_status mcl_allocate(void *memory, uint64_t count, uint64_t size);

#define MCL_PAGE 4096

/* The same in whole pages and not set to zero: a device that shares the host's memory can use it in
 * place. */
mcl_status mcl_allocate_pages(void *memory, uint64_t count, uint64_t size);

/* *copy = a copy of text, freed with free(). */
mcl_status mcl_copy_string(char **copy, const char *text);

#endif
