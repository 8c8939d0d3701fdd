/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions of patches whose contrast is normalized, against the formula in double. */
#include <math.h>

#include "support/device.h"

#include "compute/convolution.h"

#define ROWS 3

static const mcl_convolution_shape shapes[] = {
    {{9, 7}, 1, 5, {3, 3}, {1, 1}, {1, 1}, {0, 0}, 0.01f},
    {{8, 8}, 3, 4, {6, 6}, {1, 1}, {1, 1}, {0, 0}, 0.01f}, /* 108 values: more than six lanes */
    {{7, 9}, 2, 3, {4, 2}, {2, 3}, {1, 2}, {1, 1}, 10.0f},
    {{1, 1}, 1, 1, {1, 1}, {1, 1}, {1, 1}, {0, 0}, 0.5f}, /* a patch without variance */
};

#define SHAPES ((int)(sizeof shapes / sizeof *shapes))

/* What a shape is of. */
struct sizes {
    size_t map, patch, positions, weights;
};

static struct sizes sizes_of(const mcl_convolution_shape *shape)
{
    const size_t patch = (size_t)shape->kernel[0] * shape->kernel[1] * shape->channels;
    return (struct sizes){
        .map = (size_t)shape->size[0] * shape->size[1] * shape->channels,
        .patch = patch,
        .positions = (size_t)mcl_convolution_out(shape, 0) * mcl_convolution_out(shape, 1),
        .weights = patch * shape->filters,
    };
}

/* patch[T·C] in the order of torch, (c, ky, kx), at a position of row x. */
static void patch_at(double *patch, const mcl_convolution_shape *shape, const float *x, size_t at)
{
    const uint32_t across = mcl_convolution_out(shape, 1);
    const size_t n = sizes_of(shape).patch;
    double mean = 0.0, variance = 0.0;
    for (size_t k = 0; k < n; k++) {
        const size_t kx = k % shape->kernel[1], ky = k / shape->kernel[1] % shape->kernel[0];
        const size_t c = k / shape->kernel[1] / shape->kernel[0];
        const size_t v =
            at / across * shape->stride[0] + ky * shape->dilation[0] - shape->padding[0];
        const size_t u =
            at % across * shape->stride[1] + kx * shape->dilation[1] - shape->padding[1];
        const bool inside = v < shape->size[0] && u < shape->size[1];
        patch[k] = inside ? (double)x[(v * shape->size[1] + u) * shape->channels + c] : 0.0;
        mean += patch[k] / (double)n;
    }
    for (size_t k = 0; k < n; k++)
        variance += (patch[k] - mean) * (patch[k] - mean) / (double)n;
    for (size_t k = 0; k < n; k++)
        patch[k] = (patch[k] - mean) / sqrt(variance + (double)shape->contrast);
}

static float *random_values(size_t count, uint64_t seed)
{
    float *values = allocate(count, sizeof *values);
    fill_random(values, count, seed);
    return values;
}

static void assert_near(const float *values, const double *expected, size_t count, const char *what)
{
    for (size_t i = 0; i < count; i++)
        REQUIRE(fabs((double)values[i] - expected[i]) <= 2e-5 * (1.0 + fabs(expected[i])),
            "%s %zu is %g and not %g", what, i, (double)values[i], expected[i]);
}

static void run(float *result, float *sums, const mcl_convolution_shape *shape,
    mcl_convolution_pass pass, const float *x, const float *other)
{
    const struct sizes sizes = sizes_of(shape);
    const size_t outputs = ROWS * sizes.positions * shape->filters;
    const bool forward = pass == MCL_CONVOLUTION_FORWARD;
    const mcl_epilogue epilogue = {.kind = MCL_EPILOGUE_FORWARD, .activation = MCL_ACTIVATION_NONE};
    const size_t count = forward ? outputs : sizes.weights;
    mcl_convolution *convolution;
    ASSERT_OK(mcl_convolution_create(
        &convolution, context, shape, pass, ROWS, forward ? &epilogue : NULL));
    cl_mem input = buffer_with(x, ROWS * sizes.map * sizeof *x);
    cl_mem given = buffer_with(other, (forward ? sizes.weights : outputs) * sizeof *x);
    cl_mem bias = buffer_with(sums, shape->filters * sizeof *x);
    cl_mem written = buffer_with(result, count * sizeof *x);
    const mcl_operands operands = {
        .a = {forward ? input : given, 0},
        .b = {forward ? given : input, 0},
        .c = {written, 0},
        .m = ROWS,
        .bias = {bias, 0},
    };
    ASSERT_OK(mcl_convolution_run(convolution, &operands));
    read_buffer(result, written, count * sizeof *x);
    mcl_buffer_release(&input);
    mcl_buffer_release(&given);
    mcl_buffer_release(&bias);
    mcl_buffer_release(&written);
    mcl_convolution_free(convolution);
}

static void check(const mcl_convolution_shape *shape)
{
    const struct sizes sizes = sizes_of(shape);
    const size_t filters = shape->filters, outputs = ROWS * sizes.positions * filters;
    float *x = random_values(ROWS * sizes.map, 1), *w = random_values(sizes.weights, 2);
    float *dy = random_values(outputs, 3), *bias = random_values(filters, 4);
    float *y = allocate(outputs, sizeof *y), *dw = allocate(sizes.weights, sizeof *dw);
    double *expected_y = allocate(outputs, sizeof *expected_y);
    double *expected_dw = allocate(sizes.weights, sizeof *expected_dw);
    double *patch = allocate(sizes.patch, sizeof *patch);
    for (size_t i = 0; i < ROWS * sizes.positions; i++) {
        patch_at(patch, shape, x + i / sizes.positions * sizes.map, i % sizes.positions);
        for (size_t o = 0; o < filters; o++) {
            expected_y[i * filters + o] = (double)bias[o];
            for (size_t k = 0; k < sizes.patch; k++) {
                expected_y[i * filters + o] += patch[k] * (double)w[o * sizes.patch + k];
                expected_dw[o * sizes.patch + k] += patch[k] * (double)dy[i * filters + o];
            }
        }
    }
    run(y, bias, shape, MCL_CONVOLUTION_FORWARD, x, w);
    assert_near(y, expected_y, outputs, "output");
    run(dw, bias, shape, MCL_CONVOLUTION_BY_WEIGHT, x, dy);
    assert_near(dw, expected_dw, sizes.weights, "gradient");
    free(x);
    free(w);
    free(dy);
    free(bias);
    free(y);
    free(dw);
    free(expected_y);
    free(expected_dw);
    free(patch);
}

START_TEST(test_formula)
{
    check(&shapes[_i]);
}
END_TEST

/* Both mappings of work-items give the same bits. */
START_TEST(test_mappings)
{
    const mcl_convolution_shape *shape = &shapes[_i];
    const struct sizes sizes = sizes_of(shape);
    const size_t outputs = ROWS * sizes.positions * shape->filters;
    float *x = random_values(ROWS * sizes.map, 1), *w = random_values(sizes.weights, 2);
    float *bias = random_values(shape->filters, 3);
    float *y[2] = {allocate(outputs, sizeof **y), allocate(outputs, sizeof **y)};
    for (int k = 0; k < 2; k++) {
        run(y[k], bias, shape, MCL_CONVOLUTION_FORWARD, x, w);
        context_teardown();
        context_setup_spread();
    }
    ck_assert_mem_eq(y[0], y[1], outputs * sizeof **y);
    free(x);
    free(w);
    free(bias);
    free(y[0]);
    free(y[1]);
}
END_TEST

START_TEST(test_no_gradient_by_the_input)
{
    mcl_convolution *convolution;
    ck_assert_int_eq(mcl_convolution_create(
                         &convolution, context, &shapes[0], MCL_CONVOLUTION_BY_INPUT, ROWS, NULL),
        MCL_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mcl_error_message(), "can only be the first layer"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("contrast");
    TCase *tcase = tcase_create("contrast");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, context_setup, context_teardown);
    tcase_add_loop_test(tcase, test_formula, 0, SHAPES);
    tcase_add_loop_test(tcase, test_mappings, 0, SHAPES);
    tcase_add_test(tcase, test_no_gradient_by_the_input);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
