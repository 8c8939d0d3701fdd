/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl pretrain: trains an encoder on rows without labels. */
#include "pretrain.h"

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
#include "help.h"
#include "maskcl/profile.h"
#include "metrics.h"
#include "profile.h"
#include "progress.h"
#include "signals.h"
#include "table.h"
#include "training.h"

#define FEW_STEPS 100 /* after which embeddings that have drawn together may yet part */

struct settings {
    mcl_pretrain_options options;
    mcl_data_options data;
    struct {
        uint64_t rows, columns; /* zeros: not wanted */
    } synthetic;
    const char *init;     /* the model to begin with; NULL: none */
    const char *validate; /* the file of the labels; NULL: none */
    const char *output;
    const char *metrics; /* NULL: none */
    uint64_t metrics_every;
    bool fail_on_collapse;
    bool profile, profile_json;
    mcl_device_settings device;
};

/* A run as the report callback sees it. */
struct run {
    const struct settings *settings;
    mcl_progress progress;
    mcl_metrics metrics;
    mcl_collapse collapse;        /* of the model that was trained */
    bool held;                    /* the line of `last` waits for what the model is like */
    char digest[MCL_DIGEST_SIZE]; /* of the model; "" before there is one */
    char checkpoint[4096];
    mcl_checkpoint_log checkpoints;
    uint64_t resumed; /* the step that the run goes on from, 0 for a new one */
    mcl_step last;
    double least_held_out; /* the least loss on rows that are held out, NaN before there is one, */
    uint64_t best_epoch;   /* and its epoch */
    uint64_t rows;         /* that were trained on */
    double seconds;        /* that a run without steps took */
};

/* The options of masks may add a mask to the views but not change the one that these name. */
static mcl_exit check_one_mask(const struct settings *settings, const mcl_arguments *arguments)
{
    const char *views = mcl_option_text_of(arguments, "views");
    const mcl_mask *mask = &settings->options.views.mask;
    mcl_view_options named;
    if (!views || mcl_view_options_parse(&named, views) != MCL_OK)
        return MCL_EXIT_DONE;
    const bool names = strncmp(views, "mask", 4) == 0 || strstr(views, ",mask");
    const bool same = mask->kind == named.mask.kind && mask->ratio == named.mask.ratio &&
                      mask->patch == named.mask.patch && mask->patch_most == named.mask.patch_most;
    if (!names || same)
        return MCL_EXIT_DONE;
    return mcl_complain(MCL_EXIT_USAGE,
        "--views: its mask is not that of `mask`, `mask_ratio` and `mask_patch`: give the mask in "
        "one place");
}

static mcl_exit check_settings(
    struct run *run, struct settings *settings, const mcl_arguments *arguments)
{
    const char *data = arguments->operand_count ? arguments->operands[0] : NULL;
    const bool synthetic = settings->synthetic.rows != 0;
    if (!data && !synthetic)
        return mcl_complain(MCL_EXIT_USAGE,
            "pretrain needs DATA, or --synthetic ROWSxCOLUMNS: see 'maskcl help pretrain'");
    const size_t count = arguments->operand_count;
    if (data && synthetic)
        return mcl_complain(
            MCL_EXIT_USAGE, "--synthetic: it takes the place of DATA, but there is '%s' too", data);
    if (settings->profile && settings->profile_json)
        return mcl_complain(
            MCL_EXIT_USAGE, "--profile and --profile-json: one of the two, in one run");
    const char *inputs[MCL_OPERANDS_GIVEN_MAX + 2] = {settings->validate, settings->init};
    memcpy(inputs + 2, arguments->operands, count * sizeof *inputs);
    mcl_exit code = mcl_check_rate(settings->options.train.optimizer.kind, arguments);
    if (code == MCL_EXIT_DONE)
        code = check_one_mask(settings, arguments);
    if (code == MCL_EXIT_DONE)
        code = mcl_claim_training(run->checkpoint, &settings->options.train, settings->output,
            settings->metrics, inputs, 2 + count);
    if (code == MCL_EXIT_DONE)
        code = mcl_checkpoint_prepare(
            &run->resumed, &settings->options.train, settings->output, settings->device.quiet);
    return code;
}

/* Writes the line of the last step, with what is known of the model after it. */
static void write_metrics(struct run *run, const mcl_collapse *collapse)
{
    const mcl_pretrain_options *options = &run->settings->options;
    const mcl_metrics_facts facts = {options->objectives, options->objective_count, collapse};
    mcl_metrics_step(&run->metrics, &run->progress, &run->last, &facts);
    run->held = false;
}

/* Whether training may end with this step. */
static bool may_be_last(const struct run *run, const mcl_step *step)
{
    return step->step == step->steps ||
           (step->epoch_end && run->settings->options.train.early_stop);
}

static void report(const mcl_step *step, void *user)
{
    struct run *run = user;
    if (run->held)
        write_metrics(run, NULL);
    run->last = *step;
    run->held = may_be_last(run, step);
    if (!run->held)
        write_metrics(run, NULL);
    mcl_progress_step(&run->progress, step);
}

static void checkpointed(uint64_t step, const char *problem, void *user)
{
    struct run *run = user;
    mcl_checkpoint_note(&run->checkpoints, &run->progress, run->checkpoint, step, problem);
}

/* How often a step is reported. A report costs a little of the device's time: a terminal gets about
 * a hundred an epoch, a pipe only the epoch's last. */
static uint64_t report_every(const struct run *run, uint64_t rows)
{
    if (run->settings->metrics)
        return run->settings->metrics_every;
    if (!run->progress.terminal || run->progress.quiet)
        return 0;
    const uint64_t batch = mcl_batch_rows(run->settings->options.train.batch, rows);
    const uint64_t hundredth = batch ? rows / batch / 100 : 0;
    return hundredth < 1 ? 1 : hundredth > 16 ? 16 : hundredth;
}

static bool is_trained_on(uint64_t row, void *user)
{
    const mcl_pretrain_options *options = user;
    return !mcl_row_is_held_out(row, (double)options->holdout, options->train.seed);
}

/* The rows, and their labels where there are any. */
static mcl_exit load(mcl_labelled *set, struct settings *settings, const mcl_arguments *arguments,
    const mcl_model *init)
{
    if (settings->options.holdout > 0.0f) {
        settings->data.fit_to = is_trained_on;
        settings->data.fit_user = &settings->options;
    }
    if (arguments->operand_count) {
        mcl_exit code = mcl_load_all(
            &set->data, arguments->operands, arguments->operand_count, &settings->data, init);
        if (code == MCL_EXIT_DONE && settings->validate)
            code = mcl_add_labels(set, settings->validate, &settings->data);
        else
            set->labels = mcl_labels_to_watch(set->data);
        return code == MCL_EXIT_DONE && settings->validate
                   ? mcl_refuse_targets(set->data, settings->validate)
                   : code;
    }
    mcl_status status = mcl_data_synthetic(&set->data, settings->synthetic.rows,
        settings->synthetic.columns, settings->options.train.seed);
    return status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
}

/* What has been seen to end a collapse: batch normalization after every layer, the last one too,
 * with an objective that needs rows to differ. */
static const char *advice_for(const mcl_pretrain_options *options)
{
    const bool normalized =
        options->normalization == MCL_NORMALIZATION_BATCH && options->activated_embedding;
    bool rebuilds = false;
    for (size_t i = 0; i < options->objective_count; i++)
        rebuilds = rebuilds || mcl_objective_describe(options->objectives[i].kind)->decodes;
    if (!rebuilds)
        return "use `recipe` recommended for images or tabular for tables";
    return normalized ? "use another `objective`, a lower `learning_rate` or a larger `batch`"
                      : "use `normalization` batch and `embedding_layer` activated, as `recipe` "
                        "recommended and tabular do";
}

static void warn_of_collapse(const struct run *run)
{
    const mcl_collapse *collapse = &run->collapse;
    const double *spread = collapse->spread;
    if (collapse->verdict == MCL_COLLAPSE_OF_ROWS && spread[MCL_COLLAPSE_INPUTS] == 0.0)
        mcl_warn("the rows are all alike, and so are their embeddings: there is nothing to learn "
                 "from them");
    else if (collapse->verdict == MCL_COLLAPSE_OF_ROWS)
        mcl_warn("the rows are all alike but for little (spread %.4f), and so are their embeddings "
                 "(%.4f): subtract what they have in common, as standardised columns do",
            spread[MCL_COLLAPSE_INPUTS], spread[MCL_COLLAPSE_TRAINED]);
    else if (collapse->verdict == MCL_COLLAPSE_OF_EMBEDDINGS)
        mcl_warn("the embeddings have collapsed: every row gets nearly the same one (spread %.3f, "
                 "of the untrained encoder %.3f, of the rows %.3f); %s%s",
            spread[MCL_COLLAPSE_TRAINED], spread[MCL_COLLAPSE_UNTRAINED],
            spread[MCL_COLLAPSE_INPUTS], advice_for(&run->settings->options),
            run->last.step < FEW_STEPS ? ", or more `epochs`: embeddings draw together in the "
                                         "first steps, and these were few"
                                       : "");
}

/* Says what the model is like, where that is no good, and gives the exit code for it. */
static mcl_exit judge(const struct run *run)
{
    const mcl_collapse_verdict verdict = run->collapse.verdict;
    if (verdict == MCL_COLLAPSE_NONE || verdict == MCL_COLLAPSE_UNKNOWN)
        return MCL_EXIT_DONE;
    warn_of_collapse(run);
    return run->settings->fail_on_collapse
               ? mcl_complain(MCL_EXIT_FAILED, "--fail-on-collapse: %s is written, but of no use",
                     run->settings->output)
               : MCL_EXIT_DONE;
}

/* Where rows are held out, how the model of the best epoch, or the last, did on them. */
static void show_held_out(char text[96], const struct run *run)
{
    *text = '\0';
    if (isfinite(run->least_held_out) && run->settings->options.keep_best)
        snprintf(
            text, 96, ", held out %.6g (epoch %" PRIu64 ")", run->least_held_out, run->best_epoch);
    else if (isfinite(run->last.held_out))
        snprintf(text, 96, ", held out %.6g", run->last.held_out);
}

/* Of a run of 0 epochs. */
static void print_untrained(const struct run *run, const char *spread)
{
    const mcl_filters kind = run->settings->options.filters.kind;
    mcl_print("%s %" PRIu64 " rows in %.1f s, without training%s; wrote %s\n",
        kind == MCL_FILTERS_KMEANS    ? "clustered patches to filters, of"
        : kind == MCL_FILTERS_PATCHES ? "took patches as filters, of"
                                      : "drew an encoder for",
        run->rows, run->seconds, spread, run->settings->output);
}

static void print_summary(const struct run *run)
{
    const uint64_t rows = run->rows;
    const mcl_step *last = &run->last;
    const mcl_collapse *collapse = &run->collapse;
    char validation[32] = "", spread[96] = "", held[96];
    show_held_out(held, run);
    if (isfinite(last->validation))
        snprintf(validation, sizeof validation, ", validation %.3f", last->validation);
    const double trained = (double)mcl_batch_rows(run->settings->options.train.batch, rows) *
                           (double)(last->step - run->resumed);
    if (collapse->verdict != MCL_COLLAPSE_UNKNOWN)
        snprintf(spread, sizeof spread, ", spread %.3f (untrained %.3f), effective rank %.1f",
            collapse->spread[MCL_COLLAPSE_TRAINED], collapse->spread[MCL_COLLAPSE_UNTRAINED],
            collapse->effective_rank[MCL_COLLAPSE_TRAINED]);
    if (run->progress.quiet)
        return;
    if (run->settings->options.train.epochs == 0) {
        print_untrained(run, spread);
        return;
    }
    mcl_print("trained on %" PRIu64 " rows for %" PRIu64
              " epoch%s in %.1f s (%.0f rows/s): loss %.6g%s%s%s; wrote %s\n",
        rows, last->epoch, last->epoch == 1 ? "" : "s", last->seconds,
        last->seconds > 0 ? trained / last->seconds : 0.0, last->epoch_loss, held, spread,
        validation, run->settings->output);
    mcl_progress_ended_early(last, run->settings->options.train.early_stop);
}

/* What a model says of itself: the best epoch may be one before the run was resumed. */
static void look_at_model(struct run *run, const mcl_model *model)
{
    (void)mcl_model_collapse(&run->collapse, model); /* both are there */
    const char *rows = mcl_model_metadata_get(model, "rows");
    const char *best = mcl_model_metadata_get(model, "best_epoch");
    const char *loss = mcl_model_metadata_get(model, "held_out_loss");
    run->rows = rows ? strtoull(rows, NULL, 10) : 0;
    if (best && loss) {
        run->best_epoch = strtoull(best, NULL, 10);
        run->least_held_out = strtod(loss, NULL);
    }
}

static mcl_exit train(struct run *run, mcl_context *context, const mcl_labelled *set)
{
    const mcl_data *data = set->data;
    const struct settings *settings = run->settings;
    mcl_pretrain_options options = settings->options;
    options.train.report = report;
    options.train.report_every = report_every(run, mcl_data_rows(data));
    options.train.checkpointed = checkpointed;
    options.train.user = run;
    options.train.validation_labels = set->labels;
    run->progress.rows = mcl_batch_rows(options.train.batch, mcl_data_rows(data));
    options.train.stop = mcl_signals_defer();
    mcl_progress_note(&run->progress, "compiling kernels and loading the data");
    mcl_model *model = NULL;
    const double start = mcl_seconds();
    mcl_status status = mcl_pretrain(&model, context, data, &options);
    run->seconds = mcl_seconds() - start;
    if (status == MCL_OK)
        look_at_model(run, model);
    if (run->held)
        write_metrics(run, &run->collapse);
    mcl_progress_clear(&run->progress);
    if (status != MCL_OK && status != MCL_INTERRUPTED)
        return mcl_complain_status(status);
    mcl_exit code = status == MCL_INTERRUPTED
                        ? mcl_save_interrupted(run->digest, model, "steps", settings->output,
                              options.train.checkpoint ? &run->checkpoints : NULL)
                        : mcl_save_model(run->digest, model, settings->output);
    mcl_model_free(model);
    if (code == MCL_EXIT_DONE && options.train.checkpoint)
        mcl_checkpoint_remove(options.train.checkpoint);
    if (code == MCL_EXIT_DONE)
        print_summary(run);
    if (code == MCL_EXIT_DONE)
        code = judge(run);
    return mcl_checkpoint_judge(code, &run->checkpoints);
}

static mcl_exit train_with_metrics(struct run *run, mcl_context *context, const mcl_labelled *set)
{
    const struct settings *settings = run->settings;
    mcl_exit code = mcl_metrics_open(&run->metrics, settings->metrics);
    if (code != MCL_EXIT_DONE)
        return code;
    run->metrics.keep = run->resumed;
    code = train(run, context, set);
    return mcl_metrics_close(&run->metrics, &run->progress, code);
}

static mcl_exit start_profile(mcl_context *context, const struct settings *settings)
{
    const bool wanted = settings->profile || settings->profile_json;
    const mcl_status status = wanted ? mcl_profile_start(context) : MCL_OK;
    return status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
}

/* The objectives' views, where none are asked for. */
static void choose_views(mcl_pretrain_options *options, const mcl_arguments *arguments)
{
    static const char *const names[] = {"views", "mask", "mask-ratio", "mask-patch"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (mcl_option_given(arguments, names[i]))
            return;
    }
    mcl_take_objective_views(options);
}

/* Takes the architecture of the model to begin with, but for what is given; that this fits is the
 * library's to see. */
static mcl_exit take_architecture(
    struct settings *settings, const mcl_arguments *arguments, const mcl_model *init)
{
    static const char *const keys[][2] = {{"encoder", "encoder"}, {"hidden", "hidden"},
        {"embedding", "embedding"}, {"activation", "activation"},
        {"normalization", "normalization"}, {"embedding-layer", "embedding_layer"},
        {"decoder", "decoder"}, {"projector", "projector"}, {"predictor", "predictor"}};
    mcl_pretrain_options *options = &settings->options;
    if (!init)
        return MCL_EXIT_DONE;
    mcl_status status = mcl_pretrain_from(options, init);
    for (size_t i = 0; i < sizeof keys / sizeof *keys && status == MCL_OK; i++) {
        const char *text = mcl_option_text_of(arguments, keys[i][0]);
        if (text)
            status = mcl_options_set(&options->base, keys[i][1], text);
    }
    return status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
}

/* Whether the output is what the run would come to. Of a run of fewer epochs, that cannot go on,
 * says what can. */
static mcl_exit look_at_output(
    bool *done, struct run *run, mcl_context *context, const mcl_data *data)
{
    const struct settings *settings = run->settings;
    const char *output = settings->output;
    mcl_relation relation = MCL_RELATION_NONE;
    uint64_t epochs = 0;
    mcl_model *model;
    if (!settings->options.train.resume || run->resumed || access(output, F_OK) != 0)
        return MCL_EXIT_DONE;
    if (mcl_model_load(&model, output) == MCL_OK) {
        const mcl_status status =
            mcl_pretrain_relate(&relation, &epochs, model, context, data, &settings->options);
        mcl_model_digest(run->digest, model);
        mcl_model_free(model);
        if (status != MCL_OK)
            return mcl_complain_status(status);
    }
    if (relation == MCL_RELATION_SHORTER)
        return mcl_complain(MCL_EXIT_FAILED,
            "%s: is of a run that has ended after its %" PRIu64 " epochs, and %" PRIu64
            " are wanted: to train its model further, use --init %s and another -o; to begin "
            "anew, leave --resume out",
            output, epochs, settings->options.train.epochs, output);
    *done = relation == MCL_RELATION_SAME;
    if (!*done)
        mcl_checkpoint_say_none(&settings->options.train, run->progress.quiet);
    else if (!run->progress.quiet)
        mcl_print("%s: is what this run has come to: it is not run again\n", output);
    return MCL_EXIT_DONE;
}

/* Trains, and prints where the time went. */
static mcl_exit run_on_device(struct run *run, mcl_context *context, const mcl_labelled *set)
{
    const struct settings *settings = run->settings;
    bool done = false;
    mcl_exit code = look_at_output(&done, run, context, set->data);
    if (code == MCL_EXIT_DONE && !done)
        code = start_profile(context, settings);
    if (code == MCL_EXIT_DONE && !done)
        code = train_with_metrics(run, context, set);
    if (code == MCL_EXIT_DONE && !done && settings->profile)
        code = mcl_print_profile(context);
    if (code == MCL_EXIT_DONE && !done && settings->profile_json)
        code = mcl_print_profile_as_json(context);
    if (code == MCL_EXIT_DONE && !settings->device.quiet)
        mcl_print("digest %s\n", run->digest);
    return code;
}

/* Whether the recipe is chosen once the data are there; for synthetic ones nothing is. */
static bool recipe_follows(const void *given)
{
    const struct settings *settings = given;
    return strcmp(settings->options.recipe, "auto") == 0 && settings->synthetic.rows == 0;
}

/* Says what the recipe is, whose line ends with what it sets, without what is given beside it.
 * options are those that it has set. */
static void tell_recipe(const char *line, const mcl_pretrain_options *options,
    const mcl_arguments *arguments, const mcl_data *data)
{
    const bool embedding =
        !mcl_option_given(arguments, "embedding") && !mcl_option_given(arguments, "encoder");
    const bool epochs = !mcl_option_given(arguments, "epochs");
    const bool batch = !mcl_option_given(arguments, "batch");
    const uint64_t count = options->train.epochs;
    char text[3][48] = {"", "", ""};
    if (embedding)
        snprintf(text[0], sizeof *text, "embeddings of %" PRIu32 " numbers", options->embedding);
    if (epochs)
        snprintf(text[1], sizeof *text, "%s%" PRIu64 " epoch%s", embedding ? ", " : "", count,
            count == 1 ? "" : "s");
    if (batch)
        snprintf(text[2], sizeof *text, "%sbatches of %" PRIu64,
            epochs      ? " in "
            : embedding ? ", "
                        : "",
            mcl_batch_rows(options->train.batch, mcl_data_rows(data)));
    mcl_tell("recipe auto: %.*s%s%s%s%s", (int)strcspn(line, ":"), line,
        embedding || epochs || batch ? ": " : "", text[0], text[1], text[2]);
}

/* Applies the recipe that suits the data, below what is given on the command line. */
static mcl_exit fit_recipe(
    struct settings *settings, const mcl_arguments *arguments, const mcl_data *data)
{
    char line[MCL_RECIPE_LINE_SIZE];
    if (!recipe_follows(settings))
        return MCL_EXIT_DONE;
    const mcl_status status = mcl_recipe_fit(line, &settings->options, data);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    const mcl_pretrain_options fitted = settings->options;
    const mcl_exit code = mcl_arguments_apply_recipe(arguments, settings);
    if (code != MCL_EXIT_DONE)
        return code;
    choose_views(&settings->options, arguments);
    if (!settings->device.quiet)
        tell_recipe(line, &fitted, arguments, data);
    return mcl_check_rate(settings->options.train.optimizer.kind, arguments);
}

static mcl_exit run_command(void *given, const mcl_arguments *arguments)
{
    struct settings *settings = given;
    struct run run = {.settings = settings,
        .progress = mcl_progress_start(settings->device.quiet),
        .least_held_out = NAN};
    choose_views(&settings->options, arguments);
    mcl_exit code = check_settings(&run, settings, arguments);
    if (code != MCL_EXIT_DONE)
        return code;
    mcl_labelled set = {NULL};
    mcl_context *context = NULL;
    mcl_model *init = NULL;
    if (settings->init)
        code = mcl_load_model(&init, settings->init);
    if (code == MCL_EXIT_DONE)
        code = load(&set, settings, arguments, init);
    if (code == MCL_EXIT_DONE && arguments->operand_count)
        mcl_warn_of_doubts(init, set.data, arguments->operands[0]);
    if (code == MCL_EXIT_DONE)
        code = fit_recipe(settings, arguments, set.data);
    if (code == MCL_EXIT_DONE)
        code = take_architecture(settings, arguments, init);
    if (code == MCL_EXIT_DONE)
        code = mcl_open_device(&context, &settings->device);
    if (code == MCL_EXIT_DONE)
        code = run_on_device(&run, context, &set);
    mcl_context_close(context);
    mcl_free_labelled(&set);
    mcl_model_free(init);
    return code;
}

static void set_defaults(void *given)
{
    struct settings *settings = given;
    (void)mcl_pretrain_options_init(&settings->options); /* of this very version */
    settings->metrics_every = 1;
}

/* Prints what a recipe sets as the options that would set it. */
static void print_recipe(const mcl_recipe *recipe)
{
    const mcl_option_table table = mcl_command_table(&mcl_command_pretrain);
    mcl_pretrain_options options;
    if (mcl_pretrain_options_init(&options) != MCL_OK ||
        mcl_recipe_apply(&options, recipe->name) != MCL_OK)
        return; /* the name is the library's own */
    mcl_print("%s\n  ", recipe->name);
    mcl_print_wrapped(recipe->summary, 2, 2);
    const bool fitted = strcmp(recipe->name, "auto") == 0; /* to data, of which there are none */
    for (size_t i = 0; i < table.count && !fitted; i++) {
        const mcl_option *option = &table.options[i];
        char value[256], reason[512];
        if (!option->recipe ||
            mcl_options_conflict(reason, sizeof reason, &options.base, option->key) ||
            mcl_options_get(value, sizeof value, &options.base, option->key) != MCL_OK)
            continue;
        mcl_print(strchr(value, ' ') ? "  --%-14s '%s'\n" : "  --%-14s %s\n", option->name, value);
    }
}

mcl_exit mcl_print_recipes(void)
{
    const mcl_recipe *recipe;
    fputs("A recipe is a named set of options. 'pretrain --recipe NAME' sets them all, and\n"
          "options given beside it, before or after, change single ones.\n",
        mcl_out);
    for (size_t i = 0; (recipe = mcl_recipe_at(i)); i++) {
        mcl_print("\n");
        print_recipe(recipe);
    }
    return MCL_EXIT_DONE;
}

/* ROWSxCOLUMNS, both from 1. */
static mcl_exit parse_synthetic(void *field, const char *text, const mcl_option *option)
{
    uint64_t *sizes = field; /* rows, columns */
    const char *cross = strchr(text, 'x');
    char rows[24];
    size_t length = cross ? (size_t)(cross - text) : 0;
    if (length == 0 || length >= sizeof rows || !cross[1])
        return mcl_complain(MCL_EXIT_USAGE, "--%s: '%s' is not %s, such as 100x784", option->name,
            text, option->argument);
    snprintf(rows, sizeof rows, "%.*s", (int)length, text);
    mcl_exit code = mcl_option_whole.parse(&sizes[0], rows, option);
    return code == MCL_EXIT_DONE ? mcl_option_whole.parse(&sizes[1], cross + 1, option) : code;
}

static const char *needs_metrics(const void *given)
{
    const struct settings *settings = given;
    return settings->metrics ? NULL : "there is no file for them: add --metrics FILE.jsonl";
}

static const char *needs_data(const void *given)
{
    const struct settings *settings = given;
    return settings->synthetic.rows
               ? "the rows of --synthetic have no classes: name a file of rows that have"
               : NULL;
}

static const mcl_option_type type_synthetic = {parse_synthetic, NULL};

#define OFFSET(member) offsetof(struct settings, member)

static const mcl_option own_options[] = {
    {.name = "synthetic",
        .argument = "ROWSxCOLUMNS",
        .group = "Data",
        .help = "train on standard normal numbers drawn from the seed, in place of DATA",
        .type = &type_synthetic,
        .offset = OFFSET(synthetic),
        .least = 1},
    {.name = "init",
        .argument = "MODEL",
        .group = "Model",
        .help = "begin with the parameters of a model, whose architecture is taken where the "
                "options do not give it; optimizer and schedule begin anew. Columns are matched as "
                "its schema says",
        .type = &mcl_option_text,
        .offset = OFFSET(init),
        .without = "new parameters, drawn from the seed"},
    {.name = "validate",
        .argument = "LABELS",
        .group = "Data",
        .help =
            "a file of the classes of DATA's rows, to watch training by and nothing else: about "
            "every 200 steps, at an epoch's end, 1,000 rows tell the classes of 1,000 others "
            "by the 20 nearest embeddings; the part told right is shown as validation",
        .type = &mcl_option_text,
        .offset = OFFSET(validate),
        .without = "those that DATA has: by --label, or by its folders",
        .conflict = needs_data},
    MCL_DEVICE_OPTIONS(struct settings, device),
    {.name = "output",
        .letter = 'o',
        .required = true,
        .argument = "MODEL.safetensors",
        .group = "Output",
        .help = "the model file to write",
        .type = &mcl_option_text,
        .offset = OFFSET(output)},
    {.name = "metrics",
        .argument = "FILE.jsonl",
        .group = "Output",
        .help =
            "write a JSON object a step, as the steps come: step, epoch, loss, each objective's "
            "own loss, spread, lr, rows_per_s, seconds; at ends of epochs, with --holdout, "
            "held_out; alignment, uniformity, "
            "effective_rank and, with --validate, validation, but only about every 200 steps; with "
            "the last one collapse (true or false) and what it is judged by. When the file cannot "
            "be written, training goes on and writing is tried again; when lines "
            "are missing in the end, the model is saved and the exit code is 1",
        .type = &mcl_option_text,
        .offset = OFFSET(metrics)},
    {.name = "metrics-every",
        .argument = "N",
        .group = "Output",
        .help = "write every N-th step, and the last of each epoch",
        .type = &mcl_option_whole,
        .offset = OFFSET(metrics_every),
        .least = 1,
        .conflict = needs_metrics},
    {.name = "fail-on-collapse",
        .group = "Output",
        .help =
            "exit with 1 when the embeddings of the trained model do not tell rows apart; it is "
            "written all the same",
        .type = &mcl_option_switch,
        .offset = OFFSET(fail_on_collapse)},
    {.name = "profile",
        .group = "Output",
        .help = "print where the device's time went: every kernel with its calls, time, rate and "
                "part of the device's measured peak",
        .type = &mcl_option_switch,
        .offset = OFFSET(profile)},
    {.name = "profile-json",
        .group = "Output",
        .help = "print the same as JSON, of each kernel also the operations, bytes, work-items and "
                "work-groups; with --quiet nothing else is printed",
        .type = &mcl_option_switch,
        .offset = OFFSET(profile_json)},
};

const mcl_command mcl_command_pretrain = {
    .name = "pretrain",
    .summary = "train an encoder on rows without labels",
    .description =
        "Trains an encoder on rows without labels: images, sensor vectors, tables. A random mask "
        "splits every row in two views, and the objective compares their embeddings. Prints two "
        "lines when the model is written: how training went, and the digest of its parameters, "
        "which is the same wherever they are.\n"
        "Ctrl-C ends after the current step and writes the model so far, and so does a signal of "
        "the system: SIGTERM, SIGHUP of a terminal that closes, SIGXCPU, SIGQUIT, SIGUSR1, "
        "SIGUSR2. A second Ctrl-C after a second ends at once. Interrupted before the first step, "
        "it writes nothing. With --checkpoint-every a run that was interrupted, or killed, goes on "
        "with --resume and ends with the same bits; a checkpoint that cannot be written is warned "
        "of and tried again, and when none could be written the exit code is 1.",
    .examples = "  maskcl pretrain penguins.csv --label species -o penguins.safetensors\n"
                "  maskcl pretrain train-images-idx3-ubyte.gz -o fashion.safetensors\n"
                "  maskcl pretrain rows.npy -o rows.safetensors --hidden 512,128 --epochs 20\n"
                "  maskcl pretrain --synthetic 100x784 --recipe reference -o reference.safetensors",
    .operands = {{"DATA",
        "the rows: a table (CSV, TSV), a folder or a tar file of images, NumPy .npy or .npz, IDX, "
        "safetensors, plain or compressed, told apart by content; '-' is standard input; several "
        "of one kind are taken as one. See 'maskcl help data'"}},
    .operand_count = 1,
    .optional_operands = 1,
    .last_repeats = true,
    .library = MCL_OPTIONS_PRETRAIN,
    .library_offset = OFFSET(options),
    .data_keys = mcl_data_keys_fitted,
    .data_offset = OFFSET(data),
    .options = own_options,
    .option_count = sizeof own_options / sizeof *own_options,
    .settings_size = sizeof(struct settings),
    .recipe_follows = recipe_follows,
    .set_defaults = set_defaults,
    .run = run_command,
};
