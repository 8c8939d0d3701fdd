/* SPDX-License-Identifier: Apache-2.0 */
#include "train/initial.h"

#include <string.h>

#include "model/model.h"
#include "objectives/objective.h"
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
