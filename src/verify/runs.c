/* SPDX-License-Identifier: Apache-2.0 */
/* Short trainings, whose digests come from the contract and not from this device: a program that
 * shares no line with the library reaches them, see tests/conformance/host/. */
#include "verify/runs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "data/data.h"
#include "train/recipes.h"
#include "verify/checker.h"

#define DATA_SEED 5
#define DIGEST 14695981039346656037u /* of nothing */

/* What all runs have. */
#define COMMON "epochs=2;seed=4886718345;learning_rate=0.001;weight_decay=0.01;"

static const mcl_verify_run runs[] = {
    {.line = "normal-300x61 33 17 50 2 gelu uniform adamw nt-xent:1+reconstruction:10 "
             "eae54beb7430a0e7 9036bd9752abfd14",
        .name = "gelu, uniform, nt-xent + reconstruction, adamw",
        .rows = 300,
        .shape = {61},
        .dimensions = 1,
        .settings = COMMON "hidden=33;embedding=17;batch=50;activation=gelu;mask=uniform;"
                           "optimizer=adamw;objective=nt-xent:1+reconstruction:10",
        .model = 0xeae54beb7430a0e7u,
        .reports = 0x9036bd9752abfd14u},
    {.line = "normal-300x61 33 17 50 2 tanh bernoulli sgd:momentum=0.9 cosine "
             "808c9e7181e37908 08c44f885dcd6ed7",
        .name = "tanh, bernoulli, cosine, sgd",
        .rows = 300,
        .shape = {61},
        .dimensions = 1,
        .settings = COMMON "hidden=33;embedding=17;batch=50;activation=tanh;"
                           "optimizer=sgd;momentum=0.9;objective=cosine",
        .model = 0x808c9e7181e37908u,
        .reports = 0x08c44f885dcd6ed7u},
    {.line = "images-70x7x5x3 33 17 35 2 relu block:0.5:2 adamw nt-xent:1+reconstruction:10 "
             "ce4b41c073248dcd 3a1797e1f480bc62",
        .name = "relu, block, nt-xent + reconstruction, adamw",
        .rows = 70,
        .shape = {7, 5, 3},
        .dimensions = 3,
        .settings = COMMON "hidden=33;embedding=17;batch=35;activation=relu;mask=block;"
                           "mask_patch=2;optimizer=adamw;objective=nt-xent:1+reconstruction:10",
        .model = 0xce4b41c073248dcdu,
        .reports = 0x3a1797e1f480bc62u},
    {.line = "normal-300x61 40,20,9 3 65 2 gelu bernoulli:0.3 adam cosine+reconstruction "
             "01a63f1a87ee6af0 50a4badc309a0437",
        .name = "gelu, four layers, cosine + reconstruction, adam",
        .rows = 300,
        .shape = {61},
        .dimensions = 1,
        .settings = COMMON "hidden=40,20,9;embedding=3;batch=65;activation=gelu;mask_ratio=0.3;"
                           "optimizer=adam;objective=cosine+reconstruction",
        .model = 0x01a63f1a87ee6af0u,
        .reports = 0x50a4badc309a0437u},
};

const mcl_verify_run *mcl_verify_runs(size_t *count)
{
    *count = sizeof runs / sizeof *runs;
    return runs;
}

static uint64_t digest(uint64_t hash, const void *values, size_t size)
{
    const unsigned char *bytes = values;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 1099511628211u;
    return hash;
}

static mcl_status make_images(mcl_data **data, const mcl_verify_run *run)
{
    const uint64_t shape[4] = {run->rows, run->shape[0], run->shape[1], run->shape[2]};
    const uint64_t count = shape[0] * shape[1] * shape[2] * shape[3];
    unsigned char *values;
    MCL_TRY(mcl_allocate_pages(&values, count, 1));
    for (uint32_t i = 0; i < count; i++)
        values[i] = (unsigned char)((i * i * 2654435761u + i) >> 20);
    const mcl_status status = mcl_data_create(data, values, MCL_ELEMENT_UINT8, shape, 4, "a check");
    if (status != MCL_OK)
        free(values);
    return status;
}

struct reported {
    uint64_t digest;
    size_t objectives;
};

static void report(const mcl_step *step, void *user)
{
    struct reported *reported = user;
    const double numbers[] = {step->loss, step->epoch_loss, step->spread};
    reported->digest = digest(reported->digest, numbers, sizeof numbers);
    reported->digest =
        digest(reported->digest, step->objective_loss, reported->objectives * sizeof(double));
}

/* *model and *reports = the digests on this device. */
static mcl_status train(
    uint64_t *model, uint64_t *reports, mcl_context *context, const mcl_verify_run *run)
{
    mcl_pretrain_options options;
    mcl_data *data;
    mcl_model *trained;
    MCL_TRY(mcl_pretrain_options_init(&options));
    MCL_TRY(mcl_options_apply(&options.base, run->settings));
    if (run->dimensions == 3)
        MCL_TRY(make_images(&data, run));
    else
        MCL_TRY(mcl_data_synthetic(&data, run->rows, run->shape[0], DATA_SEED));
    struct reported reported = {DIGEST, options.objective_count};
    options.train.report = report;
    options.train.user = &reported;
    const mcl_status status = mcl_pretrain(&trained, context, data, &options);
    mcl_data_free(data);
    MCL_TRY(status);
    uint64_t count;
    const float *parameters = mcl_model_parameters(trained, &count, NULL);
    *model = digest(DIGEST, parameters, count * sizeof *parameters);
    *reports = reported.digest;
    mcl_model_free(trained);
    return MCL_OK;
}

static mcl_status check_run(mcl_checker *checker, const mcl_verify_run *run, const char *product)
{
    uint64_t model, reports;
    char name[96];
    const mcl_status status = train(&model, &reports, checker->context, run);
    if (status == MCL_ERROR_DATA) /* a loss that is not finite has no digest */
        model = reports = 0;
    else
        MCL_TRY(status);
    snprintf(name, sizeof name, "%s: %s", product, run->name);
    mcl_check check = {
        .kernel = name, .cases = 1, .agrees = model == run->model && reports == run->reports};
    snprintf(check.got, sizeof check.got, "%016" PRIx64, model);
    if (!check.agrees) {
        const bool same = model == run->model;
        snprintf(check.place, sizeof check.place, "digest of the %s", same ? "losses" : "model");
        snprintf(
            check.expected, sizeof check.expected, "%016" PRIx64, same ? run->reports : run->model);
        snprintf(check.got, sizeof check.got, "%016" PRIx64, same ? reports : model);
    }
    mcl_checker_report(checker, &check);
    return MCL_OK;
}

mcl_status mcl_check_runs(mcl_checker *checker)
{
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        checker->context->gemm = MCL_GEMM_NATIVE_CPU;
        MCL_TRY(check_run(checker, &runs[i], "gemm"));
        checker->context->gemm = MCL_GEMM_NATIVE_GPU;
        MCL_TRY(check_run(checker, &runs[i], "gemm_gpu"));
    }
    return MCL_OK;
}
