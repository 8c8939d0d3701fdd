/* SPDX-License-Identifier: Apache-2.0 */
#include "train/options.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "data/data.h"
#include "optim/schedule.h"
#include "views/view_options.h"

static const char *const objective_names[MCL_OBJECTIVE_KINDS] = {
    [MCL_OBJECTIVE_COSINE] = "cosine",
    [MCL_OBJECTIVE_NT_XENT] = "nt-xent",
    [MCL_OBJECTIVE_RECONSTRUCTION] = "reconstruction",
    [MCL_OBJECTIVE_VICREG] = "vicreg",
    [MCL_OBJECTIVE_BARLOW] = "barlow",
    [MCL_OBJECTIVE_SCARF] = "scarf",
    [MCL_OBJECTIVE_SIMSIAM] = "simsiam",
    [MCL_OBJECTIVE_BYOL] = "byol",
    [MCL_OBJECTIVE_VIME] = "vime",
    [MCL_OBJECTIVE_MOCO] = "moco",
};
static const char *const reconstruct_names[] = {"all", "hidden"};
static const char *const reconstruction_loss_names[] = {"mse", "bce"};

/* Figures are docs/learning.md's: linear probes on Fashion-MNIST, and five folds of digits. */
static const mcl_recipe recipes[] = {
    {"default",
        "the reference encoder's sizes with objectives that do not collapse: a probe of "
        "82.4% by 64 numbers, where the untrained encoder has 79.1% and all 784 pixels have "
        "84.1%: see the others"},
    {"recommended", "images: a wide encoder that learns to fill in what a mask hides; a probe of "
                    "88.8%, untrained 86.2%, raw pixels 84.1%"},
    {"few-labels", "images of which few have labels, and fine-tuning: one layer more; 81.4% with "
                   "60 labels a class, raw pixels 78.0%"},
    {"fast", "images with values from 0 to 1, in a minute: half as wide, and two epochs; a probe "
             "of 88.3%, untrained 85.9%, raw pixels 84.1%"},
    {"tabular", "tables and vectors of standardised columns: learns to fill in what a mask hides; "
                "digits 97.7%, raw columns 96.6%, with 10 labels a class 91.7% and 88.0%"},
    {"reference", "the published model as it is: it collapses, and serves as a comparison; a "
                  "probe of 77.4%, untrained 79.1%, and of 62.4% in batches of 256"},
};

static void objective(mcl_pretrain_options *options, mcl_objective_kind kind, float weight)
{
    options->objectives[options->objective_count++] = (mcl_objective){kind, weight};
}

/* What the recipes share: an encoder of one normalised and activated layer that rebuilds masked
 * rows, by AdamW with a rate that warms up and falls. */
static void rebuild(mcl_pretrain_options *options, uint32_t embedding, uint64_t epochs)
{
    options->hidden_count = 0;
    options->embedding = embedding;
    options->activated_embedding = true;
    options->normalization = MCL_NORMALIZATION_BATCH;
    options->train.optimizer.kind = MCL_OPTIMIZER_ADAMW;
    options->train.optimizer.learning_rate = 6e-3;
    options->train.schedule.kind = MCL_SCHEDULE_COSINE;
    options->train.schedule.warmup = 0.1 * (double)epochs;
    options->train.batch = MCL_BATCH_UP_TO(128);
    options->train.epochs = epochs;
    objective(options, MCL_OBJECTIVE_RECONSTRUCTION, 1.0f);
}

mcl_status mcl_recipe_apply(mcl_pretrain_options *options, const char *name)
{
    const char *names[sizeof recipes / sizeof *recipes];
    const size_t count = sizeof recipes / sizeof *recipes;
    for (size_t i = 0; i < count; i++)
        names[i] = recipes[i].name;
    size_t index;
    MCL_TRY(mcl_name_parse(&index, name, names, count, "recipe"));
    options->hidden_count = 1;
    options->hidden[0] = 128;
    options->embedding = 64;
    options->activation = MCL_ACTIVATION_RELU;
    options->normalization = MCL_NORMALIZATION_NONE;
    options->activated_embedding = false;
    options->train.dropout = 0.0f;
    options->views = (mcl_view_options){.mask = {MCL_MASK_BERNOULLI, 0.5f, 4}};
    options->objective_count = 0;
    options->temperature = 0.0f;
    options->target_decay = 0.0;
    options->queue = 4096;
    options->negatives = 0;
    options->margin = 0.0f;
    options->reconstruct = MCL_RECONSTRUCT_ALL;
    options->reconstruction_loss = MCL_RECONSTRUCTION_MSE;
    options->own_decoder = false;
    options->projector_count = 0;
    options->predictor_count = 0;
    options->train.optimizer = (mcl_optimizer_options){MCL_OPTIMIZER_ADAM, 1e-3,
        MCL_WEIGHT_DECAY_DEFAULT, MCL_MOMENTUM_DEFAULT, 0.9, 0.999, MCL_EPSILON_DEFAULT};
    options->train.schedule = (mcl_schedule_options){.kind = MCL_SCHEDULE_CONSTANT, .gamma = 0.1};
    options->train.clip_norm = 0.0;
    options->train.ema = 0.0;
    options->train.batch = MCL_BATCH_UP_TO(256);
    options->train.epochs = 10;
    options->train.early_stop = 0;
    if (strcmp(name, "reference") == 0) {
        options->views.mask.kind = MCL_MASK_UNIFORM;
        options->train.batch = MCL_BATCH_ALL;
        objective(options, MCL_OBJECTIVE_COSINE, 1.0f);
        return MCL_OK;
    }
    if (strcmp(name, "recommended") == 0) {
        rebuild(options, 2048, 8);
        options->own_decoder = true;
        options->decoder_count = 2;
        options->decoder[0] = 1024;
        options->decoder[1] = 2048;
        return MCL_OK;
    }
    if (strcmp(name, "few-labels") == 0) {
        rebuild(options, 1024, 8);
        options->hidden_count = 1;
        options->hidden[0] = 2048;
        return MCL_OK;
    }
    if (strcmp(name, "fast") == 0) {
        rebuild(options, 1024, 2);
        options->reconstruction_loss = MCL_RECONSTRUCTION_BCE;
        options->own_decoder = true;
        options->decoder_count = 1;
        options->decoder[0] = 1024;
        return MCL_OK;
    }
    if (strcmp(name, "tabular") == 0) {
        rebuild(options, 256, 100);
        options->hidden_count = 1;
        options->hidden[0] = 256;
        options->train.optimizer.learning_rate = 1e-3;
        return MCL_OK;
    }
    objective(options, MCL_OBJECTIVE_NT_XENT, 1.0f);
    objective(options, MCL_OBJECTIVE_RECONSTRUCTION, 10.0f);
    return MCL_OK;
}

const mcl_recipe *mcl_recipes(size_t *count)
{
    *count = sizeof recipes / sizeof *recipes;
    return recipes;
}

void mcl_pretrain_defaults(mcl_pretrain_options *options)
{
    memset(options, 0, sizeof *options);
    (void)mcl_recipe_apply(options, "default"); /* the name is there: it cannot fail */
}

const char *mcl_objective_name(mcl_objective_kind kind)
{
    return objective_names[kind];
}

bool mcl_objective_views(mcl_view_options *views, mcl_objective_kind kind)
{
    const bool scarf = kind == MCL_OBJECTIVE_SCARF;
    if (!scarf && kind != MCL_OBJECTIVE_VIME)
        return false;
    *views = (mcl_view_options){.mask = {MCL_MASK_NONE, 0.5f, 4},
        .corruption = scarf ? 0.6f : 0.3f,
        .corrupt_first = scarf};
    return true;
}

mcl_status mcl_reconstruct_parse(mcl_reconstruct_elements *elements, const char *text)
{
    size_t index;
    MCL_TRY(mcl_name_parse(&index, text, reconstruct_names, 2, "choice of elements"));
    *elements = (mcl_reconstruct_elements)index;
    return MCL_OK;
}

const char *mcl_reconstruct_name(mcl_reconstruct_elements elements)
{
    return reconstruct_names[elements];
}

mcl_status mcl_reconstruction_loss_parse(mcl_reconstruction_loss *loss, const char *text)
{
    size_t index;
    MCL_TRY(mcl_name_parse(&index, text, reconstruction_loss_names, 2, "loss"));
    *loss = (mcl_reconstruction_loss)index;
    return MCL_OK;
}

const char *mcl_reconstruction_loss_name(mcl_reconstruction_loss loss)
{
    return reconstruction_loss_names[loss];
}

float mcl_temperature(const mcl_pretrain_options *options, mcl_objective_kind kind)
{
    if (options->temperature > 0.0f)
        return options->temperature;
    if (kind == MCL_OBJECTIVE_MOCO)
        return 0.07f;
    return kind == MCL_OBJECTIVE_SCARF ? 1.0f : 0.2f;
}

double mcl_target_decay(const mcl_pretrain_options *options, mcl_objective_kind kind)
{
    if (options->target_decay > 0.0)
        return options->target_decay;
    return kind == MCL_OBJECTIVE_MOCO ? 0.999 : 0.996;
}

bool mcl_has_objective(const mcl_pretrain_options *options, mcl_objective_kind kind)
{
    for (size_t i = 0; i < options->objective_count; i++) {
        if (options->objectives[i].kind == kind)
            return true;
    }
    return false;
}

/* The value of a new setting, of so many bytes. */
static char *add_setting(mcl_setting *settings, size_t *count, const char *key, const char *option)
{
    mcl_setting *setting = &settings[(*count)++];
    *setting = (mcl_setting){.key = key, .option = option};
    return setting->value;
}

static void add_number(
    mcl_setting *settings, size_t *count, const char *key, const char *option, double value)
{
    snprintf(add_setting(settings, count, key, option), sizeof settings->value, "%.9g", value);
}

static void add_name(
    mcl_setting *settings, size_t *count, const char *key, const char *option, const char *name)
{
    snprintf(add_setting(settings, count, key, option), sizeof settings->value, "%s", name);
}

static void write_objectives(char *text, size_t size, const mcl_pretrain_options *options)
{
    for (size_t i = 0, used = 0; i < options->objective_count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s:%.9g", i ? "+" : "",
            mcl_objective_name(options->objectives[i].kind), (double)options->objectives[i].weight);
}

size_t mcl_objective_settings(
    mcl_setting settings[MCL_OBJECTIVE_SETTINGS_MAX], const mcl_pretrain_options *options)
{
    size_t count = 0;
    write_objectives(
        add_setting(settings, &count, "objective", "--objective"), sizeof settings->value, options);
    if (mcl_has_objective(options, MCL_OBJECTIVE_NT_XENT))
        add_number(settings, &count, "temperature", "--temperature",
            (double)mcl_temperature(options, MCL_OBJECTIVE_NT_XENT));
    if (mcl_has_objective(options, MCL_OBJECTIVE_SCARF))
        add_number(settings, &count, "scarf_temperature", "--temperature",
            (double)mcl_temperature(options, MCL_OBJECTIVE_SCARF));
    if (mcl_has_objective(options, MCL_OBJECTIVE_BYOL))
        add_number(settings, &count, "byol_target_decay", "--target-decay",
            mcl_target_decay(options, MCL_OBJECTIVE_BYOL));
    if (mcl_has_objective(options, MCL_OBJECTIVE_MOCO)) {
        add_number(settings, &count, "moco_temperature", "--temperature",
            (double)mcl_temperature(options, MCL_OBJECTIVE_MOCO));
        add_number(settings, &count, "moco_target_decay", "--target-decay",
            mcl_target_decay(options, MCL_OBJECTIVE_MOCO));
        add_number(settings, &count, "queue", "--queue", options->queue);
    }
    if (mcl_has_objective(options, MCL_OBJECTIVE_COSINE)) {
        add_number(settings, &count, "negatives", "--negatives", options->negatives);
        if (options->negatives > 0)
            add_number(settings, &count, "margin", "--margin", (double)options->margin);
    }
    if (mcl_has_objective(options, MCL_OBJECTIVE_RECONSTRUCTION)) {
        add_name(settings, &count, "reconstruct", "--reconstruct",
            mcl_reconstruct_name(options->reconstruct));
        add_name(settings, &count, "reconstruction_loss", "--reconstruction-loss",
            mcl_reconstruction_loss_name(options->reconstruction_loss));
    }
    return count;
}

/* One "name" or "name:weight", length bytes of text. */
static mcl_status parse_objective(mcl_objective *objective, const char *text, size_t length)
{
    char name[64];
    if (length >= sizeof name)
        return mcl_fail(MCL_ERROR_ARGUMENT, "unknown objective '%s'", text);
    memcpy(name, text, length);
    name[length] = '\0';
    char *colon = strchr(name, ':');
    float weight = 1.0f;
    if (colon) {
        char *end;
        weight = strtof(colon + 1, &end);
        if (end == colon + 1 || *end || !(weight > 0.0f) || !isfinite(weight))
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "the weight in '%s' is not a number above 0: write it as nt-xent:0.5", name);
        *colon = '\0';
    }
    size_t index;
    MCL_TRY(mcl_name_parse(&index, name, objective_names, MCL_OBJECTIVE_KINDS, "objective"));
    *objective = (mcl_objective){(mcl_objective_kind)index, weight};
    return MCL_OK;
}

mcl_status mcl_objectives_parse(
    mcl_objective objectives[MCL_OBJECTIVES_MAX], size_t *count, const char *text)
{
    mcl_objective parsed[MCL_OBJECTIVES_MAX];
    size_t used = 0;
    for (const char *part = text;; part++) {
        const size_t length = strcspn(part, "+");
        mcl_objective one;
        MCL_TRY(parse_objective(&one, part, length));
        for (size_t i = 0; i < used; i++) {
            if (parsed[i].kind == one.kind)
                return mcl_fail(MCL_ERROR_ARGUMENT, "the objective %s stands twice in '%s'",
                    mcl_objective_name(one.kind), text);
        }
        parsed[used++] = one; /* every kind at most once: there is room */
        part += length;
        if (!*part)
            break;
    }
    memcpy(objectives, parsed, used * sizeof *parsed);
    *count = used;
    return MCL_OK;
}

mcl_status mcl_train_check(const mcl_train_options *options)
{
    if (options->epochs == 0 || options->epochs > UINT32_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%" PRIu64 " epochs: from 1 to %" PRIu32 " are possible", options->epochs, UINT32_MAX);
    if (!(options->clip_norm >= 0.0 && options->clip_norm < INFINITY))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a norm of %g to clip the gradient at: it must be above 0, or 0 not to clip",
            options->clip_norm);
    if (!(options->ema >= 0.0 && options->ema < 1.0))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a decay of %g for the average of the weights: it must be in [0,1)", options->ema);
    return mcl_schedule_check(&options->schedule, options->epochs);
}

uint64_t mcl_batch_rows(uint64_t batch, uint64_t rows)
{
    const uint64_t limit = batch & ~MCL_BATCH_UP_TO(0);
    return limit == batch ? batch : limit < rows ? limit : rows;
}

mcl_status mcl_batch_check(uint32_t *batch, uint64_t wanted, uint64_t rows)
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

mcl_status mcl_layers_check(
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
        "layer normalization (--normalization layer of pretrain) works with one");
}

/* The options of the cosine objective's negatives, for batches of so many rows. */
static mcl_status check_negatives(const mcl_pretrain_options *options, uint32_t rows)
{
    if (options->negatives == 0)
        return MCL_OK;
    if (options->negatives >= rows)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%" PRIu32 " negatives a row in a batch of %" PRIu32 " rows: at most %" PRIu32
            " are other rows",
            options->negatives, rows, rows - 1);
    if ((uint64_t)rows * (1 + (uint64_t)options->negatives) > UINT32_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%" PRIu32 " negatives a row in a batch of %" PRIu32 " rows are too many pairs",
            options->negatives, rows);
    if (!(options->margin >= -1.0f && options->margin < 1.0f))
        return mcl_fail(MCL_ERROR_ARGUMENT, "a margin of %g: it is a cosine, from -1 to below 1",
            (double)options->margin);
    return MCL_OK;
}

/* Cross-entropy takes targets for probabilities. */
static mcl_status check_probabilities(const mcl_pretrain_options *options, const mcl_data *data)
{
    if (mcl_data_element(data) == MCL_ELEMENT_UINT8)
        return MCL_OK;
    if (options->views.brightness > 0.0f)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "the loss bce needs values from 0 to 1, and brightness makes them larger where the "
            "data are no bytes: leave it out, or use --reconstruction-loss mse");
    const float *values = mcl_data_values(data);
    const uint64_t columns = mcl_data_columns(data), count = mcl_data_rows(data) * columns;
    for (uint64_t i = 0; i < count; i++) {
        if (!(values[i] >= 0.0f && values[i] <= 1.0f))
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "the loss bce needs values from 0 to 1, and row %" PRIu64 ", column %" PRIu64
                " of the data is %g: use --reconstruction-loss mse",
                i / columns, i % columns, (double)values[i]);
    }
    return MCL_OK;
}

/* What is about altered elements needs views that have some. */
static mcl_status check_altered(const mcl_pretrain_options *options)
{
    const mcl_view_options *views = &options->views;
    const bool vime = mcl_has_objective(options, MCL_OBJECTIVE_VIME);
    if (vime && views->mask.kind == MCL_MASK_UNIFORM)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "vime tells which elements a view alters, and a uniform mask alters all: take another");
    if (views->mask.kind != MCL_MASK_NONE || views->corruption > 0.0f)
        return MCL_OK;
    if (vime)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "vime tells which elements a view alters, and these views alter none: add corruption "
            "or a mask to them");
    if (mcl_has_objective(options, MCL_OBJECTIVE_RECONSTRUCTION) &&
        options->reconstruct == MCL_RECONSTRUCT_HIDDEN)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "only hidden elements are to be reconstructed, and these views hide none: add a mask "
            "or corruption to them, or reconstruct all (--reconstruct all)");
    return MCL_OK;
}

/* A block mask of one patch hides all or nothing. */
static mcl_status check_patch(const uint32_t image[3], const mcl_mask *mask)
{
    if (mask->kind != MCL_MASK_BLOCK || mask->patch < image[0] || mask->patch < image[1])
        return MCL_OK;
    return mcl_fail(MCL_ERROR_ARGUMENT,
        "a patch of %" PRIu32 " pixels covers a whole image of %" PRIu32 " × %" PRIu32
        ": one view would have all of it and the other nothing",
        mask->patch, image[0], image[1]);
}

static bool compares_views(mcl_objective_kind kind)
{
    return kind != MCL_OBJECTIVE_RECONSTRUCTION && kind != MCL_OBJECTIVE_VIME;
}

/* What compares views needs two that differ, if only by what dropout leaves of them. */
static mcl_status check_different(const mcl_pretrain_options *options)
{
    char views[MCL_VIEW_OPTIONS_SIZE];
    mcl_view_options_show(views, &options->views);
    if (options->train.dropout > 0.0f || strcmp(views, "none") != 0)
        return MCL_OK;
    for (size_t i = 0; i < options->objective_count; i++) {
        if (compares_views(options->objectives[i].kind))
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "%s compares a row's two views, and these are the same: add something to --views, "
                "such as mask",
                mcl_objective_name(options->objectives[i].kind));
    }
    return MCL_OK;
}

static mcl_status check_decoder(const mcl_pretrain_options *options)
{
    if (!mcl_has_objective(options, MCL_OBJECTIVE_VIME) ||
        !mcl_has_objective(options, MCL_OBJECTIVE_RECONSTRUCTION))
        return MCL_OK;
    return mcl_fail(MCL_ERROR_ARGUMENT,
        "vime reconstructs rows too, and there is one decoder: leave reconstruction out");
}

static mcl_status check_projector(const mcl_pretrain_options *options)
{
    if (options->projector_count == 0)
        return MCL_OK;
    for (size_t i = 0; i < options->objective_count; i++) {
        if (compares_views(options->objectives[i].kind))
            return MCL_OK;
    }
    return mcl_fail(MCL_ERROR_ARGUMENT,
        "a projector is for objectives that compare views, and there is none: leave it out, or add "
        "an objective such as nt-xent");
}

static mcl_status check_predictor(const mcl_pretrain_options *options)
{
    const bool simsiam = mcl_has_objective(options, MCL_OBJECTIVE_SIMSIAM);
    const bool byol = mcl_has_objective(options, MCL_OBJECTIVE_BYOL);
    if (simsiam && byol)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "simsiam and byol would train one predictor for two things: leave one of them out");
    if ((simsiam || byol) && options->predictor_count == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s needs a predictor, without which every embedding becomes the same: add one, such "
            "as --predictor %" PRIu32,
            simsiam ? "simsiam" : "byol", options->embedding < 8 ? 2 : options->embedding / 4);
    if (!simsiam && !byol && options->predictor_count > 0)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a predictor is for the objectives simsiam and byol: leave it out, or add one of them");
    return MCL_OK;
}

/* Target networks. */
static mcl_status check_target(const mcl_pretrain_options *options)
{
    const bool needed = mcl_has_objective(options, MCL_OBJECTIVE_BYOL) ||
                        mcl_has_objective(options, MCL_OBJECTIVE_MOCO);
    if (!needed || (options->target_decay >= 0.0 && options->target_decay < 1.0))
        return MCL_OK;
    return mcl_fail(MCL_ERROR_ARGUMENT,
        "a decay of %g for the target network: it must be between 0 and 1, or 0 for the "
        "objective's own",
        options->target_decay);
}

static mcl_status check_temperature(const mcl_pretrain_options *options)
{
    const bool needed = mcl_has_objective(options, MCL_OBJECTIVE_NT_XENT) ||
                        mcl_has_objective(options, MCL_OBJECTIVE_SCARF) ||
                        mcl_has_objective(options, MCL_OBJECTIVE_MOCO);
    if (!needed || (options->temperature >= 0.0f && isfinite(options->temperature)))
        return MCL_OK;
    return mcl_fail(MCL_ERROR_ARGUMENT,
        "a temperature of %g: it must be above 0, or 0 for the objective's own",
        (double)options->temperature);
}

static mcl_status check_queue(const mcl_pretrain_options *options, uint32_t rows)
{
    if (!mcl_has_objective(options, MCL_OBJECTIVE_MOCO) || options->queue / 2 >= rows)
        return MCL_OK;
    return mcl_fail(MCL_ERROR_ARGUMENT,
        "a queue of %" PRIu32 " keys is too small for a batch of %" PRIu32
        " rows, whose views add %" PRIu64 " to it: make it larger (--queue), or the batch smaller",
        options->queue, rows, 2 * (uint64_t)rows);
}

/* Whether an objective means nothing in a batch of one row. */
static bool compares_rows(mcl_objective_kind kind)
{
    return kind == MCL_OBJECTIVE_NT_XENT || kind == MCL_OBJECTIVE_VICREG ||
           kind == MCL_OBJECTIVE_BARLOW || kind == MCL_OBJECTIVE_SCARF;
}

mcl_status mcl_pretrain_check(
    uint32_t *batch, const mcl_pretrain_options *options, const mcl_data *data)
{
    uint32_t image[3], rows = 0;
    if (mcl_data_columns(data) > UINT32_MAX)
        return mcl_fail(MCL_ERROR_DATA,
            "rows of %" PRIu64 " values: at most %" PRIu32 " can be used", mcl_data_columns(data),
            UINT32_MAX);
    MCL_TRY(mcl_train_check(&options->train));
    if (options->objective_count == 0 || options->objective_count > MCL_OBJECTIVES_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%zu objectives: from 1 to %d are possible",
            options->objective_count, MCL_OBJECTIVES_MAX);
    MCL_TRY(mcl_view_options_check(image, &options->views, data));
    MCL_TRY(check_patch(image, &options->views.mask));
    MCL_TRY(mcl_batch_check(&rows, options->train.batch, mcl_data_rows(data)));
    MCL_TRY(mcl_layers_check(
        options->normalization, options->train.dropout, options->hidden_count, rows));
    for (size_t i = 0; i < options->objective_count; i++) {
        const mcl_objective *objective = &options->objectives[i];
        if (!(objective->weight > 0.0f) || !isfinite(objective->weight))
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "a weight of %g for the objective %s: it must be "
                "above 0",
                objective->weight, mcl_objective_name(objective->kind));
        if (rows < 2 && compares_rows(objective->kind))
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "%s compares the rows of a batch: it needs at least 2 rows",
                mcl_objective_name(objective->kind));
    }
    MCL_TRY(check_altered(options));
    MCL_TRY(check_different(options));
    MCL_TRY(check_decoder(options));
    MCL_TRY(check_projector(options));
    MCL_TRY(check_predictor(options));
    MCL_TRY(check_target(options));
    MCL_TRY(check_temperature(options));
    MCL_TRY(check_queue(options, rows));
    if (mcl_has_objective(options, MCL_OBJECTIVE_COSINE))
        MCL_TRY(check_negatives(options, rows));
    if (mcl_has_objective(options, MCL_OBJECTIVE_RECONSTRUCTION) &&
        options->reconstruction_loss == MCL_RECONSTRUCTION_BCE)
        MCL_TRY(check_probabilities(options, data));
    *batch = rows;
    return MCL_OK;
}
