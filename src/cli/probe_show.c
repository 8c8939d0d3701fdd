/* SPDX-License-Identifier: Apache-2.0 */
/* What a probe came to, as tables and as JSON. */
#include "probe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

#define CONFUSED_MOST 256 /* classes that a table of confusions is made of */

enum { TRAIN = MCL_FOLD_TRAIN, TEST = MCL_FOLD_TEST };

static const char *const names[MCL_PROBED] = {
    [MCL_RAW_INPUTS] = "raw",
    [MCL_UNTRAINED_ENCODER] = "untrained",
    [MCL_HOG] = "hog",
    [MCL_RANDOM_CONVOLUTIONS] = "random_convolutions",
    [MCL_WHITENED_PATCHES] = "whitened_patches",
    [MCL_THIS_ENCODER] = "encoder",
};

/* "78.04 ± 0.75", in percent. */
static const char *show_mean(char text[32], mcl_mean accuracy)
{
    snprintf(text, 32, "%.2f ± %.2f%%", 100 * accuracy.mean, 100 * accuracy.deviation);
    return text;
}

static void print_held_out(const mcl_probe_run *probe)
{
    if (!probe->own_test)
        mcl_print("measured on a held-out fifth, %" PRIu64 " of %" PRIu64 " labelled rows\n",
            probe->tested, probe->tested + probe->folds[0].rows[TRAIN]);
}

static void print_folds(const mcl_probe_run *probe)
{
    mcl_print("mean and standard deviation of %" PRIu32 " folds of %" PRIu64 " labelled rows\n",
        probe->fold_count, probe->tested);
}

static void print_table(const mcl_probe_run *probe)
{
    mcl_print("%-19s  %7s  %12s  %8s  %8s  %7s  %8s  %10s  %7s\n", "features", "width",
        "linear probe", "balanced", "macro-F1", "20-NN", "strength", "iterations", "seconds");
    for (mcl_probed i = probe->first; i < MCL_PROBED; i = mcl_probed_after(probe, i)) {
        const mcl_outcome *o = &probe->outcomes[i];
        mcl_print("%-19s  %7" PRIu64 "  %11.2f%%  %7.2f%%  %7.2f%%  %6.2f%%  %8g  %10" PRIu32
                  "  %7.1f%s\n",
            mcl_probed_title(i), o->width, 100 * o->accuracy[0], 100 * o->balanced[0],
            100 * o->f1[0], 100 * o->nearest[0], o->strength, o->iterations, o->seconds,
            o->converged ? "" : "  not converged");
    }
    print_held_out(probe);
}

static const char *show_folds(char text[32], const mcl_probe_run *probe, const double *values)
{
    return show_mean(text, mcl_mean_of(values, probe->fold_count));
}

static void print_cv_table(const mcl_probe_run *probe)
{
    mcl_print("%-19s  %7s  %15s  %15s  %15s  %15s  %7s\n", "features", "width", "linear probe",
        "balanced", "macro-F1", "20-NN", "seconds");
    for (mcl_probed i = probe->first; i < MCL_PROBED; i = mcl_probed_after(probe, i)) {
        const mcl_outcome *o = &probe->outcomes[i];
        char linear[32], balanced[32], f1[32], nearest[32];
        mcl_print("%-19s  %7" PRIu64 "  %16s  %16s  %16s  %16s  %7.1f%s\n", mcl_probed_title(i),
            o->width, show_folds(linear, probe, o->accuracy),
            show_folds(balanced, probe, o->balanced), show_folds(f1, probe, o->f1),
            show_folds(nearest, probe, o->nearest), o->seconds,
            o->converged ? "" : "  not converged");
    }
    print_folds(probe);
}

/* The sign ± is two bytes wide and one column. */
static void print_few_table(const mcl_probe_run *probe)
{
    mcl_print(
        "%-19s  %7s  %15s  %15s  %7s\n", "features", "width", "linear probe", "20-NN", "seconds");
    for (mcl_probed i = probe->first; i < MCL_PROBED; i = mcl_probed_after(probe, i)) {
        const mcl_few_result *result = &probe->outcomes[i].few;
        char linear[32], nearest[32];
        mcl_print("%-19s  %7" PRIu64 "  %16s  %16s  %7.1f%s\n", mcl_probed_title(i),
            probe->outcomes[i].width, show_mean(linear, result->linear_accuracy),
            show_mean(nearest, result->knn_accuracy), result->seconds,
            result->converged ? "" : "  not converged");
    }
    mcl_print("mean and standard deviation of %d draws of %" PRIu64 " labelled rows, %" PRIu64
              " a class\n",
        MCL_FEW_DRAWS, probe->outcomes[probe->first].few.rows, probe->settings->labels_per_class);
}

/* R² and RMSE of one test, or their means and deviations over folds. The sign ± is two bytes wide
 * and one column, and so is that of R². */
static void print_numbers_row(const mcl_probe_run *probe, mcl_probed kind)
{
    const mcl_outcome *o = &probe->outcomes[kind];
    const mcl_mean r2 = mcl_mean_of(o->r2, probe->fold_count);
    const mcl_mean rmse = mcl_mean_of(o->rmse, probe->fold_count);
    char text[40];
    if (probe->fold_count == 1) {
        mcl_print("%-19s  %7" PRIu64 "  %15.4f  %21.6g  %8g  %7.1f\n", mcl_probed_title(kind),
            o->width, r2.mean, rmse.mean, o->strength, o->seconds);
        return;
    }
    snprintf(text, sizeof text, "%.5g ± %.3g", rmse.mean, rmse.deviation);
    mcl_print("%-19s  %7" PRIu64 "  %6.4f ± %6.4f  %22s  %7.1f\n", mcl_probed_title(kind), o->width,
        r2.mean, r2.deviation, text, o->seconds);
}

static void print_numbers_table(const mcl_probe_run *probe)
{
    const bool folds = probe->fold_count > 1;
    mcl_print("%-19s  %7s  %16s  %21s  %s%7s\n", "features", "width", "R²", "RMSE",
        folds ? "" : "strength  ", "seconds");
    for (mcl_probed i = probe->first; i < MCL_PROBED; i = mcl_probed_after(probe, i))
        print_numbers_row(probe, i);
    if (folds)
        print_folds(probe);
    else
        print_held_out(probe);
}

/* How much more of the test rows the encoder's linear probe tells right than that of other
 * features, and the standard error of that: over the same test rows, or draws. */
static mcl_mean find_gain(const mcl_probe_run *probe, mcl_probed other)
{
    const mcl_outcome *encoder = &probe->outcomes[MCL_THIS_ENCODER];
    const mcl_outcome *than = &probe->outcomes[other];
    double gains[MCL_FEW_DRAWS];
    if (probe->regression)
        return mcl_gain_of_numbers(
            encoder->told_numbers, than->told_numbers, probe->targets, probe->tested);
    if (!probe->settings->labels_per_class)
        return mcl_gain_of(encoder->told, than->told, probe->labels, probe->tested);
    for (int i = 0; i < MCL_FEW_DRAWS; i++)
        gains[i] = encoder->few.linear_draws[i] - than->few.linear_draws[i];
    return mcl_gain_from(gains, MCL_FEW_DRAWS);
}

static void say_gain(
    char *text, size_t size, const mcl_probe_run *probe, mcl_mean gain, mcl_probed other)
{
    mcl_say_gain(text, size, gain, mcl_probed_title(MCL_THIS_ENCODER), mcl_probed_title(other),
        probe->regression);
}

static void print_verdict(const mcl_probe_run *probe)
{
    for (mcl_probed other = probe->first; other < MCL_THIS_ENCODER;
         other = mcl_probed_after(probe, other)) {
        char text[256];
        say_gain(text, sizeof text, probe, find_gain(probe, other), other);
        mcl_print("%s\n", text);
    }
}

/* The classes of training rows and test rows together; numbers is freed with free(). */
static mcl_exit find_classes(int32_t **numbers, uint64_t *count, const mcl_probe_run *probe)
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
        code = mcl_probe_lacks_memory();
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
    const mcl_probe_run *probe, const mcl_outcome *outcome, const int32_t *numbers, uint64_t n)
{
    uint64_t *counts = calloc((size_t)(n * n) + 1, sizeof *counts);
    for (uint64_t i = 0; counts && i < probe->tested; i++)
        counts[place_of(probe->labels[i], numbers, n) * n +
               place_of(outcome->told[i], numbers, n)]++;
    return counts;
}

static mcl_exit print_confusion(const mcl_probe_run *probe)
{
    const mcl_outcome *outcome = &probe->outcomes[MCL_THIS_ENCODER];
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

/* Adds the mean over the folds under a key, and their deviation under another. */
static void add_measure(cJSON *entry, const mcl_probe_run *probe, const char *key, const char *name,
    const double *values)
{
    const mcl_mean mean = mcl_mean_of(values, probe->fold_count);
    char text[40];
    mcl_json_number(entry, key, mean.mean);
    snprintf(text, sizeof text, "%s_deviation", name);
    if (probe->fold_count > 1)
        mcl_json_number(entry, text, mean.deviation);
}

static void add_result(cJSON *entry, const mcl_probe_run *probe, const mcl_outcome *outcome,
    const int32_t *numbers, uint64_t n)
{
    add_measure(entry, probe, "linear_accuracy", "linear", outcome->accuracy);
    add_measure(entry, probe, "balanced_accuracy", "balanced", outcome->balanced);
    add_measure(entry, probe, "macro_f1", "macro_f1", outcome->f1);
    add_measure(entry, probe, "knn_accuracy", "knn", outcome->nearest);
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

static void add_numbers_result(cJSON *entry, const mcl_probe_run *probe, const mcl_outcome *outcome)
{
    add_measure(entry, probe, "r2", "r2", outcome->r2);
    add_measure(entry, probe, "rmse", "rmse", outcome->rmse);
    mcl_json_number(entry, "strength", outcome->strength);
    mcl_json_number(entry, "seconds", outcome->seconds);
}

static void add_verdict(cJSON *root, const mcl_probe_run *probe)
{
    cJSON *verdict = mcl_json_array_in(root, "verdict");
    for (mcl_probed other = probe->first; other < MCL_THIS_ENCODER;
         other = mcl_probed_after(probe, other)) {
        const mcl_mean gain = find_gain(probe, other);
        char text[256];
        cJSON *entry = mcl_json_object_at(verdict);
        say_gain(text, sizeof text, probe, gain, other);
        mcl_json_text(entry, "than", names[other]);
        mcl_json_number(entry, "difference", gain.mean);
        mcl_json_number(entry, "standard_error", gain.deviation);
        mcl_json_text(entry, "text", text);
    }
}

/* What was measured, and on what. */
static void add_facts(cJSON *root, const mcl_probe_run *probe)
{
    const uint64_t few = probe->settings->labels_per_class;
    mcl_json_text(root, "task", probe->regression ? "regression" : "classes");
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
}

static mcl_exit print_json(const mcl_probe_run *probe)
{
    int32_t *numbers = NULL;
    uint64_t n = 0;
    const mcl_exit code = probe->regression ? MCL_EXIT_DONE : find_classes(&numbers, &n, probe);
    if (code != MCL_EXIT_DONE)
        return code;
    cJSON *root = mcl_json_object();
    add_facts(root, probe);
    cJSON *classes = probe->regression ? NULL : mcl_json_array_in(root, "classes");
    for (uint64_t i = 0; i < n && n <= CONFUSED_MOST; i++) {
        char name[MCL_CLASS_SIZE];
        mcl_json_text_at(classes, mcl_class_name(name, probe->sets[TRAIN].data, numbers[i]));
    }
    cJSON *results = mcl_json_array_in(root, "results");
    for (mcl_probed i = probe->first; i < MCL_PROBED; i = mcl_probed_after(probe, i)) {
        cJSON *entry = mcl_json_object_at(results);
        mcl_json_text(entry, "features", names[i]);
        mcl_json_number(entry, "width", (double)probe->outcomes[i].width);
        mcl_json_number(entry, "features_seconds", probe->outcomes[i].made_in);
        if (probe->regression)
            add_numbers_result(entry, probe, &probe->outcomes[i]);
        else if (probe->settings->labels_per_class)
            add_few_result(entry, &probe->outcomes[i].few);
        else
            add_result(entry, probe, &probe->outcomes[i], numbers, n);
    }
    add_verdict(root, probe);
    free(numbers);
    return mcl_json_print(root);
}

/* How long the features took, of which some have filters to be found first. */
static void print_made_in(const mcl_probe_run *probe)
{
    const char *before = "seconds that the features took: ";
    for (mcl_probed i = probe->first; i < MCL_PROBED; i = mcl_probed_after(probe, i)) {
        mcl_print("%s%s %.1f", before, mcl_probed_title(i), probe->outcomes[i].made_in);
        before = ", ";
    }
    mcl_print("\n");
}

static mcl_exit print_text(const mcl_probe_run *probe)
{
    const mcl_probe_settings *settings = probe->settings;
    if (probe->regression)
        print_numbers_table(probe);
    else if (settings->labels_per_class)
        print_few_table(probe);
    else if (settings->folds)
        print_cv_table(probe);
    else
        print_table(probe);
    if (settings->baselines)
        print_made_in(probe);
    print_verdict(probe);
    return settings->confusion ? print_confusion(probe) : MCL_EXIT_DONE;
}

mcl_exit mcl_probe_show(const mcl_probe_run *probe)
{
    return probe->settings->json ? print_json(probe) : print_text(probe);
}
