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
    size_t open_count;     /* layers before its residual( … */
    mcl_map open_map;      /* … and what they give */
    bool open_plain;
};

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

static void add_module(struct builder *builder, mcl_layer layer)
{
    add(builder, layer);
    next_module(builder);
}

#define FAIL(...) mcl_word_fail(builder->architecture->encoder, builder->word, __VA_ARGS__)
#define MAP "%" PRIu32 " × %" PRIu32 " × %" PRIu32
#define SIZES(map) (map).height, (map).width, (map).channels

/* What follows a layer with weights. */
static void add_activation(struct builder *builder)
{
    const mcl_architecture *architecture = builder->architecture;
    if (architecture->normalization != MCL_NORMALIZATION_NONE)
        add_module(builder, mcl_normalization_after(architecture->normalization, &builder->map));
    add_module(
        builder, mcl_layer_activation(architecture->activation, mcl_map_values(&builder->map)));
}

/* Adds a layer that makes another map. */
static void add_map_layer(struct builder *builder, mcl_layer layer)
{
    builder->map = layer.to;
    add_module(builder, layer);
}

static mcl_status check_kernel(const struct builder *builder, const mcl_map *map, bool series)
{
    const mcl_word *word = builder->word;
    const uint32_t height = map->height + 2 * word->padding, width = map->width + 2 * word->padding;
    if (height >= word->kernel && (series || width >= word->kernel))
        return MCL_OK;
    return FAIL("its kernel of %" PRIu32 " does not fit the map of " MAP
                " that comes to it: use a smaller kernel, fewer strides and pools before it, or "
                "larger rows",
        word->kernel, SIZES(*map));
}

/* A convolution, or with as many filters as channels a depthwise one. */
static mcl_status add_convolution(struct builder *builder, bool series)
{
    const mcl_word *word = builder->word;
    const mcl_map *map = &builder->map;
    const bool depthwise = word->kind == MCL_WORD_DEPTHWISE;
    const mcl_convolution_shape shape = {
        .size = {map->height, map->width},
        .channels = map->channels,
        .filters = depthwise ? map->channels : word->width,
        .kernel = {word->kernel, series ? 1 : word->kernel},
        .stride = {word->stride, series ? 1 : word->stride},
        .dilation = {1, 1},
        .padding = {word->padding, series ? 0 : word->padding},
        .contrast = word->contrast,
    };
    MCL_TRY(check_kernel(builder, map, series));
    if (mcl_convolution_check(&shape) != MCL_OK) {
        char why[256];
        snprintf(why, sizeof why, "%s", mcl_error_message());
        return FAIL("%s", why);
    }
    add_map_layer(builder, depthwise ? mcl_layer_depthwise(&shape) : mcl_layer_convolution(&shape));
    return MCL_OK;
}

static mcl_status add_pool(struct builder *builder, bool series)
{
    const mcl_word *word = builder->word;
    const mcl_map *map = &builder->map;
    const bool grid = word->kind == MCL_WORD_POOL_GRID, global = word->kind == MCL_WORD_POOL_GLOBAL;
    const uint32_t size = global ? 1 : grid ? word->width : word->kernel;
    const uint32_t kernel[2] = {size, series ? 1 : size};
    const uint32_t stride[2] = {word->stride, series ? 1 : word->stride};
    const mcl_pool_kind kind = grid || global                    ? MCL_POOL_GRID
                               : word->kind == MCL_WORD_POOL_MAX ? MCL_POOL_MAX
                                                                 : MCL_POOL_AVERAGE;
    if (kind != MCL_POOL_GRID)
        MCL_TRY(check_kernel(builder, map, series));
    else if ((uint64_t)kernel[0] * kernel[1] * map->channels > UINT32_MAX)
        return FAIL("a row would have too many values after it");
    add_map_layer(builder, mcl_layer_pool(kind, map, kernel, stride));
    return MCL_OK;
}

/* residual( and ), whose module is one in the numbers of torch. */
static void open_residual(struct builder *builder)
{
    builder->open_count = builder->count;
    builder->open_map = builder->map;
    builder->open_plain = builder->plain;
    builder->body = 1;
}

static mcl_status close_residual(struct builder *builder)
{
    const mcl_map *from = &builder->open_map, *to = &builder->map;
    if (builder->open_plain != builder->plain)
        return FAIL("a dense layer in residual(…) needs a dense one before it, not a map");
    if (from->height != to->height || from->width != to->width || from->channels != to->channels)
        return FAIL("the layers of residual(…) make maps of " MAP " of maps of " MAP
                    ", to which they cannot be added: they must keep the size",
            SIZES(*to), SIZES(*from));
    builder->body = 0;
    add_module(builder, mcl_layer_add((uint32_t)(builder->count - builder->open_count + 1), to));
    return MCL_OK;
}

/* The order in which torch flattens a map; a module there also where the order is the same. */
static void add_flatten(struct builder *builder)
{
    const mcl_map map = builder->map;
    if (builder->plain)
        return;
    if (mcl_map_positions(&map) > 1 && map.channels > 1)
        add(builder, mcl_layer_flatten(&map));
    next_module(builder);
    builder->map = (mcl_map){1, 1, mcl_map_values(&map)};
    builder->plain = true;
}

static mcl_status add_dense(struct builder *builder)
{
    add_flatten(builder);
    const uint32_t in = builder->map.channels;
    builder->map.channels = builder->word->width;
    add_module(builder, mcl_layer_dense(in, builder->word->width));
    return MCL_OK;
}

/* A layer, without what follows it. */
static mcl_status add_word(struct builder *builder, bool series)
{
    const mcl_word_kind kind = builder->word->kind;
    const bool any = kind == MCL_WORD_RESIDUAL || kind == MCL_WORD_END || kind == MCL_WORD_DENSE;
    if (builder->plain && !any)
        return FAIL("it is of maps, and rows of this model are plain numbers: use dense layers");
    switch (kind) {
    case MCL_WORD_CONV:
    case MCL_WORD_CONV1D:
    case MCL_WORD_PATCHES:
    case MCL_WORD_DEPTHWISE:
        return add_convolution(builder, series);
    case MCL_WORD_RESIDUAL:
        open_residual(builder);
        return MCL_OK;
    case MCL_WORD_END:
        return close_residual(builder);
    case MCL_WORD_DENSE:
        return add_dense(builder);
    default:
        return add_pool(builder, series);
    }
}

static void note_map(const struct builder *builder, mcl_encoder_maps *maps, size_t i)
{
    maps->before[i] = builder->map;
    maps->plain[i] = builder->plain;
}

static mcl_status add_words(struct builder *builder, mcl_encoder_maps *maps)
{
    const mcl_words *words = &maps->words;
    for (size_t i = 0; i < words->count; i++) {
        const mcl_word *word = builder->word = &words->of[i];
        const bool last = i + 1 == words->count;
        note_map(builder, maps, i);
        MCL_TRY(add_word(builder, words->series));
        if (mcl_word_has_weights(word) && (!last || builder->architecture->activated_embedding))
            add_activation(builder);
        builder->block += !last && word->kind != MCL_WORD_RESIDUAL;
    }
    note_map(builder, maps, words->count);
    add_flatten(builder);
    return MCL_OK;
}

static mcl_status build(mcl_layer layers[MCL_LAYERS_MAX], size_t *count, mcl_encoder_maps *maps,
    const mcl_architecture *architecture)
{
    const uint32_t height = architecture->height;
    struct builder builder = {
        .architecture = architecture,
        .layers = layers,
        .map = {height, architecture->width, architecture->channels},
        .plain = height == 0,
    };
    if (builder.plain)
        builder.map = (mcl_map){1, 1, (uint32_t)architecture->input};
    mcl_status status = mcl_words_parse(&maps->words, architecture->encoder);
    if (status == MCL_OK)
        status = add_words(&builder, maps);
    *count = builder.count;
    if (status != MCL_OK) {
        char why[512];
        snprintf(why, sizeof why, "%s", mcl_error_message());
        return mcl_fail(status, "`encoder`: %s", why);
    }
    return MCL_OK;
}

mcl_status mcl_encoder_layers(
    mcl_layer layers[MCL_LAYERS_MAX], size_t *count, const mcl_architecture *architecture)
{
    mcl_encoder_maps maps;
    return build(layers, count, &maps, architecture);
}

mcl_status mcl_encoder_map(mcl_encoder_maps *maps, const mcl_architecture *architecture)
{
    mcl_layer layers[MCL_LAYERS_MAX];
    size_t count;
    return build(layers, &count, maps, architecture);
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
    size_t count = 0;
    mcl_words words;
    MCL_TRY(mcl_words_parse(&words, architecture->encoder));
    if (words.of[0].kind != MCL_WORD_DENSE)
        MCL_TRY(take_shape(architecture, words.series, shape, dimensions));
    MCL_TRY(mcl_encoder_layers(layers, &count, architecture));
    architecture->embedding = count ? layers[count - 1].out : 0;
    return MCL_OK;
}
