/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fma.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

#define CASES 4096

/* Operands and results, one array after the other. */
enum { A, B, C, EXPECTED, GOT, ARRAYS };

/* A float between 1 and 2, or −2 and −1. */
static float significand(uint32_t word)
{
    const float size = 1.0f + (float)(word >> 9) * 0x1p-23f;
    return word & 1 ? -size : size;
}

static void make_case(float *a, float *b, float *c, size_t number)
{
    uint32_t words[4];
    mcl_random_words(words, 0, MCL_STREAM_DATA, 0, 0, number, 0);
    *a = ldexpf(significand(words[0]), (int)(words[3] % 16) - 8);
    *b = ldexpf(significand(words[1]), (int)(words[3] / 16 % 16) - 8);
    switch (number % 4) {
    case 0: /* what the product's rounding left, which two roundings make 0 */
        *c = -(*a * *b);
        break;
    case 1: { /* c and half a unit less 2^-54 or so, in which an fma by doubles sees half a unit */
        const float small = ldexpf(1.0f, -15 - (int)(words[2] % 9));
        *a = 1.0f + small;
        *b = ldexpf(words[2] & 64 ? 1.0f - small : small - 1.0f, -24);
        *c = significand(words[0]);
        break;
    }
    case 2: /* a term of any size */
        *c = ldexpf(significand(words[2]), (int)(words[3] / 256 % 64) - 32);
        break;
    default: /* a sum that cancels to a few bits */
        *c = -(*a * *b) * (1.0f + (float)(words[2] % 8) * 0x1p-23f);
        break;
    }
}

static mcl_status run(
    float *got, mcl_context *context, const cl_mem buffers[4], const char *name, size_t items)
{
    mcl_kernel *kernel;
    MCL_TRY(mcl_kernel_find(&kernel, context, "fma.cl", name, ""));
    MCL_TRY(mcl_run(kernel, items, 1, MCL_BUFFER(buffers[A]), MCL_BUFFER(buffers[B]),
        MCL_BUFFER(buffers[C]), MCL_BUFFER(buffers[3])));
    return mcl_buffer_read(context, got, buffers[3], 0, CASES * sizeof *got);
}

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static void compare(mcl_fma_trial *trial, const float *values)
{
    const float *expected = values + EXPECTED * CASES, *got = values + GOT * CASES;
    trial->cases += CASES;
    for (size_t i = 0; i < CASES && trial->agrees; i++) {
        if (bits_of(expected[i]) == bits_of(got[i]))
            continue;
        *trial = (mcl_fma_trial){.cases = trial->cases,
            .a = values[A * CASES + i],
            .b = values[B * CASES + i],
            .c = values[C * CASES + i],
            .expected = expected[i],
            .got = got[i]};
    }
}

static mcl_status try_with(
    mcl_fma_trial *trial, mcl_context *context, float *values, cl_mem buffers[4])
{
    for (size_t i = 0; i < CASES; i++) {
        float *a = values + i, *b = a + CASES, *c = b + CASES;
        make_case(a, b, c, i);
        c[CASES] = fmaf(*a, *b, *c);
    }
    for (size_t i = 0; i < 3; i++)
        MCL_TRY(mcl_buffer_create_from(
            &buffers[i], context, values + i * CASES, CASES, sizeof *values, "cases of fma"));
    MCL_TRY(mcl_buffer_create(&buffers[3], context, CASES, sizeof *values, "cases of fma"));
    float *got = values + GOT * CASES;
    MCL_TRY(run(got, context, buffers, "fused", CASES));
    compare(trial, values);
    MCL_TRY(run(got, context, buffers, "fused16", CASES / 16));
    compare(trial, values);
    return MCL_OK;
}

mcl_status mcl_fma_try(mcl_fma_trial *trial, mcl_context *context)
{
    float *values;
    cl_mem buffers[4] = {NULL};
    MCL_TRY(mcl_allocate(&values, ARRAYS * CASES, sizeof *values));
    mcl_fma_trial tried = {.agrees = true};
    const mcl_status status = try_with(&tried, context, values, buffers);
    for (size_t i = 0; i < 4; i++)
        mcl_buffer_release(&buffers[i]);
    free(values);
    if (status == MCL_OK)
        *trial = tried;
    return status;
}

mcl_status mcl_context_require_reproducible(mcl_context *context)
{
    MCL_NEED(context);
    const mcl_device_info *info = &context->info;
    if (context->gemm == MCL_GEMM_CLBLAST)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "products by CLBlast are not reproducible: use a native product (`gemm`)");
    if (info->fma)
        return MCL_OK;
    mcl_fma_trial trial;
    MCL_TRY(mcl_fma_try(&trial, context));
    if (trial.agrees)
        return MCL_OK;
    return mcl_fail(MCL_ERROR_NO_DEVICE,
        "%s: has no correctly rounded fma: %a × %a + %a is %a on it instead of %a: its results "
        "differ from other devices'; use another `device`, or not `reproducible`",
        info->name, (double)trial.a, (double)trial.b, (double)trial.c, (double)trial.got,
        (double)trial.expected);
}
