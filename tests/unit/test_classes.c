/* SPDX-License-Identifier: Apache-2.0 */
/* Classes by their numbers and by their places. */
#include "data/classes.h"

#include "support/inputs.h"

START_TEST(test_numbers_and_places)
{
    const int32_t labels[] = {60000, 7, 7, INT32_MAX, 0, 60000};
    const int32_t asked[] = {0, 7, 8, 60000, INT32_MAX, 1}, places[] = {0, 1, -1, 2, 3, -1};
    mcl_classes classes, parsed;
    int32_t *found;
    char *text;
    ck_assert_int_eq(mcl_classes_find(&classes, labels, 6), MCL_OK);
    ck_assert_uint_eq(classes.count, 4);
    ck_assert_uint_eq(mcl_classes_place(&classes, 60000), 2);
    ck_assert_uint_eq(mcl_classes_place(&classes, 5), 4);
    ck_assert_int_eq(mcl_classes_places(&found, &classes, asked, 6), MCL_OK);
    ck_assert_mem_eq(found, places, sizeof places);
    ck_assert_int_eq(mcl_classes_show(&text, &classes), MCL_OK);
    ck_assert_str_eq(text, "0,7,60000,2147483647");
    ck_assert_int_eq(mcl_classes_parse(&parsed, text, 4), MCL_OK);
    ck_assert_mem_eq(parsed.numbers, classes.numbers, 4 * sizeof *classes.numbers);
    mcl_classes_release(&parsed);
    mcl_classes_release(&classes);
    free(found);
    free(text);
}
END_TEST

START_TEST(test_texts_that_are_no_classes)
{
    static const char *const bad[] = {"", "1", "1,2,3", "2,1", "1,1", "1,", ",1", "1,,2", "1;2",
        "1, 2", "-1,2", "1,2147483648", "1,2x", "x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mcl_classes parsed = {NULL, 0};
        ck_assert_int_eq(mcl_classes_parse(&parsed, bad[i], 2), MCL_ERROR_FORMAT);
        ck_assert_ptr_null(parsed.numbers);
        assert_error("is not 2 ascending numbers", "");
    }
}
END_TEST

START_TEST(test_too_many_and_negative)
{
    const uint64_t rows = MCL_CLASSES_MOST + 1;
    int32_t *labels = malloc(rows * sizeof *labels);
    mcl_classes classes;
    ck_assert_ptr_nonnull(labels);
    for (uint64_t i = 0; i < rows; i++)
        labels[i] = (int32_t)(3 * i);
    ck_assert_int_eq(mcl_classes_find(&classes, labels, rows - 1), MCL_OK);
    ck_assert_uint_eq(classes.count, MCL_CLASSES_MOST);
    mcl_classes_release(&classes);
    ck_assert_int_eq(mcl_classes_find(&classes, labels, rows), MCL_ERROR_DATA);
    assert_error("the labels are of more than 65536 classes", "");
    labels[5] = -1;
    ck_assert_int_eq(mcl_classes_find(&classes, labels, rows), MCL_ERROR_DATA);
    assert_error("the label of row 5 is -1, below 0", "");
    free(labels);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("classes");
    TCase *tcase = tcase_create("classes");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_numbers_and_places);
    tcase_add_test(tcase, test_texts_that_are_no_classes);
    tcase_add_test(tcase, test_too_many_and_negative);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
