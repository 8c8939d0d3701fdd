/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest rows to others, by cosine. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "maskcl/evaluate.h"

START_TEST(test_order_ties_and_zeros)
{
    static const float rows[] = {1, 0, 0, 2, 3, 3, 0, 0, -1, 0, 5, 0};
    static const float queries[] = {4, 0, 0, 0};
    static const uint64_t order[] = {0, 5, 2, 1, 3, 4};
    static const double similar[] = {1, 1, 0.70710678118654757, 0, 0, -1};
    mcl_neighbor found[2 * 6];
    for (uint64_t count = 1; count <= 6; count++) {
        ck_assert_int_eq(mcl_neighbors_find(found, rows, 6, 2, queries, 2, count), MCL_OK);
        for (uint64_t i = 0; i < count; i++) {
            ck_assert_uint_eq(found[i].row, order[i]);
            ck_assert_double_eq_tol(found[i].similarity, similar[i], 1e-15);
            ck_assert_uint_eq(found[count + i].row, i); /* of a query of zeros all are equal */
            ck_assert_double_eq(found[count + i].similarity, 0);
        }
    }
}

static double cosine(const float *a, const float *b, int n)
{
    double product = 0, of_a = 0, of_b = 0;
    for (int i = 0; i < n; i++) {
        product += (double)a[i] * (double)b[i];
        of_a += (double)a[i] * (double)a[i];
        of_b += (double)b[i] * (double)b[i];
    }
    return product / sqrt(of_a * of_b);
}

START_TEST(test_no_row_that_is_left_out_is_nearer)
{
    enum { ROWS = 200, COLUMNS = 5, COUNT = 17 };
    float rows[ROWS * COLUMNS];
    mcl_neighbor found[COUNT];
    uint32_t state = 1;
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        state = state * 1664525 + 1013904223;
        rows[i] = (float)(state >> 8) * 0x1p-23f - 1.0f;
    }
    const float *query = rows + 3 * COLUMNS;
    ck_assert_int_eq(mcl_neighbors_find(found, rows, ROWS, COLUMNS, query, 1, COUNT), MCL_OK);
    ck_assert_uint_eq(found[0].row, 3);
    for (uint64_t row = 0; row < ROWS; row++) {
        size_t at = 0;
        const double similarity = cosine(rows + row * COLUMNS, query, COLUMNS);
        while (at < COUNT && found[at].row != row)
            at++;
        if (at == COUNT)
            ck_assert_double_le(similarity, found[COUNT - 1].similarity + 1e-14);
        else
            ck_assert_double_eq_tol(similarity, found[at].similarity, 1e-14);
    }
    for (size_t i = 1; i < COUNT; i++)
        ck_assert_double_ge(found[i - 1].similarity, found[i].similarity);
}

START_TEST(test_what_cannot_be_found)
{
    const float row[] = {1, 2};
    mcl_neighbor found[1];
    ck_assert_int_eq(mcl_neighbors_find(found, row, 1, 2, row, 1, 0), MCL_ERROR_ARGUMENT);
    ck_assert_int_eq(mcl_neighbors_find(found, row, 1, 2, row, 1, 2), MCL_ERROR_ARGUMENT);
    ck_assert_int_eq(mcl_neighbors_find(NULL, row, 1, 2, row, 1, 1), MCL_ERROR_ARGUMENT);
    ck_assert_int_eq(mcl_neighbors_find(found, NULL, 1, 2, row, 1, 1), MCL_ERROR_ARGUMENT);
    ck_assert_int_eq(mcl_neighbors_find(found, row, 1, 2, NULL, 1, 1), MCL_ERROR_ARGUMENT);
}

int main(void)
{
    Suite *suite = suite_create("nearest");
    TCase *tcase = tcase_create("nearest");
    tcase_add_test(tcase, test_order_ties_and_zeros);
    tcase_add_test(tcase, test_no_row_that_is_left_out_is_nearer);
    tcase_add_test(tcase, test_what_cannot_be_found);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
