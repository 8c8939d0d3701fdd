/* SPDX-License-Identifier: Apache-2.0 */
/* Measuring kinds of features on the folds of a probe. */
#include "probe.h"

#include <inttypes.h>
#include <stdlib.h>

#include "metadata.h"

enum { TRAIN = MCL_FOLD_TRAIN, TEST = MCL_FOLD_TEST };

static const char *const titles[MCL_PROBED] = {
    [MCL_RAW_INPUTS] = "raw inputs",
    [MCL_UNTRAINED_ENCODER] = "untrained encoder",
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

/* *values = the features of every row: its embedding, or without a model the row itself. */
static mcl_exit features_of(
    float **values, const mcl_probe_run *probe, const mcl_model *model, const mcl_data *data)
{
    const uint64_t rows = mcl_data_rows(data);
    const uint64_t width = model ? probe->width : mcl_data_columns(data);
    mcl_exit code = mcl_allocate_values(values, rows, width);
    if (code != MCL_EXIT_DONE)
        return code;
    mcl_status status = model ? mcl_embed_layer(*values, probe->context, model, data, probe->layer)
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

/* Measures one kind of features; model is NULL for the rows themselves. */
static mcl_exit measure(mcl_probe_run *probe, mcl_probed kind, const mcl_model *model)
{
    float *train = NULL, *test = NULL;
    char note[64];
    probe->outcomes[kind].width = model ? probe->width : mcl_data_columns(probe->sets[TRAIN].data);
    snprintf(note, sizeof note, "probing %d of %d: %s", kind + 1, MCL_PROBED, titles[kind]);
    mcl_progress_note(&probe->progress, note);
    mcl_exit code = features_of(&train, probe, model, probe->sets[TRAIN].data);
    if (code == MCL_EXIT_DONE && probe->own_test)
        code = features_of(&test, probe, model, probe->sets[TEST].data);
    if (code == MCL_EXIT_DONE) {
        const float *const values[2] = {train, probe->own_test ? test : train};
        code = measure_features(probe, kind, values);
    }
    mcl_progress_clear(&probe->progress);
    free(train);
    free(test);
    return code;
}

mcl_exit mcl_probe_measure(mcl_probe_run *probe, const mcl_model *model, const char *model_path)
{
    mcl_model *untrained = NULL;
    uint64_t seed = 0;
    mcl_exit code = mcl_metadata_seed(&seed, model, model_path);
    if (code != MCL_EXIT_DONE)
        return code;
    code = mcl_find_layer(&probe->layer, &probe->width, model, probe->layer);
    if (code != MCL_EXIT_DONE)
        return code;
    mcl_status status = mcl_model_create(&untrained, mcl_model_architecture(model), seed);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    const mcl_model *const encoders[MCL_PROBED] = {NULL, untrained, model};
    for (mcl_probed kind = probe->first; kind < MCL_PROBED && code == MCL_EXIT_DONE; kind++)
        code = measure(probe, kind, encoders[kind]);
    mcl_model_free(untrained);
    return code;
}
