/* SPDX-License-Identifier: Apache-2.0 */
/* Dropout (Srivastava et al. 2014). */
#include "constants.clh"
#include "elements.clh"

#define ELEMENTS (MCL_VECTOR * MCL_VECTORS) /* of a work-item */

/* A vector of elements, or the first n of it. */
static inline void drop(const global float *in, const mcl_uints words, const float rate,
    const float factor, global float *out, const uint n, const bool whole)
{
    const mcl_floats kept = mcl_flush(mcl_load_vector(in, n, whole) * factor);
    mcl_store_vector(
        select(kept, (mcl_floats)0.0f, mcl_uniform(words) < rate), out, n, whole);
}

/* out[R×n]: an element of in is 0 where its u < rate, else it is times factor = 1/(1 − rate). Its u
 * is drawn for its row's place in the batch, the step (mod 2^32) and the layer, as the view. in and
 * out may be one. Work-item (g, i) has the elements 32·g … 32·g+31 of row i on CPUs, elsewhere
 * 4·g … 4·g+3. */
kernel void dropout(const global float *in, const uint n, const uint layer, const uint step,
    const uint2 key, const float rate, const float factor, global float *out)
{
    const uint element = ELEMENTS * get_global_id(0), i = get_global_id(1);
    if (element >= n)
        return;
    mcl_uints words[MCL_VECTORS];
    mcl_draw(words, mcl_counter(MCL_STREAM_DROPOUT, layer, step, i, element / 4), key);
    const ulong at = (ulong)i * n + element;
    const uint left = n - element;
    const bool whole = n % MCL_VECTOR == 0;
    in += at;
    out += at;
    if (left >= ELEMENTS) { /* so that vectors run side by side */
        for (uint j = 0; j < ELEMENTS; j += MCL_VECTOR)
            drop(in + j, words[j / MCL_VECTOR], rate, factor, out + j, MCL_VECTOR, whole);
        return;
    }
    for (uint j = 0; j < left; j += MCL_VECTOR)
        drop(in + j, words[j / MCL_VECTOR], rate, factor, out + j, left - j, whole);
}
