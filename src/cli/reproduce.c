/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl reproduce: trains a model once more and compares the bits. */
#include "maskcl/reproduce.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "commands.h"
#include "data_options.h"
#include "device_options.h"
#include "json.h"
#include "maskcl/version.h"
#include "progress.h"
#include "replay.h"
#include "signals.h"
#include "training.h"

#define CAUSES 8

struct settings {
    mcl_replay_files files;
    mcl_device_settings device;
    const char *output; /* NULL: the model is not kept */
    bool json;
};

/* A reproduction and what came of it. */
struct result {
    const struct settings *settings;
    const char *path; /* of the model */
    mcl_replay replay;
    mcl_context *context;
    mcl_progress progress;
    char expected[MCL_DIGEST_SIZE], found[MCL_DIGEST_SIZE];
    double seconds;
    bool same;
    char causes[CAUSES][768]; /* why the bits may be others */
    size_t cause_count;
};

__attribute__((format(printf, 2, 3))) static void add_cause(
    struct result *result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(result->causes[result->cause_count], sizeof *result->causes, format, arguments);
    va_end(arguments);
    result->cause_count++;
}

/* What can be known of why the bits are others, the likeliest first. */
static void find_causes(struct result *result)
{
    const mcl_run *run = &result->replay.run;
    const mcl_gemm_kind here = mcl_context_gemm(result->context);
    if (run->contract && run->contract != MCL_NUMERIC_CONTRACT)
        add_cause(result,
            "the model was made under version %" PRIu32
            " of the numeric contract, and this program keeps version %d",
            run->contract, MCL_NUMERIC_CONTRACT);
    if (run->product == MCL_GEMM_CLBLAST)
        add_cause(result, "the model was trained with the products of CLBlast, which have other "
                          "bits on every device: train with --reproducible");
    else if (here == MCL_GEMM_CLBLAST)
        add_cause(result, "the products here are CLBlast's, which have bits of their own: leave "
                          "--gemm out");
    if (here != MCL_GEMM_CLBLAST && mcl_context_require_reproducible(result->context) != MCL_OK)
        add_cause(result, "%s", mcl_error_message());
    if (*run->assumed)
        add_cause(result, "the model does not tell %s, and the run had other values", run->assumed);
    if (!*run->data_digest)
        add_cause(result, "the data are others than the model's, which does not tell their digest");
    if (strcmp(run->version, mcl_version()) != 0)
        add_cause(result, "the model was trained by maskcl %s, and this is %s", run->version,
            mcl_version());
    if (result->cause_count == 0)
        add_cause(result,
            "nothing in the model tells why: one of the two devices does not keep the "
            "numeric contract, which 'maskcl verify' finds out on each, or a bit of "
            "the file has flipped");
}

static void report(const mcl_step *step, void *user)
{
    struct result *result = user;
    mcl_progress_step(&result->progress, step);
}

static mcl_exit train(struct result *result)
{
    mcl_replay *replay = &result->replay;
    mcl_train_options *options = mcl_replay_options(replay);
    mcl_progress *progress = &result->progress;
    mcl_model *again = NULL;
    options->report = report;
    options->user = result;
    options->report_every = progress->terminal && !progress->quiet ? 4 : 0;
    options->stop = mcl_signals_defer();
    progress->rows = mcl_batch_rows(options->batch, mcl_data_rows(replay->set.data));
    mcl_progress_note(progress, "compiling kernels and loading the data");
    const double start = mcl_seconds();
    const mcl_status status = mcl_run_train(&again, result->context, &replay->run, &replay->input);
    result->seconds = mcl_seconds() - start;
    mcl_progress_clear(progress);
    if (status != MCL_OK && status != MCL_INTERRUPTED)
        return mcl_complain_status(status);
    mcl_exit code = MCL_EXIT_DONE;
    mcl_model_digest(result->found, again);
    if (status == MCL_INTERRUPTED) {
        mcl_tell(
            "interrupted by %s: %s; nothing is compared", mcl_signals_name(), mcl_error_message());
        code = MCL_EXIT_INTERRUPTED;
    } else if (result->settings->output) {
        code = mcl_save_model(result->found, again, result->settings->output);
    }
    mcl_model_free(again);
    return code;
}

static void print_data(const mcl_replay *replay)
{
    if (*replay->data)
        mcl_print_clean(mcl_out, replay->data);
    else
        mcl_print("synthetic, %" PRIu64 "x%" PRIu64 ", seed %" PRIu64, replay->run.synthetic_rows,
            replay->run.synthetic_columns, replay->run.synthetic_seed);
}

static void print_device(mcl_context *context)
{
    const mcl_device_info *device = mcl_context_device(context);
    mcl_print("\ndevice    ");
    mcl_print_clean(mcl_out, device->name);
    mcl_print(" (");
    mcl_print_clean(mcl_out, device->platform);
    mcl_print(", driver ");
    mcl_print_clean(mcl_out, device->driver_version);
    mcl_print("), products by %s", mcl_gemm_kind_name(mcl_context_gemm(context)));
}

static void print_text(const struct result *result)
{
    const mcl_run *run = &result->replay.run;
    const char *output = result->settings->output;
    mcl_print("run       %s, %" PRIu64 " step%s, by maskcl ",
        run->kind == MCL_OPTIONS_PRETRAIN ? "pre-training" : "fine-tuning", run->steps,
        run->steps == 1 ? "" : "s");
    mcl_print_clean(mcl_out, run->version);
    fputs("\ndata      ", mcl_out);
    print_data(&result->replay);
    print_device(result->context);
    mcl_print("\nexpected  %s\nfound     %s\n", result->expected, result->found);
    if (output) {
        fputs("wrote     ", mcl_out);
        mcl_print_clean(mcl_out, output);
        mcl_print("\n");
    }
    mcl_print("%s, in %.1f s\n",
        result->same ? "reproduced: all bits of the model are the same"
                     : "not reproduced: the model has other bits",
        result->seconds);
    for (size_t i = 0; i < result->cause_count; i++) {
        fputs("  ", mcl_out);
        mcl_print_spelled(mcl_out, result->causes[i]);
        mcl_print("\n");
    }
    if (!result->same)
        mcl_print(output ? "next: 'maskcl diff' of both models tells how far apart they are\n"
                         : "next: keep this one with -o, and 'maskcl diff' of both models tells "
                           "how far apart they are\n");
}

static mcl_exit print_json(const struct result *result)
{
    const mcl_run *run = &result->replay.run;
    const mcl_device_info *device = mcl_context_device(result->context);
    cJSON *root = mcl_json_object();
    mcl_json_bool(root, "same", result->same);
    mcl_json_text(root, "expected", result->expected);
    mcl_json_text(root, "found", result->found);
    mcl_json_text(root, "training", run->kind == MCL_OPTIONS_PRETRAIN ? "pretrain" : "finetune");
    mcl_json_number(root, "steps", (double)run->steps);
    mcl_json_number(root, "seconds", result->seconds);
    mcl_json_text(root, "version", run->version);
    mcl_json_text(root, "device", device->name);
    mcl_json_text(root, "platform", device->platform);
    mcl_json_text(root, "driver_version", device->driver_version);
    mcl_json_text(root, "product", mcl_gemm_kind_name(mcl_context_gemm(result->context)));
    cJSON *causes = mcl_json_array_in(root, "causes");
    for (size_t i = 0; i < result->cause_count; i++)
        mcl_json_text_at(causes, result->causes[i]);
    return mcl_json_print(root);
}

/* The products are those of the run, unless others are asked for. */
static mcl_exit open_device(struct result *result)
{
    mcl_device_settings device = result->settings->device;
    if (device.gemm == MCL_GEMM_AUTO && !device.reproducible)
        device.gemm = result->replay.run.product;
    return mcl_open_device(&result->context, &device);
}

static mcl_exit check_output(const struct settings *settings, const char *path)
{
    const char *const inputs[] = {
        path, settings->files.data, settings->files.labels, settings->files.model};
    return settings->output ? mcl_check_output(settings->output, inputs, 4) : MCL_EXIT_DONE;
}

static mcl_exit reproduce(struct result *result)
{
    const struct settings *settings = result->settings;
    mcl_exit code = mcl_replay_load(&result->replay, result->path, &settings->files);
    if (code == MCL_EXIT_DONE)
        code = open_device(result);
    if (code != MCL_EXIT_DONE)
        return code;
    mcl_replay_warn(&result->replay, result->path, settings->device.quiet);
    mcl_model_digest(result->expected, result->replay.model);
    code = train(result);
    if (code != MCL_EXIT_DONE)
        return code;
    result->same = strcmp(result->expected, result->found) == 0;
    if (!result->same)
        find_causes(result);
    if (settings->json)
        code = print_json(result);
    else if (!settings->device.quiet)
        print_text(result);
    return code == MCL_EXIT_DONE && !result->same ? MCL_EXIT_FAILED : code;
}

static mcl_exit run_command(void *given, const mcl_arguments *arguments)
{
    const struct settings *settings = given;
    struct result result = {.settings = settings,
        .path = arguments->operands[0],
        .progress = mcl_progress_start(settings->device.quiet)};
    mcl_exit code = check_output(settings, result.path);
    if (code != MCL_EXIT_DONE)
        return code;
    code = reproduce(&result);
    mcl_context_close(result.context);
    mcl_replay_free(&result.replay);
    return code;
}

static const mcl_option options[] = {
    MCL_REPLAY_OPTIONS(struct settings, files),
    MCL_DEVICE_OPTIONS(struct settings, device),
    {.name = "output",
        .letter = 'o',
        .argument = "AGAIN.safetensors",
        .group = "Output",
        .help = "keep the model that this training ends with",
        .type = &mcl_option_text,
        .offset = offsetof(struct settings, output),
        .without = "it is not kept"},
    {.name = "json",
        .group = "Output",
        .help = "print one JSON object",
        .type = &mcl_option_switch,
        .offset = offsetof(struct settings, json)},
};

const mcl_command mcl_command_reproduce = {
    .name = "reproduce",
    .summary = "train a model once more, and compare the bits",
    .description =
        "Runs a model's training again, by the options in its metadata, and tells whether it ends "
        "with the same bits. Prints the expected digest and the one found; the exit code is 0 when "
        "they are the same and 1 when they are not, with what is known of the cause. Synthetic "
        "data are made anew; any other data must have the digest that is in the model. A model "
        "that was interrupted is trained up to the same step; one that was resumed has the bits of "
        "an uninterrupted run. Products are computed as they were, by maskcl or by CLBlast, unless "
        "--gemm says otherwise.",
    .examples = "  maskcl reproduce model.safetensors --data train-images-idx3-ubyte.gz\n"
                "  maskcl reproduce tuned.safetensors --data rows.npy --labels labels.npy \\\n"
                "      --model model.safetensors --device 1",
    .operands = {{"MODEL", "the model file"}},
    .operand_count = 1,
    .data_keys = mcl_data_keys_applied,
    .data_offset = offsetof(struct settings, files.reading),
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run_command,
};
