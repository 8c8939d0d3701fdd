/* SPDX-License-Identifier: Apache-2.0 */
#include "data/resize.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define BITS 22 /* of a weight after the point */

/* The weights of a pass: output i is made of inputs first[i] … first[i]+count[i]-1. */
struct weights {
    uint32_t size;   /* of inputs of an output, at most */
    uint32_t *spans; /* [outputs×2]: first, count */
    int32_t *values; /* [outputs×size] */
};

static double triangle(double x)
{
    const double distance = x < 0.0 ? -x : x;
    return distance < 1.0 ? 1.0 - distance : 0.0;
}

/* The weights of one output, whose place in the input is `center`. */
static void weigh(struct weights *weights, uint32_t i, uint32_t inputs, double center, double reach)
{
    const double low = center - reach + 0.5, high = center + reach + 0.5;
    const uint32_t first = low < 0.0 ? 0 : (uint32_t)low;
    const uint32_t end = high > (double)inputs ? inputs : (uint32_t)high;
    int32_t *values = weights->values + (size_t)i * weights->size;
    double sum = 0.0;
    for (uint32_t x = first; x < end; x++)
        sum += triangle(((double)x - center + 0.5) * (1.0 / reach));
    for (uint32_t x = first; x < end; x++) {
        double weight = triangle(((double)x - center + 0.5) * (1.0 / reach));
        weight = sum != 0.0 ? weight / sum : weight;
        values[x - first] = (int32_t)(0.5 + weight * (double)(1 << BITS));
    }
    weights->spans[2 * (size_t)i] = first;
    weights->spans[2 * (size_t)i + 1] = end - first;
}

static void release(struct weights *weights)
{
    free(weights->spans);
    free(weights->values);
}

static mcl_status weigh_all(struct weights *weights, uint32_t inputs, uint32_t outputs)
{
    const double scale = (double)inputs / (double)outputs;
    const double reach = scale < 1.0 ? 1.0 : scale;
    *weights = (struct weights){.size = 2 * ((uint32_t)reach + 1) + 1};
    MCL_TRY(mcl_allocate(&weights->spans, 2 * (uint64_t)outputs, sizeof *weights->spans));
    const mcl_status status =
        mcl_allocate(&weights->values, outputs, (uint64_t)weights->size * sizeof *weights->values);
    if (status != MCL_OK) {
        free(weights->spans);
        return status;
    }
    for (uint32_t i = 0; i < outputs; i++)
        weigh(weights, i, inputs, ((double)i + 0.5) * scale, reach);
    return MCL_OK;
}

static unsigned char to_byte(int32_t sum)
{
    const int32_t value = sum >> BITS;
    return value < 0 ? 0 : value > 255 ? 255 : (unsigned char)value;
}

/* One line of the picture, resized along itself. */
static void resize_line(unsigned char *to, const unsigned char *from, uint32_t width,
    uint32_t channels, const struct weights *weights)
{
    for (uint32_t x = 0; x < width; x++) {
        const int32_t *w = weights->values + (size_t)x * weights->size;
        const unsigned char *p = from + (size_t)weights->spans[2 * (size_t)x] * channels;
        const uint32_t count = weights->spans[2 * (size_t)x + 1];
        int32_t sums[3] = {1 << (BITS - 1), 1 << (BITS - 1), 1 << (BITS - 1)};
        if (channels == 1) {
            for (uint32_t k = 0; k < count; k++)
                sums[0] += p[k] * w[k];
        } else {
            for (uint32_t k = 0; k < count; k++) {
                sums[0] += p[3 * (size_t)k] * w[k];
                sums[1] += p[3 * (size_t)k + 1] * w[k];
                sums[2] += p[3 * (size_t)k + 2] * w[k];
            }
        }
        for (uint32_t c = 0; c < 3 && c < channels; c++)
            *to++ = to_byte(sums[c]);
    }
}

/* Line y of the result, of lines that have their width already. */
static void resize_across(unsigned char *to, int32_t *sums, const mcl_pixels *lines, uint32_t y,
    const struct weights *weights)
{
    const size_t length = (size_t)lines->width * lines->channels;
    const int32_t *w = weights->values + (size_t)y * weights->size;
    const unsigned char *p = lines->from + weights->spans[2 * (size_t)y] * lines->stride;
    for (size_t i = 0; i < length; i++)
        sums[i] = 1 << (BITS - 1);
    for (uint32_t k = 0; k < weights->spans[2 * (size_t)y + 1]; k++) {
        for (size_t i = 0; i < length; i++)
            sums[i] += p[k * lines->stride + i] * w[k];
    }
    for (size_t i = 0; i < length; i++)
        to[i] = to_byte(sums[i]);
}

/* *lines = the pixels with lines of this width, in memory that *made has and the caller frees. */
static mcl_status resize_lines(
    mcl_pixels *lines, unsigned char **made, uint32_t width, const mcl_pixels *pixels)
{
    struct weights weights;
    *lines = *pixels;
    if (width == pixels->width)
        return MCL_OK;
    lines->width = width;
    lines->stride = (size_t)width * pixels->channels;
    MCL_TRY(mcl_allocate_pages(made, pixels->height, lines->stride));
    lines->from = *made;
    MCL_TRY(weigh_all(&weights, pixels->width, width));
    for (uint32_t y = 0; y < pixels->height; y++)
        resize_line(*made + y * lines->stride, pixels->from + y * pixels->stride, width,
            pixels->channels, &weights);
    release(&weights);
    return MCL_OK;
}

static mcl_status resize_columns(unsigned char *to, uint32_t height, const mcl_pixels *lines)
{
    const size_t length = (size_t)lines->width * lines->channels;
    struct weights weights;
    int32_t *sums;
    if (height == lines->height) {
        for (uint32_t y = 0; y < height; y++)
            memcpy(to + y * length, lines->from + y * lines->stride, length);
        return MCL_OK;
    }
    MCL_TRY(mcl_allocate(&sums, length, sizeof *sums));
    const mcl_status status = weigh_all(&weights, lines->height, height);
    if (status == MCL_OK) {
        for (uint32_t y = 0; y < height; y++)
            resize_across(to + y * length, sums, lines, y, &weights);
        release(&weights);
    }
    free(sums);
    return status;
}

mcl_status mcl_resize(unsigned char *to, uint32_t height, uint32_t width, const mcl_pixels *pixels)
{
    mcl_pixels lines;
    unsigned char *made = NULL;
    mcl_status status = resize_lines(&lines, &made, width, pixels);
    if (status == MCL_OK)
        status = resize_columns(to, height, &lines);
    free(made);
    return status;
}
