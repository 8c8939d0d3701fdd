/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the elementary functions over all 2^32 arguments (division: quotients closest to the middle
 * of two floats, then random pairs) on the host and on every OpenCL device, and reports the largest
 * error, measured by MPFR, and the first argument whose bits differ on a device.
 *
 *     ulp [--function NAME] [--step N] [--pairs N]
 *
 * --step N takes every N-th argument only, --pairs N that many random pairs (10,000,000,000). The
 * largest error is looked for against double precision, which is off by 10^-8 units, and measured
 * anew where it is found. Exits 1 where a bound is broken or a device differs. */
#include <mpfr.h>

#include "support/rounding.h"

#define CHUNK (1u << 20)
#define DEVICES_MAX 16

static struct device_state {
    struct rounding_device device;
    uint64_t differences;
    uint32_t a, b, result; /* of the first difference */
} devices[DEVICES_MAX];
static size_t device_count;

static uint32_t arguments[CHUNK], seconds[CHUNK], results[CHUNK], on_device[CHUNK];

/* What a function's run has found. */
struct outcome {
    uint64_t count, broken;
    double largest;
    uint32_t a, b;               /* of the largest error */
    uint32_t broken_a, broken_b; /* of the first broken bound */
};

/* The error of the host's result in units in the last place of the true value. */
static double measure(const struct function *function, uint32_t a, uint32_t b)
{
    mpfr_t truth, other;
    mpfr_inits2(200, truth, other, (mpfr_ptr)NULL);
    mpfr_set_flt(truth, without_subnormal(to_float(a)), MPFR_RNDN);
    mpfr_set_flt(other, without_subnormal(to_float(b)), MPFR_RNDN);
    if (strcmp(function->name, "exp") == 0)
        mpfr_exp(truth, truth, MPFR_RNDN);
    else if (strcmp(function->name, "log") == 0)
        mpfr_log(truth, truth, MPFR_RNDN);
    else if (strcmp(function->name, "tanh") == 0)
        mpfr_tanh(truth, truth, MPFR_RNDN);
    else if (strcmp(function->name, "erf") == 0)
        mpfr_erf(truth, truth, MPFR_RNDN);
    else if (strcmp(function->name, "sin") == 0)
        mpfr_sin(truth, truth, MPFR_RNDN);
    else if (strcmp(function->name, "cos") == 0)
        mpfr_cos(truth, truth, MPFR_RNDN);
    else if (strcmp(function->name, "rsqrt") == 0)
        mpfr_rec_sqrt(truth, truth, MPFR_RNDN);
    else if (strcmp(function->name, "sqrt") == 0)
        mpfr_sqrt(truth, truth, MPFR_RNDN);
    else if (strcmp(function->name, "reciprocal") == 0)
        mpfr_ui_div(truth, 1, truth, MPFR_RNDN);
    else if (strcmp(function->name, "divide") == 0)
        mpfr_div(truth, truth, other, MPFR_RNDN);
    double error = 0;
    if (mpfr_regular_p(truth)) {
        const long exponent = mpfr_get_exp(truth);
        mpfr_sub_d(truth, truth, to_float(host_bits(function, a, b)), MPFR_RNDN);
        mpfr_mul_2si(truth, truth, 24 - exponent, MPFR_RNDN);
        error = fabs(mpfr_get_d(truth, MPFR_RNDN));
    }
    mpfr_clears(truth, other, (mpfr_ptr)NULL);
    return error;
}

/* Checks count arguments that lie in arguments and seconds. */
static void check_chunk(struct outcome *outcome, const struct function *function, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        results[i] = host_bits(function, arguments[i], seconds[i]);
        const double truth = reference(function, arguments[i], seconds[i]);
        const double error = error_in_ulp(truth, results[i]);
        if (!keeps_bound(function, truth, results[i], error) && outcome->broken++ == 0) {
            outcome->broken_a = arguments[i];
            outcome->broken_b = seconds[i];
        }
        if (error > outcome->largest && error != HUGE_VAL) {
            outcome->largest = error;
            outcome->a = arguments[i];
            outcome->b = seconds[i];
        }
    }
    outcome->count += count;
    for (size_t d = 0; d < device_count; d++) {
        struct device_state *state = &devices[d];
        const cl_int code =
            rounding_device_run(&state->device, function, arguments, seconds, on_device, count);
        if (code != CL_SUCCESS) {
            fprintf(stderr, "%s: %s: OpenCL error %d\n", state->device.name, function->name, code);
            exit(EXIT_FAILURE);
        }
        for (size_t i = 0; i < count; i++) {
            if (on_device[i] != results[i] && state->differences++ == 0) {
                state->a = arguments[i];
                state->b = seconds[i];
                state->result = on_device[i];
            }
        }
    }
}

static void run_all_arguments(
    struct outcome *outcome, const struct function *function, uint64_t step)
{
    size_t count = 0;
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += step) {
        arguments[count] = (uint32_t)bits;
        seconds[count++] = 0;
        if (count == CHUNK || bits + step > UINT32_MAX) {
            check_chunk(outcome, function, count);
            count = 0;
        }
    }
}

/* Quotients close to a middle. In whole numbers, with n and d the significands as 24-bit integers
 * and m, odd and of 25 bits, the middle: n·2^s = m·d − c, where s is 24 for n ≥ d and 25 else, and
 * the quotient is c/d of half a unit from it. For odd d and small c there is at most one m; an even
 * d repeats the quotients of an odd one, no closer to a middle. */
static void run_close_quotients(
    struct outcome *outcome, const struct function *function, uint64_t step)
{
    size_t count = 0;
    uint64_t random = 3;
    for (uint64_t d = (1u << 23) + 1; d < 1u << 24; d += 2 * step) {
        uint64_t inverse = d; /* of d modulo a power of two, by Newton's iteration */
        for (int i = 0; i < 5; i++)
            inverse *= 2 - d * inverse;
        for (int64_t c = -15; c <= 15; c += 2) {
            for (unsigned s = 24; s <= 25; s++) {
                const uint64_t m =
                    (((uint64_t)c * inverse) & ((1u << s) - 1)) | (s == 24 ? 1u << 24 : 0);
                const uint64_t n = (m * d - (uint64_t)c) >> s;
                if (m >> 24 != 1 || n >> 23 != 1)
                    continue;
                const uint64_t exponents = next_random(&random);
                const uint32_t e = 64 + exponents % 128, f = 64 + (exponents >> 32) % 128;
                arguments[count] = e << 23 | ((uint32_t)n & 0x7FFFFFu);
                seconds[count++] = f << 23 | ((uint32_t)d & 0x7FFFFFu);
                if (count == CHUNK) {
                    check_chunk(outcome, function, count);
                    count = 0;
                }
            }
        }
    }
    check_chunk(outcome, function, count);
}

static void run_random_pairs(
    struct outcome *outcome, const struct function *function, uint64_t pairs)
{
    uint64_t random = 4;
    while (pairs > 0) {
        const size_t count = pairs < CHUNK ? (size_t)pairs : CHUNK;
        for (size_t i = 0; i < count; i++) {
            const uint64_t pair = next_random(&random);
            arguments[i] = (uint32_t)pair;
            seconds[i] = (uint32_t)(pair >> 32);
        }
        check_chunk(outcome, function, count);
        pairs -= count;
    }
}

/* One line for the host and one for each device; returns whether all is well. */
static int report(const struct function *function, const struct outcome *outcome)
{
    int well = outcome->broken == 0;
    printf("%-10s  %14llu  %.6f  ", function->name, (unsigned long long)outcome->count,
        function->bound == EXACT ? 0.0 : measure(function, outcome->a, outcome->b));
    if (function->host2)
        printf("%a / %a", to_float(outcome->a), to_float(outcome->b));
    else
        printf("%a", to_float(outcome->a));
    printf("%s\n", well ? "" : "  BROKEN");
    if (!well)
        printf("    %llu results break the bound, first %08x %08x: %08x\n",
            (unsigned long long)outcome->broken, outcome->broken_a, outcome->broken_b,
            host_bits(function, outcome->broken_a, outcome->broken_b));
    for (size_t d = 0; d < device_count; d++) {
        struct device_state *state = &devices[d];
        if (state->differences == 0) {
            printf("    the same bits on %s\n", state->device.name);
        } else {
            printf("    %llu differ on %s, first %08x %08x: %08x, host %08x\n",
                (unsigned long long)state->differences, state->device.name, state->a, state->b,
                state->result, host_bits(function, state->a, state->b));
            well = 0;
        }
        state->differences = 0;
    }
    fflush(stdout);
    return well;
}

static uint64_t number_after(int argc, char **argv, const char *option, uint64_t otherwise)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], option) == 0)
            return strtoull(argv[i + 1], NULL, 10);
    }
    return otherwise;
}

int main(int argc, char **argv)
{
    const uint64_t step = number_after(argc, argv, "--step", 1);
    const uint64_t pairs = number_after(argc, argv, "--pairs", 10000000000u);
    const char *only = NULL;
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--function") == 0)
            only = argv[i + 1];
    }
    if (step == 0) {
        fprintf(stderr, "--step must be at least 1\n");
        return 2;
    }
    cl_device_id ids[DEVICES_MAX];
    device_count = rounding_devices(ids, DEVICES_MAX);
    for (size_t d = 0; d < device_count; d++) {
        struct rounding_device *device = &devices[d].device;
        const cl_int code = rounding_device_open(device, ids[d], "-cl-std=CL1.2", CHUNK);
        if (code != CL_SUCCESS) {
            fprintf(stderr, "%s: OpenCL error %d\n%s\n", device->name, code, device->log);
            return EXIT_FAILURE;
        }
    }
    int well = 1, known = 0;
    printf("function         arguments     ulp  at\n");
    for (size_t f = 0; f < FUNCTIONS; f++) {
        const struct function *function = &functions[f];
        if (only && strcmp(only, function->name) != 0)
            continue;
        known = 1;
        struct outcome outcome = {0};
        if (function->host2) {
            run_close_quotients(&outcome, function, step);
            run_random_pairs(&outcome, function, pairs);
        } else {
            run_all_arguments(&outcome, function, step);
        }
        well &= report(function, &outcome);
    }
    if (!known)
        fprintf(stderr, "there is no function called '%s'\n", only);
    for (size_t d = 0; d < device_count; d++)
        rounding_device_close(&devices[d].device);
    mpfr_free_cache();
    return !known ? 2 : well ? EXIT_SUCCESS : EXIT_FAILURE;
}
