/* Whole runs, two digests each: the model and what was reported. Those in tests/fixtures/ came from
 * one device, and every other one must reach them.
 *   runs FILE [GEMM [STEP]]  compares, with products by GEMM (native), every STEP-th run
 *   runs --print FILE        prints the file with this device's digests, after a deliberate change
 * of the arithmetic */
#define _POSIX_C_SOURCE 200809L
#include "cases.h"

#include <unistd.h>

#include "maskcl/maskcl.h"

static bool write_images(FILE *file, const unsigned char *values, const struct run_case *run)
{
    const unsigned sizes[] = {run->rows, run->height, run->width, run->channels};
    const size_t count = (size_t)run->rows * run->columns;
    unsigned char header[20] = {0, 0, 8, 4};
    for (size_t i = 0; i < 4; i++) {
        header[4 + 4 * i + 2] = (unsigned char)(sizes[i] >> 8);
        header[4 + 4 * i + 3] = (unsigned char)sizes[i];
    }
    return fwrite(header, sizeof header, 1, file) == 1 && fwrite(values, count, 1, file) == 1 &&
           fflush(file) == 0;
}

/* uint8 comes from files only. */
static mcl_status open_images(mcl_data **data, const struct run_case *run)
{
    char path[] = "/tmp/maskcl-runs-XXXXXX";
    const int descriptor = mkstemp(path);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    unsigned char *values = malloc((size_t)run->rows * run->columns);
    if (!file || !values)
        exit(EXIT_FAILURE);
    case_make_bytes(values, run);
    if (!write_images(file, values, run))
        exit(EXIT_FAILURE);
    const mcl_status status = mcl_data_open(data, path);
    fclose(file);
    unlink(path);
    free(values);
    return status;
}

static mcl_status open_data(mcl_data **data, const struct run_case *run)
{
    mcl_data *normal;
    if (strcmp(run->kind, "images") == 0)
        return open_images(data, run);
    mcl_status status = mcl_data_synthetic(&normal, run->rows, run->columns, CASE_DATA_SEED);
    if (status != MCL_OK)
        return status;
    float *values = malloc((size_t)run->rows * run->columns * sizeof *values);
    if (!values)
        exit(EXIT_FAILURE);
    status = mcl_data_floats(values, normal, 0, run->rows);
    mcl_data_free(normal);
    case_make_floats(values, run);
    if (status == MCL_OK)
        status = mcl_data_from_floats(data, values, run->rows, run->columns);
    free(values);
    return status;
}

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

static mcl_status set_options(mcl_pretrain_options *options, const struct run_case *run)
{
    mcl_pretrain_defaults(options);
    options->hidden_count = run->hidden_count;
    for (size_t i = 0; i < run->hidden_count; i++)
        options->hidden[i] = run->hidden[i];
    options->embedding = run->embedding;
    options->batch = run->batch;
    options->epochs = run->epochs;
    options->seed = CASE_SEED;
    options->temperature = CASE_TEMPERATURE;
    options->mask.ratio = run->ratio;
    options->mask.patch = run->side;
    options->optimizer.learning_rate = run->rate;
    options->optimizer.weight_decay = run->decay;
    options->optimizer.momentum = run->momentum;
    options->optimizer.epsilon = run->epsilon;
    options->ema = run->ema;
    options->clip_norm = run->clip;
    options->schedule.warmup = run->warmup;
    if (run->cosine >= 0.0) {
        options->schedule.kind = MCL_SCHEDULE_COSINE;
        options->schedule.final_rate = run->cosine;
    } else if (run->step > 0.0) {
        options->schedule.kind = MCL_SCHEDULE_STEP;
        options->schedule.step_epochs = (uint64_t)run->step;
        options->schedule.gamma = run->gamma;
    }
    mcl_status status = mcl_activation_parse(&options->activation, run->activation);
    if (status == MCL_OK)
        status = mcl_mask_kind_parse(&options->mask.kind, run->mask);
    if (status == MCL_OK)
        status = mcl_optimizer_parse(&options->optimizer.kind, run->optimizer);
    if (status == MCL_OK)
        status =
            mcl_objectives_parse(options->objectives, &options->objective_count, run->objectives);
    return status;
}

/* Runs a case; its digests. */
static mcl_status train(
    uint64_t *model_digest, uint64_t *reports, mcl_context *context, const struct run_case *run)
{
    mcl_pretrain_options options;
    mcl_data *data;
    mcl_model *model;
    mcl_status status = set_options(&options, run);
    if (status == MCL_OK)
        status = open_data(&data, run);
    if (status != MCL_OK)
        return status;
    struct reported reported = {CASE_DIGEST, options.objective_count};
    options.report = report;
    options.user = &reported;
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

int main(int count, char **arguments)
{
    mcl_context_options device = {.gemm = MCL_GEMM_NATIVE};
    const bool print = count == 3 && strcmp(arguments[1], "--print") == 0;
    if (count < 2 || count > 4 ||
        (!print && count > 2 && mcl_gemm_kind_parse(&device.gemm, arguments[2]) != MCL_OK)) {
        fprintf(stderr, "usage: runs FILE [GEMM [STEP]] | runs --print FILE\n");
        return 2;
    }
    const size_t step = count > 3 ? (size_t)strtoul(arguments[3], NULL, 10) : 1;
    FILE *file = fopen(arguments[print ? 2 : 1], "r");
    mcl_context *context;
    if (!file || step == 0 || mcl_context_open(&context, &device) != MCL_OK) {
        fprintf(stderr, "%s\n", file && step ? mcl_error_message() : "no such file, or no step");
        return EXIT_FAILURE;
    }
    char line[CASE_LINE];
    size_t runs = 0, differ = 0;
    bool failed = false;
    for (size_t i = 0; fgets(line, sizeof line, file); i++) {
        struct run_case run;
        uint64_t model, reports;
        if (i % step)
            continue;
        if (!case_parse(&run, line) || train(&model, &reports, context, &run) != MCL_OK) {
            fprintf(stderr, "%s%s\n", line, mcl_error_message());
            failed = true;
            continue;
        }
        runs++;
        if (print)
            printf("%s %016" PRIx64 " %016" PRIx64 "\n", run.text, model, reports);
        else if (model != run.model || reports != run.reports) {
            differ++;
            printf("this device: %016" PRIx64 " %016" PRIx64 " for %s", model, reports, line);
        }
    }
    if (!print)
        printf("%s: %zu of %zu runs have the expected bits\n", mcl_context_device(context)->name,
            runs - differ, runs);
    fclose(file);
    mcl_context_close(context);
    return failed || differ || runs == 0;
}
