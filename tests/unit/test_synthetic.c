/* SPDX-License-Identifier: Apache-2.0 */
/* Synthetic data: the inverse normal distribution, its values, and the sample that comes out. */
#include "support/files.h"

#include "support/failing_memory.h"
#include "support/refused_memory.h"

#include <inttypes.h>
#include <math.h>

#include "data/data.h"
#include "data/normal.h"

/* True values, from mpmath with 200 bits. */
static const struct {
    double p, x;
} quantiles[] = {
    {0x1.0000000000000p-25, -0x1.5ae1011c48d83p+2},
    {0x1.8000000000000p-24, -0x1.4e1655172cea1p+2},
    {0x1.0000000000000p-20, -0x1.30d5024a3fa4dp+2},
    {0x1.0c6f7a0b5ed8dp-20, -0x1.30381a9799f7ep+2},
    {0x1.a36e2eb1c432dp-14, -0x1.dc08bb712893bp+1},
    {0x1.0624dd2f1a9fcp-10, -0x1.8b8cbb7204471p+1},
    {0x1.47ae147ae147bp-7, -0x1.29c5c4630ff0fp+1},
    {0x1.999999999999ap-5, -0x1.a515209676abdp+0},
    {0x1.333226c3b927dp-4, -0x1.708598f2a3b6bp+0},
    {0x1.3333333333333p-4, -0x1.7085226d3e524p+0},
    {0x1.33334e0b25cdfp-4, -0x1.708516931eed3p+0},
    {0x1.999999999999ap-4, -0x1.4813c36e26d32p+0},
    {0x1.999999999999ap-3, -0x1.aee8fa73a1333p-1},
    {0x1.0000000000000p-2, -0x1.5956b87528a49p-1},
    {0x1.3333333333333p-2, -0x1.0c7e39582c5fbp-1},
    {0x1.999999999999ap-2, -0x1.036d6c4a04b59p-2},
    {0x1.f5c28f5c28f5cp-2, -0x1.9aba9f4786911p-6},
    {0x1.ffe5c91d14e3cp-2, -0x1.06d6ca8553fc0p-12},
    {0x1.0000000000000p-1, 0x0.0p+0},
    {0x1.0000010000000p-1, 0x1.40d931ff6270bp-24},
    {0x1.0000035afe535p-1, 0x1.0d25ac5f0e9c8p-22},
    {0x1.051eb851eb852p-1, 0x1.9aba9f4786911p-6},
    {0x1.3333333333333p-1, 0x1.036d6c4a04b59p-2},
    {0x1.8000000000000p-1, 0x1.5956b87528a49p-1},
    {0x1.ccccccccccccdp-1, 0x1.4813c36e26d33p+0},
    {0x1.d9984a0e410b6p-1, 0x1.70808148407aap+0},
    {0x1.d99999999999ap-1, 0x1.7085226d3e525p+0},
    {0x1.d99ae924f227dp-1, 0x1.7089c3b117169p+0},
    {0x1.e666666666666p-1, 0x1.a515209676abbp+0},
    {0x1.fae147ae147aep-1, 0x1.29c5c4630ff0ep+1},
    {0x1.ff7ced916872bp-1, 0x1.8b8cbb7204470p+1},
    {0x1.ffffe00000000p-1, 0x1.30d5024a3fa4dp+2},
    {0x1.ffffff0000000p-1, 0x1.5ae1011c48d83p+2},
    {0x1.b7cdfd9d7bdbbp-34, -0x1.97203597a2155p+2},
    {0x1.5fd7fe1796495p-37, -0x1.ad2f7bbec4805p+2},
    {0x1.c965971ea9c5cp-37, -0x1.aaba256709820p+2},
    {0x1.19799812dea11p-40, -0x1.c234fba57a32ap+2},
    {0x1.79ca10c924223p-67, -0x1.2865170b43a4cp+3},
    {0x1.bff2ee48e0530p-333, -0x1.546010d755221p+4},
    {0x1.56e1fc2f8f359p-997, -0x1.286074064c26ep+5},
};

START_TEST(test_quantiles)
{
    double worst = 0;
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
        const double x = mcl_normal_quantile(quantiles[i].p), truth = quantiles[i].x;
        if (truth == 0) {
            ck_assert(x == 0);
            continue;
        }
        worst = fmax(worst, fabs(x - truth) / fabs(truth));
    }
    ck_assert_msg(worst < 1e-15, "relative error %g", worst);
}

/* The values that Wichura gives to check an implementation by. */
START_TEST(test_published_quantiles)
{
    ck_assert_double_eq_tol(mcl_normal_quantile(0.25), -0.6744897501960817, 1e-15);
    ck_assert_double_eq_tol(mcl_normal_quantile(0.001), -3.090232306167814, 4e-15);
    ck_assert_double_eq_tol(mcl_normal_quantile(1e-20), -9.262340089798408, 1e-14);
}

/* All 2^24 that synthetic data can have. */
START_TEST(test_quantiles_rise_and_are_symmetric)
{
    double last = -INFINITY;
    for (uint32_t i = 0; i < 1u << 24; i++) {
        const double p = (i + 0.5) * 0x1p-24;
        const double x = mcl_normal_quantile(p);
        if (!(x > last) || x != -mcl_normal_quantile(1 - p))
            ck_abort_msg("quantile of %a is %a after %a", p, x, last);
        last = x;
    }
}

START_TEST(test_logarithm)
{
    double worst = 0, at = 0;
    for (uint32_t i = 0; i < 4000000; i++) {
        const double fraction = (i + 0.5) / 4000000;
        const double x = i % 2 ? fraction : ldexp(1 + fraction, (int)(i % 2043) - 1021);
        const long double truth = logl(x);
        int exponent;
        (void)frexp((double)truth, &exponent);
        const double ulps = (double)(fabsl((long double)mcl_normal_log(x) - truth) /
                                     (long double)ldexp(1, exponent - 53));
        if (ulps > worst) {
            worst = ulps;
            at = x;
        }
    }
    ck_assert_msg(worst < 2, "%g ulp at %a", worst, at);
    ck_assert(mcl_normal_log(1) == 0);
    ck_assert(mcl_normal_log(0.5) == -0x1.62e42fefa39efp-1);
}

static mcl_data *synthetic(uint64_t rows, uint64_t columns, uint64_t seed)
{
    mcl_data *data = NULL;
    ck_assert_msg(
        mcl_data_synthetic(&data, rows, columns, seed) == MCL_OK, "%s", mcl_error_message());
    return data;
}

/* Against a second implementation: tools/fixtures/philox.py. */
START_TEST(test_committed_values)
{
    uint64_t seed, row, column, last = 0;
    uint32_t bits;
    size_t count = 0;
    mcl_data *data = synthetic(40, 13, 0);
    FILE *file = fopen(MASKCL_FIXTURES "/data/synthetic.txt", "r");
    ck_assert(file != NULL);
    while (fscanf(file, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNx32, &seed, &row, &column,
               &bits) == 4) {
        if (seed != last) {
            mcl_data_free(data);
            data = synthetic(40, 13, seed);
            last = seed;
        }
        const float *values = mcl_data_values(data);
        ck_assert_mem_eq(&values[row * 13 + column], &bits, sizeof bits);
        count++;
    }
    ck_assert_uint_eq(count, 6 * 40 * 13);
    fclose(file);
    mcl_data_free(data);
}

START_TEST(test_a_value_depends_on_its_place_alone)
{
    mcl_data *wide = synthetic(9, 37, 5), *narrow = synthetic(4, 6, 5), *other = synthetic(4, 6, 6);
    const float *a = mcl_data_values(wide), *b = mcl_data_values(narrow);
    for (int row = 0; row < 4; row++)
        ck_assert_mem_eq(a + row * 37, b + row * 6, 6 * sizeof *a);
    ck_assert(memcmp(b, mcl_data_values(other), 24 * sizeof *b) != 0);
    mcl_data_free(wide);
    mcl_data_free(narrow);
    mcl_data_free(other);
}

START_TEST(test_what_the_data_say_of_themselves)
{
    uint64_t shape[MCL_DIMENSIONS_MAX];
    mcl_data *data = synthetic(3, 5, 7);
    ck_assert_uint_eq(mcl_data_rows(data), 3);
    ck_assert_uint_eq(mcl_data_columns(data), 5);
    ck_assert_int_eq(mcl_data_element(data), MCL_ELEMENT_FLOAT32);
    ck_assert_uint_eq(mcl_data_row_shape(data, shape), 1);
    ck_assert_uint_eq(shape[0], 5);
    ck_assert_str_eq(mcl_data_source(data), "synthetic data of 3x5, seed 7");
    mcl_data_free(data);
}

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Four standard deviations of each estimate, and for the distribution the Kolmogorov-Smirnov
 * statistic that one sample in a thousand exceeds. */
START_TEST(test_moments_of_a_million)
{
    const size_t n = 1000000;
    mcl_data *data = synthetic(1000, 1000, 1);
    float *values = malloc(n * sizeof *values);
    ck_assert_int_eq(mcl_data_floats(values, data, 0, 1000), MCL_OK);
    double mean = 0, moments[5] = {0}, neighbours = 0, below = 0, distance = 0;
    for (size_t i = 0; i < n; i++)
        mean += values[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        const double d = values[i] - mean;
        for (int k = 2; k <= 4; k++)
            moments[k] += pow(d, k) / (double)n;
        neighbours += i ? d * (values[i - 1] - mean) / (double)n : 0;
        below += i >= 1000 ? d * (values[i - 1000] - mean) / (double)n : 0;
    }
    ck_assert_double_eq_tol(mean, 0, 4 / sqrt(n));
    ck_assert_double_eq_tol(moments[2], 1, 4 * sqrt(2.0 / n));
    ck_assert_double_eq_tol(moments[3], 0, 4 * sqrt(15.0 / n));
    ck_assert_double_eq_tol(moments[4], 3, 4 * sqrt(96.0 / n));
    ck_assert_double_eq_tol(neighbours, 0, 4 / sqrt(n)); /* in a row */
    ck_assert_double_eq_tol(below, 0, 4 / sqrt(n));      /* in a column */
    qsort(values, n, sizeof *values, compare);
    for (size_t i = 0; i < n; i++) {
        const double expected = 0.5 * erfc(-values[i] / sqrt(2));
        distance = fmax(distance, fabs((i + 0.5) / (double)n - expected));
    }
    ck_assert_double_lt(distance, 1.95 / sqrt(n));
    free(values);
    mcl_data_free(data);
}

START_TEST(test_sizes_that_cannot_be)
{
    static const uint64_t sizes[][2] = {{0, 5}, {5, 0}, {0, 0}, {((uint64_t)1 << 48) + 1, 1},
        {1, ((uint64_t)1 << 34) + 1}, {UINT64_MAX, UINT64_MAX}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        mcl_data *data = NULL;
        ck_assert_int_eq(
            mcl_data_synthetic(&data, sizes[i][0], sizes[i][1], 3), MCL_ERROR_ARGUMENT);
        ck_assert_ptr_null(data);
        ck_assert_ptr_nonnull(strstr(mcl_error_message(), ": there must be 1 to 281474976710656"));
    }
    mcl_data *data = NULL;
    ck_assert_int_eq(
        mcl_data_synthetic(&data, (uint64_t)1 << 40, (uint64_t)1 << 10, 3), MCL_ERROR_MEMORY);
    ck_assert_ptr_null(data);
}

#if MASKCL_FAILING_MEMORY
static int make(void)
{
    mcl_data *data = NULL;
    const mcl_status status = mcl_data_synthetic(&data, 3, 4, 1);
    mcl_data_free(data);
    return status == MCL_OK ? 0 : status == MCL_ERROR_MEMORY && !data ? 1 : -1;
}

START_TEST(test_each_allocation_failing)
{
    ck_assert_uint_eq(fail_each_allocation(make), 3);
}
#endif

int main(void)
{
    Suite *suite = suite_create("synthetic");
    TCase *tcase = tcase_create("synthetic");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_quantiles);
    tcase_add_test(tcase, test_published_quantiles);
    tcase_add_test(tcase, test_quantiles_rise_and_are_symmetric);
    tcase_add_test(tcase, test_logarithm);
    tcase_add_test(tcase, test_committed_values);
    tcase_add_test(tcase, test_a_value_depends_on_its_place_alone);
    tcase_add_test(tcase, test_what_the_data_say_of_themselves);
    tcase_add_test(tcase, test_moments_of_a_million);
    tcase_add_test(tcase, test_sizes_that_cannot_be);
#if MASKCL_FAILING_MEMORY
    tcase_add_test(tcase, test_each_allocation_failing);
#endif
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
