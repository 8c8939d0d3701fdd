/* SPDX-License-Identifier: Apache-2.0 */
/* Results in files: NumPy arrays, PNG pictures, and no file at all when something fails. */
#include "support/files.h"

#include "support/failing_memory.h"

#include <png.h>
#include <sys/stat.h>

#include "maskcl/output.h"

static void assert_message(const char *part)
{
    ck_assert_msg(
        strstr(mcl_error_message(), part) != NULL, "'%s' lacks '%s'", mcl_error_message(), part);
}

static const float values[] = {1.0f, -2.5f, 0.0f, 3e38f, 1e-45f, 6.0f};

/* numpy.save(…, np.array([[1, -2.5, 0], [3e38, 1e-45, 6]], '<f4')), but for the spaces that NumPy
 * keeps free for a growing first dimension. */
START_TEST(test_npy_bytes)
{
    static const char header[] = "\x93NUMPY\x01\x00\x76\x00"
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    const uint64_t shape[] = {2, 3};
    size_t count;
    ck_assert_int_eq(mcl_write_npy(scratch("a.npy"), values, shape, 2), MCL_OK);
    unsigned char *content = read_file(scratch("a.npy"), &count);
    ck_assert_uint_eq(count, 128 + sizeof values);
    ck_assert_mem_eq(content, header, sizeof header - 1);
    for (size_t i = sizeof header - 1; i < 127; i++)
        ck_assert_int_eq(content[i], ' ');
    ck_assert_int_eq(content[127], '\n');
    ck_assert_mem_eq(content + 128, values, sizeof values);
    free(content);
}
END_TEST

static const struct {
    uint64_t shape[32];
    size_t dimensions;
    const char *tuple;
    size_t count;
} arrays[] = {
    {{0}, 0, "()", 1},
    {{6}, 1, "(6,)", 6},
    {{0}, 1, "(0,)", 0},
    {{1, 2, 3}, 3, "(1, 2, 3)", 6},
    {{0, 18446744073709551615u}, 2, "(0, 18446744073709551615)", 0},
    {{0, 10000000000000000000u, 10000000000000000000u, 10000000000000000000u, 10000000000000000000u,
         10000000000000000000u, 10000000000000000000u, 10000000000000000000u, 10000000000000000000u,
         10000000000000000000u, 10000000000000000000u, 10000000000000000000u,
         10000000000000000000u},
        13,
        "(0, 10000000000000000000, 10000000000000000000, 10000000000000000000, "
        "10000000000000000000, 10000000000000000000, 10000000000000000000, 10000000000000000000, "
        "10000000000000000000, 10000000000000000000, 10000000000000000000, 10000000000000000000, "
        "10000000000000000000)",
        0},
    {{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
         1},
        32,
        "(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,"
        " 1, 1)",
        1},
};

START_TEST(test_npy_shapes)
{
    size_t count;
    ck_assert_int_eq(
        mcl_write_npy(scratch("a.npy"), values, arrays[_i].shape, arrays[_i].dimensions), MCL_OK);
    unsigned char *content = read_file(scratch("a.npy"), &count);
    const size_t header = 10u + content[8] + 256u * content[9];
    char expected[512];
    snprintf(expected, sizeof expected, "'shape': %s, }", arrays[_i].tuple);
    content[header - 1] = '\0';
    ck_assert_msg(strstr((char *)content + 10, expected) != NULL, "%s", content + 10);
    ck_assert_uint_eq(header % 64, 0);
    ck_assert_uint_eq(count, header + arrays[_i].count * sizeof *values);
    free(content);
}
END_TEST

/* An empty array whose shape's text has every length in turn: the data still begin at a multiple of
 * 64 bytes, with fewer than 64 spaces before them. */
START_TEST(test_npy_alignment)
{
    uint64_t shape[32] = {0};
    size_t shortest = 64, longest = 0;
    for (size_t digits = 0; digits < 64; digits++) {
        size_t count, spaces = 0;
        shape[1 + digits / 19] = shape[1 + digits / 19] * 10 + 1;
        ck_assert_int_eq(mcl_write_npy(scratch("a.npy"), values, shape, 5), MCL_OK);
        unsigned char *content = read_file(scratch("a.npy"), &count);
        ck_assert_uint_eq(count % 64, 0);
        ck_assert_uint_eq(count, 10u + content[8]);
        ck_assert_int_eq(content[count - 1], '\n');
        while (content[count - 2 - spaces] == ' ')
            spaces++;
        ck_assert_int_eq(content[count - 2 - spaces], '}');
        shortest = spaces < shortest ? spaces : shortest;
        longest = spaces > longest ? spaces : longest;
        free(content);
    }
    ck_assert_uint_eq(shortest, 0);
    ck_assert_uint_eq(longest, 63);
}
END_TEST

START_TEST(test_npy_that_cannot_be_written)
{
    const uint64_t overflow[] = {(uint64_t)1 << 32, (uint64_t)1 << 31};
    const uint64_t bytes_overflow[] = {(uint64_t)1 << 62};
    uint64_t many[33] = {0};
    ck_assert_int_eq(mcl_write_npy(scratch("a"), values, overflow, 2), MCL_ERROR_ARGUMENT);
    assert_message("too large");
    ck_assert_int_eq(mcl_write_npy(scratch("a"), values, bytes_overflow, 1), MCL_ERROR_ARGUMENT);
    assert_message("too large");
    ck_assert_int_eq(mcl_write_npy(scratch("a"), values, many, 33), MCL_ERROR_ARGUMENT);
    assert_message("33 dimensions");
    ck_assert_int_eq(mcl_write_npy(scratch("none/a"), values, many, 1), MCL_ERROR_FILE);
    assert_message("does not exist");
    ck_assert_int_eq(mcl_write_npy(scratch_folder, values, many, 1), MCL_ERROR_FILE);
    assert_message("is a folder");
    ck_assert_uint_eq(scratch_files(NULL), 0);
}
END_TEST

static void assert_precious(const char *path)
{
    size_t count;
    unsigned char *content = read_file(path, &count);
    ck_assert_str_eq((char *)content, "precious");
    ck_assert_uint_eq(count, 8);
    ck_assert_uint_eq(scratch_files(NULL), 1);
    free(content);
}

START_TEST(test_a_failed_npy_keeps_the_old_file)
{
    static const float large[4096];
    const uint64_t shape[] = {4096};
    write_file(scratch("a"), "precious", 8);
    limit_file_size(8000);
    ck_assert_int_eq(mcl_write_npy(scratch("a"), large, shape, 1), MCL_ERROR_FILE);
    assert_message("cannot write: File too large");
    assert_precious(scratch("a"));
}
END_TEST

/* Every pixel differs from its neighbours, so that no row or column can be mistaken. */
static uint8_t *picture(uint32_t width, uint32_t height, uint32_t channels)
{
    const size_t count = (size_t)width * height * channels;
    uint8_t *pixels = malloc(count);
    uint32_t state = 1;
    for (size_t i = 0; pixels && i < count; i++) {
        state = state * 1664525u + 1013904223u;
        pixels[i] = (uint8_t)(state >> 24);
    }
    return pixels;
}

static const uint32_t sizes[][3] = {
    {1, 1, 1}, {1, 1, 3}, {84, 28, 1}, {3, 5, 3}, {1, 300, 1}, {1000, 1, 3}, {640, 480, 3}};

START_TEST(test_png_pixels)
{
    const uint32_t width = sizes[_i][0], height = sizes[_i][1], channels = sizes[_i][2];
    uint8_t *pixels = picture(width, height, channels);
    ck_assert_msg(mcl_write_png(scratch("a.png"), pixels, width, height, channels) == MCL_OK, "%s",
        mcl_error_message());
    png_image image = {.version = PNG_IMAGE_VERSION};
    ck_assert(png_image_begin_read_from_file(&image, scratch("a.png")));
    ck_assert_uint_eq(image.width, width);
    ck_assert_uint_eq(image.height, height);
    ck_assert_uint_eq(image.format, channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB);
    uint8_t *read = malloc(PNG_IMAGE_SIZE(image));
    ck_assert(png_image_finish_read(&image, NULL, read, 0, NULL));
    ck_assert_mem_eq(read, pixels, (size_t)width * height * channels);
    free(read);
    free(pixels);
}
END_TEST

/* Above libpng's own limit of 1,000,000 a side. */
START_TEST(test_a_tall_png)
{
    uint8_t *pixels = picture(1, 1500000, 1);
    ck_assert_msg(mcl_write_png(scratch("a.png"), pixels, 1, 1500000, 1) == MCL_OK, "%s",
        mcl_error_message());
    size_t count;
    unsigned char *content = read_file(scratch("a.png"), &count);
    ck_assert_mem_eq(content + 16, "\0\0\0\1\0\x16\xE3\x60", 8);
    ck_assert_mem_eq(content + count - 8, "IEND\xAE\x42\x60\x82", 8);
    free(content);
    free(pixels);
}
END_TEST

START_TEST(test_png_that_cannot_be_written)
{
    static const uint32_t refused[][3] = {{0, 1, 1}, {1, 0, 1}, {0x80000000u, 1, 1},
        {1, UINT32_MAX, 1}, {1, 1, 0}, {1, 1, 2}, {1, 1, 4}};
    const uint8_t pixel[4] = {0};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        ck_assert_int_eq(
            mcl_write_png(scratch("a"), pixel, refused[i][0], refused[i][1], refused[i][2]),
            MCL_ERROR_ARGUMENT);
        assert_message(i < 4 ? "each side must be" : "1 or 3 bytes a pixel");
    }
    ck_assert_int_eq(mcl_write_png(scratch("none/a"), pixel, 1, 1, 1), MCL_ERROR_FILE);
    assert_message("does not exist");
    ck_assert_uint_eq(scratch_files(NULL), 0);
}
END_TEST

/* Cut at different places: in the first row, in the last, at the end. */
START_TEST(test_a_failed_png_keeps_the_old_file)
{
    static const size_t limits[] = {8, 40, 8192, 100000};
    uint8_t *pixels = picture(640, 480, 3);
    write_file(scratch("a"), "precious", 8);
    limit_file_size(limits[_i]);
    ck_assert_int_eq(mcl_write_png(scratch("a"), pixels, 640, 480, 3), MCL_ERROR_FILE);
    assert_message("cannot write: File too large");
    assert_precious(scratch("a"));
    free(pixels);
}
END_TEST

#if MASKCL_FAILING_MEMORY
static int write_both(void)
{
    const uint64_t shape[] = {2, 3};
    static const uint8_t pixels[64 * 64];
    mcl_status status = mcl_write_npy(scratch("a.npy"), values, shape, 2);
    if (status == MCL_OK)
        status = mcl_write_png(scratch("a.png"), pixels, 64, 64, 1);
    return status != MCL_OK;
}

START_TEST(test_every_failing_allocation_is_survived)
{
    ck_assert_uint_gt(fail_each_allocation(write_both), 10);
    ck_assert_uint_eq(scratch_files(NULL), 2);
}
END_TEST
#endif

START_TEST(test_output_check)
{
    char text[300];
    write_file(scratch("file"), "x", 1);
    ck_assert_int_eq(mcl_output_check(scratch("file")), MCL_OK);
    ck_assert_int_eq(mcl_output_check(scratch("new")), MCL_OK);
    ck_assert_int_eq(mcl_output_check("new"), MCL_OK); /* in the current folder */
    ck_assert_int_eq(mcl_output_check(""), MCL_ERROR_FILE);
    ck_assert_int_eq(mcl_output_check(scratch_folder), MCL_ERROR_FILE);
    assert_message("is a folder");
    snprintf(text, sizeof text, "%s/", scratch("new"));
    ck_assert_int_eq(mcl_output_check(text), MCL_ERROR_FILE);
    assert_message("is a folder");
    ck_assert_int_eq(mcl_output_check(scratch("none/new")), MCL_ERROR_FILE);
    assert_message("none does not exist");
    ck_assert_int_eq(mcl_output_check(scratch("file/new")), MCL_ERROR_FILE);
    assert_message("file does not exist");
    ck_assert_int_eq(mcl_output_check("/dev/null"), MCL_ERROR_FILE);
    assert_message("not a regular file");
    ck_assert_uint_eq(scratch_files(NULL), 1);
    if (geteuid() != 0) { /* root may write anywhere */
        ck_assert_int_eq(chmod(scratch_folder, 0500), 0);
        ck_assert_int_eq(mcl_output_check(scratch("new")), MCL_ERROR_FILE);
        assert_message("cannot write in");
        ck_assert_int_eq(chmod(scratch_folder, 0700), 0);
    }
}
END_TEST

/* A result is as readable as any other new file. */
START_TEST(test_permissions_follow_the_umask)
{
    struct stat information;
    const uint64_t shape[] = {6};
    umask(027);
    ck_assert_int_eq(mcl_write_npy(scratch("a.npy"), values, shape, 1), MCL_OK);
    ck_assert_int_eq(stat(scratch("a.npy"), &information), 0);
    ck_assert_int_eq(information.st_mode & 0777, 0640);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("output");
    TCase *tcase = tcase_create("output");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, scratch_setup, scratch_teardown);
    tcase_add_test(tcase, test_npy_bytes);
    tcase_add_loop_test(tcase, test_npy_shapes, 0, sizeof arrays / sizeof *arrays);
    tcase_add_test(tcase, test_npy_alignment);
    tcase_add_test(tcase, test_npy_that_cannot_be_written);
    tcase_add_test(tcase, test_a_failed_npy_keeps_the_old_file);
    tcase_add_loop_test(tcase, test_png_pixels, 0, sizeof sizes / sizeof *sizes);
    tcase_add_test(tcase, test_a_tall_png);
    tcase_add_test(tcase, test_png_that_cannot_be_written);
    tcase_add_loop_test(tcase, test_a_failed_png_keeps_the_old_file, 0, 4);
    tcase_add_test(tcase, test_output_check);
    tcase_add_test(tcase, test_permissions_follow_the_umask);
#if MASKCL_FAILING_MEMORY
    tcase_add_test(tcase, test_every_failing_allocation_is_survived);
#endif
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
