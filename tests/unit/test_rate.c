/* SPDX-License-Identifier: Apache-2.0 */
/* The rate of runs whose true rate is known, seen by a host that is late in many ways. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "train/rate.h"

#define BATCH 256
#define TOLERANCE 0.2

/* When the host sees the end of step i of a run whose steps take `step` seconds each. */
typedef double sight(uint64_t i, double step);

static double uniform(uint64_t i)
{
    uint32_t words[4];
    mcl_random_words(words, 5, MCL_STREAM_DATA, 0, 0, i, 0);
    return (double)mcl_uniform(words[0]);
}

static double ends(uint64_t i, double step)
{
    return (double)(i + 1) * step;
}

/* Each a little late, but never before its predecessor. */
static double jitter(uint64_t i, double step)
{
    double late = 0;
    for (uint64_t k = i < 400 ? 0 : i - 400; k <= i; k++)
        late = fmax(late, ends(k, step) + 0.01 * uniform(k));
    return late;
}

/* Four at once, when the last of them has ended. */
static double bursts(uint64_t i, double step)
{
    return ends(i | 3, step);
}

/* As bursts, each of the four some microseconds after the one before. */
static double near_bursts(uint64_t i, double step)
{
    return ends(i | 3, step) + 2e-6 * (double)(i & 3);
}

/* Drivers compile in the first step. */
static double compiling(uint64_t i, double step)
{
    return 2.5 + ends(i, step);
}

/* The clock stands still for 10 ms at a time. */
static double coarse(uint64_t i, double step)
{
    return floor(ends(i, step) * 100 + 1) / 100;
}

static void run_steadily(sight *seen, double step, uint64_t steps)
{
    mcl_rate rate;
    mcl_rate_start(&rate, 1000);
    uint64_t settled = 0;
    for (uint64_t i = 0; i < steps; i++) {
        mcl_rate_step(&rate, 1000 + seen(i, step), (i + 1) * BATCH);
        if (!mcl_rate_settled(&rate)) {
            ck_assert_uint_eq(settled, 0);
            continue;
        }
        settled++;
        const double value = mcl_rate_value(&rate), expected = BATCH / step;
        if (!(fabs(value - expected) <= TOLERANCE * expected))
            ck_abort_msg("step %u: %g rows/s, not %g", (unsigned)i + 1, value, expected);
    }
    ck_assert_uint_gt(settled, 0);
    ck_assert_double_lt((double)(steps - settled) * step, MCL_RATE_SETTLED + 5 * step + 0.02);
}

static sight *const sights[] = {ends, jitter, bursts, near_bursts, compiling, coarse};

START_TEST(test_steady)
{
    static const double steps[] = {1e-4, 1e-3, 5e-3, 0.013};
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++)
        run_steadily(sights[_i], steps[s], (uint64_t)(5 / steps[s]));
}
END_TEST

START_TEST(test_long_steps)
{
    run_steadily(ends, 0.7, 20);
    run_steadily(ends, 1, 20);
    run_steadily(ends, 45, 20);
    run_steadily(jitter, 45, 20);
    run_steadily(compiling, 45, 20);
}
END_TEST

/* A rate that changes is the new one after the window, and in it the mean of both. */
START_TEST(test_change)
{
    mcl_rate rate;
    mcl_rate_start(&rate, 0);
    double time = 0;
    uint64_t rows = 0;
    for (int i = 0; i < 1000; i++)
        mcl_rate_step(&rate, time += 0.01, rows += 100);
    ck_assert_double_eq_tol(mcl_rate_value(&rate), 10000, 1);
    for (int i = 0; i < 25; i++)
        mcl_rate_step(&rate, time += 0.02, rows += 100);
    ck_assert_double_eq_tol(mcl_rate_value(&rate), 7500, 500);
    for (int i = 0; i < 30; i++)
        mcl_rate_step(&rate, time += 0.02, rows += 100);
    ck_assert_double_eq_tol(mcl_rate_value(&rate), 5000, 1);
}
END_TEST

/* What stood still for longer than the window did not train: the steps after it do not hide it. */
START_TEST(test_pause)
{
    mcl_rate rate;
    mcl_rate_start(&rate, 0);
    double time = 0;
    for (uint64_t i = 1; i <= 500; i++)
        mcl_rate_step(&rate, time += 0.01, 100 * i);
    mcl_rate_step(&rate, time += 5, 100 * 501);
    mcl_rate_step(&rate, time += 1e-6, 100 * 502);
    ck_assert_double_lt(mcl_rate_value(&rate), 100);
}
END_TEST

START_TEST(test_first_steps)
{
    mcl_rate rate;
    mcl_rate_start(&rate, 7);
    mcl_rate_step(&rate, 9, 100);
    ck_assert(!mcl_rate_settled(&rate)); /* the first step may have been long for other reasons */
    ck_assert_double_eq(mcl_rate_value(&rate), 50);
    mcl_rate_step(&rate, 9.125, 200);
    ck_assert(!mcl_rate_settled(&rate));
    ck_assert_double_eq(mcl_rate_value(&rate), 800);
    mcl_rate_step(&rate, 9.25, 300);
    ck_assert(mcl_rate_settled(&rate));
    ck_assert_double_eq(mcl_rate_value(&rate), 800);
}
END_TEST

/* A host that was busy in the first step sees the ends of the few others at once. */
START_TEST(test_short_run)
{
    mcl_rate rate;
    mcl_rate_start(&rate, 7);
    for (int i = 1; i <= 4; i++)
        mcl_rate_step(&rate, 7.5 + i * 1e-6, 100 * (uint64_t)i);
    ck_assert_double_eq_tol(mcl_rate_value(&rate), 800, 1);
}
END_TEST

/* Steps that a clock cannot tell apart still have a rate. */
START_TEST(test_no_time_at_all)
{
    mcl_rate rate;
    mcl_rate_start(&rate, 7);
    mcl_rate_step(&rate, 7.5, 100);
    mcl_rate_step(&rate, 7.5, 200);
    ck_assert_double_eq(mcl_rate_value(&rate), 400);
    mcl_rate_start(&rate, 7);
    mcl_rate_step(&rate, 7, 100);
    mcl_rate_step(&rate, 7, 200);
    ck_assert(isfinite(mcl_rate_value(&rate)));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rate");
    TCase *tcase = tcase_create("rate");
    tcase_add_loop_test(tcase, test_steady, 0, sizeof sights / sizeof *sights);
    tcase_add_test(tcase, test_long_steps);
    tcase_add_test(tcase, test_change);
    tcase_add_test(tcase, test_pause);
    tcase_add_test(tcase, test_first_steps);
    tcase_add_test(tcase, test_short_run);
    tcase_add_test(tcase, test_no_time_at_all);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
