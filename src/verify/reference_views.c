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

/* The columns or lines of a crop. */
struct crop {
    float first[2], last[2]; /* columns, lines */
};

static bool draw_crop(struct crop *crop, const struct work *work, uint64_t attempt)
{
    const mcl_view_range area = work->options->crop, ratio = work->options->crop_ratio;
    const uint64_t element = 16 + 4 * attempt, size[2] = {work->width, work->height};
    const float least = mcl_host_log(ratio.least), more = mcl_host_log(ratio.most) - least;
    const float part = drawn(work, MCL_STREAM_GEOMETRY, work->view, element);
    const float shape = drawn(work, MCL_STREAM_GEOMETRY, work->view, element + 1);
    const float pixels =
        (float)(size[0] * size[1]) * fmaf(area.most - area.least, part, area.least);
    const float by = mcl_host_exp(fmaf(more, shape, least));
    const float sides[2] = {mcl_host_sqrt(pixels * by), mcl_host_sqrt(mcl_host_divide(pixels, by))};
    for (int i = 0; i < 2; i++) {
        const float side = floorf(sides[i] + 0.5f);
        if (side < 1.0f || side > (float)size[i])
            return false;
        const uint64_t places = size[i] - (uint64_t)side + 1;
        const uint32_t w = word(work, MCL_STREAM_GEOMETRY, work->view, element + 2 + (uint64_t)i);
        crop->first[i] = (float)((w * places) >> 32);
        crop->last[i] = crop->first[i] + (side - 1.0f);
    }
    return true;
}

static void middle_crop(struct crop *crop, const struct work *work)
{
    const mcl_view_range ratio = work->options->crop_ratio;
    const float width = (float)work->width, height = (float)work->height;
    const float own = mcl_host_divide(width, height);
    float sides[2] = {width, height};
    if (own < ratio.least)
        sides[1] = floorf(mcl_host_divide(width, ratio.least) + 0.5f);
    else if (own > ratio.most)
        sides[0] = floorf(height * ratio.most + 0.5f);
    for (int i = 0; i < 2; i++) {
        const float whole = i ? height : width;
        const float side = fminf(fmaxf(sides[i], 1.0f), whole);
        crop->first[i] = floorf(0.5f * (whole - side));
        crop->last[i] = crop->first[i] + (side - 1.0f);
    }
}

/* Where a crop has what a place of the view shows. */
static float cropped(const struct crop *crop, int i, uint64_t place, uint32_t size, float turn)
{
    const float offset = (float)place - 0.5f * (float)(size - 1);
    const float pixels = crop->last[i] - crop->first[i] + 1.0f;
    const float at = fmaf(turn * mcl_host_divide(pixels, (float)size), offset,
        0.5f * (crop->first[i] + crop->last[i]));
    return fminf(fmaxf(at, crop->first[i]), crop->last[i]);
}

static float flipped(const struct work *work)
{
    return drawn(work, MCL_STREAM_GEOMETRY, work->view, 4) < work->options->flip ? -1.0f : 1.0f;
}

/* A place in the view, or in the crop of it, to one in the row. */
static void move(const struct work *work, float *x, float *y, float turn)
{
    const mcl_view_options *options = work->options;
    const float middle_x = 0.5f * (float)(work->width - 1);
    const float middle_y = 0.5f * (float)(work->height - 1);
    const float dx = *x - middle_x, dy = *y - middle_y;
    const float angle = options->rotation * both_ways(work, 3);
    const float shrink = mcl_host_reciprocal(fmaf(options->scale, both_ways(work, 2), 1.0f));
    const float along = shrink * mcl_host_cos(angle);
    const float across = mcl_host_flush(shrink * mcl_host_sin(angle));
    const float shift_x = fmaf(options->shift * (float)work->width, both_ways(work, 0), middle_x);
    const float shift_y = fmaf(options->shift * (float)work->height, both_ways(work, 1), middle_y);
    const float to_x = fmaf(turn * along, dx, fmaf(-across, dy, shift_x));
    const float to_y = fmaf(turn * across, dx, fmaf(along, dy, shift_y));
    *x = fminf(fmaxf(to_x, -2.0f), (float)(work->width + 1));
    *y = fminf(fmaxf(to_y, -2.0f), (float)(work->height + 1));
}

static float sampled(const struct work *work, uint64_t element)
{
    const mcl_view_options *options = work->options;
    const uint64_t at = element / work->channels;
    const uint64_t column = at % work->width, line = at / work->width;
    const uint32_t channel = (uint32_t)(element % work->channels);
    const bool crops = options->crop.least != 0.0f;
    const bool moves =
        options->shift != 0.0f || options->scale != 0.0f || options->rotation != 0.0f;
    float x = (float)column, y = (float)line;
    if (crops) {
        struct crop crop;
        uint64_t attempt = 0;
        while (attempt < 10 && !draw_crop(&crop, work, attempt))
            attempt++;
        if (attempt == 10)
            middle_crop(&crop, work);
        x = cropped(&crop, 0, column, work->width, flipped(work));
        y = cropped(&crop, 1, line, work->height, 1.0f);
    }
    if (moves || !crops)
        move(work, &x, &y, crops ? 1.0f : flipped(work));
    const int64_t x0 = (int64_t)floorf(x), y0 = (int64_t)floorf(y);
    const float weight_x = x - floorf(x), weight_y = y - floorf(y);
    float lines[2];
    for (int i = 0; i < 2; i++) {
        const float left = pixel(work, y0 + i, x0, channel);
        lines[i] = fmaf(weight_x, pixel(work, y0 + i, x0 + 1, channel) - left, left);
    }
    return mcl_host_flush(scaled(work, fmaf(weight_y, lines[1] - lines[0], lines[0])));
}

/* Whether brightness, contrast, saturation and hue change. */
static bool jitters(const struct work *work)
{
    const float often = work->options->jitter;
    return often == 0.0f || drawn(work, MCL_STREAM_GEOMETRY, work->view, 6) < often;
}

static float lit(const struct work *work, uint64_t element)
{
    const mcl_view_options *options = work->options;
    const bool moves = options->shift != 0.0f || options->scale != 0.0f ||
                       options->rotation != 0.0f || options->flip != 0.0f ||
                       options->crop.least != 0.0f;
    float value = moves ? sampled(work, element) : scaled(work, raw(work, work->place, element));
    if (options->brightness == 0.0f || !jitters(work))
        return value;
    value = mcl_host_flush(value * fmaf(options->brightness, both_ways(work, 5), 1.0f));
    return is_bytes(work) ? fminf(value, 1.0f) : value;
}

static float grey_of(const float *pixel)
{
    const float rest = fmaf(0.587f, pixel[1], 0.114f * pixel[2]);
    return mcl_host_flush(fmaf(0.2989f, pixel[0], rest));
}

static void blend(
    const struct work *work, float *pixel, uint32_t channels, float factor, float grey)
{
    if (factor == 1.0f)
        return;
    for (uint32_t c = 0; c < channels; c++) {
        const float value = mcl_host_flush(fmaf(factor, pixel[c], (1.0f - factor) * grey));
        pixel[c] = is_bytes(work) ? fminf(fmaxf(value, 0.0f), 1.0f) : value;
    }
}

/* The mean grey of a view: 16 lanes and a tree of them. */
static float mean_grey(const struct work *work, const float *view, uint64_t count)
{
    const bool colours = work->channels == 3;
    const uint64_t n = colours ? count / 3 : count;
    float lanes[16] = {0};
    for (uint64_t i = 0; i < n; i++)
        lanes[i % 16] += colours ? grey_of(view + 3 * i) : view[i];
    for (int half = 8; half >= 1; half /= 2) {
        for (int l = 0; l < half; l++)
            lanes[l] += lanes[l + half];
    }
    return mcl_host_divide(lanes[0], (float)n);
}

static float held(float value, float most)
{
    return fminf(fmaxf(value, 0.0f), most);
}

/* Turns a pixel's hue by sixths of the circle. d times the hue is h. */
static void turn_hue(float *pixel, float by)
{
    const float r = pixel[0], g = pixel[1], b = pixel[2];
    const float most = fmaxf(r, fmaxf(g, b)), least = fminf(r, fminf(g, b));
    const float d = mcl_host_flush(most - least);
    float h = r == most ? g - b : g == most ? fmaf(2.0f, d, b - r) : fmaf(4.0f, d, r - g);
    h = fmaf(by, d, h);
    h = h < 0.0f ? fmaf(6.0f, d, h) : h;
    h = h >= 6.0f * d ? fmaf(-6.0f, d, h) : h;
    pixel[0] = mcl_host_flush(least + held(fabsf(fmaf(-3.0f, d, h)) - d, d));
    pixel[1] = mcl_host_flush(least + held(fmaf(2.0f, d, -fabsf(fmaf(-2.0f, d, h))), d));
    pixel[2] = mcl_host_flush(least + held(fmaf(2.0f, d, -fabsf(fmaf(-4.0f, d, h))), d));
}

static void colour(const struct work *work, float *view, uint64_t count)
{
    const mcl_view_options *options = work->options;
    const bool lights = jitters(work);
    const float contrast = lights ? fmaf(options->contrast, both_ways(work, 7), 1.0f) : 1.0f;
    const float saturation = lights ? fmaf(options->saturation, both_ways(work, 8), 1.0f) : 1.0f;
    const float hue = lights ? 6.0f * (options->hue * both_ways(work, 9)) : 0.0f;
    const float mean = contrast != 1.0f ? mean_grey(work, view, count) : 0.0f;
    const bool grey = drawn(work, MCL_STREAM_GEOMETRY, work->view, 10) < options->grey;
    for (uint64_t j = 0; j < count; j += work->channels) {
        float *pixel = view + j;
        blend(work, pixel, work->channels, contrast, mean);
        if (saturation != 1.0f)
            blend(work, pixel, 3, saturation, grey_of(pixel));
        if (hue != 0.0f)
            turn_hue(pixel, hue);
        if (grey)
            pixel[0] = pixel[1] = pixel[2] = grey_of(pixel);
    }
}

static uint64_t mirrored(int64_t place, uint64_t n)
{
    const uint64_t at = (uint64_t)(place < 0 ? -place : place);
    return at < n ? at : 2 * (n - 1) - at;
}

/* out = in, blurred along lines whose elements lie `apart`: place `at` of `n` of the line from
 * `first` on. */
static float blurred(const float *in, const float *weights, uint64_t radius, uint64_t first,
    uint64_t at, uint64_t n, uint64_t apart)
{
    float sum = weights[0] * in[first + at * apart];
    for (uint64_t i = 1; i <= radius; i++)
        sum = fmaf(weights[i],
            in[first + mirrored((int64_t)at - (int64_t)i, n) * apart] +
                in[first + mirrored((int64_t)(at + i), n) * apart],
            sum);
    return mcl_host_flush(sum);
}

static void blur(const struct work *work, float *view, float *room)
{
    const mcl_view_options *options = work->options;
    const uint64_t height = work->height, width = work->width, channels = work->channels;
    const uint64_t length = width * channels;
    uint64_t radius = height / 20 > 1 ? height / 20 : 1;
    float weights[MCL_BLUR_RADIUS + 1], sum = 0.0f;
    radius = radius > MCL_BLUR_RADIUS ? MCL_BLUR_RADIUS : radius;
    radius = radius > height - 1 ? height - 1 : radius;
    radius = radius > width - 1 ? width - 1 : radius;
    if (radius == 0 || !(drawn(work, MCL_STREAM_GEOMETRY, work->view, 11) < options->blur))
        return;
    const mcl_view_range range = options->blur_sigma;
    const float sigma = fmaf(
        range.most - range.least, drawn(work, MCL_STREAM_GEOMETRY, work->view, 12), range.least);
    const float by = mcl_host_divide(-0.5f, sigma * sigma);
    for (uint64_t i = 0; i <= radius; i++)
        weights[i] = mcl_host_exp(by * (float)(i * i));
    for (uint64_t i = 1; i <= radius; i++)
        sum += weights[i];
    sum = fmaf(2.0f, sum, 1.0f);
    for (uint64_t i = 0; i <= radius; i++)
        weights[i] = mcl_host_divide(weights[i], sum);
    for (uint64_t j = 0; j < height * length; j++)
        room[j] = blurred(view, weights, radius, j / length * length + j % channels,
            j % length / channels, width, channels);
    for (uint64_t j = 0; j < height * length; j++)
        view[j] = blurred(room, weights, radius, j % length, j / length, height, length);
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
        const uint64_t sides =
            options->mask.patch_most ? options->mask.patch_most - options->mask.patch + 1 : 1;
        const uint32_t w = sides > 1 ? word(work, MCL_STREAM_MASK, 2 + own, 0) : 0;
        const uint32_t side = options->mask.patch + (uint32_t)((w * sides) >> 32);
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
        float *targets = out->targets[work.view];
        for (uint64_t j = 0; j < mcl_data_columns(data); j++)
            targets[j] = lit(&work, j);
        if (image)
            colour(&work, targets, mcl_data_columns(data));
        if (image && options->blur != 0.0f)
            blur(&work, targets, out->views[work.view]);
        for (uint64_t j = 0; j < mcl_data_columns(data); j++) {
            const float before = targets[j], m = mask(&work, j);
            float value = before;
            if (corrupts && drawn(&work, MCL_STREAM_CORRUPTION, work.view, column_of(&work, j)) <
                                options->corruption)
                value = donated(&work, j);
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
