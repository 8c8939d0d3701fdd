/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* memory points to the pointer that is to be block. */
static mcl_status give(void *memory, void *block, uint64_t count, uint64_t size)
{
    if (!block)
        return mcl_fail(MCL_ERROR_MEMORY,
            "the host has no memory for %" PRIu64 " elements of %" PRIu64 " bytes", count, size);
    memcpy(memory, &block, sizeof block);
    return MCL_OK;
}

mcl_status mcl_allocate(void *memory, uint64_t count, uint64_t size)
{
    uint64_t bytes;
    void *block = NULL;
    if (mcl_multiply(&bytes, count, size) && bytes <= SIZE_MAX)
        block = calloc(1, bytes ? (size_t)bytes : 1);
    return give(memory, block, count, size);
}

mcl_status mcl_allocate_pages(void *memory, uint64_t count, uint64_t size)
{
    uint64_t bytes;
    void *block = NULL;
    if (mcl_multiply(&bytes, count, size) && bytes <= SIZE_MAX - MCL_PAGE)
        block = aligned_alloc(MCL_PAGE, ((size_t)bytes / MCL_PAGE + 1) * MCL_PAGE);
    return give(memory, block, count, size);
}

mcl_status mcl_copy_string(char **copy, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *block = NULL;
    MCL_TRY(mcl_allocate(&block, bytes, 1));
    memcpy(block, text, bytes);
    *copy = block;
    return MCL_OK;
}
