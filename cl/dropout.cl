/* SPDX-License-Identifier: Apache-2.0 */
/* Dropout (Srivastava et al. 2014). */
#include "common.clh"
#include "constants.clh"
#include "philox.clh"
#include "rounding.clh"

/* out[R×n]: an element of in is 0 where its u < rate, else it is times factor = 1/(1 − rate). Its u
 * is drawn for its row's place in the batch, the step (mod 2^32) and the layer, as the view. in and
 * out may be one. Work-item (q, i) has the elements 4·q … 4·q+3 of row i. */
kernel void dropout(const global float *in, const uint n, const uint layer, const uint step,
    const uint2 key, const float rate, const float factor, global float *out)
{
    const uint quad = get_global_id(0), i = get_global_id(1);
    if (MCL_DROPOUT_ELEMENTS * quad >= n)
        return;
    const uint4 words = mcl_philox(mcl_counter(MCL_STREAM_DROPOUT, layer, step, i, quad), key);
    const uint word[4] = {words.x, words.y, words.z, words.w};
    const ulong at = (ulong)i * n + 4 * quad;
    for (uint j = 0; j < min(n - 4 * quad, 4u); j++) {
        const float u = (word[j] >> 8) * 0x1p-24f;
        out[at + j] = u < rate ? 0.0f : mcl_flush(in[at + j] * factor);
    }
}
