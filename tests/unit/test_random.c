/* SPDX-License-Identifier: Apache-2.0 */
/* Philox4x32-10 against Random123, and the counter's layout. */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

#if defined(__has_include)
#if __has_include(<Random123/philox.h>)
#define HAVE_RANDOM123 1
#include <Random123/philox.h>
#endif
#endif

/* The three lines "philox4x32 10" of Random123's kat_vectors. */
static const struct {
    uint32_t counter[4], key[2], words[4];
} known[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff},
        {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
        {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

START_TEST(test_known_answers)
{
    uint32_t words[4];
    mcl_philox(words, known[_i].counter, known[_i].key);
    ck_assert_mem_eq(words, known[_i].words, sizeof words);
}

START_TEST(test_words_may_take_the_place_of_the_counter)
{
    uint32_t words[4];
    memcpy(words, known[2].counter, sizeof words);
    mcl_philox(words, words, known[2].key);
    ck_assert_mem_eq(words, known[2].words, sizeof words);
}

#ifdef HAVE_RANDOM123
START_TEST(test_a_hundred_thousand_counters_as_random123)
{
    uint32_t state[6] = {1, 2, 3, 4, 5, 6}; /* counter and key, each from the result before */
    for (int i = 0; i < 100000; i++) {
        const philox4x32_ctr_t counter = {{state[0], state[1], state[2], state[3]}};
        const philox4x32_key_t key = {{state[4], state[5]}};
        const philox4x32_ctr_t expected = philox4x32_R(10, counter, key);
        uint32_t words[4];
        mcl_philox(words, state, state + 4);
        for (int w = 0; w < 4; w++)
            ck_assert_uint_eq(words[w], expected.v[w]);
        state[4] ^= state[1] + words[2];
        state[5] ^= state[0] + words[3];
        memcpy(state, words, sizeof words);
    }
}
#endif

static void assert_counter(uint64_t seed, enum mcl_stream stream, uint32_t view, uint32_t epoch,
    uint64_t row, uint32_t quad, uint32_t last)
{
    const uint32_t counter[4] = {quad, (uint32_t)row, epoch, last};
    const uint32_t key[2] = {(uint32_t)(seed % 4294967296), (uint32_t)(seed / 4294967296)};
    uint32_t words[4], expected[4];
    mcl_philox(expected, counter, key);
    mcl_random_words(words, seed, stream, view, epoch, row, quad);
    ck_assert_mem_eq(words, expected, sizeof words);
}

START_TEST(test_the_counter_of_a_draw)
{
    assert_counter(0, MCL_STREAM_PARAMETERS, 0, 0, 0, 0, 0);
    assert_counter(7, MCL_STREAM_SHUFFLE, 0, 3, 59999, 0, 1);
    assert_counter(7, MCL_STREAM_MASK, 1, 3, 59999, 195, 0x102);
    assert_counter(7, MCL_STREAM_CORRUPTION, 255, 4294967295, 4294967295, 4294967295, 0xFF03);
    assert_counter(0xFEDCBA9876543210, MCL_STREAM_NEGATIVES, 2, 1, 0x100000005, 1, 0x10204);
    assert_counter(0x100000000, MCL_STREAM_DATA, 0, 0, 0xFFFF00000007, 1, 0xFFFF0005);
}

START_TEST(test_streams_have_the_numbers_of_the_contract)
{
    ck_assert_int_eq(MCL_STREAM_PARAMETERS, 0);
    ck_assert_int_eq(MCL_STREAM_SHUFFLE, 1);
    ck_assert_int_eq(MCL_STREAM_MASK, 2);
    ck_assert_int_eq(MCL_STREAM_CORRUPTION, 3);
    ck_assert_int_eq(MCL_STREAM_NEGATIVES, 4);
    ck_assert_int_eq(MCL_STREAM_DATA, 5);
}

/* The keys of rows around powers of two up to 2^47: those of tests/conformance/host/functions.c. */
START_TEST(test_keys_of_rows_beyond_32_bits)
{
    uint64_t digest = 14695981039346656037u, expected = 0;
    for (unsigned power = 31; power < 48; power++) {
        const uint64_t middle = (uint64_t)1 << power;
        for (uint64_t row = middle - 500; row < middle + 500; row++) {
            uint32_t words[4];
            mcl_random_words(words, 0x123456789u, MCL_STREAM_SHUFFLE, 0, power, row, 0);
            digest = (digest ^ words[0]) * 1099511628211u;
            digest = (digest ^ words[1]) * 1099511628211u;
        }
    }
    FILE *file = fopen(MASKCL_FIXTURES "/functions.txt", "r");
    ck_assert_ptr_nonnull(file);
    char name[16];
    while (fscanf(file, "%15s %" SCNx64, name, &expected) == 2 && strcmp(name, "order") != 0)
        ;
    fclose(file);
    ck_assert_str_eq(name, "order");
    ck_assert_msg(digest == expected, "%016" PRIx64, digest);
}

START_TEST(test_uniform_numbers)
{
    ck_assert(mcl_uniform(0) == 0.0f);
    ck_assert(mcl_uniform(0xFF) == 0.0f);
    ck_assert(mcl_uniform(0x100) == 0x1p-24f);
    ck_assert(mcl_uniform(0x80000000) == 0.5f);
    ck_assert(mcl_uniform(0xFFFFFFFF) == 0x1.fffffep-1f); /* never 1 */
    for (uint32_t i = 0; i < 1u << 24; i++) {
        if ((double)mcl_uniform(i << 8 | 0x5A) != i * 0x1p-24)
            ck_abort_msg("not exact for %u", i);
    }
}

int main(void)
{
    Suite *suite = suite_create("random");
    TCase *tcase = tcase_create("random");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, test_known_answers, 0, sizeof known / sizeof *known);
    tcase_add_test(tcase, test_words_may_take_the_place_of_the_counter);
#ifdef HAVE_RANDOM123
    tcase_add_test(tcase, test_a_hundred_thousand_counters_as_random123);
#endif
    tcase_add_test(tcase, test_the_counter_of_a_draw);
    tcase_add_test(tcase, test_streams_have_the_numbers_of_the_contract);
    tcase_add_test(tcase, test_keys_of_rows_beyond_32_bits);
    tcase_add_test(tcase, test_uniform_numbers);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
