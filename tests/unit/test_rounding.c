/* SPDX-License-Identifier: Apache-2.0 */
/* The elementary functions: special values and hard cases against correctly rounded results, a
 * slice of all arguments against double precision, and the same bits from every device, compiler
 * and processor mode. tests/conformance/ulp.c does the same over all arguments. */
#include <check.h>
#include <stdbool.h>
#ifdef __SSE2__
#include <xmmintrin.h>
#endif

#include "data/normal.h"
#include "support/rounding.h"

/* A slice is every STEP-th argument; the steps are prime, to meet all exponents and many
 * significands. The wider ones are for slow builds and devices. */
#define STEP 1009
#define STEP_WIDE 65537
#define STEP_OCLGRIND 4194301
#define CHUNK 65536 /* arguments of one run on a device */
#define CASES_MAX 4096

/* The committed hard cases and special values. */
static struct {
    size_t count;
    struct {
        size_t function;
        uint32_t a, b, result;
    } of[CASES_MAX];
} cases;

/* An assertion for loops over millions: Check records every assertion that holds, which takes
 * longer than what is asserted. */
#define REQUIRE(condition, ...)                                                                    \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

static void load_cases(void)
{
    FILE *file = fopen(MASKCL_FIXTURES "/rounding.txt", "r");
    ck_assert_msg(file != NULL, "cannot open " MASKCL_FIXTURES "/rounding.txt");
    char line[128];
    cases.count = 0;
    while (fgets(line, sizeof line, file)) {
        char name[16];
        unsigned numbers[3];
        const int read = sscanf(line, "%15s %x %x %x", name, &numbers[0], &numbers[1], &numbers[2]);
        size_t f = 0;
        while (f < FUNCTIONS && strcmp(functions[f].name, name) != 0)
            f++;
        ck_assert_msg(f < FUNCTIONS, "an unknown function: %s", line);
        ck_assert_msg(read == (functions[f].host2 ? 4 : 3), "a damaged line: %s", line);
        ck_assert(cases.count < CASES_MAX);
        cases.of[cases.count].function = f;
        cases.of[cases.count].a = numbers[0];
        cases.of[cases.count].b = functions[f].host2 ? numbers[1] : 0;
        cases.of[cases.count].result = numbers[read - 2];
        cases.count++;
    }
    fclose(file);
    ck_assert_uint_gt(cases.count, 1500);
}

/* Arguments for a function: its cases, then a slice, with random second arguments. Two walks that
 * start alike meet the same arguments. */
struct walk {
    size_t function, next_case;
    uint64_t next, step, random;
};

static struct walk walk_slice(uint64_t step)
{
    return (struct walk){.next_case = cases.count, .step = step, .random = 1};
}

static struct walk walk_cases_and_slice(size_t function, uint64_t step)
{
    return (struct walk){.function = function, .step = step, .random = 1};
}

static bool walk_next(struct walk *walk, uint32_t *a, uint32_t *b)
{
    while (walk->next_case < cases.count && cases.of[walk->next_case].function != walk->function)
        walk->next_case++;
    if (walk->next_case < cases.count) {
        *a = cases.of[walk->next_case].a;
        *b = cases.of[walk->next_case++].b;
        return true;
    }
    if (walk->next > UINT32_MAX)
        return false;
    *a = (uint32_t)walk->next;
    *b = (uint32_t)next_random(&walk->random);
    walk->next += walk->step;
    return true;
}

START_TEST(test_special_and_hard_cases)
{
    load_cases();
    for (size_t i = 0; i < cases.count; i++) {
        const struct function *function = &functions[cases.of[i].function];
        const uint32_t a = cases.of[i].a, b = cases.of[i].b, correct = cases.of[i].result;
        const uint32_t got = host_bits(function, a, b);
        const double truth = reference(function, a, b);
        ck_assert_msg(
            got == correct || (function->bound == ONE_ULP && (got - correct + 1) <= 2 &&
                                  keeps_bound(function, truth, got, error_in_ulp(truth, got))),
            "%s %08x %08x: %08x instead of %08x", function->name, a, b, got, correct);
        /* the double reference that the slices rely on agrees with mpmath */
        ck_assert_msg(error_in_ulp(truth, correct) <= 0.5000001, "%s %08x %08x: reference %a",
            function->name, a, b, truth);
    }
}
END_TEST

START_TEST(test_slice_keeps_bounds)
{
    const struct function *function = &functions[_i];
    double largest = 0;
    struct walk walk = walk_slice(STEP);
    for (uint32_t a, b; walk_next(&walk, &a, &b);) {
        const double truth = reference(function, a, b);
        const uint32_t got = host_bits(function, a, b);
        const double error = error_in_ulp(truth, got);
        REQUIRE(keeps_bound(function, truth, got, error), "%s %08x %08x: %08x instead of %a",
            function->name, a, b, got, truth);
        largest = fmax(largest, error);
    }
    /* a bound that nothing comes near would not be testing anything */
    if (function->bound != EXACT)
        ck_assert_double_gt(largest, 0.49);
}
END_TEST

/* FNV-1a over the results of the slice. Every compiler, optimisation level and processor must
 * arrive at these; they change only with the formulas. */
static const uint64_t digests[FUNCTIONS] = {
    0x2B3B6A813C69947Cu, /* exp */
    0xD1ADD93594EB1DABu, /* log */
    0x7146FF4D6775CD50u, /* tanh */
    0xAA26736C15D4ACC6u, /* erf */
    0xF5A0A4F2A0ADA003u, /* sin */
    0x801325AB4F236D68u, /* cos */
    0x3317DC8C2AAF9B02u, /* rsqrt */
    0xE59E59A824FAAEFDu, /* sqrt */
    0x3EECFE01238BA141u, /* reciprocal */
    0x566F7F3EB72FF131u, /* divide */
    0xFA71BAF1BBB612B8u, /* flush */
};

START_TEST(test_slice_has_the_committed_bits)
{
    const struct function *function = &functions[_i];
    uint64_t digest = 0xCBF29CE484222325u;
    struct walk walk = walk_slice(STEP);
    for (uint32_t a, b; walk_next(&walk, &a, &b);)
        digest = (digest ^ host_bits(function, a, b)) * 0x100000001B3u;
    ck_assert_msg(digest == digests[_i], "%s: digest 0x%016llX instead of 0x%016llX",
        function->name, (unsigned long long)digest, (unsigned long long)digests[_i]);
}
END_TEST

#ifdef __SSE2__
/* A processor that takes subnormal arguments as zero and flushes subnormal results. */
START_TEST(test_flushing_processor_gives_the_same_bits)
{
    const struct function *function = &functions[_i];
    const unsigned flush_both = 0x8040, mode = _mm_getcsr();
    load_cases();
    struct walk walk = walk_cases_and_slice((size_t)_i, STEP_WIDE);
    for (uint32_t a, b; walk_next(&walk, &a, &b);) {
        const uint32_t expected = host_bits(function, a, b);
        _mm_setcsr(mode | flush_both);
        volatile float tiny = 0x1p-126f;
        const volatile float half = tiny * 0.5f;
        const uint32_t got = host_bits(function, a, b);
        _mm_setcsr(mode);
        REQUIRE(half == 0, "the processor does not flush");
        REQUIRE(got == expected, "%s %08x %08x: %08x when flushing, %08x else", function->name, a,
            b, got, expected);
    }
}
END_TEST
#endif

static void compare_device(cl_device_id id, const char *options, uint64_t step)
{
    static struct rounding_device device;
    static uint32_t a[CHUNK], b[CHUNK], results[CHUNK];
    cl_int code = rounding_device_open(&device, id, options, CHUNK);
    ck_assert_msg(code == CL_SUCCESS, "%s %s: cannot open: error %d\n%s", device.name, options,
        code, device.log);
    if (strstr(device.name, "Oclgrind"))
        step = STEP_OCLGRIND; /* it interprets kernels */
    size_t compared = 0;
    for (size_t f = 0; f < FUNCTIONS; f++) {
        struct walk walk = walk_cases_and_slice(f, step);
        size_t count;
        do {
            for (count = 0; count < CHUNK && walk_next(&walk, &a[count], &b[count]);)
                count++;
            if (count == 0)
                break;
            compared += count;
            memset(results, 0xA5, sizeof results);
            code = rounding_device_run(&device, &functions[f], a, b, results, count);
            ck_assert_msg(code == CL_SUCCESS, "%s: %s does not run: error %d", device.name,
                functions[f].name, code);
            for (size_t i = 0; i < count; i++) {
                const uint32_t expected = host_bits(&functions[f], a[i], b[i]);
                REQUIRE(results[i] == expected,
                    "%s '%s': %s %08x %08x is %08x, and %08x on the host", device.name, options,
                    functions[f].name, a[i], b[i], results[i], expected);
            }
        } while (count == CHUNK);
    }
    printf("%s '%s': %zu results compared\n", device.name, options, compared);
    rounding_device_close(&device);
}

/* With the device's own division and square root, where it declares them correctly rounded. */
#define EXACT_DIVISION                                                                             \
    "-cl-std=CL1.2 -cl-fp32-correctly-rounded-divide-sqrt -D MCL_EXACT_DIVISION=1"

static bool divides_exactly(cl_device_id id)
{
    cl_device_fp_config single = 0;
    clGetDeviceInfo(id, CL_DEVICE_SINGLE_FP_CONFIG, sizeof single, &single, NULL);
    return (single & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0;
}

/* Optimised, not optimised, and with subnormal numbers flushed where a device offers it. */
START_TEST(test_devices_give_the_host_s_bits)
{
    static const struct {
        const char *options;
        uint64_t step;
    } builds[] = {
        {EXACT_DIVISION, STEP},
        {"-cl-std=CL1.2", STEP},
        {"-cl-std=CL1.2 -cl-opt-disable", STEP_WIDE},
        {"-cl-std=CL1.2 -cl-denorms-are-zero", STEP_WIDE},
    };
    cl_device_id ids[16];
    const size_t count = rounding_devices(ids, 16);
    if (count == 0)
        puts("skipped: there is no OpenCL device to compare with the host");
    load_cases();
    for (size_t d = 0; d < count; d++) {
        if (strcmp(builds[_i].options, EXACT_DIVISION) != 0 || divides_exactly(ids[d]))
            compare_device(ids[d], builds[_i].options, builds[_i].step);
    }
}
END_TEST

/* Quotients close to 2^-126, where a device's own division and this one's rule part: the next
 * significands to that of the divisor, of both operands' either sign. */
START_TEST(test_devices_divide_to_the_smallest_number)
{
    enum { NEAR = 4, EXPONENTS = 8, COUNT = NEAR * EXPONENTS * 4 };
    static struct rounding_device device;
    static uint32_t a[CHUNK], b[CHUNK], results[CHUNK];
    cl_device_id ids[16];
    const size_t count = rounding_devices(ids, 16);
    size_t smallest = 0, pairs = 0;
    while (pairs + COUNT <= CHUNK) {
        static uint64_t random = 7;
        const uint32_t significand = (uint32_t)next_random(&random) & 0x007FFFFFu;
        for (uint32_t i = 0; i < COUNT; i++) {
            const uint32_t exponent = 1 + i / (4 * NEAR) * 15; /* of a */
            a[pairs] = (exponent << 23) + significand - 1 + i / 4 % NEAR;
            b[pairs] = ((exponent + 126) << 23) + significand;
            a[pairs] |= i & 1 ? 0x80000000u : 0;
            b[pairs] |= i & 2 ? 0x80000000u : 0;
            smallest += (host_bits(&functions[DIVIDE], a[pairs], b[pairs]) << 1) != 0;
            pairs++;
        }
    }
    ck_assert_msg(smallest > pairs / 4 && smallest < pairs, "%zu of %zu", smallest, pairs);
    for (size_t d = 0; d < count; d++) {
        const char *options = divides_exactly(ids[d]) ? EXACT_DIVISION : "-cl-std=CL1.2";
        cl_int code = rounding_device_open(&device, ids[d], options, CHUNK);
        ck_assert_msg(code == CL_SUCCESS, "%s: error %d\n%s", device.name, code, device.log);
        code = rounding_device_run(&device, &functions[DIVIDE], a, b, results, pairs);
        ck_assert_msg(code == CL_SUCCESS, "%s: error %d", device.name, code);
        for (size_t i = 0; i < pairs; i++) {
            const uint32_t expected = host_bits(&functions[DIVIDE], a[i], b[i]);
            REQUIRE(results[i] == expected, "%s: %08x / %08x is %08x, and %08x on the host",
                device.name, a[i], b[i], results[i], expected);
        }
        rounding_device_close(&device);
    }
}
END_TEST

/* Adam's corrections, and significands next to powers of 2; dividends of all exponents allowed. */
START_TEST(test_divide_by)
{
    enum { DIVISORS = 300, DIVIDENDS = 20000 };
    uint64_t random = 5;
    for (int k = 0; k < DIVISORS; k++) {
        const float ends[] = {1.0f, 0x1.000002p-1f, 0x1.fffffep-1f, 0x1p-30f, 0x1.fffffep-30f};
        const float b = k < 5 ? ends[k] : (float)sqrt(1.0 - pow(0.999, k - 4));
        const float inverse = mcl_host_reciprocal(b);
        for (int i = 0; i < DIVIDENDS; i++) {
            const float whole[] = {0.0f, 0x1p-64f, INFINITY, to_float(0x7FC00000u)};
            uint32_t bits = (uint32_t)next_random(&random) & 0x7FFFFFFFu;
            if (bits < to_bits(0x1p-64f))
                bits += to_bits(0x1p-64f);
            if (bits > to_bits(0x1p64f)) /* the root of a float, at most */
                bits -= 0x20000000u;
            const float a = i < 4 ? whole[i] : to_float(bits);
            REQUIRE(to_bits(mcl_host_divide_by(a, b, inverse)) == to_bits(mcl_host_divide(a, b)),
                "%a / %a is %a", a, b, mcl_host_divide_by(a, b, inverse));
        }
    }
}
END_TEST

/* The rule is about magnitudes, and the zero has one sign. */
START_TEST(test_flush)
{
    static const struct {
        float x, result;
    } flushed[] = {
        {0x1p-125f, 0x1p-125f},
        {-0x1p-125f, -0x1p-125f},
        {0x1.fffffep-126f, 0},
        {-0x1.fffffep-126f, 0},
        {0x1p-126f, 0},
        {0x1p-149f, 0},
        {-0x1p-149f, 0},
        {0.0f, 0},
        {-0.0f, 0},
        {1.5f, 1.5f},
        {INFINITY, INFINITY},
        {-INFINITY, -INFINITY},
    };
    for (size_t i = 0; i < sizeof flushed / sizeof *flushed; i++)
        ck_assert_msg(to_bits(mcl_host_flush(flushed[i].x)) == to_bits(flushed[i].result), "%a",
            flushed[i].x);
    ck_assert_uint_eq(to_bits(mcl_host_flush(to_float(0xFFC12345u))), 0x7FC00000u);
    ck_assert_uint_eq(to_bits(mcl_host_flush(to_float(0x7F800001u))), 0x7FC00000u);
}
END_TEST

/* Every argument there is, against AS 241 in double precision; and some on every device. */
START_TEST(test_quantile)
{
    static const struct function quantile = {.name = "quantile", .host = mcl_host_quantile};
    static uint32_t arguments[CHUNK], results[CHUNK];
    double largest = 0.0;
    for (int32_t odd = -0xFFFFFF; odd <= 0xFFFFFF; odd += 2) {
        const float x = (float)odd * 0x1p-24f;
        const double truth = mcl_normal_quantile((0.5 * (double)odd + 0x1p23) * 0x1p-24);
        const double error = fabs((double)mcl_host_quantile(x) - truth) / fabs(truth);
        largest = fmax(largest, error);
        if (odd % 257 == 0)
            arguments[(odd / 257 + 0xFFFF) / 2] = to_bits(x);
    }
    ck_assert_msg(largest < 0x1p-21 && largest > 0x1p-23, "the largest error is %a", largest);
    cl_device_id ids[16];
    const size_t count = rounding_devices(ids, 16);
    for (size_t d = 0; d < count; d++) {
        static struct rounding_device device;
        const size_t compared = CHUNK;
        ck_assert_int_eq(rounding_device_open(&device, ids[d], "-cl-std=CL1.2", CHUNK), CL_SUCCESS);
        const size_t some = strstr(device.name, "Oclgrind") ? 16 : compared;
        ck_assert_int_eq(
            rounding_device_run(&device, &quantile, arguments, arguments, results, some),
            CL_SUCCESS);
        for (size_t i = 0; i < some; i++)
            REQUIRE(results[i] == to_bits(mcl_host_quantile(to_float(arguments[i]))),
                "%s: the quantile of %08x is %08x", device.name, arguments[i], results[i]);
        rounding_device_close(&device);
    }
}
END_TEST

/* The short forms for |x| ≤ π have the bits of the long ones, on every device. */
START_TEST(test_near_angles)
{
    static const struct function near[2] = {
        {.name = "sin_near", .host = mcl_host_sin}, {.name = "cos_near", .host = mcl_host_cos}};
    static uint32_t arguments[CHUNK], results[CHUNK];
    for (uint32_t i = 0; i < CHUNK; i++) /* of every exponent, and the float next to π */
        arguments[i] = (0x40490FDBu - i / 2 * 32749) | i % 2 << 31;
    cl_device_id ids[16];
    const size_t count = rounding_devices(ids, 16);
    for (size_t d = 0; d < count; d++) {
        static struct rounding_device device;
        ck_assert_int_eq(rounding_device_open(&device, ids[d], "-cl-std=CL1.2", CHUNK), CL_SUCCESS);
        const size_t some = strstr(device.name, "Oclgrind") ? 16 : CHUNK;
        for (size_t f = 0; f < 2; f++) {
            ck_assert_int_eq(
                rounding_device_run(&device, &near[f], arguments, arguments, results, some),
                CL_SUCCESS);
            for (size_t i = 0; i < some; i++)
                REQUIRE(results[i] == host_bits(&near[f], arguments[i], 0),
                    "%s: %s of %08x is %08x", device.name, near[f].name, arguments[i], results[i]);
        }
        rounding_device_close(&device);
    }
}
END_TEST

/* All significands and both parities of the exponent: with the exponent handled apart, this is all
 * that a root can meet. */
START_TEST(test_square_root_of_every_significand)
{
    for (uint32_t bits = 0x3F800000u; bits < 0x40800000u; bits++) {
        const uint32_t root = to_bits(mcl_host_sqrt(to_float(bits)));
        REQUIRE(root == to_bits((float)sqrt(to_float(bits))), "%08x: %08x", bits, root);
    }
}
END_TEST

/* The quotient is proven right from a correctly rounded reciprocal of every significand. */
START_TEST(test_reciprocal_of_every_significand)
{
    for (uint32_t bits = 0x3F800000u; bits < 0x40000000u; bits++) {
        const uint32_t inverse = to_bits(mcl_host_reciprocal(to_float(bits)));
        REQUIRE(inverse == to_bits((float)(1.0 / to_float(bits))), "%08x: %08x", bits, inverse);
    }
}
END_TEST

START_TEST(test_odd_functions_are_odd)
{
    for (uint32_t bits = 0; bits <= 0x7F800000u; bits += STEP) {
        const float x = to_float(bits);
        REQUIRE(to_bits(mcl_host_tanh(-x)) == to_bits(-mcl_host_tanh(x)), "tanh %a", x);
        REQUIRE(to_bits(mcl_host_erf(-x)) == to_bits(-mcl_host_erf(x)), "erf %a", x);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rounding");
    TCase *tcase = tcase_create("rounding");
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, test_special_and_hard_cases);
    tcase_add_loop_test(tcase, test_slice_keeps_bounds, 0, FUNCTIONS);
    tcase_add_loop_test(tcase, test_slice_has_the_committed_bits, 0, FUNCTIONS);
#ifdef __SSE2__
    tcase_add_loop_test(tcase, test_flushing_processor_gives_the_same_bits, 0, FUNCTIONS);
#endif
    tcase_add_loop_test(tcase, test_devices_give_the_host_s_bits, 0, 4);
    tcase_add_test(tcase, test_devices_divide_to_the_smallest_number);
    tcase_add_test(tcase, test_divide_by);
    tcase_add_test(tcase, test_flush);
    tcase_add_test(tcase, test_square_root_of_every_significand);
    tcase_add_test(tcase, test_quantile);
    tcase_add_test(tcase, test_near_angles);
    tcase_add_test(tcase, test_reciprocal_of_every_significand);
    tcase_add_test(tcase, test_odd_functions_are_odd);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
