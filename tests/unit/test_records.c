/* SPDX-License-Identifier: Apache-2.0 */
/* Tables whose values have types: structured arrays, also damaged ones, and columns in memory. */
#include "support/inputs.h"

#include "support/failing_memory.h"

#include <math.h>

#include "data/data.h"

#define ROWS 24

static const char header[] =
    "{'descr': [('mass', '<f8'), ('', '|V1'), ('n', '>i2'), ('na\u00EFve', '|S3'), (('t', 'isle'), "
    "'<U2'), ('v', '<f4', (2,)), ('day', '<M8[D]'), ('span', '<m8[s]')], 'fortran_order': False, "
    "'shape': (24,), }";

static void append_record(struct bytes *file, int row)
{
    static const uint32_t isles[3][2] = {{'u', 0}, {0xE5, 0x1F600}, {0, 0}};
    const double mass = row == 5 ? (double)NAN : row * 0.5;
    const float v[] = {(float)(row % 5), (float)(row * row)};
    const int64_t day = row == 7 ? INT64_MIN : row, span = row == 7 ? INT64_MIN : row % 4;
    append(file, &mass, 8);
    append(file, "\0", 1);
    append(file, (const char[]){0, (char)(row % 3)}, 2);
    append(file, row % 2 ? "a\0\0" : "bcd", 3);
    append(file, isles[row % 3], 8);
    append(file, v, 8);
    append(file, &day, 8);
    append(file, &span, 8);
}

static struct bytes record_file(const char *text)
{
    struct bytes file = {.count = 0};
    const uint16_t length = (uint16_t)strlen(text);
    append(&file, "\x93NUMPY\1", 7);
    append(&file, "\0", 1);
    append(&file, &length, 2);
    append(&file, text, length);
    for (int row = 0; row < ROWS; row++)
        append_record(&file, row);
    return file;
}

static void assert_columns(const mcl_data *data)
{
    static const char *const names[] = {
        "mass", "n", "na\u00EFve", "isle", "v[0]", "v[1]", "day", "span"};
    static const mcl_column_kind kinds[] = {MCL_COLUMN_NUMBER, MCL_COLUMN_NUMBER,
        MCL_COLUMN_CATEGORY, MCL_COLUMN_CATEGORY, MCL_COLUMN_NUMBER, MCL_COLUMN_NUMBER,
        MCL_COLUMN_IGNORED, MCL_COLUMN_NUMBER};
    const mcl_schema *schema = mcl_data_schema(data);
    ck_assert_uint_eq(mcl_data_rows(data), ROWS);
    ck_assert_uint_eq(mcl_schema_columns(schema), 8);
    for (size_t c = 0; c < 8; c++) {
        ck_assert_str_eq(mcl_schema_column(schema, c).name, names[c]);
        ck_assert_int_eq(mcl_schema_column(schema, c).kind, kinds[c]);
    }
    ck_assert(mcl_schema_column(schema, 0).indicator && mcl_schema_column(schema, 7).indicator);
    ck_assert(mcl_schema_column(schema, 1).mean == 1.0);
    ck_assert_str_eq(mcl_schema_category(schema, 2, 1), "bcd");
    ck_assert_str_eq(mcl_schema_category(schema, 3, 0), "");
    ck_assert_str_eq(mcl_schema_category(schema, 3, 2), "\u00E5\U0001F600");
    ck_assert_ptr_nonnull(strstr(mcl_data_warning(data), "'day', which have dates or times"));
}

START_TEST(test_structured_arrays)
{
    const struct bytes plain = record_file(header), packed = gzipped(&plain);
    char digests[2][MCL_DIGEST_SIZE];
    for (int i = 0; i < 2; i++) {
        mcl_data *data = open_data(file_with(i ? &packed : &plain));
        assert_columns(data);
        mcl_data_digest(digests[i], data);
        mcl_data_free(data);
    }
    ck_assert_str_eq(digests[0], digests[1]);
}

/* Numbers as categories and labels have their texts, and the schema is applied by the names. */
START_TEST(test_choices)
{
    const struct bytes file = record_file(header);
    mcl_data *data = NULL, *again = NULL;
    char digests[2][MCL_DIGEST_SIZE];
    mcl_data_options options = {.label = "n", .categorical = "v[0]", .id = "day"};
    ck_assert_int_eq(mcl_data_open_with(&data, file_with(&file), &options), MCL_OK);
    ck_assert_uint_eq(mcl_data_classes(data), 3);
    ck_assert_str_eq(mcl_data_class_name(data, 2), "2");
    ck_assert_int_eq(mcl_data_labels(data)[4], 1);
    ck_assert_str_eq(mcl_schema_category(mcl_data_schema(data), 4, 3), "3");
    ck_assert_str_eq(mcl_data_row_name(data, 1), "1970-01-02T00:00:00");
    options = (mcl_data_options){.schema = mcl_data_schema(data)};
    ck_assert_int_eq(mcl_data_open_with(&again, file_with(&file), &options), MCL_OK);
    mcl_data_digest(digests[0], data);
    mcl_data_digest(digests[1], again);
    ck_assert_str_eq(digests[0], digests[1]);
    ck_assert_mem_eq(mcl_data_labels(data), mcl_data_labels(again), ROWS * sizeof(int32_t));
    mcl_data_free(again);
    mcl_data_free(data);
}

static const struct {
    const char *descr;
    mcl_status status;
    const char *part;
} refused[] = {
    {"[('a', '|O')]", MCL_ERROR_FORMAT, "the field 'a' holds Python objects (dtype '|O')"},
    {"[('a', '<c8')]", MCL_ERROR_FORMAT, "the field 'a' holds what no column of a table can be"},
    {"[('a', [('b', '<f4')])]", MCL_ERROR_FORMAT, "the field 'a' holds what no column"},
    {"[('a', '<M8[Y]')]", MCL_ERROR_FORMAT, "the field 'a' holds what no column"},
    {"[('a', '<f4'), ('a', '|S42')]", MCL_ERROR_DATA, "two of its columns are called 'a'"},
    {"[('a', '<f4')", MCL_ERROR_FORMAT, "in place of a field"},
    {"[('a' '<f4')]", MCL_ERROR_FORMAT, "in place of a comma"},
    {"['a']", MCL_ERROR_FORMAT, "in place of a field"},
    {"[('a', '<f4', (2,)]", MCL_ERROR_FORMAT, "in place of a closing bracket"},
    {"[('a', '<f4', 2)]", MCL_ERROR_FORMAT, "in place of the shape of a field"},
    {"[('a', '<f4', (9999999999,))]", MCL_ERROR_FORMAT, "has not too many elements"},
    {"[]", MCL_ERROR_DATA, "holds no fields"},
    {"[('a', '<U99999999')]", MCL_ERROR_FORMAT, "the field 'a' holds what no column"},
    {"[('a', '<f8')]", MCL_ERROR_FORMAT, "has more than its array: its header promises 24 records"},
    {"[('a', '<f8', (99,))]", MCL_ERROR_FORMAT, "is truncated: its header promises 24 records"},
};

START_TEST(test_what_is_refused)
{
    char text[512];
    snprintf(text, sizeof text, "{'descr': %s, 'fortran_order': False, 'shape': (24,), }",
        refused[_i].descr);
    const struct bytes file = record_file(text), packed = gzipped(&file);
    assert_data_refused(file_with(&file), refused[_i].status, refused[_i].part);
    mcl_data *data = NULL;
    ck_assert_int_eq(mcl_data_open(&data, file_with(&packed)), refused[_i].status);
}

/* Whatever byte is another, and wherever the file ends, it is read or refused in a line. */
START_TEST(test_damaged_files)
{
    const struct bytes whole = record_file(header);
    for (size_t at = 0; at < whole.count; at += at < sizeof header + 10 ? 1 : 97) {
        struct bytes file = whole;
        mcl_data *data = NULL;
        file.at[at] ^= 0x11;
        if (mcl_data_open(&data, file_with(&file)) != MCL_OK)
            ck_assert_ptr_null(strchr(mcl_error_message(), '\n'));
        mcl_data_free(data);
        file.at[at] ^= 0x11;
        file.count = at;
        data = NULL;
        ck_assert_int_ne(mcl_data_open(&data, file_with(&file)), MCL_OK);
    }
}

static const double masses[] = {1, 2, (double)NAN, 5};
static const int16_t counts[] = {3, 9, 1, 9, 2, 9, 3, 9};
static const char *const isles[] = {"u", NULL, "v", "NA"};
static const char *const answers[] = {"no", "yes", "yes", ""};

static const mcl_column_values columns[] = {
    {.name = "mass", .values = masses, .type = MCL_NUMBER_FLOAT64},
    {.name = "count", .values = counts, .stride = 4, .type = MCL_NUMBER_INT16},
    {.name = "isle", .values = isles, .texts = true},
    {.name = "answer", .values = answers, .texts = true},
};

/* As a CSV file of the same has it. */
START_TEST(test_columns_in_memory)
{
    static const char csv[] = "isle,count,mass,answer\nu,3,1,no\n,1,2,yes\nv,2,,yes\nNA,3,5,\n";
    const mcl_table_description table = {.columns = columns, .count = 4, .rows = 4};
    mcl_data *data = NULL, *file = NULL;
    char digests[2][MCL_DIGEST_SIZE];
    mcl_data_options options = {.label = "answer"};
    ck_assert_int_eq(mcl_data_from_table(&data, &table, &options), MCL_OK);
    ck_assert_uint_eq(mcl_data_columns(data), 7);
    const struct bytes bytes = {.count = 0};
    struct bytes text = bytes;
    append(&text, csv, sizeof csv - 1);
    options = (mcl_data_options){.schema = mcl_data_schema(data)};
    ck_assert_int_eq(mcl_data_open_with(&file, file_with(&text), &options), MCL_OK);
    mcl_data_digest(digests[0], data);
    mcl_data_digest(digests[1], file);
    ck_assert_str_eq(digests[0], digests[1]);
    ck_assert_mem_eq(mcl_data_labels(data), mcl_data_labels(file), 4 * sizeof(int32_t));
    ck_assert_int_eq(mcl_data_labels(data)[3], -1);
    mcl_data_free(file);
    mcl_data_free(data);
}

static void assert_table_refused(
    const mcl_column_values *column, uint64_t rows, mcl_status status, const char *part)
{
    const mcl_table_description table = {
        .columns = column, .count = column != NULL, .rows = rows, .name = "mine"};
    mcl_data *data = NULL;
    ck_assert_int_eq(mcl_data_from_table(&data, &table, NULL), status);
    ck_assert_ptr_null(data);
    assert_error("mine: ", part);
}

START_TEST(test_columns_that_cannot_be)
{
    static const float large[] = {1, INFINITY};
    static const char *const bytes[] = {"a", "\xFF"};
    mcl_column_values column = {.name = "a", .values = large, .type = MCL_NUMBER_FLOAT32};
    assert_table_refused(NULL, 2, MCL_ERROR_ARGUMENT, "has no rows or columns");
    assert_table_refused(&column, 0, MCL_ERROR_ARGUMENT, "has no rows or columns");
    assert_table_refused(
        &column, 2, MCL_ERROR_DATA, "row 1 (counted from 0), column 'a': is infinite");
    column.type = (mcl_number)99;
    assert_table_refused(&column, 2, MCL_ERROR_ARGUMENT, "there is no type of numbers 99");
    column = (mcl_column_values){.name = "a", .values = bytes, .texts = true};
    assert_table_refused(
        &column, 2, MCL_ERROR_DATA, "row 1 (counted from 0), column 'a': is no UTF-8 text");
    column.name = NULL;
    assert_table_refused(&column, 2, MCL_ERROR_ARGUMENT, "column 0 has no name or no values");
}

#if MASKCL_FAILING_MEMORY
static int open_once(void)
{
    const mcl_table_description table = {.columns = columns, .count = 4, .rows = 4};
    mcl_data *data = NULL, *file = NULL;
    mcl_status status = mcl_data_from_table(&data, &table, NULL);
    if (status == MCL_OK)
        status = mcl_data_open(&file, scratch("input"));
    mcl_data_free(file);
    mcl_data_free(data);
    return status == MCL_OK ? 0 : status == MCL_ERROR_MEMORY || status == MCL_ERROR_FILE ? 1 : -1;
}

START_TEST(test_each_allocation_failing)
{
    const struct bytes plain = record_file(header), packed = gzipped(&plain);
    file_with(&packed);
    ck_assert_uint_gt(fail_each_allocation(open_once), 50);
}
#endif

int main(void)
{
    Suite *suite = suite_create("records");
    TCase *tcase = tcase_create("records");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, scratch_setup, scratch_teardown);
    tcase_add_test(tcase, test_structured_arrays);
    tcase_add_test(tcase, test_choices);
    tcase_add_loop_test(tcase, test_what_is_refused, 0, sizeof refused / sizeof *refused);
    tcase_add_test(tcase, test_damaged_files);
    tcase_add_test(tcase, test_columns_in_memory);
    tcase_add_test(tcase, test_columns_that_cannot_be);
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
