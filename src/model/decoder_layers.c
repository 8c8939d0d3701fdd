/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder that mirrors an encoder in words. The encoder falls into groups of one layer that
 * mixes channels, a convolution or a dense layer, and the pools and depthwise convolutions after
 * it, or before the first one. A group is mirrored by one layer, from what it gives to what it
 * takes:
 *
 *   dense                 dense, and where it took a map the torch.nn.Unflatten to it
 *   conv                  the convolution transposed
 *   conv, pool …          one transposed convolution that covers the whole map: of n positions that
 *                         became m its stride is s = max(1, ⌊n/m⌋) and its kernel
 *                         n + 2p − (m − 1)·s, with p the convolution's padding
 *
 * Residual blocks keep the size and have no mirror image. */
#include "base/error.h"
#include "model/encoder_layers.h"
#include "nn/layers.h"

struct mirror {
    const mcl_architecture *architecture;
    const mcl_encoder_maps *maps;
    mcl_layer *layers;
    size_t count;
    uint32_t block, module;
};

static void add(struct mirror *mirror, mcl_layer layer)
{
    layer.block = mirror->block;
    layer.module = mirror->module++;
    mirror->layers[mirror->count++] = layer;
}

/* The module of torch that makes a map of columns, also where their order stays. */
static void add_unflatten(struct mirror *mirror, const mcl_map *map)
{
    if (mcl_map_positions(map) > 1 && map->channels > 1)
        add(mirror, mcl_layer_unflatten(map));
    else
        mirror->module++;
}

/* What follows every layer but the last. */
static void add_activation(struct mirror *mirror, const mcl_map *map)
{
    const mcl_architecture *architecture = mirror->architecture;
    if (architecture->normalization != MCL_NORMALIZATION_NONE)
        add(mirror, mcl_normalization_after(architecture->normalization, map));
    add(mirror, mcl_layer_activation(architecture->activation, mcl_map_values(map)));
}

/* Kernel, stride and padding along axis d of a transposed convolution from m to n positions. */
static void cover(mcl_convolution_shape *shape, int d, uint32_t m, uint32_t padding)
{
    const uint32_t n = shape->size[d];
    shape->stride[d] = n > m ? n / m : 1;
    shape->padding[d] = padding + (m > n ? (m - n + 1) / 2 : 0);
    shape->kernel[d] = n + 2 * shape->padding[d] - (m - 1) * shape->stride[d];
}

/* The transposed convolution from the map that a group gives to the one that it takes; `word` is
 * its convolution, alone where nothing else changes the size, or NULL. */
static mcl_convolution_shape transposed(
    const mcl_map *from, const mcl_map *to, const mcl_word *word, bool alone, bool series)
{
    mcl_convolution_shape shape = {.size = {to->height, to->width},
        .channels = to->channels,
        .filters = from->channels,
        .dilation = {1, 1}};
    const uint32_t m[2] = {from->height, from->width};
    for (int d = 0; d < 2; d++) {
        const bool across = d == 1 && series;
        cover(&shape, d, m[d], word && !across ? word->padding : 0);
        if (word && alone && !across) {
            shape.kernel[d] = word->kernel;
            shape.stride[d] = word->stride;
            shape.padding[d] = word->padding;
        }
    }
    return shape;
}

/* The words of a group, [first, end), and the one that mixes channels; NULL: none does. */
struct group {
    size_t first, end;
    const mcl_word *word;
    bool alone; /* there are no pools and no depthwise convolutions in it */
};

static bool mixes(const mcl_word *word)
{
    return word->kind == MCL_WORD_CONV || word->kind == MCL_WORD_CONV1D ||
           word->kind == MCL_WORD_PATCHES || word->kind == MCL_WORD_DENSE;
}

/* The word before word `end` that is in no residual block; NULL: there is none. */
static const mcl_word *word_before(const mcl_words *words, size_t end)
{
    bool inside = false;
    while (end > 0) {
        const mcl_word *word = &words->of[--end];
        if (word->kind == MCL_WORD_END || word->kind == MCL_WORD_RESIDUAL)
            inside = word->kind == MCL_WORD_END;
        else if (!inside)
            return word;
    }
    return NULL;
}

/* Whether one that mixes channels comes before word `end`. */
static bool mixes_before(const mcl_words *words, size_t end)
{
    const mcl_word *word;
    while ((word = word_before(words, end)) && !mixes(word))
        end = (size_t)(word - words->of);
    return word;
}

/* The group that ends before word `end`. */
static struct group group_before(const mcl_words *words, size_t end)
{
    struct group group = {.end = end, .alone = true};
    const mcl_word *word;
    size_t first = end;
    while ((word = word_before(words, first)) && !group.word) {
        first = (size_t)(word - words->of);
        group.word = mixes(word) ? word : NULL;
        group.alone = group.alone && group.word;
    }
    /* What comes before the first one goes with it. */
    const bool rest = word_before(words, first);
    if (rest && !mixes_before(words, first) && group.word && group.word->kind != MCL_WORD_DENSE)
        group.alone = false;
    else if (rest)
        group.first = first;
    return group;
}

static mcl_status add_group(struct mirror *mirror, const struct group *group)
{
    const mcl_encoder_maps *maps = mirror->maps;
    const mcl_map *from = &maps->before[group->end], *to = &maps->before[group->first];
    const bool last = group->first == 0;
    if (group->word && group->word->kind == MCL_WORD_DENSE) {
        const mcl_map columns = {1, 1, mcl_map_values(to)};
        add(mirror, mcl_layer_dense(mcl_map_values(from), columns.channels));
        if (!last)
            add_activation(mirror, &columns);
        if (!maps->plain[group->first])
            add_unflatten(mirror, to);
    } else {
        const mcl_convolution_shape shape =
            transposed(from, to, group->word, group->alone, maps->words.series);
        if (mcl_convolution_check(&shape) != MCL_OK)
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "the decoder that mirrors the encoder %s is too large: use `decoder` with widths",
                mirror->architecture->encoder);
        add(mirror, mcl_layer_transposed_convolution(&shape));
        if (!last)
            add_activation(mirror, to);
    }
    mirror->block++;
    return MCL_OK;
}

mcl_status mcl_decoder_layers(
    mcl_layer layers[MCL_LAYERS_MAX], size_t *count, const mcl_architecture *architecture)
{
    mcl_encoder_maps maps;
    struct mirror mirror = {.architecture = architecture, .maps = &maps, .layers = layers};
    MCL_TRY(mcl_encoder_map(&maps, architecture));
    size_t end = maps.words.count;
    if (!maps.plain[end])
        add_unflatten(&mirror, &maps.before[end]);
    while (end > 0) {
        const struct group group = group_before(&maps.words, end);
        MCL_TRY(add_group(&mirror, &group));
        end = group.first;
    }
    *count = mirror.count;
    return MCL_OK;
}
