/* SPDX-License-Identifier: Apache-2.0 */
/* Reconstructions of a part of the rows: those of the whole, for the cost of the part. */
#include "support/device.h"

#include "maskcl/evaluate.h"

#define ROWS 1100 /* more than are computed at once */
#define COLUMNS 12
#define SEED 5

static mcl_data *data;
static mcl_model *model;

static void setup(void)
{
    context_setup();
    const mcl_architecture architecture = {.input = COLUMNS,
        .hidden = {7},
        .hidden_count = 1,
        .embedding = 3,
        .activation = MCL_ACTIVATION_RELU};
    ASSERT_OK(mcl_data_synthetic(&data, ROWS, COLUMNS, 2));
    ASSERT_OK(mcl_model_create(&model, &architecture, 3));
}

static void teardown(void)
{
    mcl_model_free(model);
    mcl_data_free(data);
    context_teardown();
}

struct result {
    float *masked, *reconstructed;
};

static mcl_status reconstruct(struct result *result, uint64_t first, uint64_t rows)
{
    const mcl_mask mask = {MCL_MASK_BERNOULLI, 0.5f, 0, 0};
    result->masked = allocate(rows * COLUMNS, sizeof(float));
    result->reconstructed = allocate(rows * COLUMNS, sizeof(float));
    return mcl_reconstruct(
        result->masked, result->reconstructed, context, model, data, &mask, SEED, first, rows);
}

static void release(struct result *result)
{
    free(result->masked);
    free(result->reconstructed);
}

START_TEST(test_a_part_is_that_of_the_whole)
{
    static const uint64_t parts[][2] = {
        {0, 1}, {0, 5}, {1, 1}, {37, 6}, {1023, 2}, {1099, 1}, {50, 1050}};
    const size_t count = is_oclgrind() ? 4 : sizeof parts / sizeof *parts;
    const uint64_t rows = is_oclgrind() ? 50 : ROWS;
    struct result whole, part;
    ASSERT_OK(reconstruct(&whole, 0, rows));
    for (size_t i = 0; i < count; i++) {
        const uint64_t first = parts[i][0], here = parts[i][1];
        ASSERT_OK(reconstruct(&part, first, here));
        assert_same_bits(part.masked, whole.masked + first * COLUMNS, here * COLUMNS, "masked");
        assert_same_bits(part.reconstructed, whole.reconstructed + first * COLUMNS, here * COLUMNS,
            "reconstructed");
        release(&part);
    }
    release(&whole);
}
END_TEST

/* Rows that need more room than there is take turns; a row must fit. */
START_TEST(test_room_on_the_device)
{
    struct result whole, result;
    ASSERT_OK(reconstruct(&whole, 0, 101));
    context->info.largest_buffer = 100 * COLUMNS * sizeof(float);
    ASSERT_OK(reconstruct(&result, 0, 101));
    assert_same_bits(result.masked, whole.masked, 101 * COLUMNS, "masked");
    assert_same_bits(result.reconstructed, whole.reconstructed, 101 * COLUMNS, "reconstructed");
    release(&result);
    release(&whole);
    context->info.largest_buffer = COLUMNS * sizeof(float) - 1;
    ck_assert_int_eq(reconstruct(&result, 0, 1), MCL_ERROR_DEVICE);
    release(&result);
}
END_TEST

START_TEST(test_rows_that_are_not_there)
{
    struct result result;
    ck_assert_int_eq(reconstruct(&result, ROWS, 1), MCL_ERROR_ARGUMENT);
    release(&result);
    ck_assert_int_eq(reconstruct(&result, ROWS - 1, 2), MCL_ERROR_ARGUMENT);
    ck_assert_str_eq(mcl_error_message(), "rows 1099 to 1101 are wanted, but the data has 1100");
    release(&result);
    ASSERT_OK(reconstruct(&result, ROWS, 0));
    release(&result);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reconstruct");
    TCase *tcase = tcase_create("reconstruct");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_a_part_is_that_of_the_whole);
    tcase_add_test(tcase, test_room_on_the_device);
    tcase_add_test(tcase, test_rows_that_are_not_there);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
