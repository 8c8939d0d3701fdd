/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of text that is not UTF-8, or that a terminal would obey. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "maskcl/status.h"

static const struct {
    const char *given, *kept, *clean;
} cases[] = {
    {"", "", ""}, {"NVIDIA GeForce RTX 4090", "", "NVIDIA GeForce RTX 4090"},
    {"Intel\256 HD Graphics", "", "Intel? HD Graphics"},
    {"Intel\302\256 Arc\342\204\242", "", "Intel\302\256 Arc\342\204\242"},
    {"\360\237\230\200", "", "\360\237\230\200"},
    {"a\302", "", "a?"},                                        /* an end within a character */
    {"a\342\204", "", "a??"}, {"\300\257\301\201", "", "????"}, /* longer than need be */
    {"\340\200\257", "", "???"}, {"\360\200\200\257", "", "????"},
    {"\355\240\200", "", "???"},      /* a surrogate */
    {"\364\220\200\200", "", "????"}, /* beyond Unicode */
    {"\370\210\200\200\200", "", "?????"}, {"\377\376", "", "??"},
    {"a\33[31mb\a\r\n\tc\177", "", "a?[31mb????c?"}, {"a\n\tb\r", "\n\t", "a\n\tb?"},
    {"\302\233[31m\302\205", "", "?[31m?"},                      /* controls of two bytes */
    {"a\342\200\256b\342\201\246c\342\200\250d", "", "a?b?c?d"}, /* another direction, a line */
};

START_TEST(test_cases)
{
    char clean[64];
    const size_t length = mcl_clean_text(clean, sizeof clean, cases[_i].given, cases[_i].kept);
    ck_assert_str_eq(clean, cases[_i].clean);
    ck_assert_uint_eq(length, strlen(clean));
}
END_TEST

/* Whatever the size, the text is cut between two characters and terminated. */
START_TEST(test_cut)
{
    const char *text = "ab\302\256\342\204\242\360\237\230\200";
    const size_t whole[] = {0, 1, 2, 4, 7, 11};
    for (size_t size = 1; size <= 12; size++) {
        char clean[16];
        memset(clean, 'x', sizeof clean);
        const size_t length = mcl_clean_text(clean, size, text, "");
        size_t expected = 0;
        for (size_t i = 0; i < 6; i++)
            expected = whole[i] < size ? whole[i] : expected;
        ck_assert_uint_eq(length, expected);
        ck_assert_int_eq(strncmp(clean, text, length), 0);
        ck_assert_int_eq(clean[length], '\0');
        ck_assert_int_eq(clean[size], 'x');
    }
    char untouched = 'x';
    ck_assert_uint_eq(mcl_clean_text(&untouched, 0, text, ""), 0);
    ck_assert_int_eq(untouched, 'x');
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *tests = tcase_create("text");
    tcase_add_loop_test(tests, test_cases, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tests, test_cut);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
