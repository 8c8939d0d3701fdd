/* SPDX-License-Identifier: Apache-2.0 */
/* The objectives that there are, and what can be asked of them by name or kind. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "base/numbers.h"
#include "objectives/objective.h"

static const mcl_objective_type *const types[MCL_OBJECTIVE_KINDS] = {
#define MCL_OBJECTIVE_ENTRY(NAME, file) [MCL_OBJECTIVE_##NAME] = &mcl_objective_##file,
    MCL_OBJECTIVE_LIST(MCL_OBJECTIVE_ENTRY)
#undef MCL_OBJECTIVE_ENTRY
};

const mcl_objective_type *mcl_objective_type_of(mcl_objective_kind kind)
{
    return (unsigned)kind < MCL_OBJECTIVE_KINDS ? types[kind] : NULL;
}

const mcl_objective_info *mcl_objective_describe(mcl_objective_kind kind)
{
    const mcl_objective_type *type = mcl_objective_type_of(kind);
    return type ? &type->info : NULL;
}

const char *mcl_objective_name(mcl_objective_kind kind)
{
    const mcl_objective_info *info = mcl_objective_describe(kind);
    return info ? info->name : "?";
}

bool mcl_objective_views(mcl_view_options *views, mcl_objective_kind kind)
{
    const mcl_objective_info *info = mcl_objective_describe(kind);
    return views && info && info->views && mcl_view_options_parse(views, info->views) == MCL_OK;
}

void mcl_objective_values(double values[MCL_OBJECTIVE_OPTIONS_MAX], const mcl_objective_type *type,
    const mcl_pretrain_options *options)
{
    for (size_t i = 0; i < type->option_count; i++) {
        values[i] = type->options[i].otherwise;
        for (size_t j = 0; j < options->setting_count; j++) {
            if (strcmp(options->settings[j].key, type->options[i].key) == 0)
                values[i] = options->settings[j].value;
        }
    }
}

bool mcl_objectives_decode(const mcl_pretrain_options *options)
{
    for (size_t i = 0; i < options->objective_count; i++) {
        if (types[options->objectives[i].kind]->info.decodes)
            return true;
    }
    return false;
}

bool mcl_objectives_need(const mcl_pretrain_options *options, mcl_objective_needs needs)
{
    for (size_t i = 0; i < options->objective_count; i++) {
        if (types[options->objectives[i].kind]->needs & (unsigned)needs)
            return true;
    }
    return false;
}

bool mcl_objectives_want_altered(const mcl_pretrain_options *options)
{
    for (size_t i = 0; i < options->objective_count; i++) {
        const mcl_objective_type *type = types[options->objectives[i].kind];
        double values[MCL_OBJECTIVE_OPTIONS_MAX];
        mcl_objective_values(values, type, options);
        if (type->wants_altered && type->wants_altered(values))
            return true;
    }
    return false;
}

/* One "name" or "name:weight", length bytes of text. */
static mcl_status parse_objective(mcl_objective *objective, const char *text, size_t length)
{
    const char *names[MCL_OBJECTIVE_KINDS];
    char name[64];
    if (length >= sizeof name)
        return mcl_fail(MCL_ERROR_ARGUMENT, "unknown objective '%s'", text);
    memcpy(name, text, length);
    name[length] = '\0';
    char *colon = strchr(name, ':');
    float weight = 1.0f;
    if (colon) {
        if (!mcl_number_parse_float(&weight, colon + 1) || !(weight > 0.0f))
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "the weight in '%s' is not a number above 0: write it as nt-xent:0.5", name);
        *colon = '\0';
    }
    size_t index;
    for (size_t i = 0; i < MCL_OBJECTIVE_KINDS; i++)
        names[i] = types[i]->info.name;
    MCL_TRY(mcl_name_parse(&index, name, names, MCL_OBJECTIVE_KINDS, "objective"));
    *objective = (mcl_objective){(mcl_objective_kind)index, weight};
    return MCL_OK;
}

mcl_status mcl_objectives_parse(
    mcl_objective objectives[MCL_OBJECTIVES_MAX], size_t *count, const char *text)
{
    mcl_objective parsed[MCL_OBJECTIVES_MAX];
    size_t used = 0;
    MCL_NEED(objectives);
    MCL_NEED(count);
    MCL_NEED(text);
    for (const char *part = text;; part++) {
        const size_t length = strcspn(part, "+");
        mcl_objective one;
        MCL_TRY(parse_objective(&one, part, length));
        for (size_t i = 0; i < used; i++) {
            if (parsed[i].kind == one.kind)
                return mcl_fail(MCL_ERROR_ARGUMENT, "the objective %s stands twice in '%s'",
                    mcl_objective_name(one.kind), text);
        }
        if (used == MCL_OBJECTIVES_MAX)
            return mcl_fail(
                MCL_ERROR_ARGUMENT, "at most %d objectives can be joined", MCL_OBJECTIVES_MAX);
        parsed[used++] = one;
        part += length;
        if (!*part)
            break;
    }
    memcpy(objectives, parsed, used * sizeof *parsed);
    *count = used;
    return MCL_OK;
}

void mcl_objectives_show(char *text, size_t size, const mcl_objective *objectives, size_t count)
{
    size_t used = 0;
    if (!text || size == 0)
        return;
    text[0] = '\0';
    for (size_t i = 0; objectives && i < count && used < size; i++) {
        char weight[MCL_NUMBER_SIZE] = "";
        if (objectives[i].weight != 1.0f)
            mcl_number_show_float(weight, objectives[i].weight);
        used += (size_t)snprintf(text + used, size - used, "%s%s%s%s", i ? "+" : "",
            mcl_objective_name(objectives[i].kind), *weight ? ":" : "", weight);
    }
}
