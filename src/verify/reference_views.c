/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/reference_views.h"

#include <math.h>

#include "base/random.h"
#include "base/rounding.h"
#include "data/data.h"

#define POOL_ROWS 4096
#define POOL_VIEW 4
#define DONOR_VIEW 2 /* and 3 */

/* What the functions below work on. */
struct work {
    const mcl_view_options *options;
    const mcl_data *data;
    const mcl_groups *groups;
    uint64_t seed, row, place;
    uint32_t epoch, view, height, width, channels;
};

static uint32_t word(
    const struct work *work, enum mcl_stream stream, uint32_t view, uint64_t element)
{
    uint32_t words[4];
    mcl_random_words(
        words, work->seed, stream, view, work->epoch, work->row, (uint32_t)(element / 4));
    return words[element % 4];
}

static float drawn(const struct work *work, enum mcl_stream stream, uint32_t view, uint64_t element)
{
    return mcl_uniform(word(work, stream, view, element));
}

static float both_ways(const struct work *work, uint64_t element)
{
    return 2.0f * drawn(work, MCL_STREAM_GEOMETRY, work->view, element) - 1.0f;
}

static bool is_bytes(const struct work *work)
{
    return mcl_data_element(work->data) == MCL_ELEMENT_UINT8;
}

static float raw(const struct work *work, uint64_t place, uint64_t element)
{
    const uint64_t at = place * mcl_data_columns(work->data) + element;
    return is_bytes(work) ? (float)((const unsigned char *)mcl_data_values(work->data))[at]
                          : ((const float *)mcl_data_values(work->data))[at];
}

/* u/255, where u need not be whole, by the product and its remainder. */
static float scaled(const struct work *work, float u)
{
    const float inverse = 1.0f / 255.0f, quotient = u * inverse;
    return is_bytes(work) ? fmaf(fmaf(-quotient, 255.0f, u), inverse, quotient) : mcl_host_flush(u);
}

static float pixel(const struct work *work, int64_t line, int64_t column, uint32_t channel)
{
    const bool inside = line >= 0 && line < work->height && column >= 0 && column < work->width;
    return inside ? raw(work, work->place,
                        (uint64_t)(line * work->width + column) * work->channels + channel)
                  : 0.0f;
}

static float sampled(const struct work *work, uint64_t element)
{
    const mcl_view_options *options = work->options;
    const uint64_t at = element / work->channels, line = at / work->width;
    const uint32_t channel = (uint32_t)(element % work->channels);
    const float middle_x = 0.5f * (float)(work->width - 1);
    const float middle_y = 0.5f * (float)(work->height - 1);
    const float dx = (float)(at % work->width) - middle_x, dy = (float)line - middle_y;
    const float angle = options->rotation * both_ways(work, 3);
    const float shrink = mcl_host_reciprocal(fmaf(options->scale, both_ways(work, 2), 1.0f));
    const float along = shrink * mcl_host_cos(angle);
    const float across = mcl_host_flush(shrink * mcl_host_sin(angle));
    const float turn =
        drawn(work, MCL_STREAM_GEOMETRY, work->view, 4) < options->flip ? -1.0f : 1.0f;
    const float shift_x = fmaf(options->shift * (float)work->width, both_ways(work, 0), middle_x);
    const float shift_y = fmaf(options->shift * (float)work->height, both_ways(work, 1), middle_y);
    float x = fmaf(turn * along, dx, fmaf(-across, dy, shift_x));
    float y = fmaf(turn * across, dx, fmaf(along, dy, shift_y));
    x = fminf(fmaxf(x, -2.0f), (float)(work->width + 1));
    y = fminf(fmaxf(y, -2.0f), (float)(work->height + 1));
    const int64_t x0 = (int64_t)floorf(x), y0 = (int64_t)floorf(y);
    const float weight_x = x - floorf(x), weight_y = y - floorf(y);
    float lines[2];
    for (int i = 0; i < 2; i++) {
        const float left = pixel(work, y0 + i, x0, channel);
        lines[i] = fmaf(weight_x, pixel(work, y0 + i, x0 + 1, channel) - left, left);
    }
    return mcl_host_flush(scaled(work, fmaf(weight_y, lines[1] - lines[0], lines[0])));
}

static float target(const struct work *work, uint64_t element)
{
    const mcl_view_options *options = work->options;
    const bool moves = options->shift != 0.0f || options->scale != 0.0f ||
                       options->rotation != 0.0f || options->flip != 0.0f;
    float value = moves ? sampled(work, element) : scaled(work, raw(work, work->place, element));
    if (options->brightness == 0.0f)
        return value;
    value = mcl_host_flush(value * fmaf(options->brightness, both_ways(work, 5), 1.0f));
    return is_bytes(work) ? fminf(value, 1.0f) : value;
}

/* What is drawn for an element: the number of its column, or its own. */
static uint64_t column_of(const struct work *work, uint64_t element)
{
    uint32_t c = 0;
    if (!work->groups->columns)
        return element;
    while (element - work->groups->columns[c].first >= work->groups->columns[c].width)
        c++;
    return c;
}

/* The element that corruption takes, from a row of the pool. */
static float donated(const struct work *work, uint64_t element)
{
    const uint64_t rows = mcl_data_rows(work->data), count = rows < POOL_ROWS ? rows : POOL_ROWS;
    const uint64_t k =
        (word(work, MCL_STREAM_CORRUPTION, DONOR_VIEW + work->view, column_of(work, element)) *
            count) >>
        32;
    const uint64_t begin = k * rows / count, end = (k + 1) * rows / count;
    uint32_t words[4];
    mcl_random_words(words, work->seed, MCL_STREAM_CORRUPTION, POOL_VIEW, 0, k, 0);
    const uint64_t row = begin + ((uint64_t)words[0] << 32 | words[1]) % (end - begin);
    return scaled(work, raw(work, row, element));
}

static float noise(const struct work *work, uint64_t element)
{
    const int32_t k = (int32_t)(word(work, MCL_STREAM_NOISE, work->view, element) >> 8);
    return mcl_host_quantile((float)(2 * k + 1 - (1 << 24)) * 0x1p-24f);
}

/* The factor of an element's channel in a sequence. */
static float amplified(const struct work *work, uint64_t element)
{
    const float sign =
        2.0f * drawn(work, MCL_STREAM_SEQUENCE, work->view, element % work->width) - 1.0f;
    return fmaf(work->options->amplitude, sign, 1.0f);
}

/* Whether an element's time is hidden. */
static bool spanned(const struct work *work, uint64_t element)
{
    const uint64_t times = work->height, time = element / work->width;
    uint64_t span = (uint64_t)(work->options->span * (float)times + 0.5f);
    span = span < 1 ? 1 : span < times ? span : times - 1;
    const uint64_t begin =
        (word(work, MCL_STREAM_SEQUENCE, 2 + work->view, 0) * (times - span + 1)) >> 32;
    return work->options->span != 0.0f && time >= begin && time < begin + span;
}

static float mask(const struct work *work, uint64_t element)
{
    const mcl_view_options *options = work->options;
    const bool complement = options->relation == MCL_RELATION_COMPLEMENT && work->view == 1;
    const bool own = options->relation == MCL_RELATION_INDEPENDENT && work->view == 1;
    if (options->mask.kind == MCL_MASK_NONE ||
        (options->relation == MCL_RELATION_WHOLE && work->view == 1))
        return 1.0f;
    if (options->mask.kind == MCL_MASK_BLOCK) {
        const uint32_t side = options->mask.patch;
        const uint64_t at = element / work->channels;
        element =
            at / work->width / side * ((work->width + side - 1) / side) + at % work->width / side;
    } else {
        element = column_of(work, element);
    }
    const float u = drawn(work, MCL_STREAM_MASK, own, element);
    const float m = options->mask.kind == MCL_MASK_UNIFORM ? u
                    : u < options->mask.ratio              ? 1.0f
                                                           : 0.0f;
    return complement ? 1.0f - m : m;
}

/* Where one input of a column is altered, all of them are. */
static void alter_columns(unsigned char *altered, const mcl_groups *groups)
{
    for (uint32_t c = 0; groups->columns && c < groups->count; c++) {
        unsigned char *inputs = altered + groups->columns[c].first, any = 0;
        for (uint32_t k = 0; k < groups->columns[c].width; k++)
            any |= inputs[k];
        for (uint32_t k = 0; k < groups->columns[c].width; k++)
            inputs[k] = any;
    }
}

void mcl_reference_views_of(mcl_reference_views *out, const mcl_data *data,
    const mcl_groups *groups, const mcl_view_options *options, uint64_t seed, uint32_t epoch,
    uint64_t place, uint64_t row)
{
    uint64_t shape[MCL_DIMENSIONS_MAX];
    const size_t dimensions = mcl_data_row_shape(data, shape);
    const bool image = dimensions == 2 || dimensions == 3;
    struct work work = {
        options, data, groups, seed, row, place, epoch, 0, 1, (uint32_t)mcl_data_columns(data), 1};
    if (image) {
        work.height = (uint32_t)shape[0];
        work.width = (uint32_t)shape[1];
        work.channels = dimensions == 3 ? (uint32_t)shape[2] : 1;
    }
    if (dimensions == 1 && (options->span != 0.0f || options->amplitude != 0.0f)) {
        work.height = work.width; /* a sequence of one channel */
        work.width = 1;
    }
    for (; work.view < 2; work.view++) {
        const bool corrupts =
            options->corruption != 0.0f && !(options->corrupt_first && work.view == 1);
        for (uint64_t j = 0; j < mcl_data_columns(data); j++) {
            const float before = target(&work, j), m = mask(&work, j);
            float value = before;
            if (corrupts && drawn(&work, MCL_STREAM_CORRUPTION, work.view, column_of(&work, j)) <
                                options->corruption)
                value = donated(&work, j);
            out->targets[work.view][j] = before;
            out->altered[work.view][j] = value != before || m != 1.0f || spanned(&work, j);
            if (options->amplitude != 0.0f)
                value = mcl_host_flush(value * amplified(&work, j));
            if (options->noise != 0.0f)
                value = fmaf(options->noise, noise(&work, j), value);
            out->views[work.view][j] = spanned(&work, j) ? 0.0f : mcl_host_flush(value * m);
        }
        alter_columns(out->altered[work.view], groups);
    }
}
