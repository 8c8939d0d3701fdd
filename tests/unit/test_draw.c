/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows keep their labels: the contract's, against a second implementation; and copies of some
 * rows of a data set. */
#include "support/inputs.h"

#include "support/failing_memory.h"

#include <inttypes.h>

#include "data/data.h"
#include "data/draw.h"

#define ROWS_MAX 300

static void fill_labels(int32_t *labels, uint64_t rows)
{
    for (uint64_t i = 0; i < rows; i++)
        labels[i] = (int32_t)(i * i % 7);
}

/* Against tools/fixtures/philox.py. */
START_TEST(test_committed_draws)
{
    uint64_t seed, rows, per_class, row;
    size_t draws = 0;
    FILE *file = fopen(MASKCL_FIXTURES "/data/labelled.txt", "r");
    ck_assert(file != NULL);
    while (fscanf(file, "%" SCNu64 " %" SCNu64 " %" SCNu64, &seed, &rows, &per_class) == 3) {
        int32_t labels[ROWS_MAX];
        uint64_t *chosen, count;
        ck_assert_uint_le(rows, ROWS_MAX);
        fill_labels(labels, rows);
        ck_assert_int_eq(mcl_draw_labelled(&chosen, &count, labels, rows, per_class, seed), MCL_OK);
        ck_assert_uint_eq(count, 4 * per_class); /* the squares modulo 7 */
        for (uint64_t i = 0; i < count; i++) {
            ck_assert_int_eq(fscanf(file, "%" SCNu64, &row), 1);
            ck_assert_uint_eq(chosen[i], row);
        }
        free(chosen);
        draws++;
    }
    ck_assert_uint_eq(draws, 6 * 5);
    fclose(file);
}
END_TEST

/* A row that is there anyway stays drawn when more rows a class are. */
START_TEST(test_more_rows_hold_the_fewer)
{
    int32_t labels[ROWS_MAX];
    uint64_t *few, *more, few_count, more_count, found = 0;
    fill_labels(labels, ROWS_MAX);
    ck_assert_int_eq(mcl_draw_labelled(&few, &few_count, labels, ROWS_MAX, 3, 9), MCL_OK);
    ck_assert_int_eq(mcl_draw_labelled(&more, &more_count, labels, ROWS_MAX, 20, 9), MCL_OK);
    for (uint64_t i = 0; i < more_count && found < few_count; i++)
        found += few[found] == more[i];
    ck_assert_uint_eq(found, few_count);
    free(few);
    free(more);
}
END_TEST

START_TEST(test_too_few_rows_are_refused)
{
    int32_t labels[ROWS_MAX];
    uint64_t *chosen = NULL, count = 77;
    fill_labels(labels, ROWS_MAX);
    labels[5] = 9; /* the only one */
    ck_assert_int_eq(mcl_draw_labelled(&chosen, &count, labels, ROWS_MAX, 2, 0), MCL_ERROR_DATA);
    ck_assert_str_eq(mcl_error_message(), "2 labelled rows of each class are wanted, but class 9 "
                                          "has 1: lower `labels_per_class` to 1 "
                                          "or less");
    ck_assert_ptr_null(chosen);
    ck_assert_uint_eq(count, 77);
    ck_assert_int_eq(mcl_draw_labelled(&chosen, &count, labels, ROWS_MAX, 1, 0), MCL_OK);
    ck_assert_uint_eq(count, 5);
    free(chosen);
}
END_TEST

static int draw_some(void)
{
    int32_t labels[ROWS_MAX];
    uint64_t *chosen, count;
    fill_labels(labels, ROWS_MAX);
    const mcl_status status = mcl_draw_labelled(&chosen, &count, labels, ROWS_MAX, 8, 1);
    if (status != MCL_OK)
        return status == MCL_ERROR_MEMORY ? 1 : -1;
    free(chosen);
    return 0;
}

START_TEST(test_memory_runs_out)
{
#if MASKCL_FAILING_MEMORY
    ck_assert_uint_ge(fail_each_allocation(draw_some), 2);
#else
    ck_assert_int_eq(draw_some(), 0);
#endif
}
END_TEST

START_TEST(test_selected_rows)
{
    const float values[] = {0.5f, -1, 2, 3, 4, 5.25f, 7, 8};
    const uint64_t numbers[] = {3, 0, 3};
    const float expected[] = {7, 8, 0.5f, -1, 7, 8};
    mcl_data *data, *part;
    ck_assert_int_eq(mcl_data_from_floats(&data, values, 4, 2), MCL_OK);
    ck_assert_int_eq(mcl_data_select(&part, data, numbers, 3), MCL_OK);
    mcl_data_free(data);
    ck_assert_uint_eq(mcl_data_rows(part), 3);
    ck_assert_uint_eq(mcl_data_columns(part), 2);
    ck_assert_mem_eq(mcl_data_values(part), expected, sizeof expected);
    ck_assert_str_eq(mcl_data_source(part), "data in memory");
    mcl_data_free(part);
}
END_TEST

/* Images stay images of bytes. */
START_TEST(test_selected_images)
{
    const unsigned char idx[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};
    const unsigned char expected[] = {4, 5, 6};
    const uint64_t number = 1;
    uint64_t shape[MCL_DIMENSIONS_MAX];
    mcl_data *data, *part;
    write_file(scratch("images"), idx, sizeof idx);
    ck_assert_int_eq(mcl_data_open(&data, scratch("images")), MCL_OK);
    ck_assert_int_eq(mcl_data_select(&part, data, &number, 1), MCL_OK);
    mcl_data_free(data);
    ck_assert_int_eq(mcl_data_element(part), MCL_ELEMENT_UINT8);
    ck_assert_uint_eq(mcl_data_rows(part), 1);
    ck_assert_uint_eq(mcl_data_row_shape(part, shape), 2);
    ck_assert_uint_eq(shape[0], 1);
    ck_assert_uint_eq(shape[1], 3);
    ck_assert_mem_eq(mcl_data_values(part), expected, sizeof expected);
    mcl_data_free(part);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("draw");
    TCase *tcase = tcase_create("draw");
    tcase_add_checked_fixture(tcase, scratch_setup, scratch_teardown);
    tcase_add_test(tcase, test_committed_draws);
    tcase_add_test(tcase, test_more_rows_hold_the_fewer);
    tcase_add_test(tcase, test_too_few_rows_are_refused);
    tcase_add_test(tcase, test_memory_runs_out);
    tcase_add_test(tcase, test_selected_rows);
    tcase_add_test(tcase, test_selected_images);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
