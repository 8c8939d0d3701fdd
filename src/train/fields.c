/* SPDX-License-Identifier: Apache-2.0 */
#include "train/fields.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/numbers.h"
#include "model/architecture.h"
#include "train/filters.h"
#include "train/recipes.h"

static bool is_unset(const mcl_row *row, const char *text)
{
    return row->unset && strcmp(text, row->unset) == 0;
}

/* The number that text says, or that stands for a member that is not set. */
static mcl_status parse_number(double *value, const char *text, const mcl_row *row)
{
    if (!is_unset(row, text))
        return mcl_value_parse(value, row->value, text);
    *value = row->unset_value;
    return MCL_OK;
}

static void show_number(char *text, size_t size, double value, const mcl_row *row)
{
    if (row->unset && value == row->unset_value)
        snprintf(text, size, "%s", row->unset);
    else
        mcl_value_show(text, size, row->value, value);
}

static mcl_status parse_uint64(void *field, const char *text, const mcl_row *row)
{
    uint64_t value = (uint64_t)row->unset_value;
    if (!is_unset(row, text))
        MCL_TRY(mcl_whole_parse(&value, row->value, text));
    *(uint64_t *)field = value;
    return MCL_OK;
}

static void show_uint64(char *text, size_t size, const void *field, const mcl_row *row)
{
    const uint64_t value = *(const uint64_t *)field;
    if (row->unset && value == (uint64_t)row->unset_value)
        snprintf(text, size, "%s", row->unset);
    else
        snprintf(text, size, "%" PRIu64, value);
}

static mcl_status parse_uint32(void *field, const char *text, const mcl_row *row)
{
    uint64_t value;
    MCL_TRY(parse_uint64(&value, text, row));
    *(uint32_t *)field = (uint32_t)value;
    return MCL_OK;
}

static void show_uint32(char *text, size_t size, const void *field, const mcl_row *row)
{
    const uint64_t value = *(const uint32_t *)field;
    show_uint64(text, size, &value, row);
}

static mcl_status parse_float(void *field, const char *text, const mcl_row *row)
{
    double value;
    MCL_TRY(parse_number(&value, text, row));
    *(float *)field = (float)value;
    return MCL_OK;
}

static void show_float(char *text, size_t size, const void *field, const mcl_row *row)
{
    show_number(text, size, (double)*(const float *)field, row);
}

static mcl_status parse_double(void *field, const char *text, const mcl_row *row)
{
    double value;
    MCL_TRY(parse_number(&value, text, row));
    *(double *)field = value;
    return MCL_OK;
}

static void show_double(char *text, size_t size, const void *field, const mcl_row *row)
{
    show_number(text, size, *(const double *)field, row);
}

static mcl_status parse_bool(void *field, const char *text, const mcl_row *row)
{
    double value;
    MCL_TRY(mcl_value_parse(&value, row->value, text));
    *(bool *)field = value != 0.0;
    return MCL_OK;
}

static void show_bool(char *text, size_t size, const void *field, const mcl_row *row)
{
    mcl_value_show(text, size, row->value, *(const bool *)field ? 1.0 : 0.0);
}

/* An enumeration that has functions of its own for its names. */
#define NAMED(name, kind, parse_name, show_name)                                                   \
    static mcl_status parse_##name(void *field, const char *text, const mcl_row *row)              \
    {                                                                                              \
        (void)row;                                                                                 \
        return parse_name((kind *)field, text);                                                    \
    }                                                                                              \
    static void show_##name(char *text, size_t size, const void *field, const mcl_row *row)        \
    {                                                                                              \
        (void)row;                                                                                 \
        snprintf(text, size, "%s", show_name(*(const kind *)field));                               \
    }                                                                                              \
    const mcl_field_type mcl_field_##name = {parse_##name, show_##name};

NAMED(activation, mcl_activation, mcl_activation_parse, mcl_activation_name)
NAMED(normalization, mcl_normalization, mcl_normalization_parse, mcl_normalization_name)
NAMED(mask, mcl_mask_kind, mcl_mask_kind_parse, mcl_mask_kind_name)
NAMED(filters, mcl_filters, mcl_filters_parse, mcl_filters_name)
NAMED(optimizer, mcl_optimizer_kind, mcl_optimizer_parse, mcl_optimizer_name)
NAMED(schedule, mcl_schedule_kind, mcl_schedule_parse, mcl_schedule_name)

static mcl_status parse_patch(void *field, const char *text, const mcl_row *row)
{
    (void)row;
    return mcl_mask_patch_parse(field, text);
}

static void show_patch(char *text, size_t size, const void *field, const mcl_row *row)
{
    char whole[MCL_MASK_PATCH_SIZE];
    (void)row;
    mcl_mask_patch_show(whole, field);
    snprintf(text, size, "%s", whole);
}

static mcl_status parse_views(void *field, const char *text, const mcl_row *row)
{
    (void)row;
    return mcl_view_options_parse(field, text);
}

static void show_views(char *text, size_t size, const void *field, const mcl_row *row)
{
    char whole[MCL_VIEW_OPTIONS_SIZE];
    (void)row;
    mcl_view_options_show(whole, field);
    snprintf(text, size, "%s", whole);
}

static const char at_most[] = "at most ";

static mcl_status parse_batch(void *field, const char *text, const mcl_row *row)
{
    uint64_t rows;
    if (strcmp(text, "all") == 0) {
        *(uint64_t *)field = MCL_BATCH_ALL;
        return MCL_OK;
    }
    const bool limit = strncmp(text, at_most, sizeof at_most - 1) == 0;
    MCL_TRY(mcl_whole_parse(&rows, row->value, limit ? text + sizeof at_most - 1 : text));
    *(uint64_t *)field = limit ? MCL_BATCH_UP_TO(rows) : rows;
    return MCL_OK;
}

static void show_batch(char *text, size_t size, const void *field, const mcl_row *row)
{
    const uint64_t batch = *(const uint64_t *)field, rows = mcl_batch_rows(batch, UINT64_MAX);
    (void)row;
    if (batch == MCL_BATCH_ALL)
        snprintf(text, size, "all");
    else
        snprintf(text, size, "%s%" PRIu64, rows == batch ? "" : at_most, rows);
}

static mcl_status parse_warmup(void *field, const char *text, const mcl_row *row)
{
    char number[MCL_NUMBER_SIZE];
    double value;
    const size_t length = strlen(text);
    if (length == 0 || length >= sizeof number || text[length - 1] != '%')
        return parse_double(field, text, row);
    snprintf(number, sizeof number, "%.*s", (int)(length - 1), text);
    MCL_TRY(mcl_value_parse(&value, row->value, number));
    if (value >= 100.0)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%s is not below 100%%", text);
    *(double *)field = -value / 100.0;
    return MCL_OK;
}

static void show_warmup(char *text, size_t size, const void *field, const mcl_row *row)
{
    const double value = *(const double *)field;
    char number[MCL_NUMBER_SIZE];
    if (!(value < 0.0)) {
        show_double(text, size, field, row);
        return;
    }
    const double percent = -100.0 * value, rounded = round(1e6 * percent) / 1e6;
    mcl_number_show(number, rounded / 100.0 == -value ? rounded : percent);
    snprintf(text, size, "%s%%", number);
}

/* Widths joined by commas, or "none". */
static mcl_status parse_widths(
    uint32_t *widths, uint32_t *width_count, uint32_t most, const char *text)
{
    uint32_t parsed[MCL_HIDDEN_MAX], count = 0;
    const char *rest = strcmp(text, "none") == 0 ? NULL : text;
    while (rest) {
        char width[24];
        uint64_t value;
        const size_t length = strcspn(rest, ",");
        snprintf(width, sizeof width, "%.*s", (int)(length < 23 ? length : 23), rest);
        if (count == most)
            return mcl_fail(MCL_ERROR_ARGUMENT, "at most %" PRIu32 " layers are possible", most);
        MCL_TRY(mcl_whole_parse(&value, &mcl_value_count32, width));
        parsed[count++] = (uint32_t)value;
        rest = rest[length] ? rest + length + 1 : NULL;
    }
    memcpy(widths, parsed, count * sizeof *parsed);
    *width_count = count;
    return MCL_OK;
}

static void show_widths(char *text, size_t size, const uint32_t *widths, uint32_t count)
{
    char list[MCL_WIDTHS_SIZE];
    mcl_widths_show(list, widths, count);
    snprintf(text, size, "%s", count ? list : "none");
}

/* Layers of an encoder or a head. */
#define WIDTHS(name, widths, count, most)                                                          \
    static mcl_status parse_##name(void *field, const char *text, const mcl_row *row)              \
    {                                                                                              \
        mcl_pretrain_options *options = field;                                                     \
        (void)row;                                                                                 \
        return parse_widths(options->widths, &options->count, most, text);                         \
    }                                                                                              \
    static void show_##name(char *text, size_t size, const void *field, const mcl_row *row)        \
    {                                                                                              \
        const mcl_pretrain_options *options = field;                                               \
        (void)row;                                                                                 \
        show_widths(text, size, options->widths, options->count);                                  \
    }                                                                                              \
    const mcl_field_type mcl_field_##name = {parse_##name, show_##name};

WIDTHS(hidden, hidden, hidden_count, MCL_HIDDEN_MAX)
WIDTHS(projector, projector, projector_count, MCL_HEAD_MAX)
WIDTHS(predictor, predictor, predictor_count, MCL_HEAD_MAX)

static mcl_status parse_encoder(void *field, const char *text, const mcl_row *row)
{
    mcl_words words;
    (void)row;
    MCL_TRY(mcl_words_parse(&words, text));
    return mcl_words_show(field, &words);
}

static void show_encoder(char *text, size_t size, const void *field, const mcl_row *row)
{
    const char *words = field;
    snprintf(text, size, "%s", *words ? words : row->otherwise);
}

static mcl_status parse_decoder(void *field, const char *text, const mcl_row *row)
{
    mcl_pretrain_options *options = field;
    (void)row;
    const bool own = strcmp(text, "mirror") != 0;
    if (own)
        MCL_TRY(parse_widths(options->decoder, &options->decoder_count, MCL_HIDDEN_MAX, text));
    options->own_decoder = own;
    return MCL_OK;
}

static void show_decoder(char *text, size_t size, const void *field, const mcl_row *row)
{
    const mcl_pretrain_options *options = field;
    (void)row;
    if (options->own_decoder)
        show_widths(text, size, options->decoder, options->decoder_count);
    else
        snprintf(text, size, "mirror");
}

static mcl_status parse_objectives(void *field, const char *text, const mcl_row *row)
{
    mcl_pretrain_options *options = field;
    (void)row;
    return mcl_objectives_parse(options->objectives, &options->objective_count, text);
}

static void show_objectives(char *text, size_t size, const void *field, const mcl_row *row)
{
    const mcl_pretrain_options *options = field;
    (void)row;
    mcl_objectives_show(text, size, options->objectives, options->objective_count);
}

static mcl_status parse_recipe(void *field, const char *text, const mcl_row *row)
{
    (void)row;
    return mcl_recipe_apply(field, text);
}

static void show_recipe(char *text, size_t size, const void *field, const mcl_row *row)
{
    const mcl_pretrain_options *options = field;
    (void)row;
    snprintf(text, size, "%s", options->recipe ? options->recipe : "");
}

/* A number of steps, "500", or of seconds, "60s". */
static mcl_status parse_checkpoint_every(void *field, const char *text, const mcl_row *row)
{
    mcl_train_options *options = field;
    const size_t digits = strspn(text, "0123456789");
    const bool seconds = digits > 0 && text[digits] == 's' && !text[digits + 1];
    char number[24];
    uint64_t value = 0;
    if (!is_unset(row, text)) {
        snprintf(number, sizeof number, "%.*s", (int)(digits < 23 ? digits : 23), text);
        if ((text[digits] && !seconds) ||
            mcl_whole_parse(&value, &mcl_value_count64, number) != MCL_OK)
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "'%s' is neither a number of steps such as 500 nor of seconds such as 30s", text);
    }
    options->checkpoint_seconds = seconds ? (double)value : 0.0;
    options->checkpoint_steps = seconds ? 0 : value;
    return MCL_OK;
}

static void show_checkpoint_every(char *text, size_t size, const void *field, const mcl_row *row)
{
    const mcl_train_options *options = field;
    char number[MCL_NUMBER_SIZE];
    mcl_number_show(number, options->checkpoint_seconds);
    if (options->checkpoint_seconds > 0.0)
        snprintf(text, size, "%ss", number);
    else if (options->checkpoint_steps)
        snprintf(text, size, "%" PRIu64, options->checkpoint_steps);
    else
        snprintf(text, size, "%s", row->unset);
}

const mcl_field_type mcl_field_uint32 = {parse_uint32, show_uint32};
const mcl_field_type mcl_field_uint64 = {parse_uint64, show_uint64};
const mcl_field_type mcl_field_float = {parse_float, show_float};
const mcl_field_type mcl_field_double = {parse_double, show_double};
const mcl_field_type mcl_field_bool = {parse_bool, show_bool};
const mcl_field_type mcl_field_patch = {parse_patch, show_patch};
const mcl_field_type mcl_field_views = {parse_views, show_views};
const mcl_field_type mcl_field_batch = {parse_batch, show_batch};
const mcl_field_type mcl_field_warmup = {parse_warmup, show_warmup};
const mcl_field_type mcl_field_encoder = {parse_encoder, show_encoder};
const mcl_field_type mcl_field_decoder = {parse_decoder, show_decoder};
const mcl_field_type mcl_field_objectives = {parse_objectives, show_objectives};
const mcl_field_type mcl_field_recipe = {parse_recipe, show_recipe};
const mcl_field_type mcl_field_checkpoint_every = {parse_checkpoint_every, show_checkpoint_every};
