/* SPDX-License-Identifier: Apache-2.0 */
/* PyTorch's results, as tools/fixtures/torch_fixtures.py stored them, and how near ours must be. */
#ifndef MASKCL_TESTS_FIXTURES_H
#define MASKCL_TESTS_FIXTURES_H

#include <math.h>

#include "support/device.h"

#include "model/architecture.h"
#include "model/safetensors.h"

#define TOLERANCE 1e-5
#define WHOLE_MAX 2048 /* of a larger tensor only every STRIDE-th value is stored */
#define STRIDE 61

static mcl_safetensors *fixtures;

/* Reads tests/fixtures/parity/name. */
static inline void fixtures_open(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, MASKCL_FIXTURES "/parity/%s", name);
    ASSERT_OK(mcl_safetensors_open(&fixtures, path));
}

static inline void fixtures_close(void)
{
    mcl_safetensors_close(fixtures);
    fixtures = NULL;
}

static inline const mcl_stored_tensor *stored(const char *key, const char *name)
{
    char whole[192];
    snprintf(whole, sizeof whole, "%s/%s", key, name);
    const mcl_stored_tensor *tensor = mcl_safetensors_find(fixtures, whole);
    ck_assert_msg(tensor != NULL, "%s: not among the fixtures", whole);
    return tensor;
}

static inline size_t stored_count(size_t count)
{
    return count <= WHOLE_MAX ? count : (count + STRIDE - 1) / STRIDE;
}

/* The stored values of a tensor of count elements. */
static inline const float *stored_values(const char *key, const char *name, size_t count)
{
    const mcl_stored_tensor *tensor = stored(key, name);
    uint64_t values;
    ck_assert(mcl_stored_tensor_count(&values, tensor));
    ck_assert_msg(tensor->dtype == MCL_DTYPE_F32 && values == stored_count(count),
        "%s/%s: %s × %ju instead of %zu floats", key, name, mcl_dtype_name(tensor->dtype),
        (uintmax_t)values, stored_count(count));
    return tensor->values;
}

static inline double largest_of(const float *values, size_t count)
{
    double largest = 0.0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)values[i]));
    return largest;
}

/* got[count], a whole tensor, is the stored one to within TOLERANCE of its largest value. */
static inline void assert_tensor(const char *key, const char *name, const float *got, size_t count)
{
    const float *expected = stored_values(key, name, count);
    const size_t step = count <= WHOLE_MAX ? 1 : STRIDE;
    const double largest = largest_of(expected, stored_count(count));
    ck_assert_msg(largest > 0.0, "%s/%s: nothing but zeros", key, name);
    for (size_t i = 0; i < stored_count(count); i++)
        REQUIRE(fabs((double)got[i * step] - (double)expected[i]) <= TOLERANCE * largest,
            "%s/%s: element %zu is %.9g instead of %.9g, the largest being %.9g", key, name,
            i * step, (double)got[i * step], (double)expected[i], largest);
}

/* The parameters of layers that follow one another from the first one's place on: one run of random
 * numbers, each layer's over √in. */
static inline void draw_parameters(
    float *parameters, const mcl_layer *layers, size_t count, uint64_t seed)
{
    const mcl_layer *last = &layers[count - 1];
    const uint64_t begin = layers[0].parameters;
    const uint64_t end = last->parameters + mcl_layer_values(last, false);
    fill_random(parameters + begin, (size_t)(end - begin), seed);
    for (size_t l = 0; l < count; l++) {
        const float scale = (float)(1.0 / sqrt((double)layers[l].in));
        for (uint64_t i = 0; i < mcl_layer_values(&layers[l], false); i++)
            parameters[layers[l].parameters + i] *= scale;
    }
}

/* The gradients of every tensor are the stored ones, whose names count the layers that have any. */
static inline void assert_layer_gradients(
    const char *key, const float *gradients, const mcl_layer *layers, size_t count)
{
    size_t number = 0;
    for (size_t l = 0; l < count; l++) {
        mcl_layer_tensor tensors[MCL_LAYER_TENSORS_MAX];
        const float *values = gradients + layers[l].parameters;
        if (!layers[l].type->tensors)
            continue;
        const size_t tensor_count = layers[l].type->tensors(tensors, &layers[l]);
        for (size_t t = 0; t < tensor_count; t++) {
            const size_t size = (size_t)mcl_layer_tensor_values(&tensors[t]);
            char name[32];
            snprintf(name, sizeof name, "%zu.%s", number, tensors[t].name);
            assert_tensor(key, name, values, size);
            values += size;
        }
        number++;
    }
}

#endif
