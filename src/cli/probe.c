/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl probe: how well embeddings tell classes apart, beside raw inputs and an untrained encoder.
 */
#include "probe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "data_options.h"

#define MANY_CLASSES 20  /* of which whole numbers may be no classes … */
#define MANY_ROWS_EACH 5 /* where these have fewer rows each */

enum { TRAIN = MCL_FOLD_TRAIN, TEST = MCL_FOLD_TEST };

/* of[rows] = the fold of each row; numbers are spread by chance. */
static mcl_exit draw_folds(uint32_t *of, const mcl_probe_run *probe, uint32_t folds)
{
    const mcl_labelled *set = &probe->sets[TRAIN];
    const uint64_t rows = mcl_data_rows(set->data);
    int32_t *known = malloc((size_t)rows * sizeof *known + 1);
    if (!known)
        return mcl_probe_lacks_memory();
    for (uint64_t i = 0; i < rows; i++)
        known[i] = probe->regression && set->labels[i] >= 0 ? 0 : set->labels[i];
    const mcl_status status = mcl_folds(of, known, rows, folds, probe->settings->seed);
    free(known);
    return status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
}

/* Divides the rows of one set in folds, of which one or all are tested in turn. */
static mcl_exit divide(mcl_probe_run *probe, uint32_t folds)
{
    mcl_labelled *set = &probe->sets[TRAIN];
    const uint64_t rows = mcl_data_rows(set->data);
    uint32_t *of = malloc((size_t)rows * sizeof *of + 1);
    if (!of)
        return mcl_probe_lacks_memory();
    mcl_exit code = draw_folds(of, probe, folds);
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

static mcl_exit make_folds(mcl_probe_run *probe)
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
    probe->targets = calloc((size_t)probe->tested + 1, sizeof *probe->targets);
    if (code == MCL_EXIT_DONE && (!probe->labels || !probe->targets))
        return mcl_probe_lacks_memory();
    for (uint32_t k = 0, at = 0; k < probe->fold_count && code == MCL_EXIT_DONE; k++) {
        for (uint64_t i = 0; i < probe->folds[k].rows[TEST]; i++, at++) {
            probe->labels[at] = probe->folds[k].labels[TEST][i];
            if (probe->regression)
                probe->targets[at] = probe->folds[k].targets[TEST][i];
        }
    }
    return code;
}

static void free_outcome(mcl_outcome *outcome)
{
    free(outcome->told);
    free(outcome->told_numbers);
}

static void free_folds(mcl_probe_run *probe)
{
    for (uint32_t k = 0; k < MCL_FOLDS_MOST; k++)
        mcl_fold_free(&probe->folds[k]);
    for (int kind = 0; kind < MCL_PROBED; kind++)
        free_outcome(&probe->outcomes[kind]);
    free(probe->labels);
    free(probe->targets);
}
/* Whether the labels are whole numbers of so many kinds that they may be no classes. */
static bool may_be_numbers(const mcl_labelled *set)
{
    int32_t *numbers = NULL;
    uint64_t count = 0, labelled = 0;
    for (uint64_t i = 0; set->labels && i < mcl_data_rows(set->data); i++)
        labelled += set->labels[i] >= 0;
    double *targets = malloc((size_t)mcl_data_rows(set->data) * sizeof *targets + 1);
    const bool are = targets && mcl_data_targets(targets, set->data) == MCL_OK;
    free(targets);
    if (!are || mcl_distinct_labels(&numbers, &count, set) != MCL_EXIT_DONE)
        return false;
    free(numbers);
    return count >= MANY_CLASSES && labelled < MANY_ROWS_EACH * count;
}

/* What the training rows' labels are taken for, which is told where it may not be expected. */
static mcl_exit decide_task(mcl_probe_run *probe, const char *path)
{
    const mcl_probe_settings *settings = probe->settings;
    mcl_labelled *set = &probe->sets[TRAIN];
    const bool targets = mcl_data_has_targets(set->data);
    const bool chosen = settings->task != MCL_TASK_AUTO;
    probe->regression = chosen ? settings->task == MCL_TASK_REGRESSION : targets;
    if (probe->regression &&
        (settings->labels_per_class || settings->confusion || settings->balanced))
        return mcl_complain(MCL_EXIT_USAGE,
            "--%s: it is of classes, and the labels of %s are taken for numbers: leave it out, or "
            "add --task classes",
            settings->labels_per_class ? "labels-per-class"
            : settings->confusion      ? "confusion"
                                       : "class-weights",
            path);
    const mcl_exit code =
        probe->regression ? mcl_take_targets(set, path, true) : mcl_check_classes(set, path);
    if (code != MCL_EXIT_DONE || chosen || probe->progress.quiet)
        return code;
    if (targets)
        mcl_tell("%s: the labels are numbers, not all of them whole: ridge regression (--task "
                 "classes takes each number for a class)",
            path);
    else if (may_be_numbers(set))
        mcl_tell("%s: the labels are many different whole numbers, taken for classes: --task "
                 "regression takes them for numbers",
            path);
    return code;
}

/* The test rows; their classes are numbered as the training rows' are. */
static mcl_exit load_test(mcl_probe_run *probe, const char *path, const char *labels,
    const char *model_path, const mcl_model *model)
{
    mcl_data_options options = probe->settings->data;
    options.like = probe->regression ? NULL : probe->sets[TRAIN].data;
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
        code = probe->regression
                   ? mcl_take_targets(&probe->sets[TEST], labels ? labels : path, false)
                   : mcl_warn_of_unseen(
                         &probe->sets[TRAIN], &probe->sets[TEST], labels ? labels : path);
    return code;
}

/* MODEL and DATA; then TEST where DATA bring their labels, or LABELS, TEST and TEST_LABELS. */
static mcl_exit load(
    mcl_probe_run *probe, const mcl_model *model, const char *const *paths, size_t count)
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
        code = decide_task(probe, labels ? labels : paths[1]);
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

static mcl_exit check_settings(const mcl_probe_settings *settings, const mcl_arguments *arguments)
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

static mcl_exit run_probe(mcl_probe_run *probe, const mcl_arguments *arguments)
{
    const char *const *paths = arguments->operands;
    mcl_model *model = NULL;
    mcl_exit code = mcl_load_model(&model, paths[0]);
    if (code == MCL_EXIT_DONE)
        code = load(probe, model, paths, arguments->operand_count);
    if (code == MCL_EXIT_DONE)
        code = mcl_open_device(&probe->context, &probe->settings->device);
    if (code == MCL_EXIT_DONE)
        code = mcl_probe_measure(probe, model, paths[0]);
    if (code == MCL_EXIT_DONE)
        code = mcl_probe_show(probe);
    mcl_context_close(probe->context);
    free_folds(probe);
    mcl_free_labelled(&probe->sets[TRAIN]);
    mcl_free_labelled(&probe->sets[TEST]);
    mcl_model_free(model);
    return code;
}

static mcl_exit run(void *given, const mcl_arguments *arguments)
{
    const mcl_probe_settings *settings = given;
    const mcl_exit code = check_settings(settings, arguments);
    mcl_probe_run *probe = calloc(1, sizeof *probe);
    if (code != MCL_EXIT_DONE || !probe) {
        free(probe);
        return code != MCL_EXIT_DONE ? code : mcl_probe_lacks_memory();
    }
    probe->settings = settings;
    probe->progress = mcl_progress_start(settings->device.quiet);
    probe->first = settings->encoder_only ? MCL_THIS_ENCODER : MCL_RAW_INPUTS;
    probe->layer = settings->layer;
    const mcl_exit ended = run_probe(probe, arguments);
    free(probe);
    return ended;
}

static const char *needs_others(const void *given)
{
    const mcl_probe_settings *settings = given;
    return settings->encoder_only ? "nothing but the encoder is measured: leave --encoder-only out"
                                  : NULL;
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

static mcl_exit parse_task(void *field, const char *text, const mcl_option *option)
{
    static const char *const names[] = {[MCL_TASK_AUTO] = "auto",
        [MCL_TASK_CLASSES] = "classes",
        [MCL_TASK_REGRESSION] = "regression"};
    for (int i = MCL_TASK_AUTO; i <= MCL_TASK_REGRESSION; i++) {
        if (strcmp(text, names[i]) == 0) {
            *(mcl_probe_task *)field = (mcl_probe_task)i;
            return MCL_EXIT_DONE;
        }
    }
    return mcl_complain(
        MCL_EXIT_USAGE, "--%s: '%s' is neither auto, classes nor regression", option->name, text);
}

static const mcl_option_type type_task = {parse_task, NULL};

static const mcl_option_type type_weights = {parse_weights, NULL};

static const mcl_range above_0 = {
    .minimum = 0, .maximum = 1e30, .without_minimum = true, .words = "above 0"};

static const mcl_option options[] = {
    MCL_LAYER_OPTION(mcl_probe_settings, layer),
    MCL_DEVICE_OPTIONS(mcl_probe_settings, device),
    {.name = "labels-per-class",
        .argument = "N",
        .group = "Probe",
        .help =
            "learn from N labelled rows of each class alone, drawn at random five times: prints "
            "the mean and the standard deviation of the five. The regression's L2 penalty is "
            "then columns / (10 * labelled rows)",
        .type = &mcl_option_whole,
        .offset = offsetof(mcl_probe_settings, labels_per_class),
        .least = 1,
        .without = "all rows"},
    {.name = "cv",
        .argument = "K",
        .group = "Probe",
        .help =
            "test each of K parts of DATA with a probe of the others, classes spread evenly: "
            "prints mean and standard deviation. The inputs are prepared by the model's schema, "
            "as its encoder needs them, and standardised by the rows that are learnt from; "
            "the model may have seen the rows that are tested, without their labels, unless "
            "they were left out of what it was trained on",
        .type = &mcl_option_whole32,
        .offset = offsetof(mcl_probe_settings, folds),
        .least = 2,
        .most = MCL_FOLDS_MOST,
        .without = "without TEST, a fifth of DATA is held out"},
    {.name = "task",
        .argument = "auto|classes|regression",
        .group = "Probe",
        .help =
            "what the labels are: classes, or numbers that ridge regression tells, whose R² and "
            "root of the mean squared error are printed. auto takes labels for numbers where "
            "all are numbers and some are not whole",
        .type = &type_task,
        .offset = offsetof(mcl_probe_settings, task),
        .without = "auto"},
    {.name = "strength",
        .argument = "X",
        .group = "Probe",
        .help = "the L2 penalty of the regression on the mean loss, X/2 times the weights' square; "
                "without it, of each kind of features, the power of ten from 10 to 1e-6 that tells "
                "most rows of held-out tenths of the training rows right, or numbers with the "
                "least squared error",
        .type = &mcl_option_float,
        .offset = offsetof(mcl_probe_settings, strength),
        .range = &above_0,
        .without = "chosen"},
    {.name = "class-weights",
        .argument = "balanced|none",
        .group = "Probe",
        .help = "balanced: all classes count alike in the regression, however many rows they have",
        .type = &type_weights,
        .offset = offsetof(mcl_probe_settings, balanced),
        .without = "none"},
    {.name = "seed",
        .argument = "S",
        .group = "Probe",
        .help = "draws the parts of --cv and the rows that are held out",
        .type = &mcl_option_whole,
        .offset = offsetof(mcl_probe_settings, seed),
        .without = "0"},
    {.name = "encoder-only",
        .group = "Probe",
        .help = "leave out the raw inputs and the untrained encoder",
        .type = &mcl_option_switch,
        .offset = offsetof(mcl_probe_settings, encoder_only)},
    {.name = "baselines",
        .group = "Probe",
        .help = "of images: measure what needs no training as well: HOG (Dalal and Triggs 2005), "
                "random convolutions and whitened patches (Coates and Ng 2012), the latter two "
                "about as wide as the model's embedding",
        .type = &mcl_option_switch,
        .offset = offsetof(mcl_probe_settings, baselines),
        .conflict = needs_others},
    {.name = "confusion",
        .group = "Output",
        .help = "print how many rows of each class the encoder's linear probe tells to be of which "
                "(--json has it of all features)",
        .type = &mcl_option_switch,
        .offset = offsetof(mcl_probe_settings, confusion)},
    {.name = "json",
        .group = "Output",
        .help = "print one JSON object",
        .type = &mcl_option_switch,
        .offset = offsetof(mcl_probe_settings, json)},
};

const mcl_command mcl_command_probe = {
    .name = "probe",
    .summary = "measure how well embeddings tell classes apart",
    .description =
        "Measures how well frozen features tell classes apart: multinomial logistic regression "
        "trained to convergence on standardised features (the linear probe), and the majority of "
        "the 20 nearest training rows by cosine. Prints the accuracy on the test rows for the raw "
        "inputs, for the encoder before any training, and for the model's encoder, and says "
        "whether the encoder is better than the others by more than chance. Labels that are "
        "numbers, not all of them whole, are told by ridge regression, and measured by R² and the "
        "root of the mean squared error (--task). Rows without a label are left out.\n"
        "Test rows are those of TEST; without them a fifth of DATA is held out, or with --cv each "
        "part in turn. DATA that bring labels (a table with --label, a folder, CIFAR) need no "
        "LABELS, and what follows them is TEST.",
    .examples = "  maskcl probe penguins.safetensors penguins.csv --label species --cv 5\n"
                "  maskcl probe m.safetensors train.csv test.csv --label species\n"
                "  maskcl probe houses.safetensors houses.csv --label price --cv 5\n"
                "  maskcl probe fashion.safetensors train-images-idx3-ubyte.gz \\\n"
                "      train-labels-idx1-ubyte.gz t10k-images-idx3-ubyte.gz \\\n"
                "      t10k-labels-idx1-ubyte.gz",
    .operands = {{"MODEL", "the model file"}, {"DATA", "the rows to learn the classes from"},
        {"LABELS", "their classes, one a row: IDX, .npy, or text with one a line"},
        {"TEST", "the rows to measure on"}, {"TEST_LABELS", "their classes"}},
    .operand_count = 5,
    .optional_operands = 3,
    .data_keys = mcl_data_keys_applied,
    .data_offset = offsetof(mcl_probe_settings, data),
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(mcl_probe_settings),
    .run = run,
};
