/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl compare: which recipe makes the best embeddings of a user's own rows. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "data_options.h"
#include "device_options.h"
#include "held_out.h"
#include "json.h"
#include "maskcl/pretrain.h"
#include "progress.h"
#include "signals.h"
#include "table.h"
#include "training.h"

#define RECIPES_MOST 16
#define ENTRIES_MOST (RECIPES_MOST + 2)
#define NAME_SIZE 32
/* Of a recipe's time: what passes before its steps are timed, as drivers compile in the first ones,
 * how long they are, and what of the rest lowered epochs may take. */
#define WARM_UP 0.05
#define LOOK 0.1
#define FIT 0.9

struct settings {
    mcl_device_settings device;
    mcl_data_options data;
    const char *recipes; /* NULL: those that are worth it */
    double seconds;
    uint64_t seed;
    bool json;
};

enum state { WAITING, REFUSED, MEASURED };

/* A line of the table. */
struct entry {
    char name[NAME_SIZE]; /* of the recipe */
    const char *title;    /* of what is none; else NULL */
    enum state state;
    char note[256];                     /* why it was not trained, or what is amiss */
    uint64_t epochs, planned, complete; /* of the training: as lowered, the recipe's, trained */
    double accuracy, error, balanced, nearest, seconds;
    int32_t *told; /* [tested] by the linear probe */
};

struct compare {
    const struct settings *settings;
    const mcl_arguments *arguments;
    mcl_context *context;
    mcl_progress progress;
    const volatile sig_atomic_t *signalled;
    mcl_labelled set;
    mcl_data *train; /* all rows but those that are held out */
    mcl_fold fold;
    struct entry entries[ENTRIES_MOST]; /* raw inputs, untrained encoder, recipes */
    size_t count;
    mcl_architecture architecture; /* of the best recipe so far */
    double trained;                /* seconds, by all recipes so far */
};

enum { RAW, UNTRAINED, FIRST_RECIPE };

static const char *title_of(const struct entry *entry)
{
    return entry->title ? entry->title : entry->name;
}

/* The best recipe that was measured; NULL: none was. */
static const struct entry *best_of(const struct compare *compare)
{
    const struct entry *best = NULL;
    for (size_t i = FIRST_RECIPE; i < compare->count; i++) {
        const struct entry *entry = &compare->entries[i];
        if (entry->state == MEASURED && (!best || entry->accuracy > best->accuracy))
            best = entry;
    }
    return best;
}

/* A training as its report sees it. */
struct training {
    struct compare *compare;
    const char *name;
    double begun, share; /* by mcl_seconds(); seconds */
    bool looked;         /* whether the epochs fit was found out */
    uint64_t lowered;    /* the epochs that do; 0: all, or not looked yet */
    mcl_step first, last;
    volatile sig_atomic_t stop;
};

/* Ends a training whose epochs need too much time, and says how many would not. */
static void look(struct training *training, const mcl_step *step, double used)
{
    const uint64_t steps = step->step - training->first.step;
    const double left = training->share - used;
    const double timed = step->seconds - training->first.seconds;
    if (step->seconds < WARM_UP * training->share)
        training->first = *step;
    if (training->looked || steps == 0 || timed < LOOK * training->share)
        return;
    const double rate = timed / (double)steps;
    const uint64_t steps_an_epoch = step->steps / step->epochs;
    const double an_epoch = rate * (double)steps_an_epoch;
    training->looked = true;
    if (rate * (double)(step->steps - step->step) <= left)
        return;
    const double fit = an_epoch > 0 ? FIT * left / an_epoch : 1.0;
    training->lowered = fit < 1 ? 1 : fit < (double)step->epochs ? (uint64_t)fit : step->epochs;
    training->stop = 1;
}

static void report(const mcl_step *step, void *user)
{
    struct training *training = user;
    const double used = mcl_seconds() - training->begun;
    char head[64];
    if (training->first.step == 0)
        training->first = *step;
    training->last = *step;
    snprintf(head, sizeof head, "%s, epoch %" PRIu64 "/%" PRIu64, training->name, step->epoch,
        step->epochs);
    mcl_progress_part(
        &training->compare->progress, head, (double)step->step / (double)step->steps, "");
    if (*training->compare->signalled || used > training->share)
        training->stop = 1;
    else
        look(training, step, used);
}

/* Trains for a share of the time at most: once, or once more with fewer epochs. MCL_INTERRUPTED
 * without a model: by a signal. */
static mcl_status train(mcl_model **model, struct compare *compare, struct entry *entry,
    const mcl_pretrain_options *recipe, double share)
{
    mcl_pretrain_options options = *recipe;
    struct training training = {
        .compare = compare, .name = entry->name, .begun = mcl_seconds(), .share = share};
    options.train.report = report;
    options.train.report_every = 1;
    options.train.user = &training;
    options.train.stop = &training.stop;
    entry->planned = options.train.epochs;
    mcl_status status = mcl_pretrain(model, compare->context, compare->train, &options);
    if (status == MCL_INTERRUPTED && training.lowered && !*compare->signalled) {
        mcl_model_free(*model);
        *model = NULL;
        options.train.epochs = training.lowered;
        training.lowered = 0;
        training.stop = 0;
        status = mcl_pretrain(model, compare->context, compare->train, &options);
    }
    entry->epochs = options.train.epochs;
    entry->complete = training.last.epoch - (training.last.epoch > 0 && !training.last.epoch_end);
    entry->seconds = mcl_seconds() - training.begun;
    compare->trained += entry->seconds;
    if (status != MCL_INTERRUPTED)
        return status;
    if (!*compare->signalled)
        return MCL_OK;
    mcl_model_free(*model);
    *model = NULL;
    return MCL_INTERRUPTED;
}

/* Measures values[rows × width], features of all rows. */
static mcl_status measure_values(
    struct entry *entry, struct compare *compare, const float *values, uint64_t width)
{
    const mcl_fold *fold = &compare->fold;
    const mcl_features train = mcl_fold_features(fold, MCL_FOLD_TRAIN, values, width);
    const mcl_features test = mcl_fold_features(fold, MCL_FOLD_TEST, values, width);
    const mcl_probe_options options = {.seed = compare->settings->seed};
    mcl_probe_result result;
    mcl_scores scores;
    mcl_status status =
        mcl_probe_with(&result, entry->told, NULL, compare->context, &train, &test, &options);
    if (status == MCL_OK)
        status = mcl_scores_of(&scores, test.labels, entry->told, test.rows);
    if (status != MCL_OK)
        return status;
    const double p = scores.accuracy;
    entry->accuracy = p;
    entry->error = sqrt(p * (1 - p) / (double)test.rows);
    entry->balanced = scores.balanced_accuracy;
    entry->nearest = result.knn_accuracy;
    entry->state = MEASURED;
    return MCL_OK;
}

/* Measures the embeddings of a model, or without one the rows themselves. */
static mcl_exit measure(struct compare *compare, struct entry *entry, const mcl_model *model)
{
    const mcl_data *data = compare->set.data;
    const uint64_t rows = mcl_data_rows(data), tested = compare->fold.rows[MCL_FOLD_TEST];
    const uint64_t width =
        model ? mcl_model_architecture(model)->embedding : mcl_data_columns(data);
    char note[64];
    float *values;
    snprintf(note, sizeof note, "probing %s", title_of(entry));
    mcl_progress_note(&compare->progress, note);
    mcl_exit code = mcl_allocate_values(&values, rows, width);
    if (code != MCL_EXIT_DONE)
        return code;
    entry->told = calloc((size_t)tested + 1, sizeof *entry->told);
    if (entry->told) {
        mcl_status status = model ? mcl_embed(values, compare->context, model, data)
                                  : mcl_data_floats(values, data, 0, rows);
        if (status == MCL_OK)
            status = measure_values(entry, compare, values, width);
        mcl_progress_clear(&compare->progress);
        if (status != MCL_OK)
            code = mcl_complain_status(status);
    } else {
        code = mcl_complain(MCL_EXIT_FAILED, "the host has no memory left for the probe");
    }
    free(values);
    return code;
}

/* The recipe's options, fitted to the rows where it is auto: as pretrain has them. */
static mcl_status take_recipe(
    mcl_pretrain_options *options, const struct compare *compare, const char *name)
{
    mcl_status status = mcl_pretrain_options_init(options);
    if (status == MCL_OK)
        status = mcl_recipe_apply(options, name);
    if (status == MCL_OK && strcmp(name, "auto") == 0)
        status = mcl_recipe_fit(NULL, options, compare->train);
    mcl_take_objective_views(options);
    options->train.seed = compare->settings->seed;
    return status;
}

/* What one recipe of so many may take of the time that is left; a moment, where none is. */
static double share_of(const struct compare *compare, size_t recipes)
{
    const double share = (compare->settings->seconds - compare->trained) / (double)recipes;
    const double least = compare->settings->seconds / 100;
    return share > least ? share : least;
}

/* Notes what is amiss with a recipe's model, and keeps what it is built like where it is the best.
 */
static void judge(struct compare *compare, struct entry *entry, const mcl_model *model)
{
    mcl_collapse collapse;
    if (mcl_model_collapse(&collapse, model) == MCL_OK &&
        collapse.verdict == MCL_COLLAPSE_OF_EMBEDDINGS)
        snprintf(entry->note, sizeof entry->note, "collapsed");
    if (best_of(compare) == entry)
        compare->architecture = *mcl_model_architecture(model);
}

static mcl_exit run_recipe(struct compare *compare, size_t index)
{
    struct entry *entry = &compare->entries[index];
    const size_t of = compare->count - FIRST_RECIPE, number = index - FIRST_RECIPE;
    mcl_pretrain_options options;
    mcl_model *model = NULL;
    if (!compare->settings->device.quiet && !compare->progress.terminal)
        mcl_tell("recipe %zu of %zu: %s", number + 1, of, entry->name);
    mcl_status status = take_recipe(&options, compare, entry->name);
    if (status == MCL_OK)
        status = train(&model, compare, entry, &options, share_of(compare, of - number));
    mcl_progress_clear(&compare->progress);
    if (status == MCL_INTERRUPTED)
        return MCL_EXIT_INTERRUPTED;
    if (status != MCL_OK) {
        entry->state = REFUSED;
        snprintf(entry->note, sizeof entry->note, "%s", mcl_error_message());
        return MCL_EXIT_DONE;
    }
    const mcl_exit code = measure(compare, entry, model);
    if (code == MCL_EXIT_DONE)
        judge(compare, entry, model);
    mcl_model_free(model);
    return code;
}

/* The encoder of the best recipe as it was before training. */
static mcl_exit run_untrained(struct compare *compare)
{
    mcl_model *model;
    if (!best_of(compare))
        return MCL_EXIT_DONE;
    const mcl_status status =
        mcl_model_create(&model, &compare->architecture, compare->settings->seed);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    const mcl_exit code = measure(compare, &compare->entries[UNTRAINED], model);
    mcl_model_free(model);
    return code;
}

static mcl_exit run_all(struct compare *compare)
{
    compare->signalled = mcl_signals_defer();
    mcl_exit code = measure(compare, &compare->entries[RAW], NULL);
    for (size_t i = FIRST_RECIPE; i < compare->count && code == MCL_EXIT_DONE; i++)
        code = *compare->signalled ? MCL_EXIT_INTERRUPTED : run_recipe(compare, i);
    if (code == MCL_EXIT_DONE)
        code = *compare->signalled ? MCL_EXIT_INTERRUPTED : run_untrained(compare);
    return code;
}

/* The entries that were measured, the best first; returns how many. */
static size_t rank(const struct entry *ranked[ENTRIES_MOST], const struct compare *compare)
{
    size_t count = 0;
    for (size_t i = 0; i < compare->count; i++) {
        const struct entry *entry = &compare->entries[i];
        size_t place = count;
        if (entry->state != MEASURED)
            continue;
        for (; place > 0 && ranked[place - 1]->accuracy < entry->accuracy; place--)
            ranked[place] = ranked[place - 1];
        ranked[place] = entry;
        count++;
    }
    return count;
}

/* "100", or "12 of 100" where the time was too short. */
static const char *show_epochs(char text[48], const struct entry *entry)
{
    if (entry->title)
        snprintf(text, 48, "-");
    else if (entry->complete < entry->planned)
        snprintf(text, 48, "%" PRIu64 " of %" PRIu64, entry->complete, entry->planned);
    else
        snprintf(text, 48, "%" PRIu64, entry->complete);
    return text;
}

/* The sign ± is two bytes wide and one column. */
static void print_table(const struct compare *compare)
{
    const struct entry *ranked[ENTRIES_MOST];
    const size_t count = rank(ranked, compare);
    bool lowered = false;
    mcl_print("%-17s  %15s  %8s  %7s  %12s  %7s\n", "recipe", "linear probe", "balanced", "20-NN",
        "epochs", "seconds");
    for (size_t i = 0; i < count; i++) {
        const struct entry *e = ranked[i];
        char linear[32], epochs[48];
        snprintf(linear, sizeof linear, "%.2f ± %.2f%%", 100 * e->accuracy, 100 * e->error);
        mcl_print("%-17s  %16s  %7.2f%%  %6.2f%%  %12s  %7.1f%s%s\n", title_of(e), linear,
            100 * e->balanced, 100 * e->nearest, show_epochs(epochs, e), e->seconds,
            *e->note ? "  " : "", e->note);
        lowered = lowered || e->complete < e->planned;
    }
    for (size_t i = FIRST_RECIPE; i < compare->count; i++) {
        const struct entry *e = &compare->entries[i];
        if (e->state != REFUSED)
            continue;
        mcl_print("%-17s  not trained: ", e->name);
        mcl_print_spelled(mcl_out, e->note);
        mcl_print("\n");
    }
    mcl_print("measured on a held-out fifth, %" PRIu64 " of %" PRIu64 " labelled rows%s\n",
        compare->fold.rows[MCL_FOLD_TEST],
        compare->fold.rows[MCL_FOLD_TEST] + compare->fold.rows[MCL_FOLD_TRAIN],
        lowered ? "; with more --time the recipes would train all their epochs" : "");
}

/* How much better the best recipe is than another entry, in numbers and words. */
static mcl_mean find_gain(
    char *text, size_t size, const struct compare *compare, const struct entry *other)
{
    const struct entry *best = best_of(compare);
    const mcl_fold *fold = &compare->fold;
    const mcl_mean gain = mcl_gain_of(
        best->told, other->told, fold->labels[MCL_FOLD_TEST], fold->rows[MCL_FOLD_TEST]);
    mcl_say_gain(text, size, gain, best->name, other->title, false);
    return gain;
}

/* Writes a word as a shell reads it back. */
static void quote(FILE *stream, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./=+,:@%";
    fputc(' ', stream);
    if (*word && word[strspn(word, plain)] == '\0') {
        fputs(word, stream);
        return;
    }
    fputc('\'', stream);
    for (; *word; word++)
        fputs(*word == '\'' ? "'\\''" : (char[2]){*word}, stream);
    fputc('\'', stream);
}

/* The command line that trains the best recipe on all rows, freed with free(); NULL for want of
 * memory. Options of reading data are taken over. */
static char *winning_line(const struct compare *compare)
{
    const mcl_arguments *arguments = compare->arguments;
    const mcl_option_table table = mcl_command_table(arguments->command);
    char *line = NULL, seed[24];
    size_t size = 0;
    FILE *stream = open_memstream(&line, &size);
    if (!stream)
        return NULL;
    fputs("maskcl pretrain", stream);
    quote(stream, arguments->operands[0]);
    for (size_t i = 0; i < table.count; i++) {
        if (!table.options[i].key || !arguments->values[i])
            continue;
        fprintf(stream, " --%s", table.options[i].name);
        if (table.options[i].argument)
            quote(stream, arguments->values[i]);
    }
    if (arguments->operand_count > 1) {
        fputs(" --validate", stream);
        quote(stream, arguments->operands[1]);
    }
    snprintf(seed, sizeof seed, "%" PRIu64, compare->settings->seed);
    fprintf(stream, "%s%s --recipe %s -o MODEL.safetensors",
        compare->settings->seed ? " --seed " : "", compare->settings->seed ? seed : "",
        best_of(compare)->name);
    if (fclose(stream) == 0)
        return line;
    free(line);
    return NULL;
}

static mcl_exit lack_memory(void)
{
    return mcl_complain(MCL_EXIT_FAILED, "the host has no memory left for the comparison");
}

static mcl_exit print_text(const struct compare *compare)
{
    print_table(compare);
    if (!best_of(compare))
        return MCL_EXIT_DONE;
    for (size_t i = RAW; i < FIRST_RECIPE; i++) {
        char text[256];
        if (compare->entries[i].state != MEASURED)
            continue;
        (void)find_gain(text, sizeof text, compare, &compare->entries[i]);
        mcl_print("%s\n", text);
    }
    char *line = winning_line(compare);
    if (!line)
        return lack_memory();
    mcl_print("%s\n", line);
    free(line);
    return MCL_EXIT_DONE;
}

static void add_result(cJSON *entry, const struct entry *e)
{
    mcl_json_text(entry, e->title ? "features" : "recipe", title_of(e));
    mcl_json_number(entry, "linear_accuracy", e->accuracy);
    mcl_json_number(entry, "standard_error", e->error);
    mcl_json_number(entry, "balanced_accuracy", e->balanced);
    mcl_json_number(entry, "knn_accuracy", e->nearest);
    if (e->title)
        return;
    mcl_json_number(entry, "seconds", e->seconds);
    mcl_json_number(entry, "epochs", (double)e->complete);
    mcl_json_number(entry, "epochs_of_recipe", (double)e->planned);
    mcl_json_bool(entry, "collapsed", *e->note != '\0');
}

static void add_verdict(cJSON *root, const struct compare *compare)
{
    cJSON *verdict = mcl_json_array_in(root, "verdict");
    for (size_t i = RAW; i < FIRST_RECIPE; i++) {
        char text[256];
        if (!best_of(compare) || compare->entries[i].state != MEASURED)
            continue;
        const mcl_mean gain = find_gain(text, sizeof text, compare, &compare->entries[i]);
        cJSON *entry = mcl_json_object_at(verdict);
        mcl_json_text(entry, "than", compare->entries[i].title);
        mcl_json_number(entry, "difference", gain.mean);
        mcl_json_number(entry, "standard_error", gain.deviation);
        mcl_json_text(entry, "text", text);
    }
}

static mcl_exit print_json(const struct compare *compare, bool interrupted)
{
    const struct entry *ranked[ENTRIES_MOST];
    const size_t count = rank(ranked, compare);
    char *line = best_of(compare) ? winning_line(compare) : NULL;
    cJSON *root = mcl_json_object();
    mcl_json_number(root, "train_rows", (double)compare->fold.rows[MCL_FOLD_TRAIN]);
    mcl_json_number(root, "test_rows", (double)compare->fold.rows[MCL_FOLD_TEST]);
    mcl_json_text(root, "device", mcl_context_device(compare->context)->name);
    mcl_json_bool(root, "interrupted", interrupted);
    cJSON *results = mcl_json_array_in(root, "results");
    for (size_t i = 0; i < count; i++)
        add_result(mcl_json_object_at(results), ranked[i]);
    cJSON *refused = mcl_json_array_in(root, "not_trained");
    for (size_t i = FIRST_RECIPE; i < compare->count; i++) {
        if (compare->entries[i].state != REFUSED)
            continue;
        cJSON *entry = mcl_json_object_at(refused);
        mcl_json_text(entry, "recipe", compare->entries[i].name);
        mcl_json_text(entry, "reason", compare->entries[i].note);
    }
    add_verdict(root, compare);
    if (line)
        mcl_json_text(root, "command", line);
    free(line);
    return mcl_json_print(root);
}

static mcl_exit exit_of(mcl_status status)
{
    return status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
}

/* The fold of each row. */
struct folds {
    const uint32_t *of; /* [rows] */
    uint64_t rows;
};

static bool is_trained_on(uint64_t row, void *user)
{
    const struct folds *folds = user;
    return row < folds->rows && folds->of[row] != 0;
}

/* Whether a path is the same when it is read again. */
static bool can_be_read_again(const char *path)
{
    struct stat information;
    return strcmp(path, "-") != 0 &&
           (stat(path, &information) != 0 /* a part of a file */ || S_ISREG(information.st_mode) ||
               S_ISDIR(information.st_mode));
}

/* Reads columns of a table again, as the rows that are trained on have them; what can be read only
 * once stays as it is. */
static mcl_exit prepare_by_training(struct compare *compare, const struct folds *folds)
{
    const char *const *paths = compare->arguments->operands;
    mcl_labelled *set = &compare->set;
    const mcl_schema *schema = mcl_data_schema(set->data);
    mcl_data_options options = compare->settings->data;
    if (mcl_schema_columns(schema) == 0 || mcl_schema_image(NULL, schema) ||
        !can_be_read_again(paths[0]))
        return MCL_EXIT_DONE;
    options.fit_to = is_trained_on;
    options.fit_user = (void *)folds;
    mcl_free_labelled(set);
    *set = (mcl_labelled){NULL, NULL, NULL};
    mcl_exit code = exit_of(mcl_data_open_with(&set->data, paths[0], &options));
    if (code == MCL_EXIT_DONE && mcl_data_rows(set->data) != folds->rows)
        code = mcl_complain(MCL_EXIT_FAILED, "%s: has changed while it was read", paths[0]);
    if (code == MCL_EXIT_DONE && compare->arguments->operand_count > 1)
        code = mcl_add_labels(set, paths[1], &options);
    set->labels = mcl_data_labels(set->data);
    return code;
}

/* Holds a fifth of the labelled rows out of training, whose rows may lack labels. Rows of two
 * classes are enough to have one to train on and one to test on. of and
 * numbers have room for a number a row. */
static mcl_exit divide(struct compare *compare, uint32_t *of, uint64_t *numbers)
{
    const mcl_labelled *set = &compare->set;
    const uint64_t rows = mcl_data_rows(set->data);
    const struct folds folds = {of, rows};
    uint64_t count = 0;
    mcl_exit code =
        exit_of(mcl_folds(of, set->labels, rows, MCL_HELD_OUT_PARTS, compare->settings->seed));
    if (code == MCL_EXIT_DONE)
        code = prepare_by_training(compare, &folds);
    if (code == MCL_EXIT_DONE)
        code = mcl_fold_take(&compare->fold, MCL_FOLD_TRAIN, set, of, 0);
    if (code == MCL_EXIT_DONE)
        code = mcl_fold_take(&compare->fold, MCL_FOLD_TEST, set, of, 0);
    if (code != MCL_EXIT_DONE)
        return code;
    for (uint64_t i = 0; i < rows; i++) {
        if (of[i] != 0)
            numbers[count++] = i;
    }
    return exit_of(mcl_data_pick(&compare->train, set->data, numbers, count));
}

static mcl_exit hold_out(struct compare *compare)
{
    const uint64_t rows = mcl_data_rows(compare->set.data);
    uint32_t *of = calloc((size_t)rows + 1, sizeof *of);
    uint64_t *numbers = calloc((size_t)rows + 1, sizeof *numbers);
    const mcl_exit code = of && numbers ? divide(compare, of, numbers) : lack_memory();
    free(of);
    free(numbers);
    return code;
}

/* Adds a recipe, once. */
static mcl_exit add_recipe(struct compare *compare, const char *name)
{
    mcl_pretrain_options options;
    mcl_status status = mcl_pretrain_options_init(&options);
    if (status == MCL_OK)
        status = mcl_recipe_apply(&options, name);
    if (status != MCL_OK)
        return mcl_complain(MCL_EXIT_USAGE, "--recipes: %s", mcl_error_message());
    for (size_t i = FIRST_RECIPE; i < compare->count; i++) {
        if (strcmp(compare->entries[i].name, name) == 0)
            return MCL_EXIT_DONE;
    }
    if (compare->count == ENTRIES_MOST)
        return mcl_complain(MCL_EXIT_USAGE, "--recipes: there are more than %d", RECIPES_MOST);
    snprintf(compare->entries[compare->count++].name, NAME_SIZE, "%s", name);
    return MCL_EXIT_DONE;
}

/* Those that are named; or all but reference, which is known to collapse. */
static mcl_exit list_recipes(struct compare *compare)
{
    const char *rest = compare->settings->recipes;
    const mcl_recipe *recipe;
    mcl_exit code = MCL_EXIT_DONE;
    compare->entries[RAW].title = "raw inputs";
    compare->entries[UNTRAINED].title = "untrained encoder";
    compare->count = FIRST_RECIPE;
    for (size_t i = 0; !rest && (recipe = mcl_recipe_at(i)) && code == MCL_EXIT_DONE; i++) {
        if (strcmp(recipe->name, "reference") != 0)
            code = add_recipe(compare, recipe->name);
    }
    while (rest && code == MCL_EXIT_DONE) {
        const size_t length = strcspn(rest, ",");
        char name[NAME_SIZE];
        snprintf(name, sizeof name, "%.*s", (int)(length < NAME_SIZE ? length : NAME_SIZE), rest);
        code = add_recipe(compare, name);
        rest = rest[length] ? rest + length + 1 : NULL;
    }
    return code;
}

static mcl_exit load(struct compare *compare)
{
    const mcl_arguments *arguments = compare->arguments;
    const char *path = arguments->operands[0];
    const char *labels = arguments->operand_count > 1 ? arguments->operands[1] : NULL;
    const mcl_data_options *options = &compare->settings->data;
    mcl_labelled *set = &compare->set;
    mcl_exit code = mcl_load_data(&set->data, path, options, NULL);
    if (code != MCL_EXIT_DONE)
        return code;
    set->labels = mcl_data_labels(set->data);
    if (labels)
        code = mcl_add_labels(set, labels, options);
    else if (!set->labels)
        code = mcl_complain(MCL_EXIT_FAILED,
            "%s: the rows have no labels: name their column with --label, or their file after the "
            "rows",
            path);
    if (code == MCL_EXIT_DONE)
        code = mcl_refuse_targets(set->data, labels ? labels : path);
    if (code == MCL_EXIT_DONE)
        code = mcl_check_classes(set, labels ? labels : path);
    return code == MCL_EXIT_DONE ? hold_out(compare) : code;
}

/* Prints what was measured, also after a signal. */
static mcl_exit print(const struct compare *compare, mcl_exit code)
{
    const bool interrupted = code == MCL_EXIT_INTERRUPTED;
    size_t through = 0;
    for (size_t i = FIRST_RECIPE; i < compare->count; i++)
        through += compare->entries[i].state != WAITING;
    if (interrupted)
        mcl_tell("interrupted by %s: %zu of %zu recipes are through", mcl_signals_name(), through,
            compare->count - FIRST_RECIPE);
    const mcl_exit printed =
        compare->settings->json ? print_json(compare, interrupted) : print_text(compare);
    if (printed != MCL_EXIT_DONE || interrupted)
        return printed != MCL_EXIT_DONE ? printed : code;
    return best_of(compare) ? MCL_EXIT_DONE
                            : mcl_complain(MCL_EXIT_FAILED, "no recipe can train on these rows");
}

static mcl_exit run(void *given, const mcl_arguments *arguments)
{
    const struct settings *settings = given;
    struct compare *compare = calloc(1, sizeof *compare);
    if (!compare)
        return lack_memory();
    compare->settings = settings;
    compare->arguments = arguments;
    compare->progress = mcl_progress_start(settings->device.quiet);
    mcl_exit code = list_recipes(compare);
    if (code == MCL_EXIT_DONE)
        code = load(compare);
    if (code == MCL_EXIT_DONE)
        code = mcl_open_device(&compare->context, &settings->device);
    if (code == MCL_EXIT_DONE) {
        code = run_all(compare);
        if (code == MCL_EXIT_DONE || code == MCL_EXIT_INTERRUPTED)
            code = print(compare, code);
    }
    mcl_context_close(compare->context);
    mcl_fold_free(&compare->fold);
    mcl_data_free(compare->train);
    mcl_free_labelled(&compare->set);
    for (size_t i = 0; i < compare->count; i++)
        free(compare->entries[i].told);
    free(compare);
    return code;
}

/* "600", "600s", "10m", "2h". */
static mcl_exit parse_time(void *field, const char *text, const mcl_option *option)
{
    char *end;
    const double number = strtod(text, &end);
    const double unit = strcmp(end, "h") == 0 ? 3600 : strcmp(end, "m") == 0 ? 60 : 1;
    const bool known = !*end || strcmp(end, "s") == 0 || unit > 1;
    if (!*text || text[strspn(text, "0123456789.smh")] || !known || !(number * unit >= 1) ||
        number * unit > 1e9)
        return mcl_complain(MCL_EXIT_USAGE,
            "--%s: '%s' is no time of a second or more, as 90s, 10m or 2h are", option->name, text);
    *(double *)field = number * unit;
    return MCL_EXIT_DONE;
}

static const mcl_option_type type_time = {parse_time, NULL};

static void set_defaults(void *given)
{
    struct settings *settings = given;
    settings->seconds = 600;
}

static const mcl_option options[] = {
    {.name = "recipes",
        .argument = "NAME,...",
        .group = "Comparison",
        .help = "the recipes to compare; see 'maskcl help recipes'",
        .type = &mcl_option_text,
        .offset = offsetof(struct settings, recipes),
        .without = "all but reference"},
    {.name = "time",
        .argument = "TIME",
        .group = "Comparison",
        .help = "how long all recipes together may train, as in 90s, 10m or 2h: what is left is "
                "divided among those that are left, and one whose epochs would take longer trains "
                "fewer. Measuring comes on top",
        .type = &type_time,
        .offset = offsetof(struct settings, seconds),
        .without = "10m"},
    {.name = "seed",
        .argument = "S",
        .group = "Comparison",
        .help = "draws the rows that are held out, and what training draws",
        .type = &mcl_option_whole,
        .offset = offsetof(struct settings, seed),
        .without = "0"},
    MCL_DEVICE_OPTIONS(struct settings, device),
    {.name = "json",
        .group = "Output",
        .help = "print one JSON object",
        .type = &mcl_option_switch,
        .offset = offsetof(struct settings, json)},
};

const mcl_command mcl_command_compare = {
    .name = "compare",
    .summary = "find the recipe whose embeddings tell your classes apart best",
    .description =
        "Trains each recipe on four fifths of DATA, without labels, and measures on the other "
        "fifth, whose classes are spread evenly, how well its embeddings tell the classes apart, "
        "as probe does: beside the raw inputs, and the best recipe's encoder before training. "
        "Prints the accuracy of the linear probe with its standard error, the best first, whether "
        "the best recipe is better than these two by more than chance, and the command line that "
        "trains it on all rows. Columns of a table are prepared as the rows that are trained on "
        "have "
        "them (from standard input, which is read once, as all rows do). Among many "
        "recipes the best one is best by chance, too: probe its model on other rows.\n"
        "Ctrl-C ends the comparison and prints what was measured.",
    .examples = "  maskcl compare penguins.csv --label species --time 2m\n"
                "  maskcl compare icons/ --size 32 --recipes auto,recommended\n"
                "  maskcl compare rows.npy labels.npy",
    .operands = {{"DATA", "the rows, which bring their labels or have them in LABELS"},
        {"LABELS", "their classes, a number or a text a row"}},
    .operand_count = 2,
    .optional_operands = 1,
    .data_keys = mcl_data_keys_fitted,
    .data_offset = offsetof(struct settings, data),
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .set_defaults = set_defaults,
    .run = run,
};
