/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl tune: finds the fastest parameters of the matrix product for a device and a run. */
#include "maskcl/tune.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "device_options.h"
#include "files.h"
#include "json.h"
#include "maskcl/pretrain.h"
#include "progress.h"
#include "signals.h"

#define BATCH 256 /* pretrain's, where the data has as many rows */
#define PATH_SIZE 1024

struct settings {
    const char *model;
    uint64_t input;
    mcl_pretrain_options options; /* of which those of keys[] are used */
    mcl_device_settings device;
    bool quick, json;
};

/* What a run's products depend on. */
static const char *const keys[] = {"hidden", "embedding", "decoder", "projector", "predictor",
    "objective", "queue", "batch", NULL};

/* And the names of those of them that a model tells. */
static const char *const told_by_model[] = {
    "hidden", "embedding", "decoder", "projector", "predictor", "objective", "queue", NULL};

static const char *needs_no_model(const void *given)
{
    const struct settings *settings = given;
    return settings->model ? "--model says it already: leave one of the two out" : NULL;
}

static void report(const mcl_tune_progress *progress, void *user)
{
    char head[64], tail[64] = "";
    if (progress->gflops > 0)
        snprintf(tail, sizeof tail, "best so far %.1f GFLOP/s", progress->gflops);
    snprintf(head, sizeof head, "%-10s %2" PRIu32 "/%" PRIu32,
        mcl_gemm_kind_name(progress->provider), progress->tried, progress->candidates);
    mcl_progress_part(user, head,
        progress->candidates ? (double)progress->tried / progress->candidates : 0.0, tail);
}

/* What the products of one provider, the first of count, do together; *next is after the last. */
struct sum {
    double before, after; /* GFLOP/s */
    size_t next;
};

static struct sum sum_of(const mcl_tuned_product *products, size_t count)
{
    double operations = 0, before = 0, after = 0;
    size_t i = 0;
    for (; i < count && products[i].provider == products[0].provider; i++) {
        const mcl_tuned_product *p = &products[i];
        const double own = 2.0 * p->m * p->n * p->k;
        operations += own;
        before += own / p->before;
        after += own / p->after;
    }
    return (struct sum){operations / before, operations / after, i};
}

/* A number of the table; a dash where a provider cannot multiply on the device. */
static const char *show(char text[24], double number, int decimals)
{
    if (number > 0.0 && isfinite(number))
        snprintf(text, 24, "%.*f", decimals, number);
    else
        snprintf(text, 24, "-");
    return text;
}

static void print_rates(double before, double after)
{
    char texts[3][24];
    mcl_print("  %8s  %8s  %5s\n", show(texts[0], before, 1), show(texts[1], after, 1),
        show(texts[2], after / before, 2));
}

static void print_table(const mcl_tuned_product *products, size_t count, const char *path)
{
    mcl_print("%-11s %-2s %22s  %8s  %8s  ratio\n", "GFLOP/s", "", "product", "before", "tuned");
    for (size_t i = 0; i < count;) {
        const struct sum sum = sum_of(products + i, count - i);
        const char *name = mcl_gemm_kind_name(products[i].provider);
        for (size_t end = i + sum.next; i < end; i++) {
            const mcl_tuned_product *p = &products[i];
            char size[64];
            snprintf(size, sizeof size, "%" PRIu32 " x %" PRIu32 " x %" PRIu32, p->m, p->n, p->k);
            mcl_print("%-11s %c%c %22s", name, p->transpose_a ? 'T' : 'N',
                p->transpose_b ? 'T' : 'N', size);
            print_rates(p->before, p->after);
        }
        mcl_print("%-11s %-2s %22s", name, "", "all together");
        print_rates(sum.before, sum.after);
    }
    mcl_print("wrote ");
    mcl_print_clean(mcl_out, path);
    mcl_print("\n");
}

static mcl_exit print_json(
    const mcl_context *context, const mcl_tuned_product *products, size_t count, const char *path)
{
    cJSON *root = mcl_json_object();
    mcl_json_text(root, "platform", mcl_context_device(context)->platform);
    mcl_json_text(root, "device", mcl_context_device(context)->name);
    mcl_json_text(root, "file", path);
    cJSON *providers = mcl_json_array_in(root, "providers");
    for (size_t i = 0; i < count;) {
        const struct sum sum = sum_of(products + i, count - i);
        cJSON *provider = mcl_json_object_at(providers);
        mcl_json_text(provider, "gemm", mcl_gemm_kind_name(products[i].provider));
        mcl_json_number(provider, "gflops_before", sum.before);
        mcl_json_number(provider, "gflops", sum.after);
        cJSON *list = mcl_json_array_in(provider, "products");
        for (size_t end = i + sum.next; i < end; i++) {
            const mcl_tuned_product *p = &products[i];
            cJSON *entry = mcl_json_object_at(list);
            mcl_json_bool(entry, "transpose_a", p->transpose_a);
            mcl_json_bool(entry, "transpose_b", p->transpose_b);
            mcl_json_number(entry, "m", p->m);
            mcl_json_number(entry, "n", p->n);
            mcl_json_number(entry, "k", p->k);
            mcl_json_number(entry, "gflops_before", p->before);
            mcl_json_number(entry, "gflops", p->after);
        }
    }
    return mcl_json_print(root);
}

static mcl_exit tune(mcl_context *context, const struct settings *settings, const mcl_model *model)
{
    mcl_progress progress = mcl_progress_start(settings->device.quiet);
    const mcl_gemm_kind gemm = settings->device.gemm;
    const mcl_tune_options options = {.run = &settings->options,
        .model = model,
        .columns = settings->input,
        .native = gemm != MCL_GEMM_CLBLAST,
        .clblast = gemm == MCL_GEMM_CLBLAST || gemm == MCL_GEMM_AUTO,
        .quick = settings->quick,
        .report = report,
        .user = &progress,
        .stop = mcl_signals_defer()};
    mcl_tuned_product *products;
    size_t count;
    char path[PATH_SIZE];
    mcl_status status = mcl_tune(&products, &count, path, sizeof path, context, &options);
    mcl_progress_clear(&progress);
    if (status == MCL_INTERRUPTED) {
        mcl_tell(
            "interrupted by %s: only what was searched to the end is kept", mcl_signals_name());
        return MCL_EXIT_INTERRUPTED;
    }
    if (status != MCL_OK)
        return mcl_complain_status(status);
    mcl_keep("the parameters are in %s", path);
    mcl_exit code = MCL_EXIT_DONE;
    if (settings->json)
        code = print_json(context, products, count, path);
    else if (!settings->device.quiet)
        print_table(products, count, path);
    free(products);
    return code;
}

static mcl_exit run(void *given, const mcl_arguments *arguments)
{
    const struct settings *settings = given;
    mcl_model *model = NULL;
    mcl_context *context = NULL;
    mcl_exit code = MCL_EXIT_DONE;
    for (const char *const *key = told_by_model; settings->model && *key; key++) {
        if (mcl_option_given(arguments, *key))
            return mcl_complain(
                MCL_EXIT_USAGE, "--%s: --model says it already: leave one of the two out", *key);
    }
    if (settings->model)
        code = mcl_load_model(&model, settings->model);
    if (code == MCL_EXIT_DONE)
        code = mcl_open_device(&context, &settings->device);
    if (code == MCL_EXIT_DONE)
        code = tune(context, settings, model);
    mcl_context_close(context);
    mcl_model_free(model);
    return code;
}

static void set_defaults(void *given)
{
    struct settings *settings = given;
    (void)mcl_pretrain_options_init(&settings->options); /* of this very version */
    settings->options.train.batch = BATCH;
    settings->input = 784;
}

static const mcl_option options[] = {
    {.name = "model",
        .argument = "MODEL",
        .group = "Model",
        .help = "a model file, whose widths and objectives are taken",
        .type = &mcl_option_text,
        .offset = offsetof(struct settings, model)},
    {.name = "input",
        .argument = "COLUMNS",
        .group = "Model",
        .help = "columns of the data",
        .type = &mcl_option_whole,
        .offset = offsetof(struct settings, input),
        .least = 1,
        .most = INT32_MAX,
        .conflict = needs_no_model},
    {.name = "quick",
        .group = "Search",
        .help = "try fewer parameters and measure them for a shorter time",
        .type = &mcl_option_switch,
        .offset = offsetof(struct settings, quick)},
    MCL_DEVICE_SELECTION(struct settings, device),
    {.name = "gemm",
        .argument = "auto|clblast|native|native-cpu|native-gpu",
        .group = "Device",
        .help = "whose parameters are searched: auto searches those of CLBlast and of the native "
                "product",
        .type = &mcl_option_gemm,
        .offset = offsetof(struct settings, device.gemm)},
    {.name = "json",
        .group = "Output",
        .help = "print one JSON object",
        .type = &mcl_option_switch,
        .offset = offsetof(struct settings, json)},
    {.name = "quiet",
        .letter = 'q',
        .group = "Output",
        .help = "print nothing but errors and warnings",
        .type = &mcl_option_switch,
        .offset = offsetof(struct settings, device.quiet)},
};

const mcl_command mcl_command_tune = {
    .name = "tune",
    .summary = "find the fastest matrix product for a device and a run",
    .description =
        "Tries parameters of the matrix product on every product of a pre-training run, such as "
        "the one that made a model, checks the results, and keeps the fastest in a file for the "
        "device in the user's cache folder, from which all commands take them. That takes minutes. "
        "No result of maskcl's own product changes by a bit.\n"
        "Ctrl-C ends the search and keeps what was searched to the end.",
    .examples = "  maskcl tune --model fashion.safetensors\n"
                "  maskcl tune --model fashion.safetensors --batch 1024 --gemm clblast",
    .library = MCL_OPTIONS_PRETRAIN,
    .library_offset = offsetof(struct settings, options),
    .library_keys = keys,
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .set_defaults = set_defaults,
    .run = run,
};
