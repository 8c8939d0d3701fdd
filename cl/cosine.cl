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
 * is 1. Work-item i. */
kernel void cosine_embedding(const global float *restrict z, const uint batch, const uint n,
    const float scale, const uint accumulate, global float *restrict loss,
    global float *restrict d)
{
    const uint i = get_global_id(0);
    const ulong first = (ulong)i * n, second = first + (ulong)batch * n;
    const global float *p = z + first, *q = z + second;
    global float *dp = d + first, *dq = d + second;
    const float pp = mcl_dot(p, p, n) + EPSILON, qq = mcl_dot(q, q, n) + EPSILON;
    const float root = mcl_sqrt(pp * qq);
    const float cosine = mcl_divide(mcl_dot(p, q, n), root);
    const float across = -mcl_divide(scale, root);
    const float along_p = mcl_divide(scale * cosine, pp);
    const float along_q = mcl_divide(scale * cosine, qq);
    loss[i] = 1.0f - cosine;
    for (uint j = 0; j < n; j++) {
        const float by_p = fma(across, q[j], along_p * p[j]);
        const float by_q = fma(across, p[j], along_q * q[j]);
        dp[j] = mcl_flush(accumulate ? dp[j] + by_p : by_p);
        dq[j] = mcl_flush(accumulate ? dq[j] + by_q : by_q);
    }
}

/* The second view that is row i's k-th negative: that of row i + s_k, s_k = 1 + (start + k) mod
 * (B − 1). */
static inline uint negative_of(const uint i, const uint k, const uint start, const uint batch)
{
    return batch + (i + 1 + (start + k) % (batch - 1)) % batch;
}

/* Row i's first view p and its k-th negative q, target −1: with P, Q and cos as above,
 *   loss[B + k·B + i] = max(0, cos − margin)
 * and, for cos > margin, else 0, what its gradient is made of: d/d p = by_q·q + by_p·p and
 * d/d q = by_q·p + by_own·q. Work-item (i, k). */
kernel void negative_pairs(const global float *restrict z, const uint batch, const uint n,
    const uint start, const float margin, const float scale, global float *restrict loss,
    global float *restrict by_q, global float *restrict by_p, global float *restrict by_own)
{
    const uint i = get_global_id(0), k = get_global_id(1), at = k * batch + i;
    const global float *p = z + (ulong)i * n;
    const global float *q = z + (ulong)negative_of(i, k, start, batch) * n;
    const float pp = mcl_dot(p, p, n) + EPSILON, qq = mcl_dot(q, q, n) + EPSILON;
    const float root = mcl_sqrt(pp * qq);
    const float cosine = mcl_divide(mcl_dot(p, q, n), root), above = cosine - margin;
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
    const ulong own = (ulong)i * n + j;
    float total = 0.0f;
    for (uint k = 0; k < negatives; k++) {
        const uint shift = 1 + (start + k) % (batch - 1);
        const uint row = i < batch ? i : (i - shift) % batch; /* whose pair this is */
        const uint other = i < batch ? negative_of(i, k, start, batch) : row;
        const uint pair = k * batch + row;
        total = fma(by_q[pair], z[(ulong)other * n + j], total);
        total = fma(i < batch ? by_p[pair] : by_own[pair], z[own], total);
    }
    d[own] = mcl_flush(d[own] + total);
}
