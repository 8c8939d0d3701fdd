/* SPDX-License-Identifier: Apache-2.0 */
#include "model/encoder_layers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "nn/layers.h"

/* What has been built so far, and what comes out of it. */
struct builder {
    const mcl_architecture *architecture;
    mcl_layer *layers;
    size_t count;
    mcl_map map; /* of a plain row 1 × 1 × its width */
    bool plain;
    const mcl_word *word;  /* being built */
    uint32_t block;        /* its number */
    uint32_t module, body; /* the number of the next module of torch, and of the next in a body */
    const mcl_word *open;  /* residual( ; NULL: none */
    size_t open_count;     /* layers before it … */
    mcl_map open_map;      /* … and what they give */
};

static uint64_t values_of(const mcl_map *map)
{
    return (uint64_t)map->height * map->width * map->channels;
}

static void add(struct builder *builder, mcl_layer layer)
{
    layer.block = builder->block;
    layer.module = builder->module;
    layer.body = builder->body;
    if (!builder->plain && layer.to.height == 0)
        layer.to = builder->map;
    builder->layers[builder->count++] = layer;
}

/* The next module of torch is another one. */
static void next_module(struct builder *builder)
{
    if (builder->body)
        builder->body++;
    else
        builder->module++;
}

#define FAIL(...) mcl_word_fail(builder->architecture->encoder, builder->word, __VA_ARGS__)
#define MAP "%" PRIu32 " × %" PRIu32 " × %" PRIu32
#define SIZES(map) (map).height, (map).width, (map).channels

/* What follows a layer with weights. */
static mcl_status add_activation(struct builder *builder)
{
    const mcl_architecture *architecture = builder->architecture;
    const uint32_t width = (uint32_t)values_of(&builder->map);
    if (architecture->normalization != MCL_NORMALIZATION_NONE) {
        if (builder->map.height * builder->map.width > 1)
            return FAIL("no normalization of maps");
        add(builder, mcl_layer_normalization(architecture->normalization, width));
        next_module(builder);
    }
    add(builder, mcl_layer_activation(architecture->activation, width));
    next_module(builder);
    return MCL_OK;
}

static mcl_status check_kernel(const struct builder *builder, const mcl_map *map)
{
    const mcl_word *word = builder->word;
    const bool series = word->kind == MCL_WORD_CONV1D || map->width == 1;
    const uint32_t height = map->height + 2 * word->padding, width = map->width + 2 * word->padding;
    if (height >= word->kernel && (series || width >= word->kernel))
        return MCL_OK;
    return FAIL("its kernel of %" PRIu32 " does not fit the map of " MAP
                " that comes to it: use a smaller kernel, fewer strides and pools before it, or "
                "larger rows",
        word->kernel, SIZES(*map));
}

static mcl_status add_convolution(struct builder *builder, bool series)
{
    const mcl_word *word = builder->word;
    const mcl_map *map = &builder->map;
    const mcl_convolution_shape shape = {
        .size = {map->height, map->width},
        .channels = map->channels,
        .filters = word->width,
        .kernel = {word->kernel, series ? 1 : word->kernel},
        .stride = {word->stride, series ? 1 : word->stride},
        .dilation = {1, 1},
        .padding = {word->padding, series ? 0 : word->padding},
        .contrast = word->contrast,
    };
    MCL_TRY(check_kernel(builder, map));
    if (mcl_convolution_check(&shape) != MCL_OK) {
        char why[256];
        snprintf(why, sizeof why, "%s", mcl_error_message());
        return FAIL("%s", why);
    }
    add(builder, mcl_layer_convolution(&shape));
    builder->map = builder->layers[builder->count - 1].to;
    next_module(builder);
    return MCL_OK;
}

/* The order in which torch flattens a map; a module there also where the order is the same. */
static void add_flatten(struct builder *builder)
{
    const mcl_map map = builder->map;
    if (builder->plain)
        return;
    if (map.height * map.width > 1 && map.channels > 1)
        add(builder, mcl_layer_flatten(&map));
    next_module(builder);
    builder->map = (mcl_map){1, 1, (uint32_t)values_of(&map)};
    builder->plain = true;
}

static mcl_status add_dense(struct builder *builder)
{
    add_flatten(builder);
    add(builder, mcl_layer_dense(builder->map.channels, builder->word->width));
    builder->map.channels = builder->word->width;
    next_module(builder);
    return MCL_OK;
}

/* A layer, without what follows it. */
static mcl_status add_word(struct builder *builder, bool series)
{
    const mcl_word_kind kind = builder->word->kind;
    if (builder->plain && kind != MCL_WORD_DENSE)
        return FAIL("it is of maps, and rows of this model are plain numbers: use dense layers");
    switch (kind) {
    case MCL_WORD_CONV:
    case MCL_WORD_CONV1D:
    case MCL_WORD_PATCHES:
        return add_convolution(builder, series);
    case MCL_WORD_DENSE:
        return add_dense(builder);
    default:
        return FAIL("not there");
    }
}

static mcl_status build(struct builder *builder, const mcl_words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        const mcl_word *word = builder->word = &words->of[i];
        const bool last = i + 1 == words->count;
        MCL_TRY(add_word(builder, words->series));
        if (mcl_word_has_weights(word) && (!last || builder->architecture->activated_embedding))
            MCL_TRY(add_activation(builder));
        builder->block += !last && word->kind != MCL_WORD_RESIDUAL;
    }
    add_flatten(builder);
    return MCL_OK;
}

mcl_status mcl_encoder_layers(
    mcl_layer layers[MCL_LAYERS_MAX], size_t *count, const mcl_architecture *architecture)
{
    const uint32_t height = architecture->height;
    struct builder builder = {
        .architecture = architecture,
        .layers = layers,
        .map = {height, architecture->width, architecture->channels},
        .plain = height == 0,
    };
    mcl_words words;
    if (builder.plain)
        builder.map = (mcl_map){1, 1, (uint32_t)architecture->input};
    mcl_status status = mcl_words_parse(&words, architecture->encoder);
    if (status == MCL_OK)
        status = build(&builder, &words);
    *count = builder.count;
    if (status != MCL_OK) {
        char why[512];
        snprintf(why, sizeof why, "%s", mcl_error_message());
        return mcl_fail(status, "`encoder`: %s", why);
    }
    return MCL_OK;
}

/* "28 × 28 × 3" */
static void show_shape(char text[128], const uint64_t *shape, size_t dimensions)
{
    size_t used = 0;
    for (size_t i = 0; i < dimensions; i++)
        used += (size_t)snprintf(text + used, 128 - used, "%s%" PRIu64, i ? " × " : "", shape[i]);
}

/* Rows as images, or as series. */
static mcl_status take_shape(
    mcl_architecture *architecture, bool series, const uint64_t *shape, size_t dimensions)
{
    char text[128];
    show_shape(text, shape, dimensions);
    if (series && dimensions > 2)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "the encoder %s is of series, rows of time × channels, and these are of %s: use conv "
            "in "
            "place of conv1d for images, or give the rows another shape",
            architecture->encoder, text);
    if (!series && (dimensions < 2 || dimensions > 3))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "the encoder %s is of images, rows of height × width or height × width × channels, and "
            "these are of %s value%s: give an array of images, or use `encoder` dense",
            architecture->encoder, text, dimensions == 1 && shape[0] == 1 ? "" : "s");
    if (!series && dimensions == 3 && shape[2] > 4 &&
        (shape[0] == 1 || shape[0] == 3 || shape[0] == 4))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "the encoder %s is of rows of height × width × channels, and these are of %s, which "
            "looks like channels first: set `channels` to first",
            architecture->encoder, text);
    for (size_t i = 0; i < dimensions; i++) {
        if (shape[i] > UINT32_MAX)
            return mcl_fail(MCL_ERROR_ARGUMENT, "rows of %s are too large", text);
    }
    const uint32_t second = dimensions > 1 ? (uint32_t)shape[1] : 1;
    architecture->height = (uint32_t)shape[0];
    architecture->width = series ? 1 : second;
    architecture->channels = series ? second : dimensions > 2 ? (uint32_t)shape[2] : 1;
    return MCL_OK;
}

mcl_status mcl_encoder_fit(mcl_architecture *architecture, const mcl_data *data)
{
    mcl_layer layers[MCL_LAYERS_MAX];
    uint64_t shape[MCL_DIMENSIONS_MAX];
    const size_t dimensions = mcl_data_row_shape(data, shape);
    size_t count;
    mcl_words words;
    MCL_TRY(mcl_words_parse(&words, architecture->encoder));
    if (words.of[0].kind != MCL_WORD_DENSE)
        MCL_TRY(take_shape(architecture, words.series, shape, dimensions));
    MCL_TRY(mcl_encoder_layers(layers, &count, architecture));
    architecture->embedding = layers[count - 1].out;
    return MCL_OK;
}
