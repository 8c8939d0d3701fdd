/* SPDX-License-Identifier: Apache-2.0 */
/* The three products of a convolution, bit by bit against loops on the host in the order that
 * compute/convolution.h defines. */
#include <math.h>

#include "support/product.h"

#include "compute/convolution.h"

#define GUARDS 7

/* A convolution, and for how many rows it is planned and run. */
struct problem {
    mcl_convolution_shape shape;
    uint32_t planned, rows;
};

#define SQUARE(size_, channels_, filters_, kernel_, stride_, dilation_, padding_)                  \
    {                                                                                              \
        {(size_), (size_)}, (channels_), (filters_), {(kernel_), (kernel_)},                       \
            {(stride_), (stride_)}, {(dilation_), (dilation_)}, {(padding_), (padding_)}, 0.0f     \
    }

static const struct problem problems[] = {
    {SQUARE(1, 1, 1, 1, 1, 1, 0), 1, 1},
    {SQUARE(1, 3, 5, 3, 1, 1, 1), 3, 2},   /* a kernel larger than its map */
    {SQUARE(1, 129, 6, 5, 1, 1, 2), 2, 2}, /* nothing but padding around one value */
    {SQUARE(9, 1, 7, 5, 2, 1, 2), 5, 5},
    {SQUARE(8, 3, 33, 3, 1, 1, 1), 4, 4},
    {SQUARE(7, 129, 3, 3, 1, 1, 1), 2, 1},
    {SQUARE(6, 4, 129, 3, 2, 1, 0), 3, 3},
    {SQUARE(10, 16, 32, 3, 3, 1, 1), 4, 3},  /* strides beyond the kernel's phases */
    {SQUARE(5, 17, 8, 1, 1, 1, 0), 9, 9},    /* a product of each position alone */
    {SQUARE(7, 6, 10, 2, 4, 1, 0), 3, 3},    /* positions that nothing reads */
    {SQUARE(11, 5, 9, 3, 2, 3, 4), 3, 3},    /* dilated */
    {SQUARE(5, 2, 3, 7, 3, 1, 6), 3, 2},     /* patches of padding alone */
    {SQUARE(12, 3, 20, 3, 1, 1, 1), 21, 21}, /* segments of 4 rows, the last of 1 */
    {SQUARE(12, 3, 20, 3, 1, 1, 1), 21, 6},  /* fewer rows, of shorter segments */
    {SQUARE(16, 16, 16, 3, 1, 1, 1), 3, 3},  /* channels of whole vectors */
    {{{40, 1}, 6, 11, {9, 1}, {2, 1}, {1, 1}, {4, 0}, 0.0f}, 5, 5}, /* a series */
    {{{3, 14}, 2, 5, {1, 4}, {1, 3}, {2, 2}, {0, 3}, 0.0f}, 4, 4},
    {{{9, 4}, 7, 19, {4, 3}, {3, 2}, {1, 2}, {2, 1}, 0.0f}, 6, 6},
    {SQUARE(14, 32, 40, 3, 1, 1, 1), 5, 5}, /* several blocks of everything */
    {SQUARE(28, 1, 64, 5, 2, 1, 2), 6, 6},
};
#define PROBLEMS (sizeof problems / sizeof *problems)

/* The sizes of what a problem has. */
struct sizes {
    uint32_t taps, out[2];
    size_t positions, x, w, y;
};

static struct sizes sizes_of(const struct problem *problem)
{
    const mcl_convolution_shape *s = &problem->shape;
    struct sizes sizes = {.taps = s->kernel[0] * s->kernel[1],
        .out = {mcl_convolution_out(s, 0), mcl_convolution_out(s, 1)}};
    sizes.positions = (size_t)sizes.out[0] * sizes.out[1];
    sizes.x = (size_t)problem->planned * s->size[0] * s->size[1] * s->channels;
    sizes.w = (size_t)s->filters * s->channels * sizes.taps;
    sizes.y = problem->planned * sizes.positions * s->filters;
    return sizes;
}

/* Where tap k reads of a map for output y, or UINT32_MAX: padding. */
static uint32_t place(const mcl_convolution_shape *s, int d, uint32_t y, uint32_t k)
{
    const int64_t at =
        (int64_t)y * s->stride[d] + (int64_t)k * s->dilation[d] - (int64_t)s->padding[d];
    return at >= 0 && at < s->size[d] ? (uint32_t)at : UINT32_MAX;
}

/* x at a tap's place for an output position of a row, or 0. */
static float value_at(const struct problem *problem, const float *x, uint32_t r, uint32_t y,
    uint32_t across, uint32_t ky, uint32_t kx, uint32_t c)
{
    const mcl_convolution_shape *s = &problem->shape;
    const uint32_t down = place(s, 0, y, ky), right = place(s, 1, across, kx);
    if (down == UINT32_MAX || right == UINT32_MAX)
        return 0.0f;
    return x[(((size_t)r * s->size[0] + down) * s->size[1] + right) * s->channels + c];
}

static float weight_at(
    const struct problem *problem, const float *w, uint32_t o, uint32_t c, uint32_t ky, uint32_t kx)
{
    const mcl_convolution_shape *s = &problem->shape;
    return w[(((size_t)o * s->channels + c) * s->kernel[0] + ky) * s->kernel[1] + kx];
}

/* y[R×H'×W'×O] = relu(x * w + bias) */
static void convolve(
    float *to, const struct problem *problem, const float *x, const float *w, const float *bias)
{
    const mcl_convolution_shape *s = &problem->shape;
    const struct sizes sizes = sizes_of(problem);
    for (uint32_t i = 0; i < problem->rows * sizes.positions; i++) {
        const uint32_t across = i % sizes.out[1], y = i / sizes.out[1] % sizes.out[0];
        const uint32_t r = i / (uint32_t)sizes.positions;
        for (uint32_t o = 0; o < s->filters; o++) {
            float sum = 0.0f;
            for (uint32_t ky = 0; ky < s->kernel[0]; ky++)
                for (uint32_t kx = 0; kx < s->kernel[1]; kx++)
                    for (uint32_t c = 0; c < s->channels; c++)
                        sum = fmaf(value_at(problem, x, r, y, across, ky, kx, c),
                            weight_at(problem, w, o, c, ky, kx), sum);
            const float z = mcl_host_flush(sum + bias[o]);
            *to++ = z <= 0.0f ? 0.0f : z;
        }
    }
}

/* Which output tap k of a place of the input goes to, or UINT32_MAX: none. */
static uint32_t target(const mcl_convolution_shape *s, int d, uint32_t at, uint32_t k)
{
    const int64_t from = (int64_t)at + s->padding[d] - (int64_t)k * s->dilation[d];
    if (from < 0 || from % s->stride[d] || from / s->stride[d] >= mcl_convolution_out(s, d))
        return UINT32_MAX;
    return (uint32_t)(from / s->stride[d]);
}

/* dx[R×H×W×C] = relu'(kept) · (beta·dx + Σ w·dy) */
static void convolve_back(float *dx, const struct problem *problem, const float *dy, const float *w,
    float beta, const float *kept)
{
    const mcl_convolution_shape *s = &problem->shape;
    const struct sizes sizes = sizes_of(problem);
    for (size_t i = 0; i < (size_t)problem->rows * s->size[0] * s->size[1]; i++) {
        const uint32_t across = (uint32_t)(i % s->size[1]);
        const uint32_t down = (uint32_t)(i / s->size[1] % s->size[0]);
        const size_t r = i / s->size[1] / s->size[0];
        for (uint32_t c = 0; c < s->channels; c++, dx++, kept++) {
            float sum = 0.0f;
            for (uint32_t t = 0; t < sizes.taps; t++) {
                const uint32_t ky = t / s->kernel[1], kx = t % s->kernel[1];
                const uint32_t y = target(s, 0, down, ky), x = target(s, 1, across, kx);
                for (uint32_t o = 0; y != UINT32_MAX && x != UINT32_MAX && o < s->filters; o++)
                    sum = fmaf(dy[((r * sizes.out[0] + y) * sizes.out[1] + x) * s->filters + o],
                        weight_at(problem, w, o, c, ky, kx), sum);
            }
            const float product = beta != 0.0f ? fmaf(beta, *dx, sum) : sum;
            *dx = mcl_host_flush(product * (*kept > 0.0f ? 1.0f : 0.0f));
        }
    }
}

/* dw[O×C×kh×kw] by segments, and db[O] */
static void convolve_weights(
    float *dw, float *db, const struct problem *problem, const float *dy, const float *x)
{
    const mcl_convolution_shape *s = &problem->shape;
    const struct sizes sizes = sizes_of(problem);
    const uint32_t segment = mcl_convolution_segment(s, problem->rows);
    const uint32_t segments = (problem->rows - 1) / segment + 1;
    float *sums = allocate(segments, sizeof *sums);
    for (size_t i = 0; i < sizes.w; i++) {
        const uint32_t kx = (uint32_t)(i % s->kernel[1]);
        const uint32_t ky = (uint32_t)(i / s->kernel[1] % s->kernel[0]);
        const uint32_t c = (uint32_t)(i / sizes.taps % s->channels);
        const size_t o = i / sizes.taps / s->channels;
        memset(sums, 0, segments * sizeof *sums);
        for (uint32_t at = 0; at < problem->rows * sizes.positions; at++) {
            const uint32_t r = at / (uint32_t)sizes.positions, of_map = at % sizes.positions;
            const float value =
                value_at(problem, x, r, of_map / sizes.out[1], of_map % sizes.out[1], ky, kx, c);
            sums[r / segment] = fmaf(dy[(size_t)at * s->filters + o], value, sums[r / segment]);
        }
        for (uint32_t g = 0; g < segments; g++)
            sums[g] = mcl_host_flush(sums[g]);
        sum_columns(&dw[i], sums, segments, 1);
    }
    free(sums);
    sum_columns(db, dy, problem->rows * sizes.positions, s->filters);
}

/* values[count] that lie `offset` elements into a buffer, with guards on both sides. */
struct held {
    float *values;
    size_t count, offset;
    cl_mem buffer;
};

static struct held hold(size_t count, size_t offset, uint64_t seed)
{
    struct held held = {NULL, count, offset, NULL};
    float *all = allocate(offset + count + GUARDS, sizeof *all);
    fill_guard(all, offset + count + GUARDS);
    if (seed)
        fill_random(all + offset, count, seed);
    held.buffer = buffer_with(all, (offset + count + GUARDS) * sizeof *all);
    held.values = all + offset;
    return held;
}

static mcl_matrix matrix_of(const struct held *held)
{
    return (mcl_matrix){held->buffer, held->offset};
}

/* The device has what the host has in all of a buffer, with the guards. */
static void expect(const struct held *held, const struct problem *problem, const char *pass)
{
    const mcl_convolution_shape *s = &problem->shape;
    const size_t count = held->offset + held->count + GUARDS;
    float *got = allocate(count, sizeof *got);
    char what[192];
    read_buffer(got, held->buffer, count * sizeof *got);
    snprintf(what, sizeof what, "%s of %u rows, %u × %u × %u → %u by %u × %u, product %d", pass,
        (unsigned)problem->rows, (unsigned)s->size[0], (unsigned)s->size[1], (unsigned)s->channels,
        (unsigned)s->filters, (unsigned)s->kernel[0], (unsigned)s->kernel[1],
        (int)mcl_context_gemm(context));
    assert_same_bits(got, held->values - held->offset, count, what);
    free(got);
}

static void release(struct held *held)
{
    mcl_buffer_release(&held->buffer);
    free(held->values - held->offset);
}

static void check_forward(const struct problem *problem)
{
    const struct sizes sizes = sizes_of(problem);
    const mcl_epilogue epilogue = {MCL_EPILOGUE_FORWARD, MCL_ACTIVATION_RELU};
    struct held x = hold(sizes.x, 3, 1), w = hold(sizes.w, 5, 2), y = hold(sizes.y, 2, 0);
    struct held bias = hold(problem->shape.filters, 1, 3);
    const mcl_operands operands = {.a = matrix_of(&x),
        .b = matrix_of(&w),
        .c = matrix_of(&y),
        .m = problem->rows,
        .bias = matrix_of(&bias)};
    mcl_convolution *plan;
    ASSERT_OK(mcl_convolution_create(
        &plan, context, &problem->shape, MCL_CONVOLUTION_FORWARD, problem->planned, &epilogue));
    convolve(y.values, problem, x.values, w.values, bias.values);
    ASSERT_OK(mcl_convolution_run(plan, &operands));
    expect(&y, problem, "forward");
    ASSERT_OK(mcl_convolution_freeze(plan, matrix_of(&w)));
    ASSERT_OK(mcl_convolution_run(plan, &operands));
    expect(&y, problem, "forward with frozen weights");
    mcl_convolution_free(plan);
    release(&x);
    release(&w);
    release(&y);
    release(&bias);
}

static void check_by_input(const struct problem *problem, float beta)
{
    const struct sizes sizes = sizes_of(problem);
    const mcl_epilogue epilogue = {MCL_EPILOGUE_BACKWARD, MCL_ACTIVATION_RELU};
    struct held dy = hold(sizes.y, 4, 4), w = hold(sizes.w, 1, 5);
    struct held dx = hold(sizes.x, 6, beta != 0.0f ? 6 : 0), kept = hold(sizes.x, 0, 7);
    const mcl_operands operands = {.a = matrix_of(&dy),
        .b = matrix_of(&w),
        .c = matrix_of(&dx),
        .m = problem->rows,
        .beta = beta,
        .kept = kept.buffer};
    mcl_convolution *plan;
    ASSERT_OK(mcl_convolution_create(
        &plan, context, &problem->shape, MCL_CONVOLUTION_BY_INPUT, problem->planned, &epilogue));
    convolve_back(dx.values, problem, dy.values, w.values, beta, kept.values);
    ASSERT_OK(mcl_convolution_run(plan, &operands));
    expect(&dx, problem, "by input");
    mcl_convolution_free(plan);
    release(&dy);
    release(&w);
    release(&dx);
    release(&kept);
}

static void check_by_weight(const struct problem *problem)
{
    const struct sizes sizes = sizes_of(problem);
    struct held dy = hold(sizes.y, 0, 8), x = hold(sizes.x, 5, 9);
    struct held dw = hold(sizes.w, 3, 0), db = hold(problem->shape.filters, 2, 0);
    const mcl_operands operands = {.a = matrix_of(&dy),
        .b = matrix_of(&x),
        .c = matrix_of(&dw),
        .m = problem->rows,
        .bias = matrix_of(&db)};
    mcl_convolution *plan;
    ASSERT_OK(mcl_convolution_create(
        &plan, context, &problem->shape, MCL_CONVOLUTION_BY_WEIGHT, problem->planned, NULL));
    convolve_weights(dw.values, db.values, problem, dy.values, x.values);
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(mcl_convolution_run(plan, &operands));
        expect(&dw, problem, "by weight");
        expect(&db, problem, "by bias");
    }
    mcl_convolution_free(plan);
    release(&dy);
    release(&x);
    release(&dw);
    release(&db);
}

/* By the product for the devices whose mapping the context has. */
static void check(const struct problem *problem)
{
    context->gemm = context->spreads ? MCL_GEMM_NATIVE_GPU : MCL_GEMM_NATIVE_CPU;
    check_forward(problem);
    check_by_input(problem, 0.0f);
    check_by_input(problem, 0.7f);
    check_by_weight(problem);
}

START_TEST(test_passes)
{
    check(&problems[_i]);
}
END_TEST

/* Patches that no buffer has room for all at once are made for some rows at a time. */
START_TEST(test_patches_by_parts)
{
    const struct problem problem = {SQUARE(12, 3, 20, 3, 1, 1, 1), 21, 21};
    const uint64_t largest = context->info.largest_buffer;
    context->info.largest_buffer = 270000; /* which has room for the maps */
    check(&problem);
    context->info.largest_buffer = largest;
}
END_TEST

/* The same with as many segments as there can be: their length follows from the rows. */
START_TEST(test_segments)
{
    mcl_convolution_shape shape = SQUARE(8, 1, 1, 1, 1, 1, 0);
    ck_assert_uint_eq(mcl_convolution_segment(&shape, 1), 1);
    ck_assert_uint_eq(mcl_convolution_segment(&shape, 7), 8);
    ck_assert_uint_eq(mcl_convolution_segment(&shape, 512), 8);
    ck_assert_uint_eq(mcl_convolution_segment(&shape, 513), 16);
    shape.size[0] = shape.size[1] = 40;
    ck_assert_uint_eq(mcl_convolution_segment(&shape, 64), 1);
    ck_assert_uint_eq(mcl_convolution_segment(&shape, 65), 2);
}
END_TEST

static void refuse(const mcl_convolution_shape *shape, const char *why)
{
    mcl_convolution *plan = NULL;
    ck_assert_int_eq(
        mcl_convolution_create(&plan, context, shape, MCL_CONVOLUTION_FORWARD, 4, NULL),
        MCL_ERROR_ARGUMENT);
    ck_assert_msg(strstr(mcl_error_message(), why) != NULL, "%s", mcl_error_message());
    ck_assert_ptr_null(plan);
}

START_TEST(test_refusals)
{
    refuse(&(mcl_convolution_shape)SQUARE(4, 0, 1, 1, 1, 1, 0), "at least one channel");
    refuse(&(mcl_convolution_shape)SQUARE(4, 1, 1, 1, 0, 1, 0), "a size of 0");
    refuse(&(mcl_convolution_shape)SQUARE(4, 1, 1, 3, 1, 2, 0), "larger than its map");
    refuse(&(mcl_convolution_shape)SQUARE(65536, 1, 1, 1, 1, 1, 0), "more than 2³²");
    refuse(&(mcl_convolution_shape)SQUARE(40000, 1, 1, 1, 1, 1, 0), "smaller `batch`");
    const mcl_convolution_shape shape = SQUARE(4, 1, 1, 3, 1, 1, 0);
    const mcl_operands operands = {.m = 5};
    mcl_convolution *plan;
    ASSERT_OK(mcl_convolution_create(&plan, context, &shape, MCL_CONVOLUTION_FORWARD, 4, NULL));
    ck_assert_int_eq(mcl_convolution_run(plan, &operands), MCL_ERROR_ARGUMENT);
    mcl_convolution_free(plan);
    mcl_convolution_free(NULL);
}
END_TEST

static TCase *with_problems(const char *name, void (*setup)(void))
{
    TCase *tests = tcase_create(name);
    tcase_add_checked_fixture(tests, setup, context_teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, test_passes, 0, PROBLEMS);
    return tests;
}

int main(void)
{
    Suite *suite = suite_create("convolution");
    TCase *plain = with_problems("cpu", context_setup);
    TCase *spread = with_problems("gpu", context_setup_spread);
    tcase_add_test(spread, test_patches_by_parts);
    tcase_add_test(plain, test_segments);
    tcase_add_test(plain, test_refusals);
    suite_add_tcase(suite, plain);
    suite_add_tcase(suite, spread);
    return run_suite(suite);
}
