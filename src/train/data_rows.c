/* SPDX-License-Identifier: Apache-2.0 */
/* The options of reading data (mcl_data_options), and the types of their members. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "train/rows.h"

/* A text that is the caller's; NULL is shown as, and read from, the row's `unset`. */
static mcl_status parse_text(void *field, const char *text, const mcl_row *row)
{
    *(const char **)field = strcmp(text, row->unset) == 0 ? NULL : text;
    return MCL_OK;
}

static void show_text(char *text, size_t size, const void *field, const mcl_row *row)
{
    const char *value = *(const char *const *)field;
    snprintf(text, size, "%s", value ? value : row->unset);
}

/* The same of a text that is one of the row's names: it is set to the table's own. */
static mcl_status parse_word(void *field, const char *text, const mcl_row *row)
{
    double value;
    if (strcmp(text, row->unset) == 0) {
        *(const char **)field = NULL;
        return MCL_OK;
    }
    MCL_TRY(mcl_value_parse(&value, row->value, text));
    *(const char **)field = row->value->names[(size_t)value];
    return MCL_OK;
}

/* An enumeration whose numbers are the places of the row's names. */
#define ENUMERATION(name, type)                                                                    \
    static mcl_status parse_##name(void *field, const char *text, const mcl_row *row)              \
    {                                                                                              \
        double value;                                                                              \
        MCL_TRY(mcl_value_parse(&value, row->value, text));                                        \
        *(type *)field = (type)value;                                                              \
        return MCL_OK;                                                                             \
    }                                                                                              \
    static void show_##name(char *text, size_t size, const void *field, const mcl_row *row)        \
    {                                                                                              \
        mcl_value_show(text, size, row->value, (double)*(const type *)field);                      \
    }                                                                                              \
    static const mcl_field_type name##_field = {parse_##name, show_##name};

ENUMERATION(header, mcl_header)
ENUMERATION(standardize, mcl_standardize)
ENUMERATION(channels, mcl_channels)

/* How many channels images get: by place in the names. */
static const uint32_t color_counts[] = {0, 1, 3};

static mcl_status parse_colors(void *field, const char *text, const mcl_row *row)
{
    double value;
    MCL_TRY(mcl_value_parse(&value, row->value, text));
    *(uint32_t *)field = color_counts[(size_t)value];
    return MCL_OK;
}

static void show_colors(char *text, size_t size, const void *field, const mcl_row *row)
{
    const uint32_t count = *(const uint32_t *)field;
    size_t place = 0;
    while (place < sizeof color_counts / sizeof *color_counts && color_counts[place] != count)
        place++;
    mcl_value_show(text, size, row->value, (double)place);
}

/* A whole number of bytes above 0, and K, M, G or T for 2^10, 2^20, 2^30 or 2^40 times as many. */
static mcl_status parse_bytes(void *field, const char *text, const mcl_row *row)
{
    static const char units[] = "KMGT";
    const size_t digits = strspn(text, "0123456789");
    const char *unit = text[digits] ? strchr(units, text[digits]) : NULL;
    const unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    char number[24];
    uint64_t value;
    if (strcmp(text, row->unset) == 0) {
        *(uint64_t *)field = 0;
        return MCL_OK;
    }
    snprintf(number, sizeof number, "%.*s", (int)(digits < 23 ? digits : 23), text);
    if (digits == 0 || (text[digits] && (!unit || text[digits + 1])) ||
        mcl_whole_parse(&value, &mcl_value_count64, number) != MCL_OK ||
        value > UINT64_MAX >> shift)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "'%s' is not a number of bytes above 0, such as 512M (K, M, G and T are possible)",
            text);
    *(uint64_t *)field = value << shift;
    return MCL_OK;
}

static void show_bytes(char *text, size_t size, const void *field, const mcl_row *row)
{
    static const char *const units[] = {"", "K", "M", "G", "T"};
    uint64_t value = *(const uint64_t *)field;
    size_t unit = 0;
    if (value == 0) {
        snprintf(text, size, "%s", row->unset);
        return;
    }
    for (; unit < 4 && value % 1024 == 0; unit++)
        value /= 1024;
    snprintf(text, size, "%" PRIu64 "%s", value, units[unit]);
}

static const mcl_field_type text_field = {parse_text, show_text};
static const mcl_field_type word_field = {parse_word, show_text};
static const mcl_field_type colors_field = {parse_colors, show_colors};
static const mcl_field_type bytes_field = {parse_bytes, show_bytes};

#define NAMES(type, what_it_is, ...)                                                               \
    static const char *const type##_names[] = {__VA_ARGS__};                                       \
    static const mcl_value_type type = {.kind = MCL_VALUE_NAME,                                    \
        .what = (what_it_is),                                                                      \
        .names = type##_names,                                                                     \
        .name_count = sizeof type##_names / sizeof *type##_names};

NAMES(delimiters, "delimiter", "comma", "semicolon", "tab", "space", "pipe")
NAMES(decimals, "decimal mark", "point", "comma")
NAMES(headers, "answer", "auto", "yes", "no")
NAMES(standardizations, "standardization", "auto", "columns", "center", "none")
NAMES(channel_orders, "order of channels", "auto", "last", "first")
NAMES(colors, "kind of colours", "auto", "grey", "rgb")

#define OF(member) offsetof(mcl_data_options, member)

const mcl_row mcl_rows_of_data[MCL_ROWS_OF_DATA] = {
    {.key = "label",
        .group = "Tables",
        .values = "COLUMN",
        .help = "the column that has the rows' classes: it is no input",
        .type = &text_field,
        .offset = OF(label),
        .otherwise = "",
        .unset = "",
        .unset_help = "none"},
    {.key = "id",
        .group = "Tables",
        .values = "COLUMN",
        .help = "the column that names the rows: it is no input",
        .type = &text_field,
        .offset = OF(id),
        .otherwise = "",
        .unset = "",
        .unset_help = "none"},
    {.key = "categorical",
        .group = "Tables",
        .values = "COLUMNS",
        .help = "columns that are categories, whatever they look like: names joined by commas",
        .type = &text_field,
        .offset = OF(categorical),
        .otherwise = "",
        .unset = "",
        .unset_help = "those that are not numbers"},
    {.key = "numeric",
        .group = "Tables",
        .values = "COLUMNS",
        .help = "columns that are numbers, whatever they look like",
        .type = &text_field,
        .offset = OF(numeric),
        .otherwise = "",
        .unset = "",
        .unset_help = "those that are numbers"},
    {.key = "ignore",
        .group = "Tables",
        .values = "COLUMNS",
        .help = "columns that are no inputs",
        .type = &text_field,
        .offset = OF(ignore),
        .otherwise = "",
        .unset = "",
        .unset_help = "none"},
    {.key = "standardize",
        .group = "Tables",
        .values = "auto|columns|center|none",
        .help = "whether numbers become (x - mean) / deviation: each column by its own two "
                "(columns), by its own mean and the deviation of all together (center), or not; "
                "auto is columns for a table, and for an array whose columns differ much",
        .type = &standardize_field,
        .value = &standardizations,
        .offset = OF(standardize),
        .otherwise = "auto"},
    {.key = "delimiter",
        .group = "Tables",
        .values = "comma|semicolon|tab|space|pipe",
        .help = "what parts the columns of a text table",
        .type = &word_field,
        .value = &delimiters,
        .offset = OF(delimiter),
        .otherwise = "auto",
        .unset = "auto",
        .unset_help = "recognized"},
    {.key = "decimal",
        .group = "Tables",
        .values = "point|comma",
        .help = "the decimal mark of numbers in a text table",
        .type = &word_field,
        .value = &decimals,
        .offset = OF(decimal),
        .otherwise = "auto",
        .unset = "auto",
        .unset_help = "recognized"},
    {.key = "header",
        .group = "Tables",
        .values = "auto|yes|no",
        .help = "whether the first line of a text table has the columns' names; without one they "
                "are called 0, 1 and so on",
        .type = &header_field,
        .value = &headers,
        .offset = OF(header),
        .otherwise = "auto"},
    {.key = "size",
        .group = "Images",
        .values = "PIXELS",
        .help = "height and width that images get: resized, and cropped to a square",
        .type = &mcl_field_uint32,
        .value = &mcl_value_count32,
        .offset = OF(size),
        .otherwise = "auto",
        .unset = "auto",
        .unset_help = "those of the first image"},
    {.key = "colors",
        .group = "Images",
        .values = "auto|grey|rgb",
        .help = "whether images become grey or have three channels; auto is as the first one",
        .type = &colors_field,
        .value = &colors,
        .offset = OF(colors),
        .otherwise = "auto"},
    {.key = "background",
        .group = "Images",
        .values = "RRGGBB|GG",
        .help = "what shows where images are transparent: a colour or a grey, in hexadecimal",
        .type = &text_field,
        .offset = OF(background),
        .otherwise = "white",
        .unset = "white"},
    {.key = "channels",
        .group = "Images",
        .values = "auto|last|first",
        .help =
            "the order of an array's dimensions: rows of height x width x channels (last) or of "
            "channels x height x width (first)",
        .type = &channels_field,
        .value = &channel_orders,
        .offset = OF(channels),
        .otherwise = "auto"},
    {.key = "strict",
        .group = "Data",
        .values = "no|yes",
        .help = "refuse a damaged file among many; without it, it is left out with a warning",
        .type = &mcl_field_bool,
        .value = &mcl_value_no_or_yes,
        .offset = OF(strict),
        .otherwise = "no"},
    {.key = "host_memory",
        .group = "Data",
        .values = "LIMIT",
        .help = "how much of the host's memory rows may take, in bytes or with K, M, G or T as in "
                "2G; more rows are read in blocks while the device computes, which changes no bit "
                "of the result",
        .type = &bytes_field,
        .offset = OF(host_memory),
        .otherwise = "auto",
        .unset = "auto",
        .unset_help = "half of what is free"},
};
