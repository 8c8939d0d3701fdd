/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl pretrain: trains an encoder on rows without labels. */
#include "pretrain.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "checkpoint.h"
#include "commands.h"
#include "files.h"
#include "help.h"
#include "maskcl/profile.h"
#include "metrics.h"
#include "pretrain_options.h"
#include "profile.h"
#include "progress.h"
#include "signals.h"

#define COLLAPSED_STEPS 3 /* reported in a row, before a single low one is more than chance */

/* A run as the report callback sees it. */
struct run {
    const mcl_pretrain_settings *settings;
    mcl_progress progress;
    mcl_metrics metrics;
    uint32_t collapsed;           /* reported steps in a row */
    bool warned;                  /* of the collapse */
    char digest[MCL_DIGEST_SIZE]; /* of the model; "" before there is one */
    char checkpoint[4096];
    uint64_t resumed; /* the step that the run goes on from, 0 for a new one */
    mcl_step last;
};

static mcl_exit check_settings(
    const mcl_pretrain_settings *settings, const mcl_arguments *arguments)
{
    const char *data = arguments->operand_count ? arguments->operands[0] : NULL;
    const bool synthetic = settings->synthetic.rows != 0;
    if (!data && !synthetic)
        return mcl_complain(MCL_EXIT_USAGE,
            "pretrain needs DATA, or --synthetic ROWSxCOLUMNS: see 'maskcl help pretrain'");
    if (data && synthetic)
        return mcl_complain(
            MCL_EXIT_USAGE, "--synthetic: it takes the place of DATA, but there is '%s' too", data);
    const char *const inputs[] = {data, settings->validate};
    mcl_exit code = mcl_check_rate(settings->options.train.optimizer.kind, arguments);
    if (code == MCL_EXIT_DONE)
        code = mcl_check_output(settings->output, inputs, 2);
    return code == MCL_EXIT_DONE ? mcl_metrics_check(settings->metrics, inputs, 2) : code;
}

static bool has_objective(const mcl_pretrain_options *options, mcl_objective_kind kind)
{
    for (size_t i = 0; i < options->objective_count; i++) {
        if (options->objectives[i].kind == kind)
            return true;
    }
    return false;
}

static void warn_of_collapse(struct run *run, const mcl_step *step)
{
    const mcl_pretrain_options *options = &run->settings->options;
    char advice[128] = "try a lower --lr or a larger --batch";
    if (!has_objective(options, MCL_OBJECTIVE_NT_XENT) &&
        !has_objective(options, MCL_OBJECTIVE_VICREG) &&
        !has_objective(options, MCL_OBJECTIVE_BARLOW) &&
        !has_objective(options, MCL_OBJECTIVE_SCARF)) {
        mcl_pretrain_options defaults;
        char objective[96];
        mcl_pretrain_defaults(&defaults);
        mcl_show_objectives(objective, sizeof objective, &defaults);
        snprintf(advice, sizeof advice, "use --objective %s", objective);
    }
    run->warned = true;
    mcl_progress_clear(&run->progress);
    mcl_warn("the embeddings are collapsing (spread %.3f in step %" PRIu64
             "): every row gets nearly the same embedding; %s",
        step->spread, step->step, advice);
}

static void report(const mcl_step *step, void *user)
{
    struct run *run = user;
    const mcl_pretrain_options *options = &run->settings->options;
    run->last = *step;
    mcl_metrics_step(
        &run->metrics, &run->progress, step, options->objectives, options->objective_count);
    run->collapsed = step->collapsed ? run->collapsed + 1 : 0;
    if (!run->warned && (run->collapsed >= COLLAPSED_STEPS || (step->collapsed && step->epoch_end)))
        warn_of_collapse(run, step);
    mcl_progress_step(&run->progress, step);
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

/* The rows, and their labels where there are any. */
static mcl_exit load(mcl_labelled *set, const mcl_pretrain_settings *settings, const char *path)
{
    if (settings->validate)
        return mcl_load_labelled(set, path, settings->validate);
    if (path)
        return mcl_load_data(&set->data, path);
    mcl_status status = mcl_data_synthetic(
        &set->data, settings->synthetic.rows, settings->synthetic.columns, settings->options.train.seed);
    return status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
}

static mcl_exit save(mcl_model *model, const mcl_pretrain_settings *settings)
{
    mcl_survive_failed_writes();
    mcl_status status = mcl_model_metadata_set(model, "recipe", settings->recipe);
    if (status == MCL_OK)
        status = mcl_model_save(model, settings->output);
    return status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
}

static mcl_exit save_interrupted(mcl_model *model, const mcl_pretrain_settings *settings)
{
    char place[256]; /* saving may put another message in its place */
    snprintf(place, sizeof place, "%s", mcl_error_message());
    if (strcmp(mcl_model_metadata_get(model, "steps"), "0") == 0) {
        fprintf(stderr, "maskcl: interrupted before the first step: %s is not written\n",
            settings->output);
        return MCL_EXIT_INTERRUPTED;
    }
    mcl_exit code = save(model, settings);
    if (code != MCL_EXIT_DONE)
        return code;
    fprintf(stderr, "maskcl: interrupted: %s; the model so far is in %s%s\n", place,
        settings->output, settings->options.train.checkpoint ? "; --resume goes on" : "");
    return MCL_EXIT_INTERRUPTED;
}

static void print_summary(const struct run *run, uint64_t rows)
{
    const mcl_step *last = &run->last;
    char validation[32] = "", spread[32] = "";
    if (isfinite(last->validation))
        snprintf(validation, sizeof validation, ", validation %.3f", last->validation);
    const double trained = (double)mcl_batch_rows(run->settings->options.train.batch, rows) *
                           (double)(last->step - run->resumed);
    if (isfinite(last->spread))
        snprintf(spread, sizeof spread, ", spread %.3f", last->spread);
    if (run->progress.quiet)
        return;
    printf("trained on %" PRIu64 " rows for %" PRIu64
           " epoch%s in %.1f s (%.0f rows/s): loss %.6g%s%s; wrote %s\n",
        rows, last->epoch, last->epoch == 1 ? "" : "s", last->seconds,
        last->seconds > 0 ? trained / last->seconds : 0.0, last->epoch_loss, spread, validation,
        run->settings->output);
    if (last->epoch < last->epochs)
        printf("ended early: the loss had not fallen for %" PRIu64 " epoch%s of %" PRIu64 "\n",
            run->settings->options.train.early_stop, run->settings->options.train.early_stop == 1 ? "" : "s",
            last->epochs);
}

static mcl_exit train(struct run *run, mcl_context *context, const mcl_labelled *set)
{
    const mcl_data *data = set->data;
    const mcl_pretrain_settings *settings = run->settings;
    mcl_pretrain_options options = settings->options;
    options.train.report = report;
    options.train.report_every = report_every(run, mcl_data_rows(data));
    options.train.user = run;
    options.train.validation_labels = set->labels;
    run->progress.rows = mcl_batch_rows(options.train.batch, mcl_data_rows(data));
    options.train.stop = mcl_interrupt_catch();
    mcl_progress_note(&run->progress, "compiling kernels and loading the data");
    mcl_model *model = NULL;
    mcl_status status = mcl_pretrain(&model, context, data, &options);
    mcl_progress_clear(&run->progress);
    if (status == MCL_INTERRUPTED) {
        mcl_exit code = save_interrupted(model, settings);
        mcl_model_free(model);
        return code;
    }
    if (status != MCL_OK)
        return mcl_complain_status(status);
    mcl_exit code = save(model, settings);
    mcl_model_digest(run->digest, model);
    mcl_model_free(model);
    if (code == MCL_EXIT_DONE && options.train.checkpoint)
        mcl_checkpoint_remove(options.train.checkpoint);
    if (code == MCL_EXIT_DONE)
        print_summary(run, mcl_data_rows(data));
    return code;
}

static mcl_exit train_with_metrics(struct run *run, mcl_context *context, const mcl_labelled *set)
{
    const mcl_pretrain_settings *settings = run->settings;
    mcl_exit code = mcl_metrics_open(&run->metrics, settings->metrics, settings->output);
    if (code != MCL_EXIT_DONE)
        return code;
    run->metrics.keep = run->resumed;
    code = train(run, context, set);
    return mcl_metrics_close(&run->metrics, &run->progress, code, settings->output);
}

static mcl_exit start_profile(mcl_context *context, const mcl_pretrain_settings *settings)
{
    const mcl_status status = settings->profile ? mcl_profile_start(context) : MCL_OK;
    return status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
}

/* Objectives bring their views along where none are asked for; the first one that does counts. */
static void choose_views(mcl_pretrain_options *options, const mcl_arguments *arguments)
{
    static const char *const names[] = {"views", "mask", "mask-ratio", "mask-patch"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (mcl_option_given(arguments, names[i]))
            return;
    }
    for (size_t i = 0; i < options->objective_count; i++) {
        if (mcl_objective_views(&options->views, options->objectives[i].kind))
            return;
    }
}

/* A recipe's warm-up is a part of its epochs, and remains so when there are others. */
static void fit_warmup(mcl_pretrain_settings *settings, const mcl_arguments *arguments)
{
    mcl_pretrain_options *options = &settings->options, recipe;
    if (!mcl_option_given(arguments, "recipe") || mcl_option_given(arguments, "warmup"))
        return;
    mcl_pretrain_defaults(&recipe);
    if (mcl_recipe_apply(&recipe, settings->recipe) == MCL_OK)
        options->train.schedule.warmup *= (double)options->train.epochs / (double)recipe.train.epochs;
}

static mcl_exit run_command(void *given, const mcl_arguments *arguments)
{
    mcl_pretrain_settings *settings = given;
    struct run run = {.settings = settings, .progress = mcl_progress_start(settings->device.quiet)};
    choose_views(&settings->options, arguments);
    fit_warmup(settings, arguments);
    mcl_exit code = check_settings(settings, arguments);
    if (code == MCL_EXIT_DONE)
        code = mcl_checkpoint_prepare(run.checkpoint, &run.resumed, settings);
    if (code != MCL_EXIT_DONE)
        return code;
    mcl_labelled set = {NULL};
    mcl_context *context = NULL;
    mcl_interrupt_prepare();
    code = load(&set, settings, arguments->operand_count ? arguments->operands[0] : NULL);
    if (code == MCL_EXIT_DONE)
        code = mcl_open_device(&context, &settings->device);
    if (code == MCL_EXIT_DONE)
        code = start_profile(context, settings);
    if (code == MCL_EXIT_DONE)
        code = train_with_metrics(&run, context, &set);
    if (code == MCL_EXIT_DONE && settings->profile)
        code = mcl_print_profile(context);
    if (code == MCL_EXIT_DONE && !settings->device.quiet)
        printf("digest %s\n", run.digest);
    mcl_context_close(context);
    mcl_free_labelled(&set);
    return code;
}

/* Prints what a recipe sets as the options that would set it. */
static void print_recipe(const mcl_recipe *recipe)
{
    mcl_pretrain_settings settings;
    memset(&settings, 0, sizeof settings);
    mcl_pretrain_set_defaults(&settings);
    (void)mcl_recipe_apply(&settings.options, recipe->name); /* the name is the library's own */
    printf("%s\n  ", recipe->name);
    mcl_print_wrapped(recipe->summary, 2, 2);
    for (size_t i = 0; i < MCL_PRETRAIN_OPTIONS; i++) {
        const mcl_option *option = &mcl_pretrain_option_table[i];
        char value[256];
        if (!option->recipe || (option->conflict && option->conflict(&settings)))
            continue;
        option->type->show(value, sizeof value, (const char *)&settings + option->offset);
        if (*value)
            printf("  --%-14s %s\n", option->name, value);
    }
}

mcl_exit mcl_print_recipes(void)
{
    size_t count;
    const mcl_recipe *recipes = mcl_recipes(&count);
    fputs("A recipe is a named set of options. 'pretrain --recipe NAME' sets them all, and\n"
          "options given beside it, before or behind, change single ones.\n",
        stdout);
    for (size_t i = 0; i < count; i++) {
        putchar('\n');
        print_recipe(&recipes[i]);
    }
    return MCL_EXIT_DONE;
}

const mcl_command mcl_command_pretrain = {
    .name = "pretrain",
    .summary = "train an encoder on rows without labels",
    .description =
        "Trains an encoder on rows without labels: images, sensor vectors, tables. A random mask "
        "splits every row in two views, and the objective compares their embeddings. Prints two "
        "lines when the model is written: how training went, and the digest of its parameters, "
        "which is the same wherever they are.\n"
        "Ctrl-C ends after the current step and writes the model so far; a second one ends at "
        "once. "
        "Interrupted before the first step, it writes nothing. With --checkpoint-every a run that "
        "was "
        "interrupted, or killed, goes on with --resume and ends with the same bits.",
    .examples = "  maskcl pretrain train-images-idx3-ubyte.gz -o fashion.safetensors\n"
                "  maskcl pretrain rows.npy -o rows.safetensors --hidden 512,128 --epochs 20\n"
                "  maskcl pretrain --synthetic 100x784 --recipe reference -o reference.safetensors",
    .operands = {{"DATA",
        "the rows: IDX of unsigned bytes (plain or gzipped), or NumPy .npy of uint8, float32 or "
        "float64; told apart by content. uint8 is scaled to [0,1]"}},
    .operand_count = 1,
    .operands_optional = true,
    .options = mcl_pretrain_option_table,
    .option_count = MCL_PRETRAIN_OPTIONS,
    .settings_size = sizeof(mcl_pretrain_settings),
    .set_defaults = mcl_pretrain_set_defaults,
    .run = run_command,
};
