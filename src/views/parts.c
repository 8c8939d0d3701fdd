/* SPDX-License-Identifier: Apache-2.0 */
#include "views/parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/numbers.h"

#define FIELD(member) offsetof(mcl_view_options, member)

/* An image is moved by affine so many times as far as it is scaled and rotated. */
#define AFFINE_SHIFT 0.75f

#define UP_TO_ONE .most = 1.0f, .range = "above 0, at most 1"
#define BELOW_ONE .most = 1.0f, .below = true, .range = "between 0 and 1"

const mcl_part_type mcl_part_types[] = {
    {.info = {"shift", "shift[:S]", "S", 0.15f,
         "images: moved by up to S of the width and of the height"},
        .fields = {{FIELD(shift), 1.0f}},
        UP_TO_ONE,
        .effect = MCL_EFFECT_MOVES},
    {.info = {"scale", "scale[:S]", "S", 0.2f, "images: 1 - S to 1 + S times as large"},
        .fields = {{FIELD(scale), 1.0f}},
        BELOW_ONE,
        .effect = MCL_EFFECT_MOVES},
    {.info = {"rotate", "rotate[:R]", "R", 0.2f, "images: turned by up to R radians either way"},
        .fields = {{FIELD(rotation), 1.0f}},
        .most = 0x1.921fb6p+1f,
        .range = "above 0, at most 3.1415927",
        .effect = MCL_EFFECT_MOVES},
    {.info = {"affine", "affine[:A]", "A", 0.2f,
         "images: scale:A, rotate:A and a shift of three quarters of A"},
        .fields = {{FIELD(scale), 1.0f}, {FIELD(rotation), 1.0f}, {FIELD(shift), AFFINE_SHIFT}},
        BELOW_ONE},
    {.info = {"crop", "crop[:AREA[-AREA]][:RATIO-RATIO]", "AREA", 0.08f,
         "images: a part of so much of the area, from AREA to all of it or to a second AREA, whose "
         "width is so many times its height, 0.75-1.3333333 where none is given, is resized to the "
         "whole size (random resized crop)"},
        .fields = {{FIELD(crop.least), 1.0f}},
        UP_TO_ONE,
        .effect = MCL_EFFECT_CROPS,
        .words = &mcl_crop_words},
    {.info = {"flip", "flip[:P]", "P", 0.5f,
         "images: left and right change places with probability P"},
        .fields = {{FIELD(flip), 1.0f}},
        UP_TO_ONE,
        .effect = MCL_EFFECT_FLIPS},
    {.info = {"brightness", "brightness[:B]", "B", 0.2f,
         "images: values times 1 - B to 1 + B; those of bytes are at most white"},
        .fields = {{FIELD(brightness), 1.0f}},
        UP_TO_ONE,
        .effect = MCL_EFFECT_LIGHTS},
    {.info = {"contrast", "contrast[:C]", "C", 0.2f,
         "images: 1 - C to 1 + C times as far from the image's mean grey"},
        .fields = {{FIELD(contrast), 1.0f}},
        UP_TO_ONE,
        .effect = MCL_EFFECT_CONTRASTS},
    {.info = {"saturation", "saturation[:S]", "S", 0.2f,
         "RGB images: colours 1 - S to 1 + S times as far from their grey"},
        .fields = {{FIELD(saturation), 1.0f}},
        UP_TO_ONE,
        .effect = MCL_EFFECT_COLOURS},
    {.info = {"hue", "hue[:H]", "H", 0.1f,
         "RGB images: hues turned by up to H of their circle either way"},
        .fields = {{FIELD(hue), 1.0f}},
        .most = 0.5f,
        .range = "above 0, at most 0.5",
        .effect = MCL_EFFECT_COLOURS},
    {.info = {"jitter", "jitter[:P]", "P", 0.8f,
         "brightness, contrast, saturation and hue change with probability P, all or none"},
        .fields = {{FIELD(jitter), 1.0f}},
        UP_TO_ONE},
    {.info = {"color", "color[:S][:P]", "S", 1.0f,
         "RGB images: brightness, contrast and saturation:0.8S, hue:0.2S and jitter:P, 0.8 where "
         "none is given, in this order (SimCLR, Chen et al. 2020)"},
        .fields = {{FIELD(brightness), 0.8f}, {FIELD(contrast), 0.8f}, {FIELD(saturation), 0.8f},
            {FIELD(hue), 0.2f}, {FIELD(jitter), 1.0f /* mcl_color_words sets it */}},
        .most = 1.25f,
        .range = "above 0, at most 1.25",
        .words = &mcl_color_words},
    {.info = {"grey", "grey[:P]", "P", 0.2f, "RGB images: colours become grey with probability P"},
        .fields = {{FIELD(grey), 1.0f}},
        UP_TO_ONE,
        .effect = MCL_EFFECT_COLOURS},
    {.info = {"blur", "blur[:P][:SIGMA-SIGMA]", "P", 0.5f,
         "images: Gaussian blur with probability P, of a deviation in pixels from the range, "
         "0.1-2 where none is given, by a window of a tenth of the height"},
        .fields = {{FIELD(blur), 1.0f}},
        UP_TO_ONE,
        .effect = MCL_EFFECT_BLURS,
        .words = &mcl_blur_words},
    {.info = {"amplitude", "amplitude[:A]", "A", 0.2f,
         "sequences, rows of time × channels: values times 1 - A to 1 + A, one factor a channel"},
        .fields = {{FIELD(amplitude), 1.0f}},
        UP_TO_ONE,
        .effect = MCL_EFFECT_AMPLIFIES},
    {.info = {"noise", "noise[:SIGMA]", "SIGMA", 0.1f,
         "Gaussian noise of this standard deviation is added"},
        .fields = {{FIELD(noise), 1.0f}},
        .most = HUGE_VALF,
        .below = true,
        .range = "above 0",
        .effect = MCL_EFFECT_ADDS},
    {.info = {"corrupt", "corrupt[:P][:one]", "P", 0.6f,
         "each element, or column of a table, is replaced with probability P by that of another "
         "row; "
         "'one': in the first view only; for tables (SCARF, Bahri et al. 2022)"},
        .fields = {{FIELD(corruption), 1.0f}},
        UP_TO_ONE,
        .effect = MCL_EFFECT_REPLACES,
        .flag = "one",
        .flag_field = FIELD(corrupt_first)},
    {.info = {"span", "span[:F]", "F", 0.3f,
         "sequences: the part F of the time, in one run over all channels, is hidden"},
        .fields = {{FIELD(span), 1.0f}},
        BELOW_ONE,
        .effect = MCL_EFFECT_SPANS},
    {.info = {"mask", "mask[:KIND][:...]", "RATIO", 0.5f,
         "KIND is bernoulli (the default), uniform, block or none. After it, in any order: the "
         "RATIO of the elements or patches that the first view keeps, the side of a patch as in "
         "4px, or of those of a row as in 2-8px, and what the second view has: complement, the "
         "others; independent, a mask of its "
         "own; whole, no mask"},
        .fields = {{FIELD(mask.ratio), 1.0f}},
        BELOW_ONE,
        .effect = MCL_EFFECT_MASKS,
        .words = &mcl_mask_words},
};
const size_t mcl_part_type_count = sizeof mcl_part_types / sizeof *mcl_part_types;

const mcl_view_part *mcl_view_part_describe(size_t number)
{
    return number < mcl_part_type_count ? &mcl_part_types[number].info : NULL;
}

float mcl_part_value(const mcl_part_type *part, const mcl_view_options *options)
{
    return *(const float *)(const void *)((const char *)options + part->fields[0].field);
}

void mcl_part_set(const mcl_part_type *part, mcl_view_options *options, float number)
{
    for (size_t i = 0; i < MCL_PART_FIELDS_MAX && part->fields[i].factor != 0.0f; i++)
        *(float *)(void *)((char *)options + part->fields[i].field) =
            part->fields[i].factor * number;
}

bool mcl_part_used(const mcl_part_type *part, const mcl_view_options *options)
{
    if (part->words)
        return part->words->used(options);
    return part->fields[1].factor == 0.0f && mcl_part_value(part, options) != 0.0f;
}

unsigned mcl_view_effects(const mcl_view_options *options)
{
    unsigned effects = 0;
    for (size_t i = 0; i < mcl_part_type_count; i++) {
        if (mcl_part_used(&mcl_part_types[i], options))
            effects |= mcl_part_types[i].effect;
    }
    return effects;
}

mcl_status mcl_part_check(const mcl_part_type *part, float number, const char *text)
{
    if (!(number > 0.0f) || number > part->most || (part->below && number == part->most))
        return mcl_fail(
            MCL_ERROR_ARGUMENT, "%s:%s: the number must be %s", part->info.name, text, part->range);
    return MCL_OK;
}

mcl_status mcl_part_parse_number(float *number, const char *text, const mcl_part_type *part)
{
    float value;
    if (!mcl_number_parse_float(&value, text))
        return mcl_fail(MCL_ERROR_ARGUMENT, "'%s' after %s is not a number", text, part->info.name);
    MCL_TRY(mcl_part_check(part, value, text));
    *number = value;
    return MCL_OK;
}

void mcl_view_text_append(char text[MCL_VIEW_OPTIONS_SIZE], const char *separator, const char *more)
{
    const size_t used = strlen(text);
    snprintf(text + used, MCL_VIEW_OPTIONS_SIZE - used, "%s%s", used ? separator : "", more);
}

void mcl_view_text_append_number(char text[MCL_VIEW_OPTIONS_SIZE], float number)
{
    char shown[MCL_NUMBER_SIZE];
    mcl_number_show_float(shown, number);
    mcl_view_text_append(text, ":", shown);
}
