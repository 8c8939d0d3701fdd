/* SPDX-License-Identifier: Apache-2.0 */
/* A run that is built and not trained, as the tuner has it; what is told of a model that is; rows
 * that are held out. */
#include "support/device.h"
#include "support/files.h"

#include "base/random.h"
#include "data/data.h"
#include "data/split.h"
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

static void fill_data(uint64_t rows)
{
    float *values = allocate(rows * COLUMNS, sizeof *values);
    fill_random(values, rows * COLUMNS, 3);
    mcl_data_free(data);
    ASSERT_OK(mcl_data_from_floats(&data, values, rows, COLUMNS));
    free(values);
}

static void train_on(char digest[MCL_DIGEST_SIZE], mcl_collapse *collapse, const mcl_data *rows)
{
    mcl_model *model;
    ASSERT_OK(mcl_pretrain(&model, context, rows, &options));
    mcl_model_digest(digest, model);
    ASSERT_OK(mcl_model_collapse(collapse, model));
    mcl_model_free(model);
}

START_TEST(test_rows_that_are_alike_and_rows_that_are_not)
{
    char digest[MCL_DIGEST_SIZE];
    mcl_collapse collapse;
    train_on(digest, &collapse, data); /* zeros */
    ck_assert_int_eq(collapse.verdict, MCL_COLLAPSE_OF_ROWS);
    ck_assert_double_eq(collapse.spread[MCL_COLLAPSE_INPUTS], 0.0);
    ck_assert_double_eq(collapse.effective_rank[MCL_COLLAPSE_TRAINED], 0.0);
    fill_data(300);
    train_on(digest, &collapse, data);
    ck_assert_int_eq(collapse.verdict, MCL_COLLAPSE_NONE);
    ck_assert_double_gt(collapse.spread[MCL_COLLAPSE_INPUTS], 0.9);
    ck_assert_double_gt(collapse.effective_rank[MCL_COLLAPSE_INPUTS], 5.0);
    ck_assert_double_le(collapse.effective_rank[MCL_COLLAPSE_TRAINED], 3.0);
}
END_TEST

/* What is held out is measured by copies of all that a step changes. */
static const char *const measured[] = {"byol", "moco"};

START_TEST(test_holding_rows_out_changes_nothing_else)
{
    char expected[MCL_DIGEST_SIZE], digest[MCL_DIGEST_SIZE];
    mcl_collapse collapse;
    mcl_data *rest, *held;
    fill_data(80);
    ASSERT_OK(mcl_data_split(&rest, &held, data, (double)0.25f, options.train.seed));
    ck_assert_uint_eq(mcl_data_rows(rest) + mcl_data_rows(held), 80);
    options.normalization = MCL_NORMALIZATION_BATCH;
    options.train.dropout = 0.2f;
    options.predictor_count = strcmp(measured[_i], "byol") == 0;
    options.predictor[0] = 4;
    ASSERT_OK(mcl_options_set(&options.base, "objective", measured[_i]));
    train_on(expected, &collapse, rest);
    options.holdout = 0.25f;
    train_on(digest, &collapse, data);
    ck_assert_str_eq(digest, expected);
    mcl_data_free(rest);
    mcl_data_free(held);
}
END_TEST

/* Of bytes and of floats, each row to one part, in order; a row's part does not depend on others.
 */
START_TEST(test_a_split)
{
    enum { N = 1000, D = 3 };
    unsigned char values[N * D];
    const uint64_t shape[] = {N, D};
    for (size_t i = 0; i < N * D; i++)
        values[i] = (unsigned char)(i / D % 251);
    unsigned char *copy = allocate(N * D, 1);
    memcpy(copy, values, sizeof values);
    mcl_data *all, *parts[2];
    ASSERT_OK(mcl_data_create(&all, copy, MCL_ELEMENT_UINT8, shape, 2, "a test"));
    ASSERT_OK(mcl_data_split(&parts[0], &parts[1], all, 0.3, 9));
    uint64_t seen[2] = {0, 0};
    for (uint64_t row = 0; row < N; row++) {
        uint32_t words[4];
        mcl_random_words(words, 9, MCL_STREAM_HELD_OUT, 0, 0, row, 0);
        const bool held = ((double)words[0] + (double)words[1] * 0x1p-32) * 0x1p-32 < 0.3;
        float floats[D];
        ASSERT_OK(mcl_data_floats(floats, parts[held], seen[held]++, 1));
        ck_assert_float_eq(floats[D - 1], (float)values[row * D] / 255.0f);
    }
    ck_assert_uint_eq(seen[0], mcl_data_rows(parts[0]));
    ck_assert_uint_eq(seen[1], mcl_data_rows(parts[1]));
    ck_assert(seen[1] > 250 && seen[1] < 350);
    ck_assert_int_eq(mcl_data_split(&parts[0], &parts[1], all, 1e-6, 9), MCL_ERROR_DATA);
    mcl_data_free(parts[0]);
    mcl_data_free(parts[1]);
    mcl_data_free(all);
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
    tcase_add_test(tests, test_rows_that_are_alike_and_rows_that_are_not);
    tcase_add_loop_test(
        tests, test_holding_rows_out_changes_nothing_else, 0, sizeof measured / sizeof *measured);
    tcase_add_test(tests, test_a_split);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
