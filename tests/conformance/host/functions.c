/* SPDX-License-Identifier: Apache-2.0 */
/* The elementary functions, written from docs/numerics.md, against the digests of the library's: of
 * a result's bits for every 1009th argument, as tests/unit/test_rounding.c takes them; and the keys
 * that sort rows beyond 2^32, as tests/unit/test_random.c does. functions FILE */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arithmetic.h"
#include "random.h"

#define STEP 1009

static const struct function {
    const char *name;
    float (*unary)(float);
    float (*binary)(float, float);
} functions[] = {
    {"exp", host_exp, NULL},
    {"log", host_log, NULL},
    {"tanh", host_tanh, NULL},
    {"erf", host_erf, NULL},
    {"sin", host_sin, NULL},
    {"cos", host_cos, NULL},
    {"sqrt", host_sqrt, NULL},
    {"divide", NULL, host_divide},
    {"flush", host_flush, NULL},
    {"order", NULL, NULL},
};

#define FUNCTIONS (sizeof functions / sizeof *functions)

/* splitmix64 (Steele, Lea and Flood 2014) */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Of the two words of some rows' draws: those before a power of two, and as many after it. */
static uint64_t digest_order(void)
{
    uint64_t hash = 14695981039346656037u;
    for (unsigned power = 31; power < 48; power++) {
        const uint64_t middle = (uint64_t)1 << power;
        for (uint64_t row = middle - 500; row < middle + 500; row++) {
            for (uint64_t word = 0; word < 2; word++)
                hash = (hash ^ host_word(0x123456789u, STREAM_ORDER, power, row, word)) *
                       1099511628211u;
        }
    }
    return hash;
}

static uint64_t digest(const struct function *function)
{
    if (!function->unary && !function->binary)
        return digest_order();
    uint64_t hash = 14695981039346656037u, state = 1;
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += STEP) {
        const float a = from_bits((uint32_t)bits);
        const float b = from_bits((uint32_t)next_random(&state));
        const float result = function->unary ? function->unary(a) : function->binary(a, b);
        uint32_t result_bits;
        memcpy(&result_bits, &result, sizeof result_bits);
        hash = (hash ^ result_bits) * 1099511628211u;
    }
    return hash;
}

int main(int count, char **arguments)
{
    FILE *file = count == 2 ? fopen(arguments[1], "r") : NULL;
    if (!file) {
        fprintf(stderr, "usage: functions FILE\n");
        return 2;
    }
    char name[16];
    uint64_t expected;
    size_t agree = 0, lines = 0;
    for (; fscanf(file, "%15s %" SCNx64, name, &expected) == 2; lines++) {
        for (size_t f = 0; f < FUNCTIONS; f++) {
            if (strcmp(functions[f].name, name) != 0)
                continue;
            const uint64_t got = digest(&functions[f]);
            if (got == expected)
                agree++;
            else
                printf("%s: %016" PRIx64 " instead of %016" PRIx64 "\n", name, got, expected);
        }
    }
    fclose(file);
    printf("host: %zu of %zu functions have the expected bits\n", agree, FUNCTIONS);
    return agree != FUNCTIONS || lines != FUNCTIONS;
}
