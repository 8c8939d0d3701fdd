/* The cosine objective: 1 − cos of a row's two views, torch.nn.functional.cosine_embedding_loss with
 * target +1. */
#include "common.clh"
#include "rounding.clh"

#define EPSILON 1e-12f

/* For row i's views p = z_i and q = z_{B+i} of z[2B×n], with P = |p|² + ε and Q = |q|² + ε:
 *   cos = p·q / √(P·Q),  loss[i] = 1 − cos
 * and the factors of the gradient, scale being the objective's weight over B:
 *   factors[3i…] = −scale/√(P·Q), scale·cos/P, scale·cos/Q. Work-item i. */
kernel void cosine_rows(const global float *restrict z, const uint batch, const uint n,
    const float scale, global float *restrict loss, global float *restrict factors)
{
    const uint i = get_global_id(0);
    const global float *p = z + (ulong)i * n, *q = p + (ulong)batch * n;
    const float pp = mcl_dot(p, p, n) + EPSILON, qq = mcl_dot(q, q, n) + EPSILON;
    const float root = mcl_sqrt(pp * qq);
    const float cosine = mcl_divide(mcl_dot(p, q, n), root);
    loss[i] = 1.0f - cosine;
    factors[3 * i] = -mcl_divide(scale, root);
    factors[3 * i + 1] = mcl_divide(scale * cosine, pp);
    factors[3 * i + 2] = mcl_divide(scale * cosine, qq);
}

/* d loss/d p = scale·(cos·p/P − q/√(P·Q)), and the same with p and q exchanged; added to what d holds
 * when accumulate is 1. Work-item (j, i). */
kernel void cosine_backward(const global float *restrict z, const global float *restrict factors,
    const uint batch, const uint n, const uint accumulate, global float *restrict d)
{
    const uint i = get_global_id(1);
    const ulong p = (ulong)i * n + get_global_id(0), q = p + (ulong)batch * n;
    const float dp = fma(factors[3 * i], z[q], factors[3 * i + 1] * z[p]);
    const float dq = fma(factors[3 * i], z[p], factors[3 * i + 2] * z[q]);
    d[p] = mcl_flush(accumulate ? d[p] + dp : dp);
    d[q] = mcl_flush(accumulate ? d[q] + dq : dq);
}
