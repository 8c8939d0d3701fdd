/* SPDX-License-Identifier: Apache-2.0 */
/* The text of views, and whether they fit the data: loops over the table of parts. */
#include "views/view_options.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "base/numbers.h"
#include "views/parts.h"

/* One word after a part's name. */
static mcl_status parse_word(mcl_view_options *options, const mcl_part_type *part, const char *text,
    bool first, unsigned *had)
{
    float number;
    if (part->words)
        return part->words->parse(options, part, text, first, had);
    if (part->flag && strcmp(text, part->flag) == 0) {
        *(bool *)((char *)options + part->flag_field) = true;
        return MCL_OK;
    }
    if (!first)
        return mcl_fail(MCL_ERROR_ARGUMENT, "'%s' is too much after %s", text, part->info.name);
    MCL_TRY(mcl_part_parse_number(&number, text, part));
    mcl_part_set(part, options, number);
    return MCL_OK;
}

/* Whether two parts set the same of the options, as a part and itself do. */
static bool overlap(const mcl_part_type *one, const mcl_part_type *other)
{
    for (size_t i = 0; i < MCL_PART_FIELDS_MAX && one->fields[i].factor != 0.0f; i++) {
        for (size_t j = 0; j < MCL_PART_FIELDS_MAX && other->fields[j].factor != 0.0f; j++) {
            if (one->fields[i].field == other->fields[j].field)
                return true;
        }
    }
    return false;
}

/* Refuses a part after one that sets the same; named has a bit for each part so far. */
static mcl_status name_part(uint32_t *named, size_t number)
{
    const mcl_part_type *part = &mcl_part_types[number];
    if (*named & 1u << number)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%s stands twice", part->info.name);
    for (size_t i = 0; i < mcl_part_type_count; i++) {
        if ((*named & 1u << i) && overlap(part, &mcl_part_types[i]))
            return mcl_fail(MCL_ERROR_ARGUMENT, "%s and %s set the same: leave one of them out",
                mcl_part_types[i].info.name, part->info.name);
    }
    *named |= 1u << number;
    return MCL_OK;
}

/* One part, which is taken to pieces. */
static mcl_status parse_part(mcl_view_options *options, uint32_t *named, char *text)
{
    size_t number;
    unsigned had = 0;
    char *rest = strchr(text, ':');
    if (rest)
        *rest++ = '\0';
    MCL_TRY(mcl_name_parse_row(&number, text, mcl_part_types, sizeof *mcl_part_types,
        mcl_part_type_count, "part of the views"));
    MCL_TRY(name_part(named, number));
    const mcl_part_type *part = &mcl_part_types[number];
    mcl_part_set(part, options, part->info.otherwise);
    if (part->words)
        part->words->begin(options);
    for (bool first = true; rest; first = false) {
        char *next = strchr(rest, ':');
        if (next)
            *next++ = '\0';
        MCL_TRY(parse_word(options, part, rest, first, &had));
        rest = next;
    }
    return MCL_OK;
}

mcl_status mcl_view_options_parse(mcl_view_options *options, const char *text)
{
    MCL_NEED(options);
    MCL_NEED(text);
    mcl_view_options parsed = {.mask = {MCL_MASK_NONE, 0.5f, 4, 0}};
    uint32_t named = 0;
    char copy[MCL_VIEW_OPTIONS_SIZE];
    if (strlen(text) >= sizeof copy)
        return mcl_fail(MCL_ERROR_ARGUMENT, "a text of %zu characters: at most %zu are possible",
            strlen(text), sizeof copy - 1);
    snprintf(copy, sizeof copy, "%s", text);
    char *rest = strcmp(text, "none") == 0 ? NULL : copy;
    while (rest) {
        char *next = strchr(rest, ',');
        if (next)
            *next++ = '\0';
        MCL_TRY(parse_part(&parsed, &named, rest));
        rest = next;
    }
    *options = parsed;
    return MCL_OK;
}

void mcl_view_options_show(char text[MCL_VIEW_OPTIONS_SIZE], const mcl_view_options *options)
{
    if (!text)
        return;
    text[0] = '\0';
    for (size_t i = 0; options && i < mcl_part_type_count; i++) {
        const mcl_part_type *part = &mcl_part_types[i];
        if (!mcl_part_used(part, options))
            continue;
        mcl_view_text_append(text, ",", part->info.name);
        if (part->words)
            part->words->show(text, options);
        else
            mcl_view_text_append_number(text, mcl_part_value(part, options));
        if (part->flag && *(const bool *)((const char *)options + part->flag_field))
            mcl_view_text_append(text, ":", part->flag);
    }
    if (!*text)
        snprintf(text, MCL_VIEW_OPTIONS_SIZE, "none");
}

mcl_status mcl_view_image_find(
    uint32_t image[3], const mcl_data *data, const char *what, const char *instead)
{
    uint64_t shape[MCL_DIMENSIONS_MAX];
    const size_t dimensions = mcl_data_row_shape(data, shape);
    if (dimensions != 2 && dimensions != 3)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s need images, rows of height × width or height × width × channels; these have %zu "
            "dimension%s: use %s",
            what, dimensions, dimensions == 1 ? "" : "s", instead);
    if (dimensions == 3 && shape[2] > 4 && (shape[0] == 1 || shape[0] == 3 || shape[0] == 4))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s need rows of height × width × channels; these are %" PRIu64 " × %" PRIu64
            " × %" PRIu64
            ", which looks like channels first: set `channels` to first, or transpose "
            "them, in NumPy by x.transpose(0, 2, 3, 1)",
            what, shape[0], shape[1], shape[2]);
    for (size_t i = 0; i < 3; i++)
        image[i] = i < dimensions ? (uint32_t)shape[i] : 1;
    return MCL_OK;
}

/* Places in a larger image would not be exact floats. */
#define MOVED_MOST (1u << 22)

/* image = time, channels and 1. */
static mcl_status find_sequence(uint32_t image[3], const mcl_part_type *part,
    const mcl_view_options *options, const mcl_data *data)
{
    uint64_t shape[MCL_DIMENSIONS_MAX];
    const size_t dimensions = mcl_data_row_shape(data, shape);
    if (mcl_view_effects(options) & MCL_EFFECTS_ON_IMAGES)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s is for sequences, and other parts of these views are for images: leave one or the "
            "other out",
            part->info.name);
    if (dimensions > 2 || shape[0] < 2)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "views with %s need sequences, rows of time × channels with 2 times at least; these "
            "have %zu dimension%s, the first of %" PRIu64 ": use other views",
            part->info.name, dimensions, dimensions == 1 ? "" : "s", shape[0]);
    image[0] = (uint32_t)shape[0];
    image[1] = dimensions == 2 ? (uint32_t)shape[1] : 1;
    image[2] = 1;
    return MCL_OK;
}

/* Whether a part that the options have is in its range, and the data has images where it needs
 * them. */
static mcl_status check_part(uint32_t image[3], const mcl_part_type *part,
    const mcl_view_options *options, const mcl_data *data)
{
    const float value = mcl_part_value(part, options);
    char text[MCL_NUMBER_SIZE], what[40];
    mcl_number_show_float(text, value);
    if (!part->words)
        MCL_TRY(mcl_part_check(part, value, text));
    else if (part->words->check)
        MCL_TRY(part->words->check(options));
    if (part->effect & MCL_EFFECTS_ON_SEQUENCES)
        return find_sequence(image, part, options, data);
    if (!(part->effect & MCL_EFFECTS_ON_IMAGES))
        return MCL_OK;
    snprintf(what, sizeof what, "views with %s", part->info.name);
    MCL_TRY(mcl_view_image_find(image, data, what, "other views"));
    if (mcl_data_columns(data) > MOVED_MOST)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s of %" PRIu64 " values an image: at most %u can be used", what,
            mcl_data_columns(data), MOVED_MOST);
    if (part->effect & MCL_EFFECT_COLOURS && image[2] != 3)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s need images of 3 channels, red, green and blue; these have %" PRIu32
            ": leave %s out (brightness and contrast work on all images)",
            what, image[2], part->info.name);
    return MCL_OK;
}

mcl_status mcl_view_options_check(
    uint32_t image[3], const mcl_view_options *options, const mcl_data *data)
{
    if (options->corruption > 0.0f && mcl_data_rows(data) < 2)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "corruption takes values of other rows, and there are none: leave corrupt out of the "
            "views");
    if (options->corruption == 1.0f && !options->corrupt_first)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "corrupt:1 leaves nothing of a row in either view: take less, or corrupt:1:one");
    if ((unsigned)options->relation > MCL_RELATION_WHOLE)
        return mcl_fail(
            MCL_ERROR_ARGUMENT, "%d is no number of a relation of masks", (int)options->relation);
    if (options->jitter != 0.0f && options->brightness == 0.0f && options->contrast == 0.0f &&
        options->saturation == 0.0f && options->hue == 0.0f)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "jitter says how often brightness, contrast, saturation and hue change, and there is "
            "none of them: add one, or leave jitter out");
    MCL_TRY(mcl_mask_check(image, &options->mask, data));
    for (size_t i = 0; i < mcl_part_type_count; i++) {
        const mcl_part_type *part = &mcl_part_types[i];
        if (mcl_part_used(part, options))
            MCL_TRY(check_part(image, part, options, data));
    }
    return MCL_OK;
}
