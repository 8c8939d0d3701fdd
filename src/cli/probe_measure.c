/* SPDX-License-Identifier: Apache-2.0 */
/* Measuring kinds of features on the folds of a probe. */
#include "probe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "maskcl/pretrain.h"
#include "metadata.h"

enum { TRAIN = MCL_FOLD_TRAIN, TEST = MCL_FOLD_TEST };

static const char *const titles[MCL_PROBED] = {
    [MCL_RAW_INPUTS] = "raw inputs",
    [MCL_UNTRAINED_ENCODER] = "untrained encoder",
    [MCL_HOG] = "HOG",
    [MCL_RANDOM_CONVOLUTIONS] = "random convolutions",
    [MCL_WHITENED_PATCHES] = "whitened patches",
    [MCL_THIS_ENCODER] = "this encoder",
};

const char *mcl_probed_title(mcl_probed kind)
{
    return titles[kind];
}

mcl_exit mcl_probe_lacks_memory(void)
{
    return mcl_complain(MCL_EXIT_FAILED, "the host has no memory left for the rows of the probe");
}

mcl_probed mcl_probed_after(const mcl_probe_run *probe, mcl_probed kind)
{
    return kind == MCL_UNTRAINED_ENCODER && !probe->settings->baselines ? MCL_THIS_ENCODER
                                                                        : kind + 1;
}

/* Whose features are an encoder's: the model, its layer, 0 being the embedding. */
struct source {
    mcl_probed kind;
    const mcl_model *model; /* NULL: they need none */
    uint32_t layer;
};

static mcl_exit width_of(uint64_t *width, const struct source *source, const mcl_data *data)
{
    uint32_t columns = 0;
    mcl_status status = MCL_OK;
    *width = mcl_data_columns(data);
    if (source->kind == MCL_HOG)
        status = mcl_hog_width(width, data);
    if (source->model) {
        status = mcl_layer_width(&columns, source->model, source->layer);
        *width = columns;
    }
    return status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
}

/* *values = the features of every row. */
static mcl_exit features_of(
    float **values, const mcl_probe_run *probe, const struct source *source, const mcl_data *data)
{
    const uint64_t rows = mcl_data_rows(data), width = probe->outcomes[source->kind].width;
    mcl_status status;
    mcl_exit code = mcl_allocate_values(values, rows, width);
    if (code != MCL_EXIT_DONE)
        return code;
    if (source->model)
        status = mcl_embed_layer(*values, probe->context, source->model, data, source->layer);
    else
        status = source->kind == MCL_HOG ? mcl_hog(*values, data)
                                         : mcl_data_floats(*values, data, 0, rows);
    return status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
}

/* Measures a fold; told gets what the linear probe says of its test rows. */
static mcl_status measure_fold(mcl_outcome *outcome, int32_t *told, const mcl_probe_run *probe,
    uint32_t k, const mcl_features features[2])
{
    const mcl_probe_settings *settings = probe->settings;
    const mcl_probe_options options = {.strength = (double)settings->strength,
        .balanced = settings->balanced,
        .seed = settings->seed};
    mcl_probe_result result;
    mcl_scores scores;
    mcl_status status = mcl_probe_with(
        &result, told, NULL, probe->context, &features[TRAIN], &features[TEST], &options);
    if (status == MCL_OK)
        status = mcl_scores_of(&scores, features[TEST].labels, told, features[TEST].rows);
    if (status != MCL_OK)
        return status;
    outcome->accuracy[k] = scores.accuracy;
    outcome->balanced[k] = scores.balanced_accuracy;
    outcome->f1[k] = scores.macro_f1;
    outcome->nearest[k] = result.knn_accuracy;
    outcome->strength = result.strength;
    outcome->objective = result.objective;
    outcome->iterations += result.iterations;
    outcome->converged = outcome->converged && result.converged;
    outcome->seconds += result.seconds;
    outcome->linear_seconds += result.linear_seconds;
    return MCL_OK;
}

/* The same of numbers. */
static mcl_status measure_numbers(mcl_outcome *outcome, double *told, const mcl_probe_run *probe,
    uint32_t k, const mcl_features features[2])
{
    const mcl_fold *fold = &probe->folds[k];
    const mcl_probe_options options = {
        .strength = (double)probe->settings->strength, .seed = probe->settings->seed};
    mcl_ridge_result result;
    const mcl_status status = mcl_probe_ridge(&result, told, &features[TRAIN], fold->targets[TRAIN],
        &features[TEST], fold->targets[TEST], &options);
    if (status != MCL_OK)
        return status;
    outcome->r2[k] = result.r2;
    outcome->rmse[k] = result.rmse;
    outcome->strength = result.strength;
    outcome->seconds += result.seconds;
    return MCL_OK;
}

/* Measures fold k; tested: the rows that are tested in those before it. */
static mcl_status measure_one(mcl_outcome *outcome, const mcl_probe_run *probe, uint32_t k,
    uint64_t tested, const mcl_features features[2])
{
    if (probe->regression)
        return measure_numbers(outcome, outcome->told_numbers + tested, probe, k, features);
    if (probe->settings->labels_per_class)
        return mcl_probe_few(&outcome->few, probe->context, &features[TRAIN], &features[TEST],
            probe->settings->labels_per_class);
    return measure_fold(outcome, outcome->told + tested, probe, k, features);
}

/* Measures features, values[2] being those of all rows of the sets. */
static mcl_exit measure_features(
    mcl_probe_run *probe, mcl_probed kind, const float *const values[2])
{
    mcl_outcome *outcome = &probe->outcomes[kind];
    const bool few = probe->settings->labels_per_class != 0;
    mcl_status status = MCL_OK;
    uint64_t tested = 0;
    outcome->told = calloc((size_t)probe->tested + 1, sizeof *outcome->told);
    outcome->told_numbers = calloc((size_t)probe->tested + 1, sizeof *outcome->told_numbers);
    if (!outcome->told || !outcome->told_numbers)
        return mcl_probe_lacks_memory();
    outcome->converged = true;
    for (uint32_t k = 0; k < probe->fold_count && status == MCL_OK; k++) {
        const mcl_fold *fold = &probe->folds[k];
        const mcl_features features[2] = {
            mcl_fold_features(fold, TRAIN, values[TRAIN], outcome->width),
            mcl_fold_features(fold, TEST, values[TEST], outcome->width)};
        status = measure_one(outcome, probe, k, tested, features);
        tested += fold->rows[TEST];
    }
    mcl_progress_clear(&probe->progress);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    if (!(few ? outcome->few.converged : outcome->converged))
        mcl_warn("the linear probe of %s had not converged after %" PRIu32 " iterations",
            titles[kind], few ? outcome->few.iterations : outcome->iterations);
    return MCL_EXIT_DONE;
}

/* Says which of the kinds is being measured. */
static void note_kind(mcl_probe_run *probe, mcl_probed kind)
{
    const int left_out = probe->settings->baselines ? 0 : MCL_THIS_ENCODER - MCL_HOG;
    const int number = (int)kind + 1 - (kind == MCL_THIS_ENCODER ? left_out : 0);
    char note[64];
    snprintf(
        note, sizeof note, "probing %d of %d: %s", number, MCL_PROBED - left_out, titles[kind]);
    mcl_progress_note(&probe->progress, note);
}

/* Measures one kind of features. */
static mcl_exit measure(mcl_probe_run *probe, const struct source *source)
{
    float *train = NULL, *test = NULL;
    mcl_outcome *outcome = &probe->outcomes[source->kind];
    const double start = mcl_seconds();
    mcl_exit code = width_of(&outcome->width, source, probe->sets[TRAIN].data);
    if (code == MCL_EXIT_DONE)
        code = features_of(&train, probe, source, probe->sets[TRAIN].data);
    if (code == MCL_EXIT_DONE && probe->own_test)
        code = features_of(&test, probe, source, probe->sets[TEST].data);
    outcome->made_in += mcl_seconds() - start;
    if (code == MCL_EXIT_DONE) {
        const float *const values[2] = {train, probe->own_test ? test : train};
        code = measure_features(probe, source->kind, values);
    }
    mcl_progress_clear(&probe->progress);
    free(train);
    free(test);
    return code;
}

/* *model = an encoder without training whose embeddings are about as wide as the model's. */
static mcl_status make_baseline(
    mcl_model **model, const mcl_probe_run *probe, mcl_probed kind, uint64_t seed)
{
    const uint32_t channels = probe->width / 9 > 8 ? (probe->width + 8) / 9 : 8;
    const bool random = kind == MCL_RANDOM_CONVOLUTIONS;
    mcl_pretrain_options options;
    char encoder[80];
    snprintf(encoder, sizeof encoder,
        random ? "conv:64x5/2,conv:%" PRIu32 "x3/2,pool:grid:3"
               : "patches:%" PRIu32 "x6,pool:grid:3",
        channels);
    mcl_status status = mcl_pretrain_options_init(&options);
    if (status == MCL_OK)
        status = mcl_recipe_apply(&options, "patches");
    if (status == MCL_OK)
        status = mcl_options_set(&options.base, "encoder", encoder);
    options.filters.kind = random ? MCL_FILTERS_RANDOM : MCL_FILTERS_PATCHES;
    options.train.seed = seed;
    return status == MCL_OK ? mcl_pretrain(model, probe->context, probe->sets[TRAIN].data, &options)
                            : status;
}

static mcl_exit measure_baseline(mcl_probe_run *probe, mcl_probed kind, uint64_t seed)
{
    mcl_model *model = NULL;
    const double start = mcl_seconds();
    const mcl_status status = kind == MCL_HOG ? MCL_OK : make_baseline(&model, probe, kind, seed);
    probe->outcomes[kind].made_in = mcl_seconds() - start;
    const struct source source = {kind, model, 0};
    const mcl_exit code = status == MCL_OK ? measure(probe, &source) : mcl_complain_status(status);
    mcl_model_free(model);
    return code;
}

static mcl_exit measure_kinds(
    mcl_probe_run *probe, const mcl_model *untrained, const mcl_model *model, uint64_t seed)
{
    mcl_exit code = MCL_EXIT_DONE;
    for (mcl_probed kind = probe->first; kind < MCL_PROBED && code == MCL_EXIT_DONE;
         kind = mcl_probed_after(probe, kind)) {
        const struct source source = {kind,
            kind == MCL_THIS_ENCODER        ? model
            : kind == MCL_UNTRAINED_ENCODER ? untrained
                                            : NULL,
            probe->layer};
        note_kind(probe, kind);
        code = kind >= MCL_HOG && kind < MCL_THIS_ENCODER ? measure_baseline(probe, kind, seed)
                                                          : measure(probe, &source);
    }
    return code;
}

mcl_exit mcl_probe_measure(mcl_probe_run *probe, const mcl_model *model, const char *model_path)
{
    mcl_model *untrained = NULL;
    uint64_t seed = 0, width;
    mcl_exit code = mcl_metadata_seed(&seed, model, model_path);
    if (code != MCL_EXIT_DONE)
        return code;
    code = mcl_find_layer(&probe->layer, &probe->width, model, probe->layer);
    if (code != MCL_EXIT_DONE)
        return code;
    if (probe->settings->baselines && mcl_hog_width(&width, probe->sets[TRAIN].data) != MCL_OK)
        return mcl_complain(MCL_EXIT_FAILED, "--baselines: %s", mcl_error_message());
    const mcl_status status = mcl_model_create(&untrained, mcl_model_architecture(model), seed);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    code = measure_kinds(probe, untrained, model, seed);
    mcl_model_free(untrained);
    return code;
}
