/* SPDX-License-Identifier: Apache-2.0 */
#include "train/check.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/values.h"
#include "model/safetensors.h"
#include "objectives/objective.h"
#include "optim/schedule.h"
#include "train/filters.h"
#include "train/options.h"
#include "views/view_options.h"

#define SCHEMA_MAX (MCL_SAFETENSORS_HEADER_MAX * 5 / 8)

uint64_t mcl_batch_rows(uint64_t batch, uint64_t rows)
{
    const uint64_t limit = batch & ~MCL_BATCH_UP_TO(0);
    return limit == batch ? batch : limit < rows ? limit : rows;
}

static mcl_status check_batch(uint32_t *batch, uint64_t wanted, uint64_t rows)
{
    const uint64_t size = mcl_batch_rows(wanted, rows);
    if (size == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT, "a batch of no rows");
    if (size > rows)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a batch of %" PRIu64 " rows is larger than the data, %" PRIu64 " rows", size, rows);
    if (size > UINT32_MAX / 2)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a batch of %" PRIu64 " rows: at most %" PRIu32 " can be used", size, UINT32_MAX / 2);
    *batch = (uint32_t)size;
    return MCL_OK;
}

/* How many layers of the encoder are not its last. */
static uint32_t hidden_layers(const mcl_pretrain_options *options)
{
    mcl_words words;
    if (!*options->encoder || mcl_words_parse(&words, options->encoder) != MCL_OK)
        return options->hidden_count;
    return (uint32_t)words.count - 1;
}

/* Refuses batches whose statistics batch normalization cannot go by, and a dropout that leaves
 * nothing, or has no hidden layer to be of. */
static mcl_status check_layers(
    mcl_normalization normalization, float dropout, uint32_t hidden_count, uint32_t batch)
{
    if (!(dropout >= 0.0f && dropout < 1.0f))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a dropout of %g: it is the part of a layer that is set to 0, from 0 to below 1",
            (double)dropout);
    if (dropout > 0.0f && hidden_count == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a dropout of %g: it is of hidden layers, and this encoder has none", (double)dropout);
    if (normalization != MCL_NORMALIZATION_BATCH || batch >= 2)
        return MCL_OK;
    return mcl_fail(MCL_ERROR_ARGUMENT,
        "batch normalization goes by the batch's own statistics: a batch needs at least 2 rows; "
        "`normalization` layer, of pre-training, works with one");
}

mcl_status mcl_train_check(uint32_t *batch, const mcl_train_options *options, uint32_t least_epochs,
    mcl_normalization normalization, uint32_t hidden_count, uint64_t rows)
{
    uint32_t size = 0;
    if (options->epochs < least_epochs || options->epochs > UINT32_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%" PRIu64 " epochs: from %" PRIu32 " to %" PRIu32 " are possible (`epochs`)",
            options->epochs, least_epochs, UINT32_MAX);
    MCL_TRY(check_batch(&size, options->batch, rows));
    MCL_TRY(check_layers(normalization, options->dropout, hidden_count, size));
    if (!(options->clip_norm >= 0.0 && options->clip_norm < INFINITY))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a norm of %g to clip the gradient at: it must be above 0, or 0 not to clip",
            options->clip_norm);
    if (!(options->ema >= 0.0 && options->ema < 1.0))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a decay of %g for the average of the weights: it must be in [0,1)", options->ema);
    if (!(options->checkpoint_seconds >= 0.0))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a checkpoint every %g seconds: it must be 0, for none, or more",
            options->checkpoint_seconds);
    if (!mcl_optimizer_describe(options->optimizer.kind))
        return mcl_fail(
            MCL_ERROR_ARGUMENT, "%d is no optimizer's number", (int)options->optimizer.kind);
    if (!mcl_schedule_describe(options->schedule.kind))
        return mcl_fail(
            MCL_ERROR_ARGUMENT, "%d is no schedule's number", (int)options->schedule.kind);
    mcl_train_options resolved = *options;
    mcl_train_resolve(&resolved, rows);
    if (options->epochs > 0)
        MCL_TRY(mcl_schedule_check(&resolved.schedule, resolved.epochs));
    *batch = size;
    return MCL_OK;
}

/* A block mask of one patch hides all or nothing. */
static mcl_status check_patch(const uint32_t image[3], const mcl_mask *mask)
{
    const uint32_t largest = mask->patch_most ? mask->patch_most : mask->patch;
    if (mask->kind != MCL_MASK_BLOCK || largest < image[0] || largest < image[1])
        return MCL_OK;
    return mcl_fail(MCL_ERROR_ARGUMENT,
        "a patch of %" PRIu32 " pixels covers a whole image of %" PRIu32 " × %" PRIu32
        ": one view would have all of it and the other nothing",
        largest, image[0], image[1]);
}

/* The type of objective number i of the options. */
static const mcl_objective_type *type_at(const mcl_pretrain_options *options, size_t i)
{
    return mcl_objective_type_of(options->objectives[i].kind);
}

/* The objective's own options, which C programs set without a text. */
static mcl_status check_values(const mcl_objective_type *type, const double *values)
{
    for (size_t i = 0; i < type->option_count; i++) {
        const mcl_objective_option *option = &type->options[i];
        if (!mcl_value_fits(option->type, values[i]))
            return mcl_fail(MCL_ERROR_ARGUMENT, "`%s` of %s: %g is no value that it can have",
                option->key, type->info.name, values[i]);
    }
    return MCL_OK;
}

static mcl_status check_objectives(
    const mcl_pretrain_options *options, const mcl_data *data, uint32_t rows)
{
    for (size_t i = 0; i < options->objective_count; i++) {
        const float weight = options->objectives[i].weight;
        const mcl_objective_type *type = type_at(options, i);
        double values[MCL_OBJECTIVE_OPTIONS_MAX];
        const mcl_objective_check check = {options, data, rows, values};
        if (!(weight > 0.0f) || !isfinite(weight))
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "a weight of %g for the objective %s: it must be above 0", (double)weight,
                type->info.name);
        if (rows < 2 && (type->needs & MCL_NEEDS_OTHER_ROWS))
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "%s compares the rows of a batch: it needs at least 2 rows", type->info.name);
        mcl_objective_values(values, type, options);
        MCL_TRY(check_values(type, values));
        if (type->check)
            MCL_TRY(type->check(&check));
    }
    return MCL_OK;
}

/* The first objective that needs something or, for 0, decodes, and the second; NULL where there is
 * none. */
static void find_needing(const char *names[2], const mcl_pretrain_options *options, unsigned needs)
{
    size_t count = 0;
    names[0] = names[1] = NULL;
    for (size_t i = 0; i < options->objective_count && count < 2; i++) {
        const mcl_objective_type *type = type_at(options, i);
        if (needs ? (type->needs & needs) != 0 : type->info.decodes)
            names[count++] = type->info.name;
    }
}

/* What compares views needs two that differ, if only by what dropout leaves of them. */
static mcl_status check_different(const mcl_pretrain_options *options)
{
    char views[MCL_VIEW_OPTIONS_SIZE];
    const char *names[2];
    mcl_view_options_show(views, &options->views);
    find_needing(names, options, MCL_NEEDS_TWO_VIEWS);
    if (!names[0] || options->train.dropout > 0.0f || strcmp(views, "none") != 0)
        return MCL_OK;
    return mcl_fail(MCL_ERROR_ARGUMENT,
        "%s compares a row's two views, and these are the same: add something to `views`, such as "
        "mask",
        names[0]);
}

static mcl_status check_decoder(const mcl_pretrain_options *options)
{
    const char *names[2];
    find_needing(names, options, 0);
    if (!names[1])
        return MCL_OK;
    return mcl_fail(MCL_ERROR_ARGUMENT,
        "%s and %s both reconstruct rows, and there is one decoder: leave one of them out",
        names[0], names[1]);
}

static mcl_status check_projector(const mcl_pretrain_options *options)
{
    if (options->projector_count == 0 || mcl_objectives_need(options, MCL_NEEDS_TWO_VIEWS))
        return MCL_OK;
    return mcl_fail(MCL_ERROR_ARGUMENT,
        "a projector is for objectives that compare views, and there is none: leave it out, or add "
        "an objective such as nt-xent");
}

static mcl_status check_predictor(const mcl_pretrain_options *options)
{
    const char *names[2];
    find_needing(names, options, MCL_NEEDS_PREDICTOR);
    if (names[1])
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s and %s would train one predictor for two things: leave one of them out", names[0],
            names[1]);
    if (names[0] && options->predictor_count == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s needs a predictor, without which every embedding becomes the same: add one, such "
            "as `predictor` %" PRIu32,
            names[0], options->embedding < 8 ? 2 : options->embedding / 4);
    if (!names[0] && options->predictor_count > 0)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a predictor is for objectives that predict one view from the other, and there is "
            "none: leave it out, or add one");
    return MCL_OK;
}

/* Refuses a schema that would not fit in the model's file: three eighths of the header are left
 * to the backslashes that its quotes have there, and to everything else. */
static mcl_status check_schema(const mcl_data *data)
{
    const mcl_schema *schema = mcl_data_schema(data);
    char *text;
    if (!schema)
        return MCL_OK;
    MCL_TRY(mcl_schema_text(&text, schema));
    const size_t length = strlen(text);
    mcl_schema_text_free(text);
    if (length <= SCHEMA_MAX)
        return MCL_OK;
    return mcl_fail(MCL_ERROR_DATA,
        "the schema of %zu columns is %zu bytes long, and a model has room for %d: leave columns "
        "or categories out (`ignore`), or give the rows as an array",
        mcl_schema_columns(schema), length, SCHEMA_MAX);
}

mcl_status mcl_pretrain_check(
    uint32_t *batch, const mcl_pretrain_options *options, const mcl_data *data)
{
    uint32_t image[3], rows = 0;
    MCL_TRY(mcl_options_expect(&options->base, MCL_OPTIONS_PRETRAIN));
    if (mcl_data_columns(data) > UINT32_MAX)
        return mcl_fail(MCL_ERROR_DATA,
            "rows of %" PRIu64 " values: at most %" PRIu32 " can be used", mcl_data_columns(data),
            UINT32_MAX);
    if (options->objective_count == 0 || options->objective_count > MCL_OBJECTIVES_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%zu objectives: from 1 to %d are possible",
            options->objective_count, MCL_OBJECTIVES_MAX);
    if (options->setting_count > MCL_OBJECTIVE_SETTINGS_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%zu options of objectives are set: at most %d can be",
            options->setting_count, MCL_OBJECTIVE_SETTINGS_MAX);
    for (size_t i = 0; i < options->objective_count; i++) {
        if (!type_at(options, i))
            return mcl_fail(MCL_ERROR_ARGUMENT, "there is no objective number %d",
                (int)options->objectives[i].kind);
    }
    MCL_TRY(check_schema(data));
    MCL_TRY(mcl_view_options_check(image, &options->views, data));
    MCL_TRY(check_patch(image, &options->views.mask));
    MCL_TRY(mcl_train_check(&rows, &options->train, 0, options->normalization,
        hidden_layers(options), mcl_data_rows(data)));
    MCL_TRY(check_objectives(options, data, rows));
    MCL_TRY(mcl_filters_check(&options->filters));
    MCL_TRY(check_different(options));
    MCL_TRY(check_decoder(options));
    MCL_TRY(check_projector(options));
    MCL_TRY(check_predictor(options));
    *batch = rows;
    return MCL_OK;
}
