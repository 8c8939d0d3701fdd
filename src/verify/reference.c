/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/reference.h"

#include <math.h>

#include "base/rounding.h"

#define LANES 16

static float sum_lanes(float lanes[LANES])
{
    for (size_t half = LANES / 2; half; half /= 2) {
        for (size_t l = 0; l < half; l++)
            lanes[l] += lanes[l + half];
    }
    return lanes[0];
}

float mcl_reference_sum(const float *x, size_t n)
{
    float lanes[LANES] = {0};
    for (size_t i = 0; i < n; i++)
        lanes[i % LANES] += x[i];
    return sum_lanes(lanes);
}

float mcl_reference_dot(const float *a, const float *b, size_t n)
{
    float lanes[LANES] = {0};
    for (size_t i = 0; i < n; i++)
        lanes[i % LANES] = fmaf(a[i], b[i], lanes[i % LANES]);
    return sum_lanes(lanes);
}

/* Φ(z) of gelu */
static float gelu_part(float z)
{
    return 0.5f * (1.0f + mcl_host_erf(z * 0x1.6a09e6p-1f));
}

float mcl_reference_activate(mcl_activation activation, float z)
{
    switch (activation) {
    case MCL_ACTIVATION_RELU:
        return z <= 0.0f ? 0.0f : z;
    case MCL_ACTIVATION_GELU:
        return z * gelu_part(z);
    case MCL_ACTIVATION_TANH:
        return mcl_host_tanh(z);
    default:
        return z;
    }
}

float mcl_reference_derivative(mcl_activation activation, float kept)
{
    switch (activation) {
    case MCL_ACTIVATION_RELU:
        return kept > 0.0f ? 1.0f : 0.0f;
    case MCL_ACTIVATION_GELU:
        return fmaf(kept, 0x1.988454p-2f * mcl_host_exp(-0.5f * (kept * kept)), gelu_part(kept));
    case MCL_ACTIVATION_TANH:
        return fmaf(-kept, kept, 1.0f);
    default:
        return 1.0f;
    }
}
