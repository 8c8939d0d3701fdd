/* SPDX-License-Identifier: Apache-2.0 */
/* Putting the files of cl/ together: options, included files, names that clash. */
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

/* Appends the file called name with defines; the names that it has to change are returned, good
 * until the next call. */
static const char *add(const char *name, const char *defines)
{
    static struct mcl_text renamed;
    free(renamed.bytes);
    memset(&renamed, 0, sizeof renamed);
    ASSERT_OK(mcl_source_append(&source, &renamed, name, defines));
    return renamed.bytes ? renamed.bytes : "";
}

START_TEST(test_one_file)
{
    write_text("part.clh", "#ifndef PART\n#define PART 1\n#endif\n");
    write_text("a.cl", "#define N 3\n#include \"part.clh\"\nkernel void k(global int *out) {}");
    ck_assert_str_eq(add("a.cl", "#define TILE 4\n"), "");
    ck_assert_str_eq(source.text.bytes, /* part.clh is shared, as nothing was prepared */
        "#line 1 \"part.clh\"\n#ifndef PART\n#define PART 1\n#endif\n\n"
        "#define TILE 4\n#line 1 \"a.cl\"\n#define N 3\n\n#line 3 \"a.cl\"\n"
        "kernel void k(global int *out) {}\n#undef TILE\n#undef N\n");
    ck_assert_str_eq(source.functions.bytes, " k ");
    ck_assert_str_eq(source.shared.bytes, " part.clh ");
    ck_assert_uint_eq(source.files, 1);
}
END_TEST

/* What depends on a macro of any file is not shared, nor is what includes it. */
START_TEST(test_shared_files)
{
    write_text("plain.clh", "/* plain */\n#ifndef PLAIN\nfloat plain(float x) {}\n#endif\n");
    write_text("inner.clh", "#define INNER 2\nfloat inner(float x) { return TILE; }\n");
    write_text(
        "outer.clh", "#include \"inner.clh\"\n#include \"plain.clh\"\nint outer(int x) {}\n");
    write_text("a.cl", "#include \"plain.clh\"\n#include \"outer.clh\"\n");
    write_text("b.cl", "#define N x\n#include \"outer.clh\"\n");
    ASSERT_OK(mcl_source_prepare(&source, "a.cl", "#define TILE 4\n#define WHOLE 1\n"));
    ASSERT_OK(mcl_source_prepare(&source, "b.cl", "#define TILE 5\n"));
    ck_assert_str_eq(source.macros.bytes, " TILE WHOLE N ");
    ck_assert_str_eq(add("a.cl", "#define TILE 4\n#define WHOLE 1\n"), "");
    ck_assert_str_eq(source.shared.bytes, " plain.clh ");
    ck_assert_str_eq(source.functions.bytes, " inner outer ");
    ck_assert_str_eq(add("b.cl", "#define TILE 5\n"), " inner outer ");
    const char *second = strstr(source.text.bytes, "#define inner inner_1\n");
    ck_assert_ptr_nonnull(second);
    ck_assert_ptr_nonnull(strstr(second, "#line 1 \"inner.clh\"\n#define INNER 2\n"));
    ck_assert_ptr_null(strstr(second, "float plain"));
    ck_assert_ptr_nonnull(
        strstr(second, "#undef inner\n#undef outer\n#undef TILE\n#undef N\n#undef INNER\n"));
}
END_TEST

/* A file without a guard is there each time that it is included. */
START_TEST(test_file_included_twice)
{
    write_text("twice.clh", "#define ONCE 1\nREAL identity(REAL x) {}\n#undef REAL\n");
    write_text("a.cl", "#define REAL float\n#include \"twice.clh\"\n"
                       "#define REAL float4\n#include \"twice.clh\"\n");
    ck_assert_str_eq(add("a.cl", ""), "");
    ck_assert_ptr_null(source.shared.bytes);
    const char *first = strstr(source.text.bytes, "REAL identity");
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_nonnull(strstr(first + 1, "REAL identity"));
}
END_TEST

START_TEST(test_names_that_clash)
{
    write_text("a.cl", "inline float half(float x)\n{\n    return x;\n}\nkernel void k() {}\n");
    write_text("b.cl", "kernel void other() {}\nkernel void k() {}\n");
    ck_assert_str_eq(add("a.cl", ""), "");
    ck_assert_str_eq(add("b.cl", ""), " k ");
    ck_assert_str_eq(source.functions.bytes, " half k other ");
    const char *second = strstr(source.text.bytes, "#define k k_1\n#line 1 \"b.cl\"\n");
    ck_assert_ptr_nonnull(second);
    ck_assert_str_eq(second + strlen("#define k k_1\n#line 1 \"b.cl\"\n"),
        "kernel void other() {}\nkernel void k() {}\n\n#undef k\n");
    ck_assert_str_eq(add("a.cl", ""), " half k ");
    ck_assert_ptr_nonnull(strstr(source.text.bytes, "#define half half_2\n#define k k_2\n"));
    ck_assert_uint_eq(source.files, 3);
}
END_TEST

/* What counts as the definition of a function. */
START_TEST(test_functions)
{
    write_text("a.cl",
        "/* not this one: comment(x) */\n"
        "kernel __attribute__((reqd_work_group_size(1, 1, 1))) void plain(const global float *a,\n"
        "    const uint unlike(const int b))\n"
        "kernel __attribute__((vec_type_hint(float4)))\n"
        "void behind_attribute(global float *a) {}\n"
        "static inline float8 *pointer (int x);\n"
        "static inline float8 *pointer (int x) {}\n"
        "constant float table[2] = {f(1), 2};\n"
        "typedef struct { int x; } pair;\n"
        "MACRO(call)\n"
        "#define DEFINED(x) x\n"
        "    indented(x);\n"
        "}\n"
        "float last(float x)");
    ck_assert_str_eq(add("a.cl", ""), "");
    ck_assert_str_eq(source.functions.bytes, " plain behind_attribute pointer last ");
    ck_assert_str_eq(add("a.cl", ""), " plain behind_attribute pointer last ");
}
END_TEST

START_TEST(test_names)
{
    char bytes[] = " gemm gemm_tn store ";
    const struct mcl_text names = {bytes, sizeof bytes - 1, sizeof bytes}, none = {0};
    ck_assert(mcl_names_have(&names, "gemm", 4));
    ck_assert(mcl_names_have(&names, "gemm_tn", 7));
    ck_assert(mcl_names_have(&names, "store", 5));
    ck_assert(mcl_names_have(&names, "store(x)", 5));
    ck_assert(!mcl_names_have(&names, "gem", 3));
    ck_assert(!mcl_names_have(&names, "gemm_", 5));
    ck_assert(!mcl_names_have(&names, "tore", 4));
    ck_assert(!mcl_names_have(&none, "gemm", 4));
}
END_TEST

START_TEST(test_missing_file)
{
    struct mcl_text renamed = {0};
    ck_assert_int_eq(mcl_source_append(&source, &renamed, "missing.cl", ""), MCL_ERROR_FILE);
    unsetenv("MASKCL_KERNELS");
    ck_assert_int_eq(mcl_source_append(&source, &renamed, "missing.cl", ""), MCL_ERROR_ARGUMENT);
    ASSERT_OK(mcl_source_append(&source, &renamed, "reduce.cl", ""));
    free(renamed.bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("source");
    TCase *test_case = tcase_create("source");
    tcase_add_checked_fixture(test_case, setup, teardown);
    tcase_add_test(test_case, test_options);
    tcase_add_test(test_case, test_one_file);
    tcase_add_test(test_case, test_shared_files);
    tcase_add_test(test_case, test_file_included_twice);
    tcase_add_test(test_case, test_names_that_clash);
    tcase_add_test(test_case, test_functions);
    tcase_add_test(test_case, test_names);
    tcase_add_test(test_case, test_missing_file);
    suite_add_tcase(suite, test_case);
    return run_suite(suite);
}
