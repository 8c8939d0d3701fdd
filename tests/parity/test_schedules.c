/* SPDX-License-Identifier: Apache-2.0 */
/* The learning rates of whole runs against PyTorch's schedulers. */
#include "support/fixtures.h"

#include "optim/schedule.h"

#define PER_EPOCH 7
#define EPOCHS 5
#define STEPS (PER_EPOCH * EPOCHS)
#define RATE 0.3

/* As write_schedules() of tools/fixtures/torch_fixtures.py has them. */
static const struct trial {
    const char *name;
    mcl_schedule_options options;
} trials[] = {
    {"constant", {.kind = MCL_SCHEDULE_CONSTANT}},
    {"constant-warmup", {.kind = MCL_SCHEDULE_CONSTANT, .warmup = 2.5}},
    {"cosine", {.kind = MCL_SCHEDULE_COSINE}},
    {"cosine-final", {.kind = MCL_SCHEDULE_COSINE, .final_rate = 0.01}},
    {"cosine-warmup", {.kind = MCL_SCHEDULE_COSINE, .warmup = 1.5}},
    {"step", {.kind = MCL_SCHEDULE_STEP, .step_epochs = 2, .gamma = 0.1}},
    {"step-slow", {.kind = MCL_SCHEDULE_STEP, .step_epochs = 1, .gamma = 0.7}},
};

#define TRIALS (sizeof trials / sizeof *trials)

static double rate_of(const mcl_schedule_options *options, uint64_t step)
{
    return mcl_schedule_rate(options, RATE, EPOCHS, PER_EPOCH, step);
}

START_TEST(test_rates)
{
    const struct trial *trial = &trials[_i];
    fixtures_open("schedules.safetensors");
    const mcl_stored_tensor *tensor = mcl_safetensors_find(fixtures, trial->name);
    ck_assert_msg(tensor != NULL && tensor->dtype == MCL_DTYPE_F64 && tensor->shape[0] == STEPS,
        "%s: not among the fixtures", trial->name);
    for (uint64_t step = 0; step < STEPS; step++) {
        const double expected = ((const double *)tensor->values)[step];
        const double rate = rate_of(&trial->options, step);
        ck_assert_msg(fabs(rate - expected) <= 1e-14,
            "%s: the rate of step %ju is %.17g instead "
            "of %.17g",
            trial->name, (uintmax_t)step, rate, expected);
    }
    fixtures_close();
}
END_TEST

/* The cosine against libm's, and bits that must be the same on every host. */
START_TEST(test_cosine)
{
    const mcl_schedule_options options = {.kind = MCL_SCHEDULE_COSINE, .warmup = 0.5};
    const uint64_t steps = 100000;
    uint64_t digest = 14695981039346656037u;
    for (uint64_t step = 0; step < steps; step++) {
        const double rate = mcl_schedule_rate(&options, 1.0, 1, steps, step);
        const double half = cos(acos(-1.0) * ((double)step - 5e4) / 5e4 / 2.0);
        const double expected = step < 50000 ? (double)step / 5e4 : half * half;
        uint64_t bits;
        REQUIRE(fabs(rate - expected) <= 1e-15, "step %ju: %.17g instead of %.17g", (uintmax_t)step,
            rate, expected);
        memcpy(&bits, &rate, sizeof bits);
        digest = (digest ^ bits) * 1099511628211u;
    }
    ck_assert_msg(digest == UINT64_C(0x1ef6f4796c494f35), "0x%016jx", (uintmax_t)digest);
}
END_TEST

START_TEST(test_ends)
{
    mcl_schedule_options options = {.kind = MCL_SCHEDULE_COSINE, .final_rate = 0.01};
    ck_assert_double_eq(rate_of(&options, 0), RATE);
    ck_assert_double_gt(rate_of(&options, STEPS - 1), 0.01);
    options = (mcl_schedule_options){.kind = MCL_SCHEDULE_CONSTANT, .warmup = 2.0};
    ck_assert_double_eq(rate_of(&options, 0), 0.0);
    ck_assert_double_eq(rate_of(&options, PER_EPOCH), RATE / 2.0);
    ck_assert_double_eq(rate_of(&options, 2 * PER_EPOCH), RATE);
}
END_TEST

static const struct {
    mcl_schedule_options options;
    const char *message;
} refused[] = {
    {{.kind = MCL_SCHEDULE_CONSTANT, .warmup = -1.0},
        "a warm-up of -1 epochs in a run of 5: it must be 0 or more, and end before the run does"},
    {{.kind = MCL_SCHEDULE_COSINE, .warmup = 5.0},
        "a warm-up of 5 epochs in a run of 5: it must be 0 or more, and end before the run does"},
    {{.kind = MCL_SCHEDULE_CONSTANT, .warmup = NAN},
        "a warm-up of nan epochs in a run of 5: it must be 0 or more, and end before the run does"},
    {{.kind = MCL_SCHEDULE_COSINE, .final_rate = -0.5},
        "a final learning rate of -0.5: it must be 0 or more"},
    {{.kind = MCL_SCHEDULE_COSINE, .final_rate = INFINITY},
        "a final learning rate of inf: it must be 0 or more"},
    {{.kind = MCL_SCHEDULE_STEP, .gamma = 0.1},
        "the schedule step multiplies the rate every so many epochs: say how many "
        "(`learning_rate_step_epochs`)"},
    {{.kind = MCL_SCHEDULE_STEP, .step_epochs = 1, .gamma = 0.0},
        "a factor of 0: it must be above 0"},
};

START_TEST(test_refused)
{
    ck_assert_int_eq(mcl_schedule_check(&refused[_i].options, EPOCHS), MCL_ERROR_ARGUMENT);
    ck_assert_str_eq(mcl_error_message(), refused[_i].message);
}
END_TEST

START_TEST(test_names)
{
    static const char *const names[] = {"constant", "cosine", "step"};
    mcl_schedule_kind kind = MCL_SCHEDULE_STEP;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(mcl_schedule_parse(&kind, names[i]), MCL_OK);
        ck_assert_int_eq(kind, i);
        ck_assert_str_eq(mcl_schedule_name(kind), names[i]);
    }
    ck_assert_int_eq(mcl_schedule_parse(&kind, "linear"), MCL_ERROR_ARGUMENT);
    ck_assert_str_eq(
        mcl_error_message(), "unknown schedule 'linear': it is constant, cosine or step");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schedules");
    TCase *tcase = tcase_create("schedules");
    tcase_add_loop_test(tcase, test_rates, 0, TRIALS);
    tcase_add_test(tcase, test_cosine);
    tcase_add_test(tcase, test_ends);
    tcase_add_loop_test(tcase, test_refused, 0, sizeof refused / sizeof *refused);
    tcase_add_test(tcase, test_names);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
