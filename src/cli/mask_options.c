/* SPDX-License-Identifier: Apache-2.0 */
#include "mask_options.h"

static mcl_exit parse_mask(void *field, const char *text, const mcl_option *option)
{
    if (mcl_mask_kind_parse(field, text) != MCL_OK)
        return mcl_complain(MCL_EXIT_USAGE, "--%s: %s", option->name, mcl_error_message());
    return MCL_EXIT_DONE;
}

static void show_mask(char *text, size_t size, const void *field)
{
    snprintf(text, size, "%s", mcl_mask_kind_name(*(const mcl_mask_kind *)field));
}

static mcl_exit parse_patch(void *field, const char *text, const mcl_option *option)
{
    if (mcl_mask_patch_parse(field, text) != MCL_OK)
        return mcl_complain(MCL_EXIT_USAGE, "--%s: %s", option->name, mcl_error_message());
    return MCL_EXIT_DONE;
}

static void show_patch(char *text, size_t size, const void *field)
{
    char whole[MCL_MASK_PATCH_SIZE];
    mcl_mask_patch_show(whole, field);
    snprintf(text, size, "%s", whole);
}

static mcl_exit parse_views(void *field, const char *text, const mcl_option *option)
{
    if (mcl_view_options_parse(field, text) != MCL_OK)
        return mcl_complain(
            MCL_EXIT_USAGE, "--%s: %s; see 'maskcl help views'", option->name, mcl_error_message());
    return MCL_EXIT_DONE;
}

static void show_views(char *text, size_t size, const void *field)
{
    char whole[MCL_VIEW_OPTIONS_SIZE];
    mcl_view_options_show(whole, field);
    snprintf(text, size, "%s", whole);
}

const mcl_option_type mcl_option_mask = {parse_mask, show_mask};
const mcl_option_type mcl_option_patch = {parse_patch, show_patch};
const mcl_option_type mcl_option_views = {parse_views, show_views};

const char *mcl_ratio_conflict(mcl_mask_kind kind)
{
    if (kind == MCL_MASK_NONE)
        return "there is no mask: add --mask bernoulli or --mask block";
    return kind != MCL_MASK_UNIFORM
               ? NULL
               : "a uniform mask has no ratio: add --mask bernoulli or --mask block";
}

const char *mcl_patch_conflict(mcl_mask_kind kind)
{
    return kind == MCL_MASK_BLOCK ? NULL : "only a block mask has patches: add --mask block";
}
