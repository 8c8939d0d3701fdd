/* SPDX-License-Identifier: Apache-2.0 */
#include "model/model.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "maskcl/version.h"

static const char *const own_keys[] = {
    MCL_KEY_FORMAT,
    MCL_KEY_VERSION,
    MCL_KEY_INPUT,
    MCL_KEY_HIDDEN,
    MCL_KEY_EMBEDDING,
    MCL_KEY_ACTIVATION,
    MCL_KEY_NORMALIZATION,
    MCL_KEY_ACTIVATED,
    MCL_KEY_PROJECTOR,
    MCL_KEY_PREDICTOR,
    MCL_KEY_MASK_HEAD,
    MCL_KEY_DECODER,
    MCL_KEY_CLASSES,
    MCL_KEY_ENCODER,
    MCL_KEY_HEIGHT,
    MCL_KEY_WIDTH,
    MCL_KEY_CHANNELS,
    MCL_KEY_DIGEST,
    MCL_KEY_FILE_DIGEST,
};

void mcl_model_copy_tensors(mcl_model *to, const mcl_model *from)
{
    for (size_t i = 0; i < from->tensor_count; i++) {
        const mcl_tensor_place *source = &from->places[i];
        for (size_t j = 0; j < to->tensor_count; j++) {
            const mcl_tensor_place *place = &to->places[j];
            if (strncmp(place->name, "head.", strlen("head.")) != 0 &&
                strcmp(place->name, source->name) == 0 &&
                place->tensor.shape[0] == source->tensor.shape[0] && place->count == source->count)
                memcpy(to->parameters + place->offset, from->parameters + source->offset,
                    place->count * sizeof(float));
        }
    }
}

bool mcl_model_key_is_own(const char *key)
{
    for (size_t i = 0; i < sizeof own_keys / sizeof *own_keys; i++) {
        if (strcmp(key, own_keys[i]) == 0)
            return true;
    }
    return false;
}

static mcl_text_pair *find_metadata(const mcl_model *model, const char *key)
{
    for (size_t i = 0; i < model->metadata_count; i++) {
        if (strcmp(model->metadata[i].key, key) == 0)
            return &model->metadata[i];
    }
    return NULL;
}

/* Makes room for one more pair. */
static mcl_status reserve_metadata(mcl_model *model)
{
    if (model->metadata_count < model->metadata_capacity)
        return MCL_OK;
    const size_t capacity = 2 * model->metadata_capacity + 16;
    mcl_text_pair *longer;
    MCL_TRY(mcl_allocate(&longer, capacity, sizeof *longer));
    if (model->metadata_count)
        memcpy(longer, model->metadata, model->metadata_count * sizeof *longer);
    free(model->metadata);
    model->metadata = longer;
    model->metadata_capacity = capacity;
    return MCL_OK;
}

mcl_status mcl_model_metadata_add(mcl_model *model, const char *key, const char *value)
{
    char *key_copy, *value_copy;
    MCL_TRY(reserve_metadata(model));
    MCL_TRY(mcl_copy_string(&key_copy, key));
    mcl_status status = mcl_copy_string(&value_copy, value);
    if (status != MCL_OK) {
        free(key_copy);
        return status;
    }
    model->metadata[model->metadata_count++] = (mcl_text_pair){key_copy, value_copy};
    return MCL_OK;
}

static mcl_status add_number(mcl_model *model, const char *key, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    return mcl_model_metadata_add(model, key, text);
}

static mcl_status add_widths(
    mcl_model *model, const char *key, const uint32_t *widths, uint32_t count)
{
    char text[MCL_WIDTHS_SIZE];
    mcl_widths_show(text, widths, count);
    return mcl_model_metadata_add(model, key, text);
}

static mcl_status describe_encoder(mcl_model *model)
{
    const mcl_architecture *architecture = &model->architecture;
    MCL_TRY(mcl_model_metadata_add(model, MCL_KEY_ENCODER, architecture->encoder));
    if (!architecture->height)
        return MCL_OK;
    MCL_TRY(add_number(model, MCL_KEY_HEIGHT, architecture->height));
    MCL_TRY(add_number(model, MCL_KEY_WIDTH, architecture->width));
    return add_number(model, MCL_KEY_CHANNELS, architecture->channels);
}

/* The metadata of what the reference model lacks. */
static mcl_status describe_extras(mcl_model *model)
{
    const mcl_architecture *architecture = &model->architecture;
    if (architecture->normalization != MCL_NORMALIZATION_NONE)
        MCL_TRY(mcl_model_metadata_add(
            model, MCL_KEY_NORMALIZATION, mcl_normalization_name(architecture->normalization)));
    if (architecture->activated_embedding)
        MCL_TRY(mcl_model_metadata_add(model, MCL_KEY_ACTIVATED, "yes"));
    if (architecture->projector_count)
        MCL_TRY(add_widths(
            model, MCL_KEY_PROJECTOR, architecture->projector, architecture->projector_count));
    if (architecture->predictor_count)
        MCL_TRY(add_widths(
            model, MCL_KEY_PREDICTOR, architecture->predictor, architecture->predictor_count));
    if (architecture->mask_head)
        MCL_TRY(mcl_model_metadata_add(model, MCL_KEY_MASK_HEAD, "yes"));
    if (architecture->own_decoder)
        MCL_TRY(
            add_widths(model, MCL_KEY_DECODER, architecture->decoder, architecture->decoder_count));
    if (architecture->classes)
        MCL_TRY(add_number(model, MCL_KEY_CLASSES, architecture->classes));
    return *architecture->encoder ? describe_encoder(model) : MCL_OK;
}

int mcl_model_format(const mcl_architecture *architecture)
{
    return *architecture->encoder ? 2 : 1;
}

/* Adds the metadata that every model has, before any other. */
static mcl_status describe(mcl_model *model, const char *version)
{
    const mcl_architecture *architecture = &model->architecture;
    MCL_TRY(add_number(model, MCL_KEY_FORMAT, (uint64_t)mcl_model_format(architecture)));
    MCL_TRY(mcl_model_metadata_add(model, MCL_KEY_VERSION, version));
    MCL_TRY(add_number(model, MCL_KEY_INPUT, architecture->input));
    MCL_TRY(add_widths(model, MCL_KEY_HIDDEN, architecture->hidden, architecture->hidden_count));
    MCL_TRY(add_number(model, MCL_KEY_EMBEDDING, architecture->embedding));
    MCL_TRY(mcl_model_metadata_add(
        model, MCL_KEY_ACTIVATION, mcl_activation_name(architecture->activation)));
    return describe_extras(model);
}

mcl_status mcl_model_allocate(
    mcl_model **model, const mcl_architecture *architecture, const char *version)
{
    mcl_model *made;
    MCL_TRY(mcl_architecture_check(architecture));
    MCL_TRY(mcl_allocate(&made, 1, sizeof *made));
    made->architecture = *architecture;
    made->tensor_count = mcl_architecture_tensors(made->places, architecture);
    made->parameter_count = mcl_architecture_parameters(architecture);
    mcl_status status =
        mcl_allocate(&made->parameters, made->parameter_count, sizeof *made->parameters);
    if (status == MCL_OK)
        status = describe(made, version);
    if (status == MCL_OK)
        *model = made;
    else
        mcl_model_free(made);
    return status;
}

/* values[i] = (2u − 1) · 1/√fan_in, or the one initial value of all. The first factor is exact
 * in float, so that the product is rounded once. */
static void draw(float *values, const mcl_tensor_place *place, size_t index, uint64_t seed)
{
    if (place->tensor.fan_in == 0) {
        for (uint64_t i = 0; i < place->count; i++)
            values[i] = place->tensor.initial;
        return;
    }
    const float bound = (float)(1.0 / sqrt((double)place->tensor.fan_in));
    uint32_t words[4];
    for (uint64_t i = 0; i < place->count; i++) {
        if (i % 4 == 0)
            mcl_random_words(words, seed, MCL_STREAM_PARAMETERS, 0, 0, index, (uint32_t)(i / 4));
        values[i] = (2.0f * mcl_uniform(words[i % 4]) - 1.0f) * bound;
    }
}

mcl_status mcl_model_create(mcl_model **model, const mcl_architecture *architecture, uint64_t seed)
{
    MCL_NEED(model);
    MCL_NEED(architecture);
    mcl_model *made;
    MCL_TRY(mcl_model_allocate(&made, architecture, mcl_version()));
    for (size_t i = 0; i < made->tensor_count; i++)
        draw(made->parameters + made->places[i].offset, &made->places[i], i, seed);
    *model = made;
    return MCL_OK;
}

void mcl_model_free(mcl_model *model)
{
    if (!model)
        return;
    for (size_t i = 0; i < model->metadata_count; i++) {
        free((char *)model->metadata[i].key);
        free((char *)model->metadata[i].value);
    }
    free(model->metadata);
    free(model->parameters);
    free(model);
}

mcl_status mcl_model_check_finite(const mcl_model *model)
{
    for (size_t t = 0; t < model->tensor_count; t++) {
        const mcl_tensor_place *place = &model->places[t];
        for (uint64_t i = 0; i < place->count; i++) {
            const float value = model->parameters[place->offset + i];
            if (!isfinite(value))
                return mcl_fail(MCL_ERROR_DATA, "value %" PRIu64 " of tensor '%s' is %f", i,
                    place->name, (double)value);
        }
    }
    return MCL_OK;
}

const mcl_architecture *mcl_model_architecture(const mcl_model *model)
{
    return model ? &model->architecture : NULL;
}

uint32_t mcl_model_layers(const mcl_model *model)
{
    return model ? mcl_encoder_blocks(&model->architecture) : 0;
}

size_t mcl_model_tensor_count(const mcl_model *model)
{
    return model ? model->tensor_count : 0;
}

mcl_tensor mcl_model_tensor(const mcl_model *model, size_t index)
{
    if (!model || index >= model->tensor_count)
        return (mcl_tensor){.name = NULL};
    const mcl_tensor_place *place = &model->places[index];
    mcl_tensor tensor = {
        .name = place->name,
        .values = model->parameters + place->offset,
        .dimensions = place->tensor.dimensions,
        .offset = place->offset,
    };
    memcpy(tensor.shape, place->tensor.shape, sizeof tensor.shape);
    return tensor;
}

float *mcl_model_parameters(const mcl_model *model, uint64_t *count, uint64_t *encoder_count)
{
    if (count)
        *count = model ? model->parameter_count : 0;
    if (encoder_count)
        *encoder_count = model ? mcl_part_end(&model->architecture, MCL_PART_ENCODER) : 0;
    return model ? model->parameters : NULL;
}

mcl_status mcl_model_metadata_set(mcl_model *model, const char *key, const char *value)
{
    MCL_NEED(model);
    MCL_NEED(key);
    MCL_NEED(value);
    if (!*key || !mcl_is_utf8(key, strlen(key)) || mcl_has_control_character(key))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a metadata key is empty, not UTF-8 or has a control character in it");
    if (mcl_model_key_is_own(key))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "metadata '%s' is the model's own and follows from its architecture", key);
    if (!mcl_is_utf8(value, strlen(value)))
        return mcl_fail(MCL_ERROR_ARGUMENT, "the value of metadata '%s' is not UTF-8", key);
    mcl_text_pair *pair = find_metadata(model, key);
    if (!pair)
        return mcl_model_metadata_add(model, key, value);
    char *copy;
    MCL_TRY(mcl_copy_string(&copy, value));
    free((char *)pair->value);
    pair->value = copy;
    return MCL_OK;
}

const char *mcl_model_metadata_get(const mcl_model *model, const char *key)
{
    const mcl_text_pair *pair = model && key ? find_metadata(model, key) : NULL;
    return pair ? pair->value : NULL;
}

size_t mcl_model_metadata_count(const mcl_model *model)
{
    return model ? model->metadata_count : 0;
}

void mcl_model_metadata_at(
    const mcl_model *model, size_t index, const char **key, const char **value)
{
    const bool there = model && index < model->metadata_count;
    if (key)
        *key = there ? model->metadata[index].key : NULL;
    if (value)
        *value = there ? model->metadata[index].value : NULL;
}

mcl_status mcl_model_schema(mcl_schema **schema, const mcl_model *model)
{
    MCL_NEED(schema);
    const char *text = mcl_model_metadata_get(model, MCL_KEY_SCHEMA);
    *schema = NULL;
    return text ? mcl_schema_parse(schema, text) : MCL_OK;
}
