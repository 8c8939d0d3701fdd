/* SPDX-License-Identifier: Apache-2.0 */
/* Data sets that memory has no room for: the same rows as in memory, whatever file they come from.
 */
#include "support/files.h"

#include "support/failing_memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/host_memory.h"
#include "data/builder.h"
#include "data/data.h"

#define ROWS 403
#define COLUMNS 30
#define VALUES ((size_t)ROWS * COLUMNS)

/* How rows are written. */
struct form {
    const char *descr;
    size_t size; /* of a value */
    bool fortran, gzip;
    bool in_place; /* they can be used where they are */
};

static const struct form forms[] = {
    {"|u1", 1, false, false, true},
    {"<f4", 4, false, false, true},
    {">f4", 4, false, false, false},
    {"<f8", 8, false, false, false},
    {"<i2", 2, false, false, false},
    {"|u1", 1, true, false, false},
    {"<f4", 4, true, false, false},
    {">f8", 8, true, false, false},
    {"|u1", 1, false, true, false},
    {"<f4", 4, false, true, false},
    {"<f4", 4, true, true, false},
};
#define FORMS ((int)(sizeof forms / sizeof *forms))

/* Any value of the type that is a number, with zeros and numbers that are kept as 0 among floats.
 */
static void make_value(unsigned char *to, const struct form *form, uint64_t number)
{
    const uint64_t mixed = (number + 1) * 0x9E3779B97F4A7C15u;
    const float small = number % 7 == 3 ? 1e-39f : (float)(mixed >> 40) / 1000.0f - 7000.0f;
    const double wide = (double)small;
    memcpy(to, &mixed, form->size < 8 ? form->size : 8);
    if (form->descr[1] == 'f')
        memcpy(to, form->size == 4 ? (const void *)&small : (const void *)&wide, form->size);
    for (size_t i = 0; form->descr[0] == '>' && i < form->size / 2; i++) {
        const unsigned char byte = to[i];
        to[i] = to[form->size - 1 - i];
        to[form->size - 1 - i] = byte;
    }
}

static void write_bytes(const char *path, bool gzip, const void *head, size_t head_size,
    const void *values, size_t count)
{
    gzFile file = gzopen(path, gzip ? "wb" : "wbT");
    ck_assert(file != NULL);
    ck_assert_int_eq(gzwrite(file, head, (unsigned)head_size), (int)head_size);
    ck_assert_int_eq(gzwrite(file, values, (unsigned)count), (int)count);
    ck_assert_int_eq(gzclose(file), Z_OK);
}

/* Rows first … of the whole, of the shape rows × 5 × 6. */
static void write_rows(const char *path, const struct form *form, uint64_t first, uint64_t rows)
{
    unsigned char head[128] = "\x93NUMPY\1\0\x76";
    const size_t count = (size_t)rows * COLUMNS;
    unsigned char *values = malloc(count * form->size);
    memset(head + 10, ' ', sizeof head - 10);
    const int length = snprintf((char *)head + 10, sizeof head - 10,
        "{'descr': '%s', 'fortran_order': %s, 'shape': (%" PRIu64 ", 5, 6), }", form->descr,
        form->fortran ? "True" : "False", rows);
    head[10 + length] = ' ';
    head[sizeof head - 1] = '\n';
    for (uint64_t r = 0; r < rows; r++) {
        for (uint64_t c = 0; c < COLUMNS; c++) {
            const uint64_t turned = c % 6 * 5 + c / 6; /* the first index fastest */
            const uint64_t at = form->fortran ? turned * rows + r : r * COLUMNS + c;
            make_value(values + at * form->size, form, (first + r) * COLUMNS + c);
        }
    }
    write_bytes(path, form->gzip, head, sizeof head, values, count * form->size);
    free(values);
}

static mcl_status try_open(mcl_data **data, const char *const *paths, size_t count, uint64_t memory)
{
    mcl_data_options options;
    ck_assert_int_eq(mcl_data_options_init(&options), MCL_OK);
    options.host_memory = memory;
    return mcl_data_open_all(data, paths, count, &options);
}

static mcl_data *open_all(const char *const *paths, size_t count, uint64_t memory)
{
    mcl_data *data = NULL;
    ck_assert_msg(try_open(&data, paths, count, memory) == MCL_OK, "%s", mcl_error_message());
    return data;
}

/* All that can be asked of the rows has the same answers. */
static void assert_same(const mcl_data *stored, const mcl_data *held)
{
    char a[MCL_DIGEST_SIZE], b[MCL_DIGEST_SIZE];
    uint64_t shape[MCL_DIMENSIONS_MAX], numbers[ROWS];
    const size_t row = COLUMNS * mcl_element_size(mcl_data_element(held));
    const uint64_t rows = mcl_data_rows(held);
    char *read = malloc(ROWS * row);
    float *floats = malloc(2 * VALUES * sizeof *floats), *expected = floats + VALUES;
    ck_assert(mcl_data_is_stored(stored) && !mcl_data_values(stored));
    ck_assert(!mcl_data_is_stored(held) && mcl_data_values(held));
    ck_assert_int_eq(mcl_data_element(stored), mcl_data_element(held));
    ck_assert_uint_eq(mcl_data_rows(stored), rows);
    ck_assert_uint_eq(mcl_data_row_shape(stored, shape), 2);
    ck_assert(shape[0] == 5 && shape[1] == 6);
    mcl_data_digest(a, stored);
    mcl_data_digest(b, held);
    ck_assert_str_eq(a, b);
    const char *values = mcl_data_values(held);
    ck_assert_int_eq(mcl_data_read_rows(read, stored, 0, rows), MCL_OK);
    ck_assert_mem_eq(read, values, rows * row);
    ck_assert_int_eq(mcl_data_read_rows(read, stored, 7, 11), MCL_OK);
    ck_assert_mem_eq(read, values + 7 * row, 11 * row);
    for (uint64_t i = 0; i < rows; i++)
        numbers[i] = i * 250 % rows; /* some twice where the two have a common divisor */
    ck_assert_int_eq(mcl_data_gather(read, stored, numbers, rows), MCL_OK);
    for (uint64_t i = 0; i < rows; i++)
        ck_assert_mem_eq(read + i * row, values + numbers[i] * row, row);
    ck_assert_int_eq(mcl_data_floats(floats, stored, 0, rows), MCL_OK);
    ck_assert_int_eq(mcl_data_floats(expected, held, 0, rows), MCL_OK);
    ck_assert_mem_eq(floats, expected, rows * COLUMNS * sizeof *floats);
    ck_assert_int_eq(mcl_data_floats(floats, stored, rows, 1), MCL_ERROR_ARGUMENT);
    free(read);
    free(floats);
}

START_TEST(test_rows_of_every_form)
{
    const char *path = scratch("rows.npy");
    write_rows(path, &forms[_i], 0, ROWS);
    mcl_data *held = open_all(&path, 1, VALUES * 4), *stored = open_all(&path, 1, VALUES / 4);
    assert_same(stored, held);
    const char *a = mcl_data_warning(stored), *b = mcl_data_warning(held);
    ck_assert_msg(!a == !b && (!a || strcmp(a, b) == 0), "%s, %s", a ? a : "-", b ? b : "-");
    mcl_data_free(stored);
    mcl_data_free(held);
}
END_TEST

/* Three files, and a pattern for the last two. */
START_TEST(test_several_files)
{
    const char *names[] = {scratch("a.npy"), scratch("b-1.npy"), scratch("b-2.npy")};
    const char *paths[] = {names[0], scratch("b-[0-9]*.npy")}, *whole = scratch("all.npy");
    write_rows(whole, &forms[_i], 0, ROWS);
    write_rows(names[0], &forms[_i], 0, 100);
    write_rows(names[1], &forms[_i], 100, 1);
    write_rows(names[2], &forms[_i], 101, ROWS - 101);
    mcl_data *held = open_all(&whole, 1, VALUES * 4), *joined = open_all(paths, 2, VALUES * 4),
             *stored = open_all(names, 3, VALUES / 4), *found = open_all(paths, 2, VALUES / 4);
    assert_same(stored, held);
    assert_same(found, joined);
    ck_assert_mem_eq(mcl_data_values(held), mcl_data_values(joined),
        VALUES * mcl_element_size(mcl_data_element(held)));
    mcl_data_free(held);
    mcl_data_free(joined);
    mcl_data_free(stored);
    mcl_data_free(found);
}
END_TEST

static void assert_message(const char *start, const char *part)
{
    const char *message = mcl_error_message();
    ck_assert_msg(strncmp(message, start, strlen(start)) == 0 && strstr(message, part) &&
                      !strchr(message, '\n'),
        "'%s' is not '%s … %s'", message, start, part);
}

START_TEST(test_files_that_are_no_data_set)
{
    const char *paths[] = {scratch("a.npy"), scratch("b.npy")}, *none = scratch("c-*.npy");
    mcl_data *data = NULL;
    write_rows(paths[0], &forms[0], 0, ROWS);
    write_rows(paths[1], &forms[1], 0, ROWS);
    ck_assert_int_eq(try_open(&data, paths, 2, 0), MCL_ERROR_DATA);
    assert_message(paths[1], "its shape is 403x5x6, of float32, but that of ");
    ck_assert_int_eq(try_open(&data, &none, 1, 0), MCL_ERROR_FILE);
    assert_message(none, "there is no file whose name is of this pattern");
    ck_assert_int_eq(try_open(&data, paths, 0, 0), MCL_ERROR_ARGUMENT);
    ck_assert_int_eq(truncate(paths[0], 1000), 0);
    ck_assert_int_eq(try_open(&data, paths, 1, 100), MCL_ERROR_FORMAT);
    assert_message(paths[0], "is truncated: ");
    ck_assert_ptr_null(data);
}
END_TEST

/* Puts a float at a row and a column of a file in C order. */
static void put(const char *path, uint64_t row, uint64_t column, float value)
{
    FILE *file = fopen(path, "r+b");
    ck_assert_int_eq(fseek(file, (long)(128 + 4 * (row * COLUMNS + column)), SEEK_SET), 0);
    ck_assert_uint_eq(fwrite(&value, sizeof value, 1, file), 1);
    fclose(file);
}

START_TEST(test_what_is_no_number)
{
    const char *paths[] = {scratch("a.npy"), scratch("b.npy")};
    mcl_data *data = NULL;
    write_rows(paths[0], &forms[1], 0, ROWS);
    write_rows(paths[1], &forms[1], 0, ROWS);
    put(paths[1], 402, 29, 0.0f / 0.0f);
    ck_assert_int_eq(try_open(&data, paths, 2, 100), MCL_ERROR_DATA);
    assert_message(paths[1], ": row 402, column 29 (counted from 0) is NaN; replace or remove it");
    put(paths[1], 3, 2, -1.0f / 0.0f);
    ck_assert_int_eq(try_open(&data, &paths[1], 1, 100), MCL_ERROR_DATA);
    assert_message(paths[1], ": row 3, column 2 (counted from 0) is infinite");
    ck_assert_ptr_null(data);
}
END_TEST

START_TEST(test_a_file_that_changes)
{
    const char *path = scratch("rows.npy");
    const uint64_t numbers[] = {5, 3, 5};
    float rows[3 * COLUMNS];
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}};
    write_rows(path, &forms[1], 0, ROWS);
    mcl_data *data = open_all(&path, 1, 100);
    ck_assert_int_eq(mcl_data_gather(rows, data, numbers, 3), MCL_OK);
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    ck_assert_int_eq(mcl_data_gather(rows, data, numbers, 3), MCL_ERROR_FILE);
    assert_message(path, ": was changed while it was in use");
    ck_assert_int_eq(mcl_data_floats(rows, data, 0, 1), MCL_ERROR_FILE);
    mcl_data_free(data);
    data = open_all(&path, 1, 100);
    ck_assert_int_eq(truncate(path, 200), 0);
    ck_assert_int_eq(mcl_data_read_rows(rows, data, 100, 1), MCL_ERROR_FILE);
    assert_message(path, ": was changed while it was in use");
    ck_assert_int_eq(mcl_data_read_rows(rows, data, 0, 1), MCL_ERROR_FILE);
    mcl_data_free(data);
    /* A file that takes its place is another one. */
    write_rows(path, &forms[1], 0, ROWS);
    data = open_all(&path, 1, 100);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mcl_data_gather(rows, data, numbers, 3), MCL_OK);
    mcl_data_free(data);
}
END_TEST

/* Rows that come one by one, more or fewer than was said. */
START_TEST(test_a_builder)
{
    static const uint64_t expected[] = {0, 1, 100, ROWS, 2 * ROWS};
    static const uint64_t memory[] = {1, 1000, VALUES * 4, VALUES * 16};
    for (size_t e = 0; e < sizeof expected / sizeof *expected; e++) {
        for (size_t m = 0; m < sizeof memory / sizeof *memory; m++) {
            mcl_builder *builder;
            mcl_data *data;
            const mcl_row_plan plan = {.element = MCL_ELEMENT_FLOAT32,
                .shape = {COLUMNS},
                .dimensions = 1,
                .rows = expected[e],
                .host_memory = memory[m],
                .source = "a test"};
            float row[COLUMNS], read[COLUMNS];
            ck_assert_int_eq(mcl_builder_create(&builder, &plan), MCL_OK);
            for (uint64_t r = 0; r < ROWS; r++) {
                for (uint64_t c = 0; c < COLUMNS; c++)
                    row[c] = (float)(r * COLUMNS + c);
                ck_assert_uint_eq(mcl_builder_rows(builder), r);
                if (r % 2 == 0) {
                    ck_assert_int_eq(mcl_builder_add(builder, row, 1), MCL_OK);
                    continue;
                }
                ck_assert_int_eq(mcl_builder_add_values(builder, row, 7), MCL_OK);
                ck_assert_int_eq(mcl_builder_add_values(builder, row + 7, COLUMNS - 7), MCL_OK);
            }
            ck_assert_int_eq(mcl_builder_finish(&data, builder), MCL_OK);
            mcl_builder_free(builder);
            ck_assert_uint_eq(mcl_data_rows(data), ROWS);
            ck_assert_int_eq(mcl_data_is_stored(data),
                memory[m] < VALUES * 4 || (memory[m] == VALUES * 4 && expected[e] != ROWS));
            for (uint64_t r = 0; r < ROWS; r++) {
                ck_assert_int_eq(mcl_data_read_rows(read, data, r, 1), MCL_OK);
                ck_assert(read[0] == (float)(r * COLUMNS) &&
                          read[COLUMNS - 1] == (float)(r * COLUMNS + COLUMNS - 1));
            }
            mcl_data_free(data);
        }
    }
}
END_TEST

/* Gives rows of COLUMNS integers, at most 50 at a time. */
struct given {
    uint64_t next, rows;
    mcl_status failure;
};

static mcl_status give(void *rows, uint64_t *count, uint64_t most, void *state)
{
    struct given *given = state;
    const uint64_t left = given->rows - given->next;
    int64_t *to = rows;
    *count = left < 50 ? left : 50;
    *count = *count < most ? *count : most;
    for (uint64_t i = 0; i < *count * COLUMNS; i++)
        to[i] = (int64_t)(given->next * COLUMNS + i) - 1000;
    given->next += *count;
    return given->next == given->rows ? given->failure : MCL_OK;
}

static mcl_status read_given(mcl_data **data, struct given *given, uint64_t memory)
{
    mcl_data_options options;
    const mcl_row_reader reader = {.next = give,
        .state = given,
        .type = MCL_NUMBER_INT64,
        .dimensions = 2,
        .shape = {5, 6},
        .name = "numbers"};
    ck_assert_int_eq(mcl_data_options_init(&options), MCL_OK);
    options.host_memory = memory;
    return mcl_data_from_reader(data, &reader, &options);
}

START_TEST(test_rows_from_a_reader)
{
    mcl_data *held = NULL, *stored = NULL, *data = NULL;
    ck_assert_int_eq(read_given(&held, &(struct given){0, ROWS, MCL_OK}, VALUES * 16), MCL_OK);
    ck_assert_int_eq(read_given(&stored, &(struct given){0, ROWS, MCL_OK}, 1000), MCL_OK);
    assert_same(stored, held);
    const float *values = mcl_data_values(held);
    for (size_t i = 0; i < VALUES; i++)
        ck_assert(values[i] == (float)i - 1000.0f);
    mcl_data_free(held);
    mcl_data_free(stored);
    ck_assert_int_eq(read_given(&data, &(struct given){0, 0, MCL_OK}, 0), MCL_ERROR_DATA);
    assert_message("numbers: ", "holds no rows");
    ck_assert_int_eq(
        read_given(&data, &(struct given){0, 70, MCL_ERROR_FILE}, 1000), MCL_ERROR_FILE);
    mcl_row_reader reader = {.next = give, .type = MCL_NUMBER_INT64};
    ck_assert_int_eq(mcl_data_from_reader(&data, &reader, NULL), MCL_ERROR_ARGUMENT);
    assert_message("data from a reader: ", "its rows have 0 dimensions");
    reader.dimensions = 1;
    ck_assert_int_eq(mcl_data_from_reader(&data, &reader, NULL), MCL_ERROR_DATA);
    reader.type = (mcl_number)99;
    ck_assert_int_eq(mcl_data_from_reader(&data, &reader, NULL), MCL_ERROR_ARGUMENT);
    reader.next = NULL;
    ck_assert_int_eq(mcl_data_from_reader(&data, &reader, NULL), MCL_ERROR_ARGUMENT);
    ck_assert_ptr_null(data);
}
END_TEST

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s%s", scratch_folder, folder);
    for (char *slash = path + strlen(scratch_folder); *slash; slash++) {
        if (*slash != '/')
            continue;
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    (void)mkdir(path, 0700);
    snprintf(path, sizeof path, "%s%s/%s", scratch_folder, folder, name);
    write_file(path, text, strlen(text));
}

static void expect_free(uint64_t expected)
{
    const uint64_t found = mcl_host_memory_free(scratch_folder);
    ck_assert_msg(found == expected, "%" PRIu64 ", not %" PRIu64, found, expected);
}

START_TEST(test_the_memory_that_is_free)
{
    expect_free(UINT64_MAX);
    write_text("/proc", "meminfo", "MemTotal: 9999 kB\nMemAvailable:    5000 kB\n");
    expect_free(5000 * 1024);
    /* Version 2: a group and the one above it, whose limit is less. */
    write_text("/proc/self", "cgroup", "0::/user/shell\n");
    write_text("/sys/fs/cgroup/user/shell", "memory.max", "max\n");
    expect_free(5000 * 1024);
    write_text("/sys/fs/cgroup/user", "memory.max", "4000000\n");
    expect_free(4000000);
    write_text("/sys/fs/cgroup/user", "memory.current", "3000000\n");
    expect_free(1000000);
    write_text("/sys/fs/cgroup/user", "memory.stat", "anon 7\ninactive_file 500000\n");
    expect_free(1500000);
    write_text("/sys/fs/cgroup/user", "memory.current", "5000000\n");
    expect_free(0);
    /* Version 1; in a container, whose own group is the top. */
    write_text("/proc/self", "cgroup", "5:cpu,memory:/docker/1234\n1:name=systemd:/\n");
    expect_free(5000 * 1024);
    write_text("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "3000000\n");
    write_text("/sys/fs/cgroup/memory", "memory.usage_in_bytes", "1000000\n");
    expect_free(2000000);
    char command[300];
    snprintf(command, sizeof command, "rm -r %s/proc %s/sys", scratch_folder, scratch_folder);
    ck_assert_int_eq(system(command), 0);
    ck_assert_uint_eq(mcl_host_memory_allowed(77), 77);
    const uint64_t half = mcl_host_memory_allowed(0);
    ck_assert(half > 0 && half < UINT64_MAX / 2);
}
END_TEST

/* Nothing else has a place to go to. */
static void use_folder(const char *folder)
{
    setenv("XDG_CACHE_HOME", folder, 1);
    setenv("TMPDIR", folder, 1);
}

START_TEST(test_a_full_disk)
{
    const char *path = scratch("rows.npy.gz");
    mcl_data *data = NULL;
    write_rows(path, &forms[9], 0, ROWS);
    limit_file_size(10000);
    ck_assert_int_eq(try_open(&data, &path, 1, 100), MCL_ERROR_FILE);
    assert_message(path, " cannot grow beyond ");
    ck_assert_ptr_null(data);
}
END_TEST

START_TEST(test_nothing_is_left)
{
    const char *path = scratch("rows.npy.gz");
    use_folder(scratch_folder);
    write_rows(path, &forms[9], 0, ROWS);
    mcl_data *data = open_all(&path, 1, 100);
    char folder[300];
    snprintf(folder, sizeof folder, "%s/maskcl", scratch_folder);
    ck_assert_int_eq(rmdir(folder), 0); /* empty while the data are open */
    mcl_data_free(data);
}
END_TEST

#if MASKCL_FAILING_MEMORY
static int open_failing(void)
{
    const char *paths[] = {scratch("a.npy"), scratch("b.npy")};
    mcl_data_options options;
    mcl_data *data = NULL;
    (void)mcl_data_options_init(&options);
    options.host_memory = 100;
    const mcl_status status = mcl_data_open_all(&data, paths, 2, &options);
    if (status == MCL_OK) {
        mcl_data_free(data);
        return 0;
    }
    const bool expected = status == MCL_ERROR_MEMORY || status == MCL_ERROR_FILE; /* of fopen() */
    return expected && !data ? 1 : -1;
}

START_TEST(test_each_allocation_failing)
{
    write_rows(scratch("a.npy"), &forms[_i], 0, 10);
    write_rows(scratch("b.npy"), &forms[_i], 0, 10);
    ck_assert_uint_ge(fail_each_allocation(open_failing), 5);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("stored");
    TCase *tcase = tcase_create("stored");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, scratch_setup, scratch_teardown);
    tcase_add_loop_test(tcase, test_rows_of_every_form, 0, FORMS);
    tcase_add_loop_test(tcase, test_several_files, 0, FORMS);
    tcase_add_test(tcase, test_files_that_are_no_data_set);
    tcase_add_test(tcase, test_what_is_no_number);
    tcase_add_test(tcase, test_a_file_that_changes);
    tcase_add_test(tcase, test_a_builder);
    tcase_add_test(tcase, test_rows_from_a_reader);
    tcase_add_test(tcase, test_the_memory_that_is_free);
    tcase_add_test(tcase, test_a_full_disk);
    tcase_add_test(tcase, test_nothing_is_left);
#if MASKCL_FAILING_MEMORY
    tcase_add_loop_test(tcase, test_each_allocation_failing, 0, FORMS);
#endif
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
