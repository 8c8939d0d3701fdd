/* SPDX-License-Identifier: Apache-2.0 */
/* A malloc of which one call can be made to fail and that counts the blocks in use. The program
 * that includes this file gets it in place of the C library's; with AddressSanitizer, which has one
 * of its own, MASKCL_FAILING_MEMORY is 0 and nothing is replaced. */
#ifndef MASKCL_TESTS_FAILING_MEMORY_H
#define MASKCL_TESTS_FAILING_MEMORY_H

#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MASKCL_FAILING_MEMORY 0
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || !defined(__GLIBC__)
#define MASKCL_FAILING_MEMORY 0
#endif
#ifndef MASKCL_FAILING_MEMORY
#define MASKCL_FAILING_MEMORY 1

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *block);

/* The calls until one fails: 0 lets all succeed. */
static volatile size_t memory_fails_after;
static volatile long memory_blocks;

static int memory_fails(void)
{
    return memory_fails_after && --memory_fails_after == 0;
}

void *malloc(size_t bytes)
{
    void *block = memory_fails() ? NULL : __libc_malloc(bytes);
    memory_blocks += block != NULL;
    return block;
}

void *calloc(size_t count, size_t bytes)
{
    void *block = memory_fails() ? NULL : __libc_calloc(count, bytes);
    memory_blocks += block != NULL;
    return block;
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    void *block = memory_fails() ? NULL : __libc_memalign(alignment, bytes);
    memory_blocks += block != NULL;
    return block;
}

void *realloc(void *block, size_t bytes)
{
    void *moved = memory_fails() ? NULL : __libc_realloc(block, bytes);
    memory_blocks += !block && moved;
    return moved;
}

void free(void *block)
{
    memory_blocks -= block != NULL;
    __libc_free(block);
}

/* Calls run with its first allocation failing, then with its second, and so on until it succeeds,
 * and checks that a failed call leaves no block behind. run returns 0 when it succeeded, 1 when it
 * failed as it should and -1 when it did not, and releases what it made; it cannot use ck_assert,
 * which allocates too. Returns how many calls failed. */
static size_t fail_each_allocation(int (*run)(void))
{
    ck_assert_int_eq(run(), 0); /* what libraries allocate once for good is there from now on */
    for (size_t n = 1;; n++) {
        const long before = memory_blocks;
        memory_fails_after = n;
        const int failed = run();
        const int reached = memory_fails_after == 0;
        memory_fails_after = 0;
        const long left = memory_blocks - before;
        ck_assert_msg(left == 0, "%ld blocks left when allocation %zu failed", left, n);
        ck_assert_msg(failed != -1, "wrong results when allocation %zu failed", n);
        if (!reached) {
            ck_assert_int_eq(failed, 0);
            return n - 1;
        }
    }
}

#endif
#endif
