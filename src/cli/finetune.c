/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl finetune: trains the encoder and a head with labels. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint.h"
#include "commands.h"
#include "data_options.h"
#include "device_options.h"
#include "files.h"
#include "json.h"
#include "maskcl/evaluate.h"
#include "maskcl/finetune.h"
#include "metrics.h"
#include "progress.h"
#include "signals.h"
#include "training.h"

struct settings {
    mcl_device_settings device;
    mcl_data_options data;
    mcl_finetune_options options;
    const char *output;
    const char *test, *test_labels; /* NULL: none */
    const char *metrics;            /* NULL: none */
    bool validate;
    bool compare;
    bool json;
};

enum start { FROM_MODEL, FROM_SCRATCH, STARTS };

static const char *const titles[STARTS] = {"the model", "scratch"};
static const char *const names[STARTS] = {"model", "scratch"};

/* What the trainings that begin in one way came to. */
struct outcome {
    bool done;
    double accuracy[MCL_FEW_DRAWS]; /* of the test rows, a training each */
    double seconds;                 /* of all trainings */
};

/* Of a class, the test rows and those of them that are told right. */
struct class_count {
    uint64_t rows, right;
};

/* The command as the report callback sees it. */
struct run {
    const struct settings *settings;
    const char *model_path;
    mcl_context *context;
    mcl_model *model;
    mcl_labelled train, test;
    mcl_progress progress;
    mcl_metrics metrics;
    size_t seeds;   /* trainings of each kind */
    uint64_t batch; /* rows a step */
    uint64_t rows;  /* that are trained on */
    bool saved;     /* the model is written: the first training is through */
    bool there;     /* the output is what the training would come to */
    char checkpoint[4096];
    mcl_checkpoint_log checkpoints;
    uint64_t resumed; /* the step that the run goes on from, 0 for a new one */
    mcl_step last;
    struct outcome outcomes[STARTS];
    struct class_count *counts; /* [classes that have names], of the model that is written */
    char digest[MCL_DIGEST_SIZE];
};

/* Draws differ by which rows keep their labels; it takes a test to tell how much. */
static bool has_several_seeds(const struct settings *settings)
{
    return settings->options.labels_per_class && settings->test;
}

#define ONE_TRAINING                                                                               \
    "it has room for one training, but there are several: leave out --compare, and --test or "     \
    "--labels-per-class"

static bool has_several_runs(const struct settings *settings)
{
    return has_several_seeds(settings) || settings->compare;
}

static void report(const mcl_step *step, void *user)
{
    struct run *run = user;
    run->last = *step;
    mcl_metrics_step(&run->metrics, &run->progress, step, &(mcl_metrics_facts){NULL});
    if (run->progress.terminal || !has_several_runs(run->settings))
        mcl_progress_step(&run->progress, step);
}

static void checkpointed(uint64_t step, const char *problem, void *user)
{
    struct run *run = user;
    mcl_checkpoint_note(&run->checkpoints, &run->progress, run->checkpoint, step, problem);
}

static int32_t largest_label(const mcl_labelled *set)
{
    int32_t most = 0;
    for (uint64_t i = 0; i < mcl_data_rows(set->data); i++)
        most = set->labels[i] > most ? set->labels[i] : most;
    return most;
}

static uint64_t count_labelled(const mcl_labelled *set)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < mcl_data_rows(set->data); i++)
        count += set->labels[i] >= 0;
    return count;
}

/* *rows = how many are trained on, of which it is said where not all have labels. A class with too
 * few is refused when training begins. */
static mcl_exit count_rows(uint64_t *rows, const struct run *run)
{
    const uint64_t all = mcl_data_rows(run->train.data), labelled = count_labelled(&run->train);
    const uint64_t per_class = run->settings->options.labels_per_class;
    uint64_t classes = 0;
    *rows = labelled;
    if (labelled < all && !run->progress.quiet)
        mcl_tell(
            "%" PRIu64 " of %" PRIu64 " rows have no label and are left out", all - labelled, all);
    if (!per_class || labelled == 0)
        return MCL_EXIT_DONE;
    int32_t *numbers;
    const mcl_exit code = mcl_distinct_labels(&numbers, &classes, &run->train);
    if (code != MCL_EXIT_DONE)
        return code;
    free(numbers);
    *rows = per_class < labelled / classes ? per_class * classes : labelled;
    return MCL_EXIT_DONE;
}

/* A signal: keeps the model so far, unless the one that is wanted is there already. */
static mcl_exit interrupted(struct run *run, const mcl_model *model)
{
    const char *output = run->settings->output;
    if (run->saved) {
        mcl_tell("interrupted by %s in a later training: the model of the first is in %s",
            mcl_signals_name(), output);
        return MCL_EXIT_INTERRUPTED;
    }
    return mcl_save_interrupted(run->digest, model, "finetune_steps", output,
        run->settings->options.train.checkpoint ? &run->checkpoints : NULL);
}

/* Counts the test rows that are told right, of all classes and, for the model that is written, of
 * each that has a name. */
static double judge(struct run *run, const int32_t *classes, bool written)
{
    const mcl_data *data = run->test.data;
    const uint32_t named = mcl_data_classes(data);
    uint64_t right = 0, labelled = 0;
    for (uint64_t i = 0; i < mcl_data_rows(data); i++) {
        const int32_t label = run->test.labels[i];
        if (label < 0)
            continue;
        labelled++;
        right += classes[i] == label;
        if (written && run->counts && (uint32_t)label < named) {
            run->counts[label].rows++;
            run->counts[label].right += classes[i] == label;
        }
    }
    return (double)right / (double)labelled;
}

/* *accuracy = the part of the test rows that the model tells right. */
static mcl_exit test_model(double *accuracy, struct run *run, const mcl_model *model, bool written)
{
    const uint64_t rows = mcl_data_rows(run->test.data);
    int32_t *classes = malloc((size_t)rows * sizeof *classes);
    if (!classes)
        return mcl_complain(
            MCL_EXIT_FAILED, "the host has no memory for the classes of %" PRIu64 " rows", rows);
    const mcl_status status = mcl_classify(classes, run->context, model, run->test.data);
    if (status == MCL_OK)
        *accuracy = judge(run, classes, written);
    free(classes);
    return status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
}

/* Says how a training among several went, where no bar shows it. */
static void print_run(const struct run *run, enum start start, size_t seed)
{
    if (run->progress.quiet || run->progress.terminal || !has_several_runs(run->settings))
        return;
    fprintf(mcl_err, "from %s, seed %" PRIu64 ": test accuracy %.2f%%  %.1f s\n", titles[start],
        run->settings->options.train.seed + seed, 100 * run->outcomes[start].accuracy[seed],
        run->last.seconds);
}

static mcl_exit train(struct run *run, enum start start, size_t seed)
{
    const struct settings *settings = run->settings;
    struct outcome *outcome = &run->outcomes[start];
    mcl_finetune_options options = settings->options;
    mcl_model *tuned = NULL;
    options.train.seed += seed;
    options.from_scratch = start == FROM_SCRATCH;
    options.train.report = report;
    options.train.report_every =
        settings->metrics || (run->progress.terminal && !run->progress.quiet);
    options.train.user = run;
    options.train.checkpointed = checkpointed;
    options.train.validation_labels = settings->validate ? run->train.labels : NULL;
    options.train.stop = mcl_signals_defer();
    run->progress.rows = run->batch;
    run->progress.shown = 0;
    run->progress.shown_at = 0.0;
    const mcl_status status = run->there ? mcl_model_load(&tuned, settings->output)
                                         : mcl_finetune(&tuned, run->context, run->model,
                                               run->train.data, run->train.labels, &options);
    mcl_progress_clear(&run->progress);
    mcl_exit code = MCL_EXIT_DONE;
    const bool written = !run->saved;
    if (status == MCL_INTERRUPTED)
        code = interrupted(run, tuned);
    else if (status != MCL_OK)
        code = mcl_complain_status(status);
    else if (!run->saved && !run->there)
        code = mcl_save_model(run->digest, tuned, settings->output);
    run->saved = run->saved || code == MCL_EXIT_DONE;
    if (code == MCL_EXIT_DONE && options.train.checkpoint && !run->there)
        mcl_checkpoint_remove(options.train.checkpoint);
    outcome->seconds += run->last.seconds;
    if (code == MCL_EXIT_DONE && settings->test) {
        mcl_signals_at_once(); /* the model is written */
        code = test_model(&outcome->accuracy[seed], run, tuned, written);
        if (code == MCL_EXIT_DONE)
            print_run(run, start, seed);
    }
    mcl_model_free(tuned);
    return code;
}

/* All trainings, the one whose model is written first. */
static mcl_exit train_all(struct run *run)
{
    const struct settings *settings = run->settings;
    const enum start first = settings->options.from_scratch ? FROM_SCRATCH : FROM_MODEL;
    const enum start last = settings->compare ? FROM_SCRATCH : first;
    mcl_exit code = MCL_EXIT_DONE;
    for (enum start start = first; start <= last && code == MCL_EXIT_DONE; start++) {
        for (size_t seed = 0; seed < run->seeds && code == MCL_EXIT_DONE; seed++)
            code = train(run, start, seed);
        run->outcomes[start].done = true;
    }
    return code;
}

static mcl_exit train_with_metrics(struct run *run)
{
    const struct settings *settings = run->settings;
    mcl_exit code = mcl_metrics_open(&run->metrics, settings->metrics);
    if (code != MCL_EXIT_DONE)
        return code;
    run->metrics.keep = run->resumed;
    code = mcl_metrics_close(&run->metrics, &run->progress, train_all(run));
    return mcl_checkpoint_judge(code, &run->checkpoints);
}

static void print_summary(const struct run *run)
{
    if (run->there) {
        mcl_print("%s: is what this run has come to: it is not run again\n", run->settings->output);
        return;
    }
    const mcl_step *last = &run->last;
    const double trained = (double)run->batch * (double)(last->step - run->resumed);
    char validation[32] = "";
    if (isfinite(last->validation))
        snprintf(validation, sizeof validation, ", validation %.3f", last->validation);
    mcl_print("fine-tuned on %" PRIu64 " rows for %" PRIu64
              " epoch%s in %.1f s (%.0f rows/s): loss %.6g, accuracy %.3f%s; wrote %s\n",
        run->rows, last->epoch, last->epoch == 1 ? "" : "s", last->seconds,
        last->seconds > 0 ? trained / last->seconds : 0.0, last->epoch_loss, last->epoch_accuracy,
        validation, run->settings->output);
    mcl_progress_ended_early(last, run->settings->options.train.early_stop);
}

static void print_table(const struct run *run)
{
    mcl_print("%-10s  %9s  %14s  %7s\n", "begun from", "trainings", "test accuracy", "seconds");
    for (enum start start = 0; start < STARTS; start++) {
        const struct outcome *outcome = &run->outcomes[start];
        const mcl_mean accuracy = mcl_mean_of(outcome->accuracy, run->seeds);
        if (!outcome->done)
            continue;
        mcl_print("%-10s  %9zu  ", titles[start], run->seeds);
        if (run->seeds == 1)
            mcl_print("%13.2f%%", 100 * accuracy.mean);
        else
            mcl_print("%5.2f ± %5.2f%%", 100 * accuracy.mean, 100 * accuracy.deviation);
        mcl_print("  %7.1f\n", outcome->seconds);
    }
}

/* How well the model that is written tells each class that has a name. */
static void print_classes(const struct run *run)
{
    mcl_print("%9s  %8s  %s\n", "test rows", "accuracy", "class");
    for (uint32_t i = 0; i < mcl_data_classes(run->test.data); i++) {
        const struct class_count *count = &run->counts[i];
        mcl_print("%9" PRIu64, count->rows);
        if (count->rows)
            mcl_print("  %7.2f%%  ", 100.0 * (double)count->right / (double)count->rows);
        else
            mcl_print("  %8s  ", "-");
        mcl_print_clean(mcl_out, mcl_data_class_name(run->test.data, i));
        mcl_print("\n");
    }
}

static void print_text(const struct run *run)
{
    if (!run->progress.quiet && !has_several_runs(run->settings))
        print_summary(run);
    if (run->settings->test)
        print_table(run);
    if (run->counts)
        print_classes(run);
    if (run->progress.quiet)
        return;
    if (has_several_runs(run->settings))
        mcl_print("wrote %s, the first one's model\n", run->settings->output);
    mcl_print("digest %s\n", run->digest);
}

/* The classes by their numbers. */
static void add_classes(cJSON *root, const struct run *run)
{
    const mcl_data *data = run->test.data ? run->test.data : run->train.data;
    if (mcl_data_classes(data) == 0)
        return;
    cJSON *list = mcl_json_array_in(root, "classes");
    for (uint32_t i = 0; i < mcl_data_classes(data); i++) {
        cJSON *entry = mcl_json_object_at(list);
        mcl_json_text(entry, "name", mcl_data_class_name(data, i));
        if (!run->counts)
            continue;
        mcl_json_number(entry, "test_rows", (double)run->counts[i].rows);
        mcl_json_number(entry, "right", (double)run->counts[i].right);
    }
}

/* Whether the output is what the run would come to, which is kept then. Of a run of fewer epochs,
 * that cannot go on, says what can. */
static mcl_exit look_at_output(struct run *run)
{
    const struct settings *settings = run->settings;
    const char *output = settings->output;
    mcl_relation relation = MCL_RELATION_NONE;
    uint64_t epochs = 0;
    mcl_model *model;
    if (!settings->options.train.resume || run->resumed || access(output, F_OK) != 0)
        return MCL_EXIT_DONE;
    if (mcl_model_load(&model, output) == MCL_OK) {
        const mcl_status status = mcl_finetune_relate(&relation, &epochs, model, run->context,
            run->model, run->train.data, run->train.labels, &settings->options);
        mcl_model_digest(run->digest, model);
        mcl_model_free(model);
        if (status != MCL_OK)
            return mcl_complain_status(status);
    }
    if (relation == MCL_RELATION_SHORTER)
        return mcl_complain(MCL_EXIT_FAILED,
            "%s: is of a run that has ended after its %" PRIu64 " epochs, and %" PRIu64
            " are wanted: to train its model further, name it as MODEL, with another -o; to begin "
            "anew, leave --resume out",
            output, epochs, settings->options.train.epochs);
    run->there = relation == MCL_RELATION_SAME;
    if (!run->there)
        mcl_checkpoint_say_none(&settings->options.train, run->progress.quiet);
    return MCL_EXIT_DONE;
}

static mcl_exit print_json(const struct run *run)
{
    cJSON *root = mcl_json_object();
    mcl_json_number(root, "train_rows", (double)run->rows);
    if (run->settings->options.labels_per_class)
        mcl_json_number(root, "labels_per_class", (double)run->settings->options.labels_per_class);
    if (run->settings->test)
        mcl_json_number(root, "test_rows", (double)count_labelled(&run->test));
    mcl_json_text(root, "device", mcl_context_device(run->context)->name);
    mcl_json_text(root, "digest", run->digest);
    add_classes(root, run);
    cJSON *results = mcl_json_array_in(root, "results");
    for (enum start start = 0; start < STARTS; start++) {
        const struct outcome *outcome = &run->outcomes[start];
        if (!outcome->done)
            continue;
        cJSON *entry = mcl_json_object_at(results);
        mcl_json_text(entry, "begun_from", names[start]);
        mcl_json_number(entry, "trainings", (double)run->seeds);
        if (run->settings->test) {
            const mcl_mean accuracy = mcl_mean_of(outcome->accuracy, run->seeds);
            mcl_json_number(entry, "accuracy", accuracy.mean);
            mcl_json_number(entry, "deviation", accuracy.deviation);
        }
        mcl_json_number(entry, "seconds", outcome->seconds);
    }
    return mcl_json_print(root);
}

static mcl_exit check_settings(
    struct run *run, struct settings *settings, const mcl_arguments *arguments)
{
    const char *const *paths = arguments->operands;
    const char *const inputs[] = {
        paths[0], paths[1], paths[2], settings->test, settings->test_labels};
    const mcl_train_options *train = &settings->options.train;
    mcl_exit code = mcl_check_rate(train->optimizer.kind, arguments);
    if (code == MCL_EXIT_DONE && has_several_runs(settings) &&
        (train->checkpoint_steps || train->checkpoint_seconds > 0.0 || train->resume))
        code = mcl_complain(MCL_EXIT_USAGE, "%s: %s",
            train->resume ? "--resume" : "--checkpoint-every", ONE_TRAINING);
    if (code == MCL_EXIT_DONE)
        code = mcl_claim_training(run->checkpoint, &settings->options.train, settings->output,
            settings->metrics, inputs, 5);
    if (code == MCL_EXIT_DONE)
        code = mcl_checkpoint_prepare(
            &run->resumed, &settings->options.train, settings->output, settings->device.quiet);
    return code;
}

/* Refuses test rows of classes above all that training rows are of, unless they have names, and
 * warns of others that none is of. */
static mcl_exit check_test(struct run *run)
{
    const char *path =
        run->settings->test_labels ? run->settings->test_labels : run->settings->test;
    const int32_t largest = largest_label(&run->train), tested = largest_label(&run->test);
    const uint32_t named = mcl_data_classes(run->test.data);
    if (count_labelled(&run->test) == 0)
        return mcl_complain(MCL_EXIT_FAILED, "%s: no test row has a label", path);
    if (tested > largest && !named)
        return mcl_complain(MCL_EXIT_FAILED,
            "%s: has rows of class %" PRId32 ", but the largest class of the training rows is "
            "%" PRId32,
            path, tested, largest);
    run->counts = named ? calloc(named, sizeof *run->counts) : NULL;
    if (named && !run->counts)
        return mcl_complain(MCL_EXIT_FAILED, "the host has no memory left");
    return mcl_warn_of_unseen(&run->train, &run->test, path);
}

static mcl_exit load(struct run *run, const char *const *paths)
{
    const struct settings *settings = run->settings;
    mcl_data_options reading = settings->data;
    mcl_exit code = mcl_load_model(&run->model, paths[0]);
    if (code == MCL_EXIT_DONE)
        code = mcl_load_labelled(&run->train, paths[1], paths[2], &reading, run->model);
    if (code == MCL_EXIT_DONE)
        code = mcl_refuse_targets(run->train.data, paths[2] ? paths[2] : paths[1]);
    if (code == MCL_EXIT_DONE)
        code = mcl_check_rows(run->model, paths[0], run->train.data, paths[1]);
    if (code == MCL_EXIT_DONE && !paths[2])
        mcl_warn_of_new_classes(run->train.data, paths[1], reading.label);
    if (code != MCL_EXIT_DONE || !settings->test)
        return code;
    reading.like = run->train.data;
    code =
        mcl_load_labelled(&run->test, settings->test, settings->test_labels, &reading, run->model);
    if (code == MCL_EXIT_DONE)
        code = mcl_check_rows(run->model, paths[0], run->test.data, settings->test);
    return code == MCL_EXIT_DONE ? check_test(run) : code;
}

static mcl_exit run_command(void *given, const mcl_arguments *arguments)
{
    struct settings *settings = given;
    struct run run = {.settings = settings,
        .progress = mcl_progress_start(settings->device.quiet),
        .seeds = has_several_seeds(settings) ? MCL_FEW_DRAWS : 1};
    mcl_exit code = check_settings(&run, settings, arguments);
    if (code != MCL_EXIT_DONE)
        return code;
    code = load(&run, arguments->operands);
    if (code == MCL_EXIT_DONE)
        code = count_rows(&run.rows, &run);
    if (code == MCL_EXIT_DONE)
        code = mcl_open_device(&run.context, &settings->device);
    if (code == MCL_EXIT_DONE) {
        run.batch = mcl_batch_rows(settings->options.train.batch, run.rows);
        code = look_at_output(&run);
    }
    if (code == MCL_EXIT_DONE && run.there) {
        code = train_all(&run); /* but for the training */
    } else if (code == MCL_EXIT_DONE) {
        mcl_progress_note(&run.progress, "compiling kernels and loading the data");
        code = train_with_metrics(&run);
    }
    if (code == MCL_EXIT_DONE && settings->json)
        code = print_json(&run);
    else if (code == MCL_EXIT_DONE)
        print_text(&run);
    mcl_context_close(run.context);
    mcl_free_labelled(&run.train);
    mcl_free_labelled(&run.test);
    mcl_model_free(run.model);
    free(run.counts);
    return code;
}

static const char *needs_test(const void *given)
{
    const struct settings *settings = given;
    return settings->test ? NULL : "there are no rows to test on: add --test";
}

static const char *compare_conflict(const void *given)
{
    const struct settings *settings = given;
    return settings->options.from_scratch
               ? "--from-scratch trains nothing to compare with: leave it out"
               : needs_test(given);
}

static const char *metrics_conflict(const void *given)
{
    return has_several_runs(given) ? ONE_TRAINING : NULL;
}

#define OFFSET(member) offsetof(struct settings, member)

static const mcl_option options[] = {
    {.name = "test",
        .argument = "DATA",
        .group = "Data",
        .help = "rows to measure the accuracy on after training; with --labels-per-class there are "
                "five trainings, for five seeds, whose mean and standard deviation are printed",
        .type = &mcl_option_text,
        .offset = OFFSET(test)},
    {.name = "test-labels",
        .argument = "LABELS",
        .group = "Data",
        .help = "a file of their classes, where DATA's are in LABELS; classes are matched by name",
        .type = &mcl_option_text,
        .offset = OFFSET(test_labels),
        .conflict = needs_test},
    {.name = "validate",
        .group = "Data",
        .help = "watch training, and nothing else, by the embeddings: about every 200 steps, at an "
                "epoch's end, 1,000 rows of DATA tell the classes of 1,000 others by the 20 "
                "nearest embeddings; the accuracy is shown as validation",
        .type = &mcl_option_switch,
        .offset = OFFSET(validate)},
    {.name = "compare",
        .group = "Model",
        .help = "train from the model and from scratch, and print both accuracies",
        .type = &mcl_option_switch,
        .offset = OFFSET(compare),
        .conflict = compare_conflict},
    MCL_DEVICE_OPTIONS(struct settings, device),
    {.name = "output",
        .letter = 'o',
        .required = true,
        .argument = "TUNED.safetensors",
        .group = "Output",
        .help = "the model file to write: the encoder, the head and the decoder, which stays as it "
                "was; of several trainings the first one's",
        .type = &mcl_option_text,
        .offset = OFFSET(output)},
    {.name = "metrics",
        .argument = "FILE.jsonl",
        .group = "Output",
        .help = "write a JSON object a step, as the steps come: step, epoch, loss, accuracy on the "
                "batch, lr, rows_per_s, seconds; at ends of epochs, with --validate, validation; "
                "of a single training",
        .type = &mcl_option_text,
        .offset = OFFSET(metrics),
        .conflict = metrics_conflict},
    {.name = "json",
        .group = "Output",
        .help = "print one JSON object",
        .type = &mcl_option_switch,
        .offset = OFFSET(json)},
};

static void set_defaults(void *given)
{
    struct settings *settings = given;
    (void)mcl_finetune_options_init(&settings->options); /* of this very version */
}

const mcl_command mcl_command_finetune = {
    .name = "finetune",
    .summary = "train a model further, with labels",
    .description =
        "Trains the model's encoder and a new linear head after it by cross-entropy with the "
        "labels, on the rows as they are. The file that it writes is a model as any other: 'embed' "
        "gives the fine-tuned encoder's embeddings, and PyTorch finds the head as head.weight and "
        "head.bias.\n"
        "With --test it prints the accuracy on the test rows, with --compare also what the "
        "same network comes to without pre-training.\n"
        "Ctrl-C, or another signal that ends programs, ends after the current step and writes the "
        "model so far; a second one after a second ends at once. With --checkpoint-every a single "
        "training keeps checkpoints beside the model: one "
        "that was interrupted, or killed, goes on with --resume and ends with the same bits.",
    .examples =
        "  maskcl finetune penguins.safetensors train.csv --label species -o tuned.safetensors \\\n"
        "      --test test.csv\n"
        "  maskcl finetune fashion.safetensors train-images-idx3-ubyte.gz \\\n"
        "      train-labels-idx1-ubyte.gz -o tuned.safetensors --labels-per-class 60 \\\n"
        "      --test t10k-images-idx3-ubyte.gz --test-labels t10k-labels-idx1-ubyte.gz \\\n"
        "      --compare",
    .operands = {{"MODEL", "the model file"},
        {"DATA", "the rows to train on; those without a label are left out"},
        {"LABELS", "a file of their classes, one a row: IDX, .npy, or text with one a line; left "
                   "out where a column of DATA (--label) or its folders have them"}},
    .operand_count = 3,
    .optional_operands = 1,
    .library = MCL_OPTIONS_FINETUNE,
    .library_offset = OFFSET(options),
    .data_keys = mcl_data_keys_applied,
    .data_offset = OFFSET(data),
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .set_defaults = set_defaults,
    .run = run_command,
};
