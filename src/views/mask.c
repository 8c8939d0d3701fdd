/* SPDX-License-Identifier: Apache-2.0 */
/* Masks: their text as a part of views, and whether they fit the data. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "base/numbers.h"
#include "views/parts.h"
#include "views/view_options.h"

static const char *const mask_names[] = {
    [MCL_MASK_UNIFORM] = "uniform",
    [MCL_MASK_BERNOULLI] = "bernoulli",
    [MCL_MASK_BLOCK] = "block",
    [MCL_MASK_NONE] = "none",
};
static const char *const relation_names[] = {
    [MCL_RELATION_COMPLEMENT] = "complement",
    [MCL_RELATION_INDEPENDENT] = "independent",
    [MCL_RELATION_WHOLE] = "whole",
};

#define MASKS (sizeof mask_names / sizeof *mask_names)
#define RELATIONS (sizeof relation_names / sizeof *relation_names)

mcl_status mcl_mask_kind_parse(mcl_mask_kind *kind, const char *text)
{
    MCL_NEED(kind);
    size_t index;
    MCL_TRY(mcl_name_parse(&index, text, mask_names, MASKS, "mask"));
    *kind = (mcl_mask_kind)index;
    return MCL_OK;
}

const char *mcl_mask_kind_name(mcl_mask_kind kind)
{
    return mcl_name_of(mask_names, MASKS, (size_t)kind);
}

static bool is_used(const mcl_view_options *options)
{
    return options->mask.kind != MCL_MASK_NONE;
}

static void begin(mcl_view_options *options)
{
    options->mask.kind = MCL_MASK_BERNOULLI;
}

/* Sides of patches, "4" or "2-8", and then `end`. False when text is none. */
static bool parse_sides(mcl_mask *mask, const char *text, const char *end)
{
    static const char digits[] = "0123456789";
    const size_t first = strspn(text, digits);
    const bool range = text[first] == '-';
    const char *second = text + first + 1;
    const size_t length = range ? strspn(second, digits) : 1;
    const char *after = range ? second + length : text + first;
    if (first == 0 || first > 9 || length == 0 || length > 9 || strcmp(after, end) != 0)
        return false;
    mask->patch = (uint32_t)strtoul(text, NULL, 10);
    mask->patch_most = range ? (uint32_t)strtoul(second, NULL, 10) : 0;
    return true;
}

mcl_status mcl_mask_patch_parse(mcl_mask *mask, const char *text)
{
    MCL_NEED(mask);
    MCL_NEED(text);
    mcl_mask parsed = *mask;
    if (!parse_sides(&parsed, text, "") || parsed.patch == 0 ||
        (parsed.patch_most && parsed.patch_most < parsed.patch))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "'%s' is no side of a patch: it is a number from 1 on, or two, the smaller one first, "
            "as in 2-8",
            text);
    *mask = parsed;
    return MCL_OK;
}

void mcl_mask_patch_show(char text[MCL_MASK_PATCH_SIZE], const mcl_mask *mask)
{
    if (!text)
        return;
    snprintf(text, MCL_MASK_PATCH_SIZE, mask ? "%" PRIu32 : "?", mask ? mask->patch : 0);
    if (mask && mask->patch_most)
        snprintf(
            text + strlen(text), MCL_MASK_PATCH_SIZE - strlen(text), "-%" PRIu32, mask->patch_most);
}

/* Words that a mask has had. */
enum { HAS_PATCH = 1, HAS_RELATION = 2, HAS_RATIO = 4 };

static mcl_status note(unsigned *had, unsigned word, const char *text)
{
    if (*had & word)
        return mcl_fail(MCL_ERROR_ARGUMENT, "'%s' after mask: there is another %s before it", text,
            word == HAS_PATCH   ? "patch"
            : word == HAS_RATIO ? "ratio"
                                : "relation");
    *had |= word;
    return MCL_OK;
}

/* First the kind, then the others in any order. */
static mcl_status parse_word(mcl_view_options *options, const mcl_part_type *part, const char *text,
    bool first, unsigned *had)
{
    size_t index;
    if (first)
        return mcl_mask_kind_parse(&options->mask.kind, text);
    const bool number = strchr("0123456789.+-", *text) != NULL;
    if (options->mask.kind == MCL_MASK_NONE)
        return mcl_fail(MCL_ERROR_ARGUMENT, "mask:none:%s: there is no mask to say it of", text);
    if (parse_sides(&options->mask, text, "px"))
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
    return mcl_part_parse_number(&options->mask.ratio, text, part);
}

static void show(char text[MCL_VIEW_OPTIONS_SIZE], const mcl_view_options *options)
{
    const mcl_mask *mask = &options->mask;
    char patch[MCL_MASK_PATCH_SIZE];
    mcl_view_text_append(text, ":", mcl_mask_kind_name(mask->kind));
    if (mask->kind != MCL_MASK_UNIFORM)
        mcl_view_text_append_number(text, mask->ratio);
    if (mask->kind == MCL_MASK_BLOCK) {
        mcl_mask_patch_show(patch, mask);
        mcl_view_text_append(text, ":", patch);
        mcl_view_text_append(text, "", "px");
    }
    mcl_view_text_append(
        text, ":", mcl_name_of(relation_names, RELATIONS, (size_t)options->relation));
}

const mcl_part_words mcl_mask_words = {is_used, begin, parse_word, show, NULL};

mcl_status mcl_mask_check(uint32_t image[3], const mcl_mask *mask, const mcl_data *data)
{
    char ratio[MCL_NUMBER_SIZE];
    image[0] = 1;
    image[1] = (uint32_t)mcl_data_columns(data);
    image[2] = 1;
    if ((size_t)mask->kind >= MASKS)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%d is no mask's number", (int)mask->kind);
    if (mask->kind == MCL_MASK_UNIFORM || mask->kind == MCL_MASK_NONE)
        return MCL_OK;
    mcl_number_show_float(ratio, mask->ratio);
    if (!(mask->ratio > 0.0f && mask->ratio < 1.0f))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a mask ratio of %s: it is the part that the positive view keeps, between 0 and 1",
            ratio);
    if (mask->kind == MCL_MASK_BERNOULLI)
        return MCL_OK;
    MCL_TRY(mcl_view_image_find(image, data, "block masks", "another mask"));
    const uint32_t largest = mask->patch_most ? mask->patch_most : mask->patch;
    if (largest < mask->patch)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "patches of %" PRIu32 " to %" PRIu32 " pixels: the smaller side comes first",
            mask->patch, largest);
    if (mask->patch == 0 || (largest > image[0] && largest > image[1]))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a patch of %" PRIu32 " pixels for images of %" PRIu32 " × %" PRIu32,
            mask->patch ? largest : 0, image[0], image[1]);
    return MCL_OK;
}
