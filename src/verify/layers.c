/* SPDX-License-Identifier: Apache-2.0 */
/* What is between the products of a network's layers: batch and layer normalization, dropout. */
#include <math.h>

#include "base/random.h"
#include "base/rounding.h"
#include "constants.clh"
#include "nn/layers.h"
#include "nn/network.h"
#include "verify/checker.h"
#include "verify/reference.h"

/* Three blocks of rows, the last one smaller; no multiple of 16 columns. */
#define ROWS 150
#define COLUMNS 37
#define BLOCK_ROWS MCL_NORMALIZATION_ROWS
#define BLOCKS ((ROWS + BLOCK_ROWS - 1) / BLOCK_ROWS)
#define COUNT ((size_t)ROWS * COLUMNS)
#define ACROSS ((COLUMNS + 15) / 16) /* work-items for sixteen columns each */

#define EPSILON 1e-5f

/* Where tensors of the layer are among the parameters, and where other layers' are. */
#define SCALE 7
#define SHIFT (SCALE + COLUMNS)
#define MEAN (SHIFT + COLUMNS + 5)
#define VARIANCE (MEAN + COLUMNS)
#define PARAMETERS (VARIANCE + COLUMNS + 3)

/* What a normalization works on. The moments are those of columns, or of rows. */
struct layer {
    const char *options;
    float *z, *dy, *parameters, *moments;
    cl_mem z_buffer, dy_buffer, parameters_buffer, moments_buffer;
};

/* Numbers of which some columns have results that must be made 0: of the first one all are tiny,
 * the second has large ones, which scale makes tiny. */
static mcl_status make_layer(
    struct layer *layer, mcl_checker *checker, const char *options, size_t moments, uint64_t seed)
{
    layer->options = options;
    MCL_TRY(mcl_checker_numbers(&layer->z, &layer->z_buffer, checker, COUNT, seed));
    MCL_TRY(mcl_checker_numbers(&layer->dy, &layer->dy_buffer, checker, COUNT, seed + 1));
    MCL_TRY(mcl_checker_numbers(
        &layer->parameters, &layer->parameters_buffer, checker, PARAMETERS, seed + 2));
    MCL_TRY(mcl_checker_result(&layer->moments, &layer->moments_buffer, checker, 2 * moments));
    layer->parameters[SCALE + 1] *= 0x1p-123f;
    layer->parameters[SHIFT + 1] = 0.0f;
    for (size_t j = 0; j < COLUMNS; j++)
        layer->parameters[VARIANCE + j] = fabsf(layer->parameters[VARIANCE + j]);
    for (size_t i = 0; i < ROWS; i++)
        layer->z[i * COLUMNS] *= 0x1p-124f;
    MCL_TRY(mcl_checker_write(checker, layer->z_buffer, layer->z, COUNT));
    return mcl_checker_write(checker, layer->parameters_buffer, layer->parameters, PARAMETERS);
}

static size_t rows_of(size_t block)
{
    return ROWS - block * BLOCK_ROWS < BLOCK_ROWS ? ROWS - block * BLOCK_ROWS : BLOCK_ROWS;
}

static float inverse_deviation(float variance)
{
    return mcl_host_reciprocal(mcl_host_sqrt(variance + EPSILON));
}

/* space = the means of the columns of each block, then the squares of what is about them */
static mcl_status check_block_moments(
    mcl_checker *checker, const struct layer *layer, float *space, cl_mem space_buffer)
{
    for (size_t at = 0; at < BLOCKS * COLUMNS; at++) {
        const size_t block = at / COLUMNS, rows = rows_of(block);
        const float *z = layer->z + block * BLOCK_ROWS * COLUMNS + at % COLUMNS;
        float total = 0.0f, squares = 0.0f;
        for (size_t i = 0; i < rows; i++)
            total += z[i * COLUMNS];
        const float mean = total * mcl_host_reciprocal((float)rows);
        for (size_t i = 0; i < rows; i++)
            squares = fmaf(z[i * COLUMNS] - mean, z[i * COLUMNS] - mean, squares);
        space[at] = mcl_host_flush(mean);
        space[BLOCKS * COLUMNS + at] = mcl_host_flush(squares);
    }
    MCL_TRY(mcl_checker_run(checker, "normalization.cl", "block_moments", layer->options, ACROSS,
        BLOCKS, MCL_BUFFER(layer->z_buffer), MCL_UINT(ROWS), MCL_UINT(COLUMNS), MCL_UINT(BLOCKS),
        MCL_BUFFER(space_buffer)));
    return mcl_checker_settle(
        checker, "block_moments", space, space_buffer, 2 * (size_t)BLOCKS * COLUMNS);
}

/* The moments of column j from those of its blocks, and what becomes of the running statistics. */
static void combine_moments(struct layer *layer, const float *space, size_t j)
{
    const float share = mcl_host_reciprocal((float)ROWS);
    float *running_mean = layer->parameters + MEAN + j;
    float *running_variance = layer->parameters + VARIANCE + j;
    float mean = 0.0f, squares = 0.0f;
    for (size_t b = 0; b < BLOCKS; b++)
        mean = fmaf((float)rows_of(b), space[b * COLUMNS + j], mean);
    mean = mean * share;
    for (size_t b = 0; b < BLOCKS; b++) {
        const float difference = space[b * COLUMNS + j] - mean;
        squares +=
            fmaf((float)rows_of(b) * difference, difference, space[(BLOCKS + b) * COLUMNS + j]);
    }
    layer->moments[j] = mcl_host_flush(mean);
    layer->moments[COLUMNS + j] = inverse_deviation(squares * share);
    const float unbiased = squares * mcl_host_reciprocal((float)ROWS - 1.0f);
    *running_mean = mcl_host_flush(fmaf(0.1f, mean - *running_mean, *running_mean));
    *running_variance = mcl_host_flush(fmaf(0.1f, unbiased - *running_variance, *running_variance));
}

static mcl_status check_batch_moments(mcl_checker *checker, struct layer *layer)
{
    float *space;
    cl_mem space_buffer;
    MCL_TRY(mcl_checker_result(&space, &space_buffer, checker, 2 * (size_t)BLOCKS * COLUMNS));
    MCL_TRY(check_block_moments(checker, layer, space, space_buffer));
    for (size_t j = 0; j < COLUMNS; j++)
        combine_moments(layer, space, j);
    MCL_TRY(mcl_checker_run(checker, "normalization.cl", "batch_moments", layer->options, ACROSS, 1,
        MCL_BUFFER(space_buffer), MCL_UINT(ROWS), MCL_UINT(COLUMNS), MCL_UINT(BLOCKS),
        MCL_BUFFER(layer->moments_buffer), MCL_BUFFER(layer->parameters_buffer), MCL_ULONG(MEAN),
        MCL_ULONG(VARIANCE)));
    MCL_TRY(mcl_checker_settle(
        checker, "batch_moments", layer->moments, layer->moments_buffer, 2 * (size_t)COLUMNS));
    return mcl_checker_settle(checker, "batch_moments: running statistics", layer->parameters,
        layer->parameters_buffer, PARAMETERS);
}

/* Those that a trained model has; the layer's own are left as they are. */
static mcl_status check_running_moments(mcl_checker *checker, const struct layer *layer)
{
    float *moments;
    cl_mem buffer;
    MCL_TRY(mcl_checker_result(&moments, &buffer, checker, 2 * (size_t)COLUMNS));
    for (size_t j = 0; j < COLUMNS; j++) {
        moments[j] = layer->parameters[MEAN + j];
        moments[COLUMNS + j] = inverse_deviation(layer->parameters[VARIANCE + j]);
    }
    MCL_TRY(mcl_checker_run(checker, "normalization.cl", "running_moments", layer->options, ACROSS,
        1, MCL_UINT(COLUMNS), MCL_BUFFER(buffer), MCL_BUFFER(layer->parameters_buffer),
        MCL_ULONG(MEAN), MCL_ULONG(VARIANCE)));
    return mcl_checker_expect(checker, "running_moments", moments, buffer, 2 * (size_t)COLUMNS);
}

static mcl_status check_row_moments(mcl_checker *checker, struct layer *layer)
{
    const float share = mcl_host_reciprocal((float)COLUMNS);
    for (size_t i = 0; i < ROWS; i++) {
        const float *row = layer->z + i * COLUMNS;
        const float mean = mcl_reference_sum(row, COLUMNS) * share;
        float differences[COLUMNS];
        for (size_t j = 0; j < COLUMNS; j++)
            differences[j] = row[j] - mean;
        layer->moments[i] = mcl_host_flush(mean);
        layer->moments[ROWS + i] =
            inverse_deviation(mcl_reference_dot(differences, differences, COLUMNS) * share);
    }
    MCL_TRY(mcl_checker_run(checker, "normalization.cl", "row_moments", layer->options, ROWS, 1,
        MCL_BUFFER(layer->z_buffer), MCL_UINT(ROWS), MCL_UINT(COLUMNS),
        MCL_BUFFER(layer->moments_buffer)));
    return mcl_checker_settle(
        checker, "row_moments", layer->moments, layer->moments_buffer, 2 * (size_t)ROWS);
}

/* x̂ of an element, by the moments number `place` of `count`. */
static float normalized(const struct layer *layer, size_t at, size_t place, size_t count)
{
    return mcl_host_flush(
        mcl_host_flush(layer->z[at] - layer->moments[place]) * layer->moments[count + place]);
}

/* [ROWS×COLUMNS] by the moments of rows or of columns. */
static void normalize(float *x, const struct layer *layer, bool by_rows)
{
    for (size_t at = 0; at < COUNT; at++)
        x[at] =
            normalized(layer, at, by_rows ? at / COLUMNS : at % COLUMNS, by_rows ? ROWS : COLUMNS);
}

static mcl_status check_normalize_activate(mcl_checker *checker, const struct layer *layer,
    const float *x, mcl_activation activation, const char *name)
{
    const float *scale = layer->parameters + SCALE, *shift = layer->parameters + SHIFT;
    float *out, *kept;
    cl_mem out_buffer, kept_buffer;
    MCL_TRY(mcl_checker_result(&out, &out_buffer, checker, COUNT));
    MCL_TRY(mcl_checker_result(&kept, &kept_buffer, checker, COUNT));
    for (size_t at = 0; at < COUNT; at++) {
        const float y = mcl_host_flush(fmaf(x[at], scale[at % COLUMNS], shift[at % COLUMNS]));
        kept[at] = activation == MCL_ACTIVATION_GELU ? y : 0.0f;
        out[at] = mcl_reference_activate(activation, y);
    }
    MCL_TRY(mcl_checker_run(checker, "normalization.cl", "normalize_activate", layer->options,
        ACROSS, BLOCKS, MCL_BUFFER(layer->z_buffer), MCL_BUFFER(layer->moments_buffer),
        MCL_BUFFER(layer->parameters_buffer), MCL_ULONG(SCALE), MCL_ULONG(SHIFT), MCL_UINT(ROWS),
        MCL_UINT(COLUMNS), MCL_BUFFER(out_buffer), MCL_BUFFER(kept_buffer)));
    MCL_TRY(mcl_checker_expect(checker, name, out, out_buffer, COUNT));
    return activation == MCL_ACTIVATION_GELU
               ? mcl_checker_expect(checker, "normalize_activate: kept", kept, kept_buffer, COUNT)
               : MCL_OK;
}

/* gradients = those by shift and scale, which the device has too; both normalizations find them in
 * the same way. */
static mcl_status check_column_gradients(mcl_checker *checker, const struct layer *layer,
    const float *x, float *gradients, cl_mem gradients_buffer)
{
    float *space;
    cl_mem space_buffer;
    const size_t half = (size_t)BLOCKS * COLUMNS;
    MCL_TRY(mcl_checker_result(&space, &space_buffer, checker, 2 * half));
    for (size_t at = 0; at < half; at++) {
        const size_t first = at / COLUMNS * BLOCK_ROWS * COLUMNS + at % COLUMNS;
        float total = 0.0f, along = 0.0f;
        for (size_t i = 0; i < rows_of(at / COLUMNS); i++) {
            total += layer->dy[first + i * COLUMNS];
            along = fmaf(layer->dy[first + i * COLUMNS], x[first + i * COLUMNS], along);
        }
        space[at] = mcl_host_flush(total);
        space[half + at] = mcl_host_flush(along);
    }
    for (size_t j = 0; j < COLUMNS; j++) {
        float total = 0.0f, along = 0.0f;
        for (size_t b = 0; b < BLOCKS; b++) {
            total += space[b * COLUMNS + j];
            along += space[half + b * COLUMNS + j];
        }
        gradients[SHIFT + j] = mcl_host_flush(total);
        gradients[SCALE + j] = mcl_host_flush(along);
    }
    MCL_TRY(mcl_checker_run(checker, "normalization.cl", "block_gradients", layer->options, ACROSS,
        BLOCKS, MCL_BUFFER(layer->dy_buffer), MCL_BUFFER(layer->z_buffer),
        MCL_BUFFER(layer->moments_buffer), MCL_UINT(ROWS), MCL_UINT(COLUMNS), MCL_UINT(BLOCKS),
        MCL_BUFFER(space_buffer)));
    MCL_TRY(mcl_checker_settle(checker, "block_gradients", space, space_buffer, 2 * half));
    MCL_TRY(mcl_checker_run(checker, "normalization.cl", "column_gradients", layer->options, ACROSS,
        1, MCL_BUFFER(space_buffer), MCL_UINT(COLUMNS), MCL_UINT(BLOCKS),
        MCL_BUFFER(gradients_buffer), MCL_ULONG(SCALE), MCL_ULONG(SHIFT)));
    return mcl_checker_settle(checker, "column_gradients", gradients, gradients_buffer, PARAMETERS);
}

static mcl_status check_batch_backward(
    mcl_checker *checker, const struct layer *layer, const float *x)
{
    const float share = mcl_host_reciprocal((float)ROWS);
    float *gradients;
    cl_mem buffer;
    MCL_TRY(mcl_checker_numbers(&gradients, &buffer, checker, PARAMETERS, 64));
    MCL_TRY(check_column_gradients(checker, layer, x, gradients, buffer));
    for (size_t at = 0; at < COUNT; at++) {
        const size_t j = at % COLUMNS;
        const float factor =
            mcl_host_flush(layer->parameters[SCALE + j] * layer->moments[COLUMNS + j]);
        const float total = mcl_host_flush(gradients[SHIFT + j] * share);
        const float along = mcl_host_flush(gradients[SCALE + j] * share);
        const float across = mcl_host_flush(layer->dy[at] - total);
        layer->dy[at] = mcl_host_flush(factor * mcl_host_flush(fmaf(-x[at], along, across)));
    }
    MCL_TRY(mcl_checker_run(checker, "normalization.cl", "batch_backward", layer->options, ACROSS,
        BLOCKS, MCL_BUFFER(layer->dy_buffer), MCL_BUFFER(layer->z_buffer),
        MCL_BUFFER(layer->moments_buffer), MCL_BUFFER(layer->parameters_buffer), MCL_BUFFER(buffer),
        MCL_ULONG(SCALE), MCL_ULONG(SHIFT), MCL_UINT(ROWS), MCL_UINT(COLUMNS)));
    return mcl_checker_expect(checker, "batch_backward", layer->dy, layer->dy_buffer, COUNT);
}

static mcl_status check_row_backward(
    mcl_checker *checker, const struct layer *layer, const float *x)
{
    const float share = mcl_host_reciprocal((float)COLUMNS);
    for (size_t i = 0; i < ROWS; i++) {
        float *d = layer->dy + i * COLUMNS, g[COLUMNS];
        const float *row = x + i * COLUMNS;
        for (size_t j = 0; j < COLUMNS; j++)
            g[j] = mcl_host_flush(layer->parameters[SCALE + j] * d[j]);
        const float total = mcl_host_flush(mcl_reference_sum(g, COLUMNS) * share);
        const float along = mcl_host_flush(mcl_reference_dot(g, row, COLUMNS) * share);
        for (size_t j = 0; j < COLUMNS; j++) {
            const float across = mcl_host_flush(fmaf(-row[j], along, mcl_host_flush(g[j] - total)));
            d[j] = mcl_host_flush(layer->moments[ROWS + i] * across);
        }
    }
    MCL_TRY(mcl_checker_run(checker, "normalization.cl", "row_backward", layer->options, ROWS, 1,
        MCL_BUFFER(layer->dy_buffer), MCL_BUFFER(layer->z_buffer),
        MCL_BUFFER(layer->moments_buffer), MCL_BUFFER(layer->parameters_buffer), MCL_ULONG(SCALE),
        MCL_UINT(ROWS), MCL_UINT(COLUMNS)));
    return mcl_checker_expect(checker, "row_backward", layer->dy, layer->dy_buffer, COUNT);
}

#define BATCH_OPTIONS "-D ACTIVATION=1 -D ROWS=0"
#define LAYER_OPTIONS "-D ACTIVATION=2 -D ROWS=1"

static mcl_status check_batch_normalization(mcl_checker *checker)
{
    struct layer layer;
    float *x;
    MCL_TRY(make_layer(&layer, checker, BATCH_OPTIONS, COLUMNS, 60));
    MCL_TRY(mcl_checker_memory(&x, checker, COUNT, sizeof *x));
    MCL_TRY(check_batch_moments(checker, &layer));
    MCL_TRY(check_running_moments(checker, &layer));
    normalize(x, &layer, false);
    MCL_TRY(check_normalize_activate(
        checker, &layer, x, MCL_ACTIVATION_RELU, "normalize_activate by columns, relu"));
    MCL_TRY(check_batch_backward(checker, &layer, x));
    mcl_checker_clear(checker);
    return MCL_OK;
}

static mcl_status check_layer_normalization(mcl_checker *checker)
{
    struct layer layer;
    float *x;
    MCL_TRY(make_layer(&layer, checker, LAYER_OPTIONS, ROWS, 65));
    MCL_TRY(mcl_checker_memory(&x, checker, COUNT, sizeof *x));
    MCL_TRY(check_row_moments(checker, &layer));
    normalize(x, &layer, true);
    MCL_TRY(check_normalize_activate(
        checker, &layer, x, MCL_ACTIVATION_GELU, "normalize_activate by rows, gelu"));
    MCL_TRY(check_row_backward(checker, &layer, x));
    mcl_checker_clear(checker);
    return MCL_OK;
}

static mcl_status check_dropout(mcl_checker *checker)
{
    const uint64_t seed = 0xFEDCBA9876543210u, step = 0x500000007u; /* of which 7 is drawn for */
    const float rate = 0.3f, factor = mcl_host_reciprocal(1.0f - rate);
    mcl_layer layer = mcl_layer_dropout(rate, seed, COLUMNS);
    mcl_network *network;
    float *values;
    cl_mem buffer;
    layer.block = 2;
    MCL_TRY(mcl_checker_numbers(&values, &buffer, checker, COUNT, 70));
    for (size_t i = 0; i < ROWS; i++)
        values[i * COLUMNS] *= 0x1p-124f;
    MCL_TRY(mcl_checker_write(checker, buffer, values, COUNT));
    for (uint32_t at = 0; at < COUNT; at++) {
        const uint32_t element = at % COLUMNS;
        uint32_t words[4];
        mcl_random_words(
            words, seed, MCL_STREAM_DROPOUT, layer.block, 7, at / COLUMNS, element / 4);
        values[at] =
            mcl_uniform(words[element % 4]) < rate ? 0.0f : mcl_host_flush(values[at] * factor);
    }
    MCL_TRY(mcl_network_create(&network, checker->context, &layer, 1, ROWS, MCL_NETWORK_INFERENCE));
    mcl_network_set_step(network, step);
    mcl_status status = mcl_network_forward(network, NULL, buffer, ROWS);
    if (status == MCL_OK)
        status = mcl_checker_expect(checker, "dropout", values, mcl_network_output(network), COUNT);
    mcl_network_free(network);
    mcl_checker_clear(checker);
    return status;
}

mcl_status mcl_check_layers(mcl_checker *checker)
{
    MCL_TRY(mcl_checker_find(checker, "normalization.cl", "batch_moments", BATCH_OPTIONS));
    MCL_TRY(mcl_checker_find(checker, "normalization.cl", "row_moments", LAYER_OPTIONS));
    MCL_TRY(check_batch_normalization(checker));
    MCL_TRY(check_layer_normalization(checker));
    return check_dropout(checker);
}
