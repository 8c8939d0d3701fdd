/* SPDX-License-Identifier: Apache-2.0 */
/* Sums on the device against the shape that cl/common.clh and cl/reduce.cl document, bit by bit. */
#include <math.h>

#include "support/device.h"
#include "support/product.h"

#include "base/rounding.h"
#include "compute/sums.h"

#define GUARDS 3

/* Σ values[n], n at most 1024: 16 lanes, then a tree. */
static float sum_block(const float *values, size_t n)
{
    float lanes[16] = {0};
    for (size_t i = 0; i < n; i++)
        lanes[i % 16] += values[i];
    for (size_t width = 8; width > 0; width /= 2) {
        for (size_t l = 0; l < width; l++)
            lanes[l] += lanes[l + width];
    }
    return lanes[0];
}

/* Blocks of 1024, then blocks of their sums, until one is left. */
static float expected_sum(const float *values, size_t n, float divisor)
{
    float *level = allocate(n, sizeof *level);
    memcpy(level, values, n * sizeof *level);
    while (n > 1024) {
        const size_t blocks = (n + 1023) / 1024;
        for (size_t b = 0; b < blocks; b++)
            level[b] = mcl_host_divide(
                sum_block(level + 1024 * b, n - 1024 * b < 1024 ? n - 1024 * b : 1024), 1.0f);
        n = blocks;
    }
    const float result = mcl_host_divide(sum_block(level, n), divisor);
    free(level);
    return result;
}

static void check_sum(const float *values, uint32_t n, float divisor)
{
    float out[2 * GUARDS + 1], expected[2 * GUARDS + 1];
    fill_guard(expected, 2 * GUARDS + 1);
    cl_mem in = buffer_with(values, n * sizeof *values);
    cl_mem sums = buffer_with(expected, sizeof expected);
    mcl_sums kernels;
    cl_mem space;
    ASSERT_OK(mcl_buffer_create(&space, context, mcl_sum_workspace(n), sizeof(float), "space"));
    ASSERT_OK(mcl_sums_find(&kernels, context));
    ASSERT_OK(mcl_sums_run(&kernels, in, n, divisor, space, sums, GUARDS));
    read_buffer(out, sums, sizeof out);
    expected[GUARDS] = expected_sum(values, n, divisor);
    char what[64];
    snprintf(what, sizeof what, "the sum of %u", (unsigned)n);
    assert_same_bits(out, expected, 2 * GUARDS + 1, what);
    mcl_buffer_release(&in);
    mcl_buffer_release(&sums);
    mcl_buffer_release(&space);
}

START_TEST(test_sums_of_many_lengths)
{
    static const uint32_t lengths[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 1023, 1024,
        1025, 1040, 2047, 2048, 2049, 5000, 65536, 1048575, 1048576, 1048577, 3000000};
    float *values = allocate(3000000, sizeof *values);
    fill_random(values, 3000000, 1);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        if (is_oclgrind() && lengths[i] > 5000)
            break;
        check_sum(values, lengths[i], 1.0f);
        check_sum(values, lengths[i], (float)lengths[i]);
        check_sum(values, lengths[i], 3.0f);
    }
    free(values);
}
END_TEST

START_TEST(test_sums_of_very_different_numbers)
{
    enum { COUNT = 4099 };
    static float values[COUNT];
    fill_random(values, COUNT, 2);
    for (size_t i = 0; i < COUNT; i++)
        values[i] = ldexpf(values[i], (int)(i * 7 % 60) - 30);
    check_sum(values, COUNT, 1.0f);
    check_sum(values, COUNT, -0x1p-20f);
}
END_TEST

START_TEST(test_small_results_are_flushed)
{
    float values[20];
    for (size_t i = 0; i < 20; i++)
        values[i] = 0x1p-110f;
    check_sum(values, 20, 0x1p+30f);
    ck_assert_uint_eq(bits_of(expected_sum(values, 20, 0x1p+30f)), 0);
}
END_TEST

START_TEST(test_infinities_and_nan_arrive)
{
    float values[40];
    fill_random(values, 40, 3);
    values[33] = INFINITY;
    check_sum(values, 40, 2.0f);
    ck_assert(isinf(expected_sum(values, 40, 2.0f)));
    values[17] = -INFINITY; /* in the same lane */
    check_sum(values, 40, 2.0f);
    ck_assert(isnan(expected_sum(values, 40, 2.0f)));
}
END_TEST

START_TEST(test_space)
{
    ck_assert_uint_eq(mcl_sum_workspace(0), 0);
    ck_assert_uint_eq(mcl_sum_workspace(1), 0);
    ck_assert_uint_eq(mcl_sum_workspace(1024), 0);
    ck_assert_uint_eq(mcl_sum_workspace(1025), 2);
    ck_assert_uint_eq(mcl_sum_workspace(1048576), 1024);
    ck_assert_uint_eq(mcl_sum_workspace(1048577), 1025 + 2);
    ck_assert_uint_eq(mcl_sum_workspace(UINT32_MAX), 4194304 + 4096 + 4);
    ck_assert_uint_eq(mcl_column_sums_workspace(1, 5), 5);
    ck_assert_uint_eq(mcl_column_sums_workspace(64, 5), 5);
    ck_assert_uint_eq(mcl_column_sums_workspace(65, 5), 10);
    ck_assert_uint_eq(
        mcl_column_sums_workspace(UINT32_MAX, UINT32_MAX), (uint64_t)67108864 * UINT32_MAX);
}
END_TEST

static void check_columns(const float *values, uint32_t rows, uint32_t n)
{
    const size_t count = n + 2 * GUARDS;
    float *expected = allocate(count, sizeof *expected), *out = allocate(count, sizeof *out);
    fill_guard(expected, count);
    cl_mem in = buffer_with(values, (size_t)rows * n * sizeof *values);
    cl_mem sums = buffer_with(expected, count * sizeof *expected);
    mcl_sums kernels;
    cl_mem space;
    ASSERT_OK(mcl_buffer_create(
        &space, context, mcl_column_sums_workspace(rows, n), sizeof(float), "space"));
    ASSERT_OK(mcl_sums_find(&kernels, context));
    ASSERT_OK(mcl_sums_run_columns(&kernels, in, rows, n, space, sums, GUARDS));
    read_buffer(out, sums, count * sizeof *out);
    sum_columns(expected + GUARDS, values, rows, n);
    char what[64];
    snprintf(what, sizeof what, "columns of %u × %u", (unsigned)rows, (unsigned)n);
    assert_same_bits(out, expected, count, what);
    mcl_buffer_release(&in);
    mcl_buffer_release(&sums);
    mcl_buffer_release(&space);
    free(expected);
    free(out);
}

START_TEST(test_column_sums)
{
    static const uint32_t rows[] = {1, 2, 63, 64, 65, 127, 128, 129, 1000, 6400};
    static const uint32_t columns[] = {1, 3, 10, 16, 33, 128};
    float *values = allocate(6400 * 128, sizeof *values);
    fill_random(values, 6400 * 128, 4);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
            if (!is_oclgrind() || rows[r] * columns[c] <= 2000)
                check_columns(values, rows[r], columns[c]);
        }
    }
    free(values);
}
END_TEST

START_TEST(test_small_column_sums_are_flushed)
{
    const float values[6] = {0x1p-100f, 0x1p-126f, 1, -0x1p-100f, 0x1p-126f, 2};
    float sums[3];
    check_columns(values, 2, 3);
    sum_columns(sums, values, 1, 3);
    ck_assert_uint_eq(bits_of(sums[1]), 0);
    check_columns(values, 1, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reduce");
    TCase *tcase = tcase_create("reduce");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, context_setup, context_teardown);
    tcase_add_test(tcase, test_sums_of_many_lengths);
    tcase_add_test(tcase, test_sums_of_very_different_numbers);
    tcase_add_test(tcase, test_small_results_are_flushed);
    tcase_add_test(tcase, test_infinities_and_nan_arrive);
    tcase_add_test(tcase, test_space);
    tcase_add_test(tcase, test_column_sums);
    tcase_add_test(tcase, test_small_column_sums_are_flushed);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
