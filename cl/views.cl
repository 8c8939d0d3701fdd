/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the data set to the network's input. Built with the options below. */
#include "constants.clh"
#include "elements.clh"

/* The options, and what they are where none are given. */
#ifndef ELEMENT
#define ELEMENT float /* uchar (scaled to [0,1]) or float */
#endif
#ifndef MASK
#define MASK MCL_VIEW_UNIFORM /* or MCL_VIEW_BERNOULLI */
#endif
#ifndef TARGETS
#define TARGETS 0 /* 1 to write the rows as they are, too */
#endif
#ifndef ALTERED
#define ALTERED 0 /* 1 to tell which elements of the views are not those of the rows */
#endif
#ifndef GROUPED
#define GROUPED 0 /* 1: inputs of one column, column_of[D] by its number, are drawn for together */
#endif

#define BYTES (sizeof(ELEMENT) == 1)

#define ELEMENTS (MCL_VECTOR * MCL_VECTORS) /* of a work-item */

/* The masks of elements by their random words. */
static inline mcl_floats NAME(mask)(const mcl_uints words, const float ratio)
{
    const mcl_floats u = mcl_uniform(words);
    return MASK == MCL_VIEW_UNIFORM ? u : select((mcl_floats)0.0f, (mcl_floats)1.0f, u < ratio);
}

/* value·m; of a byte and a mask it is 0 or at least 2^-24/255. */
static inline mcl_floats NAME(masked)(const mcl_floats value, const mcl_floats m)
{
    return BYTES ? value * m : mcl_flush(value * m);
}

/* A vector of elements, or the first n of it, at x to both views: element `at` and the one so far behind
 * it. */
static inline void NAME(write)(const global ELEMENT *x, const ulong at, const ulong behind,
    global float *views, global float *targets, global uchar *altered, const mcl_floats m,
    const uint n, const bool whole)
{
    const mcl_floats value = mcl_scale(mcl_load_vector(x, n, whole), BYTES);
    mcl_store_vector(NAME(masked)(value, m), views + at, n, whole);
    mcl_store_vector(NAME(masked)(value, 1.0f - m), views + at + behind, n, whole);
    if (TARGETS)
        mcl_store_vector(value, targets + at, n, whole);
    if (ALTERED) {
        mcl_store_vector(
            MCL_OF(convert_uchar)(MCL_OF(as_uint)(m != 1.0f) & 1), altered + at, n, whole);
        mcl_store_vector(
            MCL_OF(convert_uchar)(MCL_OF(as_uint)(m != 0.0f) & 1), altered + at + behind, n, whole);
    }
}

/* views[2B×D]: row i is the positive view x⊙m of the data set's row order[first+i], row B+i its
 * negative one, x⊙(1−m); targets[B×D] is x, and altered[2B×D] tells where a view's factor is not 1.
 * From element `start` on, data has the rows of the batch where they are gathered, else all of the
 * data set. Work-item (g, i) has elements 32·g … 32·g+31 of row i on CPUs, elsewhere 4·g … 4·g+3. */
kernel void NAME(views)(const global ELEMENT *restrict data, const ulong start,
    const global ulong *restrict order, const ulong first, const uint gathered, const uint batch,
    const uint columns, const uint epoch, const uint2 key, const float ratio,
    const global uint *restrict column_of, global float *restrict views,
    global float *restrict targets, global uchar *restrict altered)
{
    const uint element = ELEMENTS * get_global_id(0), i = get_global_id(1);
    if (element >= columns || i >= batch)
        return;
    const ulong row = order[first + i], behind = (ulong)batch * columns;
    mcl_uints words[MCL_VECTORS];
    if (GROUPED)
        mcl_draw_columns(words, mcl_counter(MCL_STREAM_MASK, 0, epoch, row, 0), key, column_of,
            element, columns);
    else
        mcl_draw(words, mcl_counter(MCL_STREAM_MASK, 0, epoch, row, element / 4), key);
    const bool whole = (columns | (uint)start) % MCL_VECTOR == 0;
    const global ELEMENT *x = data + start + (gathered ? i : row) * columns + element;
    const ulong at = (ulong)i * columns + element;
    const uint left = columns - element;
    if (left >= ELEMENTS) { /* so that vectors run side by side */
        for (uint j = 0; j < ELEMENTS; j += MCL_VECTOR)
            NAME(write)(x + j, at + j, behind, views, targets, altered,
                NAME(mask)(words[j / MCL_VECTOR], ratio), MCL_VECTOR, whole);
        return;
    }
    for (uint j = 0; j < left; j += MCL_VECTOR)
        NAME(write)(x + j, at + j, behind, views, targets, altered,
            NAME(mask)(words[j / MCL_VECTOR], ratio), left - j, whole);
}

/* Element `at` to both views, m being its mask. */
static inline void NAME(write_one)(const ELEMENT x, const ulong at, const ulong behind,
    global float *views, global float *targets, global uchar *altered, const float m)
{
    const float value = mcl_scale((float)x, BYTES);
    views[at] = mcl_flush(value * m);
    views[at + behind] = mcl_flush(value * (1.0f - m));
    if (TARGETS)
        targets[at] = value;
    if (ALTERED) {
        altered[at] = m != 1.0f;
        altered[at + behind] = m != 0.0f;
    }
}

/* The same with one bernoulli draw a patch of side×side pixels of an image of height × width ×
 * channels; patches are numbered along the rows of the image. Of several sides, from `least` on, a
 * row's is drawn. Work-item (q, i) has patches 4·q …
 * 4·q+3 of row i on CPUs, elsewhere elements 4·q … 4·q+3. */
kernel void NAME(views_block)(const global ELEMENT *restrict data, const ulong start,
    const global ulong *restrict order, const ulong first, const uint gathered, const uint batch,
    const uint height, const uint width, const uint channels, const uint least, const uint sides,
    const uint epoch, const uint2 key, const float ratio, global float *restrict views,
    global float *restrict targets, global uchar *restrict altered)
{
    const uint quad = get_global_id(0), i = get_global_id(1);
    const uint columns = height * width * channels;
    if (i >= batch)
        return;
    const ulong row = order[first + i], behind = (ulong)batch * columns;
    uint side = least;
    if (sides > 1)
        side += mul_hi(mcl_philox(mcl_counter(MCL_STREAM_MASK, 2, epoch, row, 0), key).x, sides);
    const uint across = (width + side - 1) / side, down = (height + side - 1) / side;
    if (4 * quad >= (MCL_VECTOR == 16 ? across * down : columns))
        return;
    const global ELEMENT *x = data + start + (gathered ? i : row) * columns;
    const ulong begin = (ulong)i * columns;
#if MCL_VECTOR == 16
    const uint4 words = mcl_philox(mcl_counter(MCL_STREAM_MASK, 0, epoch, row, quad), key);
    const uint word[4] = {words.x, words.y, words.z, words.w};
    for (uint patch = 4 * quad; patch < min(4 * quad + 4, across * down); patch++) {
        const float m = (word[patch % 4] >> 8) * 0x1p-24f < ratio ? 1.0f : 0.0f;
        const uint top = patch / across * side, left = patch % across * side;
        for (uint y = top; y < min(top + side, height); y++) {
            const uint end = (y * width + min(left + side, width)) * channels;
            for (uint j = (y * width + left) * channels; j < end; j++)
                NAME(write_one)(x[j], begin + j, behind, views, targets, altered, m);
        }
    }
#else
    const bool whole = (columns | (uint)start) % 4 == 0;
    uint drawn = UINT_MAX; /* the four patches that words are of */
    uint4 words = 0;
    float m[4];
#pragma unroll
    for (uint l = 0; l < 4; l++) {
        const uint pixel = min(4 * quad + l, columns - 1) / channels;
        const uint patch = pixel / width / side * across + pixel % width / side;
        if (patch / 4 != drawn) {
            drawn = patch / 4;
            words = mcl_philox(mcl_counter(MCL_STREAM_MASK, 0, epoch, row, drawn), key);
        }
        const uint2 two = patch & 2 ? words.hi : words.lo;
        m[l] = ((patch & 1 ? two.y : two.x) >> 8) * 0x1p-24f < ratio ? 1.0f : 0.0f;
    }
    NAME(write)(x + 4 * quad, begin + 4 * quad, behind, views, targets, altered,
        (float4)(m[0], m[1], m[2], m[3]), columns - 4 * quad, whole);
#endif
}

/* out[n] = n elements of data from element `start` on, as floats. Work-item q has elements 64·q …
 * 64·q+63 of them on CPUs, elsewhere 4·q … 4·q+3. */
kernel void NAME(unmasked)(const global ELEMENT *restrict data, const ulong start, const ulong n,
    global float *restrict out)
{
    const uint count = MCL_VECTOR == 16 ? MCL_UNMASKED_ELEMENTS : MCL_VECTOR;
    const ulong begin = (ulong)get_global_id(0) * count, end = min(begin + count, n);
    ulong j = begin;
    data += start;
    for (; j + MCL_VECTOR <= end; j += MCL_VECTOR)
        mcl_store_vector(mcl_scale(mcl_load_vector(data + j, MCL_VECTOR, start % 4 == 0), BYTES),
            out + j, MCL_VECTOR, true);
    for (; j < end; j++)
        out[j] = mcl_scale((float)data[j], BYTES);
}

/* out[B×D] = the rows of a batch as floats, found as views() finds them. Work-item (j, i) has element j
 * of row i. */
kernel void NAME(unmasked_rows)(const global ELEMENT *restrict data, const ulong start,
    const global ulong *restrict order, const ulong first, const uint gathered, const uint columns,
    global float *restrict out)
{
    const uint j = get_global_id(0), i = get_global_id(1);
    if (j >= columns)
        return;
    const ulong row = gathered ? i : order[first + i];
    out[(ulong)i * columns + j] = mcl_scale((float)data[start + row * columns + j], BYTES);
}
