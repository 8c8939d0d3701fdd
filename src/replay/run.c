/* SPDX-License-Identifier: Apache-2.0 */
/* How a model was trained, and the same once more. */
#include "replay/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/values.h"
#include "model/model.h"
#include "train/recall.h"
#include "train/rows.h"

/* Metadata of a training, whose keys begin with the prefix. */
struct told {
    const mcl_model *model;
    const char *prefix;
};

static const char *get(const struct told *told, const char *key)
{
    char whole[64];
    snprintf(whole, sizeof whole, "%s%s", told->prefix, key);
    return mcl_model_metadata_get(told->model, whole);
}

static void copy(char *text, size_t size, const char *value)
{
    snprintf(text, size, "%s", value ? value : "");
}

static mcl_status bad(const struct told *told, const char *key, const char *text, const char *what)
{
    return mcl_fail(
        MCL_ERROR_FORMAT, "metadata '%s%s' is '%s', not %s", told->prefix, key, text, what);
}

/* Leaves the count as it is where nothing is told. */
static mcl_status read_count(uint64_t *count, const struct told *told, const char *key)
{
    const char *text = get(told, key);
    if (!text || mcl_whole_parse(count, &mcl_value_whole64, text) == MCL_OK)
        return MCL_OK;
    return bad(told, key, text, "a whole number");
}

static mcl_status read_digest(
    char digest[MCL_DIGEST_SIZE], const struct told *told, const char *key)
{
    const char *text = get(told, key);
    copy(digest, MCL_DIGEST_SIZE, text);
    if (!text ||
        (strlen(text) == MCL_DIGEST_SIZE - 1 && text[strspn(text, "0123456789abcdef")] == '\0'))
        return MCL_OK;
    return bad(told, key, text, "a digest of 32 hexadecimal digits");
}

/* "300x61" */
static mcl_status read_synthetic(mcl_run *run, const struct told *told)
{
    const char *text = get(told, "synthetic"), *cross = text ? strchr(text, 'x') : NULL;
    char rows[24] = "";
    if (!text)
        return MCL_OK;
    if (cross && (size_t)(cross - text) < sizeof rows)
        snprintf(rows, sizeof rows, "%.*s", (int)(cross - text), text);
    if (!cross || mcl_whole_parse(&run->synthetic_rows, &mcl_value_count64, rows) != MCL_OK ||
        mcl_whole_parse(&run->synthetic_columns, &mcl_value_count64, cross + 1) != MCL_OK)
        return bad(told, "synthetic", text, "ROWSxCOLUMNS");
    return read_count(&run->synthetic_seed, told, "synthetic_seed");
}

static mcl_status read_product(mcl_run *run, const struct told *told)
{
    const char *text = get(told, "product");
    run->product = MCL_GEMM_AUTO;
    if (!text || mcl_gemm_kind_parse(&run->product, text) == MCL_OK)
        return MCL_OK;
    return bad(told, "product", text, "native or clblast");
}

static mcl_status read_data(mcl_run *run, const struct told *told)
{
    uint64_t contract = 0;
    MCL_TRY(read_digest(run->data_digest, told, "data_digest"));
    MCL_TRY(read_digest(run->labels_digest, told, "labels_digest"));
    MCL_TRY(read_digest(run->model_digest, told, "model_digest"));
    MCL_TRY(read_synthetic(run, told));
    MCL_TRY(read_product(run, told));
    MCL_TRY(read_count(&contract, told, "numeric_contract"));
    run->contract = (uint32_t)contract;
    return MCL_OK;
}

mcl_status mcl_run_read(mcl_run *run, const mcl_model *model)
{
    MCL_NEED(run);
    MCL_NEED(model);
    MCL_NEED(run);
    MCL_NEED(model);
    const bool tuned = mcl_model_metadata_get(model, MCL_FINETUNE_PREFIX "steps") != NULL;
    const struct told told = {model, tuned ? MCL_FINETUNE_PREFIX : ""};
    mcl_run read;
    memset(&read, 0, sizeof read);
    read.kind = tuned ? MCL_OPTIONS_FINETUNE : MCL_OPTIONS_PRETRAIN;
    if (!get(&told, "steps"))
        return mcl_fail(MCL_ERROR_FORMAT,
            "the model does not say how it was trained: it has no metadata 'steps'");
    MCL_TRY(mcl_pretrain_options_init(&read.pretrain));
    MCL_TRY(mcl_finetune_options_init(&read.finetune));
    MCL_TRY(mcl_options_recall(tuned ? &read.finetune.base : &read.pretrain.base, read.assumed,
        sizeof read.assumed, model));
    MCL_TRY(read_count(&read.steps, &told, "steps"));
    MCL_TRY(read_data(&read, &told));
    copy(read.version, sizeof read.version, mcl_model_metadata_get(model, MCL_KEY_VERSION));
    read.pretrain.train.stop_after = read.finetune.train.stop_after = read.steps;
    *run = read;
    return MCL_OK;
}

mcl_status mcl_run_expect(const mcl_run *run, const mcl_run_input *input)
{
    const bool tuned = run && run->kind == MCL_OPTIONS_FINETUNE;
    if (!run || (!tuned && run->kind != MCL_OPTIONS_PRETRAIN))
        return mcl_fail(MCL_ERROR_ARGUMENT, "this is no run that mcl_run_read() has read");
    const bool begun = !tuned && *run->model_digest;
    if (!input || !input->data || (tuned && (!input->labels || !input->model)) ||
        (begun && !input->model))
        return mcl_fail(MCL_ERROR_ARGUMENT, "a run needs data%s",
            tuned   ? ", and fine-tuning labels and a model to begin from"
            : begun ? ", and this one the model that it began with"
                    : "");
    return MCL_OK;
}

static mcl_status expect(const char *what, const char *expected, const char *found)
{
    if (!*expected || strcmp(expected, found) == 0)
        return MCL_OK;
    return mcl_fail(MCL_ERROR_DATA,
        "%s are not those that the model was trained on: their digest is %s, not %s", what, found,
        expected);
}

static mcl_status check_model(const mcl_run *run, const mcl_model *model)
{
    char digest[MCL_DIGEST_SIZE];
    MCL_NEED(model);
    mcl_model_digest(digest, model);
    if (!*run->model_digest || strcmp(run->model_digest, digest) == 0)
        return MCL_OK;
    return mcl_fail(MCL_ERROR_DATA,
        "the model to begin from is not the one that was %s: its digest is %s, not %s",
        run->kind == MCL_OPTIONS_FINETUNE ? "fine-tuned" : "begun with", digest, run->model_digest);
}

mcl_status mcl_run_check(const mcl_run *run, const mcl_run_input *input)
{
    MCL_NEED(run);
    MCL_NEED(input);
    MCL_NEED(input->data);
    char digest[MCL_DIGEST_SIZE];
    MCL_TRY(mcl_run_expect(run, input));
    mcl_data_digest(digest, input->data);
    MCL_TRY(expect("the data", run->data_digest, digest));
    if (run->kind != MCL_OPTIONS_FINETUNE)
        return *run->model_digest ? check_model(run, input->model) : MCL_OK;
    MCL_NEED(input->labels);
    mcl_labels_digest(digest, input->labels, mcl_data_rows(input->data));
    MCL_TRY(expect("the labels", run->labels_digest, digest));
    if (run->finetune.from_scratch)
        return MCL_OK;
    return check_model(run, input->model);
}

mcl_status mcl_run_build(
    mcl_trainer **trainer, mcl_context *context, const mcl_run *run, const mcl_run_input *input)
{
    if (run->kind == MCL_OPTIONS_PRETRAIN) {
        mcl_pretrain_options options = run->pretrain;
        options.init = *run->model_digest ? input->model : NULL;
        return mcl_pretrain_build(trainer, context, input->data, &options);
    }
    return mcl_finetune_build(
        trainer, context, input->model, input->data, input->labels, &run->finetune);
}

mcl_status mcl_run_train(
    mcl_model **model, mcl_context *context, const mcl_run *run, const mcl_run_input *input)
{
    MCL_NEED(model);
    MCL_NEED(context);
    MCL_TRY(mcl_run_expect(run, input));
    MCL_NEED(model);
    MCL_NEED(context);
    MCL_NEED(run);
    MCL_NEED(input);
    MCL_NEED(input->data);
    if (run->kind != MCL_OPTIONS_PRETRAIN) {
        MCL_NEED(input->labels);
        MCL_NEED(input->model);
    }
    const mcl_train_options *options =
        run->kind == MCL_OPTIONS_PRETRAIN ? &run->pretrain.train : &run->finetune.train;
    mcl_trainer *trainer;
    MCL_TRY(mcl_run_build(&trainer, context, run, input));
    const mcl_status status = mcl_trainer_run(model, trainer);
    mcl_trainer_free(trainer);
    return status == MCL_INTERRUPTED && !(options->stop && *options->stop) ? MCL_OK : status;
}
