/* SPDX-License-Identifier: Apache-2.0 */
/* The cosine objective, torch.nn.functional.cosine_embedding_loss: 1 − cos of a row's two views (target
 * +1), and max(0, cos − margin) of its first view and the second views of other rows (target −1). */
#include "common.clh"
#include "rounding.clh"

#define EPSILON 1e-12f

/* For row i's views p = z_i and q = z_{B+i} of z[2B×n], with P = |p|² + ε and Q = |q|² + ε:
 *   cos = p·q / √(P·Q),  loss[i] = 1 − cos
 *   d loss/d p = scale·(cos·p/P − q/√(P·Q)), and the same with p and q exchanged
 * scale being the objective's weight over the number of pairs. The gradient is added to what d holds when accumulate
 * is 1. Row i. */
kernel void cosine_embedding(const global float *restrict z, const uint batch, const uint n,
    const float scale, const uint accumulate, global float *restrict loss,
    global float *restrict d, local float *space)
{
    const uint i = min(mcl_row(), batch - 1);
    const ulong first = (ulong)i * n, second = first + (ulong)batch * n;
    const global float *p = z + first, *q = z + second;
    global float *dp = d + first, *dq = d + second;
    const float3 dots = mcl_row_dots(p, q, n, space);
    const float pp = dots.x + EPSILON, qq = dots.y + EPSILON;
    const float root = mcl_sqrt(pp * qq);
    const float cosine = mcl_divide(dots.z, root);
    const float across = -mcl_divide(scale, root);
    const float along_p = mcl_divide(scale * cosine, pp);
    const float along_q = mcl_divide(scale * cosine, qq);
    if (mcl_stores_row(batch))
        loss[i] = 1.0f - cosine;
    for (uint j = MCL_LANE; j < mcl_stored(n, batch); j += 16) {
        const uint left = n - j;
        const mcl_lanes x = mcl_load(p + j, left), y = mcl_load(q + j, left);
        const mcl_lanes by_p = fma((mcl_lanes)across, y, along_p * x);
        const mcl_lanes by_q = fma((mcl_lanes)across, x, along_q * y);
        mcl_store(mcl_flush(accumulate ? mcl_load(dp + j, left) + by_p : by_p), dp + j, left);
        mcl_store(mcl_flush(accumulate ? mcl_load(dq + j, left) + by_q : by_q), dq + j, left);
    }
}

/* x modulo n for x < 2n */
static inline uint wrap(const uint x, const uint n)
{
    return x < n ? x : x - n;
}

/* How many rows after a row its k-th negative is, from 1 to B − 1; start and k are less than B − 1. */
static inline uint shift_of(const uint k, const uint start, const uint batch)
{
    return 1 + wrap(start + k, batch - 1);
}

/* Row i's first view p and its k-th negative q, the second view of the row so many after it, target
 * −1: with P, Q and cos as above,
 *   loss[B + k·B + i] = max(0, cos − margin)
 * and, for cos > margin, else 0, what its gradient is made of: d/d p = by_q·q + by_p·p and
 * d/d q = by_q·p + by_own·q. Row k·B + i of K·B pairs. */
kernel void negative_pairs(const global float *restrict z, const uint batch, const uint n,
    const uint start, const uint negatives, const float margin, const float scale,
    global float *restrict loss, global float *restrict by_q, global float *restrict by_p,
    global float *restrict by_own, local float *space)
{
    const uint pairs = negatives * batch, at = min(mcl_row(), pairs - 1);
    const uint i = at % batch, other = batch + wrap(i + shift_of(at / batch, start, batch), batch);
    const float3 dots = mcl_row_dots(z + (ulong)i * n, z + (ulong)other * n, n, space);
    if (!mcl_stores_row(pairs))
        return;
    const float pp = dots.x + EPSILON, qq = dots.y + EPSILON;
    const float root = mcl_sqrt(pp * qq);
    const float cosine = mcl_divide(dots.z, root), above = cosine - margin;
    const float along = above > 0.0f ? -(scale * cosine) : 0.0f;
    loss[batch + at] = above <= 0.0f ? 0.0f : above;
    by_q[at] = above > 0.0f ? mcl_divide(scale, root) : 0.0f;
    by_p[at] = mcl_divide(along, pp);
    by_own[at] = mcl_divide(along, qq);
}

/* Adds the gradient of all negative pairs to d, a chain over k. Work-item (j, i) of n × 2B. */
kernel void negatives_backward(const global float *restrict z, const uint batch, const uint n,
    const uint start, const uint negatives, const global float *restrict by_q,
    const global float *restrict by_p, const global float *restrict by_own,
    global float *restrict d)
{
    const uint j = get_global_id(0), i = get_global_id(1);
    if (MCL_PADS(j, n))
        return;
    const global float *by_itself = i < batch ? by_p : by_own;
    const ulong own = (ulong)i * n + j;
    float total = 0.0f;
    for (uint k = 0; k < negatives; k++) {
        const uint shift = shift_of(k, start, batch);
        const uint row = i < batch ? i : wrap(i - shift, batch); /* whose pair this is */
        const uint other = i < batch ? batch + wrap(i + shift, batch) : row;
        const uint pair = k * batch + row;
        total = fma(by_q[pair], z[(ulong)other * n + j], total);
        total = fma(by_itself[pair], z[own], total);
    }
    d[own] = mcl_flush(d[own] + total);
}
