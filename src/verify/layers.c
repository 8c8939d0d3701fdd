/* SPDX-License-Identifier: Apache-2.0 */
/* What is between the products of a network's layers: batch and layer normalization, dropout. */
#include <math.h>
#include <string.h>

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
#define HALF ((size_t)BLOCKS * COLUMNS) /* of what there is of each block */

/* Rows of an item of the passes over elements, the last one's fewer. */
#define PART 40
#define PARTS ((ROWS + PART - 1) / PART)

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
    float *z, *dy, *parameters, *moments, *x, *out, *kept, *space, *gradients;
    cl_mem z_buffer, dy_buffer, parameters_buffer, moments_buffer, out_buffer, kept_buffer;
    cl_mem space_buffer, gradients_buffer;
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
    MCL_TRY(mcl_checker_memory(&layer->x, checker, COUNT, sizeof *layer->x));
    MCL_TRY(mcl_checker_result(&layer->out, &layer->out_buffer, checker, COUNT));
    MCL_TRY(mcl_checker_result(&layer->kept, &layer->kept_buffer, checker, COUNT));
    MCL_TRY(mcl_checker_result(&layer->space, &layer->space_buffer, checker, 2 * HALF));
    MCL_TRY(mcl_checker_numbers(
        &layer->gradients, &layer->gradients_buffer, checker, PARAMETERS, seed + 3));
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
static void find_block_moments(const struct layer *layer)
{
    for (size_t at = 0; at < HALF; at++) {
        const size_t block = at / COLUMNS, rows = rows_of(block);
        const float *z = layer->z + block * BLOCK_ROWS * COLUMNS + at % COLUMNS;
        float total = 0.0f, squares = 0.0f;
        for (size_t i = 0; i < rows; i++)
            total += z[i * COLUMNS];
        const float mean = total * mcl_host_reciprocal((float)rows);
        for (size_t i = 0; i < rows; i++)
            squares = fmaf(z[i * COLUMNS] - mean, z[i * COLUMNS] - mean, squares);
        layer->space[at] = mcl_host_flush(mean);
        layer->space[HALF + at] = mcl_host_flush(squares);
    }
}

/* The moments of column j from those of its blocks, and what becomes of the running statistics. */
static void combine_moments(const struct layer *layer, size_t j)
{
    const float *space = layer->space;
    const float share = mcl_host_reciprocal((float)ROWS);
    float *running_mean = layer->parameters + MEAN + j;
    float *running_variance = layer->parameters + VARIANCE + j;
    float mean = 0.0f, squares = 0.0f;
    for (size_t b = 0; b < BLOCKS; b++)
        mean = fmaf((float)rows_of(b), space[b * COLUMNS + j], mean);
    mean = mean * share;
    for (size_t b = 0; b < BLOCKS; b++) {
        const float difference = space[b * COLUMNS + j] - mean;
        squares += fmaf((float)rows_of(b) * difference, difference, space[HALF + b * COLUMNS + j]);
    }
    layer->moments[j] = mcl_host_flush(mean);
    layer->moments[COLUMNS + j] = inverse_deviation(squares * share);
    const float unbiased = squares * mcl_host_reciprocal((float)ROWS - 1.0f);
    *running_mean = mcl_host_flush(fmaf(0.1f, mean - *running_mean, *running_mean));
    *running_variance = mcl_host_flush(fmaf(0.1f, unbiased - *running_variance, *running_variance));
}

/* x = x̂, out and kept = what becomes of it, by the moments of rows or of columns. */
static void normalize(const struct layer *layer, bool by_rows, mcl_activation activation)
{
    const float *scale = layer->parameters + SCALE, *shift = layer->parameters + SHIFT;
    for (size_t at = 0; at < COUNT; at++) {
        const size_t j = at % COLUMNS, place = by_rows ? at / COLUMNS : j;
        const float mean = layer->moments[place];
        const float inverse = layer->moments[(by_rows ? ROWS : COLUMNS) + place];
        layer->x[at] = mcl_host_flush(mcl_host_flush(layer->z[at] - mean) * inverse);
        const float y = mcl_host_flush(fmaf(layer->x[at], scale[j], shift[j]));
        layer->kept[at] = activation == MCL_ACTIVATION_GELU ? y : 0.0f;
        layer->out[at] = mcl_reference_activate(activation, y);
    }
}

static mcl_status run_column_forward(mcl_checker *checker, const struct layer *layer)
{
    return mcl_checker_run_mapped(checker, "normalization.cl", "column_forward", layer->options,
        MCL_MAP_WHOLE_COLUMNS, COLUMNS, BLOCKS, MCL_BUFFER(layer->z_buffer),
        MCL_BUFFER(layer->space_buffer), MCL_UINT(ROWS), MCL_UINT(COLUMNS), MCL_UINT(BLOCKS),
        MCL_UINT(BLOCK_ROWS), MCL_BUFFER(layer->moments_buffer),
        MCL_BUFFER(layer->parameters_buffer), MCL_ULONG(SCALE), MCL_ULONG(SHIFT), MCL_ULONG(MEAN),
        MCL_ULONG(VARIANCE), MCL_BUFFER(layer->out_buffer), MCL_BUFFER(layer->kept_buffer));
}

static mcl_status run_block_forward(mcl_checker *checker, const struct layer *layer)
{
    return mcl_checker_run_columns(checker, "normalization.cl", "block_forward", layer->options,
        COLUMNS, PARTS, MCL_BUFFER(layer->z_buffer), MCL_BUFFER(layer->space_buffer),
        MCL_UINT(ROWS), MCL_UINT(COLUMNS), MCL_UINT(BLOCKS), MCL_UINT(BLOCK_ROWS), MCL_UINT(PART),
        MCL_BUFFER(layer->moments_buffer), MCL_BUFFER(layer->parameters_buffer), MCL_ULONG(SCALE),
        MCL_ULONG(SHIFT), MCL_ULONG(MEAN), MCL_ULONG(VARIANCE), MCL_BUFFER(layer->out_buffer),
        MCL_BUFFER(layer->kept_buffer));
}

/* What the passes that merge moments have; names[3] are those of the checks. */
static mcl_status expect_forward(
    mcl_checker *checker, const struct layer *layer, const char *const names[3])
{
    MCL_TRY(mcl_checker_settle(
        checker, names[0], layer->moments, layer->moments_buffer, 2 * (size_t)COLUMNS));
    MCL_TRY(mcl_checker_settle(
        checker, names[1], layer->parameters, layer->parameters_buffer, PARAMETERS));
    return mcl_checker_expect(checker, names[2], layer->out, layer->out_buffer, COUNT);
}

/* In one launch and in two; the former, whose running statistics are then forgotten, first. */
static mcl_status check_batch_forward(mcl_checker *checker, const struct layer *layer)
{
    static const char *const columns[] = {
        "column_forward: moments", "column_forward: running statistics", "column_forward, relu"};
    static const char *const blocks[] = {
        "block_forward: moments", "block_forward: running statistics", "block_forward, relu"};
    float before[PARAMETERS];
    memcpy(before, layer->parameters, sizeof before);
    find_block_moments(layer);
    for (size_t j = 0; j < COLUMNS; j++)
        combine_moments(layer, j);
    normalize(layer, false, MCL_ACTIVATION_RELU);
    MCL_TRY(run_column_forward(checker, layer));
    MCL_TRY(expect_forward(checker, layer, columns));
    MCL_TRY(mcl_checker_write(checker, layer->parameters_buffer, before, PARAMETERS));
    MCL_TRY(mcl_checker_run_columns(checker, "normalization.cl", "block_moments", layer->options,
        COLUMNS, BLOCKS, MCL_BUFFER(layer->z_buffer), MCL_UINT(ROWS), MCL_UINT(COLUMNS),
        MCL_UINT(BLOCKS), MCL_UINT(BLOCK_ROWS), MCL_BUFFER(layer->space_buffer)));
    MCL_TRY(
        mcl_checker_settle(checker, "block_moments", layer->space, layer->space_buffer, 2 * HALF));
    MCL_TRY(run_block_forward(checker, layer));
    return expect_forward(checker, layer, blocks);
}

/* By the statistics that a trained model has. The layer's moments are as before in the end. */
static mcl_status check_running_forward(mcl_checker *checker, const struct layer *layer)
{
    float moments[2 * COLUMNS];
    memcpy(moments, layer->moments, sizeof moments);
    for (size_t j = 0; j < COLUMNS; j++) {
        layer->moments[j] = layer->parameters[MEAN + j];
        layer->moments[COLUMNS + j] = inverse_deviation(layer->parameters[VARIANCE + j]);
    }
    normalize(layer, false, MCL_ACTIVATION_RELU);
    MCL_TRY(mcl_checker_run_columns(checker, "normalization.cl", "running_forward", layer->options,
        COLUMNS, PARTS, MCL_BUFFER(layer->z_buffer), MCL_UINT(ROWS), MCL_UINT(COLUMNS),
        MCL_UINT(PART), MCL_BUFFER(layer->parameters_buffer), MCL_ULONG(SCALE), MCL_ULONG(SHIFT),
        MCL_ULONG(MEAN), MCL_ULONG(VARIANCE), MCL_BUFFER(layer->out_buffer),
        MCL_BUFFER(layer->kept_buffer)));
    MCL_TRY(
        mcl_checker_expect(checker, "running_forward, relu", layer->out, layer->out_buffer, COUNT));
    memcpy(layer->moments, moments, sizeof moments);
    normalize(layer, false, MCL_ACTIVATION_RELU);
    return MCL_OK;
}

static mcl_status check_row_forward(mcl_checker *checker, const struct layer *layer)
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
    normalize(layer, true, MCL_ACTIVATION_GELU);
    MCL_TRY(mcl_checker_run_rows(checker, "normalization.cl", "row_forward", layer->options, ROWS,
        MCL_BUFFER(layer->z_buffer), MCL_BUFFER(layer->parameters_buffer), MCL_ULONG(SCALE),
        MCL_ULONG(SHIFT), MCL_UINT(ROWS), MCL_UINT(COLUMNS), MCL_BUFFER(layer->moments_buffer),
        MCL_BUFFER(layer->out_buffer), MCL_BUFFER(layer->kept_buffer), MCL_LOCAL(MCL_ROW_SPACE)));
    MCL_TRY(mcl_checker_settle(
        checker, "row_forward: moments", layer->moments, layer->moments_buffer, 2 * (size_t)ROWS));
    MCL_TRY(mcl_checker_expect(checker, "row_forward, gelu", layer->out, layer->out_buffer, COUNT));
    return mcl_checker_expect(checker, "row_forward: kept", layer->kept, layer->kept_buffer, COUNT);
}

/* space = the sums of the blocks, gradients = those by shift and scale */
static void sum_gradients(const struct layer *layer)
{
    for (size_t at = 0; at < HALF; at++) {
        const size_t first = at / COLUMNS * BLOCK_ROWS * COLUMNS + at % COLUMNS;
        float total = 0.0f, along = 0.0f;
        for (size_t i = 0; i < rows_of(at / COLUMNS); i++) {
            total += layer->dy[first + i * COLUMNS];
            along = fmaf(layer->dy[first + i * COLUMNS], layer->x[first + i * COLUMNS], along);
        }
        layer->space[at] = mcl_host_flush(total);
        layer->space[HALF + at] = mcl_host_flush(along);
    }
    for (size_t j = 0; j < COLUMNS; j++) {
        float total = 0.0f, along = 0.0f;
        for (size_t b = 0; b < BLOCKS; b++) {
            total += layer->space[b * COLUMNS + j];
            along += layer->space[HALF + b * COLUMNS + j];
        }
        layer->gradients[SHIFT + j] = mcl_host_flush(total);
        layer->gradients[SCALE + j] = mcl_host_flush(along);
    }
}

/* The sums of the blocks, which the device has then. */
static mcl_status check_block_gradients(
    mcl_checker *checker, const struct layer *layer, const char *name)
{
    MCL_TRY(mcl_checker_run_columns(checker, "normalization.cl", "block_gradients", layer->options,
        COLUMNS, BLOCKS, MCL_BUFFER(layer->dy_buffer), MCL_BUFFER(layer->z_buffer),
        MCL_BUFFER(layer->moments_buffer), MCL_UINT(ROWS), MCL_UINT(COLUMNS), MCL_UINT(BLOCKS),
        MCL_UINT(BLOCK_ROWS), MCL_BUFFER(layer->space_buffer)));
    return mcl_checker_settle(checker, name, layer->space, layer->space_buffer, 2 * HALF);
}

static void differentiate_columns(float *dz, const struct layer *layer)
{
    const float share = mcl_host_reciprocal((float)ROWS);
    for (size_t at = 0; at < COUNT; at++) {
        const size_t j = at % COLUMNS;
        const float factor =
            mcl_host_flush(layer->parameters[SCALE + j] * layer->moments[COLUMNS + j]);
        const float total = mcl_host_flush(layer->gradients[SHIFT + j] * share);
        const float along = mcl_host_flush(layer->gradients[SCALE + j] * share);
        const float across = mcl_host_flush(layer->dy[at] - total);
        dz[at] = mcl_host_flush(factor * mcl_host_flush(fmaf(-layer->x[at], along, across)));
    }
}

static mcl_status run_column_backward(mcl_checker *checker, const struct layer *layer)
{
    return mcl_checker_run_mapped(checker, "normalization.cl", "column_backward", layer->options,
        MCL_MAP_WHOLE_COLUMNS, COLUMNS, BLOCKS, MCL_BUFFER(layer->dy_buffer),
        MCL_BUFFER(layer->z_buffer), MCL_BUFFER(layer->moments_buffer),
        MCL_BUFFER(layer->parameters_buffer), MCL_BUFFER(layer->space_buffer),
        MCL_BUFFER(layer->gradients_buffer), MCL_ULONG(SCALE), MCL_ULONG(SHIFT), MCL_UINT(ROWS),
        MCL_UINT(COLUMNS), MCL_UINT(BLOCKS), MCL_UINT(BLOCK_ROWS));
}

static mcl_status run_block_backward(mcl_checker *checker, const struct layer *layer)
{
    return mcl_checker_run_columns(checker, "normalization.cl", "block_backward", layer->options,
        COLUMNS, PARTS, MCL_BUFFER(layer->dy_buffer), MCL_BUFFER(layer->z_buffer),
        MCL_BUFFER(layer->moments_buffer), MCL_BUFFER(layer->parameters_buffer),
        MCL_BUFFER(layer->space_buffer), MCL_BUFFER(layer->gradients_buffer), MCL_ULONG(SCALE),
        MCL_ULONG(SHIFT), MCL_UINT(ROWS), MCL_UINT(COLUMNS), MCL_UINT(BLOCKS), MCL_UINT(PART));
}

/* In one launch, and then in two with nothing left of the first. */
static mcl_status check_batch_backward(mcl_checker *checker, const struct layer *layer)
{
    float before[PARAMETERS], *dz;
    memcpy(before, layer->gradients, sizeof before);
    MCL_TRY(mcl_checker_memory(&dz, checker, COUNT, sizeof *dz));
    sum_gradients(layer);
    differentiate_columns(dz, layer);
    MCL_TRY(run_column_backward(checker, layer));
    MCL_TRY(mcl_checker_expect(checker, "column_backward: by scale and shift", layer->gradients,
        layer->gradients_buffer, PARAMETERS));
    MCL_TRY(mcl_checker_expect(checker, "column_backward", dz, layer->dy_buffer, COUNT));
    MCL_TRY(mcl_checker_write(checker, layer->gradients_buffer, before, PARAMETERS));
    MCL_TRY(mcl_checker_write(checker, layer->dy_buffer, layer->dy, COUNT));
    MCL_TRY(check_block_gradients(checker, layer, "block_gradients"));
    MCL_TRY(run_block_backward(checker, layer));
    MCL_TRY(mcl_checker_expect(checker, "block_backward: by scale and shift", layer->gradients,
        layer->gradients_buffer, PARAMETERS));
    return mcl_checker_expect(checker, "block_backward", dz, layer->dy_buffer, COUNT);
}

static void differentiate_rows(const struct layer *layer)
{
    const float share = mcl_host_reciprocal((float)COLUMNS);
    for (size_t i = 0; i < ROWS; i++) {
        float *d = layer->dy + i * COLUMNS, g[COLUMNS];
        const float *row = layer->x + i * COLUMNS;
        for (size_t j = 0; j < COLUMNS; j++)
            g[j] = mcl_host_flush(layer->parameters[SCALE + j] * d[j]);
        const float total = mcl_host_flush(mcl_reference_sum(g, COLUMNS) * share);
        const float along = mcl_host_flush(mcl_reference_dot(g, row, COLUMNS) * share);
        for (size_t j = 0; j < COLUMNS; j++) {
            const float across = mcl_host_flush(fmaf(-row[j], along, mcl_host_flush(g[j] - total)));
            d[j] = mcl_host_flush(layer->moments[ROWS + i] * across);
        }
    }
}

static mcl_status check_row_backward(mcl_checker *checker, const struct layer *layer)
{
    sum_gradients(layer);
    MCL_TRY(check_block_gradients(checker, layer, "block_gradients by rows"));
    differentiate_rows(layer);
    MCL_TRY(mcl_checker_run_rows(checker, "normalization.cl", "row_backward", layer->options, ROWS,
        MCL_BUFFER(layer->dy_buffer), MCL_BUFFER(layer->z_buffer),
        MCL_BUFFER(layer->moments_buffer), MCL_BUFFER(layer->parameters_buffer),
        MCL_BUFFER(layer->space_buffer), MCL_BUFFER(layer->gradients_buffer), MCL_ULONG(SCALE),
        MCL_ULONG(SHIFT), MCL_UINT(ROWS), MCL_UINT(COLUMNS), MCL_UINT(BLOCKS),
        MCL_LOCAL(MCL_ROW_SPACE)));
    MCL_TRY(mcl_checker_expect(checker, "row_backward: by scale and shift", layer->gradients,
        layer->gradients_buffer, PARAMETERS));
    return mcl_checker_expect(checker, "row_backward", layer->dy, layer->dy_buffer, COUNT);
}

#define BATCH_OPTIONS "-D ACTIVATION=1 -D ROWS=0"
#define LAYER_OPTIONS "-D ACTIVATION=2 -D ROWS=1"

static mcl_status check_batch_normalization(mcl_checker *checker)
{
    struct layer layer;
    MCL_TRY(make_layer(&layer, checker, BATCH_OPTIONS, COLUMNS, 60));
    MCL_TRY(check_batch_forward(checker, &layer));
    MCL_TRY(check_running_forward(checker, &layer));
    MCL_TRY(check_batch_backward(checker, &layer));
    mcl_checker_clear(checker);
    return MCL_OK;
}

static mcl_status check_layer_normalization(mcl_checker *checker)
{
    struct layer layer;
    MCL_TRY(make_layer(&layer, checker, LAYER_OPTIONS, ROWS, 65));
    MCL_TRY(check_row_forward(checker, &layer));
    MCL_TRY(check_row_backward(checker, &layer));
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
    MCL_TRY(mcl_checker_find(checker, "normalization.cl", "block_moments", BATCH_OPTIONS));
    MCL_TRY(mcl_checker_find(checker, "normalization.cl", "row_forward", LAYER_OPTIONS));
    MCL_TRY(
        mcl_checker_find(checker, "group_normalization.cl", "group_moments", "-D ACTIVATION=1"));
    MCL_TRY(check_batch_normalization(checker));
    MCL_TRY(check_layer_normalization(checker));
    MCL_TRY(mcl_check_groups(checker));
    return check_dropout(checker);
}
