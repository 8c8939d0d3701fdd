/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of optimizers and schedules. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

START_TEST(test_optimizers)
{
    const mcl_optimizer_info *info;
    int count = 0;
    for (; (info = mcl_optimizer_describe((mcl_optimizer_kind)count)); count++) {
        mcl_optimizer_kind kind = (mcl_optimizer_kind)99;
        ck_assert_int_eq(mcl_optimizer_parse(&kind, info->name), MCL_OK);
        ck_assert_int_eq(kind, count);
        ck_assert_str_eq(mcl_optimizer_name(kind), info->name);
        ck_assert_uint_gt(strlen(info->summary), 0);
        const mcl_optimizer_options given = {.kind = kind,
            .learning_rate = 0.25,
            .weight_decay = MCL_WEIGHT_DECAY_DEFAULT,
            .momentum = MCL_MOMENTUM_DEFAULT,
            .beta1 = 0.5,
            .beta2 = 0.75,
            .epsilon = MCL_EPSILON_DEFAULT};
        const mcl_optimizer_options resolved = mcl_optimizer_resolve(&given);
        ck_assert(resolved.weight_decay == info->weight_decay && info->weight_decay >= 0.0);
        ck_assert(resolved.momentum == info->momentum && info->momentum >= 0.0);
        ck_assert(resolved.epsilon == info->epsilon && info->epsilon > 0.0);
        ck_assert(info->has_momentum || info->momentum == 0.0);
        ck_assert(resolved.learning_rate == 0.25 && resolved.beta1 == 0.5);
    }
    ck_assert_int_eq(count, MCL_OPTIMIZER_LAMB + 1);
    ck_assert_ptr_nonnull(mcl_optimizer_describe(MCL_OPTIMIZER_LARS)->rate_advice);
    ck_assert_ptr_null(mcl_optimizer_describe(MCL_OPTIMIZER_ADAM)->rate_advice);
    ck_assert_ptr_null(mcl_optimizer_describe((mcl_optimizer_kind)-1));
}

START_TEST(test_given_values_are_kept)
{
    const mcl_optimizer_options given = {
        MCL_OPTIMIZER_LARS, 1.0, 0.0, 0.0, 0.5, 0.5, 0.0}; /* zeros are values */
    const mcl_optimizer_options resolved = mcl_optimizer_resolve(&given);
    ck_assert(resolved.weight_decay == 0.0 && resolved.momentum == 0.0 && resolved.epsilon == 0.0);
}

START_TEST(test_schedules)
{
    const mcl_schedule_info *info;
    int count = 0;
    for (; (info = mcl_schedule_describe((mcl_schedule_kind)count)); count++) {
        mcl_schedule_kind kind = (mcl_schedule_kind)99;
        ck_assert_int_eq(mcl_schedule_parse(&kind, info->name), MCL_OK);
        ck_assert_int_eq(kind, count);
        ck_assert_str_eq(mcl_schedule_name(kind), info->name);
        ck_assert_uint_gt(strlen(info->summary), 0);
        /* What a kind does not look at is not checked either. */
        const mcl_schedule_options options = {kind, 0.0, -1.0, 0, -1.0};
        ck_assert_int_eq(mcl_schedule_check(&options, 5),
            info->has_final_rate || info->has_steps ? MCL_ERROR_ARGUMENT : MCL_OK);
    }
    ck_assert_int_eq(count, MCL_SCHEDULE_STEP + 1);
    ck_assert_ptr_null(mcl_schedule_describe((mcl_schedule_kind)-1));
}

START_TEST(test_unknown_names)
{
    mcl_optimizer_kind optimizer;
    mcl_schedule_kind schedule;
    ck_assert_int_eq(mcl_optimizer_parse(&optimizer, "Adam"), MCL_ERROR_ARGUMENT);
    ck_assert_str_eq(
        mcl_error_message(), "unknown optimizer 'Adam': it is adam, adamw, sgd, lars or lamb");
    ck_assert_int_eq(mcl_schedule_parse(&schedule, ""), MCL_ERROR_ARGUMENT);
    ck_assert_str_eq(mcl_error_message(), "unknown schedule '': it is constant, cosine or step");
}

int main(void)
{
    Suite *suite = suite_create("optim");
    TCase *tcase = tcase_create("optim");
    tcase_add_test(tcase, test_optimizers);
    tcase_add_test(tcase, test_given_values_are_kept);
    tcase_add_test(tcase, test_schedules);
    tcase_add_test(tcase, test_unknown_names);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
