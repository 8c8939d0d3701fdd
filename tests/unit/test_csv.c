/* SPDX-License-Identifier: Apache-2.0 */
/* Text tables: a list of awkward ones, each with its schema or its refusal; and how one schema is
 * applied to another table. */
#include "support/inputs.h"

#include "support/decimal_comma.h"
#include "support/failing_memory.h"

#include <fcntl.h>
#include <math.h>
#include <zstd.h>

#include "data/data.h"
#include "data/table.h"

/* A schema in short: "a:n b:n? c:c(x,y) d:l(no,yes) e:id f:-"; n? is a number with an indicator. */
static const char *summary(const mcl_schema *schema)
{
    static char text[1024];
    size_t used = 0;
    text[0] = '\0';
    for (size_t c = 0; c < mcl_schema_columns(schema) && used < 900; c++) {
        static const char *const kinds[] = {"n", "c", "l", "id", "-"};
        const mcl_column column = mcl_schema_column(schema, c);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.40s:%s%s", c ? " " : "",
            column.name, kinds[column.kind], column.indicator ? "?" : "");
        for (uint32_t i = 0; i < column.categories && used < 900; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s%s", i ? "," : "(",
                mcl_schema_category(schema, c, i), i + 1 == column.categories ? ")" : "");
    }
    return text;
}

/* What a line does not say is nothing. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define TEN(line) line line line line line line line line line line

static const struct {
    const char *what;
    const char *text;
    size_t count;         /* of bytes, where a zero byte is among them; 0: strlen() */
    const char *expected; /* the schema in short; NULL: it is refused */
    const char *refusal;  /* part of the message */
    const char *warning;  /* part of it */
    mcl_data_options options;
} awkward[] = {
    {"plain", "a,b\n1,2\n3,5\n", 0, "a:n b:n"},
    {"no newline at the end", "a,b\n1,2\n3,5", 0, "a:n b:n"},
    {"CRLF", "a,b\r\n1,2\r\n3,5\r\n", 0, "a:n b:n"},
    {"CR alone", "a,b\r1,2\r3,5\r", 0, "a:n b:n"},
    {"mixed ends of lines", "a,b\r\n1,2\n3,5\r4,6", 0, "a:n b:n"},
    {"byte-order mark",
        "\xEF\xBB\xBF"
        "a,b\n1,2\n3,5\n",
        0, "a:n b:n"},
    {"byte-order mark before a quote", "\xEF\xBB\xBF\"a\",b\n1,2\n3,5\n", 0, "a:n b:n"},
    {"empty lines", "\n\na,b\n\n1,2\n\r\n3,5\n\n", 0, "a:n b:n"},
    {"lines of blanks", "a,b\n   \n1,2\n3,5\n  ", 0, "a:n b:n"},
    {"semicolons", "a;b\n1;2\n3;5\n", 0, "a:n b:n"},
    {"tabs", "a\tb\n1\t2\n3\t5\n", 0, "a:n b:n"},
    {"pipes", "a|b\n1|2\n3|5\n", 0, "a:n b:n"},
    {"runs of blanks", "  a   b\n 1   2 \n3\t\t5\n", 0, "a:n b:n"},
    {"one column", "a\n1\n3\n", 0, "a:n"},
    {"one column of words", "name\nJohn Smith\nAnn Lee\nJohn Smith\n", 0,
        "name:c(Ann Lee,John Smith)"},
    {"tabs with empty cells", "a\tb\tc\n1\t\t2\n3\t\t5\n\t7\t\n", 0, "a:n? b:n? c:n?"},
    {"blanks around cells", " a , b\n 1, 2\n 3 ,5 \n", 0, "a:n b:n"},
    {"commas in quotes", "a,b\n\"x,y\",2\n\"z\",5\n", 0, "a:c(x,y,z) b:n"},
    {"doubled quotes", "a,b\n\"say \"\"x\"\"\",2\n\"\"\"\",5\n", 0, "a:c(\",say \"x\") b:n"},
    {"newlines in quotes", "a,b\n\"x\ny\",2\n\"z\r\nw\",5\n", 0, "a:c(x\ny,z\r\nw) b:n"},
    {"blanks in quotes stay", "a,b\n\" x\",2\n\"x\",5\n", 0, "a:c( x,x) b:n"},
    {"blanks before quotes", "a,b\n \"x\",2\n  \"y,z\" ,5\n", 0, "a:c(x,y,z) b:n"},
    {"numbers in quotes", "a,b\n\"1\",\"2\"\n\"3\",\"5\"\n", 0, "a:n b:n"},
    {"names in quotes", "\"a, b\",\"c\nd\"\n1,2\n3,5\n", 0, "a, b:n c\nd:n"},
    {"quotes within words", "a,b\n5\"x,2\n6\"x,5\n", 0, "a:c(5\"x,6\"x) b:n"},
    {"semicolons in a text", "a,b\nx;y,2\nz,5\n", 0, "a:c(x;y,z) b:n"},
    {"unclosed quote", "a,b\n1,2\n3,\"5\n7,8\n", 0, NULL, "line 3, column 2: a quote is opened"},
    {"text after a quote", "a,b\n1,2\n\"3\"4,5\n", 0, NULL, "line 3, column 1: something follows"},
    {"too few cells", "a,b\n1,2\n3\n4,5\n", 0, NULL, "line 3: has 1 cells, and the table 2"},
    {"too many cells", "a,b\n1,2\n3,4,5\n4,5\n", 0, NULL, "line 3: has 3 cells, and the table 2"},
    {"ragged after lines in quotes", "a,b\n\"1\n\n\",2\n3\n", 0, NULL, "line 5: has 1 cells"},
    {"R's row names", "\"a\",\"b\"\n\"1\",1,2\n\"2\",3,5\n", 0, NULL, "line 2: has 3 cells"},
    {"a delimiter at each end", "a,b,\n1,2,\n3,5,\n", 0, "a:n b:n Unnamed: 2:-", NULL,
        "ignored: 'Unnamed: 2', which have no values"},
    {"no header", "1,2\n3,5\n", 0, "0:n 1:n"},
    {"header told to be none", "a,b\nc,d\n", 0, "0:c(a,c) 1:c(b,d)", NULL, NULL,
        {.header = MCL_HEADER_NO}},
    {"header told to be one", "1,2\n3,5\n4,6\n", 0, "1:n 2:n", NULL, NULL,
        {.header = MCL_HEADER_YES}},
    {"values that come again are no header", "x,u\ny,u\nx,v\ny,v\n", 0, "0:c(x,y) 1:c(u,v)"},
    {"pandas' index", ",a\n0,5\n1,7\n2,7\n", 0, "Unnamed: 0:n a:n"},
    {"pandas' columns without names", "0,1\n5,7\n7,7\n8,1\n", 0, "0:n 1:n"},
    {"pandas' index and columns without names", ",0,1\n0,5,7\n1,7,7\n2,8,1\n", 0,
        "Unnamed: 0:n 0:n 1:n"},
    {"a header alone", "a,b\n", 0, NULL, "holds no rows below its header"},
    {"empty lines alone", "\n\n\n\n", 0, NULL, "holds no rows"},
    {"names twice", "a,b,a\n1,2,3\n", 0, NULL, "line 1: columns 1 and 3 are both called 'a'"},
    {"a number in the header", "a,2019,2020\nx,1,2\ny,3,5\n", 0, "a:c(x,y) 2019:n 2020:n", NULL,
        NULL, {.header = MCL_HEADER_YES}},
    {"decimal commas", "a;b\n1,5;2\n3,25;5\n", 0, "a:n b:n"},
    {"decimal commas with tabs", "a\tb\n1,5\t2,1\n3,25\t5,0\n", 0, "a:n b:n"},
    {"decimal points told", "a;b\n1,5;2\n3,25;5\n", 0, "a:c(1,5,3,25) b:n", NULL, NULL,
        {.decimal = "point"}},
    {"delimiter told", "a;b\n1;2\n3;5\n", 0, "a;b:c(1;2,3;5)", NULL, NULL, {.delimiter = "comma"}},
    {"a comma for both", "a,b\n1,2\n", 0, NULL, "a comma cannot be both", NULL,
        {.delimiter = "comma", .decimal = "comma"}},
    {"no delimiter that is known", "a,b\n1,2\n", 0, NULL, "unknown delimiter 'colon'", NULL,
        {.delimiter = "colon"}},
    {"exponents and signs", "a,b\n1e3,+2\n-3E-2,-.5\n4.,0\n", 0, "a:n b:n"},
    {"hexadecimal is text", "a,b\n0x10,2\n0x11,5\n", 0, "a:c(0x10,0x11) b:n"},
    {"thousands", "a,b\n\"1,234\",2\n\"2,345,678.5\",5\n", 0, NULL,
        "line 2, column 'a': '1,234' is a number with separators"},
    {"thousands among numbers", "a,b\n1,2\n\"1,234\",5\n", 0, NULL,
        "line 3, column 'a': '1,234' is a number with separators"},
    {"thousands by points", "a;b\n1.234.567;2\n2.345,5;5\n", 0, NULL,
        "line 2, column 'a': '1.234.567' is a number with separators"},
    {"per cent", "a,b\n5%,2\n7%,5\n", 0, NULL,
        "line 2, column 'a': '5%' is a number with separators or a unit"},
    {"a text first",
        "a,b\noops,1\n"
        "0.5,0\n1.5,1\n2.5,2\n3.5,0\n4.5,1\n5.5,2\n6.5,0\n7.5,1\n"
        "8.5,2\n9.5,0\n10.5,1\n11.5,2\n12.5,0\n13.5,1\n14.5,2\n15.5,0\n"
        "16.5,1\n17.5,2\n18.5,0\n19.5,1\n20.5,2\n21.5,0\n22.5,1\n23.5,2\n",
        0, NULL, "line 2, column 'a': 'oops' is no number"},
    {"tiny", "a,b\n1e-200,1\n2e-200,5\n3e-200,2\n", 0, NULL, "differences too small"},
    {"units", "a,b\n42 kg,2\n7.5kg,5\n", 0, NULL,
        "line 2, column 'a': '42 kg' is a number with separators or a unit"},
    {"degrees", "a,b\n20\u00B0C,2\n21.5 \u00B0C,5\n", 0, NULL,
        "is a number with separators or a unit"},
    {"what is no unit", "a,b\n3D,2\n2D,5\n", 0, "a:c(2D,3D) b:n"},
    {"ordinals", "a,b\n1st,2\n2nd,5\n", 0, "a:c(1st,2nd) b:n"},
    {"another minus", "a,b\n\u22125,2\n7,5\n", 0, NULL,
        "line 2, column 'a': '\u22125' is a number with separators"},
    {"thousands by blanks that do not break", "a,b\n1\u00A0234,2\n2\u202F345\u202F678,5\n", 0, NULL,
        "'1\u00A0234' is a number with separators"},
    {"thousands by thin blanks", "a;b\n1\u2009234,5;2\n2\u2009345,1;5\n", 0, NULL,
        "is a number with separators"},
    {"scores and a slip", "a,b\n1,2\n2,5\n3,5\n4O,5\n4,5\n", 0, "a:c(1,2,3,4,4O) b:n", NULL,
        "line 5: column 'a' is taken for categories, as '4O' is no number, though most"},
    {"an open end is a category", "a,b\n1,2\n2,5\n3+,5\n", 0, "a:c(1,2,3+) b:n"},
    {"a line of tabs", "a,b\n1,2\n\t\t\n3,5\n\t", 0, "a:n b:n"},
    {"dollars", "a,b\n$5,2\n$7.50,5\n", 0, NULL,
        "line 2, column 'a': '$5' is a number with separators"},
    {"dates", "d,b\n2026-11-29,2\n2026-11-30,5\n", 0, "d:- b:n", NULL,
        "ignored: 'd', which have dates or times"},
    {"dates of other countries", "d,e,b\n29.11.26,11/29/2026,2\n30.11.26,11/30/2026,5\n", 0,
        "d:- e:- b:n"},
    {"points in time", "d,b\n2026-11-29T10:15:30Z,2\n2026-11-30 10:15,5\n", 0, "d:- b:n"},
    {"times", "d,b\n10:15,2\n10:15:30,5\n", 0, "d:- b:n"},
    {"dates as categories", "d,b\n2026-11,2\n2026-12,5\n", 0, "d:c(2026-11,2026-12) b:n", NULL,
        NULL, {.categorical = "d"}},
    {"empty cells", "a,b\n,2\n3,5\n4,6\n", 0, "a:n? b:n"},
    {"missing values", "a,b\nNA,x\nN/A,?\nNaN,y\nnull,-\n7,x\n8,None\n", 0, "a:n? b:c(,x,y)"},
    {"more missing values", "a,b\n#N/A,x\n<NA>,--\nNaT,.\nnan,y\n7,NULL\n8,n/a\n", 0,
        "a:n? b:c(,x,y)"},
    {"a point among numbers is missing", "a,b\n1.,2\n.,5\n4,-.\n3,7\n", 0, "a:n? b:c(-.,2,5,7)"},
    {"missing values in quotes", "a,b\n\"\",x\n\"NA\",\"\"\n7,y\n8,y\n", 0, "a:n? b:c(,x,y)"},
    {"a column of missing values", "a,b\n,1\nNA,2\n", 0, "a:- b:n", NULL,
        "'a', which have no values"},
    {"a constant", "a,b\n7,1\n7,2\n", 0, "a:- b:n", NULL, "'a', which have the same value"},
    {"a constant text", "a,b\nx,1\nx,2\n", 0, "a:- b:n"},
    {"a constant and gaps", "a,b\n7,1\n,2\n", 0, "a:n? b:n"},
    {"a text and gaps", "a,b\nx,1\n,2\n", 0, "a:c(,x) b:n"},
    {"constants alone", "a,b\n7,x\n7,x\n", 0, NULL, "has no column that could be an input"},
    {"one row", "a,b\n7,x\n", 0, NULL, "has no column that could be an input, in 1 rows"},
    {"infinite", "a,b\n1,2\ninf,5\n", 0, NULL, "line 3, column 'a': is infinite"},
    {"too large for a double", "a,b\n1,2\n1e999,5\n", 0, "a:c(1,1e999) b:n"},
    {"too large for squares", "a,b\n1,2\n1e300,5\n", 0, NULL, "column 'a' has numbers too large"},
    {"texts among numbers", "a,b\n1,2\nA,5\n2,6\n", 0, "a:c(1,2,A) b:n"},
    {"a text among many numbers",
        "a\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20\n21."
        "5\noops\n22\n",
        0, NULL, "line 23, column 'a': 'oops' is no number, as most"},
    {"a text late among few numbers", "a,b\n" TEN("1,2\n2,3\n") "x,4\n", 0, "a:c(1,2,x) b:n"},
    {"a text among numbers told to be", "a,b\n1,2\nA,5\n", 0, NULL,
        "line 3, column 'a': 'A' is no number, as `numeric` has it", NULL, {.numeric = "a"}},
    {"integers told to be categories", "a,b\n2,2\n10,5\n2,6\n", 0, "a:c(2,10) b:n", NULL, NULL,
        {.categorical = "a"}},
    {"truth", "a,b\nTrue,1\nFalse,2\n", 0, "a:c(False,True) b:n"},
    {"rows that are counted",
        "i,b\n1,5\n2,6\n3,5\n4,6\n5,5\n6,6\n7,5\n8,6\n9,5\n10,6\n11,5\n12,6\n13,5\n14,6\n15,5\n16,"
        "6\n"
        "17,5\n18,6\n19,5\n20,6\n",
        0, "i:- b:n", NULL, "'i', which count the rows"},
    {"a text a row",
        "i,b\na,5\nb,6\nc,5\nd,6\ne,5\nf,6\ng,5\nh,6\ni,5\nj,6\nk,5\nl,6\nm,5\nn,6\no,5\np,6\nq,5\n"
        "r,6\ns,5\nt,6\n",
        0, "i:- b:n", NULL, "'i', which have another text in every row"},
    {"a label", "a,b\n1,yes\n2,no\n3,\n", 0, "a:n b:l(no,yes)", NULL, NULL, {.label = "b"}},
    {"labels that are numbers", "a,b\n1,10\n2,9\n3,9.0\n", 0, "a:n b:l(9,10)", NULL, NULL,
        {.label = "b"}},
    {"an id", "a,b\n1,yes\n2,no\n3,7\n", 0, "a:n b:id", NULL, NULL, {.id = "b"}},
    {"columns to ignore", "a,\"b,c\",d\n1,2,3\n2,3,5\n", 0, "a:- b,c:- d:n", NULL, NULL,
        {.ignore = "a,\"b,c\""}},
    {"a name that is near", "mass,b\n1,2\n3,5\n", 0, NULL,
        "`label`: there is no column 'mas'; is 'mass' meant? The columns are 'mass', 'b'", NULL,
        {.label = "mas"}},
    {"a name that is none", "mass,b\n1,2\n3,5\n", 0, NULL,
        "`ignore`: there is no column 'zzzz'; the columns are 'mass', 'b'", NULL,
        {.ignore = "b,zzzz"}},
    {"a name where there are none", "1,2\n3,5\n", 0, NULL, "as the file has no header", NULL,
        {.id = "mass"}},
    {"one column for two", "a,b\n1,2\n3,5\n", 0, NULL, "'a' cannot be label and ignored", NULL,
        {.label = "a", .ignore = "a"}},
    {"letters of all kinds", "\xC3\xA4,\xE2\x82\xAC\n1,\xE6\x97\xA5\n2,\xF0\x9F\x90\xA7\n", 0,
        "\xC3\xA4:n \xE2\x82\xAC:c(\xE6\x97\xA5,\xF0\x9F\x90\xA7)"},
    {"Latin-1", "a,b\n1,x\n2,caf\xE9\n", 0, NULL, "line 3, column 2: is not UTF-8"},
    {"Latin-1 in quotes", "a,b\n1,x\n2,\"\xE9\"\n", 0, NULL, "line 3, column 2: is not UTF-8"},
    {"a zero byte at once", "a,b\n1,x\n2,\0y\n", 13, NULL, "is text, but no table"},
    {"UTF-16",
        "\xFF\xFE"
        "a\0,\0b\0\n\0001\0,\0002\0\n\0",
        18, NULL, "is text in UTF-16"},
    {"HTML", "<!DOCTYPE html>\n<html><head></head></html>\n", 0, NULL, "is an HTML page"},
    {"JSON", "{\"a\": [1, 2]}\n", 0, NULL, "is JSON"},
    {"huge offsets", "a,b\n1000000000.25,1\n1000000000.5,2\n1000000000.75,3\n", 0, "a:n b:n"},
};

static mcl_data *opened(const char *path, const mcl_data_options *options)
{
    mcl_data *data = NULL;
    ck_assert_msg(mcl_data_open_with(&data, path, options) == MCL_OK, "%s", mcl_error_message());
    return data;
}

static const char *file_of(const char *text)
{
    const char *path = scratch("table");
    write_file(path, text, strlen(text));
    return path;
}

START_TEST(test_awkward)
{
    const char *path = scratch("table"), *what = awkward[_i].what;
    const size_t count = awkward[_i].count ? awkward[_i].count : strlen(awkward[_i].text);
    mcl_data *data = NULL;
    write_file(path, awkward[_i].text, count);
    const mcl_status status = mcl_data_open_with(&data, path, &awkward[_i].options);
    if (!awkward[_i].expected) {
        ck_assert_msg(status != MCL_OK, "%s: %s", what, summary(mcl_data_schema(data)));
        ck_assert_ptr_null(data);
        ck_assert_msg(
            strstr(mcl_error_message(), awkward[_i].refusal), "%s: %s", what, mcl_error_message());
        ck_assert_ptr_null(strchr(mcl_error_message(), '\n'));
        return;
    }
    ck_assert_msg(status == MCL_OK, "%s: %s", what, mcl_error_message());
    const char *warning = mcl_data_warning(data), *short_schema = summary(mcl_data_schema(data));
    ck_assert_msg(strcmp(short_schema, awkward[_i].expected) == 0, "%s: %s", what, short_schema);
    ck_assert_msg(!awkward[_i].warning || (warning && strstr(warning, awkward[_i].warning)),
        "%s: %s", what, warning);
    ck_assert_uint_eq(mcl_data_columns(data), mcl_schema_inputs(mcl_data_schema(data)));
    mcl_data_free(data);
}

static void assert_values(const mcl_data *data, const float *expected, size_t count)
{
    ck_assert_uint_eq(mcl_data_rows(data) * mcl_data_columns(data), count);
    ck_assert_int_eq(mcl_data_element(data), MCL_ELEMENT_FLOAT32);
    const float *values = mcl_data_values(data);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(values[i] == expected[i], "%zu: %g", i, (double)values[i]);
}

/* Means are 2 and 10^9, deviations √(2/3) and 1. */
static const char train[] = "x,far,c,y,name\n1,1000000001,u,no,first\n3,999999999,v,yes,\n"
                            "2,1000000001,u,,third\n,999999999,u,yes,fourth\n";

START_TEST(test_values_labels_and_names)
{
    static const float root = 1.22474487139158904909864203735f;
    static const float expected[] = {
        -root, 0, 1, 1, 0, 0, root, 0, -1, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, -1, 1, 0, 0};
    static const int32_t labels[] = {0, 1, -1, 1};
    mcl_data *data = opened(file_of(train), &(mcl_data_options){.label = "y", .id = "name"});
    assert_values(data, expected, 24);
    ck_assert_mem_eq(mcl_data_labels(data), labels, sizeof labels);
    ck_assert_uint_eq(mcl_data_classes(data), 2);
    ck_assert_str_eq(mcl_data_class_name(data, 1), "yes");
    ck_assert_str_eq(mcl_data_row_name(data, 0), "first");
    ck_assert_str_eq(mcl_data_row_name(data, 1), "");
    ck_assert_ptr_null(mcl_data_warning(data));
    mcl_data_free(data);
}

START_TEST(test_other_ways_to_standardize)
{
    static const float none[] = {1, 5, 3, 9}, center[] = {-1, -2, 1, 2};
    const char *path = file_of("a,b\n1,5\n3,9\n");
    mcl_data *data = opened(path, &(mcl_data_options){.standardize = MCL_STANDARDIZE_NONE});
    assert_values(data, none, 4);
    mcl_data_free(data);
    data = opened(path, &(mcl_data_options){.standardize = MCL_STANDARDIZE_CENTER});
    float scaled[4];
    for (int i = 0; i < 4; i++)
        scaled[i] = (float)(center[i] / sqrt(2.5));
    assert_values(data, scaled, 4);
    mcl_data_free(data);
}

/* The schema of train, through its text, applied to a table. */
static mcl_status apply(mcl_data **data, const char *text, mcl_data_options options)
{
    char *line = NULL;
    mcl_schema *schema = NULL;
    mcl_data *first = opened(file_of(train), &(mcl_data_options){.label = "y", .id = "name"});
    ck_assert_int_eq(mcl_schema_text(&line, mcl_data_schema(first)), MCL_OK);
    ck_assert_int_eq(mcl_schema_parse(&schema, line), MCL_OK);
    mcl_schema_text_free(line);
    mcl_data_free(first);
    options.schema = schema;
    const mcl_status status = mcl_data_open_with(data, file_of(text), &options);
    mcl_schema_free(schema);
    return status;
}

START_TEST(test_another_order_of_columns)
{
    static const float expected[] = {0, 0, -1, 0, 1, 0, 0, 1, 1, 1, 0, 0};
    static const int32_t labels[] = {1, 0};
    mcl_data *data = NULL;
    ck_assert_msg(apply(&data, "c,y,far,more,x\nv,yes,999999999,7,2\nu,no,1000000001,8,?\n",
                      (mcl_data_options){.like = NULL}) == MCL_OK,
        "%s", mcl_error_message());
    assert_values(data, expected, 12);
    ck_assert_mem_eq(mcl_data_labels(data), labels, sizeof labels);
    ck_assert_ptr_nonnull(strstr(mcl_data_warning(data), "ignored: 'more', which the model's"));
    mcl_data_free(data);
}

START_TEST(test_what_the_schema_does_not_know)
{
    mcl_data *data = NULL;
    ck_assert_int_eq(
        apply(&data, "x,far,c\n1,,w\n200,1e9,\n", (mcl_data_options){.like = NULL}), MCL_OK);
    const float *values = mcl_data_values(data);
    ck_assert(values[2] == 0 && values[3] == 0 && values[4] == 0 && values[5] == 1);
    ck_assert(values[9] == 0 && values[10] == 0 && values[11] == 1);
    const char *warning = mcl_data_warning(data);
    ck_assert_ptr_nonnull(strstr(warning, "column 'c': 1 rows have categories that the model does "
                                          "not know, the first 'w'\n"));
    ck_assert_ptr_nonnull(strstr(warning, "column 'c': 1 rows have no value"));
    ck_assert_ptr_nonnull(
        strstr(warning, "column 'far': 1 rows have no value, and none was missing "
                        "in training; they count as the mean"));
    ck_assert_ptr_nonnull(strstr(warning, "column 'x': its mean is 100.5 and its deviation 99.5; "
                                          "they were 2 and 0.816 in training"));
    mcl_data_free(data);
}

static const struct {
    const char *text, *part;
    mcl_data_options options;
} unfit[] = {
    {"x,d,c\n1,2,u\n", "lacks columns that the model's schema has: 'far'; left over: 'd'",
        {.like = NULL}},
    {"x,c\n1,u\n", "has: 'far'; left over: none", {.like = NULL}},
    {"1,2\n3,4\n", "'x', 'far', 'c'; left over: '0', '1' (the file has no header)", {.like = NULL}},
    {"x,far,c\n1,abc,u\n", "line 2, column 'far': 'abc' is no number, and the schema has numbers",
        {.like = NULL}},
    {"x,far,c\n1,2,u\n1,-inf,u\n", "line 3, column 'far': '-inf' is infinite", {.like = NULL}},
    {"x,far,c\n1e300,2,u\n", "line 2, column 'x': '1e300' is too large for float32",
        {.like = NULL}},
    {"x,far,c\n1,2,u\n", "'x' is of kind 'number' in the model's schema, and cannot be category",
        {.categorical = "x"}},
    {"x,far,c\n", "holds no rows", {.like = NULL}},
};

START_TEST(test_tables_that_do_not_fit)
{
    mcl_data *data = NULL;
    ck_assert_int_ne(apply(&data, unfit[_i].text, unfit[_i].options), MCL_OK);
    ck_assert_ptr_null(data);
    assert_error(scratch_folder, unfit[_i].part);
}

START_TEST(test_labels_as_elsewhere)
{
    static const int32_t by_name[] = {2, 1, 0, -1}, by_number[] = {3, 0, 7, -1};
    mcl_data *like = opened(file_of("a,y\n1,b\n2,c\n"), &(mcl_data_options){.label = "y"});
    mcl_data *data = opened(
        file_of("a,y\n1,a\n2,c\n3,b\n4,\n"), &(mcl_data_options){.label = "y", .like = like});
    ck_assert_mem_eq(mcl_data_labels(data), by_name, sizeof by_name);
    ck_assert_str_eq(mcl_data_class_name(data, 2), "a");
    mcl_data_free(data);
    mcl_data_free(like);
    like = NULL;
    ck_assert_int_eq(mcl_data_from_floats(&like, (const float[]){1, 2}, 2, 1), MCL_OK);
    data = opened(
        file_of("a,y\n1,3\n2,0\n3,7.0\n4,\n"), &(mcl_data_options){.label = "y", .like = like});
    ck_assert_mem_eq(mcl_data_labels(data), by_number, sizeof by_number);
    ck_assert_uint_eq(mcl_data_classes(data), 0);
    mcl_data_free(data);
    data = NULL;
    ck_assert_int_eq(mcl_data_open_with(&data, file_of("a,y\n1,x\n2,0\n"),
                         &(mcl_data_options){.label = "y", .like = like}),
        MCL_ERROR_DATA);
    assert_error(scratch_folder, "the label 'x' is none of the numbers");
    mcl_data_free(like);
}

START_TEST(test_labels_of_which_the_schema_knows_not_all)
{
    static const int32_t labels[] = {0, 2, 1};
    mcl_data *data = NULL;
    ck_assert_int_eq(apply(&data, "x,far,c,y\n1,1e9,u,maybe\n2,1e9,u,yes\n3,1e9,v,no\n",
                         (mcl_data_options){.label = "y"}),
        MCL_OK);
    ck_assert_mem_eq(mcl_data_labels(data), labels, sizeof labels);
    mcl_data_free(data);
}

START_TEST(test_parts_of_a_table)
{
    const char *paths[] = {scratch("1"), scratch("2"), scratch("3")};
    static const float expected[] = {-1, -1, 1, 1, -1, 1, 1, -1};
    mcl_data *data = NULL;
    write_file(paths[0], "a,b\n1,2\n3,4\n", 12);
    write_file(paths[1], "b,a\n4,1\n", 8);
    write_file(paths[2], "b,a\n2,3", 7);
    ck_assert_int_eq(mcl_data_open_all(&data, paths, 3, NULL), MCL_OK);
    assert_values(data, expected, 8);
    mcl_data_free(data);
    data = NULL;
    write_file(paths[1], "b,c\n4,1\n", 8);
    ck_assert_int_eq(mcl_data_open_all(&data, paths, 3, NULL), MCL_ERROR_DATA);
    assert_error(paths[1], "has not the columns of ");
    assert_error(paths[1], "missing: 'a'; left over: 'c'");
    write_file(paths[1], "b,a\n4,1\n7\n", 10);
    ck_assert_int_eq(mcl_data_open_all(&data, paths, 3, NULL), MCL_ERROR_FORMAT);
    assert_error(paths[1], "line 3: has 1 cells");
    ck_assert_ptr_null(data);
}

/* As train's rows, whatever they come in. */
static void assert_like_train(const char *path)
{
    const mcl_data_options options = {.label = "y", .id = "name"};
    char digest[2][MCL_DIGEST_SIZE], *text[2];
    const char *paths[] = {file_of(train), path};
    for (int i = 0; i < 2; i++) {
        mcl_data *data = opened(paths[i], &options);
        mcl_data_digest(digest[i], data);
        ck_assert_int_eq(mcl_schema_text(&text[i], mcl_data_schema(data)), MCL_OK);
        mcl_data_free(data);
    }
    ck_assert_str_eq(digest[0], digest[1]);
    ck_assert_str_eq(text[0], text[1]);
    mcl_schema_text_free(text[0]);
    mcl_schema_text_free(text[1]);
}

START_TEST(test_compressed_and_piped)
{
    struct bytes plain = {.count = 0}, packed = {.count = 0};
    int descriptor;
    append(&plain, train, sizeof train - 1);
    packed = gzipped(&plain);
    assert_like_train(file_with(&packed));
    assert_like_train(pipe_with(&plain, &descriptor));
    close(descriptor);
    assert_like_train(pipe_with(&packed, &descriptor));
    close(descriptor);
    packed.count = ZSTD_compress(packed.at, sizeof packed.at, plain.at, plain.count, 3);
    ck_assert(!ZSTD_isError(packed.count));
    assert_like_train(file_with(&packed));
    for (size_t count = packed.count - 1; count > 8; count -= 7) {
        struct bytes cut = packed;
        mcl_data *data = NULL;
        cut.count = count;
        const char *path = file_with(&cut);
        ck_assert_int_eq(mcl_data_open(&data, path), MCL_ERROR_FORMAT);
        assert_error(path, "is truncated: the file ends at byte ");
    }
    packed.at[packed.count / 2] ^= 0x55;
    mcl_data *data = NULL;
    ck_assert_int_ne(mcl_data_open(&data, file_with(&packed)), MCL_OK);
}

START_TEST(test_standard_input)
{
    const int before = dup(STDIN_FILENO);
    struct bytes plain = {.count = 0};
    int descriptor;
    append(&plain, train, sizeof train - 1);
    pipe_with(&plain, &descriptor);
    ck_assert_int_eq(dup2(descriptor, STDIN_FILENO), STDIN_FILENO);
    close(descriptor);
    mcl_data *data = opened("-", NULL);
    ck_assert_uint_eq(mcl_data_rows(data), 4);
    mcl_data_free(data);
    dup2(before, STDIN_FILENO);
    close(before);
}

/* Rows enough that nothing is in one block. */
START_TEST(test_long_tables)
{
    const char *path = scratch("long");
    const int rows = 60000;
    FILE *file = fopen(path, "w");
    fprintf(file, "n,c,late\n");
    for (int i = 0; i < rows; i++)
        fprintf(file, "%d.5,\"category \"\"%d\"\"\",%s\n", 1000000000 + i % 7, i % 5,
            i + 1 == rows ? "x"
            : i % 2       ? "1"
                          : "2");
    fclose(file);
    mcl_data *data = opened(path, NULL);
    ck_assert_str_eq(summary(mcl_data_schema(data)),
        "n:n c:c(category \"0\",category \"1\",category \"2\",category \"3\",category \"4\") "
        "late:c(1,2,x)");
    const mcl_column n = mcl_schema_column(mcl_data_schema(data), 0);
    ck_assert(fabs(n.mean - 1000000003.5) < 1e-3);
    ck_assert(fabs(n.deviation - 2.0) < 1e-4);
    ck_assert_uint_eq(mcl_data_rows(data), (uint64_t)rows);
    mcl_data_free(data);
}

/* Texts whose quotes and ends of lines lead the search for the ends of blocks astray. */
static const struct {
    const char *what;
    const char *texts[4]; /* of rows in turn, as they are written */
    const char *end;      /* of lines */
    const char *schema;
} styles[] = {
    {"plain", {"u", "v", "w", "x"}, "\n", "n:n t:c(u,v,w,x) z:n"},
    {"CR alone", {"u", "v", "w", "x"}, "\r", "n:n t:c(u,v,w,x) z:n"},
    {"lines in quotes", {"\"u\n1,2,3\n\"", "v", "\"w\"\"\n\"", "\"\"\"x\""}, "\r\n",
        "n:n t:c(\"x,u\n1,2,3\n,v,w\"\n) z:n"},
    {"letters", {"5\"", "v", "w\"\"\"", "x"}, "\n", "n:n t:c(5\",v,w\"\"\",x) z:n"},
    {"letters and lines", {"5\"", "\"v\n1,2,3\"", "w", "\"\n\n\""}, "\n",
        "n:n t:c(\n\n,5\",v\n1,2,3,w) z:n"},
};

/* Rows of number, text, number, over several blocks; row 60000 is as long as two of them. */
static uint64_t write_blocks(FILE *file, size_t style)
{
    const uint64_t rows = 100000;
    fprintf(file, "n,t,z%s", styles[style].end);
    for (uint64_t i = 0; i < rows; i++) {
        fprintf(file, "%u.25,%s,%u%s", (unsigned)(i % 1009), styles[style].texts[i % 4],
            (unsigned)(i % 7), styles[style].end);
        if (i == 60000)
            fprintf(file, "1,%1500000s,1%s", styles[style].texts[0], styles[style].end);
    }
    return rows + 1;
}

START_TEST(test_blocks)
{
    const char *path = scratch("blocks");
    FILE *file = fopen(path, "wb");
    const uint64_t rows = write_blocks(file, (size_t)_i);
    ck_assert_int_eq(fclose(file), 0);
    mcl_data *data = opened(path, &(mcl_data_options){.host_memory = 0});
    const mcl_schema *schema = mcl_data_schema(data);
    const mcl_column n = mcl_schema_column(schema, 0), z = mcl_schema_column(schema, 2);
    const float *row = mcl_data_values(data);
    ck_assert_str_eq(summary(schema), styles[_i].schema);
    ck_assert_uint_eq(mcl_data_rows(data), rows);
    for (uint64_t r = 0; r < rows; r++, row += mcl_data_columns(data)) {
        const uint64_t i = r > 60000 ? r - 1 : r;
        const double first = r == 60001 ? 1 : (double)(i % 1009) + 0.25;
        const double last = r == 60001 ? 1 : (double)(i % 7);
        ck_assert(row[0] == (float)((first - n.mean) / n.deviation));
        ck_assert(row[z.first] == (float)((last - z.mean) / z.deviation));
    }
    mcl_data_free(data);
}

/* Lines are counted over the ends of blocks, and what is wrong stands where it is. */
START_TEST(test_lines_of_blocks)
{
    const char *path = scratch("blocks");
    char expected[64];
    FILE *file = fopen(path, "wb");
    write_blocks(file, (size_t)_i);
    const int more = _i == 2 || _i == 4 ? 3 : 0; /* ends of lines in the texts of four rows */
    fprintf(file, "7%s", styles[_i].end);
    ck_assert_int_eq(fclose(file), 0);
    snprintf(expected, sizeof expected, "line %d: has 1 cells",
        100003 + 25000 * more + (_i == 2 ? 2 : 0));
    assert_data_refused(path, MCL_ERROR_FORMAT, expected);
}

START_TEST(test_wide_tables)
{
    const char *path = scratch("wide");
    const int columns = 100000;
    FILE *file = fopen(path, "w");
    for (int row = 0; row < 3; row++)
        for (int i = 0; i < columns; i++)
            fprintf(file, row ? "%d%s" : "c%d%s", row ? i * row % 11 - i : i,
                i + 1 < columns ? "," : "\n");
    fclose(file);
    mcl_data *data = opened(path, NULL);
    ck_assert_uint_eq(mcl_schema_columns(mcl_data_schema(data)), (uint64_t)columns);
    mcl_data_free(data);
    file = fopen(path, "w");
    for (int i = 0; i < MCL_CSV_CELLS_MOST + 5; i++)
        fprintf(file, "%d,", i);
    fclose(file);
    assert_data_refused(path, MCL_ERROR_FORMAT, "line 1: has more than 1048576 columns");
}

START_TEST(test_zero_bytes)
{
    struct bytes file = {.count = 0};
    for (int i = 0; i < 100; i++)
        append(&file, i ? "1,x\n2,y\n" : "a,b\n2,y\n", 8);
    file.at[file.count - 2] = '\0';
    assert_data_refused(
        file_with(&file), MCL_ERROR_FORMAT, "line 200, column 2: has a zero byte, which no text");
    file.at[file.count - 2] = 'y';
    append(&file, "3,\"\0\"\n", 6);
    assert_data_refused(
        file_with(&file), MCL_ERROR_FORMAT, "line 201, column 2: has a zero byte, which no text");
}

START_TEST(test_a_line_of_a_gigabyte)
{
    const char *path = scratch("line");
    const int descriptor = open(path, O_WRONLY | O_CREAT, 0600);
    static char block[1 << 20];
    memset(block, 'x', sizeof block);
    ck_assert_int_eq((int)write(descriptor, "a,b\n1,2\n", 8), 8);
    for (int i = 0; i < 66; i++)
        ck_assert_int_eq((int)write(descriptor, block, sizeof block), (int)sizeof block);
    close(descriptor);
    assert_data_refused(path, MCL_ERROR_FORMAT, "line 3 begins a record of more than 64 MiB");
}

START_TEST(test_locale_with_a_decimal_comma)
{
    static const float expected[] = {-1, 1};
    if (!use_decimal_comma())
        return;
    mcl_data *data = opened(file_of("a\n1.25\n1.75\n"), NULL);
    assert_values(data, expected, 2);
    mcl_data_free(data);
}

#if MASKCL_FAILING_MEMORY
static const char *failing_path;

static int open_once(void)
{
    mcl_data *data = NULL;
    const mcl_data_options options = {.label = "y", .id = "name"};
    const mcl_status status = mcl_data_open_with(&data, failing_path, &options);
    mcl_data_free(data);
    return status == MCL_OK                                                    ? 0
           : (status == MCL_ERROR_MEMORY || status == MCL_ERROR_FILE) && !data ? 1
                                                                               : -1;
}

START_TEST(test_each_allocation_failing)
{
    failing_path = file_of(train);
    ck_assert_uint_gt(fail_each_allocation(open_once), 50);
}
#endif

int main(void)
{
    Suite *suite = suite_create("csv");
    TCase *tcase = tcase_create("csv");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, scratch_setup, scratch_teardown);
    tcase_add_loop_test(tcase, test_awkward, 0, sizeof awkward / sizeof *awkward);
    tcase_add_test(tcase, test_values_labels_and_names);
    tcase_add_test(tcase, test_other_ways_to_standardize);
    tcase_add_test(tcase, test_another_order_of_columns);
    tcase_add_test(tcase, test_what_the_schema_does_not_know);
    tcase_add_loop_test(tcase, test_tables_that_do_not_fit, 0, sizeof unfit / sizeof *unfit);
    tcase_add_test(tcase, test_labels_as_elsewhere);
    tcase_add_test(tcase, test_labels_of_which_the_schema_knows_not_all);
    tcase_add_test(tcase, test_parts_of_a_table);
    tcase_add_test(tcase, test_compressed_and_piped);
    tcase_add_test(tcase, test_standard_input);
    tcase_add_test(tcase, test_long_tables);
    tcase_add_loop_test(tcase, test_blocks, 0, sizeof styles / sizeof *styles);
    tcase_add_loop_test(tcase, test_lines_of_blocks, 0, sizeof styles / sizeof *styles);
    tcase_add_test(tcase, test_wide_tables);
    tcase_add_test(tcase, test_zero_bytes);
    tcase_add_test(tcase, test_a_line_of_a_gigabyte);
    tcase_add_test(tcase, test_locale_with_a_decimal_comma);
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
