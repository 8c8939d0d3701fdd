/* SPDX-License-Identifier: Apache-2.0 */
/* Alignment, uniformity and effective rank against PyTorch's numbers. */
#include "support/fixtures.h"

#include "evaluate/eigenvalues.h"
#include "evaluate/measures.h"

/* As write_measures() of tools/fixtures/torch_fixtures.py has them. */
static const struct trial {
    uint32_t batch, columns;
    const char *shape;
} trials[] = {{37, 9, "plain"}, {300, 64, "plain"}, {20, 64, "plain"}, {256, 256, "plain"},
    {1, 5, "plain"}, {50, 30, "low"}};

static void setup(void)
{
    context_setup();
    fixtures_open("measures.safetensors");
}

static void teardown(void)
{
    fixtures_close();
    context_teardown();
}

static float *make_embeddings(const struct trial *trial)
{
    const size_t columns = trial->columns, count = 2 * (size_t)trial->batch * columns;
    float *values = allocate(count, sizeof *values);
    fill_random(values, count, 1000 * (uint64_t)trial->batch + columns);
    if (strcmp(trial->shape, "low") != 0)
        return values;
    float *low = allocate(count, sizeof *low);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < 3; k++)
            low[i] += values[i / columns * columns + k] * values[k * columns + i % columns];
    }
    free(values);
    return low;
}

static mcl_step measure(const float *values, uint32_t batch, uint32_t columns)
{
    mcl_measures *measures;
    mcl_step step = {.step = 9};
    cl_mem z = buffer_with(values, 2 * sizeof *values * batch * columns);
    ASSERT_OK(mcl_measures_create(&measures, context, batch, columns));
    ASSERT_OK(mcl_measures_read(measures, z, 9));
    ASSERT_OK(mcl_context_finish(context));
    mcl_measures_take(&step, measures);
    mcl_measures_free(measures);
    mcl_buffer_release(&z);
    return step;
}

static void assert_near(double got, double expected, const char *what)
{
    ck_assert_msg(fabs(got - expected) <= TOLERANCE * fmax(fabs(expected), 1e-3),
        "%s: %.9g instead of %.9g", what, got, expected);
}

START_TEST(test_measures)
{
    const struct trial *trial = &trials[_i];
    char name[32];
    snprintf(name, sizeof name, "%ux%u/%s", (unsigned)trial->batch, (unsigned)trial->columns,
        trial->shape);
    const mcl_stored_tensor *tensor = mcl_safetensors_find(fixtures, name);
    ck_assert_msg(tensor && tensor->dtype == MCL_DTYPE_F64 && tensor->shape[0] == 3,
        "%s: not among the fixtures", name);
    const double *expected = tensor->values;
    float *values = make_embeddings(trial);
    const mcl_step step = measure(values, trial->batch, trial->columns);
    assert_near(step.alignment, expected[0], "alignment");
    assert_near(step.uniformity, expected[1], "uniformity");
    assert_near(step.effective_rank, expected[2], "effective rank");
    free(values);
}
END_TEST

START_TEST(test_collapsed)
{
    float values[2 * 40 * 7];
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        values[i] = (float)(1 + i % 7) * 0.3f;
    mcl_step step = measure(values, 40, 7);
    ck_assert_double_lt(step.alignment, 1e-12);
    ck_assert_double_eq_tol(step.uniformity, 0.0, 1e-6);
    ck_assert_double_eq(step.effective_rank, 0.0);
    memset(values, 0, sizeof values);
    step = measure(values, 40, 7);
    ck_assert_double_eq(step.alignment, 0.0);
    ck_assert_double_eq(step.effective_rank, 0.0);
}
END_TEST

/* 2 − 2·cos(kπ/(n+1)), k = 1 … n, of the matrix with 2 on the diagonal and −1 beside it, turned. */
START_TEST(test_eigenvalues)
{
    enum { N = 33 };
    double a[N * N] = {0.0}, values[N], space[N];
    for (size_t i = 0; i < N; i++) {
        const size_t row = i * 7 % N; /* the same eigenvalues, but no tridiagonal matrix any more */
        a[row * N + row] = 2.0;
        if (i + 1 < N)
            a[row * N + (i + 1) * 7 % N] = a[(i + 1) * 7 % N * N + row] = -1.0;
    }
    mcl_eigenvalues(values, a, N, space);
    for (size_t k = 1; k <= N; k++) {
        const double expected = 2.0 - 2.0 * cos((double)k * acos(-1.0) / (N + 1));
        double nearest = INFINITY;
        for (size_t i = 0; i < N; i++)
            nearest = fmin(nearest, fabs(values[i] - expected));
        ck_assert_msg(nearest < 1e-13, "%.17g is not among them", expected);
    }
}
END_TEST

START_TEST(test_when)
{
    for (uint64_t step = 1; step <= 10; step++) /* few steps: the last one only */
        ck_assert_int_eq(mcl_measures_due(step, 5, 2), step == 10);
    for (uint64_t step = 1; step <= 900; step++) /* an epoch of more than 200 steps: each */
        ck_assert_int_eq(mcl_measures_due(step, 300, 3), step % 300 == 0);
    uint64_t measured = 0, last = 0;
    for (uint64_t step = 1; step <= 10000; step++) {
        if (!mcl_measures_due(step, 7, 10000))
            continue;
        ck_assert_uint_eq(step % 7, 0);
        ck_assert_uint_ge(step - last, 196);
        last = step;
        measured++;
    }
    ck_assert_uint_eq(measured, 49);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("measures");
    TCase *tcase = tcase_create("measures");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_measures, 0, sizeof trials / sizeof *trials);
    tcase_add_test(tcase, test_collapsed);
    tcase_add_test(tcase, test_eigenvalues);
    tcase_add_test(tcase, test_when);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
