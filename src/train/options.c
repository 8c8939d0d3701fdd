/* SPDX-License-Identifier: Apache-2.0 */
#include "train/options.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/numbers.h"
#include "objectives/objective.h"
#include "optim/optimizer.h"
#include "train/recipes.h"
#include "train/rows.h"

/* Room for options of any kind. */
typedef union any_options {
    mcl_pretrain_options pretraining;
    mcl_finetune_options finetuning;
    mcl_data_options data;
    mcl_options base;
} any_options;

/* An option of the objectives' own, by its key. */
typedef struct own_option {
    const mcl_objective_option *option; /* the first objective's that has it */
    char names[128];                    /* of those that have it: "nt-xent, scarf and moco" */
    char defaults[128];                 /* "0.2 for nt-xent, 1 for scarf" or, of one for all, "0" */
    bool in_use;                        /* by one of the options' objectives */
} own_option;

static const mcl_objective_option *find_own(const mcl_objective_type *type, const char *key)
{
    for (size_t i = 0; i < type->option_count; i++) {
        if (strcmp(type->options[i].key, key) == 0)
            return &type->options[i];
    }
    return NULL;
}

/* Whether one of the objectives before this kind has an option of that key. */
static bool is_known(mcl_objective_kind kind, const char *key)
{
    for (unsigned k = 0; k < (unsigned)kind; k++) {
        if (find_own(mcl_objective_type_of((mcl_objective_kind)k), key))
            return true;
    }
    return false;
}

/* Adds a part to a list in words. */
static void add_to_list(char *list, size_t size, const char *separator, const char *text)
{
    const size_t used = strlen(list);
    snprintf(list + used, size - used, "%s%s", used ? separator : "", text);
}

static bool has_objective(const mcl_pretrain_options *options, mcl_objective_kind kind)
{
    for (size_t i = 0; options && i < options->objective_count; i++) {
        if (options->objectives[i].kind == kind)
            return true;
    }
    return false;
}

/* *own = what the objectives say of an option of theirs; false when none has one of that key.
 * options may be NULL. */
static bool describe_own(own_option *own, const mcl_pretrain_options *options, const char *key)
{
    size_t count = 0, told = 0;
    bool one_default = true;
    *own = (own_option){0};
    for (unsigned k = 0; k < MCL_OBJECTIVE_KINDS; k++) {
        const mcl_objective_option *option =
            find_own(mcl_objective_type_of((mcl_objective_kind)k), key);
        if (!option)
            continue;
        count++;
        own->option = own->option ? own->option : option;
        one_default = one_default && option->otherwise == own->option->otherwise;
        own->in_use = own->in_use || has_objective(options, (mcl_objective_kind)k);
    }
    for (unsigned k = 0; k < MCL_OBJECTIVE_KINDS; k++) {
        const mcl_objective_type *type = mcl_objective_type_of((mcl_objective_kind)k);
        const mcl_objective_option *option = find_own(type, key);
        char value[64], text[128];
        if (!option)
            continue;
        told++;
        add_to_list(own->names, sizeof own->names, told == count ? " and " : ", ", type->info.name);
        mcl_value_show(value, sizeof value, option->type, option->otherwise);
        snprintf(text, sizeof text, one_default ? "%s" : "%s for %s", value, type->info.name);
        if (!one_default || told == 1)
            add_to_list(own->defaults, sizeof own->defaults, ", ", text);
    }
    return count > 0;
}

static const mcl_row *find_row(const mcl_options_family *family, const char *key)
{
    const mcl_row *row;
    for (size_t i = 0; (row = mcl_options_row(family, i)); i++) {
        if (strcmp(row->key, key) == 0)
            return row;
    }
    return NULL;
}

/* Where in the options the struct is that a row is of. */
static size_t struct_offset(const mcl_options_family *family, const mcl_row *row)
{
    const bool own = row >= family->rows && row < family->rows + family->row_count;
    return own ? 0 : family->training;
}

static const void *struct_of(
    const mcl_options *options, const mcl_options_family *family, const mcl_row *row)
{
    return (const char *)options + struct_offset(family, row);
}

/* The member. */
static const void *field_of(
    const mcl_options *options, const mcl_options_family *family, const mcl_row *row)
{
    return (const char *)struct_of(options, family, row) + row->offset;
}

static mcl_status find_family(const mcl_options_family **family, const mcl_options *options)
{
    *family = options ? mcl_options_family_of(options->kind) : NULL;
    return *family ? MCL_OK
                   : mcl_fail(MCL_ERROR_ARGUMENT,
                         "these are no options, or they were not begun with their init function");
}

mcl_status mcl_options_expect(const mcl_options *options, mcl_options_kind kind)
{
    const mcl_options_family *family;
    MCL_TRY(find_family(&family, options));
    if (options->kind == kind && options->version > 0 && options->version <= family->version)
        return MCL_OK;
    return mcl_fail(MCL_ERROR_ARGUMENT, "these are options of another kind or version");
}

/* Refuses counts beyond their arrays, which a C program may have set. */
static mcl_status check_counts(const mcl_options *options)
{
    const mcl_pretrain_options *pretraining = (const mcl_pretrain_options *)(const void *)options;
    if (options->kind != MCL_OPTIONS_PRETRAIN ||
        (pretraining->hidden_count <= MCL_HIDDEN_MAX &&
            pretraining->decoder_count <= MCL_HIDDEN_MAX &&
            pretraining->projector_count <= MCL_HEAD_MAX &&
            pretraining->predictor_count <= MCL_HEAD_MAX &&
            pretraining->objective_count <= MCL_OBJECTIVES_MAX &&
            pretraining->setting_count <= MCL_OBJECTIVE_SETTINGS_MAX))
        return MCL_OK;
    return mcl_fail(MCL_ERROR_ARGUMENT, "a count in the options is larger than its array");
}

/* Whether every number of a kind in the options is one. */
static bool has_known_kinds(const mcl_options *options, const mcl_options_family *family)
{
    if (!family->training)
        return true;
    const mcl_train_options *train =
        (const mcl_train_options *)(const void *)((const char *)options + family->training);
    const mcl_pretrain_options *pretraining = (const mcl_pretrain_options *)(const void *)options;
    bool known = mcl_optimizer_describe(train->optimizer.kind) &&
                 mcl_schedule_describe(train->schedule.kind);
    if (options->kind != MCL_OPTIONS_PRETRAIN)
        return known;
    for (size_t i = 0; i < pretraining->objective_count; i++)
        known = known && mcl_objective_type_of(pretraining->objectives[i].kind);
    return known;
}

static mcl_status unknown(const char *key)
{
    return mcl_fail(MCL_ERROR_ARGUMENT, "there is no option '%s'", key);
}

static mcl_status set_row(
    mcl_options *options, const mcl_options_family *family, const mcl_row *row, const char *text)
{
    char *field = (char *)options + struct_offset(family, row) + row->offset;
    return row->type->parse(field, text, row);
}

mcl_status mcl_options_reset(mcl_options *options, bool of_recipe_only)
{
    const mcl_options_family *family;
    const mcl_row *row;
    MCL_TRY(find_family(&family, options));
    for (size_t i = 0; (row = mcl_options_row(family, i)); i++) {
        if (row->type != &mcl_field_recipe && (!of_recipe_only || (row->flags & MCL_ROW_RECIPE)))
            MCL_TRY(set_row(options, family, row, row->otherwise));
    }
    return mcl_options_apply(options, family->defaults);
}

mcl_status mcl_options_init(mcl_options *options, mcl_options_kind kind, uint32_t version)
{
    const mcl_options_family *family = mcl_options_family_of(kind);
    if (!options || !family || version == 0 || version > family->version)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "options of kind %d and version %u: this library does not know them", (int)kind,
            (unsigned)version);
    memset(options, 0, family->size);
    *options = (mcl_options){.kind = kind, .version = version};
    MCL_TRY(mcl_options_reset(options, false));
    return kind == MCL_OPTIONS_PRETRAIN
               ? mcl_recipe_apply((mcl_pretrain_options *)(void *)options, "auto")
               : MCL_OK;
}

/* The objectives' own options: a list of those that are set. */

/* The place of an option in the list, or the list's end. */
static size_t find_setting(const mcl_pretrain_options *options, const char *key)
{
    size_t at = 0;
    while (at < options->setting_count && strcmp(options->settings[at].key, key) != 0)
        at++;
    return at;
}

static mcl_status set_own(mcl_pretrain_options *options, const own_option *own, const char *text)
{
    const size_t at = find_setting(options, own->option->key);
    const bool is_new = at == options->setting_count;
    double value = 0.0;
    if (strcmp(text, "auto") == 0) {
        if (!is_new)
            options->settings[at] = options->settings[--options->setting_count];
        return MCL_OK;
    }
    MCL_TRY(mcl_value_parse(&value, own->option->type, text));
    if (at == MCL_OBJECTIVE_SETTINGS_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT, "at most %d options of objectives can be set",
            MCL_OBJECTIVE_SETTINGS_MAX);
    snprintf(options->settings[at].key, sizeof options->settings[at].key, "%s", own->option->key);
    options->settings[at].value = value;
    options->setting_count += is_new;
    return MCL_OK;
}

mcl_status mcl_options_set(mcl_options *options, const char *key, const char *text)
{
    const mcl_options_family *family;
    own_option own;
    MCL_TRY(find_family(&family, options));
    if (!key || !text)
        return mcl_fail(MCL_ERROR_ARGUMENT, "an option needs a key and a text");
    MCL_TRY(check_counts(options));
    const mcl_row *row = find_row(family, key);
    if (row)
        return set_row(options, family, row, text);
    if (options->kind != MCL_OPTIONS_PRETRAIN || !describe_own(&own, NULL, key))
        return unknown(key);
    return set_own((mcl_pretrain_options *)(void *)options, &own, text);
}

mcl_status mcl_options_get(char *text, size_t size, const mcl_options *options, const char *key)
{
    const mcl_options_family *family;
    own_option own;
    MCL_TRY(find_family(&family, options));
    if (!key || !text || size == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT, "an option needs a key and room for a text");
    MCL_TRY(check_counts(options));
    const mcl_row *row = find_row(family, key);
    if (row) {
        row->type->show(text, size, field_of(options, family, row), row);
        return MCL_OK;
    }
    if (options->kind != MCL_OPTIONS_PRETRAIN || !describe_own(&own, NULL, key))
        return unknown(key);
    const mcl_pretrain_options *pretraining = (const mcl_pretrain_options *)(const void *)options;
    const size_t at = find_setting(pretraining, key);
    if (at < pretraining->setting_count)
        mcl_value_show(text, size, own.option->type, pretraining->settings[at].value);
    else
        snprintf(text, size, "auto");
    return MCL_OK;
}

/* Whether an option that an objective's needs is above 0 in no objective of the options. */
static bool is_missing(const mcl_pretrain_options *options, const char *key)
{
    for (size_t i = 0; i < options->objective_count; i++) {
        const mcl_objective_type *type = mcl_objective_type_of(options->objectives[i].kind);
        double values[MCL_OBJECTIVE_OPTIONS_MAX];
        mcl_objective_values(values, type, options);
        for (size_t j = 0; j < type->option_count; j++) {
            if (strcmp(type->options[j].key, key) == 0 && values[j] > 0.0)
                return false;
        }
    }
    return true;
}

bool mcl_options_conflict(char *reason, size_t size, const mcl_options *options, const char *key)
{
    char unused[1];
    if (!reason || size == 0) {
        reason = unused;
        size = sizeof unused;
    }
    *reason = '\0';
    const mcl_options_family *family = options ? mcl_options_family_of(options->kind) : NULL;
    if (!family || !key || check_counts(options) != MCL_OK || !has_known_kinds(options, family))
        return false;
    const mcl_row *row = find_row(family, key);
    own_option own;
    if (row) {
        const char *why = row->conflict ? row->conflict(struct_of(options, family, row)) : NULL;
        snprintf(reason, size, "%s", why ? why : "");
        return why != NULL;
    }
    const mcl_pretrain_options *pretraining = (const mcl_pretrain_options *)(const void *)options;
    if (options->kind != MCL_OPTIONS_PRETRAIN || !describe_own(&own, pretraining, key))
        return false;
    const bool several = strstr(own.names, " and ") != NULL;
    if (!own.in_use)
        snprintf(reason, size, "only the objective%s %s ha%s it: add %s (`objective`)",
            several ? "s" : "", own.names, several ? "ve" : "s", several ? "one of them" : "it");
    else if (own.option->needs && is_missing(pretraining, own.option->needs))
        snprintf(reason, size, "it is of `%s`, and there are none: add some", own.option->needs);
    return *reason != '\0';
}

static void describe_row(
    mcl_option_info *info, const mcl_options_family *family, const mcl_row *row)
{
    any_options defaults;
    *info = (mcl_option_info){.key = row->key,
        .group = row->group,
        .values = row->values,
        .of_recipe = (row->flags & MCL_ROW_RECIPE) && family->kind == MCL_OPTIONS_PRETRAIN,
        .decides_bits = row->flags & MCL_ROW_BITS};
    snprintf(info->help, sizeof info->help, "%s", row->help);
    if (mcl_options_init(&defaults.base, family->kind, family->version) == MCL_OK)
        (void)mcl_options_get(info->otherwise, sizeof info->otherwise, &defaults.base, row->key);
    if (row->unset && strcmp(info->otherwise, row->unset) == 0 && row->unset_help)
        snprintf(info->otherwise, sizeof info->otherwise, "%s", row->unset_help);
}

/* Own option number `index` of all objectives, each key counted once; false after the last. */
static bool own_at(own_option *own, size_t index)
{
    for (unsigned k = 0; k < MCL_OBJECTIVE_KINDS; k++) {
        const mcl_objective_type *type = mcl_objective_type_of((mcl_objective_kind)k);
        for (size_t i = 0; i < type->option_count; i++) {
            if (!is_known((mcl_objective_kind)k, type->options[i].key) && index-- == 0)
                return describe_own(own, NULL, type->options[i].key);
        }
    }
    return false;
}

mcl_status mcl_option_at(mcl_option_info *info, mcl_options_kind kind, size_t index)
{
    MCL_NEED(info);
    const mcl_options_family *family = mcl_options_family_of(kind);
    own_option own;
    size_t rows = 0;
    while (family && mcl_options_row(family, rows))
        rows++;
    if (family && index < rows) {
        describe_row(info, family, mcl_options_row(family, index));
        return MCL_OK;
    }
    if (kind != MCL_OPTIONS_PRETRAIN || !own_at(&own, index - rows))
        return mcl_fail(MCL_ERROR_ARGUMENT, "there is no option number %zu", index);
    *info = (mcl_option_info){.key = own.option->key,
        .group = "Objective",
        .values = own.option->values,
        .of_recipe = true,
        .decides_bits = true};
    snprintf(info->help, sizeof info->help, "of %s: %s", own.names, own.option->help);
    snprintf(info->otherwise, sizeof info->otherwise, "%s", own.defaults);
    return MCL_OK;
}

void mcl_train_resolve(mcl_train_options *options, uint64_t rows)
{
    options->optimizer = mcl_optimizer_resolve(&options->optimizer);
    options->batch = mcl_batch_rows(options->batch, rows);
    if (options->schedule.warmup < 0.0)
        options->schedule.warmup = -options->schedule.warmup * (double)options->epochs;
}

/* The same of the objectives' own options. */
static mcl_status each_own(const mcl_pretrain_options *options,
    mcl_status (*take)(void *to, const mcl_stored_option *option), void *to)
{
    for (size_t i = 0; i < options->objective_count; i++) {
        const mcl_objective_type *type = mcl_objective_type_of(options->objectives[i].kind);
        double values[MCL_OBJECTIVE_OPTIONS_MAX];
        mcl_objective_values(values, type, options);
        for (size_t j = 0; j < type->option_count; j++) {
            const mcl_objective_option *option = &type->options[j];
            mcl_stored_option stored = {.key = option->key,
                .stored = option->stored ? option->stored : option->key,
                .flags = MCL_ROW_BITS | MCL_ROW_STORED,
                .is_set = true};
            if (option->needs && is_missing(options, option->needs))
                continue;
            mcl_value_show(stored.value, sizeof stored.value, option->type, values[j]);
            MCL_TRY(take(to, &stored));
        }
    }
    return MCL_OK;
}

/* The same of the rows that say what others say, or of those that do not. */
static mcl_status each_row(const mcl_options *options, const mcl_options_family *family, bool whole,
    mcl_status (*take)(void *to, const mcl_stored_option *option), void *to)
{
    const mcl_row *row;
    for (size_t i = 0; (row = mcl_options_row(family, i)); i++) {
        const bool applies = !row->conflict || !row->conflict(struct_of(options, family, row));
        mcl_stored_option stored = {.key = row->key,
            .stored = row->stored ? row->stored : row->key,
            .former = row->former,
            .flags = row->flags};
        if (!row->flags || !applies || whole != ((row->flags & MCL_ROW_WHOLE) != 0))
            continue;
        row->type->show(stored.value, sizeof stored.value, field_of(options, family, row), row);
        stored.is_set = !row->unset || strcmp(stored.value, row->unset) != 0;
        MCL_TRY(take(to, &stored));
    }
    return MCL_OK;
}

mcl_status mcl_options_each(const mcl_options *options,
    mcl_status (*take)(void *to, const mcl_stored_option *option), void *to)
{
    const mcl_options_family *family;
    MCL_TRY(find_family(&family, options));
    MCL_TRY(each_row(options, family, false, take, to));
    if (options->kind == MCL_OPTIONS_PRETRAIN)
        MCL_TRY(each_own((const mcl_pretrain_options *)(const void *)options, take, to));
    return each_row(options, family, true, take, to);
}

mcl_status mcl_option_default(
    char text[MCL_OPTION_SIZE], const mcl_options *options, const char *key)
{
    any_options initial, others;
    own_option own;
    const mcl_options_family *family;
    MCL_TRY(find_family(&family, options));
    MCL_TRY(mcl_options_init(&initial.base, options->kind, family->version));
    MCL_TRY(mcl_options_get(text, MCL_OPTION_SIZE, &initial.base, key));
    if (strcmp(text, "auto") != 0 || !family->training)
        return MCL_OK;
    if (describe_own(&own, NULL, key)) {
        mcl_value_show(text, MCL_OPTION_SIZE, own.option->type, own.option->otherwise);
        return MCL_OK;
    }
    memcpy(&others, options, family->size);
    MCL_TRY(mcl_options_set(&others.base, key, text));
    mcl_train_resolve(
        (mcl_train_options *)(void *)((char *)&others + family->training), UINT64_MAX);
    return mcl_options_get(text, MCL_OPTION_SIZE, &others.base, key);
}

/* canonical[MCL_OPTION_SIZE] = what mcl_options_get() makes of a text. The number that stands for a
 * member that is not set is what 0.1 wrote. */
static mcl_status canonical_text(
    char *canonical, mcl_options_kind kind, const char *key, const char *text)
{
    any_options options;
    const mcl_options_family *family = mcl_options_family_of(kind);
    MCL_TRY(mcl_options_init(&options.base, kind, family ? family->version : 0));
    const mcl_row *row = find_row(family, key);
    double number;
    if (row && row->unset && mcl_number_parse(&number, text) && number == row->unset_value)
        text = row->unset;
    MCL_TRY(mcl_options_set(&options.base, key, text));
    return mcl_options_get(canonical, MCL_OPTION_SIZE, &options.base, key);
}

bool mcl_option_agrees(mcl_options_kind kind, const char *key, const char *a, const char *b)
{
    char texts[2][MCL_OPTION_SIZE];
    return strcmp(a, b) == 0 ||
           (canonical_text(texts[0], kind, key, a) == MCL_OK &&
               canonical_text(texts[1], kind, key, b) == MCL_OK && strcmp(texts[0], texts[1]) == 0);
}

/* A model, and what stands before its keys. */
struct described {
    mcl_model *model;
    const char *prefix;
};

static mcl_status describe(void *to, const mcl_stored_option *option)
{
    const struct described *described = to;
    char key[64];
    if (!(option->flags & MCL_ROW_STORED) || !option->is_set)
        return MCL_OK;
    snprintf(key, sizeof key, "%s%s", described->prefix, option->stored);
    return mcl_model_key_is_own(key) ? MCL_OK /* the architecture says it */
                                     : mcl_model_metadata_set(described->model, key, option->value);
}

mcl_status mcl_options_describe(mcl_model *model, const mcl_options *options)
{
    const mcl_options_family *family;
    MCL_TRY(find_family(&family, options));
    struct described to = {model, family->prefix};
    return mcl_options_each(options, describe, &to);
}
