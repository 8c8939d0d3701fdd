/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl probe: how well embeddings tell classes apart, beside raw inputs and an untrained encoder.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "commands.h"
#include "data_options.h"
#include "device_options.h"
#include "files.h"
#include "json.h"
#include "maskcl/evaluate.h"
#include "metadata.h"
#include "progress.h"

struct settings {
    mcl_device_settings device;
    mcl_data_options data;
    uint64_t labels_per_class; /* 0: all */
    uint32_t layer;            /* 0: the embedding */
    bool encoder_only;
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

struct probe {
    mcl_context *context;
    mcl_progress progress;
    mcl_labelled train, test;
    uint32_t layer, width;     /* of the encoders */
    enum features first;       /* the kinds before it are not measured */
    uint64_t labels_per_class; /* 0: all, and results has what was measured; else few */
    uint64_t widths[FEATURES];
    mcl_probe_result results[FEATURES];
    mcl_few_result few[FEATURES];
};

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

/* Measures features[2], those of the training rows and of the test rows. */
static mcl_exit measure_features(
    struct probe *probe, enum features kind, const mcl_features features[2])
{
    const bool few = probe->labels_per_class != 0;
    const mcl_status status =
        few ? mcl_probe_few(&probe->few[kind], probe->context, &features[0], &features[1],
                  probe->labels_per_class)
            : mcl_probe(&probe->results[kind], probe->context, &features[0], &features[1]);
    mcl_progress_clear(&probe->progress);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    if (!(few ? probe->few[kind].converged : probe->results[kind].converged))
        mcl_warn("the linear probe of %s had not converged after %" PRIu32 " iterations",
            titles[kind], few ? probe->few[kind].iterations : probe->results[kind].iterations);
    return MCL_EXIT_DONE;
}

/* Measures one kind of features; model is NULL for the rows themselves. */
static mcl_exit measure(struct probe *probe, enum features kind, const mcl_model *model)
{
    float *train = NULL, *test = NULL;
    const uint64_t width = model ? probe->width : mcl_data_columns(probe->train.data);
    char note[64];
    snprintf(note, sizeof note, "probing %d of %d: %s", kind + 1, FEATURES, titles[kind]);
    mcl_progress_note(&probe->progress, note);
    mcl_exit code = features_of(&train, probe, model, probe->train.data);
    if (code == MCL_EXIT_DONE)
        code = features_of(&test, probe, model, probe->test.data);
    if (code == MCL_EXIT_DONE) {
        const mcl_features features[2] = {
            {train, probe->train.labels, mcl_data_rows(probe->train.data), width, NULL},
            {test, probe->test.labels, mcl_data_rows(probe->test.data), width, NULL},
        };
        code = measure_features(probe, kind, features);
    }
    mcl_progress_clear(&probe->progress);
    probe->widths[kind] = width;
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

static void print_table(const struct probe *probe)
{
    mcl_print("%-17s  %7s  %12s  %7s  %10s  %7s\n", "features", "width", "linear probe", "20-NN",
        "iterations", "seconds");
    for (enum features i = probe->first; i < FEATURES; i++) {
        const mcl_probe_result *result = &probe->results[i];
        mcl_print("%-17s  %7" PRIu64 "  %11.2f%%  %6.2f%%  %10" PRIu32 "  %7.1f%s\n", titles[i],
            probe->widths[i], 100 * result->linear_accuracy, 100 * result->knn_accuracy,
            result->iterations, result->seconds, result->converged ? "" : "  not converged");
    }
}

/* "78.04 ± 0.75", in percent. */
static const char *show_mean(char text[32], mcl_mean accuracy)
{
    snprintf(text, 32, "%.2f ± %.2f%%", 100 * accuracy.mean, 100 * accuracy.deviation);
    return text;
}

/* The sign ± is two bytes wide and one column. */
static void print_few_table(const struct probe *probe)
{
    mcl_print(
        "%-17s  %7s  %15s  %15s  %7s\n", "features", "width", "linear probe", "20-NN", "seconds");
    for (enum features i = probe->first; i < FEATURES; i++) {
        const mcl_few_result *result = &probe->few[i];
        char linear[32], nearest[32];
        mcl_print("%-17s  %7" PRIu64 "  %16s  %16s  %7.1f%s\n", titles[i], probe->widths[i],
            show_mean(linear, result->linear_accuracy), show_mean(nearest, result->knn_accuracy),
            result->seconds, result->converged ? "" : "  not converged");
    }
    mcl_print("mean and standard deviation of %d draws of %" PRIu64 " labelled rows, %" PRIu64
              " a class\n",
        MCL_FEW_DRAWS, probe->few[probe->first].rows, probe->labels_per_class);
}

static void add_result(cJSON *entry, const mcl_probe_result *result)
{
    mcl_json_number(entry, "linear_accuracy", result->linear_accuracy);
    mcl_json_number(entry, "knn_accuracy", result->knn_accuracy);
    mcl_json_number(entry, "iterations", result->iterations);
    mcl_json_bool(entry, "converged", result->converged);
    mcl_json_number(entry, "seconds", result->seconds);
    mcl_json_number(entry, "linear_seconds", result->linear_seconds);
    mcl_json_number(entry, "objective", result->objective);
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

static mcl_exit print_json(const struct probe *probe)
{
    cJSON *root = mcl_json_object();
    mcl_json_number(root, "train_rows", (double)mcl_data_rows(probe->train.data));
    mcl_json_number(root, "test_rows", (double)mcl_data_rows(probe->test.data));
    if (probe->labels_per_class) {
        mcl_json_number(root, "labels_per_class", (double)probe->labels_per_class);
        mcl_json_number(root, "labelled_rows", (double)probe->few[probe->first].rows);
        mcl_json_number(root, "draws", MCL_FEW_DRAWS);
    }
    mcl_json_text(root, "device", mcl_context_device(probe->context)->name);
    cJSON *results = mcl_json_array_in(root, "results");
    for (enum features i = probe->first; i < FEATURES; i++) {
        cJSON *entry = mcl_json_object_at(results);
        mcl_json_text(entry, "features", names[i]);
        mcl_json_number(entry, "width", (double)probe->widths[i]);
        if (probe->labels_per_class)
            add_few_result(entry, &probe->few[i]);
        else
            add_result(entry, &probe->results[i]);
    }
    return mcl_json_print(root);
}

/* Refuses training rows that are all of one class. */
static mcl_exit check_classes(const mcl_labelled *train, const char *path)
{
    for (uint64_t i = 1; i < mcl_data_rows(train->data); i++) {
        if (train->labels[i] != train->labels[0])
            return MCL_EXIT_DONE;
    }
    return mcl_complain(MCL_EXIT_FAILED,
        "%s: all rows are of class %" PRId32 ": there is nothing to tell apart", path,
        train->labels[0]);
}

static mcl_exit run(void *given, const mcl_arguments *arguments)
{
    const struct settings *settings = given;
    const char *const *paths = arguments->operands;
    struct probe probe = {.progress = mcl_progress_start(settings->device.quiet),
        .first = settings->encoder_only ? THIS_ENCODER : RAW_INPUTS,
        .layer = settings->layer,
        .labels_per_class = settings->labels_per_class};
    mcl_model *model = NULL;
    mcl_exit code = mcl_load_model(&model, paths[0]);
    if (code == MCL_EXIT_DONE)
        code = mcl_load_labelled(&probe.train, paths[1], paths[2], &settings->data, model);
    if (code == MCL_EXIT_DONE)
        code = check_classes(&probe.train, paths[2]);
    if (code == MCL_EXIT_DONE)
        code = mcl_load_labelled(&probe.test, paths[3], paths[4], &settings->data, model);
    if (code == MCL_EXIT_DONE)
        code = mcl_check_rows(model, paths[0], probe.train.data, paths[1]);
    if (code == MCL_EXIT_DONE)
        code = mcl_check_rows(model, paths[0], probe.test.data, paths[3]);
    if (code == MCL_EXIT_DONE)
        code = mcl_warn_of_unseen(&probe.train, &probe.test, paths[4]);
    if (code == MCL_EXIT_DONE)
        code = mcl_open_device(&probe.context, &settings->device);
    if (code == MCL_EXIT_DONE)
        code = measure_all(&probe, model, paths[0]);
    if (code == MCL_EXIT_DONE && settings->json)
        code = print_json(&probe);
    else if (code == MCL_EXIT_DONE && settings->labels_per_class)
        print_few_table(&probe);
    else if (code == MCL_EXIT_DONE)
        print_table(&probe);
    mcl_context_close(probe.context);
    mcl_free_labelled(&probe.train);
    mcl_free_labelled(&probe.test);
    mcl_model_free(model);
    return code;
}

static const mcl_option options[] = {
    MCL_LAYER_OPTION(struct settings, layer),
    MCL_DEVICE_OPTIONS(struct settings, device),
    {.name = "labels-per-class",
        .argument = "N",
        .group = "Probe",
        .help =
            "learn from N labelled rows of each class alone, drawn at random five times: prints "
            "the mean and the standard deviation of the five. The regression's L2 penalty is "
            "then columns / (10 * labelled rows); with all labels it is 1e-4",
        .type = &mcl_option_whole,
        .offset = offsetof(struct settings, labels_per_class),
        .least = 1,
        .without = "all rows"},
    {.name = "encoder-only",
        .group = "Probe",
        .help = "leave out the raw inputs and the untrained encoder",
        .type = &mcl_option_switch,
        .offset = offsetof(struct settings, encoder_only)},
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
        "inputs, for the encoder before any training, and for the model's encoder.",
    .examples = "  maskcl probe fashion.safetensors train-images-idx3-ubyte.gz \\\n"
                "      train-labels-idx1-ubyte.gz t10k-images-idx3-ubyte.gz \\\n"
                "      t10k-labels-idx1-ubyte.gz",
    .operands = {{"MODEL", "the model file"}, {"TRAIN", "the rows to learn the classes from"},
        {"LABELS", "their classes, whole numbers from 0, a number a row: IDX or .npy"},
        {"TEST", "the rows to measure on"}, {"TEST_LABELS", "their classes"}},
    .operand_count = 5,
    .data_keys = mcl_data_keys_applied,
    .data_offset = offsetof(struct settings, data),
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run,
};
