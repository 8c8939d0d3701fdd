/* SPDX-License-Identifier: Apache-2.0 */
/* The three products of convolutions, by both native matrix products. */
#include <math.h>
#include <stdio.h>

#include "base/rounding.h"
#include "compute/convolution.h"
#include "constants.clh"
#include "verify/checker.h"
#include "verify/reference.h"

#define ROWS 35
#define PATCHES 37 /* whose contrast is normalized, each of … */
#define PATCH 45   /* … so many values */

/* Sides that differ in everything, of two segments of rows; and whole vectors of channels. */
static const mcl_convolution_shape shapes[] = {
    {{7, 6}, 5, 19, {3, 2}, {2, 1}, {2, 1}, {2, 1}, 0.0f},
    {{6, 6}, 16, 32, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 0.0f},
};

/* The numbers of a convolution, and on the device the same. */
struct operands {
    const mcl_convolution_shape *shape;
    uint32_t height, width; /* of the output map */
    size_t x_size, w_size, y_size;
    float *x, *w, *dy, *bias, *kept, *y, *dx, *dw, *db;
    cl_mem x_buffer, w_buffer, dy_buffer, bias_buffer, kept_buffer, out_buffer, db_buffer;
};

static mcl_status make_operands(
    mcl_checker *checker, struct operands *v, const mcl_convolution_shape *shape)
{
    const uint32_t o = shape->filters;
    *v = (struct operands){.shape = shape,
        .height = mcl_convolution_out(shape, 0),
        .width = mcl_convolution_out(shape, 1)};
    v->x_size = (size_t)ROWS * shape->size[0] * shape->size[1] * shape->channels;
    v->w_size = (size_t)shape->kernel[0] * shape->kernel[1] * shape->channels * o;
    v->y_size = (size_t)ROWS * v->height * v->width * o;
    const size_t most = v->x_size > v->y_size ? v->x_size : v->y_size;
    MCL_TRY(mcl_checker_numbers(&v->x, &v->x_buffer, checker, v->x_size, 1));
    MCL_TRY(mcl_checker_numbers(&v->w, &v->w_buffer, checker, v->w_size, 2));
    MCL_TRY(mcl_checker_numbers(&v->dy, &v->dy_buffer, checker, v->y_size, 3));
    MCL_TRY(mcl_checker_numbers(&v->bias, &v->bias_buffer, checker, o, 4));
    MCL_TRY(mcl_checker_numbers(&v->kept, &v->kept_buffer, checker, v->x_size, 5));
    MCL_TRY(
        mcl_checker_result(&v->y, &v->out_buffer, checker, most > v->w_size ? most : v->w_size));
    MCL_TRY(mcl_checker_result(&v->db, &v->db_buffer, checker, o));
    MCL_TRY(mcl_checker_memory(&v->dx, checker, v->x_size, sizeof(float)));
    return mcl_checker_memory(&v->dw, checker, v->w_size, sizeof(float));
}

/* Where a tap of number t reads for the output element y, x, of a row: whether it is in the map. */
static bool is_inside(size_t *place, const struct operands *v, const uint32_t yx[2], uint32_t t)
{
    const mcl_convolution_shape *s = v->shape;
    const uint32_t tap[2] = {t / s->kernel[1], t % s->kernel[1]};
    uint32_t at[2];
    for (int d = 0; d < 2; d++) {
        at[d] = yx[d] * s->stride[d] + tap[d] * s->dilation[d] - s->padding[d]; /* wraps around */
        if (at[d] >= s->size[d])
            return false;
    }
    *place = (size_t)at[0] * s->size[1] + at[1];
    return true;
}

static size_t positions_of(const struct operands *v)
{
    return (size_t)v->height * v->width;
}

/* The channels of a map x that a tap reads for output position i of all rows; NULL: padding. */
static float *read_of(const struct operands *v, float *x, size_t i, uint32_t t)
{
    const mcl_convolution_shape *s = v->shape;
    const uint32_t at = (uint32_t)(i % positions_of(v)), yx[2] = {at / v->width, at % v->width};
    size_t place;
    if (!is_inside(&place, v, yx, t))
        return NULL;
    return x + (i / positions_of(v) * s->size[0] * s->size[1] + place) * s->channels;
}

static float weight_of(const struct operands *v, uint32_t o, uint32_t c, uint32_t t)
{
    const mcl_convolution_shape *s = v->shape;
    return v->w[((size_t)o * s->channels + c) * s->kernel[0] * s->kernel[1] + t];
}

/* Tap by tap, so that the chains of y and of dx are in order. */
static void add_tap(struct operands *v, uint32_t t)
{
    const mcl_convolution_shape *s = v->shape;
    for (size_t i = 0; i < ROWS * positions_of(v); i++) {
        const float *x = read_of(v, v->x, i, t), *dy = v->dy + i * s->filters;
        float *dx = read_of(v, v->dx, i, t), *y = v->y + i * s->filters;
        for (uint32_t o = 0; x && o < s->filters; o++) {
            for (uint32_t c = 0; c < s->channels; c++) {
                y[o] = fmaf(x[c], weight_of(v, o, c, t), y[o]);
                dx[c] = fmaf(dy[o], weight_of(v, o, c, t), dx[c]);
            }
        }
    }
}

/* dw of one weight: chains over the positions of each segment, and a chain over the segments. */
static float by_weight(const struct operands *v, uint32_t o, uint32_t c, uint32_t t)
{
    const size_t segment = mcl_convolution_segment(v->shape, ROWS) * positions_of(v);
    const size_t count = ROWS * positions_of(v);
    float total = 0.0f;
    for (size_t first = 0; first < count; first += segment) {
        float sum = 0.0f;
        for (size_t i = first; i < count && i < first + segment; i++) {
            const float *x = read_of(v, v->x, i, t);
            if (x)
                sum = fmaf(v->dy[i * v->shape->filters + o], x[c], sum);
        }
        total += mcl_host_flush(sum);
    }
    return mcl_host_flush(total);
}

/* db of one filter, in blocks of positions. */
static float by_bias(const struct operands *v, uint32_t o)
{
    const size_t count = ROWS * positions_of(v);
    float total = 0.0f;
    for (size_t first = 0; first < count; first += MCL_SUM_ROWS) {
        float sum = 0.0f;
        for (size_t i = first; i < count && i < first + MCL_SUM_ROWS; i++)
            sum += v->dy[i * v->shape->filters + o];
        total += sum;
    }
    return mcl_host_flush(total);
}

static void convolve(struct operands *v)
{
    const mcl_convolution_shape *s = v->shape;
    const uint32_t taps = s->kernel[0] * s->kernel[1];
    for (uint32_t t = 0; t < taps; t++)
        add_tap(v, t);
    for (size_t i = 0; i < v->y_size; i++)
        v->y[i] = mcl_reference_activate(
            MCL_ACTIVATION_RELU, mcl_host_flush(v->y[i] + v->bias[i % s->filters]));
    for (size_t i = 0; i < v->x_size; i++)
        v->dx[i] =
            mcl_host_flush(v->dx[i] * mcl_reference_derivative(MCL_ACTIVATION_RELU, v->kept[i]));
    for (uint32_t o = 0; o < s->filters; o++) {
        v->db[o] = by_bias(v, o);
        for (uint32_t j = 0; j < s->channels * taps; j++)
            v->dw[o * s->channels * taps + j] = by_weight(v, o, j / taps, j % taps);
    }
}

static const struct {
    const char *name;
    mcl_convolution_pass pass;
    mcl_epilogue epilogue;
} passes[] = {
    {"forward", MCL_CONVOLUTION_FORWARD, {MCL_EPILOGUE_FORWARD, MCL_ACTIVATION_RELU}},
    {"by input", MCL_CONVOLUTION_BY_INPUT, {MCL_EPILOGUE_BACKWARD, MCL_ACTIVATION_RELU}},
    {"by weight", MCL_CONVOLUTION_BY_WEIGHT, {MCL_EPILOGUE_NONE, MCL_ACTIVATION_NONE}},
};
#define PASSES (sizeof passes / sizeof *passes)

static mcl_operands operands_of(const struct operands *v, mcl_convolution_pass pass)
{
    mcl_operands operands = {.m = ROWS, .c = {v->out_buffer, 0}};
    operands.a.buffer = pass == MCL_CONVOLUTION_FORWARD ? v->x_buffer : v->dy_buffer;
    operands.b.buffer = pass == MCL_CONVOLUTION_BY_WEIGHT ? v->x_buffer : v->w_buffer;
    operands.bias.buffer = pass == MCL_CONVOLUTION_BY_WEIGHT ? v->db_buffer : v->bias_buffer;
    operands.kept = v->kept_buffer;
    return operands;
}

static mcl_status check_pass(mcl_checker *checker, const struct operands *v, size_t i,
    mcl_convolution *plan, const char *product)
{
    const mcl_convolution_pass pass = passes[i].pass;
    const float *const expected[] = {v->y, v->dx, v->dw};
    const size_t counts[] = {v->y_size, v->x_size, v->w_size};
    const mcl_operands operands = operands_of(v, pass);
    char name[64];
    MCL_TRY(mcl_convolution_run(plan, &operands));
    snprintf(name, sizeof name, "convolution %s, %u channels, %s", passes[i].name,
        (unsigned)v->shape->channels, product);
    MCL_TRY(mcl_checker_expect(checker, name, expected[pass], v->out_buffer, counts[pass]));
    if (pass != MCL_CONVOLUTION_BY_WEIGHT)
        return MCL_OK;
    snprintf(name, sizeof name, "convolution by bias, %u channels, %s",
        (unsigned)v->shape->channels, product);
    return mcl_checker_expect(checker, name, v->db, v->db_buffer, v->shape->filters);
}

/* All plans come first, so that they are built together. */
static mcl_status check_passes(mcl_checker *checker, const struct operands *v, const char *product)
{
    mcl_convolution *plans[PASSES] = {NULL};
    mcl_status status = MCL_OK;
    for (size_t i = 0; i < PASSES && status == MCL_OK; i++)
        status = mcl_convolution_create(
            &plans[i], checker->context, v->shape, passes[i].pass, ROWS, &passes[i].epilogue);
    for (size_t i = 0; i < PASSES && status == MCL_OK; i++)
        status = check_pass(checker, v, i, plans[i], product);
    for (size_t i = 0; i < PASSES; i++)
        mcl_convolution_free(plans[i]);
    return status;
}

static mcl_status check_contrast(mcl_checker *checker)
{
    const float share = mcl_host_reciprocal((float)PATCH), added = 0.01f;
    float *patches;
    cl_mem buffer;
    MCL_TRY(mcl_checker_numbers(&patches, &buffer, checker, (size_t)PATCHES * PATCH, 6));
    MCL_TRY(
        mcl_checker_run_rows(checker, "contrast.cl", "contrast", "", PATCHES, MCL_BUFFER(buffer),
            MCL_UINT(PATCHES), MCL_UINT(PATCH), MCL_FLOAT(added), MCL_LOCAL(MCL_ROW_SPACE)));
    for (size_t i = 0; i < PATCHES; i++) {
        float *row = patches + i * PATCH, differences[PATCH];
        const float mean = mcl_reference_sum(row, PATCH) * share;
        for (size_t j = 0; j < PATCH; j++)
            differences[j] = row[j] - mean;
        const float variance = mcl_reference_dot(differences, differences, PATCH) * share;
        const float inverse = mcl_host_reciprocal(mcl_host_sqrt(variance + added));
        for (size_t j = 0; j < PATCH; j++)
            row[j] = mcl_host_flush(differences[j] * inverse);
    }
    return mcl_checker_expect(checker, "contrast", patches, buffer, (size_t)PATCHES * PATCH);
}

mcl_status mcl_check_convolutions(mcl_checker *checker)
{
    struct operands v;
    MCL_TRY(check_contrast(checker));
    mcl_checker_clear(checker);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        MCL_TRY(make_operands(checker, &v, &shapes[i]));
        convolve(&v);
        checker->context->gemm = MCL_GEMM_NATIVE_CPU;
        MCL_TRY(check_passes(checker, &v, "gemm"));
        checker->context->gemm = MCL_GEMM_NATIVE_GPU;
        MCL_TRY(check_passes(checker, &v, "gemm_gpu"));
        mcl_checker_clear(checker);
    }
    return MCL_OK;
}
