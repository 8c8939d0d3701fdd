/* SPDX-License-Identifier: Apache-2.0 */
/* The order of the rows: the contract's, against a second implementation and against qsort. */
#include "support/files.h"

#include "support/failing_memory.h"

#include <inttypes.h>

#include "base/random.h"
#include "data/permutation.h"

static uint64_t *draw(uint64_t rows, uint64_t seed, uint32_t epoch)
{
    mcl_permutation *permutation = NULL;
    uint64_t *order = malloc((rows + 1) * sizeof *order);
    ck_assert_int_eq(mcl_permutation_create(&permutation, rows), MCL_OK);
    order[rows] = 0xABCDEF;
    mcl_permutation_begin(permutation, seed, epoch);
    mcl_permutation_finish(permutation, order);
    ck_assert_uint_eq(order[rows], 0xABCDEF);
    mcl_permutation_free(permutation);
    return order;
}

/* Against tools/fixtures/philox.py. */
START_TEST(test_committed_orders)
{
    uint64_t seed, rows, row;
    uint32_t epoch;
    size_t count = 0;
    FILE *file = fopen(MASKCL_FIXTURES "/data/permutation.txt", "r");
    ck_assert(file != NULL);
    while (fscanf(file, "%" SCNu64 " %" SCNu32 " %" SCNu64, &seed, &epoch, &rows) == 3) {
        uint64_t *order = draw(rows, seed, epoch);
        for (uint64_t i = 0; i < rows; i++) {
            ck_assert_int_eq(fscanf(file, "%" SCNu64, &row), 1);
            ck_assert_uint_eq(order[i], row);
        }
        free(order);
        count++;
    }
    ck_assert_uint_eq(count, 6 * 4 * 5);
    fclose(file);
}

struct pair {
    uint64_t key, row;
};

static int compare(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Many rows, of which some share the upper 33 bits of their keys: about rows²/2³⁴ pairs, 15 of
 * 500,000. */
START_TEST(test_rows_are_sorted_by_key)
{
    static const uint64_t sizes[] = {1, 2, 3, 1000, 65537, 500000};
    size_t close = 0;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const uint64_t rows = sizes[s], seed = 0x123456789ABCDEF0 + s;
        struct pair *pairs = malloc(rows * sizeof *pairs);
        uint64_t *order = draw(rows, seed, 3);
        for (uint64_t row = 0; row < rows; row++) {
            uint32_t words[4];
            mcl_random_words(words, seed, MCL_STREAM_SHUFFLE, 0, 3, row, 0);
            pairs[row] = (struct pair){(uint64_t)words[0] << 32 | words[1], row};
        }
        qsort(pairs, rows, sizeof *pairs, compare);
        for (uint64_t i = 0; i < rows; i++) {
            if (order[i] != pairs[i].row)
                ck_abort_msg("row %" PRIu64 " of %" PRIu64 " at place %" PRIu64, order[i], rows, i);
            close += i > 0 && pairs[i].key >> 31 == pairs[i - 1].key >> 31;
        }
        free(order);
        free(pairs);
    }
    ck_assert_uint_ge(close, 3); /* or the sorting of the lower bits was not tried */
}

START_TEST(test_epochs_and_seeds_differ)
{
    uint64_t *a = draw(100, 1, 0), *b = draw(100, 1, 1), *c = draw(100, 2, 0),
             *d = draw(100, 1 + ((uint64_t)1 << 32), 0);
    ck_assert(memcmp(a, b, 100 * sizeof *a) != 0);
    ck_assert(memcmp(a, c, 100 * sizeof *a) != 0);
    ck_assert(memcmp(a, d, 100 * sizeof *a) != 0);
    free(a);
    free(b);
    free(c);
    free(d);
}

START_TEST(test_drawing_again_is_as_drawing_first)
{
    mcl_permutation *permutation = NULL;
    uint64_t order[1000];
    ck_assert_int_eq(mcl_permutation_create(&permutation, 1000), MCL_OK);
    for (uint32_t epoch = 0; epoch < 5; epoch++) {
        uint64_t *expected = draw(1000, 7, epoch);
        mcl_permutation_begin(permutation, 7, epoch);
        mcl_permutation_finish(permutation, order);
        ck_assert_mem_eq(order, expected, sizeof order);
        free(expected);
    }
    mcl_permutation_free(permutation);
}

/* A draw in parts of any size, one that is given up, and one that is read twice. */
START_TEST(test_drawing_in_parts)
{
    static const uint64_t parts[] = {1, 7, 999, 1000, 1001, 4999, 5000, UINT64_MAX};
    mcl_permutation *permutation = NULL;
    uint64_t order[1000], *expected = draw(1000, 7, 2);
    ck_assert_int_eq(mcl_permutation_create(&permutation, 1000), MCL_OK);
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        for (uint64_t calls = 0; calls < 5010; calls += 501) {
            memset(order, 0xFF, sizeof order);
            mcl_permutation_begin(permutation, 7, 2);
            for (uint64_t i = 0; i < calls; i++)
                mcl_permutation_advance(permutation, parts[p]);
            mcl_permutation_finish(permutation, order);
            ck_assert_mem_eq(order, expected, sizeof order);
            mcl_permutation_begin(permutation, 8, 3);
            mcl_permutation_advance(permutation, parts[p]);
        }
    }
    mcl_permutation_begin(permutation, 7, 2);
    mcl_permutation_finish(permutation, order);
    mcl_permutation_advance(permutation, 1);
    memset(order, 0xFF, sizeof order);
    mcl_permutation_finish(permutation, order);
    ck_assert_mem_eq(order, expected, sizeof order);
    mcl_permutation_free(permutation);
    free(expected);
}

/* Each of n rows is as often at each of n places: chi-squared with (n-1)² degrees of freedom. */
START_TEST(test_every_row_gets_everywhere)
{
    enum { N = 8, DRAWS = 8000 };
    uint64_t counts[N][N] = {{0}}, order[N];
    mcl_permutation *permutation = NULL;
    ck_assert_int_eq(mcl_permutation_create(&permutation, N), MCL_OK);
    for (uint32_t epoch = 0; epoch < DRAWS; epoch++) {
        mcl_permutation_begin(permutation, 11, epoch);
        mcl_permutation_finish(permutation, order);
        for (int i = 0; i < N; i++)
            counts[i][order[i]]++;
    }
    double chi_squared = 0;
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            const double excess = (double)counts[i][j] - DRAWS / N;
            chi_squared += excess * excess / (DRAWS / N);
        }
    }
    ck_assert_double_lt(chi_squared, 85.4); /* one sample in a thousand, 49 degrees */
    ck_assert_double_gt(chi_squared, 23.9);
    mcl_permutation_free(permutation);
}

START_TEST(test_no_rows_and_too_many)
{
    mcl_permutation *permutation = NULL;
    free(draw(0, 1, 0));
    ck_assert_int_eq(
        mcl_permutation_create(&permutation, ((uint64_t)1 << 48) + 1), MCL_ERROR_ARGUMENT);
    ck_assert_int_eq(mcl_permutation_create(&permutation, UINT64_MAX), MCL_ERROR_ARGUMENT);
    ck_assert_ptr_null(permutation);
    ck_assert_ptr_nonnull(strstr(mcl_error_message(), "18446744073709551615 rows"));
    mcl_permutation_free(NULL);
}

#if MASKCL_FAILING_MEMORY
static int create(void)
{
    mcl_permutation *permutation = NULL;
    const mcl_status status = mcl_permutation_create(&permutation, 10);
    mcl_permutation_free(permutation);
    return status == MCL_OK ? 0 : status == MCL_ERROR_MEMORY && !permutation ? 1 : -1;
}

START_TEST(test_each_allocation_failing)
{
    ck_assert_uint_eq(fail_each_allocation(create), 3);
}

START_TEST(test_drawing_allocates_nothing)
{
    mcl_permutation *permutation = NULL;
    uint64_t order[1000];
    ck_assert_int_eq(mcl_permutation_create(&permutation, 1000), MCL_OK);
    memory_fails_after = 1;
    mcl_permutation_begin(permutation, 7, 0);
    mcl_permutation_advance(permutation, 1234);
    mcl_permutation_finish(permutation, order);
    const size_t left = memory_fails_after;
    memory_fails_after = 0;
    ck_assert_uint_eq(left, 1);
    mcl_permutation_free(permutation);
}
#endif

int main(void)
{
    Suite *suite = suite_create("permutation");
    TCase *tcase = tcase_create("permutation");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_committed_orders);
    tcase_add_test(tcase, test_rows_are_sorted_by_key);
    tcase_add_test(tcase, test_epochs_and_seeds_differ);
    tcase_add_test(tcase, test_drawing_again_is_as_drawing_first);
    tcase_add_test(tcase, test_drawing_in_parts);
    tcase_add_test(tcase, test_every_row_gets_everywhere);
    tcase_add_test(tcase, test_no_rows_and_too_many);
#if MASKCL_FAILING_MEMORY
    tcase_add_test(tcase, test_each_allocation_failing);
    tcase_add_test(tcase, test_drawing_allocates_nothing);
#endif
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
