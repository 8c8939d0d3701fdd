/* SPDX-License-Identifier: Apache-2.0 */
/* Data from the caller's memory, and the accessors. */
#include "support/inputs.h"

#include "support/failing_memory.h"
#include "support/refused_memory.h"

#include <math.h>

#include "data/data.h"

static const float six[] = {0.5f, -1, 2, 3, 4, 5.25f};

static mcl_data *from_floats(const float *values, uint64_t rows, uint64_t columns)
{
    mcl_data *data = NULL;
    ck_assert_msg(
        mcl_data_from_floats(&data, values, rows, columns) == MCL_OK, "%s", mcl_error_message());
    return data;
}

START_TEST(test_values_are_copied)
{
    float values[6];
    uint64_t shape[MCL_DIMENSIONS_MAX];
    memcpy(values, six, sizeof six);
    mcl_data *data = from_floats(values, 2, 3);
    memset(values, 0xFF, sizeof values);
    ck_assert_uint_eq(mcl_data_rows(data), 2);
    ck_assert_uint_eq(mcl_data_columns(data), 3);
    ck_assert_int_eq(mcl_data_element(data), MCL_ELEMENT_FLOAT32);
    ck_assert_uint_eq(mcl_data_row_shape(data, shape), 1);
    ck_assert_uint_eq(shape[0], 3);
    ck_assert_mem_eq(mcl_data_values(data), six, sizeof six);
    ck_assert_str_eq(mcl_data_source(data), "data in memory");
    mcl_data_free(data);
}

START_TEST(test_tiny_values_become_zero)
{
    const float limit = 0x1p-125f;
    const float values[] = {limit, nextafterf(limit, 0), -limit, -0x1p-126f, 0x1p-149f, -0.0f};
    const float expected[] = {limit, 0, -limit, 0, 0, 0};
    mcl_data *data = from_floats(values, 3, 2);
    ck_assert_mem_eq(mcl_data_values(data), expected, sizeof expected);
    mcl_data_free(data);
}

START_TEST(test_values_that_cannot_be_used)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int b = 0; b < 3; b++) {
        for (int at = 0; at < 6; at++) {
            float values[6];
            char part[128];
            mcl_data *data = NULL;
            memcpy(values, six, sizeof six);
            values[at] = bad[b];
            snprintf(part, sizeof part, ": row %d, column %d (counted from 0) is %s", at / 2,
                at % 2, b ? "infinite" : "NaN");
            ck_assert_int_eq(mcl_data_from_floats(&data, values, 3, 2), MCL_ERROR_DATA);
            ck_assert_ptr_null(data);
            assert_error("data in memory", part);
        }
    }
}

START_TEST(test_sizes_that_cannot_be)
{
    static const uint64_t sizes[][2] = {{0, 3}, {3, 0}, {0, 0}, {UINT64_MAX, UINT64_MAX},
        {(uint64_t)1 << 32, (uint64_t)1 << 32}, {(uint64_t)1 << 62, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        mcl_data *data = NULL;
        ck_assert_int_eq(
            mcl_data_from_floats(&data, six, sizes[i][0], sizes[i][1]), MCL_ERROR_ARGUMENT);
        ck_assert_ptr_null(data);
        assert_error("data in memory: a shape of ", "has no rows or columns, or too many");
    }
    mcl_data *data = NULL;
    ck_assert_int_eq(mcl_data_from_floats(&data, six, (uint64_t)1 << 50, 1), MCL_ERROR_MEMORY);
    ck_assert_ptr_null(data);
}

static mcl_array_description images(const void *values, mcl_number type)
{
    return (mcl_array_description){
        .values = values, .type = type, .dimensions = 3, .shape = {2, 2, 3}};
}

START_TEST(test_rows_with_a_shape)
{
    static const int16_t shorts[12] = {-1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 32767};
    static const uint8_t bytes[12] = {1, 2, 255};
    mcl_array_description array = images(shorts, MCL_NUMBER_INT16);
    uint64_t shape[MCL_DIMENSIONS_MAX];
    mcl_data *data = NULL;
    ck_assert_int_eq(mcl_data_from_memory(&data, &array), MCL_OK);
    ck_assert_uint_eq(mcl_data_rows(data), 2);
    ck_assert_uint_eq(mcl_data_row_shape(data, shape), 2);
    ck_assert(shape[0] == 2 && shape[1] == 3);
    for (int i = 0; i < 12; i++)
        ck_assert(((const float *)mcl_data_values(data))[i] == shorts[i]);
    mcl_data_free(data);
    array = images(bytes, MCL_NUMBER_UINT8);
    ck_assert_int_eq(mcl_data_from_memory(&data, &array), MCL_OK);
    ck_assert_int_eq(mcl_data_element(data), MCL_ELEMENT_UINT8);
    ck_assert(mcl_data_values(data) != (const void *)bytes);
    ck_assert_mem_eq(mcl_data_values(data), bytes, sizeof bytes);
    mcl_data_free(data);
    array.dimensions = 1;
    ck_assert_int_eq(mcl_data_from_memory(&data, &array), MCL_OK);
    ck_assert_uint_eq(mcl_data_rows(data), 2);
    ck_assert_uint_eq(mcl_data_columns(data), 1);
    mcl_data_free(data);
}

/* Without a copy where that gives the same rows, and with one where it would not. */
START_TEST(test_borrowed_rows)
{
    static const uint8_t bytes[12] = {0};
    float floats[12] = {1, 2, 3};
    mcl_array_description array = images(bytes, MCL_NUMBER_UINT8);
    array.borrow = true;
    mcl_data *data = NULL;
    ck_assert_int_eq(mcl_data_from_memory(&data, &array), MCL_OK);
    ck_assert(mcl_data_values(data) == (const void *)bytes);
    mcl_data_free(data);
    array = images(floats, MCL_NUMBER_FLOAT32);
    array.borrow = true;
    ck_assert_int_eq(mcl_data_from_memory(&data, &array), MCL_OK);
    ck_assert(mcl_data_values(data) == (const void *)floats);
    mcl_data_free(data);
    const float zeros[] = {-0.0f, 0x1p-126f, 0x1p-149f};
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++) {
        floats[11] = zeros[i];
        ck_assert_int_eq(mcl_data_from_memory(&data, &array), MCL_OK);
        ck_assert(mcl_data_values(data) != (const void *)floats);
        const uint32_t zero = 0;
        ck_assert_mem_eq((const float *)mcl_data_values(data) + 11, &zero, sizeof zero);
        mcl_data_free(data);
    }
    floats[11] = NAN;
    data = NULL;
    ck_assert_int_eq(mcl_data_from_memory(&data, &array), MCL_ERROR_DATA);
    ck_assert_ptr_null(data);
    assert_error("data in memory", ": row 1, column 5 (counted from 0) is NaN");
}

START_TEST(test_descriptions_that_cannot_be)
{
    static const double doubles[12] = {0};
    mcl_array_description good = images(doubles, MCL_NUMBER_FLOAT64), bad[7];
    for (size_t i = 0; i < 7; i++)
        bad[i] = good;
    bad[0].values = NULL;
    bad[1].type = (mcl_number)99;
    bad[2].dimensions = 0;
    bad[3].dimensions = 2 + MCL_DIMENSIONS_MAX;
    bad[4].values = (const char *)doubles + 1;
    bad[5].borrow = true;
    bad[6].shape[1] = 0;
    for (size_t i = 0; i < 7; i++) {
        mcl_data *data = NULL;
        ck_assert_int_eq(mcl_data_from_memory(&data, &bad[i]), MCL_ERROR_ARGUMENT);
        ck_assert_ptr_null(data);
        assert_error(
            i ? "data in memory: " : "mcl_data_from_memory(): described->values is NULL", "");
    }
}

START_TEST(test_any_run_of_rows)
{
    mcl_data *data = from_floats(six, 3, 2);
    for (uint64_t first = 0; first <= 3; first++) {
        for (uint64_t rows = 0; first + rows <= 3; rows++) {
            float values[7] = {9, 9, 9, 9, 9, 9, 9};
            ck_assert_int_eq(mcl_data_floats(values, data, first, rows), MCL_OK);
            if (rows)
                ck_assert_mem_eq(values, six + 2 * first, rows * 2 * sizeof *six);
            ck_assert(values[2 * rows] == 9);
        }
    }
    mcl_data_free(data);
}

START_TEST(test_rows_that_are_not_there)
{
    static const uint64_t runs[][2] = {
        {0, 4}, {3, 1}, {4, 0}, {1, UINT64_MAX}, {UINT64_MAX, 1}, {UINT64_MAX, UINT64_MAX}};
    mcl_data *data = from_floats(six, 3, 2);
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        float values[8] = {9};
        ck_assert_int_eq(mcl_data_floats(values, data, runs[i][0], runs[i][1]), MCL_ERROR_ARGUMENT);
        ck_assert(values[0] == 9);
        assert_error("data in memory: ", " on are not there: it has 3");
    }
    mcl_data_free(data);
}

START_TEST(test_picked_rows)
{
    static const uint64_t numbers[] = {2, 0}, beyond[] = {0, 3};
    static const float wanted[] = {4, 5.25f, 0.5f, -1};
    mcl_data *data = from_floats(six, 3, 2), *part = NULL;
    ck_assert_int_eq(mcl_data_pick(&part, data, numbers, 2), MCL_OK);
    ck_assert_uint_eq(mcl_data_rows(part), 2);
    ck_assert_mem_eq(mcl_data_values(part), wanted, sizeof wanted);
    ck_assert_ptr_null(mcl_data_schema(part));
    mcl_data_free(part);
    part = NULL;
    ck_assert_int_eq(mcl_data_pick(&part, data, beyond, 2), MCL_ERROR_ARGUMENT);
    ck_assert_int_eq(mcl_data_pick(&part, data, numbers, 0), MCL_ERROR_ARGUMENT);
    ck_assert_ptr_null(part);
    mcl_data_free(data);
}

#if MASKCL_FAILING_MEMORY
static int make(void)
{
    mcl_data *data = NULL;
    const mcl_status status = mcl_data_from_floats(&data, six, 2, 3);
    mcl_data_free(data);
    return status == MCL_OK ? 0 : status == MCL_ERROR_MEMORY && !data ? 1 : -1;
}

START_TEST(test_each_allocation_failing)
{
    ck_assert_uint_eq(fail_each_allocation(make), 3);
}
#endif

int main(void)
{
    Suite *suite = suite_create("data");
    TCase *tcase = tcase_create("data");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_values_are_copied);
    tcase_add_test(tcase, test_tiny_values_become_zero);
    tcase_add_test(tcase, test_values_that_cannot_be_used);
    tcase_add_test(tcase, test_sizes_that_cannot_be);
    tcase_add_test(tcase, test_rows_with_a_shape);
    tcase_add_test(tcase, test_borrowed_rows);
    tcase_add_test(tcase, test_descriptions_that_cannot_be);
    tcase_add_test(tcase, test_any_run_of_rows);
    tcase_add_test(tcase, test_rows_that_are_not_there);
    tcase_add_test(tcase, test_picked_rows);
#if MASKCL_FAILING_MEMORY
    tcase_add_test(tcase, test_each_allocation_failing);
#endif
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
