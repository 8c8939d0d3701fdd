/* SPDX-License-Identifier: Apache-2.0 */
/* Putting the files of cl/ together: options, included files, macros that end. */
#include "device/source.h"

#include "support/device.h"
#include "support/files.h"

static struct mcl_source source;

static void setup(void)
{
    scratch_setup();
    setenv("MASKCL_KERNELS", scratch_folder, 1);
    memset(&source, 0, sizeof source);
}

static void teardown(void)
{
    mcl_source_free(&source);
    unsetenv("MASKCL_KERNELS");
    scratch_teardown();
}

static void write_text(const char *name, const char *text)
{
    write_file(scratch(name), text, strlen(text));
}

static void assert_options(const char *options, const char *defines, const char *rest)
{
    struct mcl_text got_defines = {0}, got_rest = {0};
    ASSERT_OK(mcl_source_options(&got_defines, &got_rest, options));
    ck_assert_str_eq(got_defines.bytes ? got_defines.bytes : "", defines);
    ck_assert_str_eq(got_rest.bytes ? got_rest.bytes : "", rest);
    free(got_defines.bytes);
    free(got_rest.bytes);
}

START_TEST(test_options)
{
    assert_options("", "", "");
    assert_options("  ", "", "");
    assert_options("-D TILE=4", "#define TILE 4\n", "");
    assert_options("-DTILE=4", "#define TILE 4\n", "");
    assert_options("-D WHOLE", "#define WHOLE 1\n", "");
    assert_options("-D EMPTY=", "#define EMPTY \n", "");
    assert_options("-D TEXT=a=b", "#define TEXT a=b\n", "");
    assert_options("-cl-opt-disable", "", " -cl-opt-disable");
    assert_options(
        "-D A=1  -cl-opt-disable -D B -w ", "#define A 1\n#define B 1\n", " -cl-opt-disable -w");
}
END_TEST

START_TEST(test_one_file)
{
    write_text("part.clh", "#ifndef PART\n#define PART\n#define TWO 2\n#endif\n");
    write_text("a.cl", "#define N 3\n#include \"part.clh\"\nkernel void k(global int *out) {}");
    ASSERT_OK(mcl_source_append(&source, "a.cl", "#define TILE 4\n"));
    ck_assert_str_eq(source.text.bytes,
        "#define VARIANT\n#define TILE 4\n#line 1 \"a.cl\"\n#define N 3\n"
        "#line 1 \"part.clh\"\n#ifndef PART\n#define PART\n#define TWO 2\n#endif\n\n"
        "#line 3 \"a.cl\"\nkernel void k(global int *out) {}\n"
        "#undef VARIANT\n#undef TILE\n#undef N\n");
    ck_assert_str_eq(source.headers.bytes, " part.clh ");
}
END_TEST

/* What comes after in the program, from the second file on. */
static const char *second_file(void)
{
    const char *second = strstr(source.text.bytes, "#define VARIANT _1\n");
    ck_assert_ptr_nonnull(second);
    return second;
}

/* A header with a guard is there once in a program, one without wherever it is included, and its
 * macros end with the file. */
START_TEST(test_headers)
{
    write_text("once.clh", "/* once */\n#ifndef ONCE\n#define ONCE\nint once;\n#endif\n");
    write_text("inner.clh", "#include \"once.clh\"\n#ifndef TILE\n#define TILE 1\n#endif\n"
                            "#define INNER(x) x\nfloat NAME(inner)(float x) {}\n");
    write_text("outer.clh", "#ifndef OUTER\n#define OUTER\n#include \"once.clh\"\n#endif\n");
    write_text("a.cl", "#include \"outer.clh\"\n#include \"inner.clh\"\n");
    write_text("b.cl", "#include \"inner.clh\"\n#include \"once.clh\"\n");
    ASSERT_OK(mcl_source_append(&source, "a.cl", "#define TILE 4\n#define WHOLE 1\n"));
    ck_assert_ptr_nonnull(strstr(source.text.bytes, "int once;"));
    ck_assert_ptr_nonnull(strstr(source.text.bytes,
        "\n#undef VARIANT\n#undef TILE\n#undef WHOLE\n#undef TILE\n#undef INNER\n"));
    ck_assert_ptr_null(strstr(source.text.bytes, "#undef ON"));
    ck_assert_ptr_null(strstr(source.text.bytes, "#undef OUTER"));
    ASSERT_OK(mcl_source_append(&source, "b.cl", "#define TILE 5\n"));
    const char *second = second_file();
    ck_assert_ptr_nonnull(strstr(second, "#define TILE 5\n#line 1 \"b.cl\"\n#line 1 \"inner.clh\"\n"
                                         "#line 2 \"inner.clh\"\n#ifndef TILE\n"));
    ck_assert_ptr_nonnull(strstr(second, "float NAME(inner)"));
    ck_assert_ptr_null(strstr(second, "int once;"));
    ck_assert_uint_eq(source.files, 2);
}
END_TEST

/* A guard's two lines name the same macro, and no value. */
START_TEST(test_guards)
{
    static const char *const none[] = {"int x;\n", "#define PART\n", "#ifndef PART\n",
        "#ifndef PART\n\n#define PART\n#endif\n", "#ifndef PART\n#define PART 1\n#endif\n",
        "#ifndef PART\n#define PARTS\n#endif\n", "#ifdef PART\n#define PART\n#endif\n", ""};
    write_text("a.cl", "#include \"part.clh\"\n");
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        write_text("part.clh", none[i]);
        ASSERT_OK(mcl_source_append(&source, "a.cl", ""));
        ck_assert_ptr_null(source.headers.bytes);
    }
    write_text("part.clh", "\n#ifndef PART\n#define PART\n#endif\n");
    ASSERT_OK(mcl_source_append(&source, "a.cl", ""));
    ck_assert_str_eq(source.headers.bytes, " part.clh ");
}
END_TEST

/* A header's name may be a part of another's. */
START_TEST(test_names_of_headers)
{
    write_text("ab.clh", "#ifndef AB\n#define AB\nint ab;\n#endif\n");
    write_text("b.clh", "#ifndef B\n#define B\nint b;\n#endif\n");
    write_text("a.cl", "#include \"ab.clh\"\n#include \"b.clh\"\n#include \"ab.clh\"\n");
    ASSERT_OK(mcl_source_append(&source, "a.cl", ""));
    ck_assert_str_eq(source.headers.bytes, " ab.clh  b.clh ");
    ck_assert_ptr_nonnull(strstr(source.text.bytes, "int b;"));
}
END_TEST

START_TEST(test_missing_file)
{
    ck_assert_int_eq(mcl_source_append(&source, "missing.cl", ""), MCL_ERROR_FILE);
    unsetenv("MASKCL_KERNELS");
    ck_assert_int_eq(mcl_source_append(&source, "missing.cl", ""), MCL_ERROR_ARGUMENT);
    ASSERT_OK(mcl_source_append(&source, "reduce.cl", ""));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("source");
    TCase *test_case = tcase_create("source");
    tcase_add_checked_fixture(test_case, setup, teardown);
    tcase_add_test(test_case, test_options);
    tcase_add_test(test_case, test_one_file);
    tcase_add_test(test_case, test_headers);
    tcase_add_test(test_case, test_guards);
    tcase_add_test(test_case, test_names_of_headers);
    tcase_add_test(test_case, test_missing_file);
    suite_add_tcase(suite, test_case);
    return run_suite(suite);
}
