/* SPDX-License-Identifier: Apache-2.0 */
/* What a predictor makes of one view against the other view itself (SimSiam, Chen and He 2021), or
 * against what a target network makes of that (BYOL, Grill et al. 2020). */
#include "common.clh"
#include "rounding.clh"

#define EPSILON 1e-12f /* torch.nn.functional.normalize's */

/* For row i of the predictions q[2B×n] and the other view's row t = z_{i±B}, which is a constant:
 *   u = 1/max(|q|, ε), v = 1/max(|t|, ε), cos = q·t·u·v,  loss[i] = most − slope·cos
 *   d = scale·(cos·u²·q − u·v·t), without its first part where q is shorter than ε
 * scale being the objective's weight times slope over the number of terms. Row i of 2B. */
kernel void prediction_errors(const global float *restrict q, const global float *restrict z,
    const uint batch, const uint n, const float most, const float slope, const float scale,
    global float *restrict loss, global float *restrict d, local float *space)
{
    const uint i = min(mcl_row(), 2 * batch - 1), other = i < batch ? i + batch : i - batch;
    const global float *p = q + (ulong)i * n, *t = z + (ulong)other * n;
    const float3 dots = mcl_row_dots(p, t, n, space);
    const float u = mcl_reciprocal(fmax(mcl_sqrt(dots.x), EPSILON));
    const float v = mcl_reciprocal(fmax(mcl_sqrt(dots.y), EPSILON));
    const float cosine = (dots.z * u) * v;
    const float across = -(scale * (u * v));
    const float along = u < 1e12f ? scale * (cosine * (u * u)) : 0.0f;
    if (mcl_stores_row(2 * batch))
        loss[i] = most - slope * cosine;
    for (uint j = MCL_LANE; j < mcl_stored(n, 2 * batch); j += 16) {
        const mcl_lanes x = mcl_load(p + j, n - j), y = mcl_load(t + j, n - j);
        mcl_store(
            mcl_flush(fma((mcl_lanes)across, y, along * x)), d + (ulong)i * n + j, n - j);
    }
}
