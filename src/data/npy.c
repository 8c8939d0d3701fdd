/* SPDX-License-Identifier: Apache-2.0 */
/* NumPy's .npy, versions 1.0 to 3.0 (numpy/lib/format.py): a magic string, the version, the length
 * of a header, the header, which is a Python dictionary, and the values. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "data/formats.h"
#include "data/opening.h"
#include "data/records.h"

#define MAGIC "\x93NUMPY"
#define MAGIC_BYTES 6
#define HEADER_MAX (1 << 20) /* bytes; 64 dimensions of 20 digits need less than 2 KiB */
#define STRING_MAX 64        /* bytes; longer strings are none that is known */
#define NAME_MAX_BYTES 1024  /* of a field's name */

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
    size_t at;          /* the next character */
    mcl_fields *fields; /* NULL: the array must have none */
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

/* Skips white space; whether the character is the next one. */
static bool next_is(struct parser *parser, char character)
{
    skip_space(parser);
    return parser->at < parser->length && parser->text[parser->at] == character;
}

/* Skips white space, and the character if it is the next one. */
static bool accept(struct parser *parser, char character)
{
    const bool found = next_is(parser, character);
    parser->at += found;
    return found;
}

/* Reads a string of less than size bytes in either kind of quotes. Unlike Python's it has no
 * escapes, which names of fields alone may need. text: it is not only ASCII. */
static mcl_status parse_quoted(
    char *string, size_t size, bool text, struct parser *parser, const char *what)
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
        const bool fits =
            (unsigned char)character < 0x80 ? character >= ' ' && character <= '~' : text;
        if (used + 1 == size || !fits || character == '\\')
            return expected(parser, what);
        string[used++] = character;
    }
    parser->at++;
    string[used] = '\0';
    return MCL_OK;
}

static mcl_status parse_string(char string[STRING_MAX], struct parser *parser, const char *what)
{
    return parse_quoted(string, STRING_MAX, false, parser, what);
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

/* The type of numbers that a dtype is; false for another. */
static bool find_type(mcl_number *type, bool *big_endian, const char *descr)
{
    const char *name = descr + (descr[0] && strchr("<>|=", descr[0]));
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        if (strcmp(name, dtypes[i].name) != 0)
            continue;
        *type = dtypes[i].type;
        *big_endian = descr[0] == '>';
        return mcl_number_size(*type) == 1 || descr[0] == '<' || descr[0] == '>';
    }
    return false;
}

/* *width = the number that a dtype ends with; false where it is none, or too large. */
static bool parse_width(uint64_t *width, const char *text)
{
    *width = 0;
    for (; *text >= '0' && *text <= '9' && *width <= MCL_CSV_RECORD_MOST; text++)
        *width = 10 * *width + (uint64_t)(*text - '0');
    return *text == '\0' && *width <= MCL_CSV_RECORD_MOST;
}

/* The unit of points in time, as in "ns]". */
static bool find_unit(char unit[4], const char *text)
{
    static const char *const units[] = {"D", "h", "m", "s", "ms", "us", "ns"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        const size_t length = strlen(units[i]);
        if (strncmp(text, units[i], length) != 0 || strcmp(text + length, "]") != 0)
            continue;
        memcpy(unit, units[i], length + 1);
        return true;
    }
    return false;
}

/* What a field of another dtype is; false for one that has no values that are read. */
static bool find_kind(mcl_field *field, const char *descr)
{
    uint64_t count;
    const char *name = descr + (descr[0] && strchr("<>|=", descr[0]));
    field->big_endian = descr[0] == '>';
    field->type = MCL_NUMBER_INT64;
    field->size = 8;
    if (strncmp(name, "M8[", 3) == 0) {
        field->kind = MCL_FIELD_TIME;
        return find_unit(field->unit, name + 3);
    }
    if (strncmp(name, "m8", 2) == 0) {
        field->kind = MCL_FIELD_SPAN;
        return true;
    }
    if ((*name != 'S' && *name != 'U') || !parse_width(&count, name + 1))
        return false;
    field->kind = *name == 'S' ? MCL_FIELD_BYTES : MCL_FIELD_UNICODE;
    field->size = (size_t)count * (*name == 'S' ? 1 : 4);
    return true;
}

/* Adds a field, or those of its elements where it is an array, at the end of the record. */
static mcl_status add_fields(
    const mcl_field *field, const char *base, uint64_t count, const struct parser *parser)
{
    char name[NAME_MAX_BYTES + 32];
    mcl_fields *fields = parser->fields;
    for (uint64_t i = 0; i < count; i++) {
        mcl_field added = *field;
        snprintf(name, sizeof name, count > 1 ? "%s[%" PRIu64 "]" : "%s", base, i);
        added.offset = fields->size;
        if (added.size > SIZE_MAX / 4 - fields->size)
            return mcl_source_fail(parser->source, parser->offset, "a record is too long");
        MCL_TRY(mcl_fields_add(fields, &added, name));
        fields->size += added.size;
    }
    return MCL_OK;
}

static mcl_status parse_size(uint64_t *size, struct parser *parser);

/* *count = the product of the sizes of a field that is an array, 1 where it is none. */
static mcl_status parse_field_shape(uint64_t *count, struct parser *parser)
{
    uint64_t size;
    *count = 1;
    if (!accept(parser, ',') || next_is(parser, ')'))
        return MCL_OK;
    if (!accept(parser, '('))
        return expected(parser, "the shape of a field");
    while (!accept(parser, ')')) {
        MCL_TRY(parse_size(&size, parser));
        if (!mcl_multiply(count, *count, size) || *count > MCL_CSV_CELLS_MOST)
            return expected(parser, "the shape of a field that has not too many elements");
        if (!accept(parser, ',') && !next_is(parser, ')'))
            return expected(parser, "a comma");
    }
    return MCL_OK;
}

static mcl_status parse_field_name(char name[NAME_MAX_BYTES], struct parser *parser)
{
    if (!accept(parser, '(')) /* else a title is before it */
        return parse_quoted(name, NAME_MAX_BYTES, true, parser, "the name of a field");
    MCL_TRY(parse_quoted(name, NAME_MAX_BYTES, true, parser, "the title of a field"));
    if (!accept(parser, ','))
        return expected(parser, "a comma");
    MCL_TRY(parse_quoted(name, NAME_MAX_BYTES, true, parser, "the name of a field"));
    return accept(parser, ')') ? MCL_OK : expected(parser, "a closing bracket");
}

/* Whether it is a gap between fields, which is added to the record's size. */
static bool add_gap(mcl_fields *fields, const char *name, const char *descr)
{
    uint64_t bytes;
    if (*name || strncmp(descr, "|V", 2) != 0 || !parse_width(&bytes, descr + 2))
        return false;
    fields->size += (size_t)bytes;
    return true;
}

static mcl_status refuse_field(const struct parser *parser, const char *name, const char *descr)
{
    char quote[MCL_QUOTE_SIZE];
    const bool objects = strchr(descr, 'O') != NULL;
    return mcl_source_fail(parser->source, parser->offset + parser->at,
        "the field '%s' holds %s (dtype '%s'); %s", mcl_quote(quote, name),
        objects ? "Python objects" : "what no column of a table can be", descr,
        objects ? "give it a fixed width, as 'U20' has, or save "
                  "pandas.DataFrame(array).to_csv(NAME, index=False)"
                : "leave it out");
}

/* A field: ('name', 'dtype') or ('name', 'dtype', (2, 3)). */
static mcl_status parse_field(struct parser *parser)
{
    char name[NAME_MAX_BYTES], descr[STRING_MAX] = "";
    uint64_t count = 1;
    mcl_field field = {.size = 0};
    if (!accept(parser, '('))
        return expected(parser, "a field");
    MCL_TRY(parse_field_name(name, parser));
    if (!accept(parser, ','))
        return expected(parser, "a comma");
    if (next_is(parser, '['))
        return refuse_field(parser, name, "fields of its own");
    MCL_TRY(parse_string(descr, parser, "a dtype"));
    if (add_gap(parser->fields, name, descr))
        return accept(parser, ')') ? MCL_OK : expected(parser, "a closing bracket");
    if (find_type(&field.type, &field.big_endian, descr))
        field.size = mcl_number_size(field.type);
    else if (!find_kind(&field, descr))
        return refuse_field(parser, name, descr);
    MCL_TRY(parse_field_shape(&count, parser));
    if (!accept(parser, ')'))
        return expected(parser, "a closing bracket");
    return add_fields(&field, name, count, parser);
}

static mcl_status parse_fields(struct parser *parser)
{
    while (!accept(parser, ']')) {
        MCL_TRY(parse_field(parser));
        if (accept(parser, ','))
            continue;
        if (!accept(parser, ']'))
            return expected(parser, "a comma");
        break;
    }
    return MCL_OK;
}

static mcl_status parse_descr(mcl_array *array, struct parser *parser)
{
    char descr[STRING_MAX];
    skip_space(parser);
    const uint64_t offset = parser->offset + parser->at;
    if (accept(parser, '['))
        return parser->fields
                   ? parse_fields(parser)
                   : mcl_source_fail(parser->source, offset,
                         "the array has a structured dtype, with fields, as tables have; here it "
                         "must be an array of numbers: one field, array['NAME']");
    MCL_TRY(parse_string(descr, parser, "a dtype"));
    if (find_type(&array->type, &array->big_endian, descr)) {
        snprintf(array->dtype, sizeof array->dtype, "%.8s", descr); /* it has 3 or 4 characters */
        return MCL_OK;
    }
    return refuse_descr(parser, offset, descr, descr + (descr[0] && strchr("<>|=", descr[0])));
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

/* fields may be NULL: the array must have none. */
static mcl_status read_header(mcl_array *array, mcl_fields *fields, mcl_source *source,
    const unsigned char magic[MCL_MAGIC_BYTES])
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
    struct parser parser = {source, mcl_source_offset(source), NULL, length, 0, fields};
    MCL_TRY(mcl_allocate(&text, length, 1));
    parser.text = text;
    mcl_status status = mcl_source_read_whole(source, text, length, "a .npy header");
    if (status == MCL_OK)
        status = parse_header(array, &parser);
    free(text);
    return status;
}

mcl_status mcl_npy_header(
    mcl_array *array, mcl_source *source, const unsigned char magic[MCL_MAGIC_BYTES])
{
    return read_header(array, NULL, source, magic);
}

/* Structured arrays, as tables. */

static bool recognize_records(const mcl_opening *opening)
{
    static const char start[] = "'descr': [";
    if (opening->byte_count < MAGIC_BYTES || memcmp(opening->bytes, MAGIC, MAGIC_BYTES) != 0)
        return false;
    for (size_t i = MAGIC_BYTES; i + sizeof start <= opening->byte_count; i++) {
        if (memcmp(opening->bytes + i, start, sizeof start - 1) == 0)
            return true;
    }
    return false;
}

static mcl_status count_records(
    uint64_t *rows, const mcl_array *array, const mcl_fields *fields, const mcl_source *source)
{
    char shape[MCL_ARRAY_SHAPE_TEXT];
    *rows = array->shape[0];
    for (size_t d = 1; d < array->dimensions; d++) {
        if (array->shape[d] != 1 && *rows > 1) {
            mcl_array_shape_text(shape, array);
            return mcl_fail(MCL_ERROR_DATA,
                "%s: its records are in a shape of %s; save array.ravel(), a record a row",
                mcl_source_name(source), shape);
        }
        *rows = *rows > 1 ? *rows : array->shape[d];
    }
    if (*rows == 0 || fields->count == 0 || fields->size == 0)
        return mcl_fail(MCL_ERROR_DATA, "%s: holds no %s", mcl_source_name(source),
            *rows == 0           ? "rows"
            : fields->count == 0 ? "fields"
                                 : "values: its records have 0 bytes");
    return MCL_OK;
}

static mcl_status open_fields(
    mcl_data **data, mcl_fields *fields, mcl_source *source, const mcl_data_options *options)
{
    mcl_array array = {.dimensions = 0};
    unsigned char magic[MCL_MAGIC_BYTES];
    uint64_t rows;
    mcl_table *table;
    MCL_TRY(mcl_source_read_whole(source, magic, sizeof magic, "the .npy magic string"));
    MCL_TRY(read_header(&array, fields, source, magic));
    MCL_TRY(count_records(&rows, &array, fields, source));
    MCL_TRY(mcl_records_open(&table, fields, rows, source, mcl_source_name(source), options));
    return mcl_table_data(data, table, options);
}

static mcl_status open_record_array(mcl_data **data, const mcl_opening *opening)
{
    mcl_fields fields = {.list = NULL};
    if (opening->count > 1)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s: is a structured array, and those are not joined; save "
            "numpy.concatenate([numpy.load(path) for path in paths])",
            opening->file);
    const mcl_status status = open_fields(data, &fields, opening->source, opening->options);
    mcl_fields_release(&fields);
    return status;
}

const mcl_holder mcl_holder_records = {
    .name = "NumPy structured .npy", .recognize = recognize_records, .open = open_record_array};
