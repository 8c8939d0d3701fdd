/* SPDX-License-Identifier: Apache-2.0 */
/* Listing and opening devices, building kernels, buffers, and what is said when these fail.
 *
 * Called with an argument, the program is a process of its own that has not loaded a driver yet and
 * tells what the library says about the drivers in OCL_ICD_VENDORS. */
#include <unistd.h>

#include "support/device.h"
#include "support/files.h"

static void assert_message_has(const char *part)
{
    ck_assert_msg(
        strstr(mcl_error_message(), part) != NULL, "'%s' lacks '%s'", mcl_error_message(), part);
}

START_TEST(test_list)
{
    mcl_device_info *devices = NULL;
    size_t count = 0;
    ASSERT_OK(mcl_devices_list(&devices, &count));
    ck_assert_uint_gt(count, 0);
    for (size_t i = 0; i < count; i++) {
        const mcl_device_info *info = &devices[i];
        ck_assert_str_ne(info->platform, "");
        ck_assert_str_ne(info->name, "");
        ck_assert_ptr_eq(strchr(info->name, '\n'), NULL);
        ck_assert(info->name[strlen(info->name) - 1] != ' ');
        ck_assert_int_eq(strncmp(info->opencl_version, "OpenCL ", 7), 0);
        ck_assert_uint_gt(info->compute_units, 0);
        ck_assert_uint_gt(info->global_memory, 0);
        ck_assert_uint_gt(info->largest_buffer, 0);
        ck_assert_uint_le(info->largest_buffer, info->global_memory);
        if (i && info->platform_index == info[-1].platform_index)
            ck_assert_uint_eq(info->device_index, info[-1].device_index + 1);
        else
            ck_assert_uint_eq(info->device_index, 0);
        ck_assert(!i || info->platform_index >= info[-1].platform_index);
    }
    mcl_devices_free(devices);
    mcl_devices_free(NULL);
}
END_TEST

/* A context is on the device that selecting with the same words finds. */
START_TEST(test_open_default)
{
    mcl_device_info *devices;
    size_t count, index;
    ASSERT_OK(mcl_devices_list(&devices, &count));
    ASSERT_OK(mcl_device_select(&index, NULL, devices, count, NULL, NULL));
    mcl_context *opened = NULL;
    ASSERT_OK(mcl_context_open(&opened, NULL));
    const mcl_device_info *info = mcl_context_device(opened);
    ck_assert_uint_eq(info->platform_index, devices[index].platform_index);
    ck_assert_uint_eq(info->device_index, devices[index].device_index);
    ck_assert_str_eq(info->name, devices[index].name);
    ck_assert_int_eq(mcl_context_gemm(opened),
        info->type == MCL_DEVICE_CPU ? MCL_GEMM_NATIVE : MCL_GEMM_CLBLAST);
    mcl_context_close(opened);
    mcl_context_close(NULL);
    mcl_devices_free(devices);
}
END_TEST

START_TEST(test_open_refused)
{
    mcl_context *opened = NULL;
    mcl_context_options options = {.platform = "no such platform"};
    ck_assert_int_eq(mcl_context_open(&opened, &options), MCL_ERROR_NO_DEVICE);
    ck_assert_ptr_null(opened);
    assert_message_has("no platform with a device is called 'no such platform'; available: ");
    options = (mcl_context_options){.device = "no such device"};
    ck_assert_int_eq(mcl_context_open(&opened, &options), MCL_ERROR_NO_DEVICE);
    ck_assert_ptr_null(opened);
    assert_message_has("no device is called 'no such device'; available: ");
}
END_TEST

START_TEST(test_gemm_is_as_asked)
{
    static const mcl_gemm_kind kinds[] = {
        MCL_GEMM_CLBLAST, MCL_GEMM_NATIVE, MCL_GEMM_NATIVE_CPU, MCL_GEMM_NATIVE_GPU};
    for (size_t i = 0; i < 4; i++) {
        const mcl_context_options options = {.gemm = kinds[i]};
        mcl_context *opened;
        ASSERT_OK(mcl_context_open(&opened, &options));
        ck_assert_int_eq(mcl_context_gemm(opened), kinds[i]);
        mcl_context_close(opened);
    }
}
END_TEST

START_TEST(test_gemm_names)
{
    static const mcl_gemm_kind kinds[] = {
        MCL_GEMM_AUTO, MCL_GEMM_CLBLAST, MCL_GEMM_NATIVE, MCL_GEMM_NATIVE_CPU, MCL_GEMM_NATIVE_GPU};
    static const char *const names[] = {"auto", "clblast", "native", "native-cpu", "native-gpu"};
    mcl_gemm_kind kind;
    for (size_t i = 0; i < 5; i++) {
        ck_assert_str_eq(mcl_gemm_kind_name(kinds[i]), names[i]);
        ASSERT_OK(mcl_gemm_kind_parse(&kind, names[i]));
        ck_assert_int_eq(kind, kinds[i]);
    }
    ck_assert_int_eq(mcl_gemm_kind_parse(&kind, "cuda"), MCL_ERROR_ARGUMENT);
    ck_assert_int_eq(kind, MCL_GEMM_NATIVE_GPU);
    ck_assert_str_eq(mcl_error_message(), "unknown matrix product 'cuda': it is auto, clblast, "
                                          "native, native-cpu or native-gpu");
}
END_TEST

START_TEST(test_error_names)
{
    ck_assert_str_eq(mcl_opencl_error_name(CL_SUCCESS), "CL_SUCCESS");
    ck_assert_str_eq(mcl_opencl_error_name(-5), "CL_OUT_OF_RESOURCES");
    ck_assert_str_eq(mcl_opencl_error_name(-11), "CL_BUILD_PROGRAM_FAILURE");
    ck_assert_str_eq(mcl_opencl_error_name(-68), "CL_INVALID_DEVICE_PARTITION_COUNT");
    ck_assert_str_eq(mcl_opencl_error_name(-1001), "CL_PLATFORM_NOT_FOUND_KHR");
    ck_assert_str_eq(mcl_opencl_error_name(-9999), "unknown OpenCL error");
    ck_assert_str_eq(mcl_opencl_error_name(1), "unknown OpenCL error");
    for (cl_int code = -68; code <= 0; code++) {
        const bool unused = (code >= -29 && code <= -20) || code == -9 || code == -10 ||
                            (code >= -41 && code <= -39) || code == -60 || code == -62 ||
                            code == -65;
        if (!unused) /* OpenCL 1.2 has it, and not for images or OpenGL */
            ck_assert_str_ne(mcl_opencl_error_name(code), "unknown OpenCL error");
    }
}
END_TEST

START_TEST(test_error_messages)
{
    ck_assert_int_eq(mcl_opencl_fail("Iris", "reading a buffer", -36), MCL_ERROR_DEVICE);
    ck_assert_str_eq(
        mcl_error_message(), "Iris: reading a buffer failed: CL_INVALID_COMMAND_QUEUE (-36)");
    ck_assert_int_eq(mcl_opencl_fail(NULL, "doing this", -4), MCL_ERROR_DEVICE);
    ck_assert_str_eq(
        mcl_error_message(), "doing this failed: CL_MEM_OBJECT_ALLOCATION_FAILURE (-4)");
    ck_assert_int_eq(mcl_opencl_last_error(), CL_MEM_OBJECT_ALLOCATION_FAILURE);
    ck_assert(mcl_opencl_lacks_memory(-4) && !mcl_opencl_lacks_memory(-36));
}
END_TEST

/* Kernels from a folder of the test's own. */
static void kernels_setup(void)
{
    scratch_setup();
    setenv("MASKCL_KERNELS", scratch_folder, 1);
    context_setup();
}

static void kernels_teardown(void)
{
    context_teardown();
    unsetenv("MASKCL_KERNELS");
    scratch_teardown();
}

static void write_text(const char *name, const char *text)
{
    write_file(scratch(name), text, strlen(text));
}

static mcl_kernel *find(const char *file, const char *name, const char *options)
{
    mcl_kernel *kernel = NULL;
    ASSERT_OK(mcl_kernel_find(&kernel, context, file, name, options));
    return kernel;
}

static void assert_kernel_refused(const char *file, mcl_status status)
{
    for (int i = 0; i < 2; i++) { /* it is tried again */
        cl_kernel built = NULL;
        ck_assert_int_eq(mcl_kernel_build(&built, find(file, "k", "")), status);
        ck_assert_ptr_null(built);
    }
}

START_TEST(test_build_failure_names_the_line)
{
    write_text("part.clh", "/* one line\n * and another */\n#define N 3\n");
    write_text("broken.cl", "/* a comment */\n#include \"part.clh\"\n\n"
                            "kernel void k(global int *out)\n{\n    out[0] = N + nothing;\n}\n");
    assert_kernel_refused("broken.cl", MCL_ERROR_DEVICE);
    assert_message_has(mcl_context_device(context)->name);
    assert_message_has(": the kernels of broken.cl do not build: CL_BUILD_PROGRAM_FAILURE (-11):");
    assert_message_has("broken.cl:6");
    assert_message_has("nothing");
}
END_TEST

START_TEST(test_build_failure_names_the_included_line)
{
    write_text("inner.clh", "\n\nint f(void) { return nothing; }\n");
    write_text("outer.clh", "#include \"inner.clh\"\n");
    write_text("good.cl", "#include \"outer.clh\"\nkernel void k(global int *out)\n{\n"
                          "    out[0] = f();\n}\n");
    assert_kernel_refused("good.cl", MCL_ERROR_DEVICE);
    assert_message_has("inner.clh:3");
}
END_TEST

START_TEST(test_missing_files)
{
    char expected[256];
    assert_kernel_refused("missing.cl", MCL_ERROR_FILE);
    snprintf(expected, sizeof expected,
        "%s/missing.cl: cannot open the kernel source (MASKCL_KERNELS): No such file or directory",
        scratch_folder);
    ck_assert_str_eq(mcl_error_message(), expected);
    write_text("good.cl", "#include \"missing.clh\"\nkernel void k(void) {}\n");
    assert_kernel_refused("good.cl", MCL_ERROR_FILE);
    snprintf(
        expected, sizeof expected, "%s/missing.clh: cannot open the kernel source", scratch_folder);
    assert_message_has(expected);
}
END_TEST

START_TEST(test_files_that_include_each_other)
{
    write_text("a.cl", "#include \"b.clh\"\n");
    write_text("b.clh", "#include \"a.cl\"\n");
    assert_kernel_refused("a.cl", MCL_ERROR_ARGUMENT);
    assert_message_has(": kernel sources include each other");
}
END_TEST

START_TEST(test_missing_kernel)
{
    cl_kernel built;
    write_text("good.cl", "kernel void other(global int *out)\n{\n    out[0] = 1;\n}\n");
    assert_kernel_refused("good.cl", MCL_ERROR_DEVICE);
    assert_message_has(": creating the kernel k of good.cl failed: CL_INVALID_KERNEL_NAME (-46)");
    ASSERT_OK(mcl_kernel_build(&built, find("good.cl", "other", "")));
}
END_TEST

/* A line without an end, an include in the middle, options, and programs that are built once. */
START_TEST(test_kernels_run)
{
    cl_kernel built;
    write_text("n.clh", "#define N 5 + EXTRA");
    write_text("good.cl",
        "kernel void add(global int *out)\n{\n    out[get_global_id(0)] += 100;\n}\n"
        "#include \"n.clh\"\n"
        "kernel void k(global int *out, const uint at)\n{\n"
        "    out[at + get_global_id(1) * 3 + get_global_id(0)] = N;\n}");
    mcl_kernel *first = find("good.cl", "k", "-D EXTRA=2");
    mcl_kernel *second = find("good.cl", "k", "-D EXTRA=30");
    ASSERT_OK(mcl_kernel_build(&built, first));
    ASSERT_OK(mcl_kernel_build(&built, second));
    unlink(scratch("good.cl"));
    mcl_kernel *added = find("good.cl", "add", "-D EXTRA=2");
    ck_assert_ptr_eq(find("good.cl", "k", "-D EXTRA=2"), first);
    ck_assert_ptr_ne(first, second);
    cl_int values[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
    cl_mem buffer = buffer_with(values, sizeof values);
    ASSERT_OK(mcl_run(first, 3, 2, MCL_BUFFER(buffer), MCL_UINT(1)));
    ASSERT_OK(mcl_run(second, 1, 1, MCL_BUFFER(buffer), MCL_UINT(2)));
    ASSERT_OK(mcl_run(first, 0, 1, MCL_BUFFER(buffer), MCL_UINT(0)));
    ASSERT_OK(mcl_run(first, 1, 0, MCL_BUFFER(buffer), MCL_UINT(0)));
    ASSERT_OK(mcl_run(added, 2, 1, MCL_BUFFER(buffer)));
    read_buffer(values, buffer, sizeof values);
    static const cl_int expected[8] = {99, 107, 35, 7, 7, 7, 7, -1};
    ck_assert_mem_eq(values, expected, sizeof values);
    mcl_buffer_release(&buffer);
}
END_TEST

START_TEST(test_released_programs_are_built_again)
{
    cl_int value = 0;
    cl_mem buffer = buffer_with(&value, sizeof value);
    write_text("good.cl", "kernel void k(global int *out)\n{\n    out[0] += STEP;\n}\n");
    mcl_kernel *kernel = find("good.cl", "k", "-D STEP=3");
    ASSERT_OK(mcl_run(kernel, 1, 1, MCL_BUFFER(buffer)));
    mcl_programs_release(context);
    mcl_programs_release(context);
    ASSERT_OK(mcl_run(kernel, 1, 1, MCL_BUFFER(buffer)));
    ck_assert_ptr_eq(find("good.cl", "k", "-D STEP=3"), kernel);
    read_buffer(&value, buffer, sizeof value);
    ck_assert_int_eq(value, 6);
    mcl_buffer_release(&buffer);
}
END_TEST

START_TEST(test_launch_failure_names_the_kernel)
{
    write_text("good.cl", "kernel void fill(global int *out)\n{\n    out[0] = 1;\n}\n");
    ck_assert_int_eq(
        mcl_run(find("good.cl", "fill", ""), 1, 1, MCL_ULONG(0), MCL_ULONG(0)), MCL_ERROR_DEVICE);
    assert_message_has(": launching the kernel fill failed: CL_INVALID_");
}
END_TEST

/* MASKCL_WORK_GROUP bounds what a launch leaves open, not what it says. */
START_TEST(test_work_groups_as_wanted)
{
    static const struct {
        const char *most;
        size_t items;
        cl_int expected;
    } cases[] = {
        {"1", 64, 1}, {"7", 63, 7}, {"7", 64, 4}, {"64", 64, 64}, {"64", 37, 37}, {"65536", 8, 8}};
    write_text("good.cl", "kernel void size(global int *out)\n{\n"
                          "    out[get_global_id(0)] = (int)get_local_size(0);\n}\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cl_int values[64];
        setenv("MASKCL_WORK_GROUP", cases[i].most, 1);
        context_teardown();
        context_setup();
        mcl_kernel *kernel = find("good.cl", "size", "");
        cl_mem buffer = buffer_with(values, sizeof values);
        ASSERT_OK(mcl_run(kernel, cases[i].items, 1, MCL_BUFFER(buffer)));
        read_buffer(values, buffer, sizeof values);
        ck_assert_int_eq(values[0], cases[i].expected);
        const size_t local[3] = {2, 1, 1};
        ASSERT_OK(mcl_run_local(kernel, 2, 1, local, MCL_BUFFER(buffer)));
        read_buffer(values, buffer, sizeof values);
        ck_assert_int_eq(values[0], 2);
        mcl_buffer_release(&buffer);
    }
    unsetenv("MASKCL_WORK_GROUP");
}
END_TEST

START_TEST(test_work_groups_that_are_none)
{
    static const char *const bad[] = {
        "0", "-1", "+1", " 1", "1x", "x", "65537", "18446744073709551617"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char expected[128];
        mcl_context *refused = NULL;
        setenv("MASKCL_WORK_GROUP", bad[i], 1);
        ck_assert_int_eq(mcl_context_open(&refused, NULL), MCL_ERROR_ARGUMENT);
        ck_assert_ptr_null(refused);
        snprintf(expected, sizeof expected,
            "MASKCL_WORK_GROUP: '%s' is not a number of work-items from 1 to 65536", bad[i]);
        ck_assert_str_eq(mcl_error_message(), expected);
    }
    unsetenv("MASKCL_WORK_GROUP");
}
END_TEST

START_TEST(test_built_in_sources)
{
    cl_kernel built = NULL;
    ASSERT_OK(mcl_kernel_build(&built, find("reduce.cl", "sum", "")));
    ck_assert_ptr_nonnull(built);
    assert_kernel_refused("missing.cl", MCL_ERROR_ARGUMENT);
    ck_assert_str_eq(mcl_error_message(), "there is no kernel source called 'missing.cl'");
    setenv("MASKCL_KERNELS", "", 1); /* empty is as unset */
    ASSERT_OK(mcl_kernel_build(&built, find("reduce.cl", "column_sums", "-D ANOTHER")));
    unsetenv("MASKCL_KERNELS");
}
END_TEST

static char freed[4];

static void note_freed(void *state)
{
    strcat(freed, state);
}

START_TEST(test_attached_state)
{
    static const char key, other, none;
    static char first[] = "a", second[] = "b";
    ck_assert_ptr_null(mcl_context_attached(context, &key));
    ASSERT_OK(mcl_context_attach(context, &key, first, note_freed));
    ASSERT_OK(mcl_context_attach(context, &other, second, note_freed));
    ck_assert_ptr_eq(mcl_context_attached(context, &key), first);
    ck_assert_ptr_eq(mcl_context_attached(context, &other), second);
    ck_assert_ptr_null(mcl_context_attached(context, &none));
    ck_assert_str_eq(freed, "");
    context_teardown();
    ck_assert_str_eq(freed, "ba");
}
END_TEST

START_TEST(test_buffers)
{
    unsigned char values[16], got[16];
    for (unsigned i = 0; i < 16; i++)
        values[i] = (unsigned char)(i + 1);
    cl_mem buffer = NULL;
    ASSERT_OK(mcl_buffer_create(&buffer, context, 4, 4, "numbers"));
    ASSERT_OK(mcl_buffer_write(context, buffer, 0, values, 16));
    ASSERT_OK(mcl_buffer_write(context, buffer, 4, values, 2));
    ASSERT_OK(mcl_buffer_zero(context, buffer, 9, 3));
    ASSERT_OK(mcl_buffer_write(context, buffer, 0, values, 0));
    ASSERT_OK(mcl_buffer_zero(context, buffer, 0, 0));
    ASSERT_OK(mcl_buffer_read(context, got, buffer, 0, 0));
    ASSERT_OK(mcl_context_finish(context));
    ASSERT_OK(mcl_buffer_read(context, got, buffer, 0, 16));
    static const unsigned char expected[16] = {1, 2, 3, 4, 1, 2, 7, 8, 9, 0, 0, 0, 13, 14, 15, 16};
    ck_assert_mem_eq(got, expected, 16);
    ASSERT_OK(mcl_buffer_read(context, got, buffer, 12, 4));
    ck_assert_mem_eq(got, expected + 12, 4);
    ck_assert_int_eq(mcl_buffer_read(context, got, buffer, 8, 9), MCL_ERROR_DEVICE);
    assert_message_has(": reading a buffer failed: CL_INVALID_VALUE (-30)");
    ck_assert_int_eq(mcl_buffer_write(context, buffer, 17, values, 1), MCL_ERROR_DEVICE);
    assert_message_has(": writing a buffer failed: CL_INVALID_VALUE (-30)");
    ck_assert_int_eq(mcl_buffer_zero(context, buffer, 0, 17), MCL_ERROR_DEVICE);
    assert_message_has(": clearing a buffer failed: CL_INVALID_VALUE (-30)");
    mcl_buffer_release(&buffer);
    ck_assert_ptr_null(buffer);
    mcl_buffer_release(&buffer);
    ASSERT_OK(mcl_buffer_create(&buffer, context, 0, 4, "nothing"));
    ck_assert_ptr_nonnull(buffer);
    mcl_buffer_release(&buffer);
}
END_TEST

START_TEST(test_buffers_too_large)
{
    const mcl_device_info *info = mcl_context_device(context);
    static const uint64_t huge[][2] = {{UINT64_MAX, 2}, {(uint64_t)1 << 40, (uint64_t)1 << 40},
        {UINT64_MAX, 1}, {0 /* one more than fits */, 1}};
    for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
        const uint64_t count = huge[i][0] ? huge[i][0] : info->largest_buffer + 1;
        cl_mem buffer = NULL;
        char expected[512];
        ck_assert_int_eq(mcl_buffer_create(&buffer, context, count, huge[i][1], "activations"),
            MCL_ERROR_DEVICE);
        ck_assert_ptr_null(buffer);
        snprintf(expected, sizeof expected,
            "%s: activations: %llu × %llu bytes are more than the device's largest buffer, %llu "
            "bytes: use a lower `device_memory` or another `device`",
            info->name, (unsigned long long)count, (unsigned long long)huge[i][1],
            (unsigned long long)info->largest_buffer);
        ck_assert_str_eq(mcl_error_message(), expected);
    }
    cl_mem buffer = NULL; /* the option that is too large is the one to make smaller */
    ck_assert_int_eq(
        mcl_buffer_create(&buffer, context, info->largest_buffer, 2, "keys (`queue` or `batch`)"),
        MCL_ERROR_DEVICE);
    assert_message_has("bytes: use a smaller `queue` or `batch`");
    ck_assert_int_eq(mcl_context_fail(context, "doing that", -4), MCL_ERROR_DEVICE);
    assert_message_has("doing that failed: CL_MEM_OBJECT_ALLOCATION_FAILURE (-4); the device may "
                       "be out of memory, which other programs may use too: use a lower "
                       "`device_memory` or another `device`");
    context->advice = "less of it";
    ck_assert_int_eq(mcl_context_fail(context, "doing that", -5), MCL_ERROR_DEVICE);
    assert_message_has("use less of it");
    context->advice = NULL;
}
END_TEST

/* What this program says as a process of its own with these drivers. */
static const char *other_process(const char *vendors, const char *argument)
{
    static char said[16384];
    char self[512], command[700];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    ck_assert_int_gt(length, 0);
    self[length] = '\0';
    setenv("OCL_ICD_VENDORS", vendors, 1);
    snprintf(command, sizeof command, "'%s' %s", self, argument);
    FILE *pipe = popen(command, "r");
    ck_assert(pipe != NULL);
    said[fread(said, 1, sizeof said - 1, pipe)] = '\0';
    ck_assert_int_eq(pclose(pipe), 0);
    return said;
}

static int tell(const char *argument)
{
    if (strcmp(argument, "list") == 0) {
        mcl_device_info *devices = NULL;
        size_t count = 0;
        printf("%d ", (int)mcl_devices_list(&devices, &count));
        printf("%s", mcl_error_message());
        return 0;
    }
    char lines[4096];
    size_t size = (size_t)strtoul(argument, NULL, 10);
    memset(lines, '#', sizeof lines);
    printf("%zu ", mcl_driver_problems(lines, size));
    if (size)
        printf("%s", lines);
    for (size_t i = size; i < sizeof lines; i++) {
        if (lines[i] != '#')
            printf(" and byte %zu behind the end", i);
    }
    return 0;
}

START_TEST(test_drivers_that_cannot_be_loaded)
{
    char expected[256];
    const char *said;
    write_text("notes.txt", "/no/such/driver.so\n");
    write_text(".icd", "/no/such/driver.so\n");
    ck_assert_str_eq(other_process(scratch_folder, "4096"), "0 ");
    write_text("broken.icd", "/no/such/driver.so\nmore\n");
    said = other_process(scratch_folder, "4096");
    snprintf(expected, sizeof expected,
        "1 %s/broken.icd: the driver cannot be loaded: /no/such/driver.so: ", scratch_folder);
    ck_assert_msg(strncmp(said, expected, strlen(expected)) == 0, "%s", said);
    ck_assert_ptr_null(strchr(said, '\n'));

    write_text("empty.icd", "");
    said = other_process(scratch_folder, "4096");
    snprintf(expected, sizeof expected,
        "%s/empty.icd: the driver cannot be loaded: the file names no library", scratch_folder);
    ck_assert_int_eq(strncmp(said, "2 ", 2), 0);
    ck_assert_msg(strstr(said, expected) != NULL, "%s", said);
    ck_assert_ptr_nonnull(strstr(said, "/broken.icd: "));
    ck_assert_ptr_nonnull(strchr(said, '\n'));
    ck_assert_ptr_eq(strchr(said, '\n'), strrchr(said, '\n'));
}
END_TEST

/* Loading each driver to see whether that works is no harm to one that is used afterwards. */
START_TEST(test_problems_before_anything_else)
{
    const char *vendors = getenv("OCL_ICD_VENDORS");
    const char *said = other_process(vendors ? vendors : "/etc/OpenCL/vendors", "4096");
    ck_assert_msg(said[0] >= '0' && said[0] <= '9', "it died: '%s'", said);
}
END_TEST

START_TEST(test_problems_are_cut_to_size)
{
    write_text("a.icd", "/no/such/a.so\n");
    write_text("b.icd", "/no/such/b.so\n");
    char whole[4096];
    snprintf(whole, sizeof whole, "%s", other_process(scratch_folder, "4096"));
    ck_assert_str_eq(other_process(scratch_folder, "0"), "2 ");
    ck_assert_str_eq(other_process(scratch_folder, "1"), "2 ");
    const size_t length = strlen(whole) - 2; /* without the count and the blank */
    for (size_t size = 2; size < length + 3; size += size < 20 ? 1 : 13) {
        char argument[32], expected[4096];
        snprintf(argument, sizeof argument, "%zu", size);
        snprintf(expected, sizeof expected, "2 %.*s", (int)size - 1, whole + 2);
        ck_assert_str_eq(other_process(scratch_folder, argument), expected);
    }
}
END_TEST

START_TEST(test_no_driver)
{
    const char *said = other_process(scratch_folder, "list");
    if (strncmp(said, "0 ", 2) == 0)
        return; /* under Oclgrind, which stands in for the loader too */
    char expected[512];
    snprintf(expected, sizeof expected,
        "6 no OpenCL driver is found, as OCL_ICD_VENDORS is '%s', a folder without .icd files: "
        "unset it ('unset OCL_ICD_VENDORS') to use the drivers of /etc/OpenCL/vendors",
        scratch_folder);
    ck_assert_str_eq(said, expected);
    write_text("broken.icd", "/no/such/driver.so\n");
    said = other_process(scratch_folder, "list");
    ck_assert_msg(strncmp(said, "6 no OpenCL driver works: /", 27) == 0, "%s", said);
    ck_assert_ptr_nonnull(strstr(said, "/broken.icd: the driver cannot be loaded: "));
    ck_assert_ptr_nonnull(strstr(said, "; reinstall it, or unset OCL_ICD_VENDORS"));
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1)
        return tell(argv[1]);
    Suite *suite = suite_create("device");
    TCase *tcase = tcase_create("devices");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_list);
    tcase_add_test(tcase, test_open_default);
    tcase_add_test(tcase, test_open_refused);
    tcase_add_test(tcase, test_gemm_is_as_asked);
    tcase_add_test(tcase, test_gemm_names);
    tcase_add_test(tcase, test_error_names);
    tcase_add_test(tcase, test_error_messages);
    tcase_add_test(tcase, test_work_groups_that_are_none);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("kernels");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, kernels_setup, kernels_teardown);
    tcase_add_test(tcase, test_build_failure_names_the_line);
    tcase_add_test(tcase, test_build_failure_names_the_included_line);
    tcase_add_test(tcase, test_missing_files);
    tcase_add_test(tcase, test_files_that_include_each_other);
    tcase_add_test(tcase, test_missing_kernel);
    tcase_add_test(tcase, test_kernels_run);
    tcase_add_test(tcase, test_released_programs_are_built_again);
    tcase_add_test(tcase, test_launch_failure_names_the_kernel);
    tcase_add_test(tcase, test_work_groups_as_wanted);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("buffers");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, context_setup, context_teardown);
    tcase_add_test(tcase, test_built_in_sources);
    tcase_add_test(tcase, test_attached_state);
    tcase_add_test(tcase, test_buffers);
    tcase_add_test(tcase, test_buffers_too_large);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("drivers");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, scratch_setup, scratch_teardown);
    tcase_add_test(tcase, test_drivers_that_cannot_be_loaded);
    tcase_add_test(tcase, test_problems_before_anything_else);
    tcase_add_test(tcase, test_problems_are_cut_to_size);
    tcase_add_test(tcase, test_no_driver);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
