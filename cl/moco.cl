/* SPDX-License-Identifier: Apache-2.0 */
/* MoCo (He et al. 2020): every view must find its key, what a target network makes of its row's
 * other view, among the keys of a queue. s[2B×m] holds the similarities q̂·kᵀ/τ of all views and the
 * m keys of the queue. */
#include "softmax.clh"

/* For row i of the queries q̂[2B×n] and its key k̂_{i±B}, which is a constant:
 *   positive = (q̂·k̂)·(1/τ), normalizer = log(exp positive + Σ_j exp s_ij)
 *   loss[i] = normalizer − positive, and the key's part of the gradient by q̂_i,
 *   d = (scale·(exp(positive − normalizer) − 1)·(1/τ))·k̂
 * scale being the objective's weight over 2B. Row i of 2B. */
kernel void moco_rows(const global float *restrict s, const uint queue,
    const global float *restrict queries, const global float *restrict keys, const uint batch,
    const uint n, const float inverse_temperature, const float scale,
    global float *restrict normalizer, global float *restrict loss, global float *restrict d,
    local float *space)
{
    const uint i = min(mcl_row(), 2 * batch - 1), other = i < batch ? i + batch : i - batch;
    const global float *key = keys + (ulong)other * n;
    const float positive =
        mcl_row_dot(queries + (ulong)i * n, key, n, space) * inverse_temperature;
    float largest;
    const float others = mcl_log_sum_exp(s + (ulong)i * queue, queue, queue, &largest, space);
    const float most = fmax(others, positive);
    const float all = most + mcl_log(mcl_exp(others - most) + mcl_exp(positive - most));
    const float along = (scale * (mcl_exp(positive - all) - 1.0f)) * inverse_temperature;
    if (mcl_stores_row(2 * batch)) {
        normalizer[i] = all;
        loss[i] = all - positive;
    }
    for (uint j = MCL_LANE; j < mcl_stored(n, 2 * batch); j += 16)
        mcl_store(mcl_flush(along * mcl_load(key + j, n - j)), d + (ulong)i * n + j, n - j);
}

/* s becomes the gradient by it, scale·exp(s_ij − normalizer_i). Work-item (q, i) has the columns
 * from j = MCL_WIDTH·q on. */
kernel void moco_backward(global float *restrict s, const global float *restrict normalizer,
    const uint queue, const float scale)
{
    const uint j = MCL_WIDTH * get_global_id(0), i = get_global_id(1);
    if (j >= queue)
        return;
    const uint left = min(queue - j, 16u);
    global float *at = s + (ulong)i * queue + j;
    mcl_store(mcl_flush(scale * mcl_exp(mcl_load(at, left) - normalizer[i])), at, left);
}

/* Puts the keys [rows×n] in the queue, the first of them in the place of key number `first`, over
 * its end to its beginning. Work-item (j, i). */
kernel void moco_enqueue(const global float *restrict keys, const uint n, const uint first,
    const uint queue, global float *restrict kept)
{
    const uint j = get_global_id(0), i = get_global_id(1);
    if (MCL_PADS(j, n))
        return;
    const uint left = queue - first;
    const uint place = i < left ? first + i : i - left;
    kept[(ulong)place * n + j] = keys[(ulong)i * n + j];
}
