/* SPDX-License-Identifier: Apache-2.0 */
/* The minimiser on functions whose minimum is known, and the probe on features whose classes are:
 * made by hand, and measured by scikit-learn (tools/fixtures/probe.py) and SciPy (probe_few.py). */
#include <math.h>

#include "support/device.h"

#include "evaluate/lbfgs.h"
#include "evaluate/precondition.h"
#include "evaluate/reduction.h"
#include "maskcl/evaluate.h"

#define SIZE_MAX_TESTED 40

/* Σ scale_i · (x_i − i)² / 2, with scales from 1 to 10^spread. */
struct bowl {
    size_t n;
    double spread;
    size_t calls, fail_at; /* fails at this call, unless it is 0 */
    bool flat;             /* a constant added that hides the last digits */
};

static double scale_of(const struct bowl *bowl, size_t i)
{
    return pow(10.0, bowl->spread * (double)i / (double)bowl->n);
}

static mcl_status bowl_value(double *value, double *gradient, const double *x, void *state)
{
    struct bowl *bowl = state;
    if (++bowl->calls == bowl->fail_at)
        return MCL_ERROR_DEVICE;
    *value = bowl->flat ? 1e12 : 0.0;
    for (size_t i = 0; i < bowl->n; i++) {
        const double from = x[i] - (double)i;
        *value += 0.5 * scale_of(bowl, i) * from * from;
        gradient[i] = scale_of(bowl, i) * from;
    }
    return MCL_OK;
}

START_TEST(test_quadratic)
{
    static const size_t sizes[] = {1, 2, 10, 11, SIZE_MAX_TESTED};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (int spread = 0; spread < 4; spread++) {
            struct bowl bowl = {.n = sizes[s], .spread = spread};
            double x[SIZE_MAX_TESTED] = {0};
            x[0] = 5;
            uint32_t iterations = 0;
            bool converged = false;
            ASSERT_OK(mcl_lbfgs(x, bowl.n, bowl_value, NULL, &bowl, (mcl_lbfgs_end){1e-7, 0, 1000},
                &iterations, &converged));
            ck_assert(converged);
            ck_assert_uint_gt(iterations, 0);
            ck_assert_uint_lt(iterations, 500);
            ck_assert_uint_ge(bowl.calls, iterations + 1);
            for (size_t i = 0; i < bowl.n; i++)
                ck_assert_msg(
                    fabs(x[i] - (double)i) < 1e-6, "x[%zu] of %zu is %g", i, bowl.n, x[i]);
        }
    }
}
END_TEST

/* Rosenbrock's valley is not convex: the step is refused where its curvature is. */
static mcl_status valley_value(double *value, double *gradient, const double *x, void *state)
{
    (void)state;
    const double a = 1 - x[0], b = x[1] - x[0] * x[0];
    *value = a * a + 100 * b * b;
    gradient[0] = -2 * a - 400 * x[0] * b;
    gradient[1] = 200 * b;
    return MCL_OK;
}

START_TEST(test_valley)
{
    static const double starts[][2] = {{-1.2, 1}, {0, 0}, {10, -10}, {-3, -4}};
    for (size_t s = 0; s < sizeof starts / sizeof *starts; s++) {
        double x[2] = {starts[s][0], starts[s][1]};
        uint32_t iterations = 0;
        bool converged = false;
        ASSERT_OK(mcl_lbfgs(x, 2, valley_value, NULL, NULL, (mcl_lbfgs_end){1e-9, 0, 1000},
            &iterations, &converged));
        ck_assert(converged);
        ck_assert_uint_lt(iterations, 300);
        ck_assert_msg(fabs(x[0] - 1) < 1e-6 && fabs(x[1] - 1) < 1e-6, "%g, %g", x[0], x[1]);
    }
}
END_TEST

/* Σ log cosh is convex, and not a quadratic anywhere. */
static mcl_status log_cosh_value(double *value, double *gradient, const double *x, void *state)
{
    (void)state;
    *value = 0;
    for (size_t i = 0; i < 3; i++) {
        const double from = (x[i] - 1) * (double)(i + 1);
        *value += log(cosh(from));
        gradient[i] = tanh(from) * (double)(i + 1);
    }
    return MCL_OK;
}

START_TEST(test_convex)
{
    double x[3] = {20, -20, 3};
    uint32_t iterations;
    bool converged;
    ASSERT_OK(mcl_lbfgs(
        x, 3, log_cosh_value, NULL, NULL, (mcl_lbfgs_end){1e-8, 0, 1000}, &iterations, &converged));
    ck_assert(converged);
    for (size_t i = 0; i < 3; i++)
        ck_assert_msg(fabs(x[i] - 1) < 1e-7, "%g", x[i]);
}
END_TEST

START_TEST(test_start_at_the_minimum)
{
    struct bowl bowl = {.n = 3};
    double x[3] = {0, 1, 2};
    uint32_t iterations = 77;
    bool converged = false;
    ASSERT_OK(mcl_lbfgs(
        x, 3, bowl_value, NULL, &bowl, (mcl_lbfgs_end){1e-9, 0, 1000}, &iterations, &converged));
    ck_assert(converged);
    ck_assert_uint_eq(iterations, 0);
    ck_assert_uint_eq(bowl.calls, 1);
}
END_TEST

START_TEST(test_iterations_run_out)
{
    double x[2] = {-1.2, 1};
    const double start[2] = {-1.2, 1};
    uint32_t iterations = 77;
    bool converged = true;
    double before, after, gradient[2];
    ASSERT_OK(mcl_lbfgs(
        x, 2, valley_value, NULL, NULL, (mcl_lbfgs_end){1e-9, 0, 0}, &iterations, &converged));
    ck_assert(!converged);
    ck_assert_uint_eq(iterations, 0);
    ck_assert_mem_eq(x, start, sizeof x);
    converged = true;
    ASSERT_OK(mcl_lbfgs(
        x, 2, valley_value, NULL, NULL, (mcl_lbfgs_end){1e-9, 0, 5}, &iterations, &converged));
    ck_assert(!converged);
    ck_assert_uint_eq(iterations, 5);
    valley_value(&before, gradient, start, NULL);
    valley_value(&after, gradient, x, NULL);
    ck_assert(after < before);
}
END_TEST

START_TEST(test_rounding_ends_the_search)
{
    struct bowl bowl = {.n = 4, .spread = 1, .flat = true};
    double x[4] = {9, 9, 9, 9};
    uint32_t iterations;
    bool converged = false;
    ASSERT_OK(mcl_lbfgs(
        x, 4, bowl_value, NULL, &bowl, (mcl_lbfgs_end){1e-300, 0, 1000}, &iterations, &converged));
    ck_assert(converged);
    ck_assert_uint_lt(iterations, 1000);
}
END_TEST

/* A direction in which the value only grows. */
static mcl_status opposite(double *x, uint32_t iteration, void *state)
{
    (void)iteration;
    const struct bowl *bowl = state;
    for (size_t i = 0; i < bowl->n; i++)
        x[i] = -x[i];
    return MCL_OK;
}

START_TEST(test_no_step_at_all_is_no_end)
{
    struct bowl bowl = {.n = 4, .spread = 1};
    double x[4] = {9, 9, 9, 9};
    uint32_t iterations = 77;
    bool converged = true;
    ASSERT_OK(mcl_lbfgs(x, 4, bowl_value, opposite, &bowl, (mcl_lbfgs_end){1e-9, 0, 1000},
        &iterations, &converged));
    ck_assert(!converged);
    ck_assert_uint_eq(iterations, 0);
    for (size_t i = 0; i < 4; i++)
        ck_assert(x[i] == 9);
}
END_TEST

START_TEST(test_failures_are_passed_on)
{
    for (size_t fail_at = 1; fail_at < 6; fail_at++) {
        struct bowl bowl = {.n = 6, .spread = 2, .fail_at = fail_at};
        double x[6] = {4, 4, 4, 4, 4, 4};
        uint32_t iterations = 77;
        bool converged = true;
        ck_assert_int_eq(mcl_lbfgs(x, 6, bowl_value, NULL, &bowl, (mcl_lbfgs_end){1e-9, 0, 1000},
                             &iterations, &converged),
            MCL_ERROR_DEVICE);
        ck_assert_uint_eq(bowl.calls, fail_at);
        ck_assert_uint_eq(iterations, 77);
        ck_assert(converged);
    }
}
END_TEST

/* The bowl's inverse Hessian, but for a factor. */
static mcl_status bowl_inverse(double *x, uint32_t iteration, void *state)
{
    (void)iteration;
    const struct bowl *bowl = state;
    for (size_t i = 0; i < bowl->n; i++)
        x[i] *= 17 / scale_of(bowl, i);
    return MCL_OK;
}

/* Of a quadratic whose Hessian is known only the factor is to be found. */
START_TEST(test_known_inverse)
{
    for (int spread = 0; spread < 8; spread += 2) {
        struct bowl bowl = {.n = SIZE_MAX_TESTED, .spread = spread};
        double x[SIZE_MAX_TESTED] = {0};
        uint32_t iterations = 0;
        bool converged = false;
        ASSERT_OK(mcl_lbfgs(x, bowl.n, bowl_value, bowl_inverse, &bowl,
            (mcl_lbfgs_end){1e-5, 0, 1000}, &iterations, &converged));
        ck_assert(converged);
        ck_assert_uint_le(iterations, 4);
        for (size_t i = 0; i < bowl.n; i++)
            ck_assert_msg(fabs(x[i] - (double)i) < 1e-4, "x[%zu] is %g", i, x[i]);
    }
}
END_TEST

/* Features in the test's own memory. */
struct rows {
    float values[400 * 8];
    int32_t labels[400];
    uint64_t rows, columns;
};

static mcl_features features(const struct rows *rows)
{
    return (mcl_features){rows->values, rows->labels, rows->rows, rows->columns, NULL};
}

static mcl_probe_result probe(const struct rows *train, const struct rows *test)
{
    mcl_probe_result result;
    const mcl_features left = features(train), right = features(test);
    ASSERT_OK(mcl_probe(&result, context, &left, &right));
    ck_assert(result.seconds >= 0);
    return result;
}

/* Noise of ±spread around one corner for each class. */
static struct rows blobs(
    uint64_t count, uint64_t columns, int32_t classes, float spread, uint64_t seed)
{
    static struct rows made;
    made.rows = count;
    made.columns = columns;
    fill_random(made.values, (size_t)(count * columns), seed);
    for (uint64_t i = 0; i < count; i++) {
        made.labels[i] = (int32_t)(i * 11 % (uint64_t)classes);
        for (uint64_t j = 0; j < columns; j++) {
            float *value = &made.values[i * columns + j];
            *value *= spread;
            if ((uint64_t)made.labels[i] == j)
                *value += 1;
        }
    }
    return made;
}

START_TEST(test_separable)
{
    static struct rows train, test;
    for (int32_t classes = 2; classes <= (is_oclgrind() ? 3 : 7); classes++) {
        const uint64_t count = is_oclgrind() ? 60 : 300;
        train = blobs(count, 7, classes, 0.1f, 1);
        test = blobs(is_oclgrind() ? 12 : 200, 7, classes, 0.1f, 2);
        const mcl_probe_result result = probe(&train, &test);
        ck_assert_double_eq(result.linear_accuracy, 1);
        ck_assert_double_eq(result.knn_accuracy, 1);
        ck_assert(result.converged);
        ck_assert_uint_gt(result.iterations, 0);
    }
}
END_TEST

#define CURVATURE 0.03
#define PENALTY 1e-4
#define LAMBDA (PENALTY + 3e-4) /* with the ridge */

/* (curvature · XᵀX/N + lambda)·y for columns first … end-1 of values[rows×columns]. */
static void multiply(double *product, const float *values, uint64_t rows, uint64_t columns,
    uint64_t first, uint64_t end, const double *y)
{
    for (uint64_t j = first; j < end; j++)
        product[j] = LAMBDA * y[j];
    for (uint64_t i = 0; i < rows; i++) {
        const float *row = values + i * columns;
        double dot = 0;
        for (uint64_t j = first; j < end; j++)
            dot += (double)row[j] * y[j];
        for (uint64_t j = first; j < end; j++)
            product[j] += CURVATURE / (double)rows * dot * (double)row[j];
    }
}

struct plain {
    const float *values;
    uint32_t columns;
};

/* mcl_block_load */
static mcl_status load_plain(void *of, cl_mem to, uint64_t first, uint32_t count)
{
    const struct plain *plain = of;
    return mcl_buffer_write(context, to, 0, plain->values + first * plain->columns,
        (size_t)count * plain->columns * sizeof(float));
}

static mcl_preconditioner *preconditioner_of(
    const float *values, uint32_t rows, uint32_t columns, uint32_t block_rows)
{
    struct plain plain = {values, columns};
    mcl_blocks blocks = {context, load_plain, &plain, rows, columns, block_rows, 0, NULL, NULL};
    mcl_preconditioner *made;
    ASSERT_OK(mcl_blocks_create(&blocks, block_rows == rows));
    ASSERT_OK(mcl_preconditioner_create(&made, &blocks, PENALTY));
    mcl_blocks_release(&blocks);
    return made;
}

START_TEST(test_preconditioner)
{
    static const uint32_t sizes[][2] = {{50, 1}, {3, 4}, {200, 37}, {90, 1024}, {90, 1025}};
    for (size_t s = 0; s < (is_oclgrind() ? 2 : sizeof sizes / sizeof *sizes); s++) {
        const uint32_t rows = sizes[s][0], columns = sizes[s][1];
        float *values = allocate((size_t)rows * columns, sizeof *values);
        double *x = allocate(columns, sizeof *x), *back = allocate(columns, sizeof *back);
        fill_random(values, (size_t)rows * columns, 3);
        for (uint32_t i = 0; i < rows && columns > 2; i++) /* nearly the same, and constant */
            values[i * columns + 1] = values[i * columns], values[i * columns + 2] = 0;
        mcl_preconditioner *made =
            preconditioner_of(values, rows, columns, s % 2 ? rows / 2 : rows);
        for (uint32_t j = 0; j < columns; j++)
            x[j] = 1 + j % 5;
        mcl_precondition(made, x, 1);
        const uint32_t middle = columns > 1024 ? columns / 2 : 0;
        multiply(back, values, rows, columns, 0, middle, x);
        multiply(back, values, rows, columns, middle, columns, x);
        for (uint32_t j = 0; j < columns; j++)
            REQUIRE(fabs(back[j] - (1 + j % 5)) < 0.01, "column %u of %u: %g", j, columns, back[j]);
        mcl_preconditioner_free(made);
        free(values);
        free(x);
        free(back);
    }
    mcl_preconditioner_free(NULL);
    ck_assert_double_eq_tol(mcl_precondition_bias(CURVATURE), 1, 1e-12);
}
END_TEST

/* Of more rows than are needed every third is taken, from the first to the last. */
START_TEST(test_preconditioner_of_many_rows)
{
    if (is_oclgrind())
        return;
    enum { COUNT = 40001 };
    float *values = allocate(COUNT, sizeof *values);
    for (uint32_t i = 0; i < COUNT; i++)
        values[i] = i % 3 ? 1e9f : i < COUNT / 2 ? 1.0f : 3.0f;
    mcl_preconditioner *made = preconditioner_of(values, COUNT, 1, COUNT);
    double x = CURVATURE * 5 + LAMBDA; /* the mean square is 5 */
    mcl_precondition(made, &x, 1);
    ck_assert_double_eq_tol(x, 1, 1e-3);
    mcl_preconditioner_free(made);
    free(values);
}
END_TEST

/* Many columns that are combinations of a few: rounding must not leave factors that blow up, also
 * where it is large. */
START_TEST(test_preconditioner_of_dependent_columns)
{
    const float scale = _i ? 16.0f : 1.0f;
    enum { ROWS = 30000, COLUMNS = 1024, FREE = 40 };
    if (is_oclgrind())
        return;
    float *values = allocate((size_t)ROWS * COLUMNS, sizeof *values);
    float *base = allocate((size_t)ROWS * FREE, sizeof *base);
    float *mixing = allocate((size_t)FREE * COLUMNS, sizeof *mixing);
    fill_random(base, (size_t)ROWS * FREE, 5);
    fill_random(mixing, (size_t)FREE * COLUMNS, 6);
    for (size_t i = 0; i < ROWS; i++) {
        float *row = values + i * COLUMNS;
        memset(row, 0, COLUMNS * sizeof *row);
        for (size_t k = 0; k < FREE; k++) {
            for (size_t j = 0; j < COLUMNS; j++)
                row[j] += scale * base[i * FREE + k] * mixing[k * COLUMNS + j];
        }
    }
    mcl_preconditioner *made = preconditioner_of(values, ROWS, COLUMNS, ROWS);
    for (uint64_t seed = 0; seed < 4; seed++) {
        float *x = allocate(COLUMNS, sizeof *x);
        double *solved = allocate(COLUMNS, sizeof *solved), along = 0, length = 0;
        fill_random(x, COLUMNS, 10 + seed);
        for (size_t j = 0; j < COLUMNS; j++)
            solved[j] = (double)x[j];
        mcl_precondition(made, solved, 1);
        for (size_t j = 0; j < COLUMNS; j++) {
            along += (double)x[j] * solved[j];
            length += (double)x[j] * (double)x[j];
        }
        ck_assert(along > 0); /* it is positive definite … */
        ck_assert_msg(along < 2 * length / LAMBDA, "%g", along * LAMBDA / length); /* … enough */
        free(x);
        free(solved);
    }
    mcl_preconditioner_free(made);
    free(values);
    free(base);
    free(mixing);
}
END_TEST

/* Columns that are nearly the same, as neighbouring pixels are, do not make it slow. */
START_TEST(test_columns_that_are_alike)
{
    static struct rows train, test;
    const uint64_t count = is_oclgrind() ? 40 : 400;
    train = blobs(count, 8, 5, 0.6f, 1);
    test = blobs(is_oclgrind() ? 10 : 400, 8, 5, 0.6f, 2);
    const mcl_probe_result plain = probe(&train, &test);
    ck_assert(plain.linear_accuracy < 1);
    struct rows *both[2] = {&train, &test};
    for (size_t k = 0; k < 2; k++) {
        for (uint64_t i = 0; i < both[k]->rows; i++) {
            for (uint64_t j = 1; j < 8; j++) /* the same space, seen from a corner */
                both[k]->values[i * 8 + j] =
                    both[k]->values[i * 8] + 0.05f * both[k]->values[i * 8 + j];
        }
    }
    const mcl_probe_result alike = probe(&train, &test);
    ck_assert(alike.converged);
    ck_assert_uint_le(alike.iterations, 40);
}
END_TEST

/* How many test rows of probe.txt each of scikit-learn's classifiers got right. */
struct right {
    unsigned chosen, fixed, balanced, nearest;
    double strength; /* that was chosen */
};

static void read_rows(struct rows both[2], struct right *right)
{
    FILE *file = fopen(MASKCL_FIXTURES "/probe.txt", "r");
    ck_assert_msg(file != NULL, "cannot open " MASKCL_FIXTURES "/probe.txt");
    unsigned counts[3];
    ck_assert_int_eq(
        fscanf(file, "%u %u %u %u %u %u %u %lf", &counts[0], &counts[1], &counts[2], &right->chosen,
            &right->fixed, &right->balanced, &right->nearest, &right->strength),
        8);
    for (size_t k = 0; k < 2; k++) {
        both[k].rows = counts[k];
        both[k].columns = counts[2];
        ck_assert_uint_le(counts[k], 400);
        ck_assert_uint_le(counts[2], 8);
        for (size_t i = 0; i < counts[k]; i++) {
            ck_assert_int_eq(fscanf(file, "%d", &both[k].labels[i]), 1);
            for (size_t j = 0; j < counts[2]; j++)
                ck_assert_int_eq(fscanf(file, "%f", &both[k].values[i * counts[2] + j]), 1);
        }
    }
    fclose(file);
}

START_TEST(test_as_scikit_learn)
{
    if (is_oclgrind())
        return;
    static struct rows both[2];
    struct right right;
    read_rows(both, &right);
    const double count = (double)both[1].rows;
    ck_assert_uint_ne(right.chosen, right.fixed); /* or it would test nothing */
    ck_assert_uint_ne(right.fixed, right.balanced);
    ck_assert_uint_ne(right.chosen, right.nearest);
    const mcl_features train = features(&both[0]), test = features(&both[1]);
    const mcl_probe_options fixed = {.strength = 1e-4};
    const mcl_probe_options balanced = {.strength = 1e-4, .balanced = true};
    mcl_probe_result result = probe(&both[0], &both[1]);
    ck_assert(result.converged);
    ck_assert_double_eq_tol(result.strength, right.strength, 1e-3 * right.strength);
    ck_assert_double_eq(result.linear_accuracy, right.chosen / count);
    ck_assert_double_eq(result.knn_accuracy, right.nearest / count);
    ASSERT_OK(mcl_probe_with(&result, NULL, NULL, context, &train, &test, &fixed));
    ck_assert_double_eq(result.strength, 1e-4);
    ck_assert_double_eq(result.linear_accuracy, right.fixed / count);
    ASSERT_OK(mcl_probe_with(&result, NULL, NULL, context, &train, &test, &balanced));
    ck_assert_double_eq(result.linear_accuracy, right.balanced / count);
}
END_TEST

/* Rows that are fewer than their columns have the same products in fewer columns, and weights for
 * those the same ones of all columns. Two rows are the same, and one is a combination of others. */
START_TEST(test_reduction)
{
    enum { ROWS = 9, COLUMNS = 23 };
    float values[ROWS * COLUMNS];
    double row[2][COLUMNS], reduced[ROWS], weights[COLUMNS];
    fill_random(values, ROWS * COLUMNS, 4);
    for (size_t j = 0; j < COLUMNS; j++) {
        values[4 * COLUMNS + j] = values[2 * COLUMNS + j];
        values[7 * COLUMNS + j] = values[1 * COLUMNS + j] - values[3 * COLUMNS + j];
    }
    const mcl_features rows = {values, NULL, ROWS, COLUMNS, NULL};
    mcl_standards standards;
    mcl_reduction reduction;
    ASSERT_OK(mcl_standards_find(&standards, &rows));
    ASSERT_OK(mcl_reduction_find(&reduction, &rows, &standards));
    ck_assert_uint_eq(reduction.columns, ROWS - 2);
    for (size_t k = 0; k < reduction.columns; k++)
        reduced[k] = sin((double)k + 1);
    ASSERT_OK(mcl_reduction_expand(weights, &reduction, reduced));
    for (uint64_t i = 0; i < ROWS; i++) {
        double product = 0, in_fewer = 0;
        mcl_standardized_row(row[0], &rows, &standards, i);
        for (size_t j = 0; j < COLUMNS; j++)
            product += row[0][j] * weights[j];
        for (size_t k = 0; k < reduction.columns; k++)
            in_fewer += reduction.values[i * reduction.columns + k] * reduced[k];
        ck_assert_double_eq_tol(product, in_fewer, 1e-9);
        for (uint64_t m = 0; m <= i; m++) {
            mcl_standardized_row(row[1], &rows, &standards, m);
            product = in_fewer = 0;
            for (size_t j = 0; j < COLUMNS; j++)
                product += row[0][j] * row[1][j];
            for (size_t k = 0; k < reduction.columns; k++)
                in_fewer += reduction.values[i * reduction.columns + k] *
                            reduction.values[m * reduction.columns + k];
            ck_assert_double_eq_tol(product, in_fewer, 1e-9);
        }
    }
    mcl_reduction_release(&reduction);
    mcl_standards_release(&standards);
}
END_TEST

/* More columns than rows that say nothing change nothing. */
START_TEST(test_more_columns_than_rows)
{
    enum { ROWS = 40, COLUMNS = 50, TOLD = 4 };
    static struct rows narrow[2];
    static float wide[2][ROWS * COLUMNS];
    mcl_features features_of[2];
    for (size_t k = 0; k < 2; k++) {
        narrow[k] = blobs(ROWS, TOLD, 3, 0.7f, 1 + k);
        for (size_t i = 0; i < ROWS * TOLD; i++)
            wide[k][i / TOLD * COLUMNS + i % TOLD * 11] = narrow[k].values[i];
        features_of[k] = (mcl_features){wide[k], narrow[k].labels, ROWS, COLUMNS, NULL};
    }
    const mcl_probe_result plain = probe(&narrow[0], &narrow[1]);
    mcl_probe_result result;
    ASSERT_OK(mcl_probe(&result, context, &features_of[0], &features_of[1]));
    ck_assert(result.converged);
    ck_assert_double_eq(result.strength, plain.strength);
    ck_assert_double_eq(result.linear_accuracy, plain.linear_accuracy);
    ck_assert_double_eq_tol(result.objective, plain.objective, 1e-5 * plain.objective);
}
END_TEST

/* Rows that are chosen by their numbers are as good as copies, and what is told can be had. */
START_TEST(test_chosen_rows)
{
    static struct rows train, test;
    train = blobs(is_oclgrind() ? 40 : 200, 4, 3, 0.4f, 1);
    test = blobs(20, 4, 3, 0.4f, 2);
    const mcl_probe_result plain = probe(&train, &test);
    mcl_features left = features(&train), right = features(&test);
    static struct rows spread;
    static uint64_t numbers[200];
    spread = train;
    for (uint64_t i = 0; i < train.rows; i++) {
        numbers[i] = train.rows - 1 - i;
        memcpy(spread.values + 4 * numbers[i], train.values + 4 * i, 4 * sizeof(float));
    }
    left.values = spread.values;
    left.chosen = numbers;
    mcl_probe_result result;
    int32_t linear[20], nearest[20];
    ASSERT_OK(mcl_probe_with(&result, linear, nearest, context, &left, &right, NULL));
    ck_assert_double_eq(result.linear_accuracy, plain.linear_accuracy);
    ck_assert_double_eq(result.knn_accuracy, plain.knn_accuracy);
    ck_assert_double_eq(result.strength, plain.strength);
    unsigned right_linear = 0, right_nearest = 0;
    for (size_t i = 0; i < 20; i++) {
        right_linear += linear[i] == test.labels[i];
        right_nearest += nearest[i] == test.labels[i];
    }
    ck_assert_double_eq(result.linear_accuracy, right_linear / 20.0);
    ck_assert_double_eq(result.knn_accuracy, right_nearest / 20.0);
    const mcl_probe_options bad = {.strength = -1};
    ck_assert_int_eq(
        mcl_probe_with(&result, NULL, NULL, context, &left, &right, &bad), MCL_ERROR_ARGUMENT);
}
END_TEST

START_TEST(test_few_labels_as_scipy)
{
    if (is_oclgrind())
        return;
    static struct rows both[2];
    unsigned per_class, lines = 0;
    struct right right;
    mcl_mean linear, nearest;
    read_rows(both, &right);
    const mcl_features train = features(&both[0]), test = features(&both[1]);
    FILE *file = fopen(MASKCL_FIXTURES "/probe_few.txt", "r");
    ck_assert_msg(file != NULL, "cannot open " MASKCL_FIXTURES "/probe_few.txt");
    while (fscanf(file, "%u %lf %lf %lf %lf", &per_class, &linear.mean, &linear.deviation,
               &nearest.mean, &nearest.deviation) == 5) {
        mcl_few_result result;
        ASSERT_OK(mcl_probe_few(&result, context, &train, &test, per_class));
        ck_assert(result.converged);
        ck_assert_uint_eq(result.rows, 4 * per_class);
        ck_assert_double_eq_tol(100 * result.linear_accuracy.mean, linear.mean, 1e-8);
        ck_assert_double_eq_tol(100 * result.linear_accuracy.deviation, linear.deviation, 1e-8);
        ck_assert_double_eq_tol(100 * result.knn_accuracy.mean, nearest.mean, 1e-8);
        ck_assert_double_eq_tol(100 * result.knn_accuracy.deviation, nearest.deviation, 1e-8);
        lines++;
    }
    ck_assert_uint_eq(lines, 3);
    fclose(file);
}
END_TEST

/* Rows of probe_ridge.txt, with numbers to be told of them. */
struct told_rows {
    float values[100 * 40];
    double targets[100];
    uint64_t rows[2], columns; /* to train on and to test on */
    struct {
        double strength, r2, rmse;
    } fixed, chosen;
};

static bool read_told_rows(struct told_rows *rows, FILE *file)
{
    unsigned train, test, columns;
    if (fscanf(file, "%u %u %u %lf %lf %lf %lf %lf %lf", &train, &test, &columns,
            &rows->fixed.strength, &rows->fixed.r2, &rows->fixed.rmse, &rows->chosen.strength,
            &rows->chosen.r2, &rows->chosen.rmse) != 9)
        return false;
    ck_assert_uint_le(train + test, 100);
    ck_assert_uint_le(columns, 40);
    rows->rows[0] = train;
    rows->rows[1] = test;
    rows->columns = columns;
    for (size_t i = 0; i < train + test; i++) {
        ck_assert_int_eq(fscanf(file, "%lf", &rows->targets[i]), 1);
        for (size_t j = 0; j < columns; j++)
            ck_assert_int_eq(fscanf(file, "%f", &rows->values[i * columns + j]), 1);
    }
    return true;
}

static void check_ridge(const struct told_rows *rows)
{
    const double *test_targets = rows->targets + rows->rows[0];
    const mcl_features train = {rows->values, NULL, rows->rows[0], rows->columns, NULL};
    const mcl_features test = {
        rows->values + rows->rows[0] * rows->columns, NULL, rows->rows[1], rows->columns, NULL};
    const mcl_probe_options fixed = {.strength = rows->fixed.strength};
    mcl_ridge_result result;
    double told[100], errors = 0;
    ASSERT_OK(mcl_probe_ridge(&result, told, &train, rows->targets, &test, test_targets, &fixed));
    ck_assert_double_eq(result.strength, rows->fixed.strength);
    ck_assert_double_eq_tol(result.r2, rows->fixed.r2, 1e-7);
    ck_assert_double_eq_tol(result.rmse, rows->fixed.rmse, 1e-7 * rows->fixed.rmse);
    for (uint64_t i = 0; i < test.rows; i++)
        errors += (told[i] - test_targets[i]) * (told[i] - test_targets[i]);
    ck_assert_double_eq_tol(sqrt(errors / (double)test.rows), result.rmse, 1e-12 * result.rmse);
    ASSERT_OK(mcl_probe_ridge(&result, NULL, &train, rows->targets, &test, test_targets, NULL));
    ck_assert_double_eq_tol(result.strength, rows->chosen.strength, 1e-9 * rows->chosen.strength);
    ck_assert_double_eq_tol(result.r2, rows->chosen.r2, 1e-7);
    ck_assert_double_eq_tol(result.rmse, rows->chosen.rmse, 1e-7 * rows->chosen.rmse);
}

/* Of more rows than columns, and of fewer. */
START_TEST(test_ridge_as_scikit_learn)
{
    static struct told_rows rows;
    FILE *file = fopen(MASKCL_FIXTURES "/probe_ridge.txt", "r");
    ck_assert_msg(file != NULL, "cannot open " MASKCL_FIXTURES "/probe_ridge.txt");
    unsigned count = 0;
    for (; read_told_rows(&rows, file); count++)
        check_ridge(&rows);
    ck_assert_uint_eq(count, 2);
    fclose(file);
}
END_TEST

/* What there is nothing to learn from, and what is refused. */
START_TEST(test_ridge_at_its_limits)
{
    float values[] = {1, 2, 1, 2, 1, 2, 1, 2};
    double targets[] = {3, 5, 4, 0}, told[4];
    mcl_features rows = {values, NULL, 4, 2, NULL};
    mcl_ridge_result result;
    ASSERT_OK(mcl_probe_ridge(&result, told, &rows, targets, &rows, targets, NULL));
    ck_assert_double_eq_tol(told[2], 3, 1e-12); /* rows that are all alike: the mean */
    ck_assert_double_eq_tol(result.r2, 0, 1e-12);
    rows.rows = 1; /* fewer than columns, and all alike */
    ASSERT_OK(mcl_probe_ridge(&result, told, &rows, targets, &rows, targets, NULL));
    ck_assert_double_eq(told[0], 3);
    ck_assert_double_eq(result.r2, 1);
    targets[0] = NAN;
    ck_assert_int_eq(
        mcl_probe_ridge(&result, told, &rows, targets, &rows, targets, NULL), MCL_ERROR_DATA);
    ck_assert_ptr_nonnull(strstr(mcl_error_message(), "row 0"));
    targets[0] = 1;
    values[1] = INFINITY;
    for (rows.rows = 1; rows.rows <= 4; rows.rows += 3)
        ck_assert_int_eq(
            mcl_probe_ridge(&result, told, &rows, targets, &rows, targets, NULL), MCL_ERROR_DATA);
    const mcl_probe_options bad = {.strength = -1};
    ck_assert_int_eq(
        mcl_probe_ridge(&result, told, &rows, targets, &rows, targets, &bad), MCL_ERROR_ARGUMENT);
    ck_assert_int_eq(
        mcl_probe_ridge(&result, told, NULL, targets, &rows, targets, NULL), MCL_ERROR_ARGUMENT);
}
END_TEST

/* As scikit-learn's balanced_accuracy_score and f1_score(average="macro"). */
START_TEST(test_scores)
{
    static const int32_t labels[] = {0, 0, 0, 0, 7, 7, 9, 9}, told[] = {0, 0, 0, 7, 7, 0, 9, 9};
    mcl_scores scores;
    ASSERT_OK(mcl_scores_of(&scores, labels, told, 8));
    ck_assert_double_eq_tol(scores.accuracy, 0.75, 1e-15);
    ck_assert_double_eq_tol(scores.balanced_accuracy, 0.75, 1e-15);
    ck_assert_double_eq_tol(scores.macro_f1, 0.75, 1e-15);
    static const int32_t other[] = {0, 0, 0, 7, 7, 0, 9, 3};
    ASSERT_OK(mcl_scores_of(&scores, labels, other, 8));
    ck_assert_double_eq_tol(scores.accuracy, 0.625, 1e-15);
    ck_assert_double_eq_tol(scores.balanced_accuracy, 1.75 / 3, 1e-15);
    ck_assert_double_eq_tol(scores.macro_f1, (0.75 + 0.5 + 2.0 / 3) / 4, 1e-15);
    ck_assert_int_eq(mcl_scores_of(&scores, labels, told, 0), MCL_ERROR_DATA);
}
END_TEST

START_TEST(test_folds)
{
    int32_t labels[103];
    uint32_t fold[103], again[103], of_class[2][5] = {{0}};
    for (int i = 0; i < 103; i++)
        labels[i] = i < 2 ? -1 : i % 3 == 0;
    ASSERT_OK(mcl_folds(fold, labels, 103, 5, 1));
    for (int i = 0; i < 103; i++) {
        ck_assert_uint_eq(fold[i] == UINT32_MAX, i < 2);
        if (i >= 2)
            of_class[labels[i]][fold[i]]++;
    }
    for (size_t k = 0; k < 5; k++) {
        ck_assert_uint_ge(of_class[0][k], 13);
        ck_assert_uint_le(of_class[0][k], 14);
        ck_assert_uint_ge(of_class[1][k], 6);
        ck_assert_uint_le(of_class[1][k], 7);
    }
    ASSERT_OK(mcl_folds(again, labels, 103, 5, 2));
    ck_assert_mem_ne(fold, again, sizeof fold);
    ck_assert_int_eq(mcl_folds(fold, labels, 103, 1, 1), MCL_ERROR_ARGUMENT);
}
END_TEST

START_TEST(test_mean_and_deviation)
{
    const double values[] = {2, 4, 4, 4, 5, 5, 7, 9};
    ck_assert_double_eq(mcl_mean_of(values, 8).mean, 5);
    ck_assert_double_eq_tol(mcl_mean_of(values, 8).deviation, sqrt(32.0 / 7), 1e-15);
    ck_assert_double_eq(mcl_mean_of(values, 1).mean, 2);
    ck_assert_double_eq(mcl_mean_of(values, 1).deviation, 0);
}
END_TEST

/* A column that is the same in all training rows says nothing, whatever the test rows have. */
START_TEST(test_constant_column)
{
    static struct rows train, test;
    train = blobs(is_oclgrind() ? 40 : 200, 4, 3, 0.1f, 1);
    test = blobs(30, 4, 3, 0.1f, 2);
    for (uint64_t i = 0; i < train.rows; i++)
        train.values[i * 4 + 3] = 0.3f; /* no float32 sum of it is exact */
    for (uint64_t i = 0; i < test.rows; i++)
        test.values[i * 4 + 3] = 0.3f;
    mcl_probe_result result = probe(&train, &test);
    ck_assert_double_eq(result.linear_accuracy, 1);
    ck_assert(result.converged);
}
END_TEST

/* Where the columns lie does not matter, nor do their units. */
START_TEST(test_columns_are_standardised)
{
    static struct rows train, test;
    const uint64_t count = is_oclgrind() ? 40 : 200;
    train = blobs(count, 4, 3, 0.4f, 1);
    test = blobs(30, 4, 3, 0.4f, 2);
    const mcl_probe_result plain = probe(&train, &test);
    for (uint64_t i = 0; i < 4 * count; i++)
        train.values[i] = 64 * train.values[i] + 8192;
    for (uint64_t i = 0; i < 4 * test.rows; i++)
        test.values[i] = 64 * test.values[i] + 8192;
    const mcl_probe_result moved = probe(&train, &test);
    ck_assert_double_eq(moved.linear_accuracy, plain.linear_accuracy);
    ck_assert(moved.converged);
    ck_assert_uint_le(moved.iterations, plain.iterations + plain.iterations / 4 + 2);
}
END_TEST

static struct rows scaled(const struct rows *rows, double scale, double shift)
{
    struct rows result = *rows;
    for (uint64_t i = 0; i < rows->rows * rows->columns; i++)
        result.values[i] = (float)(scale * (double)rows->values[i] + shift);
    return result;
}

/* Fields of 1e-13 T, masses of 1e30 kg: a unit is no reason to tell less apart, by either probe. */
START_TEST(test_units)
{
    static const double units[] = {1e-36, 1e-30, 1e-13, 1e-3, 1e8, 1e20, 1e36};
    static struct rows train, test;
    train = blobs(is_oclgrind() ? 40 : 200, 4, 3, 0.6f, 1);
    test = blobs(30, 4, 3, 0.6f, 2);
    const mcl_probe_result plain = probe(&train, &test);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        const struct rows other_train = scaled(&train, units[i], 0.0);
        const struct rows other_test = scaled(&test, units[i], 0.0);
        const mcl_probe_result other = probe(&other_train, &other_test);
        ck_assert_double_eq(other.linear_accuracy, plain.linear_accuracy);
        ck_assert_double_eq_tol(other.knn_accuracy, plain.knn_accuracy, 0.04);
        ck_assert(other.converged);
    }
}
END_TEST

/* Columns far from 0, in what float32 leaves of them there. */
START_TEST(test_columns_far_from_0)
{
    static struct rows train, test;
    train = blobs(is_oclgrind() ? 40 : 200, 4, 3, 0.4f, 1);
    test = blobs(30, 4, 3, 0.4f, 2);
    const mcl_probe_result plain = probe(&train, &test);
    train = scaled(&train, 300.0, 1e8); /* in steps of 8 */
    test = scaled(&test, 300.0, 1e8);
    const mcl_probe_result far = probe(&train, &test);
    ck_assert_double_eq_tol(far.linear_accuracy, plain.linear_accuracy, 0.04);
    ck_assert(far.converged);
}
END_TEST

/* Of a column that is constant but for the last bit of its floats nothing is made. */
START_TEST(test_constant_but_for_rounding)
{
    static struct rows train, test;
    train = blobs(is_oclgrind() ? 40 : 200, 4, 3, 0.4f, 1);
    test = blobs(30, 4, 3, 0.4f, 2);
    for (uint64_t i = 0; i < train.rows; i++)
        train.values[i * 4 + 3] = 0.3f;
    for (uint64_t i = 0; i < test.rows; i++)
        test.values[i * 4 + 3] = 0.3f;
    const mcl_probe_result plain = probe(&train, &test);
    for (uint64_t i = 0; i < train.rows; i++)
        train.values[i * 4 + 3] = i % 2 ? 0.3f : nextafterf(0.3f, 1);
    test.values[3] = 1e6f; /* would decide the row if the column counted */
    const mcl_probe_result noisy = probe(&train, &test);
    ck_assert_double_eq(noisy.linear_accuracy, plain.linear_accuracy);
    ck_assert_uint_eq(noisy.iterations, plain.iterations);
}
END_TEST

/* Of training rows that are equally near, the earlier are the neighbours. */
START_TEST(test_equal_neighbours)
{
    static struct rows train, test;
    train.rows = 40;
    test.rows = 1;
    train.columns = test.columns = 2;
    for (int i = 0; i < 40; i++) {
        train.values[2 * i] = 1;
        train.labels[i] = i > 8 && i != 19; /* ten to ten, and the first decides */
    }
    test.values[0] = 1;
    test.labels[0] = 0;
    ck_assert_double_eq(probe(&train, &test).knn_accuracy, 1);
    for (int i = 0; i < 40; i++)
        train.labels[i] = i >= 9; /* 9 of the first 20 */
    ck_assert_double_eq(probe(&train, &test).knn_accuracy, 0);
}
END_TEST

/* A class that only the test rows have is never right, and disturbs no other. */
START_TEST(test_class_without_training_rows)
{
    static struct rows train, test;
    train = blobs(60, 4, 3, 0.1f, 1);
    test = blobs(30, 4, 3, 0.1f, 2);
    test.labels[0] = 9;
    test.labels[1] = 3;
    mcl_probe_result result = probe(&train, &test);
    ck_assert_double_eq(result.linear_accuracy, 28.0 / 30);
    ck_assert_double_eq(result.knn_accuracy, 28.0 / 30);
    /* nor does one that no row has, or one alone */
    for (uint64_t i = 0; i < 60; i++)
        train.labels[i] *= 5;
    for (uint64_t i = 2; i < 30; i++)
        test.labels[i] *= 5;
    result = probe(&train, &test);
    ck_assert_double_eq(result.linear_accuracy, 28.0 / 30);
    memset(train.labels, 0, sizeof train.labels);
    memset(test.labels, 0, sizeof test.labels);
    result = probe(&train, &test);
    ck_assert_double_eq(result.linear_accuracy, 1);
    ck_assert_double_eq(result.knn_accuracy, 1);
    ck_assert(result.converged);
}
END_TEST

/* What classes are called costs nothing and changes nothing. */
START_TEST(test_class_numbers_with_gaps)
{
    static struct rows train, test;
    train = blobs(60, 4, 3, 0.6f, 1);
    test = blobs(30, 4, 3, 0.6f, 2);
    const mcl_probe_result plain = probe(&train, &test);
    static const int32_t numbers[] = {7, 60000, INT32_MAX};
    for (uint64_t i = 0; i < 60; i++)
        train.labels[i] = numbers[train.labels[i]];
    for (uint64_t i = 0; i < 30; i++)
        test.labels[i] = numbers[test.labels[i]];
    const mcl_probe_result gaps = probe(&train, &test);
    ck_assert_double_eq(gaps.linear_accuracy, plain.linear_accuracy);
    ck_assert_double_eq(gaps.knn_accuracy, plain.knn_accuracy);
    ck_assert_uint_eq(gaps.iterations, plain.iterations);
}
END_TEST

START_TEST(test_few_training_rows)
{
    static struct rows train, test;
    test = blobs(12, 4, 3, 0.1f, 2);
    train = blobs(19, 4, 3, 0.1f, 1); /* all are neighbours: the class that has most wins */
    mcl_probe_result result = probe(&train, &test);
    ck_assert_double_eq(result.linear_accuracy, 1);
    ck_assert_double_eq(result.knn_accuracy, 4.0 / 12); /* 7, 6 and 6 rows */
    train = blobs(3, 4, 3, 0.1f, 1);                    /* a tie of three: the nearest decides */
    result = probe(&train, &test);
    ck_assert_double_eq(result.knn_accuracy, 1);
    train = blobs(1, 4, 1, 0.1f, 1);
    result = probe(&train, &test);
    ck_assert_double_eq(result.linear_accuracy, 4.0 / 12);
    ck_assert_double_eq(result.knn_accuracy, 4.0 / 12);
}
END_TEST

/* Rows on a circle at these angles: the cosine orders them by how far their angles are. */
static void on_circle(struct rows *rows, const float *angles, const int32_t *labels, uint64_t count)
{
    rows->rows = count;
    rows->columns = 2;
    for (uint64_t i = 0; i < count; i++) {
        const float length = (float)(i % 3 + 1); /* which does not matter */
        rows->values[2 * i] = length * cosf(angles[i]);
        rows->values[2 * i + 1] = length * sinf(angles[i]);
        rows->labels[i] = labels[i];
    }
}

/* Of 24 rows the 20 nearest vote, 10 to 10: the class of the nearest wins, not the lower one. */
START_TEST(test_neighbours_vote)
{
    static struct rows train, test;
    float angles[24];
    int32_t labels[24];
    for (int i = 0; i < 24; i++) {
        angles[i] = 0.05f * (float)(24 - i); /* the last is the nearest */
        labels[i] = i >= 4 ? i % 2 : 0;      /* the first four are too far to vote */
    }
    on_circle(&train, angles, labels, 24);
    const float angle = 0;
    const int32_t label = 1;
    on_circle(&test, &angle, &label, 1);
    ck_assert_double_eq(probe(&train, &test).knn_accuracy, 1);
    train.labels[23] = 0;
    train.labels[22] = 1; /* still a tie, the other way round */
    ck_assert_double_eq(probe(&train, &test).knn_accuracy, 0);
    train.labels[4] = 1; /* the twentieth tips the scales */
    ck_assert_double_eq(probe(&train, &test).knn_accuracy, 1);
    train.labels[4] = 0;
    train.labels[3] = 1; /* the twenty-first does not */
    ck_assert_double_eq(probe(&train, &test).knn_accuracy, 0);
}
END_TEST

static void assert_refused(const mcl_features *train, const mcl_features *test, const char *message)
{
    mcl_probe_result result = {.iterations = 77};
    ck_assert_int_eq(mcl_probe(&result, context, train, test), MCL_ERROR_DATA);
    ck_assert_uint_eq(result.iterations, 77);
    ck_assert_str_eq(mcl_error_message(), message);
}

START_TEST(test_refused)
{
    static struct rows rows;
    rows = blobs(30, 4, 3, 0.1f, 1);
    const mcl_features good = features(&rows);
    mcl_features bad = good;
    bad.columns = 3;
    assert_refused(&good, &bad, "the training rows have 4 columns, the test rows 3");
    assert_refused(&bad, &good, "the training rows have 3 columns, the test rows 4");
    bad = good;
    bad.rows = 0;
    assert_refused(&good, &bad, "a probe needs training rows, test rows and columns");
    assert_refused(&bad, &good, "a probe needs training rows, test rows and columns");
    bad = good;
    bad.columns = 0;
    assert_refused(&bad, &bad, "a probe needs training rows, test rows and columns");
    bad = good;
    bad.rows = UINT64_MAX;
    assert_refused(&good, &bad, "too many rows or columns for a probe");
    assert_refused(&bad, &good, "too many rows or columns for a probe");
    bad = good;
    int32_t labels[30];
    memcpy(labels, rows.labels, sizeof labels);
    bad.labels = labels;
    labels[29] = -1;
    assert_refused(&good, &bad, "the label of row 29 is -1, below 0");
    assert_refused(&bad, &good, "the label of row 29 is -1, below 0");
    labels[29] = INT32_MIN;
    assert_refused(&bad, &good, "the label of row 29 is -2147483648, below 0");
}
END_TEST

START_TEST(test_few_labels_refused)
{
    static struct rows rows;
    rows = blobs(30, 4, 3, 0.1f, 1);
    const mcl_features good = features(&rows);
    mcl_features bad = good;
    mcl_few_result result = {.rows = 77};
    ck_assert_int_eq(mcl_probe_few(&result, context, &good, &good, 11), MCL_ERROR_DATA);
    ck_assert_str_eq(mcl_error_message(), "11 labelled rows of each class are wanted, but class 0 "
                                          "has 10: lower `labels_per_class` to 10 or less");
    bad.columns = 3;
    ck_assert_int_eq(mcl_probe_few(&result, context, &good, &bad, 1), MCL_ERROR_DATA);
    ck_assert_uint_eq(result.rows, 77);
}
END_TEST

/* The same features give the same result, to the last bit, iteration for iteration. */
START_TEST(test_repeatable)
{
    static struct rows train, test;
    train = blobs(is_oclgrind() ? 40 : 300, 5, 4, 1.5f, 1);
    test = blobs(is_oclgrind() ? 10 : 300, 5, 4, 1.5f, 2);
    const mcl_probe_result first = probe(&train, &test), second = probe(&train, &test);
    ck_assert_double_eq(first.linear_accuracy, second.linear_accuracy);
    ck_assert_double_eq(first.knn_accuracy, second.knn_accuracy);
    ck_assert_uint_eq(first.iterations, second.iterations);
}
END_TEST

/* More test rows than are sought at once: every part is counted. */
START_TEST(test_many_test_rows)
{
    if (is_oclgrind())
        return;
    static struct rows train;
    train = blobs(60, 4, 3, 0.1f, 1);
    const uint64_t count = 2003;
    float *values = allocate(count * 4, sizeof *values);
    int32_t *labels = allocate(count, sizeof *labels);
    for (uint64_t i = 0; i < count; i++) {
        memcpy(values + 4 * i, train.values + 4 * (i % 60), 4 * sizeof *values);
        labels[i] = train.labels[i % 60];
    }
    labels[0] = labels[1500] = labels[2002] = 3;
    const mcl_features left = features(&train), right = {values, labels, count, 4, NULL};
    mcl_probe_result result;
    ASSERT_OK(mcl_probe(&result, context, &left, &right));
    ck_assert_double_eq(result.linear_accuracy, 2000.0 / 2003);
    ck_assert_double_eq(result.knn_accuracy, 2000.0 / 2003);
    free(values);
    free(labels);
}
END_TEST

/* More training rows than are compared at once: the nearest are found wherever they are. */
START_TEST(test_many_training_rows)
{
    if (is_oclgrind())
        return;
    const uint64_t count = 8192 + 40;
    float *values = allocate(count * 2, sizeof *values);
    int32_t *labels = allocate(count, sizeof *labels);
    for (uint64_t i = 0; i < count; i++) { /* far away, but for the first and last eleven */
        const bool near = i < 11 || i >= count - 11;
        values[2 * i] = near ? 1.0f : -1.0f;
        values[2 * i + 1] = 0.001f * (float)(i % 100);
        labels[i] = near;
    }
    const float query[2] = {1, 0};
    const int32_t label = 1;
    const mcl_features left = {values, labels, count, 2, NULL}, right = {query, &label, 1, 2, NULL};
    mcl_probe_result result;
    ASSERT_OK(mcl_probe(&result, context, &left, &right));
    ck_assert_double_eq(result.knn_accuracy, 1);
    for (uint64_t i = 0; i < 11; i++)
        labels[i] = labels[count - 1 - i] = 2 + (i >= 10); /* 20 of the 22 have class 2 */
    labels[0] = labels[count - 1] = 5;
    ASSERT_OK(mcl_probe(&result, context, &left, &right));
    ck_assert_double_eq(result.knn_accuracy, 0);
    free(values);
    free(labels);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("probe");
    TCase *tcase = tcase_create("lbfgs");
    tcase_add_test(tcase, test_quadratic);
    tcase_add_test(tcase, test_valley);
    tcase_add_test(tcase, test_convex);
    tcase_add_test(tcase, test_start_at_the_minimum);
    tcase_add_test(tcase, test_iterations_run_out);
    tcase_add_test(tcase, test_rounding_ends_the_search);
    tcase_add_test(tcase, test_no_step_at_all_is_no_end);
    tcase_add_test(tcase, test_failures_are_passed_on);
    tcase_add_test(tcase, test_known_inverse);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("probe");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, context_setup, context_teardown);
    tcase_add_test(tcase, test_separable);
    tcase_add_test(tcase, test_preconditioner);
    tcase_add_test(tcase, test_preconditioner_of_many_rows);
    tcase_add_loop_test(tcase, test_preconditioner_of_dependent_columns, 0, 2);
    tcase_add_test(tcase, test_columns_that_are_alike);
    tcase_add_test(tcase, test_as_scikit_learn);
    tcase_add_test(tcase, test_reduction);
    tcase_add_test(tcase, test_more_columns_than_rows);
    tcase_add_test(tcase, test_chosen_rows);
    tcase_add_test(tcase, test_few_labels_as_scipy);
    tcase_add_test(tcase, test_ridge_as_scikit_learn);
    tcase_add_test(tcase, test_ridge_at_its_limits);
    tcase_add_test(tcase, test_mean_and_deviation);
    tcase_add_test(tcase, test_scores);
    tcase_add_test(tcase, test_folds);
    tcase_add_test(tcase, test_few_labels_refused);
    tcase_add_test(tcase, test_constant_column);
    tcase_add_test(tcase, test_columns_are_standardised);
    tcase_add_test(tcase, test_units);
    tcase_add_test(tcase, test_columns_far_from_0);
    tcase_add_test(tcase, test_constant_but_for_rounding);
    tcase_add_test(tcase, test_equal_neighbours);
    tcase_add_test(tcase, test_class_without_training_rows);
    tcase_add_test(tcase, test_class_numbers_with_gaps);
    tcase_add_test(tcase, test_few_training_rows);
    tcase_add_test(tcase, test_neighbours_vote);
    tcase_add_test(tcase, test_refused);
    tcase_add_test(tcase, test_repeatable);
    tcase_add_test(tcase, test_many_test_rows);
    tcase_add_test(tcase, test_many_training_rows);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
