/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms of oriented gradients (Dalal and Triggs 2005), as skimage.feature.hog computes them.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/data.h"
#include "maskcl/evaluate.h"

#define BINS 9
#define BLOCK 2      /* cells along a side */
#define CELL_LEAST 4 /* pixels along a side of a cell … */
#define CELLS 7      /* … or as many as leave the shorter side so many cells */
#define CLIPPED 0.2  /* L2-Hys */
#define EPSILON 1e-5

/* The directions at which the bins 1 … 8 begin, 20° apart. */
static const double cosines[BINS - 1] = {0.93969262078590838405, 0.76604444311897803520, 0.5,
    0.17364817766693034885, -0.17364817766693034885, -0.5, -0.76604444311897803520,
    -0.93969262078590838405};
static const double sines[BINS - 1] = {0.34202014332566873304, 0.64278760968653932632,
    0.86602540378443864676, 0.98480775301220805937, 0.98480775301220805937, 0.86602540378443864676,
    0.64278760968653932632, 0.34202014332566873304};

struct sizes {
    size_t height, width, channels, cell, down, across; /* down × across cells */
};

static mcl_status find_sizes(struct sizes *sizes, const mcl_data *data)
{
    uint64_t shape[MCL_DIMENSIONS_MAX] = {0};
    const size_t dimensions = mcl_data_row_shape(data, shape);
    if (dimensions < 2 || dimensions > 3)
        return mcl_fail(MCL_ERROR_DATA,
            "%s: histograms of oriented gradients are of images, and its rows are none",
            mcl_data_source(data));
    const uint64_t shorter = shape[0] < shape[1] ? shape[0] : shape[1];
    *sizes = (struct sizes){.height = (size_t)shape[0],
        .width = (size_t)shape[1],
        .channels = dimensions == 3 ? (size_t)shape[2] : 1,
        .cell = shorter / CELLS > CELL_LEAST ? (size_t)(shorter / CELLS) : CELL_LEAST};
    sizes->down = sizes->height / sizes->cell;
    sizes->across = sizes->width / sizes->cell;
    if (sizes->down < BLOCK || sizes->across < BLOCK)
        return mcl_fail(MCL_ERROR_DATA,
            "%s: histograms of oriented gradients need images of at least %d × %d pixels, and "
            "these "
            "have %" PRIu64 " × %" PRIu64,
            mcl_data_source(data), BLOCK * CELL_LEAST, BLOCK * CELL_LEAST, shape[0], shape[1]);
    return MCL_OK;
}

static size_t width_of(const struct sizes *sizes)
{
    return (sizes->down - BLOCK + 1) * (sizes->across - BLOCK + 1) * BLOCK * BLOCK * BINS;
}

/* The gradient at a pixel along an axis whose neighbours are `apart` values away; 0 at the ends. */
static double slope(const float *at, size_t place, size_t size, size_t apart)
{
    return place == 0 || place + 1 == size ? 0.0 : (double)at[apart] - (double)*(at - apart);
}

/* The bin of a direction, where opposite ones are the same. */
static size_t bin_of(double down, double across)
{
    size_t bin = 0;
    if (down < 0.0 || (down == 0.0 && across < 0.0)) {
        down = -down;
        across = -across;
    }
    while (bin < BINS - 1 && cosines[bin] * down - sines[bin] * across >= 0.0)
        bin++;
    return bin;
}

/* Adds the gradient of a pixel, of its channels the largest, to its cell's histogram. */
static void add_pixel(
    double *cells, const struct sizes *sizes, const float *image, size_t y, size_t x)
{
    const size_t channels = sizes->channels, row = sizes->width * channels;
    const size_t cell = y / sizes->cell * sizes->across + x / sizes->cell;
    double down = 0.0, across = 0.0, largest = -1.0;
    for (size_t c = 0; c < channels; c++) {
        const float *at = image + (y * sizes->width + x) * channels + c;
        const double v = slope(at, y, sizes->height, row), u = slope(at, x, sizes->width, channels);
        const double magnitude = sqrt(v * v + u * u);
        if (magnitude > largest) {
            largest = magnitude;
            down = v;
            across = u;
        }
    }
    cells[cell * BINS + bin_of(down, across)] += largest;
}

/* Divides a block by its length, twice, with its values clipped in between. */
static void normalize(double *block)
{
    for (int pass = 0; pass < 2; pass++) {
        double squares = 0.0;
        for (size_t i = 0; i < (size_t)BLOCK * BLOCK * BINS; i++)
            squares += block[i] * block[i];
        const double length = sqrt(squares + EPSILON * EPSILON);
        for (size_t i = 0; i < (size_t)BLOCK * BLOCK * BINS; i++) {
            block[i] /= length;
            block[i] = pass == 0 && block[i] > CLIPPED ? CLIPPED : block[i];
        }
    }
}

static void describe(float *features, double *cells, const struct sizes *sizes, const float *image)
{
    const double area = (double)(sizes->cell * sizes->cell);
    memset(cells, 0, sizes->down * sizes->across * BINS * sizeof *cells);
    for (size_t y = 0; y < sizes->down * sizes->cell; y++) {
        for (size_t x = 0; x < sizes->across * sizes->cell; x++)
            add_pixel(cells, sizes, image, y, x);
    }
    for (size_t y = 0; y + BLOCK <= sizes->down; y++) {
        for (size_t x = 0; x + BLOCK <= sizes->across; x++) {
            double block[BLOCK * BLOCK * BINS];
            for (size_t i = 0; i < (size_t)BLOCK * BLOCK * BINS; i++) {
                const size_t cell = (y + i / BINS / BLOCK) * sizes->across + x + i / BINS % BLOCK;
                block[i] = cells[cell * BINS + i % BINS] / area;
            }
            normalize(block);
            for (size_t i = 0; i < (size_t)BLOCK * BLOCK * BINS; i++)
                *features++ = (float)block[i];
        }
    }
}

mcl_status mcl_hog_width(uint64_t *width, const mcl_data *data)
{
    struct sizes sizes;
    MCL_NEED(width);
    MCL_NEED(data);
    MCL_TRY(find_sizes(&sizes, data));
    *width = width_of(&sizes);
    return MCL_OK;
}

mcl_status mcl_hog(float *features, const mcl_data *data)
{
    struct sizes sizes;
    double *cells = NULL;
    float *image = NULL;
    MCL_NEED(features);
    MCL_NEED(data);
    MCL_TRY(find_sizes(&sizes, data));
    mcl_status status = mcl_allocate(&cells, sizes.down * sizes.across, BINS * sizeof *cells);
    if (status == MCL_OK)
        status = mcl_allocate(&image, mcl_data_columns(data), sizeof *image);
    for (uint64_t row = 0; row < mcl_data_rows(data) && status == MCL_OK; row++) {
        status = mcl_data_floats(image, data, row, 1);
        if (status == MCL_OK)
            describe(features + row * width_of(&sizes), cells, &sizes, image);
    }
    free(cells);
    free(image);
    return status;
}
