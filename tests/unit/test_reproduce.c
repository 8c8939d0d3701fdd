/* SPDX-License-Identifier: Apache-2.0 */
/* Runs read from the metadata of models: those of version 0.1, whose checkpoints are models of
 * seven steps, end with their bits; and what cannot be read is refused. */
#include "maskcl/reproduce.h"

#include "support/device.h"

#define FORMER MASKCL_FIXTURES "/former/"

START_TEST(test_models_of_version_0_1)
{
    static const char *const names[] = {"plain", "sgd", "lars", "byol", "moco", "tabular"};
    mcl_data *data;
    char path[512], expected[MCL_DIGEST_SIZE], found[MCL_DIGEST_SIZE];
    ASSERT_OK(mcl_data_synthetic(&data, 200, 16, 0));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        mcl_model *model, *again;
        mcl_run run;
        const mcl_run_input input = {.data = data};
        snprintf(path, sizeof path, FORMER "%s.safetensors", names[i]);
        ASSERT_OK(mcl_model_load(&model, path));
        ASSERT_OK(mcl_run_read(&run, model));
        ck_assert_uint_eq(run.steps, 7);
        ck_assert_int_eq(run.product, MCL_GEMM_AUTO);
        ck_assert(!*run.data_digest && run.contract == 0);
        ck_assert_ptr_nonnull(strstr(run.assumed, "`dropout`") ? run.assumed
                              : run.pretrain.train.dropout > 0 ? run.assumed
                                                               : NULL);
        ASSERT_OK(mcl_run_check(&run, &input));
        ASSERT_OK(mcl_run_train(&again, context, &run, &input));
        mcl_model_digest(expected, model);
        mcl_model_digest(found, again);
        ck_assert_msg(strcmp(expected, found) == 0, "%s: other bits", names[i]);
        mcl_model_free(model);
        mcl_model_free(again);
    }
    mcl_data_free(data);
}
END_TEST

START_TEST(test_digests)
{
    const float values[] = {1.0f, 2.0f, 3.0f, 4.0f};
    const int32_t labels[] = {1, 2};
    mcl_data *rows, *row;
    char a[MCL_DIGEST_SIZE], b[MCL_DIGEST_SIZE];
    ASSERT_OK(mcl_data_from_floats(&rows, values, 2, 2));
    ASSERT_OK(mcl_data_from_floats(&row, values, 1, 4));
    mcl_data_digest(a, rows);
    mcl_data_digest(b, row);
    ck_assert_str_eq(a, b); /* of the values alone */
    ck_assert_uint_eq(strlen(a), MCL_DIGEST_SIZE - 1);
    mcl_labels_digest(b, labels, 2);
    ck_assert_str_ne(a, b);
    mcl_data_free(rows);
    mcl_data_free(row);
}
END_TEST

START_TEST(test_metadata_that_make_no_sense)
{
    static const char *const bad[][2] = {{"data_digest", "12"}, {"synthetic", "64"},
        {"synthetic", "0x4"}, {"synthetic", "x4"}, {"synthetic_seed", "-1"}, {"product", "cublas"},
        {"numeric_contract", "new"}, {"steps", "1.5"}, {"objective", "unheard"}, {"batch", "many"}};
    const mcl_architecture architecture = {.input = 2, .embedding = 1};
    mcl_model *model;
    mcl_run run;
    ASSERT_OK(mcl_model_create(&model, &architecture, 5));
    ck_assert_int_eq(mcl_run_read(&run, model), MCL_ERROR_FORMAT);
    ASSERT_OK(mcl_model_metadata_set(model, "steps", "3"));
    ASSERT_OK(mcl_model_metadata_set(model, "synthetic", "8x2"));
    ASSERT_OK(mcl_run_read(&run, model));
    ck_assert_uint_eq(run.steps, 3);
    ck_assert_uint_eq(run.synthetic_rows, 8);
    mcl_model_free(model);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ASSERT_OK(mcl_model_create(&model, &architecture, 5));
        ASSERT_OK(mcl_model_metadata_set(model, "steps", "3"));
        ASSERT_OK(mcl_model_metadata_set(model, "synthetic", "8x2"));
        ASSERT_OK(mcl_model_metadata_set(model, bad[i][0], bad[i][1]));
        ck_assert_msg(mcl_run_read(&run, model) == MCL_ERROR_FORMAT, "%s", bad[i][0]);
        mcl_model_free(model);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reproduce");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, context_setup, context_teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, test_models_of_version_0_1);
    tcase_add_test(tests, test_digests);
    tcase_add_test(tests, test_metadata_that_make_no_sense);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
