/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas: made, written as a line of JSON, read back, and damaged. */
#include "data/schema.h"

#include "support/inputs.h"

#include "support/decimal_comma.h"
#include "support/failing_memory.h"

static const mcl_column mass = {.name = "mass \"g\"",
    .kind = MCL_COLUMN_NUMBER,
    .mean = 0.1,
    .deviation = 1.0 / 3,
    .indicator = true};

static const char line[] =
    "{\"version\":1,\"columns\":[{\"name\":\"mass \\\"g\\\"\",\"kind\":\"number\",\"mean\":0.1,"
    "\"deviation\":0.3333333333333333,\"missing\":true},{\"name\":\"row\",\"kind\":\"id\"},"
    "{\"name\":\"island\",\"kind\":\"category\",\"categories\":[\"\",\"Biscoe\",\"Dr\u00E9m\"]},"
    "{\"name\":\"n\",\"kind\":\"number\",\"mean\":1e+300,\"deviation\":5e-324},"
    "{\"name\":\"x\\n\",\"kind\":\"ignored\"},"
    "{\"name\":\"species\",\"kind\":\"label\",\"categories\":[\"Adelie\"]}]}";

static mcl_status add_categories(
    mcl_schema *schema, const mcl_column *column, const char *const *texts, size_t count)
{
    mcl_strings *categories = NULL;
    mcl_status status = mcl_strings_create(&categories);
    for (size_t i = 0; i < count && status == MCL_OK; i++)
        status = mcl_strings_add(categories, texts[i], strlen(texts[i]));
    if (status == MCL_OK)
        status = mcl_schema_add(schema, column, categories);
    mcl_strings_free(categories);
    return status;
}

static mcl_status fill(mcl_schema *schema)
{
    static const char *const islands[] = {MCL_CATEGORY_MISSING, "Biscoe", "Dr\u00E9m"};
    static const char *const species[] = {"Adelie"};
    static const mcl_column others[] = {
        {.name = "row", .kind = MCL_COLUMN_ID},
        {.name = "n", .kind = MCL_COLUMN_NUMBER, .mean = 1e300, .deviation = 0x1p-1074},
        {.name = "x\n", .kind = MCL_COLUMN_IGNORED},
    };
    mcl_status status = mcl_schema_add(schema, &mass, NULL);
    if (status == MCL_OK)
        status = mcl_schema_add(schema, &others[0], NULL);
    if (status == MCL_OK)
        status = add_categories(
            schema, &(mcl_column){.name = "island", .kind = MCL_COLUMN_CATEGORY}, islands, 3);
    for (int i = 1; i < 3 && status == MCL_OK; i++)
        status = mcl_schema_add(schema, &others[i], NULL);
    return status != MCL_OK
               ? status
               : add_categories(schema, &(mcl_column){.name = "species", .kind = MCL_COLUMN_LABEL},
                     species, 1);
}

static mcl_schema *made(void)
{
    mcl_schema *schema = NULL;
    ck_assert_int_eq(mcl_schema_create(&schema), MCL_OK);
    ck_assert_int_eq(fill(schema), MCL_OK);
    return schema;
}

static mcl_schema *parsed(const char *text)
{
    mcl_schema *schema = NULL;
    ck_assert_msg(mcl_schema_parse(&schema, text) == MCL_OK, "%s", mcl_error_message());
    return schema;
}

static void assert_text(const mcl_schema *schema, const char *expected)
{
    char *text = NULL;
    ck_assert_int_eq(mcl_schema_text(&text, schema), MCL_OK);
    ck_assert_str_eq(text, expected);
    mcl_schema_text_free(text);
}

static void assert_facts(const mcl_schema *schema)
{
    static const uint64_t firsts[] = {0, 2, 2, 6, 7, 7}, widths[] = {2, 0, 4, 1, 0, 0};
    ck_assert_uint_eq(mcl_schema_columns(schema), 6);
    ck_assert_uint_eq(mcl_schema_inputs(schema), 7);
    for (size_t i = 0; i < 6; i++) {
        ck_assert_uint_eq(mcl_schema_column(schema, i).first, firsts[i]);
        ck_assert_uint_eq(mcl_schema_column(schema, i).width, widths[i]);
    }
    const mcl_column first = mcl_schema_column(schema, 0), third = mcl_schema_column(schema, 2);
    ck_assert_str_eq(first.name, mass.name);
    ck_assert(first.mean == mass.mean && first.deviation == mass.deviation && first.indicator);
    ck_assert_uint_eq(third.categories, 3);
    ck_assert_str_eq(mcl_schema_category(schema, 2, 0), "");
    ck_assert_str_eq(mcl_schema_category(schema, 2, 1), "Biscoe");
    ck_assert_ptr_null(mcl_schema_category(schema, 2, 3));
    ck_assert_ptr_null(mcl_schema_category(schema, 0, 0));
    ck_assert_ptr_null(mcl_schema_category(schema, 6, 0));
    ck_assert_ptr_null(mcl_schema_column(schema, 6).name);
}

START_TEST(test_text_and_back)
{
    mcl_schema *schema = made(), *copy = NULL, *back = parsed(line);
    assert_facts(schema);
    assert_text(schema, line);
    assert_facts(back);
    assert_text(back, line);
    ck_assert_int_eq(mcl_schema_copy(&copy, back), MCL_OK);
    mcl_schema_free(back);
    assert_facts(copy);
    assert_text(copy, line);
    mcl_schema_free(copy);
    mcl_schema_free(schema);
}

START_TEST(test_locale_with_a_decimal_comma)
{
    if (!use_decimal_comma())
        return;
    mcl_schema *schema = parsed(line);
    assert_facts(schema);
    assert_text(schema, line);
    mcl_schema_free(schema);
}

START_TEST(test_images)
{
    static const char text[] =
        "{\"version\":1,\"columns\":[{\"name\":\"class\",\"kind\":\"label\",\"categories\":[]}],"
        "\"image\":{\"height\":32,\"width\":30,\"channels\":3,\"scale\":\"1/255\"}}";
    mcl_schema *schema = parsed(text);
    mcl_image image = {1, 1, 1};
    ck_assert(mcl_schema_image(&image, schema));
    ck_assert(image.height == 32 && image.width == 30 && image.channels == 3);
    ck_assert_uint_eq(mcl_schema_inputs(schema), 2880);
    ck_assert_uint_eq(mcl_schema_column(schema, 0).first, 2880);
    assert_text(schema, text);
    mcl_schema_free(schema);
    schema = made();
    ck_assert(!mcl_schema_image(&image, schema));
    mcl_schema_set_image(schema, &(mcl_image){2, 2, 1});
    ck_assert_uint_eq(mcl_schema_column(schema, 2).first, 6);
    ck_assert_uint_eq(mcl_schema_inputs(schema), 11);
    mcl_schema_free(schema);
}

START_TEST(test_nothing)
{
    ck_assert_uint_eq(mcl_schema_columns(NULL), 0);
    ck_assert_uint_eq(mcl_schema_inputs(NULL), 0);
    ck_assert_ptr_null(mcl_schema_column(NULL, 0).name);
    ck_assert_ptr_null(mcl_schema_category(NULL, 0, 0));
    ck_assert(!mcl_schema_image(NULL, NULL));
    ck_assert_str_eq(mcl_column_kind_name(MCL_COLUMN_IGNORED), "ignored");
    ck_assert_str_eq(mcl_column_kind_name((mcl_column_kind)77), "?");
    mcl_schema_free(NULL);
    mcl_schema_text_free(NULL);
}

#define COLUMNS(columns) "{\"version\":1,\"columns\":[" columns "]}"
#define NUMBER "\"name\":\"a\",\"kind\":\"number\",\"mean\":0,\"deviation\":1"
#define IMAGE(members) "{\"version\":1,\"columns\":[],\"image\":{" members "}}"

static bool is_fitted(uint64_t row, void *user)
{
    (void)user;
    return row % 3 != 1;
}

/* The text of a schema fitted to rows 0 … 29 of such a file, of which it has all or only those that
 * are fitted. */
static char *fitted_text(const struct bytes *file, const char *label, bool fit_to)
{
    mcl_data_options options;
    mcl_data *data;
    char *text;
    ck_assert_int_eq(mcl_data_options_init(&options), MCL_OK);
    options.label = label;
    options.standardize = MCL_STANDARDIZE_COLUMNS;
    options.fit_to = fit_to ? is_fitted : NULL;
    ck_assert_msg(
        mcl_data_open_with(&data, file_with(file), &options) == MCL_OK, "%s", mcl_error_message());
    ck_assert_int_eq(mcl_schema_text(&text, mcl_data_schema(data)), MCL_OK);
    mcl_data_free(data);
    return text;
}

static void assert_fitted_alike(
    const struct bytes *all, const struct bytes *some, const char *label)
{
    char *whole = fitted_text(all, label, false), *fitted = fitted_text(all, label, true),
         *alone = fitted_text(some, label, false);
    ck_assert_str_ne(whole, fitted);
    ck_assert_str_eq(fitted, alone);
    mcl_schema_text_free(whole);
    mcl_schema_text_free(fitted);
    mcl_schema_text_free(alone);
}

/* A schema is as if only the rows that it is fitted to were there: of row 4, which it is not, the
 * table has a category and a missing value. The first column counts the rows. */
START_TEST(test_fitted_to_some_rows)
{
    static struct bytes files[2], arrays[2];
    for (size_t k = 0; k < 2; k++) {
        char text[80];
        append(&files[k], "n,x,kind,class\n", 15);
        const int header = snprintf(text, sizeof text,
            "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 2)}\n", k ? 20 : 30);
        append(&arrays[k], "\x93NUMPY\1", 8);
        append_byte(&arrays[k], (unsigned char)header);
        append_byte(&arrays[k], 0);
        append(&arrays[k], text, (size_t)header);
        for (int i = 0, n = 0; i < 30; i++) {
            const float row[2] = {(float)i / 64, (float)(i * i)};
            if (k == 1 && !is_fitted((uint64_t)i, NULL))
                continue;
            const int length = i == 4 ? snprintf(text, sizeof text, "%d,,z,1\n", n)
                                      : snprintf(text, sizeof text, "%d,%d,%c,%d\n", n, i * i,
                                            i % 2 ? 'a' : 'b', i % 2);
            append(&files[k], text, (size_t)length);
            append(&arrays[k], row, sizeof row);
            n++;
        }
    }
    assert_fitted_alike(&files[0], &files[1], "class");
    assert_fitted_alike(&arrays[0], &arrays[1], NULL);
}

static const struct {
    const char *text, *part;
} damaged[] = {
    {"", "is not JSON"},
    {"{\"version\":1,\"columns\":[]} x", "is not JSON"},
    {"[]", "schema: is no object"},
    {"{\"version\":2,\"columns\":[]}", "is of version 2, and this maskcl knows version 1"},
    {"{\"version\":\"1\",\"columns\":[]}", "its 'version' is no number"},
    {"{\"columns\":[]}", "its 'version' is no number"},
    {"{\"version\":1}", "its 'columns' are no list"},
    {"{\"version\":1,\"columns\":[],\"more\":1}", "has an unknown member 'more'"},
    {"{\"version\":1,\"version\":1,\"columns\":[]}", "has 'version' twice"},
    {COLUMNS("7"), "column 1: is no object"},
    {COLUMNS("{\"a\\n\":1}"), "unknown member 'a?'"},
    {COLUMNS("{\"kind\":\"id\"}"), "column 1: has no name"},
    {COLUMNS("{\"name\":\"a\",\"kind\":\"date\"}"), "column 1: its kind 'date' is not known"},
    {COLUMNS("{" NUMBER "},{" NUMBER "}"), "a column's name: 'a' is there twice"},
    {COLUMNS("{" NUMBER ",\"missing\":false}"), "its 'missing' is not true"},
    {COLUMNS("{" NUMBER ",\"categories\":[]}"), "is a number and has a 'categories'"},
    {COLUMNS("{\"name\":\"a\",\"kind\":\"number\",\"mean\":0}"), "has no 'deviation'"},
    {COLUMNS("{\"name\":\"a\",\"kind\":\"number\",\"mean\":0,\"deviation\":0}"), "not above 0"},
    {COLUMNS("{\"name\":\"a\",\"kind\":\"number\",\"mean\":1e999,\"deviation\":1}"),
        "its 'mean' is no number"},
    {COLUMNS("{\"name\":\"a\",\"kind\":\"id\",\"mean\":0}"), "is a id and has a 'mean'"},
    {COLUMNS("{\"name\":\"a\",\"kind\":\"label\"}"), "is a label and has no 'categories'"},
    {COLUMNS("{\"name\":\"a\",\"kind\":\"label\",\"categories\":1}"), "are no list"},
    {COLUMNS("{\"name\":\"a\",\"kind\":\"label\",\"categories\":[1]}"), "a category is no text"},
    {COLUMNS("{\"name\":\"a\",\"kind\":\"label\",\"categories\":[\"x\",\"x\"]}"), "'x' is there"},
    {COLUMNS("{\"name\":\"a\\u0000\",\"kind\":\"id\"}"), "is not UTF-8"},
    {COLUMNS("{\"name\":\"\xFF\",\"kind\":\"id\"}"), "is not UTF-8"},
    {IMAGE("\"height\":0,\"width\":1,\"channels\":1,\"scale\":\"1/255\""), "'height' is no number"},
    {IMAGE("\"height\":1,\"width\":1.5,\"channels\":1,\"scale\":\"1/255\""),
        "'width' is no number"},
    {IMAGE("\"height\":1,\"width\":1,\"channels\":1,\"scale\":\"1\""), "'scale' is not 1/255"},
};

START_TEST(test_damaged)
{
    mcl_schema *schema = NULL;
    ck_assert_int_eq(mcl_schema_parse(&schema, damaged[_i].text), MCL_ERROR_FORMAT);
    ck_assert_ptr_null(schema);
    assert_error("schema: ", damaged[_i].part);
}

START_TEST(test_cut_anywhere)
{
    char text[sizeof line];
    mcl_schema *schema = NULL;
    for (size_t length = 0; length + 1 < sizeof line; length++) {
        memcpy(text, line, length);
        text[length] = '\0';
        ck_assert_int_eq(mcl_schema_parse(&schema, text), MCL_ERROR_FORMAT);
    }
    ck_assert_ptr_null(schema);
}

#if MASKCL_FAILING_MEMORY
static int round_trip(void)
{
    mcl_schema *schema = NULL, *copy = NULL;
    char *text = NULL;
    mcl_status status = mcl_schema_create(&schema);
    if (status == MCL_OK)
        status = fill(schema);
    if (status == MCL_OK)
        status = mcl_schema_text(&text, schema);
    if (status == MCL_OK)
        status = mcl_schema_copy(&copy, schema);
    mcl_schema_text_free(text);
    mcl_schema_free(copy);
    mcl_schema_free(schema);
    return status == MCL_OK ? 0 : status == MCL_ERROR_MEMORY ? 1 : -1;
}

/* Without memory cJSON finds that a text is no JSON. */
static int parse(void)
{
    mcl_schema *schema = NULL;
    const mcl_status status = mcl_schema_parse(&schema, line);
    mcl_schema_free(schema);
    return status == MCL_OK ? 0 : !schema ? 1 : -1;
}

START_TEST(test_each_allocation_failing)
{
    ck_assert_uint_gt(fail_each_allocation(round_trip), 20);
    ck_assert_uint_gt(fail_each_allocation(parse), 20);
}
#endif

int main(void)
{
    Suite *suite = suite_create("schema");
    TCase *tcase = tcase_create("schema");
    tcase_add_checked_fixture(tcase, scratch_setup, scratch_teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_text_and_back);
    tcase_add_test(tcase, test_locale_with_a_decimal_comma);
    tcase_add_test(tcase, test_images);
    tcase_add_test(tcase, test_nothing);
    tcase_add_loop_test(tcase, test_damaged, 0, sizeof damaged / sizeof *damaged);
    tcase_add_test(tcase, test_cut_anywhere);
    tcase_add_test(tcase, test_fitted_to_some_rows);
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
