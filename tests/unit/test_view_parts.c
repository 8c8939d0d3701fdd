/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that views are made of, as their texts say them. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/decimal_comma.h"

#include "base/error.h"
#include "maskcl/views.h"

static void assert_shown(const char *text, const char *expected)
{
    mcl_view_options options;
    char shown[MCL_VIEW_OPTIONS_SIZE];
    ck_assert_msg(
        mcl_view_options_parse(&options, text) == MCL_OK, "%s: %s", text, mcl_error_message());
    mcl_view_options_show(shown, &options);
    ck_assert_str_eq(shown, expected);
}

static void assert_refused(const char *text, const char *message)
{
    mcl_view_options options = {.noise = 7.0f};
    ck_assert_int_eq(mcl_view_options_parse(&options, text), MCL_ERROR_ARGUMENT);
    ck_assert_str_eq(mcl_error_message(), message);
    ck_assert(options.noise == 7.0f);
}

/* A part by its name alone has its default, and is read back as it is shown. */
START_TEST(test_every_part_is_told_and_read)
{
    const mcl_view_part *part;
    size_t count = 0;
    for (; (part = mcl_view_part_describe(count)); count++) {
        char message[64], twice[64], shown[MCL_VIEW_OPTIONS_SIZE];
        mcl_view_options options;
        ck_assert_uint_eq(strncmp(part->usage, part->name, strlen(part->name)), 0);
        ck_assert_uint_gt(strlen(part->number), 0);
        ck_assert_uint_gt(strlen(part->summary), 0);
        ck_assert(part->otherwise > 0.0f);
        ck_assert_int_eq(mcl_view_options_parse(&options, part->name), MCL_OK);
        mcl_view_options_show(shown, &options);
        assert_shown(shown, shown);
        snprintf(message, sizeof message, "%s stands twice", part->name);
        snprintf(twice, sizeof twice, "%s,%s", part->name, part->name);
        assert_refused(twice, message);
    }
    ck_assert_uint_eq(count, 19);
    ck_assert_ptr_null(mcl_view_part_describe(SIZE_MAX));
}

static void check_texts(void)
{
    assert_shown("none", "none");
    assert_shown("noise:0.25,flip:1,shift:1e-3", "shift:0.001,flip:1,noise:0.25");
    assert_shown("affine:0.4", "shift:0.3,scale:0.4,rotate:0.4");
    assert_shown("affine", "shift:0.15,scale:0.2,rotate:0.2");
    assert_shown("noise:20", "noise:20");
    assert_shown("corrupt:one", "corrupt:0.6:one");
    assert_shown("corrupt:0.123456789:one", "corrupt:0.12345679:one");
    assert_shown("mask", "mask:bernoulli:0.5:complement");
    assert_shown("mask:none", "none");
    assert_shown("mask:block:whole:3px:0.75", "mask:block:0.75:3px:whole");
    assert_shown("crop", "crop:0.08-1:0.75-1.3333333");
    assert_shown("crop:0.2:0.5-2", "crop:0.2-1:0.5-2");
    assert_shown("crop:1e-2-5e-1:1e-1-1e+1,flip", "crop:0.01-0.5:0.1-10,flip:0.5");
    assert_shown("color", "brightness:0.8,contrast:0.8,saturation:0.8,hue:0.2,jitter:0.8");
    assert_shown("color:0.5:1", "brightness:0.4,contrast:0.4,saturation:0.4,hue:0.1,jitter:1");
    assert_shown("blur", "blur:0.5:0.1-2");
    assert_shown("blur:1-3:0.2", "blur:0.2:1-3");
    assert_shown("mask:block:2-8px", "mask:block:0.5:2-8px:complement");
    assert_shown("mask:uniform:independent", "mask:uniform:independent");
}

START_TEST(test_texts)
{
    check_texts();
}

START_TEST(test_a_decimal_comma_changes_nothing)
{
    if (!use_decimal_comma())
        return;
    check_texts();
    assert_refused("noise:-0.5", "noise:-0.5: the number must be above 0");
    assert_decimal_comma();
}

START_TEST(test_parts_that_set_the_same)
{
    assert_refused("affine,shift", "affine and shift set the same: leave one of them out");
    assert_refused("scale:0.1,affine", "scale and affine set the same: leave one of them out");
    assert_refused("rotate,noise,affine", "rotate and affine set the same: leave one of them out");
    assert_refused("mask:none,mask", "mask stands twice");
    assert_shown("shift,scale,rotate", "shift:0.15,scale:0.2,rotate:0.2");
}

START_TEST(test_numbers_that_are_none)
{
    static const char *const texts[] = {"", " 1", "0x1p-1", "inf", "nan", "1e99"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char text[32], message[64];
        snprintf(text, sizeof text, "noise:%s", texts[i]);
        snprintf(message, sizeof message, "'%s' after noise is not a number", texts[i]);
        assert_refused(text, message);
    }
    assert_refused("noise:1e-60", "noise:1e-60: the number must be above 0");
    assert_refused("flip:1.0000001", "flip:1.0000001: the number must be above 0, at most 1");
    assert_refused("scale:1", "scale:1: the number must be between 0 and 1");
    assert_refused("noise:1:one", "'one' is too much after noise");
}

int main(void)
{
    Suite *suite = suite_create("view parts");
    TCase *tcase = tcase_create("view parts");
    tcase_add_test(tcase, test_every_part_is_told_and_read);
    tcase_add_test(tcase, test_texts);
    tcase_add_test(tcase, test_a_decimal_comma_changes_nothing);
    tcase_add_test(tcase, test_parts_that_set_the_same);
    tcase_add_test(tcase, test_numbers_that_are_none);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
