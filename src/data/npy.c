/* SPDX-License-Identifier: Apache-2.0 */
/* NumPy's .npy, versions 1.0 to 3.0 (numpy/lib/format.py): a magic string, the version, the length
 * of a header, the header, which is a Python dictionary, and the values. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/formats.h"

#define MAGIC "\x93NUMPY"
#define MAGIC_BYTES 6
#define HEADER_MAX (1 << 20) /* bytes; 64 dimensions of 20 digits need less than 2 KiB */
#define STRING_MAX 64        /* bytes; longer strings are none that is known */

static const struct {
    const char *name; /* without the byte order */
    mcl_number type;
} dtypes[] = {
    {"b1", MCL_NUMBER_BOOL},
    {"u1", MCL_NUMBER_UINT8},
    {"i1", MCL_NUMBER_INT8},
    {"u2", MCL_NUMBER_UINT16},
    {"i2", MCL_NUMBER_INT16},
    {"u4", MCL_NUMBER_UINT32},
    {"i4", MCL_NUMBER_INT32},
    {"u8", MCL_NUMBER_UINT64},
    {"i8", MCL_NUMBER_INT64},
    {"f2", MCL_NUMBER_FLOAT16},
    {"f4", MCL_NUMBER_FLOAT32},
    {"f8", MCL_NUMBER_FLOAT64},
};

/* Dtypes that are no single numbers, by their kind, and how an array of them becomes one of
 * numbers. The first that fits is told. */
static const struct {
    const char *name; /* or its beginning, without the byte order */
    const char *what;
    const char *advice;
} others[] = {
    {"O", "Python objects",
        "save numbers: array.astype(numpy.float32), or of a dict array.item()['NAME']"},
    {"c", "complex numbers", "save numpy.stack((array.real, array.imag), axis=-1)"},
    {"M8", "points in time",
        "save (array - array.min()).astype('timedelta64[s]').astype(numpy.float64), seconds since "
        "the first"},
    {"m8", "spans of time",
        "save array.astype('timedelta64[s]').astype(numpy.float64), which are seconds"},
    {"U", "text",
        "save array.astype(numpy.float32) of numbers, or of classes numpy.unique(array, "
        "return_inverse=True)[1]"},
    {"S", "text",
        "save array.astype(numpy.float32) of numbers, or of classes numpy.unique(array, "
        "return_inverse=True)[1]"},
    {"V2", "raw bytes, as bfloat16 is saved",
        "save (array.view(numpy.uint16).astype(numpy.uint32) << 16).view(numpy.float32)"},
    {"V", "raw bytes", "save array.view(DTYPE) with the dtype that they are of"},
    {"f16", "long floats", "save array.astype(numpy.float64)"},
    {"f12", "long floats", "save array.astype(numpy.float64)"},
};

/* A header being read. */
struct parser {
    const mcl_source *source;
    uint64_t offset; /* of the header in the file */
    const char *text;
    size_t length;
    size_t at; /* the next character */
};

bool mcl_npy_recognize(const unsigned char magic[MCL_MAGIC_BYTES])
{
    return memcmp(magic, MAGIC, MCL_MAGIC_BYTES) == 0;
}

static mcl_status expected(const struct parser *parser, const char *what)
{
    if (parser->at == parser->length)
        return mcl_source_fail(
            parser->source, parser->offset + parser->at, "the .npy header ends before %s", what);
    const unsigned char found = (unsigned char)parser->text[parser->at];
    return mcl_source_fail(parser->source, parser->offset + parser->at,
        found > ' ' && found < 0x7F ? "the .npy header has '%c' in place of %s"
                                    : "the .npy header has the byte %d in place of %s",
        found, what);
}

static void skip_space(struct parser *parser)
{
    while (parser->at < parser->length && parser->text[parser->at] &&
           strchr(" \t\r\n", parser->text[parser->at]))
        parser->at++;
}

/* Skips white space, and the character if it is the next one. */
static bool accept(struct parser *parser, char character)
{
    skip_space(parser);
    const bool found = parser->at < parser->length && parser->text[parser->at] == character;
    parser->at += found;
    return found;
}

/* Reads a string in either kind of quotes. Unlike Python's it has no escapes, which no writer of
 * this header needs. */
static mcl_status parse_string(char string[STRING_MAX], struct parser *parser, const char *what)
{
    const char quote = accept(parser, '"') ? '"' : accept(parser, '\'') ? '\'' : 0;
    if (!quote)
        return expected(parser, what);
    size_t used = 0;
    for (;; parser->at++) {
        if (parser->at == parser->length)
            return expected(parser, "a closing quote");
        const char character = parser->text[parser->at];
        if (character == quote)
            break;
        if (used + 1 == STRING_MAX || character < ' ' || character > '~' || character == '\\')
            return expected(parser, what);
        string[used++] = character;
    }
    parser->at++;
    string[used] = '\0';
    return MCL_OK;
}

/* Says what an array of a dtype that is not read holds, where that is known. */
static mcl_status refuse_descr(
    const struct parser *parser, uint64_t offset, const char *descr, const char *name)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strncmp(name, others[i].name, strlen(others[i].name)) == 0)
            return mcl_source_fail(parser->source, offset, "the array holds %s (dtype '%s'); %s",
                others[i].what, descr, others[i].advice);
    }
    return mcl_source_fail(parser->source, offset,
        "the dtype '%s' is not read; integers, floats and bool are: save "
        "array.astype(numpy.float32)",
        descr);
}

static mcl_status parse_descr(mcl_array *array, struct parser *parser)
{
    char descr[STRING_MAX];
    skip_space(parser);
    const uint64_t offset = parser->offset + parser->at;
    if (accept(parser, '['))
        return mcl_source_fail(parser->source, offset,
            "the array has a structured dtype, with fields; save "
            "numpy.lib.recfunctions.structured_to_unstructured(array), or one field, "
            "array['NAME']");
    MCL_TRY(parse_string(descr, parser, "a dtype"));
    const bool ordered = descr[0] && strchr("<>|=", descr[0]);
    const char *name = descr + ordered;
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        const mcl_number type = dtypes[i].type;
        if (strcmp(name, dtypes[i].name) != 0)
            continue;
        if (mcl_number_size(type) > 1 && descr[0] != '<' && descr[0] != '>')
            break;
        array->type = type;
        array->big_endian = descr[0] == '>';
        snprintf(array->dtype, sizeof array->dtype, "%.8s", descr); /* it has 3 or 4 characters */
        return MCL_OK;
    }
    return refuse_descr(parser, offset, descr, name);
}

static mcl_status parse_fortran_order(mcl_array *array, struct parser *parser)
{
    skip_space(parser);
    const char *rest = parser->text + parser->at;
    const size_t left = parser->length - parser->at;
    array->fortran = left >= 4 && memcmp(rest, "True", 4) == 0;
    if (!array->fortran && (left < 5 || memcmp(rest, "False", 5) != 0))
        return expected(parser, "True or False");
    parser->at += array->fortran ? 4 : 5;
    return MCL_OK;
}

static bool next_is_digit(const struct parser *parser)
{
    return parser->at < parser->length && parser->text[parser->at] >= '0' &&
           parser->text[parser->at] <= '9';
}

static mcl_status parse_size(uint64_t *size, struct parser *parser)
{
    skip_space(parser);
    if (!next_is_digit(parser))
        return expected(parser, "the size of a dimension");
    const size_t start = parser->at;
    *size = 0;
    for (; next_is_digit(parser); parser->at++) {
        const unsigned digit = (unsigned)(parser->text[parser->at] - '0');
        if (!mcl_multiply(size, *size, 10u) || __builtin_add_overflow(*size, digit, size))
            return mcl_source_fail(parser->source, parser->offset + start,
                "the size of a dimension is more than 2^64");
    }
    if (parser->at < parser->length && parser->text[parser->at] == 'L')
        parser->at++; /* as NumPy under Python 2 wrote long integers */
    return MCL_OK;
}

static mcl_status parse_shape(mcl_array *array, struct parser *parser)
{
    skip_space(parser);
    const uint64_t offset = parser->offset + parser->at;
    if (!accept(parser, '('))
        return expected(parser, "a tuple of sizes");
    array->dimensions = 0;
    while (!accept(parser, ')')) {
        if (array->dimensions == MCL_ARRAY_DIMENSIONS_MAX)
            return mcl_source_fail(parser->source, offset, "the array has more than %d dimensions",
                MCL_ARRAY_DIMENSIONS_MAX);
        MCL_TRY(parse_size(&array->shape[array->dimensions++], parser));
        if (accept(parser, ','))
            continue;
        if (array->dimensions == 1 || !accept(parser, ')'))
            return expected(parser, "a comma");
        break;
    }
    if (array->dimensions == 0)
        return mcl_source_fail(parser->source, offset,
            "the array is a single number, without dimensions; save numpy.atleast_1d(array)");
    return MCL_OK;
}

/* The keys of the dictionary, in any order. */
enum key { DESCR, FORTRAN_ORDER, SHAPE, KEYS };

static const char *const key_names[KEYS] = {"descr", "fortran_order", "shape"};

static mcl_status parse_key(enum key *key, struct parser *parser, const bool seen[KEYS])
{
    char name[STRING_MAX];
    skip_space(parser);
    const uint64_t offset = parser->offset + parser->at;
    MCL_TRY(parse_string(name, parser, "a key"));
    for (int k = 0; k < KEYS; k++) {
        if (strcmp(name, key_names[k]) != 0)
            continue;
        if (seen[k])
            return mcl_source_fail(
                parser->source, offset, "the .npy header has the key '%s' twice", name);
        *key = (enum key)k;
        return accept(parser, ':') ? MCL_OK : expected(parser, "a colon");
    }
    return mcl_source_fail(parser->source, offset,
        "the .npy header has an unknown key '%s'; it is descr, fortran_order or shape", name);
}

static mcl_status parse_header(mcl_array *array, struct parser *parser)
{
    bool seen[KEYS] = {false};
    if (!accept(parser, '{'))
        return expected(parser, "a dictionary");
    while (!accept(parser, '}')) {
        enum key key = DESCR;
        MCL_TRY(parse_key(&key, parser, seen));
        seen[key] = true;
        MCL_TRY(key == DESCR           ? parse_descr(array, parser)
                : key == FORTRAN_ORDER ? parse_fortran_order(array, parser)
                                       : parse_shape(array, parser));
        if (accept(parser, ','))
            continue;
        if (!accept(parser, '}'))
            return expected(parser, "a comma");
        break;
    }
    skip_space(parser);
    if (parser->at < parser->length)
        return expected(parser, "its end");
    for (int k = 0; k < KEYS; k++) {
        if (!seen[k])
            return mcl_source_fail(
                parser->source, parser->offset, "the .npy header lacks the key '%s'", key_names[k]);
    }
    return MCL_OK;
}

/* *length = the header's length, which follows the magic and the version. */
static mcl_status read_length(size_t *length, mcl_source *source)
{
    unsigned char version[2], bytes[4] = {0};
    MCL_TRY(mcl_source_read_whole(source, version, sizeof version, "a .npy version"));
    if (version[0] < 1 || version[0] > 3 || version[1] != 0)
        return mcl_source_fail(source, MAGIC_BYTES,
            "the .npy version is %d.%d; 1.0, 2.0 and 3.0 are known", version[0], version[1]);
    MCL_TRY(
        mcl_source_read_whole(source, bytes, version[0] == 1 ? 2 : 4, "a .npy header's length"));
    const uint32_t value = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                           (uint32_t)bytes[3] << 24;
    if (value > HEADER_MAX)
        return mcl_source_fail(source, MAGIC_BYTES + sizeof version,
            "the .npy header has %" PRIu32 " bytes; more than %d are no plain array's", value,
            HEADER_MAX);
    *length = value;
    return MCL_OK;
}

mcl_status mcl_npy_header(
    mcl_array *array, mcl_source *source, const unsigned char magic[MCL_MAGIC_BYTES])
{
    char start[MAGIC_BYTES];
    size_t length = 0;
    memcpy(start, magic, MCL_MAGIC_BYTES);
    MCL_TRY(mcl_source_read_whole(
        source, start + MCL_MAGIC_BYTES, MAGIC_BYTES - MCL_MAGIC_BYTES, "the .npy magic string"));
    if (memcmp(start, MAGIC, MAGIC_BYTES) != 0)
        return mcl_source_fail(source, MCL_MAGIC_BYTES, "the .npy magic string is incomplete");
    MCL_TRY(read_length(&length, source));
    char *text;
    struct parser parser = {source, mcl_source_offset(source), NULL, length, 0};
    MCL_TRY(mcl_allocate(&text, length, 1));
    parser.text = text;
    mcl_status status = mcl_source_read_whole(source, text, length, "a .npy header");
    if (status == MCL_OK)
        status = parse_header(array, &parser);
    free(text);
    return status;
}
