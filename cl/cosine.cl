/* The cosine objective: 1 − cos of a row's two views, torch.nn.functional.cosine_embedding_loss with
 * target +1. */
#include "common.clh"
#include "rounding.clh"

#define EPSILON 1e-12f

/* For row i's views p = z_i and q = z_{B+i} of z[2B×n], with P = |p|² + ε and Q = |q|² + ε:
 *   cos = p·q / √(P·Q),  loss[i] = 1 − cos
 *   d loss/d p = scale·(cos·p/P − q/√(P·Q)), and the same with p and q exchanged
 * scale being the objective's weight over B. The gradient is added to what d holds when accumulate
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
