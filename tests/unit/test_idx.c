/* SPDX-License-Identifier: Apache-2.0 */
/* IDX files, plain and gzipped, and what is told of files of any format. */
#include "support/inputs.h"

#include "support/failing_memory.h"

#include "data/data.h"
#include "data/source.h"

#define FASHION "/usr/share/datasets/fashion-mnist/"

/* An IDX file of unsigned bytes 0, 1, 2, … with these sizes. */
static struct bytes idx(size_t dimensions, const uint32_t *sizes)
{
    struct bytes file = {.at = {0, 0, 8, (unsigned char)dimensions}, .count = 4};
    size_t count = 1;
    for (size_t d = 0; d < dimensions; d++) {
        for (int shift = 24; shift >= 0; shift -= 8)
            append_byte(&file, (unsigned char)(sizes[d] >> shift));
        count *= sizes[d];
    }
    for (size_t i = 0; i < count; i++)
        append_byte(&file, (unsigned char)i);
    return file;
}

static const uint32_t small_sizes[] = {5, 4, 3};

static struct bytes small(void)
{
    return idx(3, small_sizes);
}

static void assert_small(const char *path)
{
    mcl_data *data = open_data(path);
    uint64_t shape[MCL_DIMENSIONS_MAX];
    ck_assert_uint_eq(mcl_data_rows(data), 5);
    ck_assert_uint_eq(mcl_data_columns(data), 12);
    ck_assert_int_eq(mcl_data_element(data), MCL_ELEMENT_UINT8);
    ck_assert_uint_eq(mcl_data_row_shape(data, shape), 2);
    ck_assert_uint_eq(shape[0], 4);
    ck_assert_uint_eq(shape[1], 3);
    ck_assert_str_eq(mcl_data_source(data), path);
    const unsigned char *values = mcl_data_values(data);
    for (int i = 0; i < 60; i++)
        ck_assert_int_eq(values[i], i);
    mcl_data_free(data);
}

START_TEST(test_reads_a_plain_file)
{
    const struct bytes file = small();
    assert_small(file_with(&file));
}

START_TEST(test_reads_a_gzipped_file_whatever_its_name)
{
    const struct bytes plain = small(), file = gzipped(&plain);
    const char *path = scratch("not-gz.txt");
    write_file(path, file.at, file.count);
    assert_small(path);
}

START_TEST(test_reads_several_gzip_members_as_one)
{
    const struct bytes plain = small();
    for (size_t cut = 0; cut <= plain.count; cut++) {
        struct bytes parts[2] = {{.count = 0}, {.count = 0}};
        append(&parts[0], plain.at, cut);
        append(&parts[1], plain.at + cut, plain.count - cut);
        struct bytes file = gzipped(&parts[0]);
        const struct bytes second = gzipped(&parts[1]);
        append(&file, second.at, second.count);
        assert_small(file_with(&file));
    }
}

START_TEST(test_reads_a_pipe)
{
    const struct bytes plain = small(), packed = gzipped(&plain);
    const struct bytes *files[] = {&plain, &packed};
    int descriptor;
    for (int i = 0; i < 2; i++) {
        assert_small(pipe_with(files[i], &descriptor));
        close(descriptor);
    }
}

START_TEST(test_a_pipe_is_checked_for_its_length)
{
    struct bytes file = small();
    int descriptor;
    append_byte(&file, 0);
    assert_data_refused(pipe_with(&file, &descriptor), MCL_ERROR_FORMAT,
        ": byte 76: all 60 values of uint8 end here, but more bytes follow");
    close(descriptor);
    file.count -= 3;
    assert_data_refused(pipe_with(&file, &descriptor), MCL_ERROR_FORMAT,
        ": byte 74: the file is truncated: it ends here, after 58 of 60 values of uint8");
    close(descriptor);
}

START_TEST(test_every_number_of_dimensions)
{
    const uint32_t sizes[] = {3, 2, 1, 2, 1, 3, 2, 2};
    uint64_t columns = 1, shape[MCL_DIMENSIONS_MAX];
    for (size_t dimensions = 1; dimensions <= 8; dimensions++) {
        if (dimensions > 1)
            columns *= sizes[dimensions - 1];
        const struct bytes file = idx(dimensions, sizes);
        mcl_data *data = open_data(file_with(&file));
        ck_assert_uint_eq(mcl_data_rows(data), 3);
        ck_assert_uint_eq(mcl_data_columns(data), columns);
        ck_assert_uint_eq(mcl_data_row_shape(data, shape), dimensions == 1 ? 1 : dimensions - 1);
        if (dimensions == 1)
            ck_assert_uint_eq(shape[0], 1);
        for (size_t d = 1; d < dimensions; d++)
            ck_assert_uint_eq(shape[d - 1], sizes[d]);
        mcl_data_free(data);
    }
}

START_TEST(test_bytes_become_correctly_rounded_quotients)
{
    const uint32_t sizes[] = {2, 128};
    const struct bytes file = idx(2, sizes);
    mcl_data *data = open_data(file_with(&file));
    float values[256], last[128];
    ck_assert_int_eq(mcl_data_floats(values, data, 0, 2), MCL_OK);
    for (int i = 0; i < 256; i++)
        ck_assert(values[i] == (float)(i / 255.0)); /* a double has digits enough for this */
    ck_assert(values[0] == 0 && values[255] == 1);
    ck_assert_int_eq(mcl_data_floats(last, data, 1, 1), MCL_OK);
    ck_assert_mem_eq(last, values + 128, sizeof last);
    mcl_data_free(data);
}

START_TEST(test_reads_fashion_mnist)
{
    if (access(FASHION "t10k-images-idx3-ubyte.gz", R_OK) != 0)
        return; /* Debian's dataset-fashion-mnist is not installed */
    mcl_data *data = open_data(FASHION "t10k-images-idx3-ubyte.gz");
    uint64_t sum = 0;
    const unsigned char *values = mcl_data_values(data);
    ck_assert_uint_eq(mcl_data_rows(data), 10000);
    ck_assert_uint_eq(mcl_data_columns(data), 784);
    for (size_t i = 0; i < 10000 * 784; i++)
        sum += values[i];
    ck_assert_uint_eq(sum, 573469082);
    mcl_data_free(data);
}

START_TEST(test_no_file_to_read)
{
    assert_data_refused(
        scratch("missing"), MCL_ERROR_FILE, ": cannot open: No such file or directory");
    assert_data_refused(scratch_folder, MCL_ERROR_DATA, ": holds no images");
    assert_data_refused("", MCL_ERROR_FILE, ": cannot open: No such file or directory");
}

START_TEST(test_empty_and_tiny_files)
{
    struct bytes file = {.count = 0};
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT, ": is empty");
    const struct bytes packed = gzipped(&file);
    assert_data_refused(file_with(&packed), MCL_ERROR_FORMAT, ": is empty");
    for (size_t i = 1; i < 4; i++) {
        char part[32];
        append_byte(&file, 0);
        snprintf(part, sizeof part, ": has only %zu bytes; ", i);
        assert_data_refused(file_with(&file), MCL_ERROR_FORMAT, part);
    }
}

START_TEST(test_an_unknown_kind_names_what_is_read)
{
    struct bytes file = {.at = "\x89QOI\r\n\x1a\n", .count = 8};
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT,
        ": is of an unknown kind: it starts with the bytes 89 51 4f 49; tables (CSV, TSV), "
        "arrays (IDX, .npy, .npz, safetensors), images and tar files of them can be read");
    const struct bytes packed = gzipped(&file);
    assert_data_refused(file_with(&packed), MCL_ERROR_FORMAT, "the bytes 89 51 4f 49");
    memcpy(file.at, "\0\0\x0a\1", 4); /* no IDX type */
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT, "the bytes 00 00 0a 01");
}

static const struct {
    unsigned char type;
    const char *bytes; /* of a number, as it is stored */
    size_t size;
    float value;
} other_types[] = {
    {0x09, "\x80", 1, -128},
    {0x0B, "\xFF\xFE", 2, -2},
    {0x0C, "\0\1\0\0", 4, 65536},
    {0x0D, "\x3F\xC0\0\0", 4, 1.5f},
    {0x0E, "\xBF\xF8\0\0\0\0\0\0", 8, -1.5f},
};

START_TEST(test_other_element_types)
{
    struct bytes file = {
        .at = {0, 0, other_types[_i].type, 2, 0, 0, 0, 3, 0, 0, 0, 1}, .count = 12};
    for (int i = 0; i < 3; i++)
        append(&file, other_types[_i].bytes, other_types[_i].size);
    mcl_data *data = open_data(file_with(&file));
    const float *values = mcl_data_values(data);
    ck_assert_int_eq(mcl_data_element(data), MCL_ELEMENT_FLOAT32);
    ck_assert_uint_eq(mcl_data_rows(data), 3);
    for (int i = 0; i < 3; i++)
        ck_assert(values[i] == other_types[_i].value);
    mcl_data_free(data);
    file.count--;
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT, ": is truncated: 3x1 values of ");
}

static const struct {
    const char *start;
    const char *part;
} known[] = {
    {"BZh9", ": is compressed by bzip2; decompress it"},
    {"\xFD"
     "7zX",
        ": is compressed by xz;"},
    {"\x28\xB5\x2F\xFD", ": is truncated: the file ends at byte 8 in the middle of its zstd data"},
    {"PAR1", ": is a Parquet file; save pandas.read_parquet"},
    {"\x89HDF", ": is an HDF5 file;"},
    {"\xFF\xFE"
     "a,b\n",
        ": is text in UTF-16;"},
    {"MATLAB 5.0", ": is a MATLAB file; save"},
    {"ARROW1", ": is an Arrow file;"},
    {"FEA1", ": is a Feather file;"},
    {"\x80\x04\x95", ": is pickled by Python;"},
};

START_TEST(test_what_people_have_instead)
{
    struct bytes file = {.count = 0};
    append(&file, known[_i].start, strlen(known[_i].start));
    append(&file, "rest", 4);
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT, known[_i].part);
}

START_TEST(test_gzip_twice)
{
    const struct bytes plain = small(), once = gzipped(&plain), twice = gzipped(&once);
    assert_data_refused(
        file_with(&twice), MCL_ERROR_FORMAT, ": is compressed by gzip twice; decompress it once");
}

START_TEST(test_a_little_endian_magic_number_is_told)
{
    struct bytes file = small();
    memcpy(file.at, "\3\x08\0\0", 4);
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT,
        ": byte 0: the IDX magic number is in little-endian order (03 08 00 00); IDX is "
        "big-endian throughout");
}

START_TEST(test_too_few_and_too_many_dimensions)
{
    struct bytes file = small();
    file.at[3] = 0;
    assert_data_refused(
        file_with(&file), MCL_ERROR_FORMAT, ": byte 3: an IDX file of 0 dimensions; 1 to 8");
    file.at[3] = 9;
    assert_data_refused(
        file_with(&file), MCL_ERROR_FORMAT, ": byte 3: an IDX file of 9 dimensions; 1 to 8");
    file.at[3] = 255;
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT, ": byte 3: an IDX file of 255");
}

START_TEST(test_truncated_anywhere)
{
    struct bytes file = small();
    for (file.count--; file.count >= 16; file.count--) {
        char part[128];
        snprintf(part, sizeof part,
            ": is truncated: 5x4x3 values of uint8 are 60 bytes from byte 16 on, but the file has "
            "only %zu there",
            file.count - 16);
        assert_data_refused(file_with(&file), MCL_ERROR_FORMAT, part);
    }
    for (; file.count >= 4; file.count--) {
        char part[128];
        snprintf(part, sizeof part,
            ": byte %zu: the file is truncated: it ends here, in an IDX header of 12 bytes that "
            "begins at byte 4",
            file.count);
        assert_data_refused(file_with(&file), MCL_ERROR_FORMAT, part);
    }
}

START_TEST(test_trailing_bytes_are_refused)
{
    struct bytes file = small();
    append(&file, "xyz", 3);
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT,
        ": byte 76: the 5x4x3 values of uint8 end here, but 3 more bytes follow");
    const struct bytes packed = gzipped(&file);
    assert_data_refused(file_with(&packed), MCL_ERROR_FORMAT,
        ": byte 76 of the uncompressed content: all 60 values of uint8 end here, but more bytes "
        "follow");
}

START_TEST(test_no_rows_and_no_columns)
{
    const uint32_t no_rows[] = {0, 28, 28}, no_columns[] = {7, 28, 0}, neither[] = {0, 0};
    const struct bytes a = idx(3, no_rows), b = idx(3, no_columns), c = idx(2, neither);
    assert_data_refused(file_with(&a), MCL_ERROR_DATA, ": holds no rows: its shape is 0x28x28");
    assert_data_refused(
        file_with(&b), MCL_ERROR_DATA, ": its rows hold no values: its shape is 7x28x0");
    assert_data_refused(
        file_with(&c), MCL_ERROR_DATA, ": its rows hold no values: its shape is 0x0");
}

/* A header of the largest sizes there are, and no values. */
static struct bytes absurd(size_t dimensions)
{
    struct bytes file = {.at = {0, 0, 8, (unsigned char)dimensions}, .count = 4};
    for (size_t i = 0; i < 4 * dimensions; i++)
        append_byte(&file, 0xFF);
    return file;
}

START_TEST(test_absurd_sizes_take_no_memory)
{
    const struct rlimit limit = {(rlim_t)1 << 30, (rlim_t)1 << 30};
#if MASKCL_FAILING_MEMORY /* AddressSanitizer's own address space is larger than any limit */
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
#else
    (void)limit;
#endif
    for (size_t dimensions = 1; dimensions <= 8; dimensions++) {
        const struct bytes plain = absurd(dimensions), packed = gzipped(&plain);
        int descriptor;
        const char *promise = ": its header promises a shape of 4294967295x4294967295x";
        assert_data_refused(file_with(&plain), MCL_ERROR_FORMAT,
            dimensions <= 2 ? ": is truncated: 4294967295" : promise);
        assert_data_refused(file_with(&packed), MCL_ERROR_FORMAT,
            dimensions <= 2 ? "it ends here, after 0 of " : promise);
        assert_data_refused(pipe_with(&plain, &descriptor), MCL_ERROR_FORMAT,
            dimensions <= 2 ? "it ends here, after 0 of " : promise);
        close(descriptor);
    }
}

START_TEST(test_gzip_truncated_anywhere)
{
    const struct bytes plain = small();
    struct bytes file = gzipped(&plain);
    for (file.count--; file.count >= 2; file.count--) {
        char part[128];
        snprintf(part, sizeof part,
            ": is truncated: the file ends at byte %zu in the middle of its gzip data", file.count);
        assert_data_refused(file_with(&file), MCL_ERROR_FORMAT, part);
    }
}

START_TEST(test_gzip_damage_is_noticed)
{
    const struct bytes plain = small(), whole = gzipped(&plain);
    int padding = 0;
    for (size_t at = 10; at < whole.count; at++) { /* its header holds nothing that matters */
        for (int bit = 0; bit < 8; bit++) {
            struct bytes file = whole;
            mcl_data *data = NULL;
            file.at[at] ^= (unsigned char)(1 << bit);
            if (mcl_data_open(&data, file_with(&file)) == MCL_OK) {
                mcl_data_free(data);
                assert_small(file_with(&file)); /* deflate has padding bits without a meaning */
                padding++;
            } else
                ck_assert_ptr_null(data);
        }
    }
    ck_assert_int_lt(padding, 8);
    struct bytes file = whole;
    file.at[file.count - 8] ^= 1;
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT, ": damaged gzip data before byte ");
    assert_error("", "incorrect data check");
    file = whole;
    file.at[file.count - 1] ^= 1;
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT, "incorrect length check");
    file = whole;
    file.at[2] = 7;
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT, "unknown compression method");
}

START_TEST(test_zeros_after_gzip_are_passed_over)
{
    static const unsigned char zeros[512];
    const struct bytes plain = small(), member = gzipped(&plain);
    const size_t counts[] = {1, 4, 511, 512};
    int descriptor;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct bytes file = member;
        append(&file, zeros, counts[i]);
        assert_small(file_with(&file));
        assert_small(pipe_with(&file, &descriptor));
        close(descriptor);
    }
    const char *path = scratch("padded.gz"); /* by more than is read at once */
    write_file(path, member.at, member.count);
    ck_assert_int_eq(truncate(path, (off_t)member.count + 200000), 0);
    assert_small(path);
}

/* Padded files that were joined, as 'cat' does it. */
START_TEST(test_zeros_between_members_are_passed_over)
{
    static const unsigned char zeros[512];
    const struct bytes plain = small();
    for (size_t cut = 1; cut < plain.count; cut += 7) {
        struct bytes first = plain, second = {.count = 0};
        first.count = cut;
        append(&second, plain.at + cut, plain.count - cut);
        struct bytes file = gzipped(&first);
        const struct bytes rest = gzipped(&second);
        append(&file, zeros, cut);
        append(&file, rest.at, rest.count);
        append(&file, zeros, 3);
        assert_small(file_with(&file));
    }
}

START_TEST(test_bytes_after_gzip_are_refused)
{
    const struct bytes plain = small();
    struct bytes file = gzipped(&plain);
    const size_t end = file.count;
    char part[128];
    append(&file, "junk", 4);
    snprintf(part, sizeof part, ": byte %zu: something follows the end of the gzip data", end);
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT, part);
    memcpy(file.at + end, "\0\0\0j", 4);
    snprintf(part, sizeof part, ": byte %zu: something follows the end of the gzip data", end + 3);
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT, part);
    memcpy(file.at + end, "\0\0\0\x1F", 4);
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT, ": is truncated: the file ends at");
    memcpy(file.at + end, "\x1F\0\0\0", 4);
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT, ": damaged gzip data");
}

START_TEST(test_content_of_gzip_truncated)
{
    struct bytes plain = small();
    plain.count -= 10;
    struct bytes file = gzipped(&plain);
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT,
        ": byte 66 of the uncompressed content: the file is truncated: it ends here, after 50 of "
        "60 values of uint8");
    plain.count = 9;
    file = gzipped(&plain);
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT,
        ": byte 9 of the uncompressed content: the file is truncated: it ends here, in an IDX "
        "header");
}

START_TEST(test_more_than_one_block_of_values)
{
    /* Larger than every buffer on the way, packed so well that little input makes much output. */
    const size_t count = 1000003;
    const unsigned char header[] = {0, 0, 8, 1, 0, 0x0F, 0x42, 0x43};
    const char *paths[] = {scratch("large"), scratch("large.gz")};
    unsigned char *bytes = malloc(sizeof header + count);
    ck_assert(bytes != NULL);
    memcpy(bytes, header, sizeof header);
    for (size_t i = 0; i < count; i++)
        bytes[sizeof header + i] = (unsigned char)(i / 1000);
    write_file(paths[0], bytes, sizeof header + count);
    gzFile packed = gzopen(paths[1], "wb9");
    ck_assert_int_eq(
        gzwrite(packed, bytes, (unsigned)(sizeof header + count)), (int)(sizeof header + count));
    ck_assert_int_eq(gzclose(packed), Z_OK);
    for (int i = 0; i < 2; i++) {
        mcl_data *data = open_data(paths[i]);
        ck_assert_uint_eq(mcl_data_rows(data), count);
        ck_assert_mem_eq(mcl_data_values(data), bytes + sizeof header, count);
        mcl_data_free(data);
    }
    free(bytes);
}

START_TEST(test_a_failed_read_is_not_an_end)
{
    mcl_source *source = NULL;
    const char *path = scratch("unreadable");
    FILE *stream = fopen(path, "wb");
    ck_assert_int_eq(mcl_source_from_stream(&source, stream, 100, path), MCL_ERROR_FILE);
    ck_assert_ptr_null(source);
    assert_error(path, ": cannot read: Bad file descriptor");
}

#if MASKCL_FAILING_MEMORY
static char input[256];

static int read_input(void)
{
    mcl_data *data = NULL;
    const mcl_status status = mcl_data_open(&data, input);
    if (status == MCL_OK) {
        mcl_data_free(data);
        return 0;
    }
    return (status == MCL_ERROR_MEMORY || status == MCL_ERROR_FILE) && !data ? 1 : -1;
}

START_TEST(test_each_allocation_failing)
{
    const struct bytes plain = small(), packed = gzipped(&plain);
    strcpy(input, file_with(&plain));
    ck_assert_uint_ge(fail_each_allocation(read_input), 5);
    strcpy(input, file_with(&packed));
    ck_assert_uint_ge(fail_each_allocation(read_input), 7);
}
#endif

int main(void)
{
    Suite *suite = suite_create("idx");
    TCase *tcase = tcase_create("idx");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, scratch_setup, scratch_teardown);
    tcase_add_test(tcase, test_reads_a_plain_file);
    tcase_add_test(tcase, test_reads_a_gzipped_file_whatever_its_name);
    tcase_add_test(tcase, test_reads_several_gzip_members_as_one);
    tcase_add_test(tcase, test_reads_a_pipe);
    tcase_add_test(tcase, test_a_pipe_is_checked_for_its_length);
    tcase_add_test(tcase, test_every_number_of_dimensions);
    tcase_add_test(tcase, test_bytes_become_correctly_rounded_quotients);
    tcase_add_test(tcase, test_reads_fashion_mnist);
    tcase_add_test(tcase, test_no_file_to_read);
    tcase_add_test(tcase, test_empty_and_tiny_files);
    tcase_add_test(tcase, test_an_unknown_kind_names_what_is_read);
    tcase_add_loop_test(
        tcase, test_other_element_types, 0, sizeof other_types / sizeof *other_types);
    tcase_add_loop_test(tcase, test_what_people_have_instead, 0, sizeof known / sizeof *known);
    tcase_add_test(tcase, test_gzip_twice);
    tcase_add_test(tcase, test_a_little_endian_magic_number_is_told);
    tcase_add_test(tcase, test_too_few_and_too_many_dimensions);
    tcase_add_test(tcase, test_truncated_anywhere);
    tcase_add_test(tcase, test_trailing_bytes_are_refused);
    tcase_add_test(tcase, test_no_rows_and_no_columns);
    tcase_add_test(tcase, test_absurd_sizes_take_no_memory);
    tcase_add_test(tcase, test_gzip_truncated_anywhere);
    tcase_add_test(tcase, test_gzip_damage_is_noticed);
    tcase_add_test(tcase, test_zeros_after_gzip_are_passed_over);
    tcase_add_test(tcase, test_zeros_between_members_are_passed_over);
    tcase_add_test(tcase, test_bytes_after_gzip_are_refused);
    tcase_add_test(tcase, test_content_of_gzip_truncated);
    tcase_add_test(tcase, test_more_than_one_block_of_values);
    tcase_add_test(tcase, test_a_failed_read_is_not_an_end);
#if MASKCL_FAILING_MEMORY
    tcase_add_test(tcase, test_each_allocation_failing);
#endif
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
