/* SPDX-License-Identifier: Apache-2.0 */
/* tar files of images as Python wrote them, hostile ones, and CIFAR's binary files. No
 * test has memory run out: libarchive 3.6 itself does not survive that. */
#include "support/inputs.h"

#include "data/data.h"

#define TARS MASKCL_FIXTURES "/tars/"

static void assert_rows(
    const mcl_data *data, size_t count, const char *const *names, const int32_t *labels)
{
    ck_assert_uint_eq(mcl_data_rows(data), count);
    ck_assert_uint_eq(mcl_data_columns(data), 13 * 18 * 3);
    for (size_t i = 0; i < count; i++) {
        ck_assert_str_eq(mcl_data_row_name(data, i), names[i]);
        ck_assert_int_eq(mcl_data_labels(data)[i], labels[i]);
    }
}

static void assert_warned(const mcl_data *data, const char *part)
{
    const char *warning = mcl_data_warning(data);
    ck_assert_msg(warning && strstr(warning, part), "'%s' lacks '%s'", warning, part);
}

#define XS "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

START_TEST(test_folders_are_classes)
{
    static const char *const files[] = {TARS "folders.tar", TARS "folders-gnu.tar.gz"};
    static const char *const names[] = {
        "top/b/1.jpg", "top/a/1.png", "top/a/" XS XS, "top/a/größe.png"};
    static const int32_t labels[] = {1, 0, 0, 0};
    for (int f = 0; f < 2; f++) {
        mcl_data *data = open_data(files[f]);
        assert_rows(data, 4, names, labels);
        ck_assert_uint_eq(mcl_data_classes(data), 2);
        ck_assert_str_eq(mcl_data_class_name(data, 1), "b");
        assert_warned(data, "1 file is no image and left out (top/notes.md)");
        mcl_data_free(data);
    }
}

START_TEST(test_nothing_outside_is_read)
{
    static const char *const names[] = {"a/good.png"};
    mcl_data *data = open_data(TARS "outside.tar");
    ck_assert_uint_eq(mcl_data_rows(data), 1);
    ck_assert_str_eq(mcl_data_row_name(data, 0), names[0]);
    assert_warned(data, "6 entries are links or lead outside, and are left out (../evil.png)");
    mcl_data_free(data);
}

START_TEST(test_samples_of_webdataset)
{
    static const char *const names[] = {"0000.jpg", "0001.jpg", "0002.jpg", "0003.jpg"};
    static const int32_t numbers[] = {7, 3, 12, 3}, named[] = {1, 0, 1};
    mcl_data *data = open_data(TARS "web-numbers.tar");
    assert_rows(data, 4, names, numbers);
    ck_assert_uint_eq(mcl_data_classes(data), 0);
    mcl_data_free(data);
    data = open_data(TARS "web-names.tar");
    assert_rows(data, 3, names, named);
    ck_assert_str_eq(mcl_data_class_name(data, 0), "cat");
    mcl_data_free(data);
    data = open_data(TARS "web-captions.tar");
    ck_assert_uint_eq(mcl_data_rows(data), 2);
    ck_assert_ptr_null(mcl_data_labels(data));
    mcl_data_free(data);
}

START_TEST(test_several_are_one)
{
    const char *const paths[] = {TARS "web-names.tar", TARS "web-names.tar"};
    mcl_data *data = NULL;
    ck_assert_int_eq(mcl_data_open_all(&data, paths, 2, NULL), MCL_OK);
    ck_assert_uint_eq(mcl_data_rows(data), 6);
    ck_assert_int_eq(mcl_data_labels(data)[4], 0);
    mcl_data_free(data);
}

START_TEST(test_damaged_ones)
{
    size_t count;
    mcl_data *data = open_data(TARS "damaged-image.tar");
    ck_assert_uint_eq(mcl_data_rows(data), 2);
    assert_warned(data, "1 of 3 images cannot be read and are left out: ");
    assert_warned(data, "damaged-image.tar:a/2.png: a damaged PNG image");
    mcl_data_free(data);
    assert_data_refused(TARS "nested.tar", MCL_ERROR_FORMAT,
        "nested.tar:b.bin: is an archive in an archive: unpack it");
    assert_data_refused(TARS "empty.tar", MCL_ERROR_DATA, "holds no images");
    unsigned char *bytes = read_file(TARS "folders.tar", &count);
    const char *path = scratch("cut.tar");
    for (size_t cut = 512; cut < 2048; cut += 37) {
        write_file(path, bytes, cut);
        data = NULL;
        if (mcl_data_open(&data, path) == MCL_OK)
            mcl_data_free(data); /* between two entries nothing is missing */
        else
            ck_assert_ptr_null(data);
    }
    write_file(path, bytes, 1000);
    assert_data_refused(path, MCL_ERROR_FORMAT, "a damaged tar file: ");
    free(bytes);
}

/* CIFAR's records: labels, then 1024 bytes of each colour. */
static void write_cifar(const char *path, size_t labels, size_t records, size_t bytes)
{
    const size_t size = labels + 3072;
    unsigned char *file = calloc(records, size);
    ck_assert(file != NULL);
    for (size_t r = 0; r < records; r++) {
        unsigned char *record = file + r * size;
        record[0] = (unsigned char)(r % 10);
        record[labels - 1] = (unsigned char)(labels == 1 ? r % 10 : r % 100);
        for (size_t c = 0; c < 3; c++)
            memset(record + labels + 1024 * c, (int)(50 * c + r), 1024);
    }
    write_file(path, file, bytes ? bytes : records * size);
    free(file);
}

START_TEST(test_cifar)
{
    const char *const paths[] = {scratch("data_batch_1.bin"), scratch("data_batch_2.bin")};
    mcl_data *data = NULL;
    uint64_t shape[MCL_DIMENSIONS_MAX];
    write_cifar(paths[0], 1, 10, 0);
    write_cifar(paths[1], 1, 3, 0);
    ck_assert_msg(mcl_data_open_all(&data, paths, 2, NULL) == MCL_OK, "%s", mcl_error_message());
    ck_assert_uint_eq(mcl_data_rows(data), 13);
    ck_assert_uint_eq(mcl_data_row_shape(data, shape), 3);
    ck_assert_uint_eq(shape[0], 32);
    ck_assert_uint_eq(shape[2], 3);
    const unsigned char *values = mcl_data_values(data);
    for (size_t i = 0; i < 3072; i++)
        ck_assert_int_eq(values[3072 * 11 + i], 50 * (i % 3) + 1);
    ck_assert_int_eq(mcl_data_labels(data)[12], 2);
    ck_assert_str_eq(mcl_data_class_name(data, 9), "truck");
    mcl_data_free(data);

    const char *fine = scratch("train.bin");
    write_cifar(fine, 2, 100, 0);
    data = open_data(fine);
    ck_assert_uint_eq(mcl_data_classes(data), 100);
    ck_assert_int_eq(mcl_data_labels(data)[57], 57);
    mcl_data_free(data);

    write_cifar(paths[0], 1, 10, 3073 * 4 + 100);
    assert_data_refused(paths[0], MCL_ERROR_FORMAT, "the file is truncated: it ends here, in a");
}

int main(void)
{
    Suite *suite = suite_create("tar");
    TCase *tcase = tcase_create("tar");
    tcase_add_checked_fixture(tcase, scratch_setup, scratch_teardown);
    tcase_add_test(tcase, test_folders_are_classes);
    tcase_add_test(tcase, test_nothing_outside_is_read);
    tcase_add_test(tcase, test_samples_of_webdataset);
    tcase_add_test(tcase, test_several_are_one);
    tcase_add_test(tcase, test_damaged_ones);
    tcase_add_test(tcase, test_cifar);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
