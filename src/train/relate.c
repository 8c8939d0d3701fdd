/* SPDX-License-Identifier: Apache-2.0 */
/* What a model is to a run that is asked for. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/values.h"
#include "data/data.h"
#include "maskcl/finetune.h"
#include "maskcl/version.h"
#include "model/model.h"
#include "train/describe.h"
#include "train/initial.h"
#include "train/options.h"
#include "train/rows.h"

#define TUNED MCL_FINETUNE_PREFIX

/* A run, and the model that may be its result. */
struct related {
    const mcl_model *model;
    const char *prefix;          /* of the keys in the model's metadata */
    mcl_options *options;        /* a copy */
    mcl_train_options *resolved; /* those of them */
    uint64_t epochs;             /* that are wanted */
    bool same;
};

/* The metadata of a key with the prefix; NULL: there are none. */
static const char *text_of(const struct related *related, const char *key)
{
    char whole[64];
    snprintf(whole, sizeof whole, "%s%s", related->prefix, key);
    return mcl_model_metadata_get(related->model, whole);
}

/* Whether they say the same; "" where there are none. */
static bool says(const struct related *related, const char *key, const char *expected)
{
    const char *text = text_of(related, key);
    return strcmp(text ? text : "", expected) == 0;
}

/* Whether the metadata say the same of an option. */
static mcl_status compare(void *of, const mcl_stored_option *option)
{
    struct related *related = of;
    char otherwise[MCL_OPTION_SIZE];
    const char *text = text_of(related, option->stored);
    if (!(option->flags & MCL_ROW_BITS) || !(option->flags & MCL_ROW_STORED) ||
        (!*related->prefix && mcl_model_key_is_own(option->stored)))
        return MCL_OK;
    if (!text) {
        MCL_TRY(mcl_option_default(otherwise, related->options, option->key));
        text = otherwise;
    }
    related->same = related->same &&
                    mcl_option_agrees(related->options->kind, option->key, text, option->value);
    return MCL_OK;
}

/* Whether the run ended, and was of these data and of products with these bits. */
static bool is_of_data(
    const struct related *related, const mcl_context *context, const mcl_data *data)
{
    char digest[MCL_DIGEST_SIZE], contract[24];
    if (text_of(related, "planned_steps") && !says(related, "ended", "early"))
        return false;
    snprintf(contract, sizeof contract, "%d", MCL_NUMERIC_CONTRACT);
    mcl_data_digest(digest, data);
    return says(related, "data_digest", digest) && says(related, "numeric_contract", contract) &&
           says(related, "product", mcl_product_bits(mcl_context_gemm(context)));
}

static bool is_of_model(const struct related *related, const char *key, const mcl_model *initial)
{
    char digest[MCL_DIGEST_SIZE];
    mcl_model_digest(digest, initial);
    return says(related, key, digest);
}

static bool is_of_labels(const struct related *related, const int32_t *labels, uint64_t rows)
{
    char digest[MCL_DIGEST_SIZE];
    mcl_labels_digest(digest, labels, rows);
    return says(related, "labels_digest", digest);
}

/* So many rows the model was trained on; `rows` where that is not told. */
static uint64_t rows_trained(const struct related *related, uint64_t rows)
{
    uint64_t trained;
    const char *text = text_of(related, "rows");
    return text && mcl_whole_parse(&trained, &mcl_value_count64, text) == MCL_OK ? trained : rows;
}

/* The relation by the options. */
static mcl_status relate(
    mcl_relation *relation, uint64_t *epochs, struct related *related, uint64_t rows)
{
    const char *planned = text_of(related, "planned_epochs");
    if (!planned || mcl_options_set(related->options, "epochs", planned) != MCL_OK)
        return MCL_OK;
    mcl_train_resolve(related->resolved, rows_trained(related, rows));
    MCL_TRY(mcl_options_each(related->options, compare, related));
    *epochs = related->resolved->epochs;
    if (!related->same || *epochs > related->epochs)
        return MCL_OK;
    *relation = *epochs == related->epochs ? MCL_RELATION_SAME : MCL_RELATION_SHORTER;
    return MCL_OK;
}

mcl_status mcl_pretrain_relate(mcl_relation *relation, uint64_t *epochs, const mcl_model *model,
    mcl_context *context, const mcl_data *data, const mcl_pretrain_options *options)
{
    MCL_NEED(relation);
    MCL_NEED(epochs);
    MCL_NEED(model);
    MCL_NEED(context);
    MCL_NEED(data);
    MCL_NEED(options);
    MCL_TRY(mcl_options_expect(&options->base, MCL_OPTIONS_PRETRAIN));
    mcl_pretrain_options copy = *options;
    struct related related = {model, "", &copy.base, &copy.train, options->train.epochs, true};
    *relation = MCL_RELATION_NONE;
    *epochs = 0;
    if (mcl_model_metadata_get(model, TUNED "steps") || !is_of_data(&related, context, data) ||
        !is_of_model(&related, MCL_INITIAL_DIGEST, options->init))
        return MCL_OK;
    return relate(relation, epochs, &related, mcl_data_rows(data));
}

mcl_status mcl_finetune_relate(mcl_relation *relation, uint64_t *epochs, const mcl_model *tuned,
    mcl_context *context, const mcl_model *model, const mcl_data *data, const int32_t *labels,
    const mcl_finetune_options *options)
{
    MCL_NEED(relation);
    MCL_NEED(epochs);
    MCL_NEED(tuned);
    MCL_NEED(context);
    MCL_NEED(model);
    MCL_NEED(data);
    MCL_NEED(labels);
    MCL_NEED(options);
    MCL_TRY(mcl_options_expect(&options->base, MCL_OPTIONS_FINETUNE));
    mcl_finetune_options copy = *options;
    struct related related = {tuned, TUNED, &copy.base, &copy.train, options->train.epochs, true};
    *relation = MCL_RELATION_NONE;
    *epochs = 0;
    if (!is_of_data(&related, context, data) ||
        !is_of_labels(&related, labels, mcl_data_rows(data)) ||
        !is_of_model(&related, "model_digest", options->from_scratch ? NULL : model))
        return MCL_OK;
    return relate(relation, epochs, &related, mcl_data_rows(data));
}
