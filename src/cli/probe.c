/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl probe: how well embeddings tell classes apart, beside raw inputs and an untrained encoder.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "data_options.h"
#include "device_options.h"
#include "files.h"
#include "held_out.h"
#include "json.h"
#include "maskcl/evaluate.h"
#include "metadata.h"
#include "progress.h"

#define FOLDS_MOST 100    /* of --cv */
#define CONFUSED_MOST 256 /* classes that a table of confusions is made of */

struct settings {
    mcl_device_settings device;
    mcl_data_options data;
    uint64_t labels_per_class; /* 0: all */
    uint32_t layer;            /* 0: the embedding */
    uint32_t folds;            /* 0: no cross-validation */
    float strength;            /* 0: chosen */
    bool balanced;
    uint64_t seed;
    bool encoder_only;
    bool confusion;
    bool json;
};

enum features { RAW_INPUTS, UNTRAINED_ENCODER, THIS_ENCODER, FEATURES };

static const char *const titles[FEATURES] = {
    [RAW_INPUTS] = "raw inputs",
    [UNTRAINED_ENCODER] = "untrained encoder",
    [THIS_ENCODER] = "this encoder",
};

static const char *const names[FEATURES] = {
    [RAW_INPUTS] = "raw",
    [UNTRAINED_ENCODER] = "untrained",
    [THIS_ENCODER] = "encoder",
};

/* What one kind of features came to. */
struct outcome {
    uint64_t width;
    double accuracy[FOLDS_MOST], balanced[FOLDS_MOST], f1[FOLDS_MOST], nearest[FOLDS_MOST];
    double strength; /* of the last fold */
    uint32_t iterations;
    bool converged;
    double seconds, linear_seconds, objective;
    int32_t *told; /* [tested] by the linear probe, the folds' test rows one after another */
    mcl_few_result few;
};

enum { TRAIN = MCL_FOLD_TRAIN, TEST = MCL_FOLD_TEST };

struct probe {
    const struct settings *settings;
    mcl_context *context;
    mcl_progress progress;
    mcl_labelled sets[2];  /* training rows and test rows; without the latter both are the former */
    bool own_test;         /* there are files of test rows */
    uint32_t layer, width; /* of the encoders */
    enum features first;   /* the kinds before it are not measured */
    uint32_t fold_count;
    mcl_fold folds[FOLDS_MOST];
    uint64_t tested;
    int32_t *labels; /* [tested] */
    struct outcome outcomes[FEATURES];
};

static mcl_exit lack_memory(void)
{
    return mcl_complain(MCL_EXIT_FAILED, "the host has no memory left for the rows of the probe");
}

/* Divides the rows of one set in folds, of which one or all are tested in turn. */
static mcl_exit divide(struct probe *probe, uint32_t folds)
{
    mcl_labelled *set = &probe->sets[TRAIN];
    const uint64_t rows = mcl_data_rows(set->data);
    uint32_t *of = malloc((size_t)rows * sizeof *of + 1);
    if (!of)
        return lack_memory();
    const mcl_status status = mcl_folds(of, set->labels, rows, folds, probe->settings->seed);
    mcl_exit code = status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
    for (uint32_t k = 0; k < probe->fold_count && code == MCL_EXIT_DONE; k++) {
        code = mcl_fold_take(&probe->folds[k], TRAIN, set, of, k);
        if (code == MCL_EXIT_DONE)
            code = mcl_fold_take(&probe->folds[k], TEST, set, of, k);
        if (code == MCL_EXIT_DONE &&
            (probe->folds[k].rows[TRAIN] == 0 || probe->folds[k].rows[TEST] == 0))
            code = mcl_complain(MCL_EXIT_FAILED,
                "there are too few rows with labels to divide them in %" PRIu32 " parts", folds);
    }
    free(of);
    return code;
}

static mcl_exit make_folds(struct probe *probe)
{
    const uint32_t folds = probe->settings->folds;
    mcl_exit code;
    probe->fold_count = folds ? folds : 1;
    if (probe->own_test) {
        code = mcl_fold_take(&probe->folds[0], TRAIN, &probe->sets[TRAIN], NULL, 0);
        if (code == MCL_EXIT_DONE)
            code = mcl_fold_take(&probe->folds[0], TEST, &probe->sets[TEST], NULL, 0);
    } else {
        code = divide(probe, folds ? folds : MCL_HELD_OUT_PARTS);
    }
    for (uint32_t k = 0; k < probe->fold_count; k++)
        probe->tested += probe->folds[k].rows[TEST];
    probe->labels = calloc((size_t)probe->tested + 1, sizeof *probe->labels);
    if (code == MCL_EXIT_DONE && !probe->labels)
        return lack_memory();
    for (uint32_t k = 0, at = 0; k < probe->fold_count && code == MCL_EXIT_DONE; k++) {
        for (uint64_t i = 0; i < probe->folds[k].rows[TEST]; i++)
            probe->labels[at++] = probe->folds[k].labels[TEST][i];
    }
    return code;
}

static void free_folds(struct probe *probe)
{
    for (uint32_t k = 0; k < FOLDS_MOST; k++)
        mcl_fold_free(&probe->folds[k]);
    for (int kind = 0; kind < FEATURES; kind++)
        free(probe->outcomes[kind].told);
    free(probe->labels);
}

/* *values = the features of every row: its embedding, or without a model the row itself. */
static mcl_exit features_of(
    float **values, const struct probe *probe, const mcl_model *model, const mcl_data *data)
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
static mcl_status measure_fold(struct outcome *outcome, int32_t *told, const struct probe *probe,
    uint32_t k, const mcl_features features[2])
{
    const struct settings *settings = probe->settings;
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

/* Measures features, values[2] being those of all rows of the sets. */
static mcl_exit measure_features(
    struct probe *probe, enum features kind, const float *const values[2])
{
    struct outcome *outcome = &probe->outcomes[kind];
    const bool few = probe->settings->labels_per_class != 0;
    mcl_status status = MCL_OK;
    outcome->told = calloc((size_t)probe->tested + 1, sizeof *outcome->told);
    if (!outcome->told)
        return lack_memory();
    outcome->converged = true;
    int32_t *told = outcome->told;
    for (uint32_t k = 0; k < probe->fold_count && status == MCL_OK; k++) {
        const mcl_fold *fold = &probe->folds[k];
        const mcl_features features[2] = {
            mcl_fold_features(fold, TRAIN, values[TRAIN], outcome->width),
            mcl_fold_features(fold, TEST, values[TEST], outcome->width)};
        status = few ? mcl_probe_few(&outcome->few, probe->context, &features[TRAIN],
                           &features[TEST], probe->settings->labels_per_class)
                     : measure_fold(outcome, told, probe, k, features);
        told += fold->rows[TEST];
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
static mcl_exit measure(struct probe *probe, enum features kind, const mcl_model *model)
{
    float *train = NULL, *test = NULL;
    char note[64];
    probe->outcomes[kind].width = model ? probe->width : mcl_data_columns(probe->sets[TRAIN].data);
    snprintf(note, sizeof note, "probing %d of %d: %s", kind + 1, FEATURES, titles[kind]);
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

static mcl_exit measure_all(struct probe *probe, const mcl_model *model, const char *model_path)
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
    const mcl_model *const encoders[FEATURES] = {NULL, untrained, model};
    for (enum features kind = probe->first; kind < FEATURES && code == MCL_EXIT_DONE; kind++)
        code = measure(probe, kind, encoders[kind]);
    mcl_model_free(untrained);
    return code;
}

/* "78.04 ± 0.75", in percent. */
static const char *show_mean(char text[32], mcl_mean accuracy)
{
    snprintf(text, 32, "%.2f ± %.2f%%", 100 * accuracy.mean, 100 * accuracy.deviation);
    return text;
}

static void print_table(const struct probe *probe)
{
    mcl_print("%-17s  %7s  %12s  %8s  %8s  %7s  %8s  %10s  %7s\n", "features", "width",
        "linear probe", "balanced", "macro-F1", "20-NN", "strength", "iterations", "seconds");
    for (enum features i = probe->first; i < FEATURES; i++) {
        const struct outcome *o = &probe->outcomes[i];
        mcl_print("%-17s  %7" PRIu64 "  %11.2f%%  %7.2f%%  %7.2f%%  %6.2f%%  %8g  %10" PRIu32
                  "  %7.1f%s\n",
            titles[i], o->width, 100 * o->accuracy[0], 100 * o->balanced[0], 100 * o->f1[0],
            100 * o->nearest[0], o->strength, o->iterations, o->seconds,
            o->converged ? "" : "  not converged");
    }
    if (!probe->own_test)
        mcl_print("measured on a held-out fifth, %" PRIu64 " of %" PRIu64 " labelled rows\n",
            probe->tested, probe->tested + probe->folds[0].rows[TRAIN]);
}

static const char *show_folds(char text[32], const struct probe *probe, const double *values)
{
    return show_mean(text, mcl_mean_of(values, probe->fold_count));
}

static void print_cv_table(const struct probe *probe)
{
    mcl_print("%-17s  %7s  %15s  %15s  %15s  %15s  %7s\n", "features", "width", "linear probe",
        "balanced", "macro-F1", "20-NN", "seconds");
    for (enum features i = probe->first; i < FEATURES; i++) {
        const struct outcome *o = &probe->outcomes[i];
        char linear[32], balanced[32], f1[32], nearest[32];
        mcl_print("%-17s  %7" PRIu64 "  %16s  %16s  %16s  %16s  %7.1f%s\n", titles[i], o->width,
            show_folds(linear, probe, o->accuracy), show_folds(balanced, probe, o->balanced),
            show_folds(f1, probe, o->f1), show_folds(nearest, probe, o->nearest), o->seconds,
            o->converged ? "" : "  not converged");
    }
    mcl_print("mean and standard deviation of %" PRIu32 " folds of %" PRIu64 " labelled rows\n",
        probe->fold_count, probe->tested);
}

/* The sign ± is two bytes wide and one column. */
static void print_few_table(const struct probe *probe)
{
    mcl_print(
        "%-17s  %7s  %15s  %15s  %7s\n", "features", "width", "linear probe", "20-NN", "seconds");
    for (enum features i = probe->first; i < FEATURES; i++) {
        const mcl_few_result *result = &probe->outcomes[i].few;
        char linear[32], nearest[32];
        mcl_print("%-17s  %7" PRIu64 "  %16s  %16s  %7.1f%s\n", titles[i], probe->outcomes[i].width,
            show_mean(linear, result->linear_accuracy), show_mean(nearest, result->knn_accuracy),
            result->seconds, result->converged ? "" : "  not converged");
    }
    mcl_print("mean and standard deviation of %d draws of %" PRIu64 " labelled rows, %" PRIu64
              " a class\n",
        MCL_FEW_DRAWS, probe->outcomes[probe->first].few.rows, probe->settings->labels_per_class);
}

/* How much more of the test rows the encoder's linear probe tells right than that of other
 * features, and the standard error of that: over the same test rows, or draws. */
static mcl_mean find_gain(const struct probe *probe, enum features other)
{
    const struct outcome *encoder = &probe->outcomes[THIS_ENCODER];
    const struct outcome *than = &probe->outcomes[other];
    double gains[MCL_FEW_DRAWS];
    if (!probe->settings->labels_per_class)
        return mcl_gain_of(encoder->told, than->told, probe->labels, probe->tested);
    for (int i = 0; i < MCL_FEW_DRAWS; i++)
        gains[i] = encoder->few.linear_draws[i] - than->few.linear_draws[i];
    return mcl_gain_from(gains, MCL_FEW_DRAWS);
}

static void say_gain(char *text, size_t size, mcl_mean gain, enum features other)
{
    mcl_say_gain(text, size, gain, titles[THIS_ENCODER], titles[other]);
}

static void print_verdict(const struct probe *probe)
{
    for (enum features other = probe->first; other < THIS_ENCODER; other++) {
        char text[256];
        say_gain(text, sizeof text, find_gain(probe, other), other);
        mcl_print("%s\n", text);
    }
}

/* The classes of training rows and test rows together; numbers is freed with free(). */
static mcl_exit find_classes(int32_t **numbers, uint64_t *count, const struct probe *probe)
{
    int32_t *tested;
    uint64_t more, used = 0;
    mcl_exit code = mcl_distinct_labels(numbers, count, &probe->sets[TRAIN]);
    if (code != MCL_EXIT_DONE || !probe->own_test)
        return code;
    code = mcl_distinct_labels(&tested, &more, &probe->sets[TEST]);
    if (code != MCL_EXIT_DONE)
        return code;
    int32_t *both = malloc((size_t)(*count + more) * sizeof *both + 1);
    if (!both)
        code = lack_memory();
    for (uint64_t i = 0, k = 0; both && (i < *count || k < more);) {
        const int32_t a = i < *count ? (*numbers)[i] : INT32_MAX;
        const int32_t b = k < more ? tested[k] : INT32_MAX;
        both[used++] = a < b ? a : b;
        i += i < *count && a <= b;
        k += k < more && b <= a;
    }
    free(*numbers);
    free(tested);
    *numbers = both;
    *count = used;
    return code;
}

static size_t place_of(int32_t label, const int32_t *numbers, uint64_t count)
{
    size_t place = 0;
    while (place + 1 < count && numbers[place] != label)
        place++;
    return place;
}

/* counts[classes×classes] of the rows of a class, and below it of the class that they are told to
 * be of. */
static uint64_t *confusion(
    const struct probe *probe, const struct outcome *outcome, const int32_t *numbers, uint64_t n)
{
    uint64_t *counts = calloc((size_t)(n * n) + 1, sizeof *counts);
    for (uint64_t i = 0; counts && i < probe->tested; i++)
        counts[place_of(probe->labels[i], numbers, n) * n +
               place_of(outcome->told[i], numbers, n)]++;
    return counts;
}

static mcl_exit print_confusion(const struct probe *probe)
{
    const struct outcome *outcome = &probe->outcomes[THIS_ENCODER];
    const mcl_data *data = probe->sets[TRAIN].data;
    char name[MCL_CLASS_SIZE];
    int32_t *numbers = NULL;
    uint64_t n = 0;
    const mcl_exit code = find_classes(&numbers, &n, probe);
    if (code != MCL_EXIT_DONE)
        return code;
    uint64_t *counts = n <= CONFUSED_MOST ? confusion(probe, outcome, numbers, n) : NULL;
    if (counts) {
        mcl_print("\nthis encoder's linear probe: rows of a class, by the class that it tells\n");
        mcl_print("%-17s", "class");
        for (uint64_t c = 0; c < n; c++)
            mcl_print("  %8.8s", mcl_class_name(name, data, numbers[c]));
        for (uint64_t r = 0; r < n; r++) {
            mcl_print("\n%-17.17s", mcl_class_name(name, data, numbers[r]));
            for (uint64_t c = 0; c < n; c++)
                mcl_print("  %8" PRIu64, counts[r * n + c]);
        }
        mcl_print("\n");
    } else {
        mcl_warn("--confusion: a table of %" PRIu64 " classes is too large: none is printed", n);
    }
    free(counts);
    free(numbers);
    return MCL_EXIT_DONE;
}

static void add_measure(
    cJSON *entry, const struct probe *probe, const char *name, const double *values)
{
    const mcl_mean mean = mcl_mean_of(values, probe->fold_count);
    char text[40];
    snprintf(text, sizeof text, "%s_accuracy", name);
    if (strcmp(name, "macro_f1") == 0)
        snprintf(text, sizeof text, "%s", name);
    mcl_json_number(entry, text, mean.mean);
    snprintf(text, sizeof text, "%s_deviation", name);
    if (probe->fold_count > 1)
        mcl_json_number(entry, text, mean.deviation);
}

static void add_result(cJSON *entry, const struct probe *probe, const struct outcome *outcome,
    const int32_t *numbers, uint64_t n)
{
    add_measure(entry, probe, "linear", outcome->accuracy);
    add_measure(entry, probe, "balanced", outcome->balanced);
    add_measure(entry, probe, "macro_f1", outcome->f1);
    add_measure(entry, probe, "knn", outcome->nearest);
    mcl_json_number(entry, "strength", outcome->strength);
    mcl_json_number(entry, "iterations", outcome->iterations);
    mcl_json_bool(entry, "converged", outcome->converged);
    mcl_json_number(entry, "seconds", outcome->seconds);
    mcl_json_number(entry, "linear_seconds", outcome->linear_seconds);
    mcl_json_number(entry, "objective", outcome->objective);
    uint64_t *counts = n <= CONFUSED_MOST ? confusion(probe, outcome, numbers, n) : NULL;
    if (!counts)
        return;
    cJSON *rows = mcl_json_array_in(entry, "confusion");
    for (uint64_t r = 0; r < n; r++) {
        cJSON *row = cJSON_CreateArray();
        for (uint64_t c = 0; c < n; c++)
            mcl_json_number_at(row, (double)counts[r * n + c]);
        if (!cJSON_AddItemToArray(rows, row))
            cJSON_Delete(row);
    }
    free(counts);
}

static void add_few_result(cJSON *entry, const mcl_few_result *result)
{
    mcl_json_number(entry, "linear_accuracy", result->linear_accuracy.mean);
    mcl_json_number(entry, "linear_deviation", result->linear_accuracy.deviation);
    mcl_json_number(entry, "knn_accuracy", result->knn_accuracy.mean);
    mcl_json_number(entry, "knn_deviation", result->knn_accuracy.deviation);
    mcl_json_number(entry, "iterations", result->iterations);
    mcl_json_bool(entry, "converged", result->converged);
    mcl_json_number(entry, "seconds", result->seconds);
    mcl_json_number(entry, "linear_seconds", result->linear_seconds);
}

static void add_verdict(cJSON *root, const struct probe *probe)
{
    cJSON *verdict = mcl_json_array_in(root, "verdict");
    for (enum features other = probe->first; other < THIS_ENCODER; other++) {
        const mcl_mean gain = find_gain(probe, other);
        char text[256];
        cJSON *entry = mcl_json_object_at(verdict);
        say_gain(text, sizeof text, gain, other);
        mcl_json_text(entry, "than", names[other]);
        mcl_json_number(entry, "difference", gain.mean);
        mcl_json_number(entry, "standard_error", gain.deviation);
        mcl_json_text(entry, "text", text);
    }
}

static mcl_exit print_json(const struct probe *probe)
{
    const uint64_t few = probe->settings->labels_per_class;
    int32_t *numbers = NULL;
    uint64_t n = 0;
    const mcl_exit code = find_classes(&numbers, &n, probe);
    if (code != MCL_EXIT_DONE)
        return code;
    cJSON *root = mcl_json_object();
    if (probe->fold_count > 1) {
        mcl_json_number(root, "folds", probe->fold_count);
        mcl_json_number(root, "rows", (double)probe->tested);
    } else {
        mcl_json_number(root, "train_rows", (double)probe->folds[0].rows[TRAIN]);
        mcl_json_number(root, "test_rows", (double)probe->tested);
    }
    if (few) {
        mcl_json_number(root, "labels_per_class", (double)few);
        mcl_json_number(root, "labelled_rows", (double)probe->outcomes[probe->first].few.rows);
        mcl_json_number(root, "draws", MCL_FEW_DRAWS);
    }
    mcl_json_text(root, "device", mcl_context_device(probe->context)->name);
    cJSON *classes = mcl_json_array_in(root, "classes");
    for (uint64_t i = 0; i < n && n <= CONFUSED_MOST; i++) {
        char name[MCL_CLASS_SIZE];
        mcl_json_text_at(classes, mcl_class_name(name, probe->sets[TRAIN].data, numbers[i]));
    }
    cJSON *results = mcl_json_array_in(root, "results");
    for (enum features i = probe->first; i < FEATURES; i++) {
        cJSON *entry = mcl_json_object_at(results);
        mcl_json_text(entry, "features", names[i]);
        mcl_json_number(entry, "width", (double)probe->outcomes[i].width);
        if (few)
            add_few_result(entry, &probe->outcomes[i].few);
        else
            add_result(entry, probe, &probe->outcomes[i], numbers, n);
    }
    add_verdict(root, probe);
    free(numbers);
    return mcl_json_print(root);
}

static mcl_exit print_text(const struct probe *probe)
{
    const struct settings *settings = probe->settings;
    if (settings->labels_per_class)
        print_few_table(probe);
    else if (settings->folds)
        print_cv_table(probe);
    else
        print_table(probe);
    print_verdict(probe);
    return settings->confusion ? print_confusion(probe) : MCL_EXIT_DONE;
}

/* The test rows; their classes are numbered as the training rows' are. */
static mcl_exit load_test(struct probe *probe, const char *path, const char *labels,
    const char *model_path, const mcl_model *model)
{
    mcl_data_options options = probe->settings->data;
    options.like = probe->sets[TRAIN].data;
    probe->own_test = true;
    if (probe->settings->folds)
        return mcl_complain(MCL_EXIT_USAGE,
            "--cv: the rows are tested fold by fold, and there are test rows (%s): give one of the "
            "two",
            path);
    mcl_exit code = mcl_load_labelled(&probe->sets[TEST], path, labels, &options, model);
    if (code == MCL_EXIT_DONE)
        code = mcl_check_rows(model, model_path, probe->sets[TEST].data, path);
    if (code == MCL_EXIT_DONE)
        code = mcl_warn_of_unseen(&probe->sets[TRAIN], &probe->sets[TEST], labels ? labels : path);
    return code;
}

/* MODEL and DATA; then TEST where DATA bring their labels, or LABELS, TEST and TEST_LABELS. */
static mcl_exit load(
    struct probe *probe, const mcl_model *model, const char *const *paths, size_t count)
{
    const mcl_data_options *options = &probe->settings->data;
    mcl_labelled *train = &probe->sets[TRAIN];
    mcl_exit code = mcl_load_data(&train->data, paths[1], options, model);
    if (code != MCL_EXIT_DONE)
        return code;
    const bool brings = count == 3 && mcl_data_labels(train->data);
    const char *labels = count > 2 && !brings ? paths[2] : NULL;
    train->labels = mcl_data_labels(train->data);
    if (labels)
        code = mcl_add_labels(train, labels, options);
    else if (!train->labels)
        code = mcl_complain(MCL_EXIT_FAILED,
            "%s: the rows have no labels: name their column with --label, or their file after the "
            "rows",
            paths[1]);
    if (code == MCL_EXIT_DONE)
        code = mcl_check_classes(train, labels ? labels : paths[1]);
    if (code == MCL_EXIT_DONE)
        code = mcl_check_rows(model, paths[0], train->data, paths[1]);
    if (code == MCL_EXIT_DONE && !labels)
        mcl_warn_of_new_classes(train->data, paths[1], options->label);
    if (code == MCL_EXIT_DONE && count == 5)
        code = load_test(probe, paths[3], paths[4], paths[0], model);
    else if (code == MCL_EXIT_DONE && brings)
        code = load_test(probe, paths[2], NULL, paths[0], model);
    return code == MCL_EXIT_DONE ? make_folds(probe) : code;
}

static mcl_exit check_settings(const struct settings *settings, const mcl_arguments *arguments)
{
    if (arguments->operand_count == 4)
        return mcl_complain(MCL_EXIT_USAGE,
            "probe needs TEST_LABELS, the classes of TEST: see 'maskcl help probe'");
    if (settings->labels_per_class &&
        (settings->folds || settings->strength > 0 || settings->confusion || settings->balanced))
        return mcl_complain(MCL_EXIT_USAGE,
            "--labels-per-class: it goes without --cv, --strength, --class-weights and "
            "--confusion");
    return MCL_EXIT_DONE;
}

static mcl_exit run_probe(struct probe *probe, const mcl_arguments *arguments)
{
    const char *const *paths = arguments->operands;
    mcl_model *model = NULL;
    mcl_exit code = mcl_load_model(&model, paths[0]);
    if (code == MCL_EXIT_DONE)
        code = load(probe, model, paths, arguments->operand_count);
    if (code == MCL_EXIT_DONE)
        code = mcl_open_device(&probe->context, &probe->settings->device);
    if (code == MCL_EXIT_DONE)
        code = measure_all(probe, model, paths[0]);
    if (code == MCL_EXIT_DONE)
        code = probe->settings->json ? print_json(probe) : print_text(probe);
    mcl_context_close(probe->context);
    free_folds(probe);
    mcl_free_labelled(&probe->sets[TRAIN]);
    mcl_free_labelled(&probe->sets[TEST]);
    mcl_model_free(model);
    return code;
}

static mcl_exit run(void *given, const mcl_arguments *arguments)
{
    const struct settings *settings = given;
    const mcl_exit code = check_settings(settings, arguments);
    struct probe *probe = calloc(1, sizeof *probe);
    if (code != MCL_EXIT_DONE || !probe) {
        free(probe);
        return code != MCL_EXIT_DONE ? code : lack_memory();
    }
    probe->settings = settings;
    probe->progress = mcl_progress_start(settings->device.quiet);
    probe->first = settings->encoder_only ? THIS_ENCODER : RAW_INPUTS;
    probe->layer = settings->layer;
    const mcl_exit ended = run_probe(probe, arguments);
    free(probe);
    return ended;
}

static mcl_exit parse_weights(void *field, const char *text, const mcl_option *option)
{
    bool *balanced = field;
    *balanced = strcmp(text, "balanced") == 0;
    if (*balanced || strcmp(text, "none") == 0)
        return MCL_EXIT_DONE;
    return mcl_complain(
        MCL_EXIT_USAGE, "--%s: '%s' is neither balanced nor none", option->name, text);
}

static const mcl_option_type type_weights = {parse_weights, NULL};

static const mcl_range above_0 = {
    .minimum = 0, .maximum = 1e30, .without_minimum = true, .words = "above 0"};

static const mcl_option options[] = {
    MCL_LAYER_OPTION(struct settings, layer),
    MCL_DEVICE_OPTIONS(struct settings, device),
    {.name = "labels-per-class",
        .argument = "N",
        .group = "Probe",
        .help =
            "learn from N labelled rows of each class alone, drawn at random five times: prints "
            "the mean and the standard deviation of the five. The regression's L2 penalty is "
            "then columns / (10 * labelled rows)",
        .type = &mcl_option_whole,
        .offset = offsetof(struct settings, labels_per_class),
        .least = 1,
        .without = "all rows"},
    {.name = "cv",
        .argument = "K",
        .group = "Probe",
        .help = "test each of K parts of DATA with a probe of the others, classes spread evenly: "
                "prints mean and standard deviation. The inputs are prepared as the model has it, "
                "which may have seen the rows that are tested, without their labels",
        .type = &mcl_option_whole32,
        .offset = offsetof(struct settings, folds),
        .least = 2,
        .most = FOLDS_MOST,
        .without = "without TEST, a fifth of DATA is held out"},
    {.name = "strength",
        .argument = "X",
        .group = "Probe",
        .help = "the L2 penalty of the regression on the mean loss, X/2 times the weights' square; "
                "without it, of each kind of features, the power of ten from 10 to 1e-6 that tells "
                "most rows of held-out tenths of the training rows right",
        .type = &mcl_option_float,
        .offset = offsetof(struct settings, strength),
        .range = &above_0,
        .without = "chosen"},
    {.name = "class-weights",
        .argument = "balanced|none",
        .group = "Probe",
        .help = "balanced: all classes count alike in the regression, however many rows they have",
        .type = &type_weights,
        .offset = offsetof(struct settings, balanced),
        .without = "none"},
    {.name = "seed",
        .argument = "S",
        .group = "Probe",
        .help = "draws the parts of --cv and the rows that are held out",
        .type = &mcl_option_whole,
        .offset = offsetof(struct settings, seed),
        .without = "0"},
    {.name = "encoder-only",
        .group = "Probe",
        .help = "leave out the raw inputs and the untrained encoder",
        .type = &mcl_option_switch,
        .offset = offsetof(struct settings, encoder_only)},
    {.name = "confusion",
        .group = "Output",
        .help = "print how many rows of each class the encoder's linear probe tells to be of which "
                "(--json has it of all features)",
        .type = &mcl_option_switch,
        .offset = offsetof(struct settings, confusion)},
    {.name = "json",
        .group = "Output",
        .help = "print one JSON object",
        .type = &mcl_option_switch,
        .offset = offsetof(struct settings, json)},
};

const mcl_command mcl_command_probe = {
    .name = "probe",
    .summary = "measure how well embeddings tell classes apart",
    .description =
        "Measures how well frozen features tell classes apart: multinomial logistic regression "
        "trained to convergence on standardised features (the linear probe), and the majority of "
        "the 20 nearest training rows by cosine. Prints the accuracy on the test rows for the raw "
        "inputs, for the encoder before any training, and for the model's encoder, and says "
        "whether the encoder is better than the others by more than chance. Rows without a label "
        "are left out.\n"
        "Test rows are those of TEST; without them a fifth of DATA is held out, or with --cv each "
        "part in turn. DATA that bring labels (a table with --label, a folder, CIFAR) need no "
        "LABELS, and what follows them is TEST.",
    .examples = "  maskcl probe penguins.safetensors penguins.csv --label species --cv 5\n"
                "  maskcl probe m.safetensors train.csv test.csv --label species\n"
                "  maskcl probe fashion.safetensors train-images-idx3-ubyte.gz \\\n"
                "      train-labels-idx1-ubyte.gz t10k-images-idx3-ubyte.gz \\\n"
                "      t10k-labels-idx1-ubyte.gz",
    .operands = {{"MODEL", "the model file"}, {"DATA", "the rows to learn the classes from"},
        {"LABELS", "their classes, one a row: IDX, .npy, or text with one a line"},
        {"TEST", "the rows to measure on"}, {"TEST_LABELS", "their classes"}},
    .operand_count = 5,
    .optional_operands = 3,
    .data_keys = mcl_data_keys_applied,
    .data_offset = offsetof(struct settings, data),
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run,
};
