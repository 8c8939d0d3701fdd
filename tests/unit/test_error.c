/* SPDX-License-Identifier: Apache-2.0 */
/* The last error's message: one a thread. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

START_TEST(test_empty_before_anything_fails)
{
    ck_assert_str_eq(mcl_error_message(), "");
}

START_TEST(test_the_last_failure_counts)
{
    ck_assert_int_eq(mcl_fail(MCL_ERROR_FILE, "%s: byte %d", "a.npy", 7), MCL_ERROR_FILE);
    ck_assert_str_eq(mcl_error_message(), "a.npy: byte 7");
    ck_assert_int_eq(mcl_fail(MCL_ERROR_DATA, "other"), MCL_ERROR_DATA);
    ck_assert_str_eq(mcl_error_message(), "other");
}

START_TEST(test_a_message_may_hold_the_one_before)
{
    mcl_fail(MCL_ERROR_FILE, "no space left");
    mcl_fail(MCL_ERROR_FILE, "model.safetensors: %s, %s", mcl_error_message(), mcl_error_message());
    ck_assert_str_eq(mcl_error_message(), "model.safetensors: no space left, no space left");
}

START_TEST(test_a_long_message_is_cut)
{
    static char text[20000];
    memset(text, 'x', sizeof text - 1);
    mcl_fail(MCL_ERROR_DEVICE, "%s", text);
    const size_t length = strlen(mcl_error_message());
    ck_assert_uint_ge(length, 4000);
    ck_assert_uint_lt(length, sizeof text - 1);
    ck_assert_uint_eq(strspn(mcl_error_message(), "x"), length);
}

static mcl_status fails(int *reached)
{
    MCL_TRY(mcl_fail(MCL_ERROR_FORMAT, "first"));
    *reached = 1;
    return MCL_OK;
}

static mcl_status succeeds(int *reached)
{
    MCL_TRY(MCL_OK);
    *reached = 1;
    return MCL_INTERRUPTED;
}

START_TEST(test_try_passes_a_failure_on)
{
    int reached = 0;
    ck_assert_int_eq(fails(&reached), MCL_ERROR_FORMAT);
    ck_assert_int_eq(reached, 0);
    ck_assert_int_eq(succeeds(&reached), MCL_INTERRUPTED);
    ck_assert_int_eq(reached, 1);
}

static void *fail_elsewhere(void *before)
{
    strcpy(before, mcl_error_message());
    mcl_fail(MCL_ERROR_MEMORY, "elsewhere");
    return NULL;
}

START_TEST(test_each_thread_has_its_own)
{
    pthread_t thread;
    char before[32] = "unset";
    mcl_fail(MCL_ERROR_FILE, "here");
    ck_assert_int_eq(pthread_create(&thread, NULL, fail_elsewhere, before), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_str_eq(before, "");
    ck_assert_str_eq(mcl_error_message(), "here");
}

int main(void)
{
    Suite *suite = suite_create("error");
    TCase *tcase = tcase_create("error");
    tcase_add_test(tcase, test_empty_before_anything_fails);
    tcase_add_test(tcase, test_the_last_failure_counts);
    tcase_add_test(tcase, test_a_message_may_hold_the_one_before);
    tcase_add_test(tcase, test_a_long_message_is_cut);
    tcase_add_test(tcase, test_try_passes_a_failure_on);
    tcase_add_test(tcase, test_each_thread_has_its_own);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
