/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of --views: their text, and whether they fit the data. */
#include "views/view_options.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"

static const char *const mask_names[] = {"uniform", "bernoulli", "block", "none"};
static const char *const relation_names[] = {"complement", "independent", "whole"};

#define MASKS (sizeof mask_names / sizeof *mask_names)
#define RELATIONS (sizeof relation_names / sizeof *relation_names)

/* Of the shift, in terms of scale and rotation, that affine stands for. */
#define AFFINE_SHIFT 0.75f

/* The part with a number behind its name, which is above 0 and up to most, or below it. */
struct part {
    const char *name;
    size_t field;
    float otherwise, most;
    bool below;
    const char *words; /* the range */
};

#define FIELD(member) offsetof(mcl_view_options, member)

static const struct part parts[] = {
    {"shift", FIELD(shift), 0.15f, 1.0f, false, "above 0, at most 1"},
    {"scale", FIELD(scale), 0.2f, 1.0f, true, "between 0 and 1"},
    {"rotate", FIELD(rotation), 0.2f, 0x1.921fb6p+1f, false, "above 0, at most 3.1415927"},
    {"flip", FIELD(flip), 0.5f, 1.0f, false, "above 0, at most 1"},
    {"brightness", FIELD(brightness), 0.2f, 1.0f, false, "above 0, at most 1"},
    {"noise", FIELD(noise), 0.1f, HUGE_VALF, true, "above 0"},
    {"corrupt", FIELD(corruption), 0.6f, 1.0f, false, "above 0, at most 1"},
    {"affine", FIELD(scale), 0.2f, 1.0f, true, "between 0 and 1"},
    {"mask", FIELD(mask.ratio), 0.5f, 1.0f, true, "between 0 and 1"},
};
#define PARTS (sizeof parts / sizeof *parts)
enum { CORRUPT = 6, AFFINE, MASK };

mcl_status mcl_mask_kind_parse(mcl_mask_kind *kind, const char *text)
{
    size_t index;
    MCL_TRY(mcl_name_parse(&index, text, mask_names, MASKS, "mask"));
    *kind = (mcl_mask_kind)index;
    return MCL_OK;
}

const char *mcl_mask_kind_name(mcl_mask_kind kind)
{
    return mask_names[kind];
}

static float *field(mcl_view_options *options, const struct part *part)
{
    return (float *)(void *)((char *)options + part->field);
}

static mcl_status parse_number(float *number, const char *text, const struct part *part)
{
    char *end;
    const float value = strtof(text, &end);
    const bool small = part->below ? value < part->most : value <= part->most;
    if (!*text || *end || text[strspn(text, "0123456789.eE+-")])
        return mcl_fail(MCL_ERROR_ARGUMENT, "'%s' behind %s is not a number", text, part->name);
    if (!(value > 0.0f) || !small)
        return mcl_fail(
            MCL_ERROR_ARGUMENT, "%s:%s: the number must be %s", part->name, text, part->words);
    *number = value;
    return MCL_OK;
}

/* The side of a patch, "4px". False when text is none. */
static bool parse_patch(uint32_t *patch, const char *text)
{
    const size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9 || strcmp(text + digits, "px") != 0)
        return false;
    *patch = (uint32_t)strtoul(text, NULL, 10);
    return true;
}

/* Words behind "mask:" that a mask has had. */
enum { HAS_PATCH = 1, HAS_RELATION = 2, HAS_RATIO = 4 };

static mcl_status note(unsigned *had, unsigned word, const char *text)
{
    if (*had & word)
        return mcl_fail(MCL_ERROR_ARGUMENT, "'%s' behind mask: there is another %s before it", text,
            word == HAS_PATCH   ? "patch"
            : word == HAS_RATIO ? "ratio"
                                : "relation");
    *had |= word;
    return MCL_OK;
}

/* One word behind "mask:": first its kind, then the others in any order. */
static mcl_status parse_mask(mcl_view_options *options, const char *text, bool first, unsigned *had)
{
    size_t index;
    if (first)
        return mcl_mask_kind_parse(&options->mask.kind, text);
    const bool number = strchr("0123456789.+-", *text) != NULL;
    if (options->mask.kind == MCL_MASK_NONE)
        return mcl_fail(MCL_ERROR_ARGUMENT, "mask:none:%s: there is no mask to say it of", text);
    if (parse_patch(&options->mask.patch, text))
        return options->mask.kind == MCL_MASK_BLOCK
                   ? note(had, HAS_PATCH, text)
                   : mcl_fail(MCL_ERROR_ARGUMENT,
                         "mask:%s:%s: only a block mask has patches: write mask:block",
                         mask_names[options->mask.kind], text);
    if (!number) {
        MCL_TRY(mcl_name_parse(&index, text, relation_names, RELATIONS, "relation of two masks"));
        options->relation = (mcl_mask_relation)index;
        return note(had, HAS_RELATION, text);
    }
    if (options->mask.kind == MCL_MASK_UNIFORM)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "mask:uniform:%s: a uniform mask has no ratio: write mask:bernoulli or mask:block",
            text);
    MCL_TRY(note(had, HAS_RATIO, text));
    return parse_number(&options->mask.ratio, text, &parts[MASK]);
}

static mcl_status parse_detail(
    mcl_view_options *options, size_t part, const char *text, bool first, unsigned *had)
{
    if (part == MASK)
        return parse_mask(options, text, first, had);
    if (part == CORRUPT && strcmp(text, "one") == 0) {
        options->corrupt_first = true;
        return MCL_OK;
    }
    if (!first)
        return mcl_fail(MCL_ERROR_ARGUMENT, "'%s' is too much behind %s", text, parts[part].name);
    return parse_number(field(options, &parts[part]), text, &parts[part]);
}

/* Whether a part has been named before, as it is or by affine; notes it. */
static bool named_before(bool named[PARTS], size_t part)
{
    bool before = named[part];
    for (size_t i = 0; i < 3; i++) /* shift, scale and rotate */
        before = before || (part == AFFINE && named[i]) || (part == i && named[AFFINE]);
    named[part] = true;
    return before;
}

/* One part, which is taken to pieces. */
static mcl_status parse_part(mcl_view_options *options, bool named[PARTS], char *text)
{
    const char *names[PARTS];
    size_t part;
    char *rest = strchr(text, ':');
    for (size_t i = 0; i < PARTS; i++)
        names[i] = parts[i].name;
    if (rest)
        *rest++ = '\0';
    MCL_TRY(mcl_name_parse(&part, text, names, PARTS, "part of the views"));
    if (named_before(named, part))
        return mcl_fail(MCL_ERROR_ARGUMENT, "%s stands twice",
            part == AFFINE || part < 3 ? "shift, scale or rotate, or affine for all three,"
                                       : names[part]);
    if (part == MASK)
        options->mask.kind = MCL_MASK_BERNOULLI;
    else
        *field(options, &parts[part]) = parts[part].otherwise;
    unsigned had = 0;
    for (bool first = true; rest; first = false) {
        char *next = strchr(rest, ':');
        if (next)
            *next++ = '\0';
        MCL_TRY(parse_detail(options, part, rest, first, &had));
        rest = next;
    }
    if (part == AFFINE) {
        options->rotation = options->scale;
        options->shift = AFFINE_SHIFT * options->scale;
    }
    return MCL_OK;
}

mcl_status mcl_view_options_parse(mcl_view_options *options, const char *text)
{
    mcl_view_options parsed = {.mask = {MCL_MASK_NONE, 0.5f, 4}};
    bool named[PARTS] = {false};
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
        MCL_TRY(parse_part(&parsed, named, rest));
        rest = next;
    }
    *options = parsed;
    return MCL_OK;
}

/* The shortest text that is this number. */
static void show_number(char text[24], float value)
{
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, 24, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            return;
    }
}

static void append(char text[MCL_VIEW_OPTIONS_SIZE], const char *separator, const char *more)
{
    const size_t used = strlen(text);
    snprintf(text + used, MCL_VIEW_OPTIONS_SIZE - used, "%s%s", used ? separator : "", more);
}

static void show_mask(char text[MCL_VIEW_OPTIONS_SIZE], const mcl_view_options *options)
{
    const mcl_mask *mask = &options->mask;
    char number[24];
    append(text, ",", "mask");
    append(text, ":", mask_names[mask->kind]);
    if (mask->kind != MCL_MASK_UNIFORM) {
        show_number(number, mask->ratio);
        append(text, ":", number);
    }
    if (mask->kind == MCL_MASK_BLOCK) {
        snprintf(number, sizeof number, "%" PRIu32 "px", mask->patch);
        append(text, ":", number);
    }
    append(text, ":", relation_names[options->relation]);
}

void mcl_view_options_show(char text[MCL_VIEW_OPTIONS_SIZE], const mcl_view_options *options)
{
    text[0] = '\0';
    for (size_t i = 0; i < AFFINE; i++) {
        const float value = *(const float *)(const void *)((const char *)options + parts[i].field);
        char number[24];
        if (value == 0.0f)
            continue;
        show_number(number, value);
        append(text, ",", parts[i].name);
        append(text, ":", number);
        if (i == CORRUPT && options->corrupt_first)
            append(text, ":", "one");
    }
    if (options->mask.kind != MCL_MASK_NONE)
        show_mask(text, options);
    if (!*text)
        snprintf(text, MCL_VIEW_OPTIONS_SIZE, "none");
}

/* The image that a row is; what needs one is said in the message. */
static mcl_status find_image(
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
            " × %" PRIu64 ", which looks like channels first: transpose them, in NumPy by "
            "x.transpose(0, 2, 3, 1)",
            what, shape[0], shape[1], shape[2]);
    for (size_t i = 0; i < 3; i++)
        image[i] = i < dimensions ? (uint32_t)shape[i] : 1;
    return MCL_OK;
}

mcl_status mcl_mask_check(uint32_t image[3], const mcl_mask *mask, const mcl_data *data)
{
    image[0] = 1;
    image[1] = (uint32_t)mcl_data_columns(data);
    image[2] = 1;
    if (mask->kind == MCL_MASK_UNIFORM || mask->kind == MCL_MASK_NONE)
        return MCL_OK;
    if (!(mask->ratio > 0.0f && mask->ratio < 1.0f))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a mask ratio of %g: it is the part that the positive view keeps, between 0 and 1",
            mask->ratio);
    if (mask->kind == MCL_MASK_BERNOULLI)
        return MCL_OK;
    MCL_TRY(find_image(image, data, "block masks", "another mask"));
    if (mask->patch == 0 || (mask->patch > image[0] && mask->patch > image[1]))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a patch of %" PRIu32 " pixels for images of %" PRIu32 " × %" PRIu32, mask->patch,
            image[0], image[1]);
    return MCL_OK;
}

/* Places in a larger image would not be exact floats. */
#define MOVED_MOST (1u << 22)

mcl_status mcl_view_options_check(
    uint32_t image[3], const mcl_view_options *options, const mcl_data *data)
{
    for (size_t i = 0; i < AFFINE; i++) {
        const struct part *part = &parts[i];
        const float value = *(const float *)(const void *)((const char *)options + part->field);
        if (!(value >= 0.0f) || value > part->most || (part->below && value == part->most))
            return mcl_fail(MCL_ERROR_ARGUMENT, "%s:%g: the number must be %s", part->name,
                (double)value, part->words);
    }
    if (options->corruption > 0.0f && mcl_data_rows(data) < 2)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "corruption takes values of other rows, and there are none: leave corrupt out of the "
            "views");
    if (options->corruption == 1.0f && !options->corrupt_first)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "corrupt:1 leaves nothing of a row in either view: take less, or corrupt:1:one");
    MCL_TRY(mcl_mask_check(image, &options->mask, data));
    for (size_t i = 0; i < 5; i++) { /* to brightness */
        if (*(const float *)(const void *)((const char *)options + parts[i].field) == 0.0f)
            continue;
        char what[40];
        snprintf(what, sizeof what, "views with %s", parts[i].name);
        MCL_TRY(find_image(image, data, what, "other views"));
        if (mcl_data_columns(data) > MOVED_MOST)
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "%s of %" PRIu64 " values an image: at most %u can be used", what,
                mcl_data_columns(data), MOVED_MOST);
    }
    return MCL_OK;
}
