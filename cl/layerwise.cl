/* SPDX-License-Identifier: Apache-2.0 */
/* The norms of parts of a flat vector, and what scales by them: clipping, and the optimizers that
 * give every tensor a step of its own.
 *
 * A part lies in blocks of 1024 elements, the last one shorter: block = (first element, elements,
 * part, 0); part = (first block, blocks, 1 for a matrix and else 0, 0). */
#include "common.clh"
#include "rounding.clh"

/* squares[to + b] = Σ x² over block b of count. Row b. */
kernel void block_squares(const global float *restrict x, const global uint4 *restrict blocks,
    const uint count, global float *restrict squares, const uint to, local float *space)
{
    const uint b = min(mcl_row(), count - 1);
    const global float *values = x + blocks[b].x;
    const float total = mcl_row_dot(values, values, blocks[b].y, space);
    if (mcl_stores_row(count))
        squares[to + b] = mcl_flush(total);
}

/* factor[0] = min(limit/(√Σ squares + 1e−6), 1), as torch.nn.utils.clip_grad_norm_, for the last n
 * partial sums of the squares, which begin at from. One row. */
kernel void clip_factor(const global float *restrict squares, const ulong from, const uint n,
    const float limit, global float *restrict factor, local float *space)
{
    const float square = mcl_divide(mcl_row_sum(squares + from, n, space), 1.0f);
    const float quotient = mcl_divide(limit, mcl_sqrt(square) + 1e-6f);
    if (mcl_stores_row(1))
        factor[0] = quotient < 1.0f ? quotient : 1.0f;
}

/* x *= factor. Work-item j of count. */
kernel void clip(
    global float *restrict x, const global float *restrict factor, const ulong count)
{
    const ulong j = get_global_id(0);
    if (MCL_PADS(j, count))
        return;
    x[j] = mcl_flush(x[j] * factor[0]);
}

static inline float part_norm(const global float *squares, const uint4 part, local float *space)
{
    return mcl_sqrt(mcl_row_sum(squares + part.x, part.y, space));
}

/* scales[t] = (trust·|p|/(|g| + decay·|p| + ε), decay) for a matrix with |p| and |g| above 0, and
 * else (1, 0). squares of p's blocks, then of g's. Row t of count. */
kernel void lars_scales(const global float *restrict squares, const uint blocks,
    const global uint4 *restrict parts, const uint count, const float trust, const float decay,
    const float epsilon, global float2 *restrict scales, local float *space)
{
    const uint t = min(mcl_row(), count - 1);
    const float p = part_norm(squares, parts[t], space);
    const float g = part_norm(squares + blocks, parts[t], space);
    float2 scale = (float2)(1.0f, 0.0f);
    if (parts[t].z && p > 0.0f && g > 0.0f)
        scale = (float2)(mcl_flush(trust * mcl_divide(p, fma(decay, p, g) + epsilon)), decay);
    if (mcl_stores_row(count))
        scales[t] = scale;
}

/* LARS (You et al. 2017): g += decay·p;  v = momentum·v + scale·g;  p −= rate·v.
 * Work-item (i, b) has element i of block b. */
kernel void lars(global float *restrict parameters, const global float *restrict gradients,
    global float *restrict velocity, const global uint4 *restrict blocks,
    const global float2 *restrict scales, const float rate, const float momentum)
{
    const uint4 block = blocks[get_global_id(1)];
    const uint j = block.x + get_global_id(0);
    if (get_global_id(0) >= block.y)
        return;
    const float2 scale = scales[block.z];
    const float p = parameters[j];
    const float update = fma(momentum, velocity[j], scale.x * fma(scale.y, p, gradients[j]));
    velocity[j] = mcl_flush(update);
    parameters[j] = mcl_flush(fma(-rate, update, p));
}

/* The first half of LAMB (You et al. 2020), Adam's moments, with an update in the gradient's place:
 *   m += (1 − β₁)(g − m)    v = β₂·v + (1 − β₂)·g²
 *   g = (m/correction1)/(√v/correction2 + ε) + decay·p, decay 0 but for matrices
 * where correction1 = 1 − β₁ᵗ, correction2 = √(1 − β₂ᵗ) and inverse2 = 1/correction2. Work-item
 * (i, b). */
kernel void lamb_update(const global float *restrict parameters, global float *restrict gradients,
    global float *restrict mean, global float *restrict square, const global uint4 *restrict blocks,
    const global uint4 *restrict parts, const float decay, const float rest1, const float beta2,
    const float rest2, const float correction1, const float correction2, const float inverse2,
    const float epsilon)
{
    const uint4 block = blocks[get_global_id(1)];
    const uint j = block.x + get_global_id(0);
    if (get_global_id(0) >= block.y)
        return;
    const float g = gradients[j];
    const float m = mcl_flush(fma(g - mean[j], rest1, mean[j]));
    const float v = mcl_flush(fma(rest2 * g, g, beta2 * square[j]));
    mean[j] = m;
    square[j] = v;
    const float scale = mcl_divide_by(mcl_sqrt_normal(v), correction2, inverse2) + epsilon;
    const float update = mcl_divide_normal(mcl_divide(m, correction1), scale);
    gradients[j] = mcl_flush(fma(parts[block.z].z ? decay : 0.0f, parameters[j], update));
}

/* scales[t] = |p|/|update| for a matrix where both are above 0, and else 1. squares of p's blocks,
 * then of the update's. Row t of count. */
kernel void lamb_scales(const global float *restrict squares, const uint blocks,
    const global uint4 *restrict parts, const uint count, global float2 *restrict scales,
    local float *space)
{
    const uint t = min(mcl_row(), count - 1);
    const float p = part_norm(squares, parts[t], space);
    const float u = part_norm(squares + blocks, parts[t], space);
    const bool scaled = parts[t].z && p > 0.0f && u > 0.0f;
    if (mcl_stores_row(count))
        scales[t] = (float2)(scaled ? mcl_divide(p, u) : 1.0f, 0.0f);
}

/* The second half of LAMB: p −= rate·scale·update. Work-item (i, b). */
kernel void lamb(global float *restrict parameters, const global float *restrict updates,
    const global uint4 *restrict blocks, const global float2 *restrict scales, const float rate)
{
    const uint4 block = blocks[get_global_id(1)];
    const uint j = block.x + get_global_id(0);
    if (get_global_id(0) >= block.y)
        return;
    const float update = scales[block.z].x * updates[j];
    parameters[j] = mcl_flush(fma(-rate, update, parameters[j]));
}
