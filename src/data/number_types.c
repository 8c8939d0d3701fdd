/* SPDX-License-Identifier: Apache-2.0 */
#include "data/number_types.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *words;
    size_t size;
    bool fits_float;
} types[] = {
    [MCL_NUMBER_BOOL] = {"bool", "truth values", 1, true},
    [MCL_NUMBER_UINT8] = {"uint8", "unsigned bytes", 1, true},
    [MCL_NUMBER_INT8] = {"int8", "signed bytes", 1, true},
    [MCL_NUMBER_UINT16] = {"uint16", "unsigned 16-bit integers", 2, true},
    [MCL_NUMBER_INT16] = {"int16", "16-bit integers", 2, true},
    [MCL_NUMBER_UINT32] = {"uint32", "unsigned 32-bit integers", 4, false},
    [MCL_NUMBER_INT32] = {"int32", "32-bit integers", 4, false},
    [MCL_NUMBER_UINT64] = {"uint64", "unsigned 64-bit integers", 8, false},
    [MCL_NUMBER_INT64] = {"int64", "64-bit integers", 8, false},
    [MCL_NUMBER_FLOAT16] = {"float16", "16-bit floats", 2, true},
    [MCL_NUMBER_FLOAT32] = {"float32", "32-bit floats", 4, true},
    [MCL_NUMBER_FLOAT64] = {"float64", "64-bit floats", 8, false},
};

const char *mcl_number_name(mcl_number type)
{
    return (unsigned)type < sizeof types / sizeof *types ? types[type].name : NULL;
}

const char *mcl_number_words(mcl_number type)
{
    return types[type].words;
}

size_t mcl_number_size(mcl_number type)
{
    return types[type].size;
}

bool mcl_number_fits_float(mcl_number type)
{
    return types[type].fits_float;
}

void mcl_number_swap(void *numbers, mcl_number type, size_t count)
{
    const size_t size = types[type].size;
    unsigned char *at = numbers;
    for (size_t i = 0; i < count && size > 1; i++, at += size) {
        for (size_t low = 0, high = size - 1; low < high; low++, high--) {
            const unsigned char byte = at[low];
            at[low] = at[high];
            at[high] = byte;
        }
    }
}

/* A float of IEEE 754's binary16, every one of which is a float32 as well. */
static float half_float(uint16_t half)
{
    const unsigned exponent = half >> 10 & 31, fraction = half & 1023;
    float size;
    if (exponent == 31)
        size = fraction ? NAN : INFINITY;
    else if (exponent == 0)
        size = (float)fraction * 0x1p-24f;
    else
        size = ldexpf((float)(1024 + fraction), (int)exponent - 25);
    return half & 0x8000 ? -size : size;
}

static float half_at(const void *numbers, size_t index)
{
    uint16_t half;
    memcpy(&half, (const char *)numbers + 2 * index, sizeof half);
    return half_float(half);
}

/* A case of a switch over types of numbers: what is done with `x`, number `index` of this C type.
 */
#define CASE(type, ctype, statement)                                                               \
    case type: {                                                                                   \
        const ctype x = ((const ctype *)numbers)[index];                                           \
        statement;                                                                                 \
        break;                                                                                     \
    }

double mcl_number_at(const void *numbers, mcl_number type, size_t index)
{
    double value = 0.0;
    switch (type) {
        CASE(MCL_NUMBER_BOOL, uint8_t, value = x != 0)
        CASE(MCL_NUMBER_UINT8, uint8_t, value = x)
        CASE(MCL_NUMBER_INT8, int8_t, value = x)
        CASE(MCL_NUMBER_UINT16, uint16_t, value = x)
        CASE(MCL_NUMBER_INT16, int16_t, value = x)
        CASE(MCL_NUMBER_UINT32, uint32_t, value = x)
        CASE(MCL_NUMBER_INT32, int32_t, value = x)
        CASE(MCL_NUMBER_UINT64, uint64_t, value = (double)x)
        CASE(MCL_NUMBER_INT64, int64_t, value = (double)x)
        CASE(MCL_NUMBER_FLOAT32, float, value = (double)x)
        CASE(MCL_NUMBER_FLOAT64, double, value = x)
    case MCL_NUMBER_FLOAT16:
        value = (double)half_at(numbers, index);
        break;
    }
    return value;
}

void mcl_number_text(char text[MCL_NUMBER_TEXT], const void *numbers, mcl_number type, size_t index)
{
    switch (type) {
        CASE(MCL_NUMBER_UINT64, uint64_t, snprintf(text, MCL_NUMBER_TEXT, "%" PRIu64, x))
        CASE(MCL_NUMBER_INT64, int64_t, snprintf(text, MCL_NUMBER_TEXT, "%" PRId64, x))
    default:
        snprintf(text, MCL_NUMBER_TEXT, "%.17g", mcl_number_at(numbers, type, index));
    }
}

/* A case of the same switch that converts count numbers. */
#define FLOATS(type, ctype)                                                                        \
    case type:                                                                                     \
        for (size_t i = 0; i < count; i++)                                                         \
            to[i] = (float)((const ctype *)from)[i];                                               \
        break;

void mcl_number_floats(float *to, const void *from, mcl_number type, size_t count)
{
    switch (type) {
        FLOATS(MCL_NUMBER_UINT8, uint8_t)
        FLOATS(MCL_NUMBER_INT8, int8_t)
        FLOATS(MCL_NUMBER_UINT16, uint16_t)
        FLOATS(MCL_NUMBER_INT16, int16_t)
        FLOATS(MCL_NUMBER_UINT32, uint32_t)
        FLOATS(MCL_NUMBER_INT32, int32_t)
        FLOATS(MCL_NUMBER_UINT64, uint64_t)
        FLOATS(MCL_NUMBER_INT64, int64_t)
        FLOATS(MCL_NUMBER_FLOAT32, float)
        FLOATS(MCL_NUMBER_FLOAT64, double)
    case MCL_NUMBER_BOOL:
        for (size_t i = 0; i < count; i++)
            to[i] = ((const uint8_t *)from)[i] ? 1.0f : 0.0f;
        break;
    case MCL_NUMBER_FLOAT16:
        for (size_t i = 0; i < count; i++)
            to[i] = half_at(from, i);
        break;
    }
}
