/* SPDX-License-Identifier: Apache-2.0 */
#include "model/encoder_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/numbers.h"

#define CONTRAST 0.01f /* of patches, where it is not said */

/* Names of whole encoders. */
static const struct {
    const char *name, *text;
} encoders[] = {
    {"dense", ""},
    {"conv", "conv:64x5/2,conv:128x3/2,pool:grid:3"},
    {"patches", "patches:256x6,pool:grid:3"},
    {"resnet9", "conv:64x3,conv:128x3,pool:max,residual(conv:128x3,conv:128x3),conv:256x3,pool:max,"
                "conv:512x3,pool:max,residual(conv:512x3,conv:512x3),pool:global"},
};

/* What follows the colon of a word. */
typedef enum operands {
    NO_OPERANDS,
    WIDTH,        /* WIDTH */
    WIDTH_KERNEL, /* CHANNELSxKERNEL[/STRIDE][pPADDING] */
    CONTRASTED,   /* CHANNELSxKERNEL[/STRIDE][pPADDING][:CONTRAST] */
    KERNEL,       /* KERNEL[/STRIDE][pPADDING] */
    POOL,         /* [KERNEL[/STRIDE]] */
} operands;

static const struct word_type {
    const char *name;
    operands operands;
    const char *form; /* for messages */
} types[] = {
    [MCL_WORD_CONV] = {"conv", WIDTH_KERNEL, "conv:CHANNELSxKERNEL[/STRIDE], as conv:64x5/2"},
    [MCL_WORD_CONV1D] = {"conv1d", WIDTH_KERNEL,
        "conv1d:CHANNELSxKERNEL[/STRIDE], as conv1d:64x9/2"},
    [MCL_WORD_PATCHES] = {"patches", CONTRASTED,
        "patches:CHANNELSxKERNEL[/STRIDE][pPADDING][:CONTRAST], as patches:256x6"},
    [MCL_WORD_DEPTHWISE] = {"depthwise", KERNEL, "depthwise:KERNEL[/STRIDE], as depthwise:3"},
    [MCL_WORD_POOL_MAX] = {"pool:max", POOL, "pool:max[:KERNEL[/STRIDE]], as pool:max:2"},
    [MCL_WORD_POOL_AVG] = {"pool:avg", POOL, "pool:avg[:KERNEL[/STRIDE]], as pool:avg:2"},
    [MCL_WORD_POOL_GLOBAL] = {"pool:global", NO_OPERANDS, "pool:global"},
    [MCL_WORD_POOL_GRID] = {"pool:grid", WIDTH, "pool:grid:G, as pool:grid:3"},
    [MCL_WORD_RESIDUAL] = {"residual(", NO_OPERANDS, "residual(LAYERS)"},
    [MCL_WORD_END] = {")", NO_OPERANDS, ")"},
    [MCL_WORD_DENSE] = {"dense", WIDTH, "dense:WIDTH, as dense:256"},
};

#define TYPES (sizeof types / sizeof *types)
#define FORMS                                                                                      \
    "conv, conv1d, patches, depthwise, pool:max, pool:avg, pool:global, pool:grid, residual(…) " \
    "and dense"

bool mcl_word_has_weights(const mcl_word *word)
{
    return word->kind <= MCL_WORD_DEPTHWISE || word->kind == MCL_WORD_DENSE;
}

mcl_status mcl_word_fail(const char *text, const mcl_word *word, const char *format, ...)
{
    char why[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    char shown[64], clean[64];
    snprintf(
        shown, sizeof shown, "%.*s", word->length < 60 ? (int)word->length : 60, text + word->at);
    mcl_clean_text(clean, sizeof clean, shown, "");
    return mcl_fail(
        MCL_ERROR_ARGUMENT, "at character %" PRIu32 ", '%s': %s", word->at + 1, clean, why);
}

/* A text that is read from left to right. */
struct parser {
    const char *text, *at;
    mcl_words *words;
    const mcl_word *open; /* the residual( that has no ) yet; NULL: none */
};

static void skip_spaces(struct parser *parser)
{
    parser->at += strspn(parser->at, " ");
}

/* Reads a number; false where there is none in range. */
static bool read_number(uint32_t *number, const char **at, uint32_t least)
{
    uint32_t value = 0;
    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        value = 10 * value + (uint32_t)(**at - '0');
        if (value > MCL_WORD_NUMBER_MAX)
            return false;
    }
    *number = value;
    return value >= least;
}

/* The same, after a character that says that it comes; true without it, too. */
static bool read_after(uint32_t *number, const char **at, char sign, uint32_t least)
{
    if (**at != sign)
        return true;
    ++*at;
    return read_number(number, at, least);
}

/* The padding of a word that does not say it. */
static uint32_t usual_padding(const mcl_word *word)
{
    return word->kind == MCL_WORD_PATCHES ? 0 : (word->kernel - 1) / 2;
}

/* Reads ":CONTRAST", if it is there, up to the end of a word. */
static bool read_contrast(mcl_word *word, const char **at)
{
    char number[MCL_NUMBER_SIZE];
    const size_t length = strcspn(*at, ", )");
    word->contrast = CONTRAST;
    if (**at != ':')
        return true;
    if (length > sizeof number)
        return false;
    snprintf(number, sizeof number, "%.*s", (int)length - 1, *at + 1);
    *at += length;
    return mcl_number_parse_float(&word->contrast, number) && word->contrast >= 1e-30f;
}

/* Reads what follows the name of a word; false where that is not as it should be. */
static bool read_operands(mcl_word *word, const char **at)
{
    const operands needed = types[word->kind].operands;
    word->stride = 1;
    if (needed == NO_OPERANDS)
        return true;
    if (needed == POOL) {
        word->kernel = 2;
        if (!read_after(&word->kernel, at, ':', 1))
            return false;
        word->stride = word->kernel;
        return read_after(&word->stride, at, '/', 1);
    }
    if (*(*at)++ != ':')
        return false;
    if (needed != KERNEL && !read_number(&word->width, at, 1))
        return false;
    if (needed == WIDTH)
        return true;
    if (needed != KERNEL && *(*at)++ != 'x')
        return false;
    if (!read_number(&word->kernel, at, 1))
        return false;
    word->padding = usual_padding(word);
    if (!read_after(&word->stride, at, '/', 1) || !read_after(&word->padding, at, 'p', 0))
        return false;
    return needed != CONTRASTED || read_contrast(word, at);
}

/* How many characters of a text a word's name takes; 0 where it is not that. */
static size_t name_length(const char *at, const char *name)
{
    const size_t length = strlen(name);
    if (strncmp(at, name, length) != 0)
        return 0;
    return name[length - 1] == '(' || strchr(":,) ", at[length]) ? length : 0;
}

/* The word at a place; its length is up to what must be a comma, a ) or the end. */
static mcl_status read_word(struct parser *parser, mcl_word *word)
{
    size_t kind = 0, length = 0;
    while (kind < TYPES && (kind == MCL_WORD_END || !name_length(parser->at, types[kind].name)))
        kind++;
    word->at = (uint32_t)(parser->at - parser->text);
    word->length = (uint32_t)strcspn(parser->at, ", )");
    if (word->length == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "at character %" PRIu32 ", a layer is missing: there are " FORMS, word->at + 1);
    if (kind == TYPES)
        return mcl_word_fail(parser->text, word, "there is no such layer: there are " FORMS);
    word->kind = (mcl_word_kind)kind;
    length = strlen(types[kind].name);
    if (kind == MCL_WORD_RESIDUAL)
        word->length = (uint32_t)length;
    const char *at = parser->at + length, *end = parser->at + word->length;
    if (!read_operands(word, &at) || at != end)
        return mcl_word_fail(parser->text, word, "it is not %s, of whole numbers from 1 to %d",
            types[kind].form, MCL_WORD_NUMBER_MAX);
    parser->at = end;
    return MCL_OK;
}

static mcl_status add_word(struct parser *parser, const mcl_word *word)
{
    mcl_words *words = parser->words;
    if (words->count == MCL_WORDS_MAX)
        return mcl_word_fail(parser->text, word, "more than %d layers are too many", MCL_WORDS_MAX);
    words->of[words->count++] = *word;
    return MCL_OK;
}

static mcl_status open_residual(struct parser *parser, const mcl_word *word)
{
    if (parser->open)
        return mcl_word_fail(
            parser->text, word, "one residual(…) cannot stand in another: end that one first");
    MCL_TRY(add_word(parser, word));
    parser->open = &parser->words->of[parser->words->count - 1];
    return MCL_OK;
}

static mcl_status close_residual(struct parser *parser)
{
    const mcl_word end = {
        .kind = MCL_WORD_END, .at = (uint32_t)(parser->at - parser->text), .length = 1};
    if (!parser->open)
        return mcl_word_fail(parser->text, &end, "there is no residual( that it ends");
    parser->open = NULL;
    parser->at++;
    MCL_TRY(add_word(parser, &end));
    skip_spaces(parser);
    return MCL_OK;
}

/* The layers, with a comma or the beginning or end of a residual( ) between them. */
static mcl_status read_words(struct parser *parser)
{
    bool more = true;
    while (more) {
        mcl_word word = {0};
        skip_spaces(parser);
        MCL_TRY(read_word(parser, &word));
        if (word.kind == MCL_WORD_RESIDUAL) {
            MCL_TRY(open_residual(parser, &word));
            continue;
        }
        MCL_TRY(add_word(parser, &word));
        skip_spaces(parser);
        while (*parser->at == ')')
            MCL_TRY(close_residual(parser));
        more = *parser->at == ',';
        const mcl_word rest = {.at = (uint32_t)(parser->at - parser->text),
            .length = (uint32_t)strcspn(parser->at, ",)")};
        if (!more && *parser->at)
            return mcl_word_fail(
                parser->text, &rest, "a comma must come between one layer and the next");
        parser->at += more;
    }
    return parser->open ? mcl_word_fail(parser->text, parser->open, "the ) that ends it is missing")
                        : MCL_OK;
}

/* What the grammar does not say: kinds of words that do not go together. */
static mcl_status check_words(mcl_words *words, const char *text)
{
    const mcl_word *dense = NULL, *other = NULL;
    for (size_t i = 0; i < words->count; i++) {
        const mcl_word *word = &words->of[i];
        const bool series = word->kind == MCL_WORD_CONV1D;
        const bool images = word->kind == MCL_WORD_CONV || word->kind == MCL_WORD_PATCHES;
        const bool convolution = series || images;
        if (word->kind == MCL_WORD_PATCHES && i > 0)
            return mcl_word_fail(
                text, word, "its patches are those of the rows: it can only be the first layer");
        if (convolution && other && (other->kind == MCL_WORD_CONV1D) != series)
            return mcl_word_fail(
                text, word, "conv, of images, and conv1d, of series, cannot be in one encoder");
        if (word->kind == MCL_WORD_DENSE)
            dense = word;
        else if (dense && word->kind != MCL_WORD_RESIDUAL && word->kind != MCL_WORD_END)
            return mcl_word_fail(text, word,
                "after a dense layer there is no map: only dense layers can follow one");
        if (convolution)
            other = word;
    }
    words->series = other && other->kind == MCL_WORD_CONV1D;
    return MCL_OK;
}

static mcl_status check_end(const mcl_words *words, const char *text)
{
    for (size_t i = 0; i < words->count; i++) {
        const bool residual = words->of[i].kind == MCL_WORD_RESIDUAL;
        size_t weights = 0;
        for (size_t j = i + 1; residual && words->of[j].kind != MCL_WORD_END; j++)
            weights += mcl_word_has_weights(&words->of[j]);
        if (residual && weights == 0)
            return mcl_word_fail(text, &words->of[i], "none of its layers has weights");
    }
    return MCL_OK;
}

mcl_status mcl_words_parse(mcl_words *words, const char *text)
{
    char unused[MCL_ENCODER_SIZE];
    *words = (mcl_words){.count = 0};
    for (size_t i = 0; i < sizeof encoders / sizeof *encoders; i++) {
        if (strcmp(text, encoders[i].name) == 0)
            text = encoders[i].text;
    }
    if (!*text)
        return MCL_OK;
    if (strlen(text) > UINT16_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%zu characters are too many", strlen(text));
    struct parser parser = {.text = text, .at = text, .words = words};
    MCL_TRY(read_words(&parser));
    MCL_TRY(check_words(words, text));
    MCL_TRY(check_end(words, text));
    return mcl_words_show(unused, words);
}

/* Writes what follows the name of a word. */
static size_t show_operands(char *text, size_t size, const mcl_word *word)
{
    const operands needed = types[word->kind].operands;
    const uint32_t stride = needed == POOL ? word->kernel : 1;
    size_t used = 0;
    if (needed == WIDTH)
        used += (size_t)snprintf(text + used, size - used, ":%" PRIu32, word->width);
    if (needed == WIDTH_KERNEL || needed == CONTRASTED)
        used += (size_t)snprintf(
            text + used, size - used, ":%" PRIu32 "x%" PRIu32, word->width, word->kernel);
    if (needed == KERNEL || (needed == POOL && (word->kernel != 2 || word->stride != 2)))
        used += (size_t)snprintf(text + used, size - used, ":%" PRIu32, word->kernel);
    if (needed > WIDTH && word->stride != stride)
        used += (size_t)snprintf(text + used, size - used, "/%" PRIu32, word->stride);
    if (needed > WIDTH && needed != POOL && word->padding != usual_padding(word))
        used += (size_t)snprintf(text + used, size - used, "p%" PRIu32, word->padding);
    if (needed == CONTRASTED && word->contrast != CONTRAST) {
        char number[MCL_NUMBER_SIZE];
        mcl_number_show_float(number, word->contrast);
        used += (size_t)snprintf(text + used, size - used, ":%s", number);
    }
    return used;
}

mcl_status mcl_words_show(char text[MCL_ENCODER_SIZE], const mcl_words *words)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < words->count; i++) {
        const mcl_word *word = &words->of[i];
        char shown[80];
        size_t length = (size_t)snprintf(shown, sizeof shown, "%s%s",
            i > 0 && word->kind != MCL_WORD_END && words->of[i - 1].kind != MCL_WORD_RESIDUAL ? ","
                                                                                              : "",
            types[word->kind].name);
        length += show_operands(shown + length, sizeof shown - length, word);
        if (used + length >= MCL_ENCODER_SIZE)
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "its %zu layers take more than %d characters in words: use fewer", words->count,
                MCL_ENCODER_SIZE - 1);
        memcpy(text + used, shown, length + 1);
        used += length;
    }
    return MCL_OK;
}
