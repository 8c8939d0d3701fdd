/* SPDX-License-Identifier: Apache-2.0 */
/* NumPy's .npy files: as NumPy writes them, as it would still read them, and damaged ones. */
#include "support/inputs.h"

#include "support/failing_memory.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "data/data.h"

/* A file of this version with this header and `count` bytes of values. */
static struct bytes npy(int version, const char *header, const void *values, size_t count)
{
    struct bytes file = {.at = "\x93NUMPY", .count = 6};
    const size_t length = strlen(header);
    append_byte(&file, (unsigned char)version);
    append_byte(&file, 0);
    for (int i = 0; i < (version == 1 ? 2 : 4); i++)
        append_byte(&file, (unsigned char)(length >> 8 * i));
    append(&file, header, length);
    if (count)
        append(&file, values, count);
    return file;
}

static const float six[] = {0.5f, -1, 2, 3, 4, 5.25f};

#define SIX "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n"

/* Where the header begins and where the values of npy(1, SIX, …) do. */
#define HEADER 10
#define VALUES (HEADER + sizeof SIX - 1)

static void assert_counting(const char *name, uint64_t rows, uint64_t columns, double step)
{
    mcl_data *data = open_data(fixture(name));
    ck_assert_uint_eq(mcl_data_rows(data), rows);
    ck_assert_uint_eq(mcl_data_columns(data), columns);
    ck_assert_int_eq(mcl_data_element(data), MCL_ELEMENT_FLOAT32);
    const float *values = mcl_data_values(data);
    for (uint64_t i = 0; i < rows * columns; i++)
        ck_assert(values[i] == (float)((double)i * step));
    mcl_data_free(data);
}

static void assert_bytes(const char *name, size_t dimensions, const uint64_t *sizes)
{
    mcl_data *data = open_data(fixture(name));
    uint64_t shape[MCL_DIMENSIONS_MAX], columns = 1;
    ck_assert_uint_eq(mcl_data_row_shape(data, shape), dimensions);
    for (size_t d = 0; d < dimensions; d++) {
        ck_assert_uint_eq(shape[d], sizes[d]);
        columns *= sizes[d];
    }
    ck_assert_uint_eq(mcl_data_columns(data), columns);
    ck_assert_int_eq(mcl_data_element(data), MCL_ELEMENT_UINT8);
    const unsigned char *values = mcl_data_values(data);
    for (uint64_t i = 0; i < mcl_data_rows(data) * columns; i++)
        ck_assert_uint_eq(values[i], i);
    mcl_data_free(data);
}

START_TEST(test_what_numpy_saves)
{
    assert_counting("float32.npy", 4, 3, 1);
    assert_counting("float32.npy.gz", 4, 3, 1);
    assert_counting("version2.npy", 4, 3, 1);
    assert_counting("version3.npy", 4, 3, 1);
    assert_counting("vector.npy", 5, 1, 1);
    mcl_data *data = open_data(fixture("float64.npy"));
    float values[12];
    ck_assert_int_eq(mcl_data_element(data), MCL_ELEMENT_FLOAT32);
    ck_assert_int_eq(mcl_data_floats(values, data, 0, 4), MCL_OK);
    for (int i = 0; i < 12; i++)
        ck_assert(values[i] == (float)(i / 7.0));
    mcl_data_free(data);
}

START_TEST(test_either_byte_order_and_either_order_of_indices)
{
    assert_counting("big-endian-float32.npy", 4, 3, 1);
    assert_counting("big-endian-float64.npy", 4, 3, 1);
    assert_counting("big-endian-int64.npy", 4, 1, 1);
    assert_counting("fortran.npy", 4, 3, 1);
    assert_counting("float16.npy", 4, 3, 1);
    mcl_data *data = open_data(fixture("bool.npy"));
    const float expected[] = {1, 0};
    ck_assert_int_eq(mcl_data_element(data), MCL_ELEMENT_FLOAT32);
    ck_assert_mem_eq(mcl_data_values(data), expected, sizeof expected);
    mcl_data_free(data);
    data = open_data(fixture("int32.npy"));
    const float integers[] = {3, 0, 65535};
    ck_assert_mem_eq(mcl_data_values(data), integers, sizeof integers);
    mcl_data_free(data);
}

/* One value of every type, in both byte orders. */
static const struct {
    const char *name;
    const char *bytes; /* little-endian */
    size_t size;
    float value;
} typed[] = {
    {"b1", "\1", 1, 1},
    {"b1", "\xFF", 1, 1}, /* as a careless writer stores it */
    {"i1", "\x80", 1, -128},
    {"u2", "\xFF\xFF", 2, 65535},
    {"i2", "\1\x80", 2, -32767},
    {"u4", "\0\0\0\xFF", 4, 4278190080.0f},
    {"i4", "\0\0\0\x80", 4, -2147483648.0f},
    {"u8", "\0\0\0\0\0\0\0\x80", 8, 0x1p63f},
    {"i8", "\0\0\0\0\0\0\0\x80", 8, -0x1p63f},
    {"f2", "\0\x3C", 2, 1},
    {"f2", "\xFF\x7B", 2, 65504},
    {"f2", "\1\x80", 2, -0x1p-24f},
    {"f2", "\xFF\x03", 2, 0x1.ff8p-15f},
    {"f2", "\0\4", 2, 0x1p-14f},
    {"f4", "\0\0\xC0\x3F", 4, 1.5f},
    {"f8", "\0\0\0\0\0\0\xF8\xBF", 8, -1.5f},
};

START_TEST(test_every_type)
{
    for (int big = 0; big < 2; big++) {
        char header[128], bytes[16];
        const size_t size = typed[_i].size;
        memset(bytes, 0, sizeof bytes);
        for (size_t i = 0; i < size; i++)
            bytes[big ? size - 1 - i : i] = typed[_i].bytes[i];
        snprintf(header, sizeof header, "{'descr': '%c%s', 'fortran_order': False, 'shape': (2,)}",
            big ? '>' : '<', typed[_i].name);
        const struct bytes file = npy(1, header, bytes, 2 * size);
        struct bytes two = file; /* the value, and after it 0 */
        memset(two.at + two.count - size, 0, size);
        memcpy(two.at + two.count - 2 * size, bytes, size);
        mcl_data *data = open_data(file_with(&two));
        const float *values = mcl_data_values(data);
        ck_assert_int_eq(mcl_data_element(data), MCL_ELEMENT_FLOAT32);
        ck_assert_msg(values[0] == typed[_i].value, "%s: %a", typed[_i].name, (double)values[0]);
        ck_assert(values[1] == 0);
        mcl_data_free(data);
    }
}

START_TEST(test_halves_that_are_no_numbers)
{
    const char *header = "{'descr': '<f2', 'fortran_order': False, 'shape': (1, 2)}";
    struct bytes file = npy(1, header, "\0\0\0\x7C", 4);
    assert_data_refused(
        file_with(&file), MCL_ERROR_DATA, ": row 0, column 1 (counted from 0) is infinite");
    file = npy(1, header, "\1\xFC\0\0", 4);
    assert_data_refused(
        file_with(&file), MCL_ERROR_DATA, ": row 0, column 0 (counted from 0) is NaN");
}

/* Arrays in Fortran order, from a file whose size is known, out of gzip, and of more values than a
 * block: the value of each is its place in C order. */
static void assert_fortran(size_t dimensions, const size_t *shape, bool bytes)
{
    const char *paths[] = {scratch("f.npy"), scratch("f.npy.gz")};
    char header[256];
    size_t total = 1, used;
    used = (size_t)snprintf(header, sizeof header,
        "{'descr': '%s', 'fortran_order': True, 'shape': (", bytes ? "|u1" : "<f4");
    for (size_t d = 0; d < dimensions; d++) {
        used += (size_t)snprintf(header + used, sizeof header - used, "%zu, ", shape[d]);
        total *= shape[d];
    }
    snprintf(header + used, sizeof header - used, ")}");
    const struct bytes start = npy(1, header, NULL, 0);
    const size_t size = bytes ? 1 : sizeof(float);
    unsigned char *values = calloc(total, size);
    ck_assert(values != NULL);
    for (size_t i = 0; i < total; i++) { /* i in C order */
        size_t at = 0, rest = i, stride = total;
        for (size_t d = dimensions; d-- > 0;) {
            stride /= shape[d];
            at += rest % shape[d] * stride;
            rest /= shape[d];
        }
        const float value = (float)i;
        if (bytes)
            values[at] = (unsigned char)(i * 7);
        else
            memcpy(values + at * size, &value, size);
    }
    FILE *file = fopen(paths[0], "wb");
    fwrite(start.at, 1, start.count, file);
    fwrite(values, size, total, file);
    ck_assert_int_eq(fclose(file), 0);
    gzFile packed = gzopen(paths[1], "wb1");
    ck_assert_int_eq(gzwrite(packed, start.at, (unsigned)start.count), (int)start.count);
    ck_assert_int_eq(gzwrite(packed, values, (unsigned)(total * size)), (int)(total * size));
    ck_assert_int_eq(gzclose(packed), Z_OK);
    for (int k = 0; k < 2; k++) {
        mcl_data *data = open_data(paths[k]);
        const void *read = mcl_data_values(data);
        ck_assert_uint_eq(mcl_data_rows(data), shape[0]);
        size_t wrong = 0;
        for (size_t i = 0; i < total; i++)
            wrong += bytes ? ((const unsigned char *)read)[i] != (unsigned char)(i * 7)
                           : ((const float *)read)[i] != (float)i;
        ck_assert_uint_eq(wrong, 0);
        mcl_data_free(data);
    }
    free(values);
}

START_TEST(test_fortran_order)
{
    static const size_t shapes[][4] = {{4, 3}, {1, 5}, {5, 1}, {2, 3, 4}, {3, 1, 5}, {2, 3, 4, 5},
        {7, 40}, {40, 7}, {301, 17}, {50000, 3}, {3, 50000}, {30, 33, 37}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        size_t dimensions = 0;
        while (dimensions < 4 && shapes[i][dimensions])
            dimensions++;
        assert_fortran(dimensions, shapes[i], false);
        assert_fortran(dimensions, shapes[i], true);
    }
    const size_t tall[] = {5000000, 2}; /* a column is longer than what is read at once */
    assert_fortran(2, tall, false);
}

START_TEST(test_the_place_of_a_value_in_fortran_order)
{
    float values[6] = {0, 1, 2, 3, 4, 5};
    values[3] = NAN; /* row 1, column 1 of (2, 3) */
    const struct bytes file =
        npy(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", values, sizeof values);
    const struct bytes packed = gzipped(&file);
    const char *part = ": row 1, column 1 (counted from 0) is NaN";
    assert_data_refused(file_with(&file), MCL_ERROR_DATA, part);
    assert_data_refused(file_with(&packed), MCL_ERROR_DATA, part);
}

/* As they are: some of them differ so much that they would be standardized. */
static mcl_data *doubles(size_t rows, double (*value)(size_t))
{
    const mcl_data_options options = {.standardize = MCL_STANDARDIZE_NONE};
    mcl_data *data = NULL;
    char header[128];
    double values[400];
    for (size_t i = 0; i < 2 * rows; i++)
        values[i] = value(i);
    snprintf(
        header, sizeof header, "{'descr': '<f8', 'fortran_order': False, 'shape': (%zu, 2)}", rows);
    const struct bytes file = npy(1, header, values, 2 * rows * sizeof *values);
    ck_assert_int_eq(mcl_data_open_with(&data, file_with(&file), &options), MCL_OK);
    return data;
}

static double noise(size_t i)
{
    return (double)(i * 7919 % 1009) / 1009 - 0.5;
}

static double seconds(size_t i)
{
    return i % 2 ? 1700000000.5 + (double)i : noise(i);
}

static double half_minutes(size_t i) /* a month of them */
{
    return i % 2 ? 1700000000.25 + 15.0 * (double)i : noise(i);
}

static double identifiers(size_t i)
{
    return i % 2 ? 16777217.0 + (double)(i * 7919 % 1009) * 99991.0 : noise(i);
}

static double rounded(size_t i) /* a constant with the rounding errors of doubles */
{
    return i % 2 ? 0.3 + (double)(i % 3) * 0x1p-54 : noise(i);
}

static double far(size_t i)
{
    return i % 2 ? 20.0 + 0.01 * noise(i) : 1e20 * noise(i);
}

static double tiny(size_t i)
{
    return i % 2 ? 1e-13 * noise(i) : 101325.0 + 500.0 * noise(i);
}

static double below_floats(size_t i) /* likelihoods of many observations */
{
    return i % 2 ? 1e-40 * noise(i) : noise(i);
}

static double partly_below_floats(size_t i)
{
    return i % 20 ? noise(i) : 1e-60;
}

START_TEST(test_doubles_that_merge_are_told)
{
    double (*const lost[])(size_t) = {seconds, half_minutes, identifiers, below_floats};
    double (*const kept[])(size_t) = {noise, rounded, far, tiny, partly_below_floats};
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        mcl_data *data = doubles(200, lost[i]);
        const char *warning = mcl_data_warning(data);
        ck_assert_msg(warning != NULL, "nothing is told of %zu", i);
        ck_assert(strstr(warning, ": column 1 (counted from 0) has numbers such as ") != NULL);
        mcl_data_free(data);
    }
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        mcl_data *data = doubles(200, kept[i]);
        ck_assert_msg(mcl_data_warning(data) == NULL, "%zu: %s", i, mcl_data_warning(data));
        mcl_data_free(data);
    }
}

START_TEST(test_advice_for_lost_doubles_helps)
{
    static const struct {
        double (*number)(size_t);
        const char *advice;
    } cases[] = {
        {seconds, "; subtract the column's least number and save it again"},
        {below_floats, "it becomes 0, as others do; divide the column by its largest number and"},
    };
    for (size_t i = 0; i < 2; i++) {
        mcl_data *data = doubles(200, cases[i].number);
        const char *warning = mcl_data_warning(data);
        ck_assert_msg(warning && strstr(warning, cases[i].advice), "%s", warning);
        mcl_data_free(data);
    }
}

START_TEST(test_integers_that_no_float_has_are_told)
{
    static const struct {
        const char *descr;
        int64_t value;
        const char *part; /* NULL: nothing is told */
    } cases[] = {
        {"<i8", 16777216, NULL},
        {"<i8", 16777217, "column 1 (counted from 0) has numbers such as 16777217 that float32"},
        {"<i8", -16777219, "such as -16777219 that"},
        {"<i8", INT64_MAX, "such as 9223372036854775807 that"},
        {"<i8", INT64_MIN, NULL},
        {"<u8", INT64_MIN, NULL}, /* 2^63 */
        {"<u8", -1, "such as 18446744073709551615 that"},
        {"<i4", 33554436, NULL},
        {"<i4", 33554435, "such as 33554435 that"},
        {"<u4", 4294967295, "such as 4294967295 that"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[128];
        const size_t size = (size_t)(cases[i].descr[2] - '0');
        unsigned char bytes[32] = {0};
        memcpy(bytes + 3 * size, &cases[i].value, size);
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (2, 2)}",
            cases[i].descr);
        const struct bytes file = npy(1, header, bytes, 4 * size);
        mcl_data *data = open_data(file_with(&file));
        const char *warning = mcl_data_warning(data);
        if (cases[i].part)
            ck_assert_msg(warning && strstr(warning, cases[i].part), "%zu: %s", i, warning);
        else
            ck_assert_msg(warning == NULL, "%zu: %s", i, warning);
        mcl_data_free(data);
    }
}

START_TEST(test_shapes_of_rows)
{
    const uint64_t image[] = {2, 5}, eight[] = {1, 1, 1, 1, 1, 1, 2, 3},
                   folded[] = {1, 1, 1, 1, 1, 1, 2, 12};
    assert_bytes("uint8.npy", 2, image);
    assert_bytes("nine-dimensions.npy", 8, eight);
    assert_bytes("eleven-dimensions.npy", 8, folded);
}

static const struct {
    const char *name;
    mcl_status status;
    const char *part;
} refused[] = {
    {"objects.npy", MCL_ERROR_FORMAT,
        ": byte 20: the array holds Python objects (dtype '|O'); save numbers: "},
    {"structured.npy", MCL_ERROR_DATA,
        ": has no column that could be an input, in 3 rows: all are "},
    {"structured-names.npy", MCL_ERROR_DATA, ": has no column that could be an input, in 3 rows"},
    {"complex64.npy", MCL_ERROR_FORMAT,
        "the array holds complex numbers (dtype '<c8'); save numpy.stack((array.real, "},
    {"text.npy", MCL_ERROR_FORMAT, "the array holds text (dtype '<U2'); save"},
    {"time.npy", MCL_ERROR_FORMAT, "the array holds points in time (dtype '<M8[D]'); save"},
    {"scalar.npy", MCL_ERROR_FORMAT,
        "the array is a single number, without dimensions; save numpy.atleast_1d(array)"},
    {"no-rows.npy", MCL_ERROR_DATA, ": holds no rows: its shape is 0x3"},
    {"no-columns.npy", MCL_ERROR_DATA, ": its rows hold no values: its shape is 3x0"},
};

START_TEST(test_what_is_refused)
{
    assert_data_refused(fixture(refused[_i].name), refused[_i].status, refused[_i].part);
}

/* Headers that NumPy would read too. */
static const char *const good_headers[] = {
    SIX,
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
    "{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<f4\"}",
    "{'fortran_order': False, 'shape': (2, 3), 'descr': '<f4'}        \n",
    " \t{ 'shape' :\t( 2 ,\n3 , ) , 'descr' : '<f4' ,\r\n'fortran_order' : False , } \n \n",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }\n",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (000000000000000000000000002, 3), }\n",
};

START_TEST(test_headers_in_any_layout)
{
    for (int version = 1; version <= 3; version++) {
        const struct bytes file = npy(version, good_headers[_i], six, sizeof six);
        mcl_data *data = open_data(file_with(&file));
        ck_assert_uint_eq(mcl_data_rows(data), 2);
        ck_assert_uint_eq(mcl_data_columns(data), 3);
        ck_assert_mem_eq(mcl_data_values(data), six, sizeof six);
        mcl_data_free(data);
    }
}

START_TEST(test_any_byte_order_of_a_byte)
{
    static const char *const names[] = {"|u1", "<u1", ">u1", "=u1", "u1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char header[128];
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (3,)}",
            names[i]);
        const struct bytes file = npy(1, header, "abc", 3);
        mcl_data *data = open_data(file_with(&file));
        ck_assert_mem_eq(mcl_data_values(data), "abc", 3);
        mcl_data_free(data);
    }
}

#define DESCR "'descr': '<f4', "
#define ORDER "'fortran_order': False, "
#define SHAPE "'shape': (2, 3)"

static const struct {
    const char *header;
    const char *part;
} bad_headers[] = {
    {"", ": byte 10: the .npy header ends before a dictionary"},
    {"   ", ": byte 13: the .npy header ends before a dictionary"},
    {"[]", ": byte 10: the .npy header has '[' in place of a dictionary"},
    {"{", ": byte 11: the .npy header ends before a key"},
    {"{}", "the .npy header lacks the key 'descr'"},
    {"{" DESCR ORDER "}", ": byte 10: the .npy header lacks the key 'shape'"},
    {"{" DESCR SHAPE "}", "the .npy header lacks the key 'fortran_order'"},
    {"{" ORDER SHAPE "}", "the .npy header lacks the key 'descr'"},
    {"{" DESCR ORDER SHAPE, "the .npy header ends before a comma"},
    {"{" DESCR ORDER SHAPE ",", "the .npy header ends before a key"},
    {"{" DESCR ORDER SHAPE "} x", "the .npy header has 'x' in place of its end"},
    {"{" DESCR ORDER SHAPE "}}", "the .npy header has '}' in place of its end"},
    {"{" DESCR ORDER SHAPE ",,}", "the .npy header has ',' in place of a key"},
    {"{" DESCR DESCR ORDER SHAPE "}", ": byte 27: the .npy header has the key 'descr' twice"},
    {"{" ORDER ORDER, "the .npy header has the key 'fortran_order' twice"},
    {"{" SHAPE ", " SHAPE "}", "the .npy header has the key 'shape' twice"},
    {"{" DESCR ORDER SHAPE ", 'more': 1}", "an unknown key 'more'; it is descr, fortran_order or"},
    {"{'descr' '<f4', " ORDER SHAPE "}", "the .npy header has ''' in place of a colon"},
    {"{descr: '<f4', " ORDER SHAPE "}", "the .npy header has 'd' in place of a key"},
    {"{'descr: <f4, " ORDER SHAPE "}", "the .npy header has an unknown key"},
    {"{'descr", "the .npy header ends before a closing quote"},
    {"{'descr\": '<f4', " ORDER SHAPE "}", "an unknown key 'descr\": '"},
    {"{'de\\x73cr': '<f4', " ORDER SHAPE "}", "the .npy header has '\\' in place of a key"},
    {"{'d\xC3\xA9scr': '<f4', " ORDER SHAPE "}", "the .npy header has the byte 195 in place of a"},
    {"{'descr': <f4, " ORDER SHAPE "}", "the .npy header has '<' in place of a dtype"},
    {"{'descr': 4, " ORDER SHAPE "}", "the .npy header has '4' in place of a dtype"},
    {"{'descr': '', " ORDER SHAPE "}", "the dtype '' is not read"},
    {"{'descr': '<', " ORDER SHAPE "}", "the dtype '<' is not read"},
    {"{'descr': 'f4', " ORDER SHAPE "}", "the dtype 'f4' is not read"},
    {"{'descr': '|f4', " ORDER SHAPE "}", "the dtype '|f4' is not read"},
    {"{'descr': '<f44', " ORDER SHAPE "}", "the dtype '<f44' is not read"},
    {"{'descr': '<<f4', " ORDER SHAPE "}", "the dtype '<<f4' is not read"},
    {"{'descr': '|O8', " ORDER SHAPE "}", "Python objects (dtype '|O8')"},
    {"{'descr': ('<f4', (2,)), " ORDER SHAPE "}", "the .npy header has '(' in place of a dtype"},
    {"{'descr': 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}",
        ": byte 84: the .npy header has 'a' in place of a dtype"},
    {"{" DESCR "'fortran_order': false, " SHAPE "}", "has 'f' in place of True or False"},
    {"{" DESCR "'fortran_order': 0, " SHAPE "}", "has '0' in place of True or False"},
    {"{" DESCR "'fortran_order': Tru", "has 'T' in place of True or False"},
    {"{" DESCR "'fortran_order': Falsey, " SHAPE "}", "has 'y' in place of a comma"},
    {"{" DESCR ORDER "'shape': 6}", "has '6' in place of a tuple of sizes"},
    {"{" DESCR ORDER "'shape': [2, 3]}", "has '[' in place of a tuple of sizes"},
    {"{" DESCR ORDER "'shape': (6)}", "has ')' in place of a comma"},
    {"{" DESCR ORDER "'shape': (2 3)}", "has '3' in place of a comma"},
    {"{" DESCR ORDER "'shape': (2, 3 4)}", "has '4' in place of a comma"},
    {"{" DESCR ORDER "'shape': (2,, 3)}", "has ',' in place of the size of a dimension"},
    {"{" DESCR ORDER "'shape': (,)}", "has ',' in place of the size of a dimension"},
    {"{" DESCR ORDER "'shape': (-2, 3)}", "has '-' in place of the size of a dimension"},
    {"{" DESCR ORDER "'shape': (2.0, 3)}", "has '.' in place of a comma"},
    {"{" DESCR ORDER "'shape': (2, 3", "the .npy header ends before a comma"},
    {"{" DESCR ORDER "'shape': (2,", "the .npy header ends before the size of a dimension"},
    {"{" DESCR ORDER "'shape': ()}", "the array is a single number, without dimensions"},
    {"{" DESCR ORDER "'shape': (18446744073709551616,)}", "of a dimension is more than 2^64"},
    {"{" DESCR ORDER "'shape': (99999999999999999999999,)}", "of a dimension is more than 2^64"},
    {"{" DESCR ORDER "'shape': (18446744073709551615,)}",
        ": its header promises a shape of 18446744073709551615, more bytes than a file can have"},
    {"{" DESCR ORDER "'shape': (4294967296, 4294967296)}",
        "promises a shape of 4294967296x4294967296, more bytes"},
    {"{" DESCR ORDER "'shape': (2305843009213693952, 2, 4)}",
        "2305843009213693952x2x4, more bytes"},
    {"{" DESCR ORDER
     "'shape': (1, 9223372036854775808, 2, 3)}", /* 2⁶⁴·3 is 0 to who lets it wrap */
        "promises a shape of 1x9223372036854775808x2x3, more bytes"},
    {"{" DESCR ORDER "'shape': (1152921504606846976, 1)}",
        ": is truncated: 1152921504606846976x1 values of float32 are 4611686018427387904 bytes"},
    {"{" DESCR ORDER "'shape': (0, 18446744073709551615, 2)}", ": holds no rows"},
};

START_TEST(test_bad_headers_are_refused)
{
    const struct bytes file = npy(1, bad_headers[_i].header, six, sizeof six);
    const bool empty = strstr(bad_headers[_i].part, "no rows") != NULL;
    assert_data_refused(
        file_with(&file), empty ? MCL_ERROR_DATA : MCL_ERROR_FORMAT, bad_headers[_i].part);
}

START_TEST(test_a_zero_byte_in_the_header_is_no_end)
{
    struct bytes file = npy(1, SIX, six, sizeof six);
    file.at[VALUES - 1] = '\0'; /* in place of the newline */
    assert_data_refused(
        file_with(&file), MCL_ERROR_FORMAT, "the .npy header has the byte 0 in place of its end");
}

START_TEST(test_dimensions_as_many_as_numpy_has)
{
    for (int dimensions = 64; dimensions <= 65; dimensions++) {
        char header[512] = "{" DESCR ORDER "'shape': (6";
        for (int d = 1; d < dimensions; d++)
            strcat(header, ", 1");
        strcat(header, ")}");
        const struct bytes file = npy(1, header, six, sizeof six);
        if (dimensions == 65) {
            assert_data_refused(
                file_with(&file), MCL_ERROR_FORMAT, "the array has more than 64 dimensions");
            continue;
        }
        mcl_data *data = open_data(file_with(&file));
        uint64_t shape[MCL_DIMENSIONS_MAX];
        ck_assert_uint_eq(mcl_data_rows(data), 6);
        ck_assert_uint_eq(mcl_data_columns(data), 1);
        ck_assert_uint_eq(mcl_data_row_shape(data, shape), 8);
        mcl_data_free(data);
    }
}

START_TEST(test_versions)
{
    static const struct {
        unsigned char major, minor;
        const char *part;
    } unknown[] = {
        {0, 0, ": byte 6: the .npy version is 0.0; 1.0, 2.0 and 3.0 are known"},
        {4, 0, "the .npy version is 4.0;"},
        {1, 1, "the .npy version is 1.1;"},
        {255, 255, "the .npy version is 255.255;"},
    };
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        struct bytes file = npy(1, SIX, six, sizeof six);
        file.at[6] = unknown[i].major;
        file.at[7] = unknown[i].minor;
        assert_data_refused(file_with(&file), MCL_ERROR_FORMAT, unknown[i].part);
    }
}

START_TEST(test_a_spoilt_magic_string)
{
    struct bytes file = npy(1, SIX, six, sizeof six);
    file.at[5] = 'y';
    assert_data_refused(
        file_with(&file), MCL_ERROR_FORMAT, ": byte 4: the .npy magic string is incomplete");
    file.at[3] = 'm';
    assert_data_refused(
        file_with(&file), MCL_ERROR_FORMAT, "unknown kind: it starts with the bytes 93 4e 55 6d");
}

START_TEST(test_a_header_longer_than_the_file)
{
    struct bytes file = npy(2, SIX, six, sizeof six);
    memcpy(file.at + 8, "\0\0\x10\0", 4);
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT,
        "it ends here, in a .npy header of 1048576 bytes that begins at byte 12");
    memcpy(file.at + 8, "\1\0\x10\0", 4);
    assert_data_refused(
        file_with(&file), MCL_ERROR_FORMAT, ": byte 8: the .npy header has 1048577 bytes; more");
    memcpy(file.at + 8, "\xFF\xFF\xFF\xFF", 4);
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT, "the .npy header has 4294967295 bytes");
}

START_TEST(test_truncated_anywhere)
{
    struct bytes file = npy(1, SIX, six, sizeof six);
    for (file.count--; file.count >= 4; file.count--) {
        const bool in_values = file.count >= VALUES;
        const struct bytes packed = gzipped(&file);
        assert_data_refused(file_with(&file), MCL_ERROR_FORMAT,
            in_values ? ": is truncated: 2x3 values of float32 are 24 bytes from byte"
                      : "the file is truncated: it ends here, in ");
        assert_data_refused(file_with(&packed), MCL_ERROR_FORMAT,
            " of the uncompressed content: the file is truncated: it ends here, ");
    }
}

START_TEST(test_trailing_bytes_are_refused)
{
    struct bytes file = npy(1, SIX, six, sizeof six);
    char part[128];
    append(&file, "more", 4);
    snprintf(part, sizeof part,
        ": byte %zu: the 2x3 values of float32 end here, but 4 more bytes follow",
        VALUES + sizeof six);
    assert_data_refused(file_with(&file), MCL_ERROR_FORMAT, part);
}

static const char *floats_file(const float values[6])
{
    const struct bytes file = npy(1, SIX, values, 6 * sizeof *values);
    return file_with(&file);
}

static const char *doubles_file(const double values[6])
{
    const char *header = "{'descr': '<f8', " ORDER SHAPE "}";
    const struct bytes file = npy(1, header, values, 6 * sizeof *values);
    return file_with(&file);
}

START_TEST(test_nan_and_infinity_are_refused)
{
    static const double bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    for (size_t b = 0; b < 4; b++) {
        for (int at = 0; at < 6; at++) {
            float floats[6] = {0};
            double doubles[6] = {0};
            char part[128];
            floats[at] = (float)bad[b];
            doubles[at] = bad[b];
            snprintf(part, sizeof part,
                ": row %d, column %d (counted from 0) is %s; replace or remove it", at / 3, at % 3,
                b < 2 ? "NaN" : "infinite");
            assert_data_refused(floats_file(floats), MCL_ERROR_DATA, part);
            assert_data_refused(doubles_file(doubles), MCL_ERROR_DATA, part);
        }
    }
}

START_TEST(test_every_kind_of_nan_is_refused)
{
    static const uint32_t nans[] = {0x7F800001, 0x7FC00000, 0x7FFFFFFF, 0xFF800001, 0xFFFFFFFF};
    for (size_t i = 0; i < sizeof nans / sizeof *nans; i++) {
        float values[6] = {0};
        memcpy(&values[4], &nans[i], sizeof nans[i]);
        assert_data_refused(
            floats_file(values), MCL_ERROR_DATA, ": row 1, column 1 (counted from 0) is NaN");
    }
}

static const mcl_data_options as_they_are = {.standardize = MCL_STANDARDIZE_NONE};

static mcl_data *open_as_they_are(const char *path)
{
    mcl_data *data = NULL;
    ck_assert_int_eq(mcl_data_open_with(&data, path, &as_they_are), MCL_OK);
    return data;
}

static void assert_too_large(const double values[6], const char *part)
{
    const char *path = doubles_file(values);
    mcl_data *data = NULL;
    ck_assert_int_eq(mcl_data_open_with(&data, path, &as_they_are), MCL_ERROR_DATA);
    assert_error(path, part);
}

START_TEST(test_doubles_too_large_for_float32)
{
    const double least = (double)FLT_MAX + 0x1p103; /* the first that rounds to infinity */
    double values[6] = {0, 0, FLT_MAX, -(double)FLT_MAX, nextafter(least, 0), 0};
    mcl_data *data = open_as_they_are(doubles_file(values));
    const float *stored = mcl_data_values(data);
    ck_assert(stored[2] == FLT_MAX && stored[3] == -FLT_MAX && stored[4] == FLT_MAX);
    mcl_data_free(data);
    values[5] = least;
    assert_too_large(values,
        ": row 1, column 2 (counted from 0) is 3.4028235677973366e+38, which is too large for "
        "float32; scale the data");
    values[5] = -1e300;
    assert_too_large(values, "is -1.0000000000000001e+300, which is too large for float32");
    assert_data_refused(doubles_file(values), MCL_ERROR_DATA, "which is too large for float32");
}

/* Offsets that float32 has no room for beside the differences are gone before numbers are rounded,
 * in memory, out of it, in either order, out of gzip, and by the schema alone. */
START_TEST(test_doubles_far_from_zero)
{
    const double values[6] = {1e15, 1e9 + 0.25, 7, 1e15 + 4, 1e9 + 0.75, 8};
    const float expected[6] = {-1, -1, -1, 1, 1, 1};
    const struct bytes plain = npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }",
                           values, sizeof values),
                       packed = gzipped(&plain);
    mcl_data *first = open_data(file_with(&plain));
    ck_assert_mem_eq(mcl_data_values(first), expected, sizeof expected);
    ck_assert_ptr_nonnull(strstr(mcl_data_warning(first), "far from 0, and are standardized"));
    for (int i = 0; i < 4; i++) {
        const mcl_data_options options = {
            .schema = i < 2 ? NULL : mcl_data_schema(first), .host_memory = i % 2 ? 1 : 0};
        mcl_data *data = NULL;
        float read[6];
        const char *path = file_with(i == 1 ? &packed : &plain);
        ck_assert_int_eq(mcl_data_open_with(&data, path, &options), MCL_OK);
        ck_assert_int_eq(mcl_data_floats(read, data, 0, 2), MCL_OK);
        ck_assert_mem_eq(read, expected, sizeof expected);
        mcl_data_free(data);
    }
    mcl_data_free(first);
}

START_TEST(test_tiny_values_become_zero)
{
    const float limit = 0x1p-125f, below = 0x1.fffffep-126f;
    const float floats[6] = {limit, below, -limit, -below, 0x1p-149f, -0.0f};
    const double doubles[6] = {
        0x1p-125, 0x1.fffffep-126, -0x1p-125, 0x1.ffffffp-126, -1e-300, -0.0};
    const float expected_floats[6] = {limit, 0, -limit, 0, 0, 0};
    const float expected_doubles[6] = {limit, 0, -limit, limit, 0, 0}; /* the fourth rounds up */
    mcl_data *data = open_data(floats_file(floats));
    ck_assert_mem_eq(mcl_data_values(data), expected_floats, sizeof expected_floats);
    mcl_data_free(data);
    data = open_as_they_are(doubles_file(doubles));
    ck_assert_mem_eq(mcl_data_values(data), expected_doubles, sizeof expected_doubles);
    mcl_data_free(data);
}

START_TEST(test_a_place_beyond_the_first_block)
{
    const size_t rows = 40000, columns = 7, bad = 34567 * columns + 5;
    const char *header = "{'descr': '<f4', " ORDER "'shape': (40000, 7)}", *path = scratch("large");
    const struct bytes start = npy(1, header, NULL, 0);
    float *values = calloc(rows * columns, sizeof *values);
    ck_assert(values != NULL);
    for (size_t i = 0; i < rows * columns; i++)
        values[i] = (float)i;
    for (int damaged = 0; damaged < 2; damaged++) {
        if (damaged)
            values[bad] = NAN;
        FILE *file = fopen(path, "wb");
        fwrite(start.at, 1, start.count, file);
        fwrite(values, sizeof *values, rows * columns, file);
        ck_assert_int_eq(fclose(file), 0);
        if (damaged) {
            assert_data_refused(path, MCL_ERROR_DATA, ": row 34567, column 5 (counted from 0) is");
            continue;
        }
        mcl_data *data = open_data(path);
        ck_assert_mem_eq(mcl_data_values(data), values, rows * columns * sizeof *values);
        mcl_data_free(data);
    }
    free(values);
}

#if MASKCL_FAILING_MEMORY
static int read_gzipped(void)
{
    mcl_data *data = NULL;
    const mcl_status status = mcl_data_open(&data, fixture("float32.npy.gz"));
    if (status == MCL_OK) {
        mcl_data_free(data);
        return 0;
    }
    return (status == MCL_ERROR_MEMORY || status == MCL_ERROR_FILE) && !data ? 1 : -1;
}

START_TEST(test_each_allocation_failing)
{
    ck_assert_uint_ge(fail_each_allocation(read_gzipped), 8);
}
#endif

int main(void)
{
    Suite *suite = suite_create("npy");
    TCase *tcase = tcase_create("npy");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, scratch_setup, scratch_teardown);
    tcase_add_test(tcase, test_what_numpy_saves);
    tcase_add_test(tcase, test_either_byte_order_and_either_order_of_indices);
    tcase_add_loop_test(tcase, test_every_type, 0, sizeof typed / sizeof *typed);
    tcase_add_test(tcase, test_halves_that_are_no_numbers);
    tcase_add_test(tcase, test_fortran_order);
    tcase_add_test(tcase, test_the_place_of_a_value_in_fortran_order);
    tcase_add_test(tcase, test_doubles_that_merge_are_told);
    tcase_add_test(tcase, test_advice_for_lost_doubles_helps);
    tcase_add_test(tcase, test_integers_that_no_float_has_are_told);
    tcase_add_test(tcase, test_shapes_of_rows);
    tcase_add_loop_test(tcase, test_what_is_refused, 0, sizeof refused / sizeof *refused);
    tcase_add_loop_test(
        tcase, test_headers_in_any_layout, 0, sizeof good_headers / sizeof *good_headers);
    tcase_add_test(tcase, test_any_byte_order_of_a_byte);
    tcase_add_loop_test(
        tcase, test_bad_headers_are_refused, 0, sizeof bad_headers / sizeof *bad_headers);
    tcase_add_test(tcase, test_a_zero_byte_in_the_header_is_no_end);
    tcase_add_test(tcase, test_dimensions_as_many_as_numpy_has);
    tcase_add_test(tcase, test_versions);
    tcase_add_test(tcase, test_a_spoilt_magic_string);
    tcase_add_test(tcase, test_a_header_longer_than_the_file);
    tcase_add_test(tcase, test_truncated_anywhere);
    tcase_add_test(tcase, test_trailing_bytes_are_refused);
    tcase_add_test(tcase, test_nan_and_infinity_are_refused);
    tcase_add_test(tcase, test_every_kind_of_nan_is_refused);
    tcase_add_test(tcase, test_doubles_too_large_for_float32);
    tcase_add_test(tcase, test_doubles_far_from_zero);
    tcase_add_test(tcase, test_tiny_values_become_zero);
    tcase_add_test(tcase, test_a_place_beyond_the_first_block);
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
