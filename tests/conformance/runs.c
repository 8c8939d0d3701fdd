/* Whole runs, one digest each: every activation, mask, optimizer and objective on a small model.
 * The digests in tests/fixtures/runs.txt came from one device, and every other one must reach them.
 *   runs FILE [GEMM [STEP]]  compares, with products by GEMM (native), every STEP-th run
 *   runs --print             prints what the file should hold, after a deliberate change of the
 *                            arithmetic */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "maskcl/maskcl.h"

#define LINE 128

static const char *const objectives[] = {
    "cosine", "nt-xent", "reconstruction", "nt-xent:1+reconstruction:10"};
static const mcl_activation activations[] = {
    MCL_ACTIVATION_NONE, MCL_ACTIVATION_RELU, MCL_ACTIVATION_GELU, MCL_ACTIVATION_TANH};
static const mcl_mask_kind masks[] = {MCL_MASK_UNIFORM, MCL_MASK_BERNOULLI};
static const mcl_optimizer_kind optimizers[] = {
    MCL_OPTIMIZER_ADAM, MCL_OPTIMIZER_ADAMW, MCL_OPTIMIZER_SGD};

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* FNV-1a over the bytes of all parameters. */
static uint64_t digest(const mcl_model *model)
{
    uint64_t count, hash = 14695981039346656037u;
    const unsigned char *bytes = (const unsigned char *)mcl_model_parameters(model, &count, NULL);
    for (uint64_t i = 0; i < count * sizeof(float); i++)
        hash = (hash ^ bytes[i]) * 1099511628211u;
    return hash;
}

static mcl_status run(char line[LINE], mcl_context *context, const mcl_data *data,
    mcl_activation activation, mcl_mask_kind mask, mcl_optimizer_kind optimizer,
    const char *objective)
{
    mcl_pretrain_options options;
    mcl_pretrain_defaults(&options);
    options.hidden[0] = 33;
    options.embedding = 17;
    options.batch = 50;
    options.epochs = 2;
    options.seed = 0x123456789u; /* above 2³² */
    options.activation = activation;
    options.mask.kind = mask;
    options.optimizer.kind = optimizer;
    options.optimizer.momentum = optimizer == MCL_OPTIMIZER_SGD ? 0.9 : 0.0;
    options.optimizer.weight_decay = 0.01;
    mcl_model *model;
    mcl_status status =
        mcl_objectives_parse(options.objectives, &options.objective_count, objective);
    if (status == MCL_OK)
        status = mcl_pretrain(&model, context, data, &options);
    if (status != MCL_OK)
        return status;
    snprintf(line, LINE, "%s %s %s %s %016" PRIx64, mcl_activation_name(activation),
        mcl_mask_kind_name(mask), mcl_optimizer_name(optimizer), objective, digest(model));
    mcl_model_free(model);
    return MCL_OK;
}

int main(int count, char **arguments)
{
    mcl_context_options device = {NULL, NULL, MCL_GEMM_NATIVE};
    if (count < 2 || count > 4 ||
        (count > 2 && mcl_gemm_kind_parse(&device.gemm, arguments[2]) != MCL_OK)) {
        fprintf(stderr, "usage: runs FILE [GEMM [STEP]] | runs --print\n");
        return 2;
    }
    const size_t step = count > 3 ? (size_t)strtoul(arguments[3], NULL, 10) : 1;
    const bool print = strcmp(arguments[1], "--print") == 0;
    FILE *expected = print ? NULL : fopen(arguments[1], "r");
    mcl_context *context = NULL;
    mcl_data *data = NULL;
    mcl_status status = mcl_context_open(&context, &device);
    if (status == MCL_OK)
        status = mcl_data_synthetic(&data, 300, 61, 5);
    size_t runs = 0, differ = 0;
    const size_t all = COUNT(activations) * COUNT(masks) * COUNT(optimizers) * COUNT(objectives);
    for (size_t i = 0; i < all && status == MCL_OK; i++) {
        size_t rest = i;
        const char *objective = objectives[rest % COUNT(objectives)];
        rest /= COUNT(objectives);
        const mcl_optimizer_kind optimizer = optimizers[rest % COUNT(optimizers)];
        rest /= COUNT(optimizers);
        const mcl_mask_kind mask = masks[rest % COUNT(masks)];
        rest /= COUNT(masks);
        char line[LINE], wanted[LINE] = "";
        if (expected && fgets(wanted, sizeof wanted, expected))
            wanted[strcspn(wanted, "\n")] = '\0';
        if (step && i % step)
            continue;
        status = run(line, context, data, activations[rest], mask, optimizer, objective);
        if (status != MCL_OK)
            break;
        runs++;
        if (print) {
            puts(line);
            continue;
        }
        if (strcmp(line, wanted) != 0) {
            differ++;
            printf("this device: %s\nexpected:    %s\n", line, wanted);
        }
    }
    if (status != MCL_OK)
        fprintf(stderr, "%s\n", mcl_error_message());
    else if (!print)
        printf("%s: %zu of %zu runs have the expected bits\n", mcl_context_device(context)->name,
            runs - differ, runs);
    if (expected)
        fclose(expected);
    mcl_data_free(data);
    mcl_context_close(context);
    return status != MCL_OK || differ || runs == 0 || (step == 1 && runs != all);
}
