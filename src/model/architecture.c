/* SPDX-License-Identifier: Apache-2.0 */
#include "model/architecture.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/names.h"
#include "model/encoder_layers.h"
#include "nn/layers.h"

static const char *const activation_names[] = {
    [MCL_ACTIVATION_NONE] = "none",
    [MCL_ACTIVATION_RELU] = "relu",
    [MCL_ACTIVATION_GELU] = "gelu",
    [MCL_ACTIVATION_TANH] = "tanh",
};

static const char *const normalization_names[] = {
    [MCL_NORMALIZATION_NONE] = "none",
    [MCL_NORMALIZATION_BATCH] = "batch",
    [MCL_NORMALIZATION_LAYER] = "layer",
    [MCL_NORMALIZATION_GROUP] = "group",
};

static const char *const part_names[MCL_PARTS] = {
    "encoder", "head", "projector", "predictor", "mask_head", "decoder"};

const char *mcl_part_options(mcl_part part)
{
    static const char *const options[MCL_PARTS] = {
        [MCL_PART_ENCODER] = "`hidden`, `embedding` or `encoder`",
        [MCL_PART_HEAD] = "`embedding`, or fewer classes",
        [MCL_PART_PROJECTOR] = "`projector`",
        [MCL_PART_PREDICTOR] = "`predictor`",
        [MCL_PART_MASK_HEAD] = "`embedding`",
        [MCL_PART_DECODER] = "`decoder`, `hidden` or `embedding`",
    };
    return options[part];
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

mcl_status mcl_activation_parse(mcl_activation *activation, const char *text)
{
    MCL_NEED(activation);
    size_t index;
    MCL_TRY(mcl_name_parse(&index, text, activation_names, COUNT(activation_names), "activation"));
    *activation = (mcl_activation)index;
    return MCL_OK;
}

const char *mcl_activation_name(mcl_activation activation)
{
    return mcl_name_of(activation_names, COUNT(activation_names), (size_t)activation);
}

mcl_status mcl_normalization_parse(mcl_normalization *normalization, const char *text)
{
    MCL_NEED(normalization);
    size_t index;
    MCL_TRY(mcl_name_parse(
        &index, text, normalization_names, COUNT(normalization_names), "normalization"));
    *normalization = (mcl_normalization)index;
    return MCL_OK;
}

const char *mcl_normalization_name(mcl_normalization normalization)
{
    return mcl_name_of(normalization_names, COUNT(normalization_names), (size_t)normalization);
}

void mcl_widths_show(char text[MCL_WIDTHS_SIZE], const uint32_t *widths, uint32_t count)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < count; i++)
        used += (size_t)snprintf(
            text + used, MCL_WIDTHS_SIZE - used, "%s%" PRIu32, i ? "," : "", widths[i]);
}

/* The widths of a part: the input of its first layer, and the output of each. */
struct stack {
    uint64_t width[MCL_LAYERS_MAX + 1];
    size_t layers; /* dense ones; 0: the architecture does not have the part */
};

static void add_widths(struct stack *widths, const uint32_t *more, size_t count)
{
    for (size_t i = 0; i < count; i++)
        widths->width[++widths->layers] = more[i];
}

/* The width that objectives on embeddings work on. */
static uint32_t projected(const mcl_architecture *architecture)
{
    return architecture->projector_count
               ? architecture->projector[architecture->projector_count - 1]
               : architecture->embedding;
}

static struct stack widths_of(const mcl_architecture *architecture, mcl_part part)
{
    struct stack widths = {.layers = 0};
    const uint32_t last = projected(architecture);
    switch (part) {
    case MCL_PART_HEAD:
        widths.width[0] = architecture->embedding;
        add_widths(&widths, &architecture->classes, architecture->classes ? 1 : 0);
        break;
    case MCL_PART_PROJECTOR:
        widths.width[0] = architecture->embedding;
        add_widths(&widths, architecture->projector, architecture->projector_count);
        break;
    case MCL_PART_PREDICTOR:
        widths.width[0] = last;
        add_widths(&widths, architecture->predictor, architecture->predictor_count);
        if (widths.layers)
            add_widths(&widths, &last, 1);
        break;
    case MCL_PART_MASK_HEAD:
        widths.width[0] = architecture->embedding;
        if (architecture->mask_head)
            widths.width[++widths.layers] = architecture->input;
        break;
    default:
        widths.width[0] = architecture->input;
        add_widths(&widths, architecture->hidden, architecture->hidden_count);
        add_widths(&widths, &architecture->embedding, 1);
        break;
    }
    if (part != MCL_PART_DECODER)
        return widths;
    const struct stack encoder = widths;
    const uint32_t input = (uint32_t)architecture->input;
    if (architecture->own_decoder) {
        widths = (struct stack){.width = {architecture->embedding}};
        add_widths(&widths, architecture->decoder, architecture->decoder_count);
        add_widths(&widths, &input, 1);
        return widths;
    }
    for (size_t i = 0; i <= encoder.layers; i++)
        widths.width[i] = encoder.width[encoder.layers - i];
    return widths;
}

static mcl_status check_widths(
    const uint32_t *width, uint32_t count, uint32_t most, const char *what)
{
    if (count > most)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%" PRIu32 " %s layers are too many: at most %" PRIu32,
            count, what, most);
    for (uint32_t i = 0; i < count; i++) {
        if (width[i] == 0)
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "%s layer %" PRIu32 " has no columns: it must have at least 1", what, i + 1);
    }
    return MCL_OK;
}

/* Groups of that many channels at most: a power of two that divides them. */
#define GROUPS_MOST 8

mcl_layer mcl_normalization_after(mcl_normalization normalization, const mcl_map *map)
{
    uint32_t groups = 1;
    while (normalization == MCL_NORMALIZATION_GROUP && groups < GROUPS_MOST &&
           map->channels % (2 * groups) == 0)
        groups *= 2;
    return normalization == MCL_NORMALIZATION_GROUP || mcl_map_positions(map) > 1
               ? mcl_layer_normalization_of_map(normalization, groups, map)
               : mcl_layer_normalization(normalization, map->channels);
}

/* Whether the activation, and the normalization before it, end block b of a part of `count`. */
static bool is_activated(
    const mcl_architecture *architecture, mcl_part part, size_t b, size_t count)
{
    return b + 1 < count || (part == MCL_PART_ENCODER && architecture->activated_embedding);
}

/* Whether words say the layers of a part. */
static bool is_in_words(const mcl_architecture *architecture, mcl_part part)
{
    const bool mirror = part == MCL_PART_DECODER && !architecture->own_decoder;
    return *architecture->encoder && (part == MCL_PART_ENCODER || mirror);
}

static mcl_status list_words(mcl_layer layers[MCL_LAYERS_MAX], size_t *count,
    const mcl_architecture *architecture, mcl_part part)
{
    return part == MCL_PART_ENCODER ? mcl_encoder_layers(layers, count, architecture)
                                    : mcl_decoder_layers(layers, count, architecture);
}

/* The layers of a part, whose parameters have no place yet. */
static size_t list_part(
    mcl_layer layers[MCL_LAYERS_MAX], const mcl_architecture *architecture, mcl_part part)
{
    const struct stack widths = widths_of(architecture, part);
    size_t count = 0;
    if (is_in_words(architecture, part))
        return list_words(layers, &count, architecture, part) == MCL_OK ? count : 0;
    for (size_t b = 0; b < widths.layers; b++) {
        const uint32_t in = (uint32_t)widths.width[b], out = (uint32_t)widths.width[b + 1];
        const size_t first = count;
        layers[count++] = mcl_layer_dense(in, out);
        if (is_activated(architecture, part, b, widths.layers)) {
            if (architecture->normalization != MCL_NORMALIZATION_NONE)
                layers[count++] =
                    mcl_normalization_after(architecture->normalization, &(mcl_map){1, 1, out});
            layers[count++] = mcl_layer_activation(architecture->activation, out);
        }
        for (size_t l = first; l < count; l++) {
            layers[l].block = (uint32_t)b;
            layers[l].module = (uint32_t)l;
        }
    }
    if (part == MCL_PART_DECODER && architecture->height && architecture->channels > 1) {
        layers[count] = mcl_layer_unflatten(
            &(mcl_map){architecture->height, architecture->width, architecture->channels});
        layers[count].block = (uint32_t)widths.layers - 1;
        layers[count].module = (uint32_t)count;
        count++;
    }
    return count;
}

static mcl_status check_part(
    uint64_t *parameters, const mcl_architecture *architecture, mcl_part part)
{
    mcl_layer layers[MCL_LAYERS_MAX];
    const size_t count = list_part(layers, architecture, part);
    for (size_t l = 0; l < count; l++) {
        *parameters += mcl_layer_values(&layers[l], false) + mcl_layer_values(&layers[l], true);
        if (*parameters > MCL_PARAMETERS_MAX)
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "the model is too large: with the %s layer of %" PRIu32 "×%" PRIu32
                " it has more than %" PRIu32 " parameters: use a smaller %s",
                layers[l].type->name, layers[l].out, layers[l].in, MCL_PARAMETERS_MAX,
                mcl_part_options(part));
    }
    return MCL_OK;
}

/* An encoder in words comes to the embedding that the architecture says. */
static mcl_status check_encoder(const mcl_architecture *architecture)
{
    const uint32_t height = architecture->height, width = architecture->width;
    mcl_layer layers[MCL_LAYERS_MAX];
    uint64_t values;
    size_t count;
    if (!memchr(architecture->encoder, '\0', MCL_ENCODER_SIZE))
        return mcl_fail(MCL_ERROR_ARGUMENT, "the words of the encoder are too long");
    if (!*architecture->encoder)
        return MCL_OK;
    if (architecture->hidden_count)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "an encoder in words has the layers that these say, and no hidden ones besides");
    if (height && (!mcl_multiply(&values, (uint64_t)height * width, architecture->channels) ||
                      values != architecture->input))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "rows of %" PRIu64 " values are no maps of %" PRIu32 " × %" PRIu32 " × %" PRIu32,
            architecture->input, height, width, architecture->channels);
    MCL_TRY(mcl_encoder_layers(layers, &count, architecture));
    if (layers[count - 1].out != architecture->embedding)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "the encoder %s gives embeddings of %" PRIu32 " values, not %" PRIu32,
            architecture->encoder, layers[count - 1].out, architecture->embedding);
    return architecture->own_decoder ? MCL_OK : mcl_decoder_layers(layers, &count, architecture);
}

mcl_status mcl_architecture_check(const mcl_architecture *architecture)
{
    if (architecture->input == 0 || architecture->input > UINT32_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "the input has %" PRIu64 " columns: it must be from 1 to %" PRIu32, architecture->input,
            UINT32_MAX);
    MCL_TRY(
        check_widths(architecture->hidden, architecture->hidden_count, MCL_HIDDEN_MAX, "hidden"));
    MCL_TRY(check_encoder(architecture));
    if (architecture->embedding == 0)
        return mcl_fail(
            MCL_ERROR_ARGUMENT, "the embedding has no columns: it must have at least 1");
    MCL_TRY(check_widths(
        architecture->projector, architecture->projector_count, MCL_HEAD_MAX, "projector"));
    MCL_TRY(check_widths(
        architecture->predictor, architecture->predictor_count, MCL_HEAD_MAX, "predictor"));
    MCL_TRY(check_widths(
        architecture->decoder, architecture->decoder_count, MCL_HIDDEN_MAX, "decoder"));
    if ((size_t)architecture->activation >= COUNT(activation_names))
        return mcl_fail(
            MCL_ERROR_ARGUMENT, "%d is no activation's number", (int)architecture->activation);
    if ((size_t)architecture->normalization >= COUNT(normalization_names))
        return mcl_fail(MCL_ERROR_ARGUMENT, "%d is no normalization's number",
            (int)architecture->normalization);
    uint64_t parameters = 0;
    for (int part = 0; part < MCL_PARTS; part++)
        MCL_TRY(check_part(&parameters, architecture, (mcl_part)part));
    return MCL_OK;
}

/* The layers of a part that begins at *offset and whose running statistics begin at *statistics;
 * both are moved to where it ends. */
static size_t place_part(mcl_layer layers[MCL_LAYERS_MAX], uint64_t *offset, uint64_t *statistics,
    const mcl_architecture *architecture, mcl_part part)
{
    const size_t count = list_part(layers, architecture, part);
    for (size_t l = 0; l < count; l++) {
        layers[l].parameters = *offset;
        layers[l].statistics = *statistics;
        *offset += mcl_layer_values(&layers[l], false);
        *statistics += mcl_layer_values(&layers[l], true);
    }
    return count;
}

/* Places all parts up to `part`, whose layers are then in layers. */
static size_t place_parts(mcl_layer layers[MCL_LAYERS_MAX], uint64_t *offset, uint64_t *statistics,
    const mcl_architecture *architecture, mcl_part part)
{
    size_t count = 0;
    for (int p = 0; p <= (int)part; p++)
        count = place_part(layers, offset, statistics, architecture, (mcl_part)p);
    return count;
}

size_t mcl_part_layers(
    mcl_layer layers[MCL_LAYERS_MAX], const mcl_architecture *architecture, mcl_part part)
{
    /* The running statistics start where the last part ends. */
    uint64_t offset = 0, statistics = mcl_part_end(architecture, MCL_PARTS - 1);
    return place_parts(layers, &offset, &statistics, architecture, part);
}

uint32_t mcl_encoder_blocks(const mcl_architecture *architecture)
{
    mcl_layer layers[MCL_LAYERS_MAX];
    const size_t count = list_part(layers, architecture, MCL_PART_ENCODER);
    return layers[count - 1].block + 1;
}

size_t mcl_layers_of_blocks(const mcl_layer *layers, size_t count, uint32_t blocks)
{
    size_t l = 0;
    while (l < count && layers[l].block < blocks)
        l++;
    return l;
}

uint64_t mcl_part_end(const mcl_architecture *architecture, mcl_part part)
{
    mcl_layer layers[MCL_LAYERS_MAX];
    uint64_t offset = 0, statistics = 0;
    place_parts(layers, &offset, &statistics, architecture, part);
    return offset;
}

uint32_t mcl_part_width(const mcl_architecture *architecture, mcl_part part)
{
    switch (part) {
    case MCL_PART_ENCODER:
        return architecture->embedding;
    case MCL_PART_HEAD:
        return architecture->classes ? architecture->classes : architecture->embedding;
    case MCL_PART_MASK_HEAD:
        return architecture->mask_head ? (uint32_t)architecture->input : architecture->embedding;
    case MCL_PART_DECODER:
        return (uint32_t)architecture->input;
    default:
        return projected(architecture); /* where a predictor ends, too */
    }
}

uint64_t mcl_architecture_parameters(const mcl_architecture *architecture)
{
    mcl_layer layers[MCL_LAYERS_MAX];
    uint64_t offset = 0, statistics = 0;
    place_parts(layers, &offset, &statistics, architecture, MCL_PARTS - 1);
    return offset + statistics;
}

static bool is_sequential(mcl_part part)
{
    return part != MCL_PART_HEAD && part != MCL_PART_MASK_HEAD;
}

/* Whether convolutions are along time, as torch.nn.Conv1d, whose weights have one dimension less.
 */
static bool is_series(const mcl_architecture *architecture)
{
    mcl_words words;
    return mcl_words_parse(&words, architecture->encoder) == MCL_OK && words.series;
}

/* The tensors of a layer: the running statistics, or the others. */
static size_t layer_tensors(
    mcl_tensor_place *places, const mcl_layer *layer, bool running, mcl_part part, bool series)
{
    mcl_layer_tensor tensors[MCL_LAYER_TENSORS_MAX];
    const size_t count = layer->type->tensors ? layer->type->tensors(tensors, layer) : 0;
    uint64_t offset = running ? layer->statistics : layer->parameters;
    char body[24] = "";
    size_t used = 0;
    if (layer->body)
        snprintf(body, sizeof body, "body.%" PRIu32 ".", layer->body - 1);
    for (size_t t = 0; t < count; t++) {
        mcl_tensor_place *place = &places[used];
        if (tensors[t].running != running)
            continue;
        place->tensor = tensors[t];
        if (series && tensors[t].dimensions == 4)
            place->tensor.dimensions = 3;
        place->offset = offset;
        place->count = mcl_layer_tensor_values(&tensors[t]);
        if (is_sequential(part))
            snprintf(place->name, sizeof place->name, "%s.%" PRIu32 ".%s%s", part_names[part],
                layer->module, body, tensors[t].name);
        else
            snprintf(place->name, sizeof place->name, "%s.%s", part_names[part], tensors[t].name);
        offset += place->count;
        used++;
    }
    return used;
}

size_t mcl_architecture_tensors(
    mcl_tensor_place tensors[MCL_TENSORS_MAX], const mcl_architecture *architecture)
{
    const bool series = is_series(architecture);
    size_t used = 0;
    for (int running = 0; running < 2; running++) {
        for (int part = 0; part < MCL_PARTS; part++) {
            mcl_layer layers[MCL_LAYERS_MAX];
            const size_t count = mcl_part_layers(layers, architecture, (mcl_part)part);
            for (size_t l = 0; l < count; l++)
                used += layer_tensors(tensors + used, &layers[l], running, (mcl_part)part, series);
        }
    }
    return used;
}
