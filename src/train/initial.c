/* SPDX-License-Identifier: Apache-2.0 */
#include "train/initial.h"

#include <inttypes.h>
#include <string.h>

#include "base/values.h"
#include "data/data.h"
#include "maskcl/version.h"
#include "model/model.h"
#include "objectives/objective.h"
#include "train/describe.h"
#include "train/options.h"

mcl_status mcl_pretrain_from(mcl_pretrain_options *options, const mcl_model *model)
{
    MCL_NEED(options);
    MCL_NEED(model);
    MCL_TRY(mcl_options_expect(&options->base, MCL_OPTIONS_PRETRAIN));
    const mcl_architecture *architecture = &model->architecture;
    options->init = model;
    options->hidden_count = architecture->hidden_count;
    options->embedding = architecture->embedding;
    options->activation = architecture->activation;
    options->normalization = architecture->normalization;
    options->activated_embedding = architecture->activated_embedding;
    memcpy(options->hidden, architecture->hidden, sizeof options->hidden);
    memcpy(options->encoder, architecture->encoder, sizeof options->encoder);
    if (mcl_objectives_decode(options)) {
        options->own_decoder = architecture->own_decoder;
        options->decoder_count = architecture->decoder_count;
        memcpy(options->decoder, architecture->decoder, sizeof options->decoder);
    }
    if (mcl_objectives_need(options, MCL_NEEDS_TWO_VIEWS)) {
        options->projector_count = architecture->projector_count;
        memcpy(options->projector, architecture->projector, sizeof options->projector);
    }
    if (mcl_objectives_need(options, MCL_NEEDS_PREDICTOR) && architecture->predictor_count) {
        options->predictor_count = architecture->predictor_count;
        memcpy(options->predictor, architecture->predictor, sizeof options->predictor);
    }
    return MCL_OK;
}

/* The metadata of an encoder in which the two differ; NULL: in none. */
static const char *find_difference(const mcl_model *a, const mcl_model *b)
{
    static const char *const keys[] = {MCL_KEY_ENCODER, MCL_KEY_HEIGHT, MCL_KEY_WIDTH,
        MCL_KEY_CHANNELS, MCL_KEY_INPUT, MCL_KEY_HIDDEN, MCL_KEY_EMBEDDING, MCL_KEY_ACTIVATION,
        MCL_KEY_NORMALIZATION, MCL_KEY_ACTIVATED};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *x = mcl_model_metadata_get(a, keys[i]), *y = mcl_model_metadata_get(b, keys[i]);
        if (strcmp(x ? x : "none", y ? y : "none") != 0)
            return keys[i];
    }
    return NULL;
}

mcl_status mcl_initial_copy(mcl_model *model, const mcl_pretrain_options *options)
{
    if (!options->init)
        return MCL_OK;
    const char *key = find_difference(model, options->init);
    if (key) {
        const char *asked = mcl_model_metadata_get(model, key);
        const char *there = mcl_model_metadata_get(options->init, key);
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "the model to begin with has another encoder: its %s is %s, and here it is %s: leave "
            "the options of the architecture out",
            strcmp(key, MCL_KEY_ACTIVATED) == 0 ? "activated_embedding" : key,
            there ? there : "none", asked ? asked : "none");
    }
    mcl_model_copy_tensors(model, options->init);
    return MCL_OK;
}

struct related {
    const mcl_model *model;
    const mcl_options *options;
    bool same;
};

/* Whether the metadata say the same of an option. */
static mcl_status compare(void *of, const mcl_stored_option *option)
{
    struct related *related = of;
    char otherwise[MCL_OPTION_SIZE];
    const char *text = mcl_model_metadata_get(related->model, option->stored);
    if (!(option->flags & MCL_ROW_BITS) || !(option->flags & MCL_ROW_STORED) ||
        mcl_model_key_is_own(option->stored))
        return MCL_OK;
    if (!text) {
        MCL_TRY(mcl_option_default(otherwise, related->options, option->key));
        text = otherwise;
    }
    related->same =
        related->same && mcl_option_agrees(MCL_OPTIONS_PRETRAIN, option->key, text, option->value);
    return MCL_OK;
}

static bool says(const mcl_model *model, const char *key, const char *expected)
{
    const char *text = mcl_model_metadata_get(model, key);
    return text && strcmp(text, expected) == 0;
}

/* Whether what a run is of beside its options is the same, and the model is what it ended with. */
static bool is_of(const mcl_model *model, mcl_context *context, const mcl_data *data,
    const mcl_pretrain_options *options)
{
    char digest[MCL_DIGEST_SIZE], contract[24];
    const bool whole =
        !mcl_model_metadata_get(model, "planned_steps") || says(model, "ended", "early");
    if (!whole || mcl_model_metadata_get(model, "finetune_steps"))
        return false;
    mcl_model_digest(digest, options->init);
    const char *initial = mcl_model_metadata_get(model, MCL_INITIAL_DIGEST);
    if (strcmp(initial ? initial : "", digest) != 0)
        return false;
    snprintf(contract, sizeof contract, "%d", MCL_NUMERIC_CONTRACT);
    mcl_data_digest(digest, data);
    return says(model, "data_digest", digest) && says(model, "numeric_contract", contract) &&
           says(model, "product", mcl_product_bits(mcl_context_gemm(context)));
}

/* So many the model was trained on, of data; some may have been held out. */
static uint64_t rows_trained(const mcl_model *model, const mcl_data *data)
{
    uint64_t rows;
    const char *text = mcl_model_metadata_get(model, "rows");
    return text && mcl_whole_parse(&rows, &mcl_value_count64, text) == MCL_OK ? rows
                                                                              : mcl_data_rows(data);
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
    mcl_pretrain_options resolved = *options;
    const char *planned = mcl_model_metadata_get(model, "planned_epochs");
    struct related related = {model, &resolved.base, true};
    *relation = MCL_RELATION_NONE;
    *epochs = 0;
    if (!planned || !is_of(model, context, data, options) ||
        mcl_options_set(&resolved.base, "epochs", planned) != MCL_OK)
        return MCL_OK;
    mcl_train_resolve(&resolved.train, rows_trained(model, data));
    MCL_TRY(mcl_options_each(&resolved.base, compare, &related));
    *epochs = resolved.train.epochs;
    if (!related.same || *epochs > options->train.epochs)
        return MCL_OK;
    *relation = *epochs == options->train.epochs ? MCL_RELATION_SAME : MCL_RELATION_SHORTER;
    return MCL_OK;
}
