/* SPDX-License-Identifier: Apache-2.0 */
/* One step of an optimizer over the flat vectors of parameters and gradients: PyTorch's formulas,
 * constants and order of operations. Work-item j has parameter j of count. */
#include "common.clh"
#include "rounding.clh"

/* g += decay·p;  v = momentum·v + g (v begins at 0);  p −= rate·v */
kernel void sgd(global float *restrict parameters, const global float *restrict gradients,
    global float *restrict velocity, const ulong count, const float rate, const float decay,
    const float momentum)
{
    const ulong j = get_global_id(0);
    if (MCL_PADS(j, count))
        return;
    const float p = parameters[j];
    float update = fma(decay, p, gradients[j]);
    if (momentum != 0.0f) {
        update = fma(momentum, velocity[j], update);
        velocity[j] = mcl_flush(update);
    }
    parameters[j] = mcl_flush(fma(-rate, update, p));
}

/* Adam (Kingma and Ba 2015) and, with decoupled decay, AdamW (Loshchilov and Hutter 2019):
 *   p *= 1 − rate·decay (AdamW: keep; Adam: 1)     g += decay·p (Adam; AdamW: 0)
 *   m += (1 − β₁)(g − m)                           v = β₂·v + (1 − β₂)·g²
 *   p −= step·m / (√v/correction + ε)
 * where step = rate/(1 − β₁ᵗ), correction = √(1 − β₂ᵗ) and inverse = 1/correction come from the host,
 * and the quotient is flushed. */
kernel void adam(global float *restrict parameters, const global float *restrict gradients,
    global float *restrict mean, global float *restrict square, const ulong count, const float keep,
    const float decay, const float rest1, const float beta2, const float rest2, const float step,
    const float correction, const float inverse, const float epsilon)
{
    const ulong j = get_global_id(0);
    if (MCL_PADS(j, count))
        return;
    const float p = parameters[j] * keep;
    const float g = fma(decay, p, gradients[j]);
    const float m = mcl_flush(fma(g - mean[j], rest1, mean[j]));
    const float v = mcl_flush(fma(rest2 * g, g, beta2 * square[j]));
    mean[j] = m;
    square[j] = v;
    const float scale = mcl_divide_by(mcl_sqrt_normal(v), correction, inverse) + epsilon;
    parameters[j] = mcl_flush(fma(-step, mcl_divide_normal(m, scale), p));
}
