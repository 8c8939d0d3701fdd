/* SPDX-License-Identifier: Apache-2.0 */
#include "train/filters.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/names.h"
#include "base/random.h"
#include "data/data.h"
#include "evaluate/eigenvalues.h"
#include "model/architecture.h"

#define PATCHES_MOST 100000             /* that are whitened and clustered */
#define VALUES_MOST ((uint64_t)1 << 23) /* of all patches */
#define DRAWS 20                        /* for each of them, until they are given up */
#define ROWS_READ 64                    /* rows that are read at once */
#define LLOYD_STEPS 10

static const char *const names[] = {[MCL_FILTERS_RANDOM] = "random",
    [MCL_FILTERS_PATCHES] = "patches",
    [MCL_FILTERS_KMEANS] = "kmeans"};

#define NAMES (sizeof names / sizeof *names)

mcl_status mcl_filters_parse(mcl_filters *filters, const char *text)
{
    size_t index;
    MCL_TRY(mcl_name_parse(&index, text, names, NAMES, "kind of filters"));
    *filters = (mcl_filters)index;
    return MCL_OK;
}

const char *mcl_filters_name(mcl_filters filters)
{
    return mcl_name_of(names, NAMES, (size_t)filters);
}

mcl_status mcl_filters_check(const mcl_filter_options *options)
{
    if ((size_t)options->kind >= NAMES)
        return mcl_fail(
            MCL_ERROR_ARGUMENT, "%d is no number of a kind of filters", (int)options->kind);
    if (!(options->deviation >= 0.0f && options->deviation < INFINITY))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "patches that vary by more than %g: the `filter_deviation` must be 0 or more",
            (double)options->deviation);
    if (!(options->whitening > 0.0f && options->whitening < INFINITY))
        return mcl_fail(MCL_ERROR_ARGUMENT, "a `filter_whitening` of %g: it must be above 0",
            (double)options->whitening);
    if (!isfinite(options->threshold))
        return mcl_fail(MCL_ERROR_ARGUMENT, "a `filter_threshold` of %g: it must be finite",
            (double)options->threshold);
    return MCL_OK;
}

/* The patches, and what is made of them. n is the number of values of one, in the order of torch's
 * weights: (c, ky, kx). */
struct bank {
    const mcl_convolution_shape *shape;
    const mcl_data *data;
    const mcl_filter_options *options;
    uint64_t seed;
    size_t n, filters; /* without the negatives of two-sided ones */
    uint64_t count;
    double *patches;     /* [count×n], whitened at last */
    double *mean;        /* [n] */
    double *covariance;  /* [n×n]; the eigenvalues on its diagonal at last */
    double *vectors;     /* [n×n] eigenvectors, a row each */
    double *whitening;   /* [n×n] W */
    double *found;       /* [filters×n] d */
    double *by_value;    /* [n×filters] the same, transposed */
    double *space;       /* [filters] or [n], whichever is more */
    double *sums;        /* [filters×n] of a step of k-means */
    unsigned char *rows; /* [ROWS_READ] in the data's own type */
};

static mcl_status check(const struct bank *bank)
{
    const mcl_convolution_shape *shape = bank->shape;
    const mcl_filter_options *options = bank->options;
    for (int d = 0; d < 2; d++) {
        if (shape->kernel[d] > shape->size[d])
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "filters of %" PRIu32 " × %" PRIu32 " from data whose rows are %" PRIu32
                " × %" PRIu32 ": use a smaller kernel, or larger rows",
                shape->kernel[0], shape->kernel[1], shape->size[0], shape->size[1]);
    }
    if (bank->n > MCL_FILTER_VALUES_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "filters of %" PRIu32 " × %" PRIu32 " × %" PRIu32
            " values cannot be taken from the data: %d are the most, use a smaller kernel",
            shape->kernel[0], shape->kernel[1], shape->channels, MCL_FILTER_VALUES_MAX);
    if (bank->n < 2)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "filters of a single value cannot be taken from the data: use a larger kernel");
    if (options->two_sided && shape->filters % 2 != 0)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%" PRIu32 " filters cannot be two-sided, that is pairs: use an even number",
            shape->filters);
    return MCL_OK;
}

static double value_of(const struct bank *bank, const unsigned char *row, size_t at)
{
    if (mcl_data_element(bank->data) == MCL_ELEMENT_UINT8)
        return (double)((float)row[at] / 255.0f);
    float value;
    memcpy(&value, row + at * sizeof value, sizeof value);
    return (double)value;
}

/* Copies the patch at (y, x) of a row. */
static void cut(
    double *patch, const struct bank *bank, const unsigned char *row, size_t y, size_t x)
{
    const mcl_convolution_shape *shape = bank->shape;
    for (size_t c = 0; c < shape->channels; c++) {
        for (size_t ky = 0; ky < shape->kernel[0]; ky++) {
            for (size_t kx = 0; kx < shape->kernel[1]; kx++)
                *patch++ =
                    value_of(bank, row, ((y + ky) * shape->size[1] + x + kx) * shape->channels + c);
        }
    }
}

/* Normalizes a patch as the convolution does. False where it varies too little to be kept. */
static bool normalize(double *patch, const struct bank *bank)
{
    const double n = (double)bank->n, contrast = (double)bank->shape->contrast;
    double sum = 0.0, squares = 0.0;
    for (size_t k = 0; k < bank->n; k++)
        sum += patch[k];
    const double mean = sum / n;
    for (size_t k = 0; k < bank->n; k++)
        squares += (patch[k] - mean) * (patch[k] - mean);
    const double variance = squares / n;
    if (!(sqrt(variance) > (double)bank->options->deviation))
        return false;
    const double length = contrast > 0.0 ? sqrt(variance + contrast) : 1.0;
    for (size_t k = 0; k < bank->n && contrast > 0.0; k++)
        patch[k] = (patch[k] - mean) / length;
    return true;
}

/* Keeps those of the patches with the numbers first … first+ROWS_READ-1 that vary, up to `most`. */
static mcl_status draw_some(struct bank *bank, uint64_t first, uint64_t most)
{
    const mcl_convolution_shape *shape = bank->shape;
    const size_t row =
        (size_t)mcl_data_columns(bank->data) * mcl_element_size(mcl_data_element(bank->data));
    uint64_t numbers[ROWS_READ];
    uint32_t words[ROWS_READ][4];
    for (uint64_t i = 0; i < ROWS_READ; i++) {
        mcl_random_words(words[i], bank->seed, MCL_STREAM_FILTERS, 0, 0, first + i, 0);
        numbers[i] = ((uint64_t)words[i][0] << 32 | words[i][1]) % mcl_data_rows(bank->data);
    }
    MCL_TRY(mcl_data_gather(bank->rows, bank->data, numbers, ROWS_READ));
    for (uint64_t i = 0; i < ROWS_READ && bank->count < most; i++) {
        double *patch = bank->patches + bank->count * bank->n;
        cut(patch, bank, bank->rows + i * row,
            words[i][2] % (shape->size[0] - shape->kernel[0] + 1),
            words[i][3] % (shape->size[1] - shape->kernel[1] + 1));
        bank->count += normalize(patch, bank);
    }
    return MCL_OK;
}

static uint64_t patches_wanted(const struct bank *bank)
{
    const uint64_t most = VALUES_MOST / bank->n;
    const uint64_t count = most < PATCHES_MOST ? most : PATCHES_MOST;
    return count < bank->filters ? bank->filters : count;
}

static mcl_status draw(struct bank *bank)
{
    const uint64_t most = patches_wanted(bank);
    for (uint64_t first = 0; first < DRAWS * most && bank->count < most; first += ROWS_READ)
        MCL_TRY(draw_some(bank, first, most));
    if (bank->count >= bank->filters)
        return MCL_OK;
    return mcl_fail(MCL_ERROR_DATA,
        "%s: of %" PRIu64 " patches %" PRIu64 " vary by more than %g, and %zu filters are wanted: "
        "use a lower `filter_deviation`, or `filters` random",
        mcl_data_source(bank->data), DRAWS * most, bank->count, (double)bank->options->deviation,
        bank->filters);
}

/* The mean and the covariance of the patches. */
static void measure(struct bank *bank)
{
    const size_t n = bank->n;
    const double count = (double)bank->count;
    double *centred = bank->space;
    for (uint64_t i = 0; i < bank->count; i++) {
        for (size_t k = 0; k < n; k++)
            bank->mean[k] += bank->patches[i * n + k];
    }
    for (size_t k = 0; k < n; k++)
        bank->mean[k] /= count;
    for (uint64_t i = 0; i < bank->count; i++) {
        for (size_t k = 0; k < n; k++)
            centred[k] = bank->patches[i * n + k] - bank->mean[k];
        for (size_t j = 0; j < n; j++) {
            double *row = bank->covariance + j * n;
            for (size_t k = 0; k < n; k++)
                row[k] += centred[j] * centred[k];
        }
    }
    for (size_t k = 0; k < n * n; k++)
        bank->covariance[k] /= count;
}

/* W of the covariance, and the patches whitened by it. */
static void whiten(struct bank *bank)
{
    const size_t n = bank->n;
    double *z = bank->space;
    mcl_eigenvectors(bank->vectors, bank->covariance, n);
    for (size_t k = 0; k < n; k++) {
        const double value = bank->covariance[k * n + k];
        const double factor =
            1.0 / sqrt((value > 0.0 ? value : 0.0) + (double)bank->options->whitening);
        const double *vector = bank->vectors + k * n;
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < n; j++)
                bank->whitening[i * n + j] += factor * vector[i] * vector[j];
        }
    }
    for (uint64_t i = 0; i < bank->count; i++) {
        double *patch = bank->patches + i * n;
        memset(z, 0, n * sizeof *z);
        for (size_t j = 0; j < n; j++) {
            const double value = patch[j] - bank->mean[j];
            const double *row = bank->whitening + j * n; /* W is symmetric */
            for (size_t k = 0; k < n; k++)
                z[k] += value * row[k];
        }
        memcpy(patch, z, n * sizeof *z);
    }
}

/* Makes a vector one of length 1; 0 stays. */
static void shorten(double *vector, size_t n)
{
    double squares = 0.0;
    for (size_t k = 0; k < n; k++)
        squares += vector[k] * vector[k];
    const double length = sqrt(squares);
    for (size_t k = 0; k < n && length > 0.0; k++)
        vector[k] /= length;
}

/* The filter that is most like a patch, and how much: their product. */
static size_t nearest(double *product, struct bank *bank, const double *patch)
{
    const size_t filters = bank->filters;
    double *products = bank->space;
    size_t best = 0;
    memset(products, 0, filters * sizeof *products);
    for (size_t k = 0; k < bank->n; k++) {
        const double value = patch[k];
        const double *row = bank->by_value + k * filters;
        for (size_t f = 0; f < filters; f++)
            products[f] += value * row[f];
    }
    for (size_t f = 1; f < filters; f++)
        best = products[f] > products[best] ? f : best;
    *product = products[best];
    return best;
}

/* A step of spherical k-means (Coates and Ng 2012): a filter becomes the sum of itself and the
 * patches that are most like it, each times how much it is. */
static void step(struct bank *bank)
{
    const size_t n = bank->n, filters = bank->filters;
    for (size_t f = 0; f < filters; f++) {
        for (size_t k = 0; k < n; k++)
            bank->by_value[k * filters + f] = bank->found[f * n + k];
    }
    memcpy(bank->sums, bank->found, filters * n * sizeof *bank->sums);
    for (uint64_t i = 0; i < bank->count; i++) {
        const double *patch = bank->patches + i * n;
        double product;
        double *sum = bank->sums + nearest(&product, bank, patch) * n;
        for (size_t k = 0; k < n; k++)
            sum[k] += product * patch[k];
    }
    memcpy(bank->found, bank->sums, filters * n * sizeof *bank->sums);
    for (size_t f = 0; f < filters; f++)
        shorten(bank->found + f * n, n);
}

/* The convolution's weights and bias of filter f, and of its negative where there is one. */
static void store(float *weights, float *bias, struct bank *bank, size_t f)
{
    const size_t n = bank->n;
    const double *filter = bank->found + f * n, threshold = (double)bank->options->threshold;
    double *row = bank->space, shift = 0.0;
    memset(row, 0, n * sizeof *row);
    for (size_t j = 0; j < n; j++) {
        for (size_t k = 0; k < n; k++)
            row[k] += filter[j] * bank->whitening[j * n + k];
    }
    for (size_t k = 0; k < n; k++) {
        shift += row[k] * bank->mean[k];
        weights[f * n + k] = (float)row[k];
    }
    bias[f] = (float)(-shift - threshold);
    if (!bank->options->two_sided)
        return;
    for (size_t k = 0; k < n; k++)
        weights[(bank->filters + f) * n + k] = (float)-row[k];
    bias[bank->filters + f] = (float)(shift - threshold);
}

static mcl_status allocate(struct bank *bank)
{
    const uint64_t n = bank->n, filters = bank->filters;
    const bool clusters = bank->options->kind == MCL_FILTERS_KMEANS;
    const size_t value = sizeof(double);
    MCL_TRY(mcl_allocate(&bank->patches, patches_wanted(bank), n * value));
    MCL_TRY(mcl_allocate(&bank->mean, n, value));
    MCL_TRY(mcl_allocate(&bank->covariance, n, n * value));
    MCL_TRY(mcl_allocate(&bank->vectors, n, n * value));
    MCL_TRY(mcl_allocate(&bank->whitening, n, n * value));
    MCL_TRY(mcl_allocate(&bank->found, filters, n * value));
    MCL_TRY(mcl_allocate(&bank->space, n > filters ? n : filters, value));
    if (clusters)
        MCL_TRY(mcl_allocate(&bank->by_value, filters, n * value));
    if (clusters)
        MCL_TRY(mcl_allocate(&bank->sums, filters, n * value));
    return mcl_allocate(&bank->rows, ROWS_READ,
        (size_t)mcl_data_columns(bank->data) * mcl_element_size(mcl_data_element(bank->data)));
}

static mcl_status fit(float *weights, float *bias, struct bank *bank)
{
    const size_t n = bank->n;
    const int steps = bank->options->kind == MCL_FILTERS_KMEANS ? LLOYD_STEPS : 0;
    MCL_TRY(check(bank));
    MCL_TRY(allocate(bank));
    MCL_TRY(draw(bank));
    measure(bank);
    whiten(bank);
    memcpy(bank->found, bank->patches, bank->filters * n * sizeof *bank->found);
    for (size_t f = 0; f < bank->filters; f++)
        shorten(bank->found + f * n, n);
    for (int i = 0; i < steps; i++)
        step(bank);
    for (size_t f = 0; f < bank->filters; f++)
        store(weights, bias, bank, f);
    return MCL_OK;
}

mcl_status mcl_filters_fit(float *weights, float *bias, const mcl_convolution_shape *shape,
    const mcl_data *data, const mcl_filter_options *options, uint64_t seed)
{
    struct bank bank = {
        .shape = shape,
        .data = data,
        .options = options,
        .seed = seed,
        .n = (size_t)shape->kernel[0] * shape->kernel[1] * shape->channels,
        .filters = options->two_sided ? shape->filters / 2 : shape->filters,
    };
    const mcl_status status = fit(weights, bias, &bank);
    free(bank.patches);
    free(bank.mean);
    free(bank.covariance);
    free(bank.vectors);
    free(bank.whitening);
    free(bank.found);
    free(bank.by_value);
    free(bank.space);
    free(bank.sums);
    free(bank.rows);
    return status;
}

mcl_status mcl_filters_begin(
    mcl_model *model, const mcl_data *data, const mcl_pretrain_options *options)
{
    const mcl_architecture *architecture = mcl_model_architecture(model);
    mcl_layer layers[MCL_LAYERS_MAX];
    mcl_words words;
    if (options->filters.kind == MCL_FILTERS_RANDOM)
        return MCL_OK;
    MCL_TRY(mcl_words_parse(&words, architecture->encoder));
    const bool convolution = words.count > 0 && (words.of[0].kind == MCL_WORD_CONV ||
                                                    words.of[0].kind == MCL_WORD_CONV1D ||
                                                    words.of[0].kind == MCL_WORD_PATCHES);
    if (!convolution)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "`filters` from the data: they are of a convolution that is the first layer of the "
            "encoder, and %s is none: use `encoder` patches, or another one",
            words.count > 0 ? "this one's" : "that of a dense encoder");
    if (options->init)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "`filters` from the data would take the place of those of the model to begin with: "
            "use one of the two");
    mcl_part_layers(layers, architecture, MCL_PART_ENCODER);
    const mcl_convolution_shape *shape = &layers[0].options.convolution;
    const uint64_t weights =
        (uint64_t)shape->filters * shape->channels * shape->kernel[0] * shape->kernel[1];
    float *at = mcl_model_parameters(model, NULL, NULL) + layers[0].parameters;
    return mcl_filters_fit(at, at + weights, shape, data, &options->filters, options->train.seed);
}
