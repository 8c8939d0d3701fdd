/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of images and image files: as Pillow wrote and reads them, damaged and hostile ones. */
#include "support/inputs.h"

#include "support/failing_memory.h"

#include <stdbool.h>
#include <sys/stat.h>

#include "data/data.h"
#include "data/image.h"

#define IMAGES MASKCL_FIXTURES "/images/"

static mcl_data *open_with(const char *path, const mcl_data_options *options)
{
    mcl_data *data = NULL;
    ck_assert_msg(mcl_data_open_with(&data, path, options) == MCL_OK, "%s", mcl_error_message());
    return data;
}

static mcl_data_options defaults(void)
{
    mcl_data_options options;
    ck_assert_int_eq(mcl_data_options_init(&options), MCL_OK);
    return options;
}

static void refuse_with(
    const char *path, const mcl_data_options *options, mcl_status status, const char *part)
{
    mcl_data *data = NULL;
    const mcl_status got = mcl_data_open_with(&data, path, options);
    ck_assert_msg(got == status, "status %d, not %d: %s", got, status, mcl_error_message());
    ck_assert_ptr_null(data);
    const char *message = mcl_error_message();
    ck_assert_msg(strstr(message, part) != NULL, "'%s' lacks '%s'", message, part);
    ck_assert_msg(strchr(message, '\n') == NULL, "'%s' is more than a line", message);
}

/* The one row of an image against an array of height × width × channels. */
static void assert_row(const mcl_data *data, const char *expected, int tolerance)
{
    mcl_data *wanted = open_data(expected);
    uint64_t shape[MCL_DIMENSIONS_MAX], of[MCL_DIMENSIONS_MAX];
    ck_assert_uint_eq(mcl_data_rows(data), 1);
    ck_assert_uint_eq(mcl_data_row_shape(data, shape), 3);
    ck_assert_uint_eq(mcl_data_row_shape(wanted, of), 2);
    ck_assert_uint_eq(shape[0], mcl_data_rows(wanted));
    ck_assert_uint_eq(shape[1], of[0]);
    ck_assert_uint_eq(shape[2], of[1]);
    const unsigned char *values = mcl_data_values(data), *right = mcl_data_values(wanted);
    for (uint64_t i = 0; i < mcl_data_columns(data); i++) {
        const int difference = values[i] - right[i];
        ck_assert_msg(abs(difference) <= tolerance, "%s: value %d is %d, not %d", expected, (int)i,
            values[i], right[i]);
    }
    mcl_data_free(wanted);
}

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), of = strlen(end);
    return length >= of && strcmp(text + length - of, end) == 0;
}

/* Whether this build reads the image NAME.npy belongs to. */
static bool is_built(const char *name)
{
    return (mcl_image_webp.decode || !strstr(name, ".webp")) &&
           (mcl_image_tiff.decode || !strstr(name, ".tif"));
}

/* JPEG's bits are the library's: other ones than Pillow's own may round otherwise. */
static int tolerance_of(const char *name)
{
    return strstr(name, ".jpg") ? 3 : strstr(name, "clear.tif") ? 1 : 0;
}

START_TEST(test_every_kind_is_read_as_by_pillow)
{
    DIR *folder = opendir(MASKCL_FIXTURES "/images");
    const struct dirent *entry;
    size_t count = 0;
    ck_assert(folder != NULL);
    while ((entry = readdir(folder))) {
        char expected[512], path[512];
        if (!ends_with(entry->d_name, ".npy") || strchr(entry->d_name, '@') ||
            !is_built(entry->d_name))
            continue;
        snprintf(expected, sizeof expected, IMAGES "%s", entry->d_name);
        snprintf(path, sizeof path, "%.*s", (int)strlen(expected) - 4, expected);
        mcl_data *data = open_with(path, NULL);
        ck_assert_ptr_null(mcl_data_warning(data));
        ck_assert_ptr_null(mcl_data_labels(data));
        ck_assert_str_eq(mcl_data_row_name(data, 0), path);
        assert_row(data, expected, tolerance_of(path));
        mcl_data_free(data);
        count++;
    }
    closedir(folder);
    ck_assert_uint_ge(count, 19);
}

START_TEST(test_images_are_resized_as_by_pillow)
{
    static const struct {
        const char *name;
        uint32_t size;
    } cases[] = {{"colour.png", 1}, {"colour.png", 5}, {"colour.png", 12}, {"colour.png", 13},
        {"colour.png", 40}, {"grey.png", 1}, {"grey.png", 6}, {"grey.png", 29}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[512], expected[512];
        mcl_data_options options = defaults();
        options.size = cases[i].size;
        snprintf(path, sizeof path, IMAGES "%s", cases[i].name);
        snprintf(expected, sizeof expected, IMAGES "%s@%u.npy", cases[i].name, cases[i].size);
        mcl_data *data = open_with(path, &options);
        assert_row(data, expected, 0);
        mcl_data_free(data);
    }
}

START_TEST(test_colours_are_told)
{
    mcl_data_options options = defaults();
    uint64_t shape[MCL_DIMENSIONS_MAX];
    options.colors = 1;
    mcl_data *data = open_with(IMAGES "colour.png", &options);
    (void)mcl_data_row_shape(data, shape);
    ck_assert_uint_eq(shape[2], 1);
    mcl_data_free(data);
    options.colors = 3;
    data = open_with(IMAGES "grey.png", &options);
    (void)mcl_data_row_shape(data, shape);
    ck_assert_uint_eq(shape[2], 3);
    const unsigned char *values = mcl_data_values(data);
    for (size_t i = 0; i < mcl_data_columns(data); i++)
        ck_assert_int_eq(values[i], values[i / 3 * 3]);
    mcl_data_free(data);
    options.colors = 2;
    refuse_with(IMAGES "grey.png", &options, MCL_ERROR_ARGUMENT, "`colors` is 2");
}

START_TEST(test_the_background_shows_through)
{
    static const struct {
        const char *text;
        unsigned char colour[3];
    } cases[] = {{NULL, {255, 255, 255}}, {"40", {0x40, 0x40, 0x40}}, {"10fF80", {16, 255, 128}}};
    static const char *const bad[] = {"", "4", "red", "12345", "1234567", "gg", "-1"};
    mcl_data_options options = defaults();
    for (size_t i = 0; i < 3; i++) {
        options.background = cases[i].text;
        mcl_data *data = open_with(IMAGES "clear.png", &options);
        ck_assert_mem_eq(mcl_data_values(data), cases[i].colour, 3); /* the first is all clear */
        mcl_data_free(data);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        options.background = bad[i];
        refuse_with(IMAGES "clear.png", &options, MCL_ERROR_ARGUMENT, "`background` is '");
    }
}

/* A copy of a fixture's first bytes, in the folder. */
static void copy(const char *name, const char *to, size_t most)
{
    size_t count;
    char path[512];
    snprintf(path, sizeof path, IMAGES "%s", name);
    unsigned char *bytes = read_file(path, &count);
    write_file(scratch(to), bytes, count < most ? count : most);
    free(bytes);
}

static void make_folder(const char *name)
{
    ck_assert_int_eq(mkdir(scratch(name), 0700), 0);
}

/* Two classes and a few files more. */
static void make_tree(void)
{
    make_folder("b");
    make_folder("a-b");
    make_folder("a-b/deep");
    make_folder(".hidden");
    copy("colour.png", "b/2.png", SIZE_MAX);
    copy("colour.png", "b/1.jpeg", SIZE_MAX); /* whatever its name says */
    copy("grey.png", "a-b/deep/x.png", SIZE_MAX);
    copy("colour.png", "a-b/x.png", SIZE_MAX);
    copy("colour.png", ".hidden/x.png", SIZE_MAX);
    copy("colour.png", "a-b/.x.png", SIZE_MAX);
    copy("colour.png", "root.png", SIZE_MAX);
}

static void remove_tree(void)
{
    char command[128];
    snprintf(command, sizeof command, "find %s -mindepth 1 -delete", scratch_folder);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(test_folders_are_classes)
{
    static const char *const names[] = {
        "a-b/deep/x.png", "a-b/x.png", "b/1.jpeg", "b/2.png", "root.png"};
    static const int32_t labels[] = {0, 0, 1, 1, -1};
    make_tree();
    mcl_data_options options = defaults();
    options.colors = 3;
    mcl_data *data = open_with(scratch_folder, &options);
    ck_assert_uint_eq(mcl_data_rows(data), 5);
    for (uint64_t i = 0; i < 5; i++) {
        ck_assert_str_eq(mcl_data_row_name(data, i), names[i]);
        ck_assert_int_eq(mcl_data_labels(data)[i], labels[i]);
    }
    ck_assert_uint_eq(mcl_data_classes(data), 2);
    ck_assert_str_eq(mcl_data_class_name(data, 0), "a-b");
    ck_assert_str_eq(mcl_data_class_name(data, 1), "b");
    ck_assert_ptr_null(mcl_data_warning(data));
    mcl_image image;
    ck_assert(mcl_schema_image(&image, mcl_data_schema(data)));
    ck_assert_uint_eq(image.height, 13);
    ck_assert_uint_eq(image.width, 18);
    ck_assert_uint_eq(image.channels, 3);
    ck_assert_uint_eq(mcl_schema_inputs(mcl_data_schema(data)), 13 * 18 * 3);

    /* A model's schema gives others its sizes, and classes their numbers. */
    remove_tree();
    make_folder("b");
    make_folder("a");
    copy("grey.jpg", "b/2.png", SIZE_MAX);
    copy("held6.jpg", "a/2.png", SIZE_MAX);
    options = defaults();
    options.schema = mcl_data_schema(data);
    mcl_data *other = open_with(scratch_folder, &options);
    ck_assert_uint_eq(mcl_data_columns(other), 13 * 18 * 3);
    ck_assert_int_eq(mcl_data_labels(other)[0], 2);
    ck_assert_int_eq(mcl_data_labels(other)[1], 1);
    ck_assert_str_eq(mcl_data_class_name(other, 2), "a");
    mcl_data_free(other);
    mcl_data_free(data);
    remove_tree();
}

START_TEST(test_the_order_of_a_folder_is_that_of_bytes_and_links_end)
{
    make_tree();
    char target[256], link[256];
    snprintf(target, sizeof target, "%s", scratch_folder);
    snprintf(link, sizeof link, "%s/b/loop", scratch_folder);
    ck_assert_int_eq(symlink(target, link), 0);
    snprintf(link, sizeof link, "%s/b/nothing", scratch_folder);
    ck_assert_int_eq(symlink("nowhere", link), 0);
    mcl_data *data = open_with(scratch_folder, NULL);
    ck_assert_uint_eq(mcl_data_rows(data), 5);
    mcl_data_free(data);
    remove_tree();
}

START_TEST(test_damaged_files_are_named_and_left_out)
{
    make_tree();
    copy("colour.png", "b/0.png", 90);
    write_file(scratch("b/empty.jpg"), "", 0);
    write_file(scratch("b/notes.txt"), "no image", 8);
    mcl_data_options options = defaults();
    mcl_data *data = open_with(scratch_folder, &options);
    ck_assert_uint_eq(mcl_data_rows(data), 5);
    const char *warning = mcl_data_warning(data);
    ck_assert_msg(
        warning && strstr(warning, "2 of 7 images cannot be read and are left out"), "%s", warning);
    ck_assert_msg(strstr(warning, "b/0.png") && strstr(warning, "b/empty.jpg"), "%s", warning);
    ck_assert_msg(strstr(warning, "1 file is no image and left out (b/notes.txt)"), "%s", warning);
    ck_assert_msg(strstr(warning, "4 of 7 images lose their colours"), "%s", warning);
    mcl_data_free(data);
    options.strict = true;
    refuse_with(scratch_folder, &options, MCL_ERROR_FORMAT, "b/0.png");
    remove_tree();
}

START_TEST(test_folders_without_images_are_refused)
{
    refuse_with(scratch_folder, NULL, MCL_ERROR_DATA, "holds no images");
    write_file(scratch("notes.txt"), "no image", 8);
    refuse_with(
        scratch_folder, NULL, MCL_ERROR_DATA, "holds no images (PNG, JPEG, WebP, TIFF), but other");
    copy("colour.png", "x.png", 60);
    refuse_with(scratch_folder, NULL, MCL_ERROR_DATA, "none of its 1 images can be read");
}

/* Every image cut short everywhere is refused, or read whole where nothing of it is missing. */
START_TEST(test_truncated_images)
{
    static const char *const names[] = {"colour.png", "palette4.png", "colour.jpg",
        "progressive.jpg", "colour.webp", "colour.tif", "cmyk.jpg"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t count;
        char path[512];
        snprintf(path, sizeof path, IMAGES "%s", names[i]);
        if (!is_built(names[i]))
            continue;
        unsigned char *bytes = read_file(path, &count);
        for (size_t cut = 16; cut + 20 < count; cut++) {
            mcl_picture picture = {.pixels = NULL};
            const mcl_image_file file = {"cut", bytes, cut};
            const mcl_status status = mcl_image_decode(&picture, &file);
            ck_assert_msg(status == MCL_ERROR_FORMAT, "%s, %zu bytes: %d", names[i], cut, status);
            ck_assert_int_eq(strncmp(mcl_error_message(), "cut: ", 5), 0);
        }
        free(bytes);
    }
}

/* 10^5 × 10^5 pixels in a header. */
START_TEST(test_images_that_are_too_large)
{
    static const unsigned char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\x86\xA0\0\1\x86\xA0\1\0"
                                       "\0\0\0\xC2\x5D\x1A\x8E";
    struct bytes file = {.count = 0};
    append(&file, png, sizeof png - 1);
    const uint32_t crc = (uint32_t)crc32(0, file.at + 12, 17);
    for (int i = 0; i < 4; i++)
        file.at[29 + i] = (unsigned char)(crc >> (24 - 8 * i));
    append(&file, "\0\0\0\0IDAT\x35\xAF\x06\x1E", 12);
    refuse_with(file_with(&file), NULL, MCL_ERROR_DATA,
        "100000×100000 pixels (width×height); at most 67108864 pixels are read");
    /* of JPEG: 65500 × 65500 */
    static const unsigned char jpeg[] =
        "\xFF\xD8\xFF\xC0\0\x0B\x08\xFF\xDC\xFF\xDC\1\1\x11\0\xFF\xDA\0\x08\1\1\0\0\x3F\0\0\0";
    file.count = 0;
    append(&file, jpeg, sizeof jpeg - 1);
    refuse_with(file_with(&file), NULL, MCL_ERROR_DATA, "65500×65500 pixels");
}

#if MASKCL_FAILING_MEMORY
static const char *failing_path;

static int open_and_free(void)
{
    mcl_data *data = NULL;
    mcl_data_options options;
    (void)mcl_data_options_init(&options);
    options.size = 7;
    options.strict = true;
    const mcl_status status = mcl_data_open_with(&data, failing_path, &options);
    const int result = status == MCL_ERROR_MEMORY || status == MCL_ERROR_FILE ? 1 : -1;
    if (status != MCL_OK)
        return data ? -1 : result;
    mcl_data_free(data);
    return 0;
}

START_TEST(test_memory_that_runs_out)
{
    static const char *const names[] = {"colour.png", "palette-clear.png", "held6.jpg", "cmyk.jpg"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        snprintf(path, sizeof path, IMAGES "%s", names[i]);
        failing_path = path;
        ck_assert_uint_ge(fail_each_allocation(open_and_free), 10);
    }
}
#endif

int main(void)
{
    Suite *suite = suite_create("images");
    TCase *tests = tcase_create("images");
    tcase_add_checked_fixture(tests, scratch_setup, scratch_teardown);
    tcase_add_test(tests, test_every_kind_is_read_as_by_pillow);
    tcase_add_test(tests, test_images_are_resized_as_by_pillow);
    tcase_add_test(tests, test_colours_are_told);
    tcase_add_test(tests, test_the_background_shows_through);
    tcase_add_test(tests, test_folders_are_classes);
    tcase_add_test(tests, test_the_order_of_a_folder_is_that_of_bytes_and_links_end);
    tcase_add_test(tests, test_damaged_files_are_named_and_left_out);
    tcase_add_test(tests, test_folders_without_images_are_refused);
    tcase_add_test(tests, test_truncated_images);
    tcase_add_test(tests, test_images_that_are_too_large);
#if MASKCL_FAILING_MEMORY
    tcase_add_test(tests, test_memory_that_runs_out);
#endif
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
