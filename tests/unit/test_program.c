/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are expected together share a program on PoCL, and none notices the others. */
#include "device/kernels.h"
#include "device/source.h"

#include "support/device.h"
#include "support/files.h"

static cl_mem out;

static void open_context(void)
{
    context_setup();
    const cl_int nothing = -1;
    out = buffer_with(&nothing, sizeof nothing);
}

static void close_context(void)
{
    mcl_buffer_release(&out);
    context_teardown();
}

static void reopen_apart(void)
{
    close_context();
    setenv("MASKCL_SEPARATE_PROGRAMS", "1", 1);
    open_context();
}

static void setup(void)
{
    scratch_setup();
    setenv("MASKCL_KERNELS", scratch_folder, 1);
    setenv("XDG_CACHE_HOME", scratch_folder, 1);
    open_context();
}

static void teardown(void)
{
    close_context();
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", scratch_folder);
    ck_assert_int_eq(system(command), 0);
}

static void write_text(const char *name, const char *text)
{
    write_file(scratch(name), text, strlen(text));
}

/* A header's beginning, with the macro of common.clh. */
#define PART                                                                                       \
    "#ifndef PART\n#define PART\n#define JOIN_(a, b) a##b\n#define JOIN(a, b) JOIN_(a, b)\n"       \
    "#define NAME(name) JOIN(name, VARIANT)\n"

/* A file whose kernel, which is called as the file without its ".cl", writes the value to out[0].
 */
static void write_constant(const char *file, int value)
{
    char text[128];
    snprintf(text, sizeof text, "kernel void %.*s(global int *out)\n{\n    out[0] = %d;\n}\n",
        (int)strlen(file) - 3, file, value);
    write_text(file, text);
}

static mcl_kernel *find(const char *file, const char *name, const char *options)
{
    mcl_kernel *kernel = NULL;
    ASSERT_OK(mcl_kernel_find(&kernel, context, file, name, options));
    return kernel;
}

/* A kernel that cannot be launched. */
static void assert_refused(
    mcl_status status, const char *file, const char *name, const char *options)
{
    ck_assert_int_eq(mcl_run(find(file, name, options), 1, 1, MCL_BUFFER(out)), status);
}

/* What a kernel of a file writes to out[0]; *program = the OpenCL program that it is of. */
static int run(cl_program *program, const char *file, const char *name, const char *options)
{
    mcl_kernel *kernel = find(file, name, options);
    cl_kernel built;
    cl_int value = -1;
    ASSERT_OK(mcl_run(kernel, 1, 1, MCL_BUFFER(out)));
    read_buffer(&value, out, sizeof value);
    ASSERT_OK(mcl_kernel_build(&built, kernel));
    ck_assert_int_eq(
        clGetKernelInfo(built, CL_KERNEL_PROGRAM, sizeof *program, program, NULL), CL_SUCCESS);
    return value;
}

static int run_constant(cl_program *program, const char *file, const char *options)
{
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strlen(file) - 3, file);
    return run(program, file, name, options);
}

static void assert_shared(cl_program first, cl_program second)
{
    ck_assert_int_eq(first == second, mcl_context_is_pocl(context));
}

START_TEST(test_expected_files_share_a_program)
{
    cl_program first, second, third, later;
    write_text("part.clh", PART "static inline int seven(void)\n{\n    return 7;\n}\n#endif\n");
    write_text("a.cl",
        "#include \"part.clh\"\n#define N 1000\n"
        "static inline int NAME(help)(int x)\n{\n    return x + N + SIZE;\n}\n"
        "kernel void NAME(k)(global int *out)\n{\n    out[0] = NAME(help)(seven());\n}\n"
        "kernel void NAME(of_a)(global int *out)\n{\n    out[0] = -SIZE;\n}\n");
    write_text("b.cl",
        "#include \"part.clh\"\n#ifdef SIZE\n#error SIZE is a.cl's\n#endif\n"
        "#ifdef N\n#error N is a.cl's\n#endif\n"
        "static inline int NAME(help)(int x)\n{\n    return FACTOR * x;\n}\n"
        "kernel void NAME(k)(global int *out)\n{\n    out[0] = NAME(help)(seven());\n}\n");
    find("a.cl", "k", "-D SIZE=10");
    find("b.cl", "k", "-D FACTOR=2");
    find("a.cl", "k", "-D SIZE=20");
    find("a.cl", "k", "-D SIZE=10"); /* again */
    ck_assert_int_eq(run(&second, "b.cl", "k", "-D FACTOR=2"), 14);
    ck_assert_int_eq(run(&first, "a.cl", "k", "-D SIZE=10"), 1017);
    ck_assert_int_eq(run(&third, "a.cl", "k", "-D SIZE=20"), 1027);
    assert_shared(first, second);
    assert_shared(first, third);
    ck_assert_int_eq(run(&first, "a.cl", "of_a", "-D SIZE=10"), -10);
    ck_assert_int_eq(run(&third, "a.cl", "of_a", "-D SIZE=20"), -20);
    assert_refused(MCL_ERROR_DEVICE, "b.cl", "of_b", "-D FACTOR=2");
    ck_assert_int_eq(run(&later, "a.cl", "k", "-D SIZE=30"), 1037); /* not expected */
    ck_assert_ptr_ne(first, later);
    find("b.cl", "k", "-D FACTOR=3");
    ck_assert_int_eq(run(&second, "b.cl", "k", "-D FACTOR=3"), 21);
    ck_assert_ptr_ne(second, later);
}
END_TEST

/* Files with the names of those of cl/ that have no options, the n-th with the value n. */
static void write_plain_files(void)
{
    int value = 0;
    for (const struct mcl_kernel_file *file = mcl_kernel_files; file->name; file++) {
        if (file->plain)
            write_constant(file->name, ++value);
    }
    ck_assert_int_gt(value, 4);
}

/* What the kernels of three of those files write, and the source of their program in text. */
static void run_plain_files(char text[65536], const char *const files[3])
{
    cl_program first, other;
    int sum = run_constant(&first, files[0], "");
    for (int i = 1; i < 3; i++) {
        sum += run_constant(&other, files[i], "");
        assert_shared(first, other);
    }
    ck_assert_int_eq(sum, 1 + 2 + 3);
    ck_assert_int_eq(clGetProgramInfo(first, CL_PROGRAM_SOURCE, 65536, text, NULL), CL_SUCCESS);
}

START_TEST(test_files_with_and_without_options_share_a_program)
{
    cl_program plain, other;
    write_constant("average.cl", 3);
    write_text(
        "a.cl", PART "#endif\nkernel void NAME(a)(global int *out)\n{\n    out[0] = SIZE;\n}\n");
    find("average.cl", "average", "");
    ck_assert_int_eq(run_constant(&other, "a.cl", "-D SIZE=10"), 10);
    ck_assert_int_eq(run_constant(&plain, "average.cl", ""), 3);
    assert_shared(plain, other);
}
END_TEST

/* Where those with options are kept apart they are one program on PoCL, and the same one whatever a
 * run asks for first. */
START_TEST(test_files_without_options_share_a_program)
{
    static char text[65536], again[65536];
    reopen_apart();
    const char *names[3], *const *end = names + 3;
    const char **name = names;
    for (const struct mcl_kernel_file *file = mcl_kernel_files; name < end; file++) {
        if (file->plain)
            *name++ = file->name;
    }
    write_plain_files();
    run_plain_files(text, names);
    reopen_apart();
    run_plain_files(again, (const char *const[]){names[2], names[0], names[1]});
    if (mcl_context_is_pocl(context))
        ck_assert_str_eq(text, again);
    cl_program plain, other;
    ck_assert_int_eq(run_constant(&plain, names[0], ""), 1);
    ck_assert_int_eq(run_constant(&other, names[0], "-D SIZE=10"), 1);
    ck_assert_ptr_ne(plain, other);
}
END_TEST

START_TEST(test_faulty_file_without_options_harms_no_other)
{
    cl_program program;
    write_plain_files();
    write_text("reduce.cl", "kernel void k(global int *out)\n{\n    out[0] = nothing;\n}\n");
    write_constant("average.cl", 100);
    ck_assert_int_eq(run_constant(&program, "average.cl", ""), 100);
    for (int i = 0; i < 2; i++)
        assert_refused(MCL_ERROR_DEVICE, "reduce.cl", "k", "");
    ck_assert_ptr_nonnull(strstr(mcl_error_message(), "reduce.cl:3"));
    write_constant("reduce.cl", 5);
    ck_assert_int_eq(run_constant(&program, "reduce.cl", ""), 5); /* repaired meanwhile */
}
END_TEST

/* The first and the last of them may be missing, too. */
START_TEST(test_one_file_without_options_is_enough)
{
    cl_program program;
    write_constant("reduce.cl", 5);
    ck_assert_int_eq(run_constant(&program, "reduce.cl", ""), 5);
}
END_TEST

START_TEST(test_programs_may_be_kept_apart)
{
    cl_program first, second;
    reopen_apart();
    write_constant("c.cl", 3);
    write_constant("d.cl", 4);
    find("c.cl", "c", "");
    find("d.cl", "d", "");
    ck_assert_int_eq(run_constant(&first, "c.cl", ""), 3);
    ck_assert_int_eq(run_constant(&second, "d.cl", ""), 4);
    ck_assert_ptr_ne(first, second);
}
END_TEST

/* A header whose content depends on the options of each file that includes it. */
START_TEST(test_included_files_follow_the_options)
{
    cl_program first, second;
    write_text("name.clh", PART "#endif\n");
    write_text("part.clh", "#include \"name.clh\"\n#define TWICE (2 * KIND)\n"
                           "static inline int NAME(kind)(void)\n{\n#if KIND == 1\n"
                           "    return 100;\n#else\n    return 200;\n#endif\n}\n");
    write_text("a.cl", "#include \"name.clh\"\n#include \"part.clh\"\nkernel void NAME(k)"
                       "(global int *out)\n{\n    out[0] = NAME(kind)() + TWICE;\n}\n");
    find("a.cl", "k", "-D KIND=1");
    find("a.cl", "k", "-D KIND=2");
    ck_assert_int_eq(run(&first, "a.cl", "k", "-D KIND=1"), 102);
    ck_assert_int_eq(run(&second, "a.cl", "k", "-D KIND=2"), 204);
    assert_shared(first, second);
}
END_TEST

START_TEST(test_other_flags_are_another_program)
{
    cl_program first, second, third;
    write_text(
        "a.cl", PART "#endif\nkernel void NAME(k)(global int *out)\n{\n    out[0] = A;\n}\n");
    find("a.cl", "k", "-D A=1");
    find("a.cl", "k", "-D A=2 -cl-opt-disable");
    find("a.cl", "k", "-cl-opt-disable -D A=3");
    ck_assert_int_eq(run(&second, "a.cl", "k", "-D A=2 -cl-opt-disable"), 2);
    ck_assert_int_eq(run(&third, "a.cl", "k", "-cl-opt-disable -D A=3"), 3);
    ck_assert_int_eq(run(&first, "a.cl", "k", "-D A=1"), 1);
    assert_shared(second, third);
    ck_assert_ptr_ne(first, second);
}
END_TEST

/* Two files that cannot be in one program are built one by one. */
START_TEST(test_files_that_do_not_get_along)
{
    cl_program first, second, third;
    write_text("a.cl", "typedef int number;\nkernel void k(global number *out)\n{\n"
                       "    out[0] = 1;\n}\n");
    write_text("b.cl", "typedef struct {\n    int x;\n} number;\nkernel void k(global int *out)\n"
                       "{\n    number n = {2};\n    out[0] = n.x;\n}\n");
    write_constant("c.cl", 3);
    find("a.cl", "k", "");
    find("b.cl", "k", "");
    find("c.cl", "c", "");
    ck_assert_int_eq(run(&first, "a.cl", "k", ""), 1);
    ck_assert_int_eq(run(&second, "b.cl", "k", ""), 2);
    ck_assert_int_eq(run_constant(&third, "c.cl", ""), 3);
    ck_assert_ptr_ne(first, second);
    ck_assert_ptr_ne(first, third);
}
END_TEST

START_TEST(test_faulty_file_harms_no_other)
{
    cl_program program;
    write_text("good.cl", "kernel void k(global int *out)\n{\n    out[0] = 1;\n}\n");
    write_text("broken.cl", "kernel void k(global int *out)\n{\n    out[0] = nothing;\n}\n");
    find("broken.cl", "k", "");
    find("missing.cl", "k", "");
    find("good.cl", "k", "");
    ck_assert_int_eq(run(&program, "good.cl", "k", ""), 1);
    assert_refused(MCL_ERROR_FILE, "missing.cl", "k", "");
    assert_refused(MCL_ERROR_DEVICE, "broken.cl", "k", "");
    ck_assert_ptr_nonnull(
        strstr(mcl_error_message(), ": the kernels of broken.cl do not build: CL_BUILD_PROGRAM_"));
    ck_assert_ptr_nonnull(strstr(mcl_error_message(), "broken.cl:3"));
    write_text("broken.cl", "kernel void k(global int *out)\n{\n    out[0] = 5;\n}\n");
    ck_assert_int_eq(run(&program, "broken.cl", "k", ""), 5); /* repaired meanwhile */
}
END_TEST

/* Every work-item runs once, whatever the number of columns; and on PoCL, which compiles a kernel
 * for every size of work-groups, few sizes do. */
START_TEST(test_sizes_of_work_groups)
{
    static const size_t columns[] = {1, 2, 7, 8, 61, 64, 74, 128, 784, 787, 1000, 4096, 16384};
    static const cl_int on_pocl[] = {1, 2, 7, 8, 61, 64, 37, 64, 56, 0, 50, 64, 64};
    write_text("a.cl", "kernel void k(global int *out, const uint columns)\n{\n"
                       "    const uint i = get_global_id(1) * columns + get_global_id(0);\n"
                       "    out[i] += get_local_size(0) * get_local_size(1);\n}\n");
    mcl_kernel *kernel = find("a.cl", "k", "");
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        const size_t rows = 3, bytes = rows * columns[i] * sizeof(cl_int);
        cl_int *values = allocate(rows * columns[i], sizeof *values);
        cl_mem buffer = buffer_with(values, bytes);
        ASSERT_OK(mcl_run(kernel, columns[i], rows, MCL_BUFFER(buffer), MCL_UINT(columns[i])));
        read_buffer(values, buffer, bytes);
        for (size_t j = 0; j < rows * columns[i]; j++)
            REQUIRE(values[j] > 0 && values[j] == values[0], "%zu columns: %d is %d, %d is %d",
                columns[i], 0, values[0], (int)j, values[j]);
        if (mcl_context_is_pocl(context) && on_pocl[i])
            ck_assert_int_eq(values[0], on_pocl[i]);
        mcl_buffer_release(&buffer);
        free(values);
    }
}
END_TEST

/* Whether a program of these sources builds. */
static bool builds(const struct mcl_source *source)
{
    const char *text = source->text.bytes;
    cl_int code;
    cl_program program = clCreateProgramWithSource(context->opencl, 1, &text, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    code = clBuildProgram(program, 1, &context->device, "-cl-std=CL1.2", NULL, NULL);
    clReleaseProgram(program);
    return code == CL_SUCCESS;
}

/* Every file of cl/ gets along with all others, and those with options with themselves. */
START_TEST(test_built_in_files_get_along)
{
    static const char *const defines[] = {"", "#define ELEMENT uchar\n#define TARGET uchar\n",
        "#define ACTIVATION 1\n#define MASK 2\n#define ROWS 1\n#define BCE 1\n#define ALTERED 1\n"};
    struct mcl_source all = {0};
    unsetenv("MASKCL_KERNELS");
    for (size_t i = 0; i < sizeof defines / sizeof *defines; i++) {
        for (const struct mcl_kernel_file *file = mcl_kernel_files; file->name; file++) {
            if (strcmp(strrchr(file->name, '.'), ".cl") == 0 && (!file->plain || i == 0))
                ASSERT_OK(mcl_source_append(&all, file->name, defines[i]));
        }
    }
    ck_assert_uint_gt(all.files, 3 * 8);
    ck_assert(builds(&all));
    mcl_source_free(&all);
}
END_TEST

/* Each file alone, too, without options. */
START_TEST(test_built_in_files_build_alone)
{
    unsetenv("MASKCL_KERNELS");
    for (const struct mcl_kernel_file *file = mcl_kernel_files; file->name; file++) {
        struct mcl_source source = {0};
        if (strcmp(strrchr(file->name, '.'), ".cl") != 0)
            continue;
        ASSERT_OK(mcl_source_append(&source, file->name, ""));
        REQUIRE(builds(&source), "%s does not build without options", file->name);
        mcl_source_free(&source);
    }
}
END_TEST

int main(void)
{
    unsetenv("MASKCL_SEPARATE_PROGRAMS");
    Suite *suite = suite_create("program");
    TCase *test_case = tcase_create("program");
    tcase_set_timeout(test_case, 120);
    tcase_add_checked_fixture(test_case, setup, teardown);
    tcase_add_test(test_case, test_expected_files_share_a_program);
    tcase_add_test(test_case, test_files_with_and_without_options_share_a_program);
    tcase_add_test(test_case, test_files_without_options_share_a_program);
    tcase_add_test(test_case, test_faulty_file_without_options_harms_no_other);
    tcase_add_test(test_case, test_one_file_without_options_is_enough);
    tcase_add_test(test_case, test_programs_may_be_kept_apart);
    tcase_add_test(test_case, test_included_files_follow_the_options);
    tcase_add_test(test_case, test_other_flags_are_another_program);
    tcase_add_test(test_case, test_files_that_do_not_get_along);
    tcase_add_test(test_case, test_faulty_file_harms_no_other);
    tcase_add_test(test_case, test_sizes_of_work_groups);
    tcase_add_test(test_case, test_built_in_files_get_along);
    tcase_add_test(test_case, test_built_in_files_build_alone);
    suite_add_tcase(suite, test_case);
    return run_suite(suite);
}
