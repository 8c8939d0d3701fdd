/* SPDX-License-Identifier: Apache-2.0 */
/* Filters from the data against numpy's, and what cannot be had. */
#include "support/fixtures.h"

#include "data/data.h"
#include "evaluate/eigenvalues.h"
#include "maskcl/data.h"
#include "train/filters.h"

/* As tools/fixtures/filters.py has them. */
static const struct trial {
    const char *name;
    uint64_t shape[4];
    bool bytes;
    uint32_t kernel[2], filters;
    float contrast;
    mcl_filter_options options;
    uint64_t seed;
} trials[] = {
    {"patches", {23, 7, 6, 2}, false, {3, 4}, 8, 0.01f,
        {MCL_FILTERS_PATCHES, 0.05f, 0.1f, 0.25f, false}, 3},
    {"kmeans", {23, 7, 6, 2}, false, {2, 3}, 5, 0.01f,
        {MCL_FILTERS_KMEANS, 0.05f, 0.1f, 0.25f, false}, ((uint64_t)1 << 40) + 1},
    {"bytes", {19, 9, 8}, true, {3, 3}, 6, 0.0f, {MCL_FILTERS_PATCHES, 0.3f, 0.5f, -0.1f, true}, 0},
};

#define TRIALS ((int)(sizeof trials / sizeof *trials))

static void setup(void)
{
    fixtures_open("filters.safetensors");
}

static void teardown(void)
{
    fixtures_close();
}

static mcl_convolution_shape shape_of(const struct trial *trial)
{
    const uint32_t channels = trial->shape[3] ? (uint32_t)trial->shape[3] : 1;
    return (mcl_convolution_shape){
        .size = {(uint32_t)trial->shape[1], (uint32_t)trial->shape[2]},
        .channels = channels,
        .filters = trial->filters,
        .kernel = {trial->kernel[0], trial->kernel[1]},
        .stride = {1, 1},
        .dilation = {1, 1},
        .contrast = trial->contrast,
    };
}

static mcl_data *images_of(const struct trial *trial)
{
    mcl_array_description array = {
        .values = stored(trial->name, "images")->values,
        .type = trial->bytes ? MCL_NUMBER_UINT8 : MCL_NUMBER_FLOAT32,
        .dimensions = trial->shape[3] ? 4 : 3,
    };
    mcl_data *data;
    memcpy(array.shape, trial->shape, sizeof trial->shape);
    ASSERT_OK(mcl_data_from_memory(&data, &array));
    return data;
}

START_TEST(test_filters)
{
    const struct trial *trial = &trials[_i];
    const mcl_convolution_shape shape = shape_of(trial);
    const size_t n = (size_t)shape.kernel[0] * shape.kernel[1] * shape.channels;
    float *weights = allocate(shape.filters, n * sizeof *weights);
    float *bias = allocate(shape.filters, sizeof *bias);
    mcl_data *data = images_of(trial);
    ASSERT_OK(mcl_filters_fit(weights, bias, &shape, data, &trial->options, trial->seed));
    assert_tensor(trial->name, "weight", weights, shape.filters * n);
    assert_tensor(trial->name, "bias", bias, shape.filters);
    mcl_data_free(data);
    free(weights);
    free(bias);
}
END_TEST

static void assert_refused(const mcl_convolution_shape *shape, const mcl_filter_options *options,
    mcl_status status, const char *why)
{
    mcl_data *data = images_of(&trials[0]);
    float weights[1], bias[1]; /* nothing is written */
    ck_assert_int_eq(mcl_filters_fit(weights, bias, shape, data, options, 0), status);
    ck_assert_msg(strstr(mcl_error_message(), why) != NULL, "%s", mcl_error_message());
    mcl_data_free(data);
}

START_TEST(test_what_cannot_be_had)
{
    const mcl_convolution_shape good = shape_of(&trials[0]);
    mcl_convolution_shape shape = good;
    mcl_filter_options options = trials[0].options;
    shape.kernel[0] = 9;
    shape.padding[0] = 4;
    assert_refused(&shape, &options, MCL_ERROR_ARGUMENT, "9 × 4 from data whose rows are 7 × 6");
    shape = good;
    shape.channels = 100;
    assert_refused(&shape, &options, MCL_ERROR_ARGUMENT, "1024 are the most");
    shape.channels = shape.kernel[0] = shape.kernel[1] = 1;
    assert_refused(&shape, &options, MCL_ERROR_ARGUMENT, "a single value");
    shape = good;
    shape.filters = 7;
    options.two_sided = true;
    assert_refused(&shape, &options, MCL_ERROR_ARGUMENT, "use an even number");
    options = trials[0].options;
    options.deviation = 3.0f;
    assert_refused(&good, &options, MCL_ERROR_DATA, "0 vary by more than 3, and 8 filters");
}
END_TEST

/* a = Σ λ·v·vᵀ, and the v are orthonormal. */
START_TEST(test_eigenvectors)
{
    enum { N = 31 };
    double a[N * N], original[N * N], v[N * N];
    float values[N * N];
    fill_random(values, N * N, 1);
    for (size_t i = 0; i < N * N; i++)
        original[i] = a[i] = (double)values[i] + (double)values[i % N * N + i / N];
    mcl_eigenvectors(v, a, N);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            double sum = 0.0, product = 0.0;
            for (size_t k = 0; k < N; k++) {
                sum += a[k * N + k] * v[k * N + i] * v[k * N + j];
                product += v[i * N + k] * v[j * N + k];
            }
            REQUIRE(fabs(sum - original[i * N + j]) < 1e-12, "element %zu, %zu", i, j);
            REQUIRE(fabs(product - (i == j)) < 1e-12, "vectors %zu and %zu", i, j);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("filters");
    TCase *tcase = tcase_create("filters");
    tcase_set_timeout(tcase, 120);
    tcase_add_unchecked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_filters, 0, TRIALS);
    tcase_add_test(tcase, test_what_cannot_be_had);
    tcase_add_test(tcase, test_eigenvectors);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
