/* SPDX-License-Identifier: Apache-2.0 */
#include "training.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "arithmetic.h"
#include "random.h"

static void *array(size_t count, size_t size)
{
    void *values = calloc(count ? count : 1, size);
    if (!values)
        abort();
    return values;
}

static float *floats(size_t count)
{
    return array(count, sizeof(float));
}

static struct matrix rows_of(const float *values, size_t columns)
{
    return (struct matrix){values, columns, 1};
}

static struct matrix transposed(const float *values, size_t columns)
{
    return (struct matrix){values, 1, columns};
}

static void flush_all(float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = host_flush(values[i]);
}

/* "Model" */

struct layer {
    size_t in, out;
    float *weight, *bias;                   /* among the parameters */
    float *weight_gradient, *bias_gradient; /* among the gradients */
    enum activation activation;
    enum normalization normalization;
    float *scale, *shift, *running_mean, *running_variance; /* among the parameters */
    float *scale_gradient, *shift_gradient;
    float *z, *y, *a, *dz; /* [2B×out]; without a normalization y is z */
    float *mean, *inverse; /* of every column, or every row */
};

struct network {
    struct layer layers[LAYERS_MAX];
    size_t count;
};

/* Everything that a run has. */
struct run {
    const struct options *options;
    size_t batch, trained_count, parameter_count;
    float *parameters, *gradients, *first, *second;
    float *averages; /* of the parameters */
    double power1, power2;
    struct network encoder, decoder;
    float *input, *whole; /* [2B×D], [B×D] */
    float losses[OBJECTIVES_MAX];
};

static float *take(float *values, size_t *offset, size_t count)
{
    *offset += count;
    return values + *offset - count;
}

/* Lays out the layers of a network from *offset on, and its running statistics from *statistics. */
static void place(struct run *run, struct network *network, const uint64_t *widths, size_t count,
    bool activated, size_t *offset, size_t *statistics)
{
    const struct options *options = run->options;
    network->count = count;
    for (size_t l = 0; l < count; l++) {
        struct layer *layer = &network->layers[l];
        size_t again = *offset;
        layer->in = widths[l];
        layer->out = widths[l + 1];
        const size_t rows = 2 * run->batch, elements = rows * layer->out;
        const bool finished = activated || l + 1 < count;
        layer->activation = finished ? options->activation : NONE;
        layer->normalization = finished ? options->normalization : NO_NORMALIZATION;
        layer->weight = take(run->parameters, offset, layer->in * layer->out);
        layer->bias = take(run->parameters, offset, layer->out);
        layer->weight_gradient = take(run->gradients, &again, layer->in * layer->out);
        layer->bias_gradient = take(run->gradients, &again, layer->out);
        layer->z = layer->y = floats(elements);
        layer->a = floats(elements);
        layer->dz = floats(elements);
        if (layer->normalization == NO_NORMALIZATION)
            continue;
        layer->scale = take(run->parameters, offset, layer->out);
        layer->shift = take(run->parameters, offset, layer->out);
        layer->scale_gradient = take(run->gradients, &again, layer->out);
        layer->shift_gradient = take(run->gradients, &again, layer->out);
        layer->y = floats(elements);
        layer->mean = floats(rows + layer->out);
        layer->inverse = floats(rows + layer->out);
        if (layer->normalization == BATCH_NORMALIZATION) {
            layer->running_mean = take(run->parameters, statistics, layer->out);
            layer->running_variance = take(run->parameters, statistics, layer->out);
        }
    }
}

static void fill(float *values, size_t count, float value)
{
    for (size_t i = 0; i < count; i++)
        values[i] = value;
}

static void initialise(float *values, size_t count, size_t in, uint64_t tensor, uint64_t seed)
{
    const float bound = (float)(1.0 / sqrt((double)in));
    for (size_t i = 0; i < count; i++) {
        const float u = host_uniform(host_word(seed, STREAM_PARAMETERS, 0, tensor, i));
        values[i] = (2.0f * u - 1.0f) * bound;
    }
}

static void destroy_layers(struct run *run)
{
    struct network *networks[] = {&run->encoder, &run->decoder};
    for (size_t i = 0; i < 2; i++) {
        for (size_t l = 0; l < networks[i]->count; l++) {
            const struct layer *layer = &networks[i]->layers[l];
            free(layer->z);
            if (layer->y != layer->z)
                free(layer->y);
            free(layer->a);
            free(layer->dz);
            free(layer->mean);
            free(layer->inverse);
            networks[i]->layers[l] = (struct layer){0};
        }
    }
}

static void destroy(struct run *run)
{
    destroy_layers(run);
    free(run->gradients);
    free(run->first);
    free(run->second);
    free(run->input);
    free(run->whole);
}

static void create(struct run *run, const struct options *options)
{
    const size_t layers = options->hidden_count + 1;
    uint64_t down[LAYERS_MAX + 1], up[LAYERS_MAX + 1];
    down[0] = options->columns;
    for (size_t l = 0; l < options->hidden_count; l++)
        down[l + 1] = options->hidden[l];
    down[layers] = options->embedding;
    for (size_t l = 0; l <= layers; l++)
        up[l] = down[layers - l];
    size_t count = 0; /* enough for everything */
    for (size_t l = 0; l < layers; l++)
        count += 2 * down[l] * down[l + 1] + 5 * (down[l] + down[l + 1]);

    *run = (struct run){.options = options};
    run->batch = options->batch ? options->batch : options->rows < 256 ? options->rows : 256;
    run->parameters = floats(count);
    run->gradients = floats(count);
    run->first = floats(count);
    run->second = floats(count);
    run->averages = floats(count);
    run->power1 = run->power2 = 1.0;
    run->input = floats(2 * run->batch * options->columns);
    run->whole = floats(run->batch * options->columns);
    struct network *networks[] = {&run->encoder, &run->decoder};
    for (int pass = 0; pass < 2; pass++) { /* the second knows where the running statistics begin */
        size_t offset = 0, statistics = run->parameter_count;
        if (pass == 1)
            destroy_layers(run);
        place(run, &run->encoder, down, layers, options->activated_embedding, &offset, &statistics);
        place(run, &run->decoder, up, layers, false, &offset, &statistics);
        run->trained_count = offset;
        run->parameter_count = pass == 0 ? offset : statistics;
    }

    uint64_t tensor = 0;
    for (size_t i = 0; i < 2; i++) {
        for (size_t l = 0; l < layers; l++) {
            struct layer *layer = &networks[i]->layers[l];
            initialise(layer->weight, layer->in * layer->out, layer->in, tensor++, options->seed);
            initialise(layer->bias, layer->out, layer->in, tensor++, options->seed);
            if (layer->normalization == NO_NORMALIZATION)
                continue;
            tensor += 2;
            fill(layer->scale, layer->out, 1.0f);
            if (layer->normalization == BATCH_NORMALIZATION)
                fill(layer->running_variance, layer->out, 1.0f);
        }
    }
    memcpy(run->averages, run->parameters, run->parameter_count * sizeof *run->averages);
}

/* "Views" */

static uint64_t mask_element(const struct options *options, uint64_t column)
{
    if (options->mask != BLOCK)
        return column;
    const uint64_t pixel = column / options->channels;
    const uint64_t y = pixel / options->width, x = pixel % options->width;
    const uint64_t across = (options->width + options->side - 1) / options->side;
    return y / options->side * across + x / options->side;
}

static float scaled(const struct options *options, uint64_t at)
{
    return options->bytes ? host_divide((float)options->bytes[at], 255.0f) : options->floats[at];
}

static void make_views(struct run *run, const uint64_t *rows, uint32_t epoch)
{
    const struct options *options = run->options;
    const size_t d = options->columns;
    for (size_t i = 0; i < run->batch; i++) {
        for (size_t j = 0; j < d; j++) {
            const float x = host_flush(scaled(options, rows[i] * d + j));
            const float u = host_uniform(
                host_word(options->seed, STREAM_MASK, epoch, rows[i], mask_element(options, j)));
            const float m = options->mask == UNIFORM ? u : u < options->ratio ? 1.0f : 0.0f;
            run->whole[i * d + j] = x;
            run->input[i * d + j] = host_flush(x * m);
            run->input[(run->batch + i) * d + j] = host_flush(x * (1.0f - m));
        }
    }
}

/* "Forward" */

static float activate(enum activation f, float z)
{
    switch (f) {
    case RELU:
        return z <= 0.0f ? 0.0f : z;
    case GELU:
        return z * (0.5f * (1.0f + host_erf(z * 0x1.6a09e6p-1f)));
    case TANH:
        return host_tanh(z);
    default:
        return z;
    }
}

#define BLOCK 64

static size_t in_block(size_t first, size_t rows)
{
    return rows - first < BLOCK ? rows - first : BLOCK;
}

/* The mean and the inverse deviation of column j, and the running statistics. */
static void column_moments(struct layer *layer, size_t j, size_t rows)
{
    const size_t n = layer->out, blocks = (rows + BLOCK - 1) / BLOCK;
    const float share = host_divide(1.0f, (float)rows);
    float *means = floats(blocks), *squares = floats(blocks), total = 0.0f, all = 0.0f;
    for (size_t b = 0; b < blocks; b++) {
        const size_t count = in_block(b * BLOCK, rows);
        const float *z = layer->z + b * BLOCK * n + j;
        float sum = 0.0f;
        for (size_t i = 0; i < count; i++)
            sum = sum + z[i * n];
        means[b] = sum * host_divide(1.0f, (float)count);
        for (size_t i = 0; i < count; i++)
            squares[b] = fmaf(z[i * n] - means[b], z[i * n] - means[b], squares[b]);
        squares[b] = host_flush(squares[b]);
        means[b] = host_flush(means[b]);
        total = fmaf((float)count, means[b], total);
    }
    const float mean = total * share;
    for (size_t b = 0; b < blocks; b++) {
        const float difference = means[b] - mean;
        all = all + fmaf((float)in_block(b * BLOCK, rows) * difference, difference, squares[b]);
    }
    layer->mean[j] = host_flush(mean);
    layer->inverse[j] = host_divide(1.0f, host_sqrt(all * share + 1e-5f));
    float *running = &layer->running_mean[j];
    *running = host_flush(fmaf(0.1f, mean - *running, *running));
    running = &layer->running_variance[j];
    const float unbiased = all * host_divide(1.0f, (float)rows - 1.0f);
    *running = host_flush(fmaf(0.1f, unbiased - *running, *running));
    free(means);
    free(squares);
}

static void row_moments(struct layer *layer, size_t i)
{
    const size_t n = layer->out;
    const float share = host_divide(1.0f, (float)n);
    const float mean = host_sum(layer->z + i * n, n) * share;
    float *differences = floats(n);
    for (size_t j = 0; j < n; j++)
        differences[j] = layer->z[i * n + j] - mean;
    layer->mean[i] = host_flush(mean);
    layer->inverse[i] =
        host_divide(1.0f, host_sqrt(host_dot(differences, differences, n) * share + 1e-5f));
    free(differences);
}

static float hat(const struct layer *layer, size_t at)
{
    const size_t m =
        layer->normalization == BATCH_NORMALIZATION ? at % layer->out : at / layer->out;
    return host_flush(host_flush(layer->z[at] - layer->mean[m]) * layer->inverse[m]);
}

static void normalise(struct layer *layer, size_t rows)
{
    const size_t n = layer->out;
    if (layer->normalization == BATCH_NORMALIZATION) {
        for (size_t j = 0; j < n; j++)
            column_moments(layer, j, rows);
    } else {
        for (size_t i = 0; i < rows; i++)
            row_moments(layer, i);
    }
    for (size_t at = 0; at < rows * n; at++)
        layer->y[at] = host_flush(fmaf(hat(layer, at), layer->scale[at % n], layer->shift[at % n]));
}

static const float *forward(struct network *network, const float *x, size_t rows)
{
    for (size_t l = 0; l < network->count; l++) {
        struct layer *layer = &network->layers[l];
        host_product(layer->z, rows, layer->out, layer->in, rows_of(x, layer->in),
            transposed(layer->weight, layer->in), 1.0f, 0.0f);
        for (size_t i = 0; i < rows * layer->out; i++)
            layer->z[i] = host_flush(layer->z[i] + layer->bias[i % layer->out]);
        if (layer->normalization != NO_NORMALIZATION)
            normalise(layer, rows);
        for (size_t i = 0; i < rows * layer->out; i++)
            layer->a[i] = activate(layer->activation, layer->y[i]);
        x = layer->a;
    }
    return x;
}

/* "Backward" */

static float derivative(enum activation f, float z, float a)
{
    switch (f) {
    case RELU:
        return a > 0.0f ? 1.0f : 0.0f;
    case TANH:
        return fmaf(-a, a, 1.0f);
    case NONE:
        return 1.0f;
    default:
        return fmaf(z, 0x1.988454p-2f * host_exp(-0.5f * (z * z)),
            0.5f * (1.0f + host_erf(z * 0x1.6a09e6p-1f)));
    }
}

/* Of dy, in dz: the gradients by scale and shift. */
static void column_gradients(struct layer *layer, size_t j, size_t rows)
{
    const size_t n = layer->out;
    float total = 0.0f, along = 0.0f;
    for (size_t first = 0; first < rows; first += BLOCK) {
        float sum = 0.0f, product = 0.0f;
        for (size_t i = first; i < first + in_block(first, rows); i++) {
            sum = sum + layer->dz[i * n + j];
            product = fmaf(layer->dz[i * n + j], hat(layer, i * n + j), product);
        }
        total = total + host_flush(sum);
        along = along + host_flush(product);
    }
    layer->shift_gradient[j] = host_flush(total);
    layer->scale_gradient[j] = host_flush(along);
}

/* factor·(dy − total − x̂·along) */
static float without(float factor, float dy, float total, float x, float along)
{
    return host_flush(factor * host_flush(fmaf(-x, along, host_flush(dy - total))));
}

/* dy, in dz, becomes dz */
static void normalise_backward(struct layer *layer, size_t rows)
{
    const bool batch = layer->normalization == BATCH_NORMALIZATION;
    const size_t n = layer->out;
    const float share = host_divide(1.0f, (float)(batch ? rows : n));
    float *g = floats(n), *hats = floats(n);
    for (size_t j = 0; j < n; j++)
        column_gradients(layer, j, rows);
    for (size_t i = 0; i < rows; i++) {
        float *dz = layer->dz + i * n;
        for (size_t j = 0; j < n; j++) {
            g[j] = host_flush(layer->scale[j] * dz[j]);
            hats[j] = hat(layer, i * n + j);
        }
        const float total = host_flush(host_sum(g, n) * share);
        const float along = host_flush(host_dot(g, hats, n) * share);
        for (size_t j = 0; j < n; j++)
            dz[j] = batch ? without(host_flush(layer->scale[j] * layer->inverse[j]), dz[j],
                                host_flush(layer->shift_gradient[j] * share), hats[j],
                                host_flush(layer->scale_gradient[j] * share))
                          : without(layer->inverse[i], g[j], total, hats[j], along);
    }
    free(g);
    free(hats);
}

/* dx[rows×in] = keep·dx + …, where there is one. The gradient by the output is in the last layer's
 * dz. */
static void backward(struct network *network, const float *x, size_t rows, float *dx, float keep)
{
    const struct layer *last = &network->layers[network->count - 1];
    for (size_t i = 0; i < rows * last->out; i++)
        last->dz[i] =
            last->activation == NONE
                ? last->dz[i]
                : host_flush(last->dz[i] * derivative(last->activation, last->y[i], last->a[i]));
    for (size_t l = network->count; l-- > 0;) {
        struct layer *layer = &network->layers[l];
        struct layer *before = l > 0 ? layer - 1 : NULL;
        if (layer->normalization != NO_NORMALIZATION)
            normalise_backward(layer, rows);
        host_row_sum(layer->bias_gradient, layer->dz, rows, layer->out);
        host_product(layer->weight_gradient, layer->out, layer->in, rows,
            transposed(layer->dz, layer->out), rows_of(before ? before->a : x, layer->in), 1.0f,
            0.0f);
        flush_all(layer->weight_gradient, layer->out * layer->in);
        float *to = before ? before->dz : dx;
        if (!to)
            return;
        host_product(to, rows, layer->in, layer->out, rows_of(layer->dz, layer->out),
            rows_of(layer->weight, layer->in), 1.0f, before ? 0.0f : keep);
        for (size_t i = 0; before && i < rows * layer->in; i++)
            to[i] = to[i] * derivative(before->activation, before->y[i], before->a[i]);
        flush_all(to, rows * layer->in);
    }
}

/* "Objectives" */

static void add(float *gradient, bool accumulate, float d)
{
    *gradient = host_flush(accumulate ? *gradient + d : d);
}

static float cosine(
    const float *z, float *gradient, size_t batch, size_t e, float weight, bool accumulate)
{
    float *losses = floats(batch);
    const float scale = weight / (float)batch;
    for (size_t i = 0; i < batch; i++) {
        const float *p = z + i * e, *q = z + (batch + i) * e;
        const float pp = host_dot(p, p, e) + 1e-12f, qq = host_dot(q, q, e) + 1e-12f;
        const float root = host_sqrt(pp * qq);
        const float cos = host_divide(host_dot(p, q, e), root);
        losses[i] = 1.0f - cos;
        const float f0 = -host_divide(scale, root);
        const float f1 = host_divide(scale * cos, pp), f2 = host_divide(scale * cos, qq);
        for (size_t j = 0; j < e; j++) {
            add(&gradient[i * e + j], accumulate, fmaf(f0, q[j], f1 * p[j]));
            add(&gradient[(batch + i) * e + j], accumulate, fmaf(f0, p[j], f2 * q[j]));
        }
    }
    const float loss = host_total(losses, batch, (float)batch);
    free(losses);
    return loss;
}

/* 1/max(|z|, 1e-12) */
static float inverse_norm(const float *z, size_t e)
{
    return host_divide(1.0f, fmaxf(host_sqrt(host_dot(z, z, e)), 1e-12f));
}

static float ntxent(const float *z, float *gradient, size_t batch, size_t e, float weight,
    float temperature, bool accumulate)
{
    const size_t r = 2 * batch;
    const float inverse_temperature = 1.0f / temperature, scale = weight / (float)r;
    float *inverse = floats(r), *unit = floats(r * e), *s = floats(r * r), *h = floats(r * e);
    float *normalizers = floats(r), *losses = floats(r), *terms = floats(r);
    for (size_t i = 0; i < r; i++) {
        inverse[i] = inverse_norm(z + i * e, e);
        for (size_t j = 0; j < e; j++)
            unit[i * e + j] = host_flush(z[i * e + j] * inverse[i]);
    }
    host_product(s, r, r, e, rows_of(unit, e), transposed(unit, e), inverse_temperature, 0.0f);
    flush_all(s, r * r);
    for (size_t i = 0; i < r; i++) {
        float largest = -INFINITY;
        for (size_t j = 0; j < r; j++)
            largest = j != i ? fmaxf(largest, s[i * r + j]) : largest;
        for (size_t j = 0; j < r; j++)
            terms[j] = j != i ? host_exp(s[i * r + j] - largest) : 0.0f;
        normalizers[i] = largest + host_log(host_sum(terms, r));
        losses[i] = normalizers[i] - s[i * r + (i + batch) % r];
    }
    for (size_t i = 0; i < r; i++) {
        for (size_t j = 0; j < r; j++) {
            float *at = &s[i * r + j];
            const float both = host_exp(*at - normalizers[i]) + host_exp(*at - normalizers[j]);
            const float target = j == (i + batch) % r ? 2.0f : 0.0f;
            *at = j == i ? 0.0f : host_flush(scale * (both - target));
        }
    }
    host_product(h, r, e, r, rows_of(s, r), rows_of(unit, e), inverse_temperature, 0.0f);
    flush_all(h, r * e);
    for (size_t i = 0; i < r; i++) {
        const float along = host_flush(host_dot(unit + i * e, h + i * e, e));
        for (size_t at = i * e; at < (i + 1) * e; at++) {
            const float across = inverse[i] < 1e12f ? fmaf(-along, unit[at], h[at]) : h[at];
            add(&gradient[at], accumulate, across * inverse[i]);
        }
    }
    const float loss = host_total(losses, r, (float)r);
    free(inverse);
    free(unit);
    free(s);
    free(h);
    free(normalizers);
    free(losses);
    free(terms);
    return loss;
}

static float reconstruction(
    struct run *run, const float *z, float *gradient, float weight, bool accumulate)
{
    const size_t batch = run->batch, r = 2 * batch, d = run->options->columns;
    const float elements = (float)((double)r * (double)d);
    const float scale = (2.0f * weight) / elements;
    float *losses = floats(r), *difference = floats(d);
    const float *output = forward(&run->decoder, z, r);
    float *output_gradient = run->decoder.layers[run->decoder.count - 1].dz;
    for (size_t i = 0; i < r; i++) {
        for (size_t j = 0; j < d; j++) {
            difference[j] = output[i * d + j] - run->whole[i % batch * d + j];
            output_gradient[i * d + j] = host_flush(scale * difference[j]);
        }
        losses[i] = host_dot(difference, difference, d);
    }
    backward(&run->decoder, z, r, gradient, accumulate ? 1.0f : 0.0f);
    const float loss = host_total(losses, r, elements);
    free(losses);
    free(difference);
    return loss;
}

#define KNOTS 16 /* of sigreg, that at 0 left out */
#define DIRECTIONS 256
#define SIGREG_WEIGHT 0.05f

/* Normal numbers, a row each direction, of length 1. */
static void draw_directions(float *a, size_t n, uint64_t seed, uint32_t epoch, uint64_t first)
{
    for (size_t at = 0; at < DIRECTIONS * n; at++) {
        const uint32_t word = host_word(seed, STREAM_DIRECTIONS, epoch, first, at) >> 8;
        a[at] = host_quantile((float)(2 * (int32_t)word + 1 - (1 << 24)) * 0x1p-24f);
    }
    for (size_t m = 0; m < DIRECTIONS; m++) {
        const float inverse = inverse_norm(a + m * n, n);
        for (size_t j = 0; j < n; j++)
            a[m * n + j] = host_flush(a[m * n + j] * inverse);
    }
}

/* c and s of knots 1 … 16 */
static void waves(float c[KNOTS], float s[KNOTS], float y)
{
    c[0] = host_cos(0.1875f * y);
    s[0] = host_sin(0.1875f * y);
    for (size_t k = 1; k < KNOTS; k++) {
        c[k] = fmaf(c[k - 1], c[0], -(s[k - 1] * s[0]));
        s[k] = fmaf(s[k - 1], c[0], c[k - 1] * s[0]);
    }
}

/* The means over a view of y's column: of c's knots, then of s's. */
static void characterise(float means[2 * KNOTS], const float *y, size_t batch)
{
    float c[KNOTS], s[KNOTS];
    fill(means, 2 * KNOTS, 0.0f);
    for (size_t first = 0; first < batch; first += BLOCK) {
        float sums[2 * KNOTS] = {0.0f};
        for (size_t i = first; i < first + in_block(first, batch); i++) {
            waves(c, s, y[i * DIRECTIONS]);
            for (size_t k = 0; k < KNOTS; k++) {
                sums[k] = sums[k] + c[k];
                sums[KNOTS + k] = sums[KNOTS + k] + s[k];
            }
        }
        for (size_t k = 0; k < 2 * KNOTS; k++)
            means[k] = means[k] + host_flush(sums[k]);
    }
    for (size_t k = 0; k < 2 * KNOTS; k++)
        means[k] = host_divide(means[k], (float)batch);
}

/* The statistic of a view's column of y, which becomes the gradient. */
static float test_column(float *y, size_t batch, float scale)
{
    float means[2 * KNOTS], slopes[2 * KNOTS], c[KNOTS], s[KNOTS], statistic = 0.0f;
    characterise(means, y, batch);
    for (size_t k = 0; k < KNOTS; k++) {
        const float t = 0.1875f * (float)(k + 1), normal = host_exp(-0.5f * (t * t));
        const float weight = (k < KNOTS - 1 ? 0.375f : 0.1875f) * normal;
        const float real = means[k] - normal, imaginary = means[KNOTS + k];
        statistic = fmaf(weight, fmaf(real, real, imaginary * imaginary), statistic);
        slopes[k] = host_flush((weight * t) * imaginary);
        slopes[KNOTS + k] = host_flush((weight * t) * real);
    }
    for (size_t i = 0; i < batch; i++) {
        float chain = 0.0f;
        waves(c, s, y[i * DIRECTIONS]);
        for (size_t k = 0; k < KNOTS; k++) {
            chain = fmaf(slopes[k], c[k], chain);
            chain = fmaf(-slopes[KNOTS + k], s[k], chain);
        }
        y[i * DIRECTIONS] = host_flush(scale * chain);
    }
    return statistic;
}

static float sigreg(const float *z, float *gradient, const struct options *options, float weight,
    uint32_t epoch, uint64_t first, bool accumulate)
{
    const size_t b = options->batch, n = options->embedding, m = DIRECTIONS;
    const float rest = 1.0f - SIGREG_WEIGHT;
    const float slope = (weight * rest) / (float)(2 * b * n);
    float *a = floats(m * n), *y = floats(2 * b * m), *losses = floats(2 * m + b);
    float *difference = floats(n);
    draw_directions(a, n, options->seed, epoch, first);
    host_product(y, 2 * b, m, n, rows_of(z, n), transposed(a, n), 1.0f, 0.0f);
    flush_all(y, 2 * b * m);
    for (size_t v = 0; v < 2; v++) {
        for (size_t j = 0; j < m; j++) {
            const float statistic =
                test_column(y + v * b * m + j, b, (weight * SIGREG_WEIGHT) / (float)m);
            losses[v * m + j] =
                host_flush(((SIGREG_WEIGHT * (float)b) / (float)(2 * m)) * statistic);
        }
    }
    for (size_t i = 0; i < b; i++) {
        for (size_t j = 0; j < n; j++) {
            difference[j] = z[i * n + j] - z[(b + i) * n + j];
            add(&gradient[i * n + j], accumulate, slope * difference[j]);
            add(&gradient[(b + i) * n + j], accumulate, -(slope * difference[j]));
        }
        losses[2 * m + i] =
            host_flush((rest / (float)(4 * b * n)) * host_dot(difference, difference, n));
    }
    host_product(gradient, 2 * b, n, m, rows_of(y, m), rows_of(a, n), 1.0f, 1.0f);
    flush_all(gradient, 2 * b * n);
    const float loss = host_total(losses, 2 * m + b, 1.0f);
    free(a);
    free(y);
    free(losses);
    free(difference);
    return loss;
}

static void run_objectives(struct run *run, const float *z, uint32_t epoch, uint64_t first)
{
    const struct options *options = run->options;
    float *gradient = run->encoder.layers[run->encoder.count - 1].dz;
    for (size_t i = 0; i < options->objective_count; i++) {
        const float weight = options->weights[i];
        switch (options->objectives[i]) {
        case COSINE:
            run->losses[i] = cosine(z, gradient, run->batch, options->embedding, weight, i > 0);
            break;
        case NT_XENT:
            run->losses[i] = ntxent(
                z, gradient, run->batch, options->embedding, weight, options->temperature, i > 0);
            break;
        case RECONSTRUCTION:
            run->losses[i] = reconstruction(run, z, gradient, weight, i > 0);
            break;
        case SIGREG:
            run->losses[i] = sigreg(z, gradient, options, weight, epoch, first, i > 0);
            break;
        }
    }
}

/* "Optimizers" */

static size_t trained_parameters(const struct run *run)
{
    const struct options *options = run->options;
    for (size_t i = 0; i < options->objective_count; i++) {
        if (options->objectives[i] == RECONSTRUCTION)
            return run->trained_count;
    }
    return (size_t)(run->decoder.layers[0].weight - run->parameters);
}

static double learning_rate(const struct options *options, size_t steps_per_epoch, size_t step)
{
    const double highest = options->learning_rate;
    const double warmup = options->warmup * (double)steps_per_epoch;
    if ((double)step < warmup)
        return highest * ((double)step / warmup);
    if (options->schedule == COSINE_SCHEDULE) {
        const double all = (double)(options->epochs * steps_per_epoch);
        const double x = ((double)step - warmup) / (all - warmup);
        const double y = 0x1.921fb54442d18p+0 * x;
        double c = 1.0;
        for (int n = 12; n >= 1; n--)
            c = 1.0 - y * y / (double)(2 * n * (2 * n - 1)) * c;
        return options->final_rate + (highest - options->final_rate) * (c * c);
    }
    if (options->schedule == STEP_SCHEDULE) {
        double factor = 1.0, square = options->gamma;
        for (size_t k = step / (steps_per_epoch * options->step_epochs); k > 0; k /= 2) {
            factor = k % 2 ? factor * square : factor;
            square = square * square;
        }
        return highest * factor;
    }
    return highest;
}

/* The sums of squares of a vector's blocks; the caller frees them. */
static float *block_squares(size_t *blocks, const float *x, size_t n)
{
    float *squares = floats(n / 1024 + 1);
    *blocks = 0;
    for (size_t at = 0; at < n; at += 1024) {
        const size_t size = n - at < 1024 ? n - at : 1024;
        squares[(*blocks)++] = host_flush(host_dot(x + at, x + at, size));
    }
    return squares;
}

static void clip(struct run *run)
{
    const size_t count = trained_parameters(run);
    size_t blocks;
    float *squares = block_squares(&blocks, run->gradients, count);
    const float norm = host_sqrt(host_total(squares, blocks, 1.0f));
    float factor = host_divide((float)run->options->clip_norm, norm + 1e-6f);
    factor = factor < 1.0f ? factor : 1.0f;
    for (size_t j = 0; j < count; j++)
        run->gradients[j] = host_flush(run->gradients[j] * factor);
    free(squares);
}

static void sgd(struct run *run, double learning_rate)
{
    const struct options *options = run->options;
    const float rate = (float)learning_rate, decay = (float)options->weight_decay;
    const float momentum = (float)options->momentum;
    const size_t count = trained_parameters(run);
    for (size_t j = 0; j < count; j++) {
        float *p = &run->parameters[j];
        float u = fmaf(decay, *p, run->gradients[j]);
        if (momentum != 0.0f) {
            u = fmaf(momentum, run->first[j], u);
            run->first[j] = host_flush(u);
        }
        *p = host_flush(fmaf(-rate, u, *p));
    }
}

static void adam(struct run *run, double learning_rate)
{
    const struct options *options = run->options;
    const bool decoupled = options->optimizer == ADAMW;
    const double decayed = learning_rate * options->weight_decay;
    run->power1 = run->power1 * options->beta1;
    run->power2 = run->power2 * options->beta2;
    const float keep = decoupled ? (float)(1.0 - decayed) : 1.0f;
    const float decay = decoupled ? 0.0f : (float)options->weight_decay;
    const float step = (float)(learning_rate / (1.0 - run->power1));
    const float correction = (float)sqrt(1.0 - run->power2);
    const float rest1 = (float)(1.0 - options->beta1), rest2 = (float)(1.0 - options->beta2);
    const float beta2 = (float)options->beta2, epsilon = (float)options->epsilon;
    const size_t count = trained_parameters(run);
    for (size_t j = 0; j < count; j++) {
        const float p = run->parameters[j] * keep;
        const float g = fmaf(decay, p, run->gradients[j]);
        const float m = host_flush(fmaf(g - run->first[j], rest1, run->first[j]));
        const float v = host_flush(fmaf(rest2 * g, g, beta2 * run->second[j]));
        run->first[j] = m;
        run->second[j] = v;
        const float scale = host_divide(host_sqrt(v), correction) + epsilon;
        run->parameters[j] = host_flush(fmaf(-step, host_flush(host_divide(m, scale)), p));
    }
}

static float norm(const float *x, size_t n)
{
    float *ones = floats(n / 1024 + 1);
    size_t blocks;
    float *squares = block_squares(&blocks, x, n);
    for (size_t b = 0; b < blocks; b++)
        ones[b] = 1.0f;
    const float result =
        host_sqrt(host_dot(squares, ones, blocks)); /* a sum: the products are exact */
    free(squares);
    free(ones);
    return result;
}

static void lars(struct run *run, double learning_rate, size_t at, size_t count, bool matrix)
{
    const struct options *options = run->options;
    const float decay = (float)options->weight_decay, rate = (float)learning_rate;
    const float *g = run->gradients + at;
    float *p = run->parameters + at, *velocity = run->first + at;
    const float p_norm = norm(p, count), g_norm = norm(g, count);
    const bool scaled = matrix && p_norm > 0.0f && g_norm > 0.0f;
    const float ratio = host_divide(p_norm, fmaf(decay, p_norm, g_norm) + (float)options->epsilon);
    const float scale = scaled ? host_flush(0.001f * ratio) : 1.0f;
    for (size_t j = 0; j < count; j++) {
        const float u = scale * fmaf(scaled ? decay : 0.0f, p[j], g[j]);
        const float v = fmaf((float)options->momentum, velocity[j], u);
        velocity[j] = host_flush(v);
        p[j] = host_flush(fmaf(-rate, v, p[j]));
    }
}

static void lamb(struct run *run, double learning_rate, size_t at, size_t count, bool matrix)
{
    const struct options *options = run->options;
    const float decay = matrix ? (float)options->weight_decay : 0.0f, rate = (float)learning_rate;
    const float correction1 = (float)(1.0 - run->power1);
    const float correction2 = (float)sqrt(1.0 - run->power2);
    const float rest1 = (float)(1.0 - options->beta1), rest2 = (float)(1.0 - options->beta2);
    float *p = run->parameters + at, *update = floats(count);
    for (size_t j = 0; j < count; j++) {
        float *m = &run->first[at + j], *v = &run->second[at + j];
        const float g = run->gradients[at + j];
        *m = host_flush(fmaf(g - *m, rest1, *m));
        *v = host_flush(fmaf(rest2 * g, g, (float)options->beta2 * *v));
        const float scale = host_divide(host_sqrt(*v), correction2) + (float)options->epsilon;
        const float u = host_flush(host_divide(host_divide(*m, correction1), scale));
        update[j] = host_flush(fmaf(decay, p[j], u));
    }
    const float p_norm = norm(p, count), u_norm = norm(update, count);
    const bool scaled = matrix && p_norm > 0.0f && u_norm > 0.0f;
    const float ratio = scaled ? host_divide(p_norm, u_norm) : 1.0f;
    for (size_t j = 0; j < count; j++)
        p[j] = host_flush(fmaf(-rate, ratio * update[j], p[j]));
    free(update);
}

/* A step of lars or lamb, tensor by tensor. */
static void layerwise(struct run *run, double learning_rate)
{
    const struct options *options = run->options;
    const size_t end = trained_parameters(run);
    struct network *networks[] = {&run->encoder, &run->decoder};
    run->power1 = run->power1 * options->beta1;
    run->power2 = run->power2 * options->beta2;
    for (size_t i = 0; i < 2; i++) {
        for (size_t l = 0; l < networks[i]->count; l++) {
            const struct layer *layer = &networks[i]->layers[l];
            const size_t weight = (size_t)(layer->weight - run->parameters);
            const size_t bias = (size_t)(layer->bias - run->parameters);
            if (weight >= end)
                return;
            if (options->optimizer == LARS) {
                lars(run, learning_rate, weight, bias - weight, true);
                lars(run, learning_rate, bias, layer->out, false);
            } else {
                lamb(run, learning_rate, weight, bias - weight, true);
                lamb(run, learning_rate, bias, layer->out, false);
            }
        }
    }
}

/* "Averages" */

static void average(struct run *run, uint64_t step)
{
    const double most = (1.0 + (double)step) / (10.0 + (double)step);
    const float rest = (float)(1.0 - fmin(run->options->ema, most));
    for (size_t j = run->trained_count; j < run->parameter_count; j++)
        run->averages[j] = run->parameters[j];
    for (size_t j = 0; j < run->trained_count; j++) {
        const float a = run->averages[j];
        run->averages[j] = host_flush(fmaf(rest, run->parameters[j] - a, a));
    }
}

/* "Metrics" */

static double weighted_loss(const struct run *run)
{
    double loss = 0.0;
    for (size_t i = 0; i < run->options->objective_count; i++)
        loss = loss + (double)run->options->weights[i] * (double)run->losses[i];
    return loss;
}

static double spread(const struct run *run, const float *z)
{
    const size_t batch = run->batch, e = run->options->embedding;
    float *inverse = floats(batch), *deviations = floats(e);
    for (size_t i = 0; i < batch; i++)
        inverse[i] = inverse_norm(z + i * e, e);
    for (size_t j = 0; j < e; j++) {
        float sum = 0.0f, squares = 0.0f;
        for (size_t i = 0; i < batch; i++)
            sum = fmaf(z[i * e + j], inverse[i], sum);
        const float mean = host_divide(sum, (float)batch);
        for (size_t i = 0; i < batch; i++) {
            const float difference = fmaf(z[i * e + j], inverse[i], -mean);
            squares = fmaf(difference, difference, squares);
        }
        deviations[j] = host_sqrt(host_divide(squares, (float)batch));
    }
    const float total = host_total(deviations, e, 1.0f);
    free(inverse);
    free(deviations);
    return (double)total / sqrt((double)e);
}

/* "A run" */

size_t host_train(float **parameters, struct measures **measures, const struct options *options)
{
    struct run run;
    create(&run, options);
    const size_t steps = options->rows / run.batch;
    uint64_t *order = array(options->rows, sizeof *order);
    *measures = array(options->epochs, sizeof **measures);
    for (uint32_t epoch = 0; epoch < options->epochs; epoch++) {
        struct measures *measured = &(*measures)[epoch];
        double sum = 0.0;
        host_order(order, options->rows, options->seed, epoch);
        for (size_t i = 0; i < steps; i++) {
            make_views(&run, order + i * run.batch, epoch);
            const float *z = forward(&run.encoder, run.input, 2 * run.batch);
            run_objectives(&run, z, epoch, i * run.batch);
            measured->loss = weighted_loss(&run);
            measured->spread = run.batch > 1 ? spread(&run, z) : (double)NAN;
            for (size_t o = 0; o < options->objective_count; o++)
                measured->objectives[o] = (double)run.losses[o];
            sum = sum + measured->loss;
            backward(&run.encoder, run.input, 2 * run.batch, NULL, 0.0f);
            if (options->clip_norm > 0.0)
                clip(&run);
            const double rate = learning_rate(options, steps, epoch * steps + i);
            if (options->optimizer == SGD)
                sgd(&run, rate);
            else if (options->optimizer == LARS || options->optimizer == LAMB)
                layerwise(&run, rate);
            else
                adam(&run, rate);
            if (options->ema > 0.0)
                average(&run, epoch * steps + i);
        }
        measured->epoch_loss = sum / (double)steps;
    }
    free(order);
    *parameters = options->ema > 0.0 ? run.averages : run.parameters;
    free(options->ema > 0.0 ? run.parameters : run.averages);
    const size_t count = run.parameter_count;
    destroy(&run);
    return count;
}
