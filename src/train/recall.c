/* SPDX-License-Identifier: Apache-2.0 */
#include "train/recall.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "objectives/objective.h"
#include "train/rows.h"

/* What is read, and to where. */
struct recalled {
    mcl_options *options;
    const mcl_options_family *family;
    const mcl_model *model;
    char *assumed;
    size_t size;
};

/* The metadata of that key after the family's prefix, or NULL. */
static const char *stored_text(const struct recalled *to, const char *key)
{
    char whole[64];
    snprintf(whole, sizeof whole, "%s%s", to->family->prefix, key);
    return mcl_model_metadata_get(to->model, whole);
}

static void assume(const struct recalled *to, const char *key)
{
    const size_t used = strlen(to->assumed);
    snprintf(to->assumed + used, to->size - used, "%s`%s`", used ? ", " : "", key);
}

static mcl_status set(const struct recalled *to, const char *key, const char *text)
{
    char reason[512];
    if (mcl_options_set(to->options, key, text) == MCL_OK)
        return MCL_OK;
    snprintf(reason, sizeof reason, "%s", mcl_error_message());
    return mcl_fail(
        MCL_ERROR_FORMAT, "the metadata of `%s` are not of this version: %s", key, reason);
}

/* The options that the architecture says. */
static void take_architecture(mcl_pretrain_options *options, const mcl_architecture *architecture)
{
    options->hidden_count = architecture->hidden_count;
    options->embedding = architecture->embedding;
    options->activation = architecture->activation;
    options->normalization = architecture->normalization;
    options->activated_embedding = architecture->activated_embedding;
    options->own_decoder = architecture->own_decoder;
    options->decoder_count = architecture->decoder_count;
    options->projector_count = architecture->projector_count;
    options->predictor_count = architecture->predictor_count;
    memcpy(options->hidden, architecture->hidden, sizeof options->hidden);
    memcpy(options->encoder, architecture->encoder, sizeof options->encoder);
    memcpy(options->decoder, architecture->decoder, sizeof options->decoder);
    memcpy(options->projector, architecture->projector, sizeof options->projector);
    memcpy(options->predictor, architecture->predictor, sizeof options->predictor);
}

/* Whether the architecture has said the option already. */
static bool is_of_architecture(const struct recalled *to, const mcl_row *row)
{
    const mcl_options_family *family = to->family;
    const bool own = row >= family->rows && row < family->rows + family->row_count;
    return family->kind == MCL_OPTIONS_PRETRAIN && own && strcmp(row->group, "Model") == 0;
}

/* A row's metadata. 0.1 wrote some options only where they were not the default, and `epochs` for
 * `planned_epochs` where all were trained. */
static mcl_status recall_row(const struct recalled *to, const mcl_row *row)
{
    char reason[512];
    const char *key = row->stored ? row->stored : row->key, *text = stored_text(to, key);
    if (!(row->flags & MCL_ROW_STORED) || is_of_architecture(to, row))
        return MCL_OK;
    if (!text)
        text = stored_text(to, row->key);
    if (!text && row->unset)
        text = row->unset;
    if (text)
        return set(to, row->key, text);
    if ((row->flags & MCL_ROW_BITS) && !(row->flags & MCL_ROW_WHOLE) &&
        !mcl_options_conflict(reason, sizeof reason, to->options, row->key))
        assume(to, row->key);
    return MCL_OK;
}

/* The name of a recipe that there is no more is no loss: all that it sets stands there, too. */
static mcl_status recall_recipe(const struct recalled *to)
{
    const char *recipe = stored_text(to, "recipe");
    if (recipe)
        (void)mcl_options_set(to->options, "recipe", recipe);
    return MCL_OK;
}

/* Rows that say what others say come last, as they say it all, and `objective` before those that
 * make sense for some objectives alone. */
static mcl_status recall_rows(const struct recalled *to, bool whole)
{
    const mcl_row *row;
    for (size_t i = 0; (row = mcl_options_row(to->family, i)); i++) {
        if (row->type != &mcl_field_recipe && whole == ((row->flags & MCL_ROW_WHOLE) != 0))
            MCL_TRY(recall_row(to, row));
    }
    return MCL_OK;
}

static bool is_default(const mcl_objective_option *option, const char *text)
{
    char otherwise[64];
    double value, standard;
    mcl_value_show(otherwise, sizeof otherwise, option->type, option->otherwise);
    return mcl_value_parse(&standard, option->type, otherwise) == MCL_OK &&
           mcl_value_parse(&value, option->type, text) == MCL_OK && value == standard;
}

/* The objectives' own options. Several may have one of a key with defaults of their own, to which
 * it is left unless one of them has another value. */
static mcl_status recall_own(const struct recalled *to)
{
    const mcl_pretrain_options *options = (const mcl_pretrain_options *)(void *)to->options;
    for (size_t i = 0; i < options->objective_count; i++) {
        const mcl_objective_type *type = mcl_objective_type_of(options->objectives[i].kind);
        for (size_t j = 0; j < type->option_count; j++) {
            const mcl_objective_option *option = &type->options[j];
            const char *text = stored_text(to, option->stored ? option->stored : option->key);
            if (!text && !option->needs)
                assume(to, option->key);
            if (text && !is_default(option, text))
                MCL_TRY(set(to, option->key, text));
        }
    }
    return MCL_OK;
}

/* What is read must come to what stands there. */
static mcl_status compare(void *of, const mcl_stored_option *option)
{
    const struct recalled *to = of;
    const char *text = stored_text(to, option->stored);
    if (!text || !option->is_set || mcl_model_key_is_own(option->stored) ||
        mcl_option_agrees(to->family->kind, option->key, text, option->value))
        return MCL_OK;
    return mcl_fail(MCL_ERROR_FORMAT,
        "the metadata contradict each other: `%s` is '%s' and comes to '%s'", option->key, text,
        option->value);
}

mcl_status mcl_options_recall(
    mcl_options *options, char *assumed, size_t size, const mcl_model *model)
{
    const struct recalled to = {
        options, mcl_options_family_of(options->kind), model, assumed, size};
    *assumed = '\0';
    if (options->kind == MCL_OPTIONS_PRETRAIN) {
        MCL_TRY(recall_recipe(&to));
        take_architecture((mcl_pretrain_options *)(void *)options, &model->architecture);
        const char *objective = stored_text(&to, "objective");
        if (objective)
            MCL_TRY(set(&to, "objective", objective));
    }
    MCL_TRY(recall_rows(&to, false));
    if (options->kind == MCL_OPTIONS_PRETRAIN)
        MCL_TRY(recall_own(&to));
    MCL_TRY(recall_rows(&to, true));
    return mcl_options_each(options, compare, (void *)&to);
}
