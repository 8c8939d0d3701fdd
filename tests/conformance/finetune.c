/* SPDX-License-Identifier: Apache-2.0 */
/* Whole fine-tuning runs, two digests each, as runs.c has those of pre-training. A line of
 * tests/fixtures/finetune.txt is one of cases.h in which MASK is all, few:ROWS a class, or scratch,
 * and OBJECTIVES is classes:NUMBER. Row i is of class i·i mod NUMBER, the model that of CASE_SEED.
 *   finetune FILE [GEMM]    compares, with products by GEMM (native)
 *   finetune --print FILE   prints the file with this device's digests */
#define _POSIX_C_SOURCE 200809L
#include "data.h"

static void report(const mcl_step *step, void *user)
{
    uint64_t *digest = user;
    const double values[] = {
        step->loss, step->epoch_loss, step->accuracy, step->epoch_accuracy, step->learning_rate};
    *digest = case_digest(*digest, values, sizeof values);
}

static mcl_status create_model(mcl_model **model, const struct run_case *run)
{
    mcl_architecture architecture = {
        .input = run->columns, .embedding = run->embedding, .hidden_count = run->hidden_count};
    for (size_t i = 0; i < run->hidden_count; i++)
        architecture.hidden[i] = run->hidden[i];
    const mcl_status status = mcl_activation_parse(&architecture.activation, run->activation);
    return status == MCL_OK ? mcl_model_create(model, &architecture, CASE_SEED) : status;
}

static mcl_status set_options(mcl_finetune_options *options, const struct run_case *run)
{
    const mcl_status begun = mcl_finetune_options_init(options);
    if (begun != MCL_OK)
        return begun;
    options->train.batch = run->batch;
    options->train.epochs = run->epochs;
    options->train.seed = CASE_SEED + 1;
    options->labels_per_class = strcmp(run->mask, "few") == 0 ? (uint64_t)run->ratio : 0;
    options->from_scratch = strcmp(run->mask, "scratch") == 0;
    options->train.optimizer.learning_rate = run->rate;
    options->train.optimizer.weight_decay = run->decay;
    options->train.optimizer.momentum = run->momentum;
    options->train.optimizer.epsilon = run->epsilon;
    options->train.schedule.kind = run->cosine < 0 ? MCL_SCHEDULE_CONSTANT : MCL_SCHEDULE_COSINE;
    options->train.schedule.final_rate = run->cosine < 0 ? 0 : run->cosine;
    options->train.schedule.warmup = run->warmup;
    return mcl_optimizer_parse(&options->train.optimizer.kind, run->optimizer);
}

static mcl_status tune(uint64_t *reports, mcl_model **tuned, mcl_context *context,
    const mcl_model *model, const mcl_data *data, struct run_case *run)
{
    const uint32_t classes = (uint32_t)case_value(run->objectives, 0.0);
    int32_t *labels = malloc(run->rows * sizeof *labels);
    mcl_finetune_options options;
    mcl_status status = set_options(&options, run);
    if (!labels || classes == 0)
        exit(EXIT_FAILURE);
    for (uint32_t i = 0; i < run->rows; i++)
        labels[i] = (int32_t)(i * i % classes);
    *reports = CASE_DIGEST;
    options.train.report = report;
    options.train.report_every = 1;
    options.train.user = reports;
    if (status == MCL_OK)
        status = mcl_finetune(tuned, context, model, data, labels, &options);
    free(labels);
    return status;
}

/* Runs a case; its digests. */
static mcl_status run_one(
    uint64_t *model_digest, uint64_t *reports, mcl_context *context, struct run_case *run)
{
    mcl_data *data = NULL;
    mcl_model *model = NULL, *tuned = NULL;
    mcl_status status = case_open_data(&data, run);
    if (status == MCL_OK)
        status = create_model(&model, run);
    if (status == MCL_OK)
        status = tune(reports, &tuned, context, model, data, run);
    if (status == MCL_OK) {
        uint64_t count;
        const float *parameters = mcl_model_parameters(tuned, &count, NULL);
        *model_digest = case_digest(CASE_DIGEST, parameters, count * sizeof *parameters);
    }
    mcl_model_free(tuned);
    mcl_model_free(model);
    mcl_data_free(data);
    return status;
}

int main(int count, char **arguments)
{
    mcl_context_options device = {.gemm = MCL_GEMM_NATIVE};
    const bool print = count == 3 && strcmp(arguments[1], "--print") == 0;
    if (count < 2 || count > 3 ||
        (!print && count > 2 && mcl_gemm_kind_parse(&device.gemm, arguments[2]) != MCL_OK)) {
        fprintf(stderr, "usage: finetune FILE [GEMM] | finetune --print FILE\n");
        return 2;
    }
    FILE *file = fopen(arguments[print ? 2 : 1], "r");
    mcl_context *context;
    if (!file || mcl_context_open(&context, &device) != MCL_OK) {
        fprintf(stderr, "%s\n", file ? mcl_error_message() : "no such file");
        return EXIT_FAILURE;
    }
    char line[CASE_LINE];
    size_t runs = 0, wrong = 0;
    while (fgets(line, sizeof line, file)) {
        struct run_case run;
        uint64_t model = 0, reports = 0;
        runs++;
        if (!case_parse(&run, line) || run_one(&model, &reports, context, &run) != MCL_OK) {
            fprintf(stderr, "%s%s\n", line, mcl_error_message());
            wrong++;
        } else if (print) {
            printf("%s %016" PRIx64 " %016" PRIx64 "\n", run.text, model, reports);
        } else if (model != run.model || reports != run.reports) {
            printf("this device: %016" PRIx64 " %016" PRIx64 " for %s", model, reports, line);
            wrong++;
        }
    }
    if (!print)
        printf("%s: %zu of %zu runs have the expected bits\n", mcl_context_device(context)->name,
            runs - wrong, runs);
    fclose(file);
    mcl_context_close(context);
    return wrong || runs == 0;
}
