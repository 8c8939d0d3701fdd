/* SPDX-License-Identifier: Apache-2.0 */
/* Whole runs, two digests each: the model and what was reported. Those in tests/fixtures/ came from
 * one device, and every other one must reach them, in every way that a run can go.
 *   runs [OPTION...] FILE...  compares
 *     --gemm GEMM             with products by GEMM (native)
 *     --some                  only runs that have a word, an objective, say, that none before had
 *     --compute-units N       on N of the device's, or all where it has fewer
 *     --streamed              with device memory for one batch of the data only
 *     --tuned                 with odd tiles in a tuning file, for all products of these runs
 *   runs --print FILE...      prints the files with this device's digests, after a deliberate
 * change of the arithmetic */
#define _POSIX_C_SOURCE 200809L
#include "data.h"

#include "compute/tuning.h"

#define KNOWN_SIZE 4096

/* How the runs go, besides the device's options. */
struct way {
    char **paths;
    size_t path_count;
    bool some, print, streamed, tuned;
};

/* What a report adds to the digest. */
struct reported {
    uint64_t digest;
    size_t objectives;
};

static void report(const mcl_step *step, void *user)
{
    struct reported *reported = user;
    const double others[] = {step->loss, step->epoch_loss, step->spread};
    reported->digest = case_digest(reported->digest, others, sizeof others);
    reported->digest =
        case_digest(reported->digest, step->objective_loss, reported->objectives * sizeof(double));
}

/* Sets an option that stands behind the objectives, as in cosine/negatives=3. */
static mcl_status set_option(mcl_pretrain_options *options, const char *name, const char *value)
{
    if (strcmp(name, "projector") == 0)
        options->projector[options->projector_count++] = (uint32_t)strtoul(value, NULL, 10);
    else if (strcmp(name, "predictor") == 0)
        options->predictor[options->predictor_count++] = (uint32_t)strtoul(value, NULL, 10);
    else
        return mcl_options_set(&options->base,
            strcmp(name, "loss") == 0    ? "reconstruction_loss"
            : strcmp(name, "decay") == 0 ? "target_decay"
                                         : name,
            value);
    return MCL_OK;
}

/* NAME[:WEIGHT][+…][/OPTION=VALUE…] */
static mcl_status set_objectives(mcl_pretrain_options *options, const struct run_case *run)
{
    char text[sizeof run->objectives];
    memcpy(text, run->objectives, sizeof text);
    mcl_status status =
        mcl_objectives_parse(options->objectives, &options->objective_count, strtok(text, "/"));
    for (char *name; status == MCL_OK && (name = strtok(NULL, "=")) != NULL;)
        status = set_option(options, name, strtok(NULL, "/"));
    return status;
}

static mcl_status set_options(mcl_pretrain_options *options, const struct run_case *run)
{
    mcl_status begun = mcl_pretrain_options_init(options);
    if (begun == MCL_OK) /* of all objectives that have one */
        begun = mcl_options_set(&options->base, "temperature", CASE_TEMPERATURE_TEXT);
    if (begun != MCL_OK)
        return begun;
    options->hidden_count = run->hidden_count;
    for (size_t i = 0; i < run->hidden_count; i++)
        options->hidden[i] = run->hidden[i];
    options->embedding = run->embedding;
    options->train.batch = run->batch;
    options->train.epochs = run->epochs;
    options->train.seed = CASE_SEED;
    options->views.mask.ratio = run->ratio;
    options->views.mask.patch = run->side;
    options->train.optimizer.learning_rate = run->rate;
    options->train.optimizer.weight_decay = run->decay;
    options->train.optimizer.momentum = run->momentum;
    options->train.optimizer.epsilon = run->epsilon;
    options->train.ema = run->ema;
    options->train.clip_norm = run->clip;
    options->train.schedule.warmup = run->warmup;
    if (run->cosine >= 0.0) {
        options->train.schedule.kind = MCL_SCHEDULE_COSINE;
        options->train.schedule.final_rate = run->cosine;
    } else if (run->step > 0.0) {
        options->train.schedule.kind = MCL_SCHEDULE_STEP;
        options->train.schedule.step_epochs = (uint64_t)run->step;
        options->train.schedule.gamma = run->gamma;
    }
    options->activated_embedding = run->activated;
    mcl_status status = mcl_activation_parse(&options->activation, run->activation);
    if (status == MCL_OK)
        status = mcl_normalization_parse(&options->normalization, run->normalization);
    if (status == MCL_OK)
        status = run->views[0] ? mcl_view_options_parse(&options->views, run->views)
                               : mcl_mask_kind_parse(&options->views.mask.kind, run->mask);
    if (status == MCL_OK && run->encoder[0])
        status = mcl_options_set(&options->base, "encoder", run->encoder);
    if (status == MCL_OK)
        status = mcl_optimizer_parse(&options->train.optimizer.kind, run->optimizer);
    if (status == MCL_OK)
        status = set_objectives(options, run);
    return status;
}

/* Leaves a run the device memory that it needs with one batch of the data at a time, or with all of
 * it where that is less: as much as the refusal says of a run that has no memory at all. */
static mcl_status limit_memory(
    mcl_context *context, const mcl_data *data, const mcl_pretrain_options *options)
{
    mcl_model *model;
    mcl_context_limit_memory(context, 1);
    const mcl_status status = mcl_pretrain(&model, context, data, options);
    const char *message = mcl_error_message();
    const char *end = strstr(message, " bytes of device memory are needed");
    if (status != MCL_ERROR_DEVICE || !end)
        return status == MCL_OK ? MCL_ERROR_DEVICE : status;
    while (end > message && end[-1] >= '0' && end[-1] <= '9')
        end--;
    mcl_context_limit_memory(context, strtoull(end, NULL, 10));
    return MCL_OK;
}

/* Runs a case; its digests. */
static mcl_status train(uint64_t *model_digest, uint64_t *reports, mcl_context *context,
    const struct run_case *run, bool streamed)
{
    mcl_pretrain_options options;
    mcl_data *data;
    mcl_model *model;
    mcl_status status = set_options(&options, run);
    if (status == MCL_OK)
        status = case_open_data(&data, run);
    if (status != MCL_OK)
        return status;
    struct reported reported = {CASE_DIGEST, options.objective_count};
    options.train.report = report;
    options.train.user = &reported;
    if (streamed)
        status = limit_memory(context, data, &options);
    if (status == MCL_OK)
        status = mcl_pretrain(&model, context, data, &options);
    mcl_data_free(data);
    if (status != MCL_OK)
        return status;
    uint64_t count;
    const float *parameters = mcl_model_parameters(model, &count, NULL);
    *model_digest = case_digest(CASE_DIGEST, parameters, count * sizeof *parameters);
    *reports = reported.digest;
    mcl_model_free(model);
    return MCL_OK;
}

/* Adds tiles like none that is a default for the products of one layer and of its gradients. */
static void add_tiles(struct mcl_tuning *tuning, uint32_t rows, uint32_t in, uint32_t out)
{
    const mcl_gpu_tile tile = {3, 2, 5, 4, 7, 1, 1, 1, 2};
    const mcl_tuned_tile products[] = {
        {.for_gpu = true, .transpose_b = true, .m = rows, .n = out, .k = in, .gpu = tile},
        {.for_gpu = true, .transpose_a = true, .m = out, .n = in, .k = rows, .gpu = tile},
        {.for_gpu = true, .m = rows, .n = in, .k = out, .gpu = tile},
    };
    for (size_t i = 0; i < sizeof products / sizeof *products; i++)
        mcl_tuning_add(tuning, &products[i]);
}

static void add_tiles_of(struct mcl_tuning *tuning, const struct run_case *run)
{
    const uint32_t rows = 2 * run->batch;
    uint32_t in = run->columns;
    if (run->encoder[0])
        return;
    for (size_t layer = 0; layer <= run->hidden_count; layer++) {
        const uint32_t out = layer < run->hidden_count ? run->hidden[layer] : run->embedding;
        add_tiles(tuning, rows, in, out);
        add_tiles(tuning, rows, out, in); /* the decoder's */
        in = out;
    }
    add_tiles(tuning, rows, run->embedding, rows); /* similarities */
}

static bool add_tiles_of_file(struct mcl_tuning *tuning, const char *path)
{
    char line[CASE_LINE];
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    while (fgets(line, sizeof line, file)) {
        struct run_case run;
        if (case_parse(&run, line))
            add_tiles_of(tuning, &run);
    }
    fclose(file);
    return true;
}

/* Stores a tuning for the runs in a cache folder of its own, made from the template. */
static bool store_tuning(char *folder, const struct way *way, const mcl_context *context)
{
    struct mcl_tuning *tuning = calloc(1, sizeof *tuning);
    if (!tuning)
        return false;
    tuning->has_cpu = true;
    tuning->cpu = (mcl_cpu_tile){5, 4, 3, 15, 7};
    bool stored = true;
    for (size_t i = 0; i < way->path_count && stored; i++)
        stored = add_tiles_of_file(tuning, way->paths[i]);
    stored = stored && mkdtemp(folder) && setenv("XDG_CACHE_HOME", folder, 1) == 0 &&
             mcl_tuning_store(tuning, &context->info, NULL, 0) == MCL_OK;
    free(tuning);
    return stored;
}

/* Whether the stored tuning has been used to the end. */
static bool uses_tuning(mcl_context *context)
{
    const struct mcl_tuning *tuning = mcl_tuning_of(context);
    return tuning && tuning->has_cpu && tuning->tile_count > 0;
}

static void remove_folder(const char *folder)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0)
        fprintf(stderr, "%s: cannot be removed\n", folder);
}

/* Whether a run has a word that is not among those known; they are, after that. */
static bool has_new_word(char known[KNOWN_SIZE], const char *text)
{
    bool found = false;
    for (; *text; text += strcspn(text, " :+,"), text += strspn(text, " :+,")) {
        char word[32];
        const size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz-");
        if (length == 0)
            continue;
        snprintf(word, sizeof word, " %.*s ", (int)length, text);
        if (strstr(known, word))
            continue;
        snprintf(known + strlen(known), KNOWN_SIZE - strlen(known), "%s", word);
        found = true;
    }
    return found;
}

/* How many runs went, how many of them ended with other bits, and whether one failed. */
struct outcome {
    size_t runs, differ;
    bool failed;
};

static void run_line(struct outcome *outcome, const char *line, mcl_context *context,
    const struct way *way, char known[KNOWN_SIZE])
{
    struct run_case run;
    uint64_t model, reports;
    const bool parsed = case_parse(&run, line);
    if (parsed && way->some && !has_new_word(known, run.text))
        return;
    if (!parsed || train(&model, &reports, context, &run, way->streamed) != MCL_OK) {
        fprintf(stderr, "%s%s\n", line, mcl_error_message());
        outcome->failed = true;
        return;
    }
    outcome->runs++;
    if (way->print) {
        printf("%s %016" PRIx64 " %016" PRIx64 "\n", run.text, model, reports);
    } else if (model != run.model || reports != run.reports) {
        outcome->differ++;
        printf("this device: %016" PRIx64 " %016" PRIx64 " for %s", model, reports, line);
    }
}

/* Runs the files' cases; returns the exit code. */
static int run_all(mcl_context *context, const struct way *way)
{
    char line[CASE_LINE], known[KNOWN_SIZE] = "";
    struct outcome outcome = {0};
    for (size_t i = 0; i < way->path_count; i++) {
        FILE *file = fopen(way->paths[i], "r");
        if (!file) {
            fprintf(stderr, "there is no file %s\n", way->paths[i]);
            return EXIT_FAILURE;
        }
        while (fgets(line, sizeof line, file))
            run_line(&outcome, line, context, way, known);
        fclose(file);
    }
    if (!way->print)
        printf("%s: %zu of %zu runs have the expected bits\n", mcl_context_device(context)->name,
            outcome.runs - outcome.differ, outcome.runs);
    return outcome.failed || outcome.differ || outcome.runs == 0;
}

/* Takes the option at arguments[*i], moving *i to its value where it has one. */
static bool parse_option(struct way *way, mcl_context_options *device, char **arguments, int *i)
{
    const char *option = arguments[*i];
    if (strcmp(option, "--print") == 0)
        way->print = true;
    else if (strcmp(option, "--streamed") == 0)
        way->streamed = true;
    else if (strcmp(option, "--tuned") == 0)
        way->tuned = true;
    else if (strcmp(option, "--some") == 0)
        way->some = true;
    else if (strcmp(option, "--compute-units") == 0)
        device->compute_units = (uint32_t)strtoul(arguments[++*i], NULL, 10);
    else if (strcmp(option, "--gemm") == 0)
        return mcl_gemm_kind_parse(&device->gemm, arguments[++*i]) == MCL_OK;
    else
        return false;
    return true;
}

static bool parse(struct way *way, mcl_context_options *device, int count, char **arguments)
{
    int i = 1;
    while (i < count - 1 && parse_option(way, device, arguments, &i))
        i++;
    way->paths = arguments + i;
    way->path_count = i < count ? (size_t)(count - i) : 0;
    return way->path_count > 0 && way->paths[0][0] != '-';
}

/* Opens the device, or as much of it as there is. */
static mcl_status open_context(mcl_context **context, mcl_context_options *device)
{
    const uint32_t wanted = device->compute_units;
    device->compute_units = 0;
    MCL_TRY(mcl_context_open(context, device));
    if (wanted == 0 || wanted >= mcl_context_device(*context)->compute_units)
        return MCL_OK;
    mcl_context_close(*context);
    device->compute_units = wanted;
    return mcl_context_open(context, device);
}

int main(int count, char **arguments)
{
    mcl_context_options device = {.gemm = MCL_GEMM_NATIVE};
    struct way way = {0};
    if (!parse(&way, &device, count, arguments)) {
        fprintf(stderr, "usage: runs [--gemm GEMM] [--some] [--compute-units N] [--streamed] "
                        "[--tuned] FILE... | runs --print FILE...\n");
        return 2;
    }
    char folder[] = "/tmp/maskcl-runs-XXXXXX";
    mcl_context *context;
    if (open_context(&context, &device) != MCL_OK) {
        fprintf(stderr, "%s\n", mcl_error_message());
        return EXIT_FAILURE;
    }
    int code = EXIT_FAILURE;
    if (way.tuned && !store_tuning(folder, &way, context))
        fprintf(stderr, "no tuning is stored: %s\n", mcl_error_message());
    else
        code = run_all(context, &way);
    if (way.tuned && code == 0 && !uses_tuning(context)) {
        fprintf(stderr, "the tuning was not used\n");
        code = EXIT_FAILURE;
    }
    if (way.tuned)
        remove_folder(folder);
    mcl_context_close(context);
    return code;
}
