/* SPDX-License-Identifier: Apache-2.0 */
/* A run that is built and not trained, as the tuner has it. */
#include "support/device.h"
#include "support/files.h"

#include "train/trainer.h"

#define ROWS 37
#define COLUMNS 6

static mcl_data *data;
static mcl_pretrain_options options;

static void setup(void)
{
    float values[ROWS * COLUMNS] = {0.0f};
    context_setup();
    scratch_setup();
    ASSERT_OK(mcl_data_from_floats(&data, values, ROWS, COLUMNS));
    ASSERT_OK(mcl_pretrain_options_init(&options));
    options.hidden[0] = 5;
    options.embedding = 3;
    options.train.batch = 8;
    options.train.epochs = 2;
}

static void teardown(void)
{
    mcl_data_free(data);
    scratch_teardown();
    context_teardown();
}

START_TEST(test_building_trains_nothing_and_looks_at_no_file)
{
    mcl_trainer *trainer;
    options.train.checkpoint = scratch("c.safetensors");
    options.train.checkpoint_steps = 1;
    options.train.resume = true;
    FILE *file = fopen(options.train.checkpoint, "w");
    ck_assert_ptr_nonnull(file);
    fclose(file);
    ASSERT_OK(mcl_pretrain_build(&trainer, context, data, &options));
    ck_assert_uint_eq(mcl_steps_enqueued(trainer->steps), 0);
    ck_assert_uint_eq(trainer->steps_per_epoch, ROWS / 8);
    mcl_trainer_free(trainer);
    ck_assert_uint_eq(scratch_files(NULL), 1);
}
END_TEST

START_TEST(test_what_was_built_trains_as_any_run)
{
    char expected[MCL_DIGEST_SIZE], digest[MCL_DIGEST_SIZE];
    mcl_trainer *trainer;
    mcl_model *model;
    ASSERT_OK(mcl_pretrain(&model, context, data, &options));
    mcl_model_digest(expected, model);
    mcl_model_free(model);
    ASSERT_OK(mcl_pretrain_build(&trainer, context, data, &options));
    ASSERT_OK(mcl_trainer_run(&model, trainer));
    mcl_trainer_free(trainer);
    mcl_model_digest(digest, model);
    mcl_model_free(model);
    ck_assert_str_eq(digest, expected);
}
END_TEST

START_TEST(test_a_run_that_cannot_be_is_not_built)
{
    mcl_trainer *trainer;
    options.train.batch = ROWS + 1;
    ck_assert_int_eq(mcl_pretrain_build(&trainer, context, data, &options), MCL_ERROR_ARGUMENT);
    options.train.batch = 8;
    options.embedding = 0;
    ck_assert_int_eq(mcl_pretrain_build(&trainer, context, data, &options), MCL_ERROR_ARGUMENT);
}
END_TEST

/* A loss of moco is like later ones when all places of its queue have keys, two a row. */
START_TEST(test_steps_that_settle)
{
    static const struct {
        mcl_objective_kind kind;
        const char *queue;
        uint64_t steps;
    } trials[] = {{MCL_OBJECTIVE_NT_XENT, "16", 0}, {MCL_OBJECTIVE_MOCO, "16", 1},
        {MCL_OBJECTIVE_MOCO, "48", 3}, {MCL_OBJECTIVE_MOCO, "49", 4}};
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) {
        mcl_trainer *trainer;
        options.objective_count = 1;
        options.objectives[0] = (mcl_objective){trials[i].kind, 1.0f};
        ASSERT_OK(mcl_options_set(&options.base, "queue", trials[i].queue));
        ASSERT_OK(mcl_pretrain_build(&trainer, context, data, &options));
        ck_assert_uint_eq(trainer->settling, trials[i].steps);
        mcl_trainer_free(trainer);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trainer");
    TCase *tests = tcase_create("trainer");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_building_trains_nothing_and_looks_at_no_file);
    tcase_add_test(tests, test_what_was_built_trains_as_any_run);
    tcase_add_test(tests, test_a_run_that_cannot_be_is_not_built);
    tcase_add_test(tests, test_steps_that_settle);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
