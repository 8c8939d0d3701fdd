/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of a data set, as views and objectives take them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "constants.clh"
#include "data/data.h"
#include "data/groups.h"
#include "data/schema.h"

#define INPUTS 6

/* A row of zeros without a schema. */
static mcl_data *make_data(void)
{
    static const float zeros[INPUTS];
    mcl_data *data;
    ck_assert_int_eq(mcl_data_from_floats(&data, zeros, 1, INPUTS), MCL_OK);
    return data;
}

/* The same with columns of these kinds: n a number, i one with an indicator, c a category of two
 * inputs, l a label. */
static mcl_data *make_table(const char *kinds)
{
    mcl_schema *schema;
    mcl_strings *one;
    mcl_data *data = make_data();
    ck_assert_int_eq(mcl_schema_create(&schema), MCL_OK);
    ck_assert_int_eq(mcl_strings_create(&one), MCL_OK);
    ck_assert_int_eq(mcl_strings_add(one, "a", 1), MCL_OK);
    for (; *kinds; kinds++) {
        const mcl_column column = {.name = "column",
            .kind = *kinds == 'c'   ? MCL_COLUMN_CATEGORY
                    : *kinds == 'l' ? MCL_COLUMN_LABEL
                                    : MCL_COLUMN_NUMBER,
            .deviation = 1.0,
            .indicator = *kinds == 'i'};
        ck_assert_int_eq(
            mcl_schema_add(schema, &column, strchr("cl", *kinds) ? one : NULL), MCL_OK);
    }
    mcl_strings_free(one);
    mcl_data_set_schema(data, schema);
    return data;
}

START_TEST(test_columns)
{
    static const mcl_group expected[] = {{0, 1, MCL_GROUP_NUMBERS, 0},
        {1, 2, MCL_GROUP_CATEGORY, 0}, {3, 2, MCL_GROUP_INDICATED, 0},
        {5, 1, MCL_GROUP_NUMBERS, 0}};
    mcl_groups groups;
    mcl_data *data = make_table("nclin");
    ck_assert_int_eq(mcl_groups_of(&groups, data), MCL_OK);
    ck_assert_uint_eq(groups.count, 4);
    ck_assert_mem_eq(groups.columns, expected, sizeof expected);
    mcl_groups_release(&groups);
    ck_assert_ptr_null(groups.columns);
    mcl_data_free(data);
}
END_TEST

START_TEST(test_numbers_have_none)
{
    mcl_groups groups;
    mcl_data *data[] = {make_data(), make_table("nnnlnnn")};
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(mcl_groups_of(&groups, data[i]), MCL_OK);
        ck_assert_ptr_null(groups.columns);
        ck_assert_uint_eq(groups.count, 0);
        mcl_data_free(data[i]);
    }
}
END_TEST

START_TEST(test_images_have_none)
{
    mcl_groups groups;
    mcl_schema *schema;
    mcl_data *data = make_data();
    ck_assert_int_eq(mcl_schema_create(&schema), MCL_OK);
    mcl_schema_set_image(schema, &(mcl_image){.height = 2, .width = 3, .channels = 1});
    mcl_data_set_schema(data, schema);
    ck_assert_int_eq(mcl_groups_of(&groups, data), MCL_OK);
    ck_assert_ptr_null(groups.columns);
    mcl_data_free(data);
}
END_TEST

START_TEST(test_inputs_that_no_column_has)
{
    static const char *const wrong[] = {"cc", "ccci", "nnnnnnn"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        mcl_groups groups;
        mcl_data *data = make_table(wrong[i]);
        ck_assert_int_eq(mcl_groups_of(&groups, data), MCL_ERROR_DATA);
        ck_assert_ptr_null(groups.columns);
        ck_assert_ptr_nonnull(strstr(mcl_error_message(), "its schema is damaged"));
        mcl_data_free(data);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("groups");
    TCase *tcase = tcase_create("groups");
    tcase_add_test(tcase, test_columns);
    tcase_add_test(tcase, test_numbers_have_none);
    tcase_add_test(tcase, test_images_have_none);
    tcase_add_test(tcase, test_inputs_that_no_column_has);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
