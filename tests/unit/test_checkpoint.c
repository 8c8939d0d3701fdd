/* SPDX-License-Identifier: Apache-2.0 */
/* A checkpoint comes back as it was written, and no damage to it goes unnoticed. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "train/checkpoint.h"
#include "train/options.h"

#define ASSERT_OK(expression) ck_assert_msg((expression) == MCL_OK, "%s", mcl_error_message())
#define MOMENTS 7
#define METRICS 8

static char folder[] = "/tmp/maskcl-checkpoint-XXXXXX";
static char path[sizeof folder + 32], previous[sizeof folder + 64];
static mcl_conditions conditions;
static mcl_model *model;
static mcl_data *data;

static void make_conditions(const mcl_pretrain_options *options)
{
    mcl_pretrain_options resolved = *options;
    mcl_train_resolve(&resolved.train, mcl_data_rows(data));
    mcl_conditions_begin(&conditions, MCL_TASK_PRETRAINING);
    ASSERT_OK(mcl_conditions_add_options(&conditions, &resolved.base, "seed"));
    mcl_conditions_add_data(&conditions, data);
    ASSERT_OK(mcl_conditions_add_options(&conditions, &resolved.base, NULL));
    mcl_conditions_add_product(&conditions, MCL_GEMM_NATIVE);
}

static void setup(void)
{
    const float values[6] = {1, 2, 3, 4, 5, 6};
    const mcl_architecture architecture = {.input = 2, .embedding = 1};
    mcl_pretrain_options options;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/c.safetensors", folder);
    mcl_checkpoint_previous(previous, sizeof previous, path);
    ASSERT_OK(mcl_data_from_floats(&data, values, 3, 2));
    ASSERT_OK(mcl_model_create(&model, &architecture, 5));
    (void)mcl_pretrain_options_init(&options);
    make_conditions(&options);
}

static void teardown(void)
{
    unlink(path);
    unlink(previous);
    rmdir(folder);
    memcpy(strchr(folder, '\0') - 6, "XXXXXX", 6);
    mcl_model_free(model);
    mcl_data_free(data);
}

/* The arrays of a position with room for METRICS numbers. */
struct arrays {
    float moments[2][MOMENTS], metrics[METRICS];
};

static mcl_position position_of(struct arrays *arrays, uint64_t metrics)
{
    return (mcl_position){.step = 11,
        .states = {{MCL_CHECKPOINT_PREFIX "moment1", arrays->moments[0], MOMENTS},
            {MCL_CHECKPOINT_PREFIX "moment2", arrays->moments[1], MOMENTS}},
        .state_count = 2,
        .metrics = arrays->metrics,
        .metric_count = metrics};
}

static struct arrays make_arrays(void)
{
    struct arrays arrays;
    for (size_t i = 0; i < MOMENTS; i++) {
        arrays.moments[0][i] = 0.1f * (float)i;
        arrays.moments[1][i] = -0.3f * (float)i;
    }
    for (size_t i = 0; i < METRICS; i++)
        arrays.metrics[i] = (float)i;
    return arrays;
}

static void write_step(uint64_t step, uint64_t metrics)
{
    struct arrays arrays = make_arrays();
    mcl_position position = position_of(&arrays, metrics);
    position.step = step;
    ASSERT_OK(mcl_checkpoint_write(path, model, &conditions, &position));
}

static mcl_status read_step(uint64_t *step, uint64_t *metrics, struct arrays *arrays)
{
    mcl_position position = position_of(arrays, METRICS);
    const mcl_status status = mcl_checkpoint_read(model, &position, path, &conditions);
    *step = position.step;
    *metrics = position.metric_count;
    return status;
}

START_TEST(test_comes_back)
{
    const struct arrays written = make_arrays();
    for (uint64_t count = 0; count <= METRICS; count += 4) {
        struct arrays read;
        uint64_t step, metrics;
        memset(&read, 0, sizeof read);
        write_step(UINT64_C(1) << 40, count);
        const float first = model->parameters[0];
        model->parameters[0] = 77;
        ASSERT_OK(read_step(&step, &metrics, &read));
        ck_assert_uint_eq(step, UINT64_C(1) << 40);
        ck_assert_uint_eq(metrics, count);
        ck_assert_mem_eq(read.moments, written.moments, sizeof read.moments);
        ck_assert_mem_eq(read.metrics, written.metrics, count * sizeof(float));
        ck_assert_mem_eq(&model->parameters[0], &first, sizeof first);
    }
}
END_TEST

START_TEST(test_the_one_before_is_kept)
{
    struct arrays arrays;
    uint64_t step, metrics;
    ck_assert_str_eq(strrchr(previous, '/'), "/c.previous.safetensors");
    write_step(1, 0);
    ck_assert_int_ne(access(previous, F_OK), 0);
    write_step(2, 0);
    write_step(3, 0);
    ASSERT_OK(read_step(&step, &metrics, &arrays));
    ck_assert_uint_eq(step, 3);
    ck_assert_int_eq(rename(previous, path), 0);
    ASSERT_OK(read_step(&step, &metrics, &arrays));
    ck_assert_uint_eq(step, 2);
}
END_TEST

START_TEST(test_any_flipped_byte_is_noticed)
{
    struct arrays arrays;
    struct stat information;
    uint64_t step, metrics;
    write_step(11, METRICS);
    ck_assert_int_eq(stat(path, &information), 0);
    const size_t size = (size_t)information.st_size;
    for (size_t i = 0; i < size; i++) {
        FILE *file = fopen(path, "r+b");
        ck_assert_ptr_nonnull(file);
        fseek(file, (long)i, SEEK_SET);
        const int byte = fgetc(file);
        for (int flip = 1; flip >= 0; flip--) { /* and back */
            fseek(file, (long)i, SEEK_SET);
            fputc(flip ? byte ^ 1 : byte, file);
            fflush(file);
            const mcl_status status = read_step(&step, &metrics, &arrays);
            if (status == MCL_OK && flip)
                ck_abort_msg("byte %zu of %zu: a flipped bit goes unnoticed", i, size);
            if (status != MCL_OK && !flip)
                ck_abort_msg("%s", mcl_error_message());
            if (flip && status != MCL_ERROR_FORMAT)
                ck_abort_msg("byte %zu: %s", i, mcl_error_message());
        }
        fclose(file);
    }
}
END_TEST

START_TEST(test_any_cut_is_noticed)
{
    struct arrays arrays;
    struct stat information;
    uint64_t step, metrics;
    write_step(11, METRICS);
    ck_assert_int_eq(stat(path, &information), 0);
    for (off_t size = information.st_size - 1; size >= 0; size--) {
        ck_assert_int_eq(truncate(path, size), 0);
        ck_assert_int_eq(read_step(&step, &metrics, &arrays), MCL_ERROR_FORMAT);
    }
}
END_TEST

START_TEST(test_too_many_metrics)
{
    struct arrays arrays = make_arrays();
    mcl_position position = position_of(&arrays, METRICS);
    write_step(11, METRICS);
    position.metric_count = METRICS - 1;
    ck_assert_int_eq(mcl_checkpoint_read(model, &position, path, &conditions), MCL_ERROR_FORMAT);
}
END_TEST

START_TEST(test_other_conditions_are_named)
{
    struct arrays arrays;
    uint64_t step, metrics;
    mcl_pretrain_options options;
    write_step(11, 0);
    (void)mcl_pretrain_options_init(&options);
    options.train.seed = 9;
    make_conditions(&options);
    ck_assert_int_eq(read_step(&step, &metrics, &arrays), MCL_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mcl_error_message(), "`seed` was 0, and here it is 9"));
    (void)mcl_pretrain_options_init(&options);
    options.train.optimizer.beta2 = 0.98;
    make_conditions(&options);
    ck_assert_int_eq(read_step(&step, &metrics, &arrays), MCL_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mcl_error_message(), "`beta2` was 0.999, and here it is 0.98"));
}
END_TEST

START_TEST(test_none)
{
    struct arrays arrays;
    uint64_t step, metrics;
    ck_assert_int_eq(read_step(&step, &metrics, &arrays), MCL_ERROR_FILE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("checkpoint");
    TCase *tests = tcase_create("checkpoint");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_comes_back);
    tcase_add_test(tests, test_the_one_before_is_kept);
    tcase_add_test(tests, test_any_flipped_byte_is_noticed);
    tcase_add_test(tests, test_any_cut_is_noticed);
    tcase_add_test(tests, test_too_many_metrics);
    tcase_add_test(tests, test_other_conditions_are_named);
    tcase_add_test(tests, test_none);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
