/* SPDX-License-Identifier: Apache-2.0 */
/* What kernels are made of: operations, elementary functions, random numbers. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "base/rounding.h"
#include "device/fma.h"
#include "verify/checker.h"

#define PLAIN "-D FUNCTION=mcl_flush -D OPERANDS=1 -D LANES=1"
#define OPERATIONS 65536
#define ARGUMENTS (1 << 20)
#define GRID 8192 /* of the arguments: every exponent with some significands */
#define DRAWS 16384
#define DRAW_STEP 0x123456789u /* rows go beyond 2³² */

/* Turns random numbers to ones of sizes from 2^-40 to 2^23. */
static void spread_exponents(float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = ldexpf(values[i], (int)(i * 37 % 64) - 40);
}

static mcl_status check_fma(mcl_checker *checker)
{
    mcl_fma_trial trial;
    MCL_TRY(mcl_fma_try(&trial, checker->context));
    mcl_check check = {.kernel = "fma", .cases = trial.cases, .agrees = trial.agrees};
    if (!trial.agrees) {
        snprintf(check.place, sizeof check.place, "fma(%a, %a, %a)", (double)trial.a,
            (double)trial.b, (double)trial.c);
        mcl_checker_show(check.expected, trial.expected);
        mcl_checker_show(check.got, trial.got);
        checker->wrong.fma = true;
    }
    mcl_checker_report(checker, &check);
    return MCL_OK;
}

/* a·b + c of a device that rounds twice; a fused one differs in most cases. */
static mcl_status check_separate16(
    mcl_checker *checker, const cl_mem operands[3], cl_mem out, const float *expected)
{
    bool agrees;
    MCL_TRY(mcl_checker_run(checker, "verify.cl", "separate16", PLAIN, OPERATIONS / 16, 1,
        MCL_BUFFER(operands[0]), MCL_BUFFER(operands[1]), MCL_BUFFER(operands[2]),
        MCL_BUFFER(out)));
    MCL_TRY(mcl_checker_compare(
        checker, "a*b + c in vectors", expected, out, OPERATIONS, NULL, NULL, &agrees));
    checker->wrong.separate = checker->wrong.separate || !agrees;
    return MCL_OK;
}

static mcl_status check_operations(mcl_checker *checker)
{
    static const char *const names[4] = {"+", "-", "*", "a*b + c, rounded twice"};
    float *operand[3], *expected[4];
    cl_mem operands[3], results[4];
    for (size_t i = 0; i < 3; i++) {
        MCL_TRY(mcl_checker_values(&operand[i], checker, OPERATIONS, i));
        spread_exponents(operand[i], OPERATIONS);
        MCL_TRY(mcl_checker_buffer(&operands[i], checker, operand[i], OPERATIONS * sizeof(float)));
    }
    for (size_t i = 0; i < 4; i++) {
        MCL_TRY(mcl_checker_memory(&expected[i], checker, OPERATIONS, sizeof(float)));
        MCL_TRY(mcl_checker_buffer(&results[i], checker, expected[i], OPERATIONS * sizeof(float)));
    }
    for (size_t i = 0; i < OPERATIONS; i++) {
        const float a = operand[0][i], b = operand[1][i], c = operand[2][i];
        expected[0][i] = a + b;
        expected[1][i] = a - b;
        expected[2][i] = a * b;
        expected[3][i] = a * b + c;
    }
    MCL_TRY(mcl_checker_run(checker, "verify.cl", "operations", PLAIN, OPERATIONS, 1,
        MCL_BUFFER(operands[0]), MCL_BUFFER(operands[1]), MCL_BUFFER(operands[2]),
        MCL_BUFFER(results[0]), MCL_BUFFER(results[1]), MCL_BUFFER(results[2]),
        MCL_BUFFER(results[3])));
    for (size_t i = 0; i < 4; i++) {
        bool agrees;
        MCL_TRY(mcl_checker_compare(
            checker, names[i], expected[i], results[i], OPERATIONS, NULL, NULL, &agrees));
        if (i < 3)
            checker->wrong.operations = checker->wrong.operations || !agrees;
        else
            checker->wrong.separate = !agrees;
    }
    return check_separate16(checker, operands, results[0], expected[3]);
}

/* Whether half of the smallest normal number is 0; the contract allows either. */
static mcl_status find_subnormals(mcl_checker *checker)
{
    const float a[16] = {0x1p-126f}, b[16] = {0.5f}, c[16] = {0};
    float result;
    cl_mem buffers[4];
    MCL_TRY(mcl_checker_buffer(&buffers[0], checker, a, sizeof a));
    MCL_TRY(mcl_checker_buffer(&buffers[1], checker, b, sizeof b));
    MCL_TRY(mcl_checker_buffer(&buffers[2], checker, c, sizeof c));
    MCL_TRY(mcl_checker_buffer(&buffers[3], checker, c, sizeof c));
    MCL_TRY(mcl_checker_run(checker, "verify.cl", "separate16", PLAIN, 1, 1, MCL_BUFFER(buffers[0]),
        MCL_BUFFER(buffers[1]), MCL_BUFFER(buffers[2]), MCL_BUFFER(buffers[3])));
    MCL_TRY(mcl_buffer_read(checker->context, &result, buffers[3], 0, sizeof result));
    checker->verdict.flushes_subnormals = result != 0x1p-127f;
    return MCL_OK;
}

mcl_status mcl_check_arithmetic(mcl_checker *checker)
{
    MCL_TRY(check_fma(checker));
    MCL_TRY(check_operations(checker));
    return find_subnormals(checker);
}

struct function {
    const char *name, *options;
    float (*host)(float);
    float (*host2)(float, float); /* instead of host */
    unsigned lanes;
    bool division; /* made by the device's own operation where that is declared exact */
};

#define FUNCTION(f, operands, lanes)                                                               \
    "-D FUNCTION=mcl_" #f " -D OPERANDS=" #operands " -D LANES=" #lanes

static const struct function functions[] = {
    {"exp", FUNCTION(exp, 1, 1), mcl_host_exp, NULL, 1, false},
    {"exp in vectors", FUNCTION(exp, 1, 16), mcl_host_exp, NULL, 16, false},
    {"log", FUNCTION(log, 1, 1), mcl_host_log, NULL, 1, false},
    {"tanh", FUNCTION(tanh, 1, 1), mcl_host_tanh, NULL, 1, false},
    {"erf", FUNCTION(erf, 1, 1), mcl_host_erf, NULL, 1, false},
    {"log in vectors", FUNCTION(log, 1, 16), mcl_host_log, NULL, 16, false},
    {"sin", FUNCTION(sin, 1, 1), mcl_host_sin, NULL, 1, false},
    {"cos", FUNCTION(cos, 1, 1), mcl_host_cos, NULL, 1, false},
    {"sqrt", FUNCTION(sqrt, 1, 1), mcl_host_sqrt, NULL, 1, true},
    {"divide", FUNCTION(divide, 2, 1), NULL, mcl_host_divide, 1, true},
    {"reciprocal", FUNCTION(reciprocal, 1, 1), mcl_host_reciprocal, NULL, 1, true},
    {"flush", PLAIN, mcl_host_flush, NULL, 1, false},
    {"flush in vectors", FUNCTION(flush, 1, 16), mcl_host_flush, NULL, 16, false},
};
#define FUNCTIONS (sizeof functions / sizeof *functions)

/* Arguments: every exponent and sign with significands at the ends, in the middle and around √½ and
 * √2, then a slice of all floats. */
static uint32_t argument(size_t i)
{
    static const uint32_t significands[16] = {0, 1, 2, 0x2AAAAA, 0x3504F2, 0x3504F3, 0x3504F4,
        0x3FFFFF, 0x400000, 0x400001, 0x490FDB, 0x555555, 0x6A09E6, 0x7FFFFD, 0x7FFFFE, 0x7FFFFF};
    return i < GRID ? (uint32_t)(i / 16) << 23 | significands[i % 16] : (uint32_t)(i * 4099);
}

/* Second arguments: one in four makes a quotient of about 2^-126. */
static uint32_t divisor(size_t i)
{
    uint32_t words[4];
    mcl_random_words(words, 0, MCL_STREAM_DATA, 0, 1, i, 0);
    if (i < GRID)
        return argument(words[0] % GRID);
    if (i % 4)
        return words[0];
    const uint32_t exponent = (argument(i) >> 23 & 255) + 125 + words[1] % 3;
    return (words[0] & 0x807FFFFFu) | (exponent & 255) << 23;
}

struct arguments {
    const char *name;
    const float *a, *b; /* b NULL: of one argument */
};

static void describe_call(char place[96], size_t first, const void *state)
{
    const struct arguments *arguments = state;
    if (arguments->b)
        snprintf(place, 96, "%s(%a, %a)", arguments->name, (double)arguments->a[first],
            (double)arguments->b[first]);
    else
        snprintf(place, 96, "%s(%a)", arguments->name, (double)arguments->a[first]);
}

mcl_status mcl_check_functions(mcl_checker *checker)
{
    const size_t bytes = ARGUMENTS * sizeof(float);
    float *a, *b, *expected;
    cl_mem first, second, out;
    MCL_TRY(mcl_checker_memory(&a, checker, ARGUMENTS, sizeof *a));
    MCL_TRY(mcl_checker_memory(&b, checker, ARGUMENTS, sizeof *b));
    MCL_TRY(mcl_checker_memory(&expected, checker, ARGUMENTS, sizeof *expected));
    for (size_t i = 0; i < ARGUMENTS; i++) {
        const uint32_t bits[2] = {argument(i), divisor(i)};
        memcpy(&a[i], &bits[0], sizeof *a);
        memcpy(&b[i], &bits[1], sizeof *b);
    }
    MCL_TRY(mcl_checker_buffer(&first, checker, a, bytes));
    MCL_TRY(mcl_checker_buffer(&second, checker, b, bytes));
    MCL_TRY(mcl_checker_buffer(&out, checker, expected, bytes));
    for (size_t f = 0; f < FUNCTIONS; f++)
        MCL_TRY(mcl_checker_find(checker, "verify.cl", "function", functions[f].options));
    for (size_t f = 0; f < FUNCTIONS; f++) {
        const struct function *function = &functions[f];
        const struct arguments arguments = {function->name, a, function->host2 ? b : NULL};
        bool agrees;
        for (size_t i = 0; i < ARGUMENTS; i++)
            expected[i] = function->host2 ? function->host2(a[i], b[i]) : function->host(a[i]);
        MCL_TRY(mcl_checker_run(checker, "verify.cl", "function", function->options,
            ARGUMENTS / function->lanes, 1, MCL_BUFFER(first), MCL_BUFFER(second),
            MCL_BUFFER(out)));
        MCL_TRY(mcl_checker_compare(
            checker, function->name, expected, out, ARGUMENTS, describe_call, &arguments, &agrees));
        if (function->division && !agrees)
            checker->wrong.division = true;
    }
    return MCL_OK;
}

mcl_status mcl_check_random(mcl_checker *checker)
{
    const uint64_t seed = 0x0123456789ABCDEFu;
    const cl_uint2 key = {{(cl_uint)seed, (cl_uint)(seed >> 32)}};
    const mcl_argument key_argument = {.size = sizeof key, .value = &key};
    uint32_t *words;
    cl_mem out;
    MCL_TRY(mcl_checker_memory(&words, checker, 4 * DRAWS, sizeof *words));
    MCL_TRY(mcl_checker_buffer(&out, checker, words, 4 * DRAWS * sizeof *words));
    for (uint32_t i = 0; i < DRAWS; i++)
        mcl_random_words(words + 4 * i, seed, MCL_STREAM_MASK, 0, 3, (uint64_t)i * DRAW_STEP, i);
    MCL_TRY(mcl_checker_run(checker, "verify.cl", "draw", PLAIN, DRAWS, 1, MCL_ULONG(DRAW_STEP),
        MCL_UINT(3), key_argument, MCL_BUFFER(out)));
    return mcl_checker_expect(checker, "philox", words, out, 4 * DRAWS);
}
