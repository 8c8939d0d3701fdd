/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of views for images that have more than one number: their texts, and their ranges. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/numbers.h"
#include "views/parts.h"

/* Words that a part has had. */
enum { HAS_NUMBER = 1, HAS_RANGE = 2 };

/* SimCLR's: the ratios of a crop's sides, how often colours change, and deviations of the blur. */
static const mcl_view_range ratios = {0.75f, 1.3333333f}, sigmas = {0.1f, 2.0f};
#define JITTER 0.8f

/* Where the second number of "0.08-1" begins; NULL where there is none. */
static const char *second_of(const char *text)
{
    for (const char *at = *text ? text + 1 : text; *at; at++) {
        if (*at == '-' && !strchr("eE", at[-1]))
            return at + 1;
    }
    return NULL;
}

static mcl_status parse_range(mcl_view_range *range, const char *text, const char *name)
{
    char first[MCL_NUMBER_SIZE];
    const char *second = second_of(text);
    const size_t length = (size_t)(second - text) - 1;
    mcl_view_range parsed;
    snprintf(first, sizeof first, "%.*s", (int)length, text);
    if (length >= sizeof first || !mcl_number_parse_float(&parsed.least, first) ||
        !mcl_number_parse_float(&parsed.most, second))
        return mcl_fail(MCL_ERROR_ARGUMENT, "'%s' after %s is not two numbers", text, name);
    *range = parsed;
    return MCL_OK;
}

static void append_range(
    char text[MCL_VIEW_OPTIONS_SIZE], const char *separator, mcl_view_range range)
{
    char number[MCL_NUMBER_SIZE];
    mcl_number_show_float(number, range.least);
    mcl_view_text_append(text, separator, number);
    mcl_number_show_float(number, range.most);
    mcl_view_text_append(text, "-", number);
}

static mcl_status check_range(mcl_view_range range, float least, float most, const char *what)
{
    char text[MCL_VIEW_OPTIONS_SIZE] = "", limits[MCL_VIEW_OPTIONS_SIZE] = "";
    if (range.least >= least && range.least <= range.most && range.most <= most)
        return MCL_OK;
    append_range(text, "", range);
    append_range(limits, "", (mcl_view_range){least, most});
    return mcl_fail(MCL_ERROR_ARGUMENT,
        "%s of %s: the first number is at most the second, and both are in %s", what, text, limits);
}

/* Crops. */

static bool has_crop(const mcl_view_options *options)
{
    return options->crop.least != 0.0f;
}

static void begin_crop(mcl_view_options *options)
{
    options->crop.most = 1.0f;
    options->crop_ratio = ratios;
}

static mcl_status check_crop(const mcl_view_options *options)
{
    MCL_TRY(check_range(options->crop, 1e-6f, 1.0f, "crop: an area"));
    return check_range(options->crop_ratio, 0.01f, 100.0f, "crop: width by height");
}

/* First the area, then the ratio. */
static mcl_status parse_crop(mcl_view_options *options, const mcl_part_type *part, const char *text,
    bool first, unsigned *had)
{
    if (first && !second_of(text))
        return mcl_part_parse_number(&options->crop.least, text, part);
    if (*had & HAS_RANGE || !second_of(text))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "'%s' after crop: it takes the part of the area, as in 0.08-1, then width by height, "
            "as in 0.75-1.33",
            text);
    if (!first)
        *had |= HAS_RANGE;
    MCL_TRY(parse_range(first ? &options->crop : &options->crop_ratio, text, "crop"));
    return check_crop(options); /* here, too: an area from 0 on would be no crop at all */
}

static void show_crop(char text[MCL_VIEW_OPTIONS_SIZE], const mcl_view_options *options)
{
    append_range(text, ":", options->crop);
    append_range(text, ":", options->crop_ratio);
}

const mcl_part_words mcl_crop_words = {has_crop, begin_crop, parse_crop, show_crop, check_crop};

/* Brightness, contrast, saturation and hue at once. */

static bool is_shown_as_others(const mcl_view_options *options)
{
    (void)options;
    return false;
}

static void begin_color(mcl_view_options *options)
{
    options->jitter = JITTER;
}

/* First the strength, then the probability. */
static mcl_status parse_color(mcl_view_options *options, const mcl_part_type *part,
    const char *text, bool first, unsigned *had)
{
    float number;
    if (!first && *had & HAS_NUMBER)
        return mcl_fail(MCL_ERROR_ARGUMENT, "'%s' is too much after color", text);
    if (!first) {
        *had |= HAS_NUMBER;
        if (!mcl_number_parse_float(&number, text) || !(number > 0.0f && number <= 1.0f))
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "'%s' after color: the probability must be above 0, at most 1", text);
        options->jitter = number;
        return MCL_OK;
    }
    MCL_TRY(mcl_part_parse_number(&number, text, part));
    mcl_part_set(part, options, number);
    begin_color(options);
    return MCL_OK;
}

const mcl_part_words mcl_color_words = {is_shown_as_others, begin_color, parse_color, NULL, NULL};

/* Blur. */

static bool has_blur(const mcl_view_options *options)
{
    return options->blur != 0.0f;
}

static void begin_blur(mcl_view_options *options)
{
    options->blur_sigma = sigmas;
}

/* A probability and a range, in any order. */
static mcl_status parse_blur(mcl_view_options *options, const mcl_part_type *part, const char *text,
    bool first, unsigned *had)
{
    const unsigned word = second_of(text) ? HAS_RANGE : HAS_NUMBER;
    (void)first;
    if (*had & word)
        return mcl_fail(MCL_ERROR_ARGUMENT, "'%s' is too much after blur", text);
    *had |= word;
    return word == HAS_RANGE ? parse_range(&options->blur_sigma, text, "blur")
                             : mcl_part_parse_number(&options->blur, text, part);
}

static mcl_status check_blur(const mcl_view_options *options)
{
    char text[MCL_NUMBER_SIZE];
    mcl_number_show_float(text, options->blur);
    if (!(options->blur > 0.0f && options->blur <= 1.0f))
        return mcl_fail(MCL_ERROR_ARGUMENT, "blur:%s: the number must be above 0, at most 1", text);
    return check_range(options->blur_sigma, 0.01f, 100.0f, "blur: a deviation");
}

static void show_blur(char text[MCL_VIEW_OPTIONS_SIZE], const mcl_view_options *options)
{
    mcl_view_text_append_number(text, options->blur);
    append_range(text, ":", options->blur_sigma);
}

const mcl_part_words mcl_blur_words = {has_blur, begin_blur, parse_blur, show_blur, check_blur};
