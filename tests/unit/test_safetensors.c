/* SPDX-License-Identifier: Apache-2.0 */
/* The safetensors format: what is written is read back, and what is damaged is refused. */
#include "support/files.h"

#include "support/failing_memory.h"

#include <fcntl.h>

#include "model/safetensors.h"

/* Writes a file with this header, `length` as its declared length, and `data` bytes 0, 1, 2, …. */
static const char *damaged_file(const char *header, size_t bytes, uint64_t length, size_t data)
{
    const char *path = scratch("damaged.safetensors");
    unsigned char *content = calloc(1, 8 + bytes + data);
    ck_assert(content != NULL);
    for (int i = 0; i < 8; i++)
        content[i] = (unsigned char)(length >> 8 * i);
    memcpy(content + 8, header, bytes);
    for (size_t i = 0; i < data; i++)
        content[8 + bytes + i] = (unsigned char)i;
    write_file(path, content, 8 + bytes + data);
    free(content);
    return path;
}

static const char *file_of(const char *header, size_t data)
{
    return damaged_file(header, strlen(header), strlen(header), data);
}

static void assert_message(const char *part)
{
    ck_assert_msg(
        strstr(mcl_error_message(), part) != NULL, "'%s' lacks '%s'", mcl_error_message(), part);
    ck_assert_msg(
        strchr(mcl_error_message(), '\n') == NULL, "more than a line: '%s'", mcl_error_message());
}

static void assert_refused(const char *path, mcl_status status, const char *part)
{
    mcl_safetensors *file = NULL;
    ck_assert_int_eq(mcl_safetensors_open(&file, path), status);
    ck_assert_ptr_null(file);
    ck_assert_ptr_eq(strstr(mcl_error_message(), path), mcl_error_message());
    assert_message(part);
}

static const float floats[] = {1.5f, -2.0f, 0.0f, 3e38f, 1e-38f, 7.0f};
static const double doubles[] = {0.1, -1e300};
static const int32_t ints[] = {INT32_MIN, -1, INT32_MAX};
static const int64_t longs[] = {INT64_MIN, INT64_MAX};
static const uint8_t bytes[] = {0, 255, 7, 9, 11};

static const mcl_stored_tensor examples[] = {
    {"bytes", MCL_DTYPE_U8, {5}, 1, bytes}, /* what follows is not aligned in the file */
    {"doubles", MCL_DTYPE_F64, {1, 2}, 2, doubles},
    {"empty", MCL_DTYPE_F32, {3, 0, 2}, 3, floats},
    {"floats", MCL_DTYPE_F32, {2, 3}, 2, floats},
    {"scalar", MCL_DTYPE_F32, {0}, 0, floats},
    {"ints \"ü\"", MCL_DTYPE_I32, {3}, 1, ints},
    {"longs", MCL_DTYPE_I64, {1, 1, 1, 1, 1, 1, 1, 2}, 8, longs},
};

static const mcl_text_pair pairs[] = {
    {"zebra", "1"},
    {"apple", "two\nlines, a \"quote\", a \\ and \x01 and 日本"},
    {"empty", ""},
};

#define EXAMPLES (sizeof examples / sizeof *examples)
#define PAIRS (sizeof pairs / sizeof *pairs)

START_TEST(test_what_is_written_is_read)
{
    const char *path = scratch("a.safetensors");
    ck_assert_int_eq(
        mcl_safetensors_write(path, MCL_OUTPUT_RESULT, examples, EXAMPLES, pairs, PAIRS), MCL_OK);
    mcl_safetensors *file = NULL;
    ck_assert_msg(mcl_safetensors_open(&file, path) == MCL_OK, "%s", mcl_error_message());
    ck_assert_uint_eq(mcl_safetensors_count(file), EXAMPLES);
    for (size_t i = 0; i < EXAMPLES; i++) {
        const mcl_stored_tensor *read = mcl_safetensors_tensor(file, i), *wrote = &examples[i];
        uint64_t count;
        ck_assert_str_eq(read->name, wrote->name);
        ck_assert_int_eq(read->dtype, wrote->dtype);
        ck_assert_uint_eq(read->dimensions, wrote->dimensions);
        ck_assert_mem_eq(read->shape, wrote->shape, wrote->dimensions * sizeof *read->shape);
        ck_assert(mcl_stored_tensor_count(&count, read));
        ck_assert_uint_eq((uintptr_t)read->values % mcl_dtype_size(read->dtype), 0);
        if (count)
            ck_assert_mem_eq(read->values, wrote->values, count * mcl_dtype_size(read->dtype));
        ck_assert_ptr_eq(mcl_safetensors_find(file, wrote->name), read);
    }
    ck_assert_ptr_null(mcl_safetensors_find(file, "float"));
    ck_assert_ptr_null(mcl_safetensors_find(file, "__metadata__"));
    ck_assert_uint_eq(mcl_safetensors_metadata_count(file), PAIRS);
    for (size_t i = 0; i < PAIRS; i++) {
        ck_assert_str_eq(mcl_safetensors_metadata_at(file, i)->key, pairs[i].key);
        ck_assert_str_eq(mcl_safetensors_metadata_at(file, i)->value, pairs[i].value);
        ck_assert_str_eq(mcl_safetensors_metadata_get(file, pairs[i].key), pairs[i].value);
    }
    ck_assert_ptr_null(mcl_safetensors_metadata_get(file, "zebr"));
    mcl_safetensors_close(file);
}
END_TEST

START_TEST(test_exact_bytes)
{
    static const char header[] =
        "{\"__metadata__\":{\"k\":\"v\"},"
        "\"x\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
        "\"y\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[8,9]}}   ";
    static const char data[] = "\0\0\xC0\x3F\0\0\0\xC0\0";
    const size_t length = sizeof header - 1;
    const mcl_stored_tensor tensors[] = {
        {"x", MCL_DTYPE_F32, {1, 2}, 2, floats}, {"y", MCL_DTYPE_U8, {1}, 1, bytes}};
    const mcl_text_pair pair = {"k", "v"};
    const char *path = scratch("a.safetensors");
    ck_assert_int_eq(mcl_safetensors_write(path, MCL_OUTPUT_RESULT, tensors, 2, &pair, 1), MCL_OK);
    size_t count;
    unsigned char *content = read_file(path, &count);
    ck_assert_uint_eq(length % 8, 0);
    ck_assert_uint_eq(count, 8 + length + 9);
    ck_assert_uint_eq(content[0], length);
    ck_assert_mem_eq(content + 1, "\0\0\0\0\0\0\0", 7);
    ck_assert_mem_eq(content + 8, header, length);
    ck_assert_mem_eq(content + 8 + length, data, 9);
    free(content);
}
END_TEST

/* With every length of the header's text modulo 8. */
START_TEST(test_data_begin_at_a_multiple_of_8)
{
    const char *path = scratch("a.safetensors");
    for (size_t length = 1; length <= 8; length++) {
        const char *name = &"abcdefgh"[8 - length];
        const mcl_stored_tensor tensor = {name, MCL_DTYPE_F32, {6}, 1, floats};
        ck_assert_int_eq(
            mcl_safetensors_write(path, MCL_OUTPUT_RESULT, &tensor, 1, NULL, 0), MCL_OK);
        size_t count;
        unsigned char *content = read_file(path, &count);
        ck_assert_uint_eq(content[0] % 8, 0);
        ck_assert_uint_eq(count, 8u + content[0] + sizeof floats);
        ck_assert_ptr_null(strstr((char *)content + 8, "__metadata__"));
        unsigned char *last = content + 8 + content[0] - 1;
        while (*last == ' ')
            last--;
        ck_assert_int_eq(*last, '}');
        ck_assert_int_lt(content + 8 + content[0] - 1 - last, 8);
        ck_assert_mem_eq(content + 8 + content[0], floats, sizeof floats);
        free(content);
    }
}
END_TEST

START_TEST(test_same_arguments_same_bytes)
{
    const char *first = scratch("first"), *second = scratch("second");
    ck_assert_int_eq(
        mcl_safetensors_write(first, MCL_OUTPUT_RESULT, examples, EXAMPLES, pairs, PAIRS), MCL_OK);
    ck_assert_int_eq(
        mcl_safetensors_write(second, MCL_OUTPUT_RESULT, examples, EXAMPLES, pairs, PAIRS), MCL_OK);
    assert_same_files(first, second);
}
END_TEST

START_TEST(test_a_file_without_tensors)
{
    mcl_safetensors *file;
    const char *path = scratch("none");
    ck_assert_int_eq(mcl_safetensors_write(path, MCL_OUTPUT_RESULT, NULL, 0, NULL, 0), MCL_OK);
    ck_assert_int_eq(mcl_safetensors_open(&file, path), MCL_OK);
    ck_assert_uint_eq(mcl_safetensors_count(file), 0);
    ck_assert_uint_eq(mcl_safetensors_metadata_count(file), 0);
    mcl_safetensors_close(file);
}
END_TEST

/* Other programs list tensors in any order and put spaces anywhere. */
START_TEST(test_tensors_come_in_the_order_of_their_data)
{
    mcl_safetensors *file;
    const char *path =
        file_of("{ \"b\" : {\"data_offsets\":[4,6], \"dtype\":\"U8\", \"shape\":[2]},\n"
                "\"e\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[4,4]},"
                "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],"
                "\"note\":null},\t\"__metadata__\":{}}  \n ",
            6);
    ck_assert_msg(mcl_safetensors_open(&file, path) == MCL_OK, "%s", mcl_error_message());
    ck_assert_uint_eq(mcl_safetensors_count(file), 3);
    ck_assert_str_eq(mcl_safetensors_tensor(file, 0)->name, "a");
    ck_assert_str_eq(mcl_safetensors_tensor(file, 1)->name, "e");
    ck_assert_str_eq(mcl_safetensors_tensor(file, 2)->name, "b");
    ck_assert_mem_eq(mcl_safetensors_tensor(file, 0)->values, "\0\1\2\3", 4);
    ck_assert_mem_eq(mcl_safetensors_tensor(file, 2)->values, "\4\5", 2);
    mcl_safetensors_close(file);
}
END_TEST

#define TENSOR(dtype, shape, offsets)                                                              \
    "{\"x\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define GOOD "{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}"
#define NESTED_16 "[[[[[[[[[[[[[[[["
#define NESTED_256                                                                                 \
    NESTED_16 NESTED_16 NESTED_16 NESTED_16 NESTED_16 NESTED_16 NESTED_16 NESTED_16 NESTED_16      \
        NESTED_16 NESTED_16 NESTED_16 NESTED_16 NESTED_16 NESTED_16 NESTED_16

/* Headers of a file with 4 bytes of data. */
static const struct {
    const char *header;
    const char *message; /* a part of it */
} damaged[] = {
    /* JSON */
    {"", "too few"},
    {"{", "too few"},
    {"[]", "does not begin with '{'"},
    {" {}", "does not begin with '{'"},
    {"\xEF\xBB\xBF{}", "does not begin with '{'"},
    {"{\"x\":" GOOD, "not JSON"},
    {"{\"x\"" GOOD "}", "not JSON"},
    {"{x:" GOOD "}", "not JSON"},
    {"{\"x\":" GOOD ",}", "not JSON"},
    {"{\"x\":" NESTED_256 NESTED_256 NESTED_256 NESTED_256, "not JSON"},
    {"{\"x\":" GOOD "}x", "goes on after its object, at byte"},
    {"{\"x\":" GOOD "}{}", "goes on after its object, at byte"},
    {"{\"\xFF\":" GOOD "}", "not UTF-8"},
    {"{\"\xC0\x80\":" GOOD "}", "not UTF-8"},
    {"{\"\xED\xA0\x80\":" GOOD "}", "not UTF-8"},
    {"{\"x\\u0000y\":" GOOD "}", "not UTF-8"},
    {"{\"x\\\\\\u0000y\":" GOOD "}", "not UTF-8"},
    {"{\"x\\ud800y\":" GOOD "}", "not JSON"},
    /* entries */
    {"{\"x\":4}", "'x' is not described by an object"},
    {"{\"x\":[4]}", "'x' is not described by an object"},
    {"{\"x\":" GOOD ",\"x\":" GOOD "}", "two tensors 'x'"},
    {"{\"x\":" GOOD ",\"\\u0078\":" GOOD "}", "two tensors 'x'"},
    {"{\"a\\nb\":" GOOD "}", "control character"},
    {"{\"a\\nb\":" GOOD ",\"a\\nb\":" GOOD "}", "two tensors '…'"},
    {"{\"\x7F\":" GOOD "}", "control character"},
    {"{\"x\":{\"shape\":[4],\"data_offsets\":[0,4]}}", "'x' has no 'dtype'"},
    {"{\"x\":{\"dtype\":\"U8\",\"data_offsets\":[0,4]}}", "'x' has no 'shape'"},
    {"{\"x\":{\"dtype\":\"U8\",\"shape\":[4]}}", "'x' has no 'data_offsets'"},
    {"{\"x\":{\"dtype\":\"U8\",\"Shape\":[4],\"data_offsets\":[0,4]}}", "'x' has no 'shape'"},
    {"{\"x\":{\"dtype\":\"U8\",\"shape\":[4],\"shape\":[4],\"data_offsets\":[0,4]}}",
        "more than one 'shape'"},
    /* dtype */
    {TENSOR("F16", "[2]", "[0,4]"), "unknown dtype 'F16': it is F32, F64, I32, I64 or U8"},
    {TENSOR("f32", "[1]", "[0,4]"), "unknown dtype 'f32'"},
    {TENSOR("F\\n32", "[1]", "[0,4]"), "dtype is not a name"},
    {"{\"x\":{\"dtype\":0,\"shape\":[1],\"data_offsets\":[0,4]}}", "dtype is not a name"},
    /* shape */
    {TENSOR("U8", "4", "[0,4]"), "shape is not a list"},
    {TENSOR("U8", "{\"a\":4}", "[0,4]"), "shape is not a list"},
    {TENSOR("U8", "[\"4\"]", "[0,4]"), "size 1 of its shape"},
    {TENSOR("U8", "[1,null]", "[0,4]"), "size 2 of its shape"},
    {TENSOR("U8", "[-4]", "[0,4]"), "size 1 of its shape"},
    {TENSOR("U8", "[4.5]", "[0,4]"), "size 1 of its shape"},
    {TENSOR("U8", "[1e300]", "[0,4]"), "size 1 of its shape"},
    {TENSOR("U8", "[1e999]", "[0,4]"), "size 1 of its shape"},
    {TENSOR("U8", "[9007199254740994]", "[0,4]"), "size 1 of its shape"},
    {TENSOR("U8", "[18446744073709551620]", "[0,4]"), "size 1 of its shape"},
    {TENSOR("U8", "[1,1,1,1,1,1,1,1,4]", "[0,4]"), "more than 8 dimensions"},
    {TENSOR("U8", "[4503599627370496,4503599627370496]", "[0,4]"), "shape is too large"},
    {TENSOR("F32", "[4294967296,1073741824]", "[0,4]"), "shape is too large"},
    {TENSOR("F64", "[4294967296,536870912]", "[0,4]"), "shape is too large"},
    {TENSOR("U8", "[5]", "[0,4]"), "'x' has 4 bytes; its shape and dtype need 5"},
    {TENSOR("F32", "[4]", "[0,4]"), "need 16"},
    {TENSOR("F32", "[0]", "[0,4]"), "need 0"},
    {TENSOR("F32", "[0,4503599627370496,4503599627370496]", "[0,4]"), "need 0"},
    /* offsets */
    {TENSOR("U8", "[4]", "4"), "data_offsets are not two"},
    {TENSOR("U8", "[4]", "[4]"), "data_offsets are not two"},
    {TENSOR("U8", "[4]", "[0,4,4]"), "data_offsets are not two"},
    {TENSOR("U8", "[4]", "[0,\"4\"]"), "data_offsets are not two"},
    {TENSOR("U8", "[4]", "[-4,0]"), "data_offsets are not two"},
    {TENSOR("U8", "[4]", "[0.5,4.5]"), "data_offsets are not two"},
    {TENSOR("U8", "[4]", "{\"a\":0,\"b\":4}"), "data_offsets are not two"},
    {TENSOR("U8", "[4]", "[4,0]"), "lies at bytes 4 to 0 of the data, which has 4"},
    {TENSOR("U8", "[5]", "[0,5]"), "lies at bytes 0 to 5 of the data, which has 4"},
    {TENSOR("U8", "[4]", "[9007199254740988,9007199254740992]"), "of the data, which has 4"},
    /* cover */
    {"{}", "the tensors end at byte 0 of the data, which has 4"},
    {"{\"__metadata__\":{\"a\":\"b\"}}", "the tensors end at byte 0 of the data, which has 4"},
    {TENSOR("U8", "[3]", "[0,3]"), "the tensors end at byte 3 of the data, which has 4"},
    {TENSOR("U8", "[3]", "[1,4]"), "'x' begins at byte 1 of the data; the one before it ends at 0"},
    {"{\"x\":" GOOD ",\"y\":" GOOD "}", "'y' begins at byte 0 of the data; the one before it ends"},
    {"{\"x\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
     "\"y\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}",
        "'y' begins at byte 2 of the data; the one before it ends at 3"},
    {"{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
     "\"y\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}",
        "'y' begins at byte 2 of the data; the one before it ends at 1"},
    {"{\"x\":" GOOD ",\"y\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[2,2]}}",
        "'y' begins at byte 2 of the data; the one before it ends at 4"},
    /* metadata */
    {"{\"x\":" GOOD ",\"__metadata__\":[]}", "__metadata__ is not an object"},
    {"{\"x\":" GOOD ",\"__metadata__\":{\"a\":1}}", "metadata 'a' is not a string"},
    {"{\"x\":" GOOD ",\"__metadata__\":{\"a\":null}}", "metadata 'a' is not a string"},
    {"{\"x\":" GOOD ",\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", "two metadata keys 'a'"},
    {"{\"x\":" GOOD ",\"__metadata__\":{\"a\\r\":\"1\"}}", "control character"},
    {"{\"x\":" GOOD ",\"__metadata__\":{},\"__metadata__\":{}}", "two tensors '__metadata__'"},
};

START_TEST(test_damaged_headers_are_refused)
{
    const bool no_room = strlen(damaged[_i].header) < 2; /* for a header: nor for data */
    assert_refused(
        file_of(damaged[_i].header, no_room ? 0 : 4), MCL_ERROR_FORMAT, damaged[_i].message);
}
END_TEST

START_TEST(test_raw_zero_bytes_are_refused)
{
    static const char header[] = "{\"x\0y\":" GOOD "}", behind[] = "{\"x\":" GOOD "}\0\0";
    assert_refused(damaged_file(header, sizeof header - 1, sizeof header - 1, 4), MCL_ERROR_FORMAT,
        "not UTF-8");
    assert_refused(damaged_file(behind, sizeof behind - 1, sizeof behind - 1, 4), MCL_ERROR_FORMAT,
        "not UTF-8");
}
END_TEST

/* A backslash that is escaped itself begins nothing. */
START_TEST(test_an_escaped_backslash_is_no_zero)
{
    mcl_safetensors *file;
    ck_assert_int_eq(mcl_safetensors_open(&file, file_of("{\"x\\\\u0000\":" GOOD "}", 4)), MCL_OK);
    ck_assert_str_eq(mcl_safetensors_tensor(file, 0)->name, "x\\u0000");
    mcl_safetensors_close(file);
}
END_TEST

START_TEST(test_absurd_lengths_are_refused)
{
    static const char header[] = "{\"x\":" GOOD "}";
    const size_t length = sizeof header - 1;
    static const uint64_t lengths[] = {
        0, 1, sizeof header - 1 + 5, 100000001, UINT32_MAX, INT64_MAX, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        assert_refused(damaged_file(header, length, lengths[i], 4), MCL_ERROR_FORMAT,
            "is no model (no safetensors file, or cut off)");
    /* a byte too short or too long: the header or the data lose one */
    assert_refused(damaged_file(header, length, length - 1, 4), MCL_ERROR_FORMAT, "not JSON");
    assert_refused(damaged_file(header, length, length + 1, 4), MCL_ERROR_FORMAT, "not UTF-8");
    mcl_safetensors *file;
    ck_assert_int_eq(mcl_safetensors_open(&file, damaged_file(header, length, length, 4)), MCL_OK);
    mcl_safetensors_close(file);
}
END_TEST

/* Above the limit a header is refused by its length alone, in a file that is really so long. */
START_TEST(test_the_longest_header)
{
    const int most = MCL_SAFETENSORS_HEADER_MAX;
    const char *path = damaged_file("{}", 2, most + 1, 0);
    ck_assert_int_eq(truncate(path, 8 + most + 1), 0);
    assert_refused(
        path, MCL_ERROR_FORMAT, "is no model: its header has 16777217 bytes, and models");
    path = damaged_file("{}", 2, most, 0);
    ck_assert_int_eq(truncate(path, 8 + most), 0);
    assert_refused(path, MCL_ERROR_FORMAT, "the header is not UTF-8 text"); /* it was read */
}
END_TEST

START_TEST(test_every_cut_is_refused)
{
    const char *path = scratch("cut");
    ck_assert_int_eq(
        mcl_safetensors_write(path, MCL_OUTPUT_RESULT, examples, EXAMPLES, pairs, PAIRS), MCL_OK);
    size_t count;
    unsigned char *content = read_file(path, &count);
    ck_assert_int_eq(truncate(path, (off_t)count + 1), 0);
    assert_refused(path, MCL_ERROR_FORMAT, "the tensors end at byte");
    for (size_t length = count; length-- > 0;) {
        mcl_safetensors *file = NULL;
        ck_assert_int_eq(truncate(path, (off_t)length), 0);
        ck_assert_msg(mcl_safetensors_open(&file, path) == MCL_ERROR_FORMAT,
            "%zu of %zu bytes are taken", length, count);
    }
    free(content);
}
END_TEST

static void put_byte(int descriptor, unsigned char byte, size_t place)
{
    ck_assert_int_eq(pwrite(descriptor, &byte, 1, (off_t)place), 1);
}

/* Whatever one changed bit makes of a file, it is read or refused, and nothing else. */
START_TEST(test_every_flipped_bit_is_survived)
{
    const char *path = scratch("flipped");
    ck_assert_int_eq(
        mcl_safetensors_write(path, MCL_OUTPUT_RESULT, examples, EXAMPLES, pairs, PAIRS), MCL_OK);
    size_t count, refused = 0;
    unsigned char *content = read_file(path, &count);
    const int descriptor = open(path, O_WRONLY);
    for (size_t bit = 0; bit < 8 * count; bit++) {
        mcl_safetensors *file = NULL;
        put_byte(descriptor, content[bit / 8] ^ (unsigned char)(1 << bit % 8), bit / 8);
        const mcl_status status = mcl_safetensors_open(&file, path);
        ck_assert(status == MCL_OK || status == MCL_ERROR_FORMAT);
        refused += status != MCL_OK;
        mcl_safetensors_close(file);
        put_byte(descriptor, content[bit / 8], bit / 8);
    }
    close(descriptor);
    ck_assert_uint_gt(refused, 8 * 64);
    ck_assert_uint_lt(refused, 8 * count);
    free(content);
}
END_TEST

START_TEST(test_files_that_cannot_be_read)
{
    assert_refused(scratch("missing"), MCL_ERROR_FILE, "cannot open: No such file");
    assert_refused("/tmp", MCL_ERROR_FILE, "is a folder");
    assert_refused("/dev/null", MCL_ERROR_FILE, "not a regular file");
    mcl_safetensors_close(NULL);
}
END_TEST

START_TEST(test_a_failed_write_keeps_the_old_file)
{
    const char *path = scratch("old");
    static float large[4096];
    const mcl_stored_tensor tensor = {"x", MCL_DTYPE_F32, {4096}, 1, large};
    write_file(path, "precious", 8);
    limit_file_size(8000);
    ck_assert_int_eq(
        mcl_safetensors_write(path, MCL_OUTPUT_RESULT, &tensor, 1, NULL, 0), MCL_ERROR_FILE);
    assert_message("cannot write: File too large");
    size_t count;
    unsigned char *content = read_file(path, &count);
    ck_assert_uint_eq(count, 8);
    ck_assert_mem_eq(content, "precious", 8);
    ck_assert_uint_eq(scratch_files(NULL), 1);
    free(content);
}
END_TEST

START_TEST(test_a_folder_that_does_not_exist)
{
    ck_assert_int_eq(mcl_safetensors_write(
                         scratch("none/x"), MCL_OUTPUT_RESULT, examples, EXAMPLES, pairs, PAIRS),
        MCL_ERROR_FILE);
    assert_message("does not exist");
}
END_TEST

START_TEST(test_a_shape_too_large_to_write)
{
    const mcl_stored_tensor tensor = {"x", MCL_DTYPE_F32, {UINT64_MAX, 2}, 2, floats};
    ck_assert_int_eq(mcl_safetensors_write(scratch("x"), MCL_OUTPUT_RESULT, &tensor, 1, NULL, 0),
        MCL_ERROR_ARGUMENT);
    assert_message("'x'");
    ck_assert_uint_eq(scratch_files(NULL), 0);
}
END_TEST

START_TEST(test_utf8)
{
    static const char *const good[] = {"", "a", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80",
        "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"};
    static const char *const bad[] = {"\x80", "a\xBF", "\xC0\xAF", "\xC1\xBF", "\xC2", "\xC2\x41",
        "\xDF\xC0", "\xE0\x9F\xBF", "\xE1\x80", "\xE1\x80\x41", "\xED\xA0\x80", "\xEF\xBF\xC0",
        "\xF0\x8F\xBF\xBF", "\xF1\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(mcl_is_utf8(good[i], strlen(good[i])), "good %zu", i);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!mcl_is_utf8(bad[i], strlen(bad[i])), "bad %zu", i);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) { /* the rest lies behind the end */
        const size_t length = strlen(good[i]);
        ck_assert_msg(length < 2 || !mcl_is_utf8(good[i], length - 1), "cut %zu", i);
    }
}
END_TEST

#if MASKCL_FAILING_MEMORY
static int write_examples(void)
{
    return mcl_safetensors_write(
               scratch("memory"), MCL_OUTPUT_RESULT, examples, EXAMPLES, pairs, PAIRS) != MCL_OK;
}

static int read_examples(void)
{
    mcl_safetensors *file = NULL;
    const mcl_status status = mcl_safetensors_open(&file, scratch("memory"));
    const bool untouched = (file != NULL) == (status == MCL_OK);
    mcl_safetensors_close(file);
    return untouched ? status != MCL_OK : -1;
}

START_TEST(test_every_failing_allocation_is_survived)
{
    ck_assert_uint_gt(fail_each_allocation(write_examples), 50);
    ck_assert_uint_gt(fail_each_allocation(read_examples), 50);
    ck_assert_uint_eq(scratch_files(NULL), 1);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("safetensors");
    TCase *tcase = tcase_create("safetensors");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, scratch_setup, scratch_teardown);
    tcase_add_test(tcase, test_what_is_written_is_read);
    tcase_add_test(tcase, test_exact_bytes);
    tcase_add_test(tcase, test_data_begin_at_a_multiple_of_8);
    tcase_add_test(tcase, test_same_arguments_same_bytes);
    tcase_add_test(tcase, test_a_file_without_tensors);
    tcase_add_test(tcase, test_tensors_come_in_the_order_of_their_data);
    tcase_add_loop_test(
        tcase, test_damaged_headers_are_refused, 0, sizeof damaged / sizeof *damaged);
    tcase_add_test(tcase, test_raw_zero_bytes_are_refused);
    tcase_add_test(tcase, test_an_escaped_backslash_is_no_zero);
    tcase_add_test(tcase, test_absurd_lengths_are_refused);
    tcase_add_test(tcase, test_the_longest_header);
    tcase_add_test(tcase, test_every_cut_is_refused);
    tcase_add_test(tcase, test_every_flipped_bit_is_survived);
    tcase_add_test(tcase, test_files_that_cannot_be_read);
    tcase_add_test(tcase, test_a_failed_write_keeps_the_old_file);
    tcase_add_test(tcase, test_a_folder_that_does_not_exist);
    tcase_add_test(tcase, test_a_shape_too_large_to_write);
    tcase_add_test(tcase, test_utf8);
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
