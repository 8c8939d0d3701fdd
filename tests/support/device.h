/* SPDX-License-Identifier: Apache-2.0 */
/* A context of its own for a test, and numbers to give it. */
#ifndef MASKCL_TESTS_DEVICE_H
#define MASKCL_TESTS_DEVICE_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "device/context.h"

/* An assertion for loops over very many elements: Check records each one that holds. */
#define REQUIRE(condition, ...)                                                                    \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

#define ASSERT_OK(expression) ck_assert_msg((expression) == MCL_OK, "%s", mcl_error_message())

static mcl_context *context;

/* context_setup and context_teardown are a checked fixture: a driver's threads do not survive the
 * fork before each test. */
static inline void context_setup(void)
{
    const mcl_context_options options = {.gemm = MCL_GEMM_NATIVE};
    ASSERT_OK(mcl_context_open(&context, &options));
}

/* The same with the kernels' mapping for devices that are not CPUs, see cl/common.clh. */
static inline void context_setup_spread(void)
{
    context_setup();
    context->spreads = true;
}

static inline void context_teardown(void)
{
    mcl_context_close(context);
    context = NULL;
}

/* Whether the device is Oclgrind's, about a thousand times slower than others. */
static inline bool is_oclgrind(void)
{
    return strstr(mcl_context_device(context)->platform, "Oclgrind") != NULL;
}

static inline void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    ck_assert(memory != NULL);
    return memory;
}

/* A buffer that holds count bytes of values. */
static inline cl_mem buffer_with(const void *values, size_t count)
{
    cl_mem buffer;
    ASSERT_OK(mcl_buffer_create(&buffer, context, count, 1, "a test"));
    ASSERT_OK(mcl_buffer_write(context, buffer, 0, values, count));
    return buffer;
}

static inline void read_buffer(void *values, cl_mem buffer, size_t count)
{
    ASSERT_OK(mcl_buffer_read(context, values, buffer, 0, count));
}

static inline uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* values[count] = numbers in [-1,1) with whole significands, so that every order of operations
 * rounds differently. */
static inline void fill_random(float *values, size_t count, uint64_t seed)
{
    uint32_t words[4];
    for (size_t i = 0; i < count; i++) {
        if (i % 4 == 0)
            mcl_random_words(words, seed, MCL_STREAM_DATA, 0, 0, 0, (uint32_t)(i / 4));
        values[i] = (float)(int32_t)words[i % 4] * 0x1p-31f;
    }
}

/* Bits for memory that must stay as it is: a NaN, so that reading it shows too. */
#define GUARD_BITS 0x7FA5C35Au

static inline void fill_guard(float *values, size_t count)
{
    const uint32_t bits = GUARD_BITS;
    for (size_t i = 0; i < count; i++)
        memcpy(&values[i], &bits, sizeof bits);
}

/* Both arrays have the same bits; what says in a message what they are. */
static inline void assert_same_bits(
    const float *got, const float *expected, size_t count, const char *what)
{
    for (size_t i = 0; i < count; i++)
        REQUIRE(bits_of(got[i]) == bits_of(expected[i]),
            "%s: element %zu is %a (%08x) instead of %a (%08x)", what, i, (double)got[i],
            (unsigned)bits_of(got[i]), (double)expected[i], (unsigned)bits_of(expected[i]));
}

/* Runs a suite's only runner; the program's exit code. */
static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
