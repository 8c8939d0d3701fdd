/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the values of an enumeration. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"

static const char *const colours[] = {"red", "green", "blue"};

START_TEST(test_every_name_is_found)
{
    for (size_t i = 0; i < 3; i++) {
        size_t index = 99;
        ck_assert_int_eq(mcl_name_parse(&index, colours[i], colours, 3, "colour"), MCL_OK);
        ck_assert_uint_eq(index, i);
    }
}

START_TEST(test_others_are_not)
{
    static const char *const others[] = {"", "re", "redd", "Red", " red", "red ", "red,green"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        size_t index = 99;
        char expected[128];
        ck_assert_int_eq(
            mcl_name_parse(&index, others[i], colours, 3, "colour"), MCL_ERROR_ARGUMENT);
        ck_assert_uint_eq(index, 99);
        snprintf(
            expected, sizeof expected, "unknown colour '%s': it is red, green or blue", others[i]);
        ck_assert_str_eq(mcl_error_message(), expected);
    }
}

START_TEST(test_one_and_two_names)
{
    size_t index;
    mcl_name_parse(&index, "x", colours, 1, "colour");
    ck_assert_str_eq(mcl_error_message(), "unknown colour 'x': it is red");
    mcl_name_parse(&index, "x", colours, 2, "colour");
    ck_assert_str_eq(mcl_error_message(), "unknown colour 'x': it is red or green");
}

START_TEST(test_a_list_too_long_is_cut)
{
    static char names[40][32];
    const char *list[40];
    size_t index = 99;
    for (int i = 0; i < 40; i++) {
        memset(names[i], 'a' + i % 26, 30);
        list[i] = names[i];
    }
    ck_assert_int_eq(mcl_name_parse(&index, list[39], list, 40, "name"), MCL_OK);
    ck_assert_uint_eq(index, 13); /* names[39] is names[13] again */
    ck_assert_int_eq(mcl_name_parse(&index, "x", list, 40, "name"), MCL_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mcl_error_message(), names[0]));
    ck_assert_uint_lt(strlen(mcl_error_message()), 300);
}

int main(void)
{
    Suite *suite = suite_create("names");
    TCase *tcase = tcase_create("names");
    tcase_add_test(tcase, test_every_name_is_found);
    tcase_add_test(tcase, test_others_are_not);
    tcase_add_test(tcase, test_one_and_two_names);
    tcase_add_test(tcase, test_a_list_too_long_is_cut);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
