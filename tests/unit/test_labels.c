/* SPDX-License-Identifier: Apache-2.0 */
/* Class labels from IDX and .npy files. */
#include "support/inputs.h"

#include "support/failing_memory.h"

#include <math.h>

#define FASHION "/usr/share/datasets/fashion-mnist/"

static struct bytes idx(unsigned char count, const void *labels)
{
    struct bytes file = {.at = {0, 0, 8, 1, 0, 0, 0, count}, .count = 8};
    if (count)
        append(&file, labels, count);
    return file;
}

static struct bytes npy(const char *dtype, int count, const void *labels, size_t bytes)
{
    struct bytes file = {.at = "\x93NUMPY\1", .count = 8};
    char header[128];
    const int length = snprintf(header, sizeof header,
        "{'descr': '%s', 'fortran_order': False, 'shape': (%d,), }\n", dtype, count);
    append_byte(&file, (unsigned char)length);
    append_byte(&file, 0);
    append(&file, header, (size_t)length);
    append(&file, labels, bytes);
    return file;
}

static void assert_labels(const char *path, size_t count, const int32_t *expected)
{
    int32_t *labels = NULL;
    uint64_t got = 0;
    ck_assert_msg(mcl_labels_open(&labels, &got, path) == MCL_OK, "%s", mcl_error_message());
    ck_assert_uint_eq(got, count);
    ck_assert_mem_eq(labels, expected, count * sizeof *expected);
    mcl_labels_free(labels);
}

START_TEST(test_reads_idx)
{
    const int32_t expected[] = {0, 255, 7};
    const struct bytes file = idx(3, "\0\xFF\7"), packed = gzipped(&file);
    assert_labels(file_with(&file), 3, expected);
    assert_labels(file_with(&packed), 3, expected);
}

START_TEST(test_reads_npy)
{
    const int32_t bytes[] = {200, 0}, ints[] = {3, 0, 65535}, longs[] = {9, 1, 65535, 0};
    const struct bytes file = npy("|u1", 2, "\xC8\0", 2);
    assert_labels(file_with(&file), 2, bytes);
    assert_labels(fixture("int32.npy"), 3, ints);
    assert_labels(fixture("int64.npy"), 4, longs);
}

START_TEST(test_reads_fashion_mnist)
{
    int32_t *labels = NULL;
    uint64_t count = 0, of[10] = {0};
    if (access(FASHION "t10k-labels-idx1-ubyte.gz", R_OK) != 0)
        return; /* Debian's dataset-fashion-mnist is not installed */
    ck_assert_int_eq(mcl_labels_open(&labels, &count, FASHION "t10k-labels-idx1-ubyte.gz"), MCL_OK);
    ck_assert_uint_eq(count, 10000);
    for (uint64_t i = 0; i < count; i++) {
        ck_assert_int_lt(labels[i], 10);
        of[labels[i]]++;
    }
    for (int label = 0; label < 10; label++)
        ck_assert_uint_eq(of[label], 1000);
    mcl_labels_free(labels);
}

START_TEST(test_labels_out_of_range)
{
    static const struct {
        int64_t label;
        const char *part;
    } bad[] = {
        {-1, "the label of row 2 (counted from 0) is -1; labels are 0 to 2147483647: save "
             "numpy.unique(labels, return_inverse=True)[1], or leave rows without a label out"},
        {-2, "the label of row 2 (counted from 0) is -2; labels are 0 to 2147483647"},
        {INT32_MIN, "is -2147483648;"},
        {(int64_t)INT32_MAX + 1, "is 2147483648;"},
        {(int64_t)1 << 32, "is 4294967296;"}, /* 0 to who keeps 32 bits of it */
        {INT64_MIN, "is -9223372036854775808;"},
        {INT64_MAX, "is 9223372036854775807;"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const int64_t longs[] = {5, 65535, bad[i].label};
        const struct bytes file = npy("<i8", 3, longs, sizeof longs);
        assert_labels_refused(file_with(&file), MCL_ERROR_DATA, bad[i].part);
        if (bad[i].label != (int32_t)bad[i].label)
            continue;
        const int32_t ints[] = {5, 65535, (int32_t)bad[i].label};
        const struct bytes narrow = npy("<i4", 3, ints, sizeof ints);
        assert_labels_refused(file_with(&narrow), MCL_ERROR_DATA, bad[i].part);
    }
}

/* 2, 0 and 3 in every type, and in the shapes of a column and a row of a table. */
START_TEST(test_any_type_and_shape_of_one_dimension)
{
    static const struct {
        const char *dtype;
        const char *bytes;
        size_t size;
    } types[] = {
        {"|i1", "\2\0\3", 1},
        {"<u2", "\2\0\0\0\3\0", 2},
        {">i2", "\0\2\0\0\0\3", 2},
        {"<u4", "\2\0\0\0\0\0\0\0\3\0\0\0", 4},
        {">i4", "\0\0\0\2\0\0\0\0\0\0\0\3", 4},
        {"<u8", "\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0", 8},
        {">i8", "\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\3", 8},
        {"<f2", "\0\x40\0\0\0\x42", 2},
        {">f4", "\x40\0\0\0\0\0\0\0\x40\x40\0\0", 4},
        {"<f8", "\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x08\x40", 8},
    };
    static const char *const shapes[] = {"(3,)", "(3, 1)", "(1, 3)", "(1, 3, 1)"};
    const int32_t expected[] = {2, 0, 3};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
            for (int fortran = 0; fortran < 2; fortran++) {
                struct bytes file = {.at = "\x93NUMPY\1", .count = 8};
                char header[128];
                const int length = snprintf(header, sizeof header,
                    "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n", types[t].dtype,
                    fortran ? "True" : "False", shapes[k]);
                append_byte(&file, (unsigned char)length);
                append_byte(&file, 0);
                append(&file, header, (size_t)length);
                append(&file, types[t].bytes, 3 * types[t].size);
                assert_labels(file_with(&file), 3, expected);
            }
        }
    }
    const int32_t truth[] = {0, 1};
    struct bytes file = npy("|b1", 2, "\0\1", 2);
    assert_labels(file_with(&file), 2, truth);
    const int32_t largest = INT32_MAX, one = 7;
    file = npy("<i4", 1, &largest, sizeof largest);
    assert_labels(file_with(&file), 1, &largest);
    struct bytes column = {.at = {0, 0, 0x0C, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7}, .count = 16};
    assert_labels(file_with(&column), 1, &one);
}

START_TEST(test_floats_that_are_no_labels)
{
    static const struct {
        double value;
        const char *part;
    } bad[] = {
        {NAN, "the label of row 1 (counted from 0) is NaN; leave rows without a label out of both"},
        {INFINITY, "is inf; labels are 0 to 2147483647"},
        {0.5, "is 0.5; labels are whole numbers from 0 to 2147483647"},
        {-1, "is -1; labels are 0 to"},
        {2147483648.0, "is 2147483648; labels are"},
        {1e300, "is 1.0000000000000001e+300; labels are"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const double values[] = {1, bad[i].value};
        const struct bytes file = npy("<f8", 2, values, sizeof values);
        assert_labels_refused(file_with(&file), MCL_ERROR_DATA, bad[i].part);
    }
}

START_TEST(test_shapes_and_types_that_are_no_labels)
{
    struct bytes file = {.at = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 3, 4, 5, 6}, .count = 16};
    assert_labels_refused(file_with(&file), MCL_ERROR_FORMAT,
        ": its shape is 2x2, of unsigned bytes (uint8); labels have one dimension, a number for "
        "each row: save labels.argmax(axis=1) of one-hot rows, or else the column");
    file.at[2] = 0x0C;
    append(&file, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
    assert_labels_refused(
        file_with(&file), MCL_ERROR_FORMAT, ": its shape is 2x2, of 32-bit integers (int32); ");
    assert_labels_refused(fixture("uint8.npy"), MCL_ERROR_FORMAT, ": its shape is 3x2x5, of ");
    assert_labels_refused(fixture("scalar.npy"), MCL_ERROR_FORMAT, "is a single number");
    assert_labels_refused(fixture("text.npy"), MCL_ERROR_FORMAT, "numpy.unique(array, ");
}

START_TEST(test_files_that_are_not_right)
{
    struct bytes file = idx(0, NULL);
    assert_labels_refused(scratch("missing"), MCL_ERROR_FILE, ": cannot open: No such file");
    assert_labels_refused(scratch_folder, MCL_ERROR_FILE, ": is a folder");
    assert_labels_refused(file_with(&file), MCL_ERROR_DATA, ": holds no rows: its shape is 0");
    file = idx(3, "abc");
    append_byte(&file, 1);
    assert_labels_refused(file_with(&file), MCL_ERROR_FORMAT,
        ": byte 11: the 3 values of uint8 end here, but 1 more");
    file.count -= 2;
    assert_labels_refused(file_with(&file), MCL_ERROR_FORMAT,
        ": is truncated: 3 values of uint8 are 3 bytes from byte 8 on, but the file has only 2");
    file.count = 0;
    assert_labels_refused(file_with(&file), MCL_ERROR_FORMAT, ": is empty");
}

START_TEST(test_nothing_is_nothing_to_free)
{
    mcl_labels_free(NULL);
    mcl_data_free(NULL);
}

#if MASKCL_FAILING_MEMORY
static int read_labels(void)
{
    int32_t *labels = NULL;
    uint64_t count;
    const mcl_status status = mcl_labels_open(&labels, &count, fixture("int64.npy"));
    if (status == MCL_OK) {
        mcl_labels_free(labels);
        return 0;
    }
    return (status == MCL_ERROR_MEMORY || status == MCL_ERROR_FILE) && !labels ? 1 : -1;
}

START_TEST(test_each_allocation_failing)
{
    ck_assert_uint_ge(fail_each_allocation(read_labels), 5);
}
#endif

/* A data set of as many rows, with the labels of such a file. */
static mcl_data *labelled(const struct bytes *file, uint64_t rows, const mcl_data *like)
{
    mcl_data *data;
    float *values = calloc(rows, sizeof *values);
    ck_assert_int_eq(mcl_data_from_floats(&data, values, rows, 1), MCL_OK);
    free(values);
    if (mcl_data_label(data, file_with(file), like) == MCL_OK)
        return data;
    mcl_data_free(data);
    return NULL;
}

static mcl_data *labelled_by(const char *text, uint64_t rows, const mcl_data *like)
{
    struct bytes file = {.count = 0};
    append(&file, text, strlen(text));
    return labelled(&file, rows, like);
}

static void assert_classes(
    mcl_data *data, const int32_t *labels, uint32_t classes, const char *const *names)
{
    ck_assert_msg(data != NULL, "%s", mcl_error_message());
    ck_assert_mem_eq(mcl_data_labels(data), labels, mcl_data_rows(data) * sizeof *labels);
    ck_assert_uint_eq(mcl_data_classes(data), classes);
    for (uint32_t i = 0; i < classes; i++)
        ck_assert_str_eq(mcl_data_class_name(data, i), names[i]);
}

START_TEST(test_texts)
{
    static const char *const names[] = {"cat", "dog, wild", "k\"9\""};
    const int32_t expected[] = {1, 0, -1, 2, 0};
    mcl_data *data = labelled_by("\"dog, wild\"\ncat\n\n\"k\"\"9\"\"\"\ncat\n", 5, NULL);
    assert_classes(data, expected, 3, names);
    mcl_data_free(data);
    data = labelled_by("\xEF\xBB\xBFkind\r\n\"dog, wild\"\r\ncat\r\n\"\"\r\n\"k\"\"9\"\"\"\r\ncat",
        5, NULL); /* a heading, and no end of the last line */
    assert_classes(data, expected, 3, names);
    mcl_data *other =
        labelled_by("cat\nzebra\nk\"9\"\n", 3, data); /* as there, and new ones after */
    ck_assert_uint_eq(mcl_data_classes(other), 4);
    ck_assert_int_eq(mcl_data_labels(other)[0], 0);
    ck_assert_int_eq(mcl_data_labels(other)[1], 3);
    ck_assert_int_eq(mcl_data_labels(other)[2], 2);
    ck_assert_str_eq(mcl_data_class_name(other, 3), "zebra");
    mcl_data_free(other);
    mcl_data_free(data);
}

START_TEST(test_numbers_as_text)
{
    static const char *const names[] = {"-7", "2", "10"};
    const int32_t plain[] = {3, 0, -1, 2000000000}, named[] = {2, 0, -1, 1};
    mcl_data *data = labelled_by("3\n0\n-1\n2000000000\n", 4, NULL);
    assert_classes(data, plain, 0, NULL);
    mcl_data *other = labelled_by("cat\ndog\n", 2, data);
    ck_assert_ptr_null(other);
    ck_assert_ptr_nonnull(strstr(mcl_error_message(), "'dog'"));
    mcl_data_free(data);
    data = labelled_by("10\n-7\n\n2\n", 4, NULL); /* in the order of the numbers */
    assert_classes(data, named, 3, names);
    mcl_data_free(data);
}

START_TEST(test_arrays_of_texts_and_large_numbers)
{
    static const char *const names[] = {"ab", "\xC3\xA9"}, *const large[] = {"-9", "5000000000"};
    const int32_t expected[] = {1, 0, -1}, two[] = {1, 0};
    struct bytes file = npy("<U2", 3, "\xE9\0\0\0\0\0\0\0a\0\0\0b\0\0\0\0\0\0\0\0\0\0\0", 24);
    mcl_data *data = labelled(&file, 3, NULL);
    assert_classes(data, expected, 2, names);
    mcl_data_free(data);
    file = npy("|S2", 3, "\xC3\xA9\x61\x62\0\0", 6);
    data = labelled(&file, 3, NULL);
    assert_classes(data, expected, 2, names);
    mcl_data_free(data);
    const int64_t numbers[] = {5000000000, -9};
    file = npy("<i8", 2, numbers, sizeof numbers);
    data = labelled(&file, 2, NULL);
    assert_classes(data, two, 2, large);
    mcl_data_free(data);
}

static void assert_targets(mcl_data *data, bool are, const double *expected)
{
    double targets[8];
    ck_assert_msg(data != NULL, "%s", mcl_error_message());
    ck_assert(mcl_data_has_targets(data) == are);
    ck_assert_int_eq(mcl_data_targets(targets, data), MCL_OK);
    for (uint64_t i = 0; i < mcl_data_rows(data); i++)
        ck_assert_msg(
            isnan(expected[i]) ? isnan(targets[i]) : targets[i] == expected[i], "%g", targets[i]);
    mcl_data_free(data);
}

/* Numbers of which some are not whole: no classes, and -1 is one of them. */
START_TEST(test_targets)
{
    const double some[] = {0.1, -1, NAN, 1e300}, whole[] = {7, NAN, 7, -3};
    double targets[2];
    struct bytes file = npy("<f8", 4, some, sizeof some);
    assert_targets(labelled(&file, 4, NULL), true, some);
    assert_targets(labelled_by("price\n0.1\n-1.0\nNA\n1e300\n", 4, NULL), true, some);
    file = npy("<f8", 4, whole, sizeof whole);
    assert_targets(labelled(&file, 4, NULL), false, whole);
    assert_targets(labelled_by("7\n-1\n7\n-3\n", 4, NULL), false, whole);
    mcl_data *data = labelled_by("0.5\ncat\n", 2, NULL);
    ck_assert(!mcl_data_has_targets(data));
    ck_assert_int_eq(mcl_data_targets(targets, data), MCL_ERROR_DATA);
    ck_assert_ptr_nonnull(strstr(mcl_error_message(), "'cat' is no number"));
    mcl_data_free(data);
    const double infinite[] = {0.5, INFINITY};
    file = npy("<f8", 2, infinite, sizeof infinite);
    ck_assert_ptr_null(labelled(&file, 2, NULL));
    ck_assert_ptr_nonnull(strstr(mcl_error_message(), "row 1 (counted from 0) is inf"));
}

/* As the column of a table, also with a decimal comma; the schema does not list them. */
START_TEST(test_targets_of_a_table)
{
    const double expected[] = {1.5, -2, NAN};
    static const char *const tables[] = {
        "x,y\n1.25,1.5\n2.5,-2\n3.5,\n", "x;y\n1,25;1,5\n2,5;-2\n3,5;\n"};
    for (size_t i = 0; i < 2; i++) {
        struct bytes file = {.count = 0};
        mcl_data *data;
        mcl_data_options options;
        append(&file, tables[i], strlen(tables[i]));
        ck_assert_int_eq(mcl_data_options_init(&options), MCL_OK);
        options.label = "y";
        ck_assert_msg(mcl_data_open_with(&data, file_with(&file), &options) == MCL_OK, "%s",
            mcl_error_message());
        ck_assert_uint_eq(mcl_schema_column(mcl_data_schema(data), 1).categories, 0);
        assert_targets(data, true, expected);
    }
}

START_TEST(test_refused_texts)
{
    static const char *const bad[][2] = {{"cat\ndog", "has 2 labels"}, {"\"cat", "does not end"},
        {"\"cat\"x\n", "more than a quoted text"}, {"1,cat\n2,dog\n3,cat\n", "several columns"},
        {"cat\n\xFF\ndog\n", "UTF-8"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_ptr_null(labelled_by(bad[i][0], 3, NULL));
        ck_assert_msg(strstr(mcl_error_message(), bad[i][1]), "%s", mcl_error_message());
    }
    const struct bytes cut = npy("<U2", 3, "a\0\0\0", 4);
    ck_assert_ptr_null(labelled(&cut, 3, NULL));
}

int main(void)
{
    Suite *suite = suite_create("labels");
    TCase *tcase = tcase_create("labels");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, scratch_setup, scratch_teardown);
    tcase_add_test(tcase, test_reads_idx);
    tcase_add_test(tcase, test_reads_npy);
    tcase_add_test(tcase, test_reads_fashion_mnist);
    tcase_add_test(tcase, test_labels_out_of_range);
    tcase_add_test(tcase, test_any_type_and_shape_of_one_dimension);
    tcase_add_test(tcase, test_floats_that_are_no_labels);
    tcase_add_test(tcase, test_shapes_and_types_that_are_no_labels);
    tcase_add_test(tcase, test_files_that_are_not_right);
    tcase_add_test(tcase, test_nothing_is_nothing_to_free);
#if MASKCL_FAILING_MEMORY
    tcase_add_test(tcase, test_each_allocation_failing);
#endif
    tcase_add_test(tcase, test_texts);
    tcase_add_test(tcase, test_numbers_as_text);
    tcase_add_test(tcase, test_arrays_of_texts_and_large_numbers);
    tcase_add_test(tcase, test_targets);
    tcase_add_test(tcase, test_targets_of_a_table);
    tcase_add_test(tcase, test_refused_texts);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
