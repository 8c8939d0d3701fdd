/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text, also in a program with a decimal comma. */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "support/decimal_comma.h"

#include "base/numbers.h"
#include "base/random.h"

static const struct {
    const char *text;
    double value;
} read_texts[] = {
    {"0", 0.0},
    {"-0", -0.0},
    {"7", 7.0},
    {"+7", 7.0},
    {"007", 7.0},
    {".5", 0.5},
    {"5.", 5.0},
    {"-1.5e-3", -1.5e-3},
    {"1E+2", 100.0},
    {"1.7976931348623157e308", DBL_MAX},
    {"2.2250738585072014e-308", DBL_MIN},
    {"4.9406564584124654e-324", 0x1p-1074},
    {"2.4703282292062327e-324", 0.0}, /* just below half of that */
    {"1e-400", 0.0},
    {"0.1000000000000000055511151231257827021181583404541015625", 0.1},
    {"9007199254740993", 9007199254740992.0}, /* a tie, to even */
    {"9007199254740993.0000000000000000000000001", 9007199254740994.0},
};

static const char *const refused[] = {"", " ", " 1", "1 ", "1,5", "1.5.", ".", "-", "+", "e5",
    ".e5", "1e", "1e+", "1e5.", "--1", "0x1p3", "0x10", "inf", "-INF", "infinity", "nan", "NaN(1)",
    "1f", "1'000", "1e309", "-1e309"};

static const struct {
    double value;
    const char *text;
} shown_doubles[] = {
    {0.0, "0"},
    {-0.0, "-0"},
    {1.0, "1"},
    {20.0, "20"},
    {0.07, "0.07"},
    {0.0003, "0.0003"},
    {1e-5, "1e-05"},
    {1.0 / 3.0, "0.3333333333333333"},
    {0.1 + 0.2, "0.30000000000000004"},
    {100000000.0, "100000000"},
    {1e9, "1e+09"},
    {12345678901.5, "12345678901.5"},
    {-123456789.0, "-123456789"},
    {DBL_MAX, "1.7976931348623157e+308"},
    {-DBL_MAX, "-1.7976931348623157e+308"},
    {DBL_MIN, "2.2250738585072014e-308"},
    {0x1p-1074, "5e-324"},
    {INFINITY, "inf"},
};

static const struct {
    float value;
    const char *text;
} shown_floats[] = {
    {0.1f, "0.1"},
    {0.15f, "0.15"},
    {1.0f / 3.0f, "0.33333334"},
    {0x1.921fb6p+1f, "3.1415927"},
    {16777216.0f, "16777216"},
    {FLT_MAX, "3.4028235e+38"},
    {FLT_MIN, "1.1754944e-38"},
    {0x1p-149f, "1e-45"},
    {0x1.fffffep-1f, "0.99999994"},
};

static void check_all(void)
{
    char text[MCL_NUMBER_SIZE];
    for (size_t i = 0; i < sizeof read_texts / sizeof *read_texts; i++) {
        double value = 99.0;
        ck_assert_msg(mcl_number_parse(&value, read_texts[i].text), "%s", read_texts[i].text);
        ck_assert_msg(
            value == read_texts[i].value && !signbit(value) == !signbit(read_texts[i].value),
            "%s is read as %a", read_texts[i].text, value);
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        double value = 99.0;
        float single = 99.0f;
        ck_assert_msg(!mcl_number_parse(&value, refused[i]), "'%s' is read", refused[i]);
        ck_assert_msg(!mcl_number_parse_float(&single, refused[i]), "'%s' is read", refused[i]);
        ck_assert(value == 99.0 && single == 99.0f);
    }
    for (size_t i = 0; i < sizeof shown_doubles / sizeof *shown_doubles; i++) {
        mcl_number_show(text, shown_doubles[i].value);
        ck_assert_str_eq(text, shown_doubles[i].text);
    }
    for (size_t i = 0; i < sizeof shown_floats / sizeof *shown_floats; i++) {
        mcl_number_show_float(text, shown_floats[i].value);
        ck_assert_str_eq(text, shown_floats[i].text);
    }
}

START_TEST(test_texts)
{
    check_all();
}

START_TEST(test_floats_are_rounded_once)
{
    /* Just above the middle of 1 and its successor: by way of a double it would be that middle. */
    float value = 0.0f, before = 99.0f;
    ck_assert(mcl_number_parse_float(&value, "1.00000005960464477539062500001"));
    ck_assert(value == 0x1.000002p0f);
    ck_assert(mcl_number_parse_float(&value, "3.4028235e38"));
    ck_assert(value == FLT_MAX);
    ck_assert(mcl_number_parse_float(&value, "1e-45"));
    ck_assert(value == 0x1p-149f);
    ck_assert(!mcl_number_parse_float(&before, "1e39"));
    ck_assert(before == 99.0f);
}

START_TEST(test_what_is_shown_is_read_back)
{
    for (uint64_t i = 0; i < 20000; i++) {
        char text[MCL_NUMBER_SIZE];
        uint32_t words[4];
        double value, read = 0.0;
        float single, read_single = 0.0f;
        mcl_random_words(words, 1, MCL_STREAM_DATA, 0, 0, i, 0);
        memcpy(&value, words, sizeof value);
        memcpy(&single, words + 2, sizeof single);
        if (isfinite(value)) {
            mcl_number_show(text, value);
            ck_assert_msg(mcl_number_parse(&read, text) && read == value, "%a as %s", value, text);
        }
        if (isfinite(single)) {
            mcl_number_show_float(text, single);
            ck_assert_msg(mcl_number_parse_float(&read_single, text) && read_single == single,
                "%a as %s", (double)single, text);
        }
    }
}

START_TEST(test_a_decimal_comma_changes_nothing)
{
    if (!use_decimal_comma())
        return;
    check_all();
    assert_decimal_comma(); /* the program keeps its own */
}

int main(void)
{
    Suite *suite = suite_create("numbers");
    TCase *tcase = tcase_create("numbers");
    tcase_add_test(tcase, test_texts);
    tcase_add_test(tcase, test_floats_are_rounded_once);
    tcase_add_test(tcase, test_what_is_shown_is_read_back);
    tcase_add_test(tcase, test_a_decimal_comma_changes_nothing);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
