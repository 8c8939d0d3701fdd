/* SPDX-License-Identifier: Apache-2.0 */
/* A locale whose decimal point is a comma, for what must not depend on it. */
#ifndef MASKCL_TESTS_DECIMAL_COMMA_H
#define MASKCL_TESTS_DECIMAL_COMMA_H

#include <check.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* That printf's numbers have a comma. */
static inline void assert_decimal_comma(void)
{
    char text[8];
    snprintf(text, sizeof text, "%g", 0.5);
    ck_assert_str_eq(text, "0,5");
}

/* Puts the process in such a locale, which localedef makes; false, with a line that says so, where
 * it makes none. */
static inline bool use_decimal_comma(void)
{
    char folder[] = "/tmp/maskcl-locale-XXXXXX", command[128];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >&2", folder);
    const bool made = system(command) == 0;
    const char *name = NULL;
    if (made) {
        ck_assert_int_eq(setenv("LOCPATH", folder, 1), 0);
        name = setlocale(LC_ALL, "de_DE.UTF-8");
    }
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
    if (!made) {
        fprintf(stderr, "SKIPPED: localedef makes no locale with a decimal comma\n");
        return false;
    }
    ck_assert_ptr_nonnull(name);
    assert_decimal_comma();
    return true;
}

#endif
