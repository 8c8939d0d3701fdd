/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the data set to the network's input. Built with the options below. */
#include "common.clh"
#include "constants.clh"
#include "elements.clh"
#include "philox.clh"

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

#define BYTES (sizeof(ELEMENT) == 1)

/* The mask of sixteen elements from the random words of four counters. */
static inline float16 NAME(mask16)(const ulong4 w01, const ulong4 w23, const float ratio)
{
    const float16 u = mcl_uniform16(mcl_words16(w01, w23));
    return MASK == MCL_VIEW_UNIFORM ? u : select((float16)0.0f, (float16)1.0f, u < ratio);
}

/* Sixteen elements, or the first n of them, of a row to both of its views. */
static inline void NAME(write16)(const global ELEMENT *x, global float *positive,
    global float *negative, global float *target, global uchar *hidden, global uchar *shown,
    const float16 m, const uint n)
{
    if (n >= 16) {
        const float16 value = mcl_scale16(mcl_as_floats(vload16(0, x)), BYTES);
        vstore16(mcl_flush(value * m), 0, positive);
        vstore16(mcl_flush(value * (1.0f - m)), 0, negative);
        if (TARGETS)
            vstore16(value, 0, target);
        if (ALTERED) {
            vstore16(convert_uchar16(m != 1.0f) & (uchar16)1, 0, hidden);
            vstore16(convert_uchar16(m != 0.0f) & (uchar16)1, 0, shown);
        }
    } else {
        float masks[16];
        vstore16(m, 0, masks);
        for (uint j = 0; j < n; j++) {
            const float value = mcl_scale(x[j], BYTES);
            positive[j] = mcl_flush(value * masks[j]);
            negative[j] = mcl_flush(value * (1.0f - masks[j]));
            if (TARGETS)
                target[j] = value;
            if (ALTERED) {
                hidden[j] = masks[j] != 1.0f;
                shown[j] = masks[j] != 0.0f;
            }
        }
    }
}

/* views[2B×D]: row i is the positive view x⊙m of the data set's row order[first+i], row B+i its
 * negative one, x⊙(1−m); targets[B×D] is x, and altered[2B×D] tells where a view's factor is not 1.
 * From element `start` on, data has the rows of the batch where they are gathered, else all of the
 * data set. Work-item (g, i) has elements 32·g … 32·g+31 of row i. */
kernel void NAME(views)(const global ELEMENT *restrict data, const ulong start,
    const global ulong *restrict order, const ulong first, const uint gathered, const uint batch,
    const uint columns, const uint epoch, const uint2 key, const float ratio,
    global float *restrict views, global float *restrict targets, global uchar *restrict altered)
{
    const uint element = 32 * get_global_id(0), i = get_global_id(1);
    if (element >= columns || i >= batch)
        return;
    const ulong row = order[first + i];
    const uint4 counter = mcl_counter(MCL_STREAM_MASK, 0, epoch, row, element / 4);
    ulong8 w01, w23;
    mcl_philox8((ulong8)counter.x + (ulong8)(0, 1, 2, 3, 4, 5, 6, 7), counter.y, counter.z,
        counter.w, key, &w01, &w23);
    const float16 low = NAME(mask16)(w01.lo, w23.lo, ratio);
    const float16 high = NAME(mask16)(w01.hi, w23.hi, ratio);

    const global ELEMENT *x = data + start + (gathered ? i : row) * columns + element;
    global float *positive = views + (ulong)i * columns + element;
    global float *negative = positive + (ulong)batch * columns;
    const ulong at = (ulong)i * columns + element, other = (ulong)batch * columns;
    global float *target = TARGETS ? targets + at : targets;
    global uchar *hidden = ALTERED ? altered + at : altered;
    global uchar *shown = ALTERED ? hidden + other : altered;
    const uint left = columns - element;
    NAME(write16)(x, positive, negative, target, hidden, shown, low, left);
    if (left > 16)
        NAME(write16)(x + 16, positive + 16, negative + 16, TARGETS ? target + 16 : target,
            ALTERED ? hidden + 16 : hidden, ALTERED ? shown + 16 : shown, high, left - 16);
}

/* The same with one bernoulli draw a patch of side×side pixels of an image of height × width ×
 * channels; patches are numbered along the rows of the image. Work-item (q, i) has patches 4·q …
 * 4·q+3 of row i. */
kernel void NAME(views_block)(const global ELEMENT *restrict data, const ulong start,
    const global ulong *restrict order, const ulong first, const uint gathered, const uint batch,
    const uint height, const uint width, const uint channels, const uint side, const uint epoch,
    const uint2 key, const float ratio, global float *restrict views,
    global float *restrict targets, global uchar *restrict altered)
{
    const uint quad = get_global_id(0), i = get_global_id(1);
    const uint across = (width + side - 1) / side, down = (height + side - 1) / side;
    if (4 * quad >= across * down || i >= batch)
        return;
    const ulong row = order[first + i], columns = (ulong)height * width * channels;
    const uint4 words = mcl_philox(mcl_counter(MCL_STREAM_MASK, 0, epoch, row, quad), key);
    const uint word[4] = {words.x, words.y, words.z, words.w};
    const global ELEMENT *x = data + start + (gathered ? i : row) * columns;
    global float *positive = views + i * columns, *negative = positive + batch * columns;
    for (uint patch = 4 * quad; patch < min(4 * quad + 4, across * down); patch++) {
        const float m = (word[patch % 4] >> 8) * 0x1p-24f < ratio ? 1.0f : 0.0f;
        const uint top = patch / across * side, left = patch % across * side;
        for (uint y = top; y < min(top + side, height); y++) {
            const uint begin = (y * width + left) * channels;
            const uint end = (y * width + min(left + side, width)) * channels;
            for (uint j = begin; j < end; j++) {
                const float value = mcl_scale(x[j], BYTES);
                positive[j] = mcl_flush(value * m);
                negative[j] = mcl_flush(value * (1.0f - m));
                if (TARGETS)
                    targets[i * columns + j] = value;
                if (ALTERED) {
                    altered[i * columns + j] = m != 1.0f;
                    altered[(batch + i) * columns + j] = m != 0.0f;
                }
            }
        }
    }
}

/* out[n] = n elements of data from element `start` on, as floats. Work-item i has elements 64·i …
 * 64·i+63 of them. */
kernel void NAME(unmasked)(const global ELEMENT *restrict data, const ulong start, const ulong n,
    global float *restrict out)
{
    const ulong begin = get_global_id(0) * MCL_UNMASKED_ELEMENTS;
    const ulong end = min(begin + MCL_UNMASKED_ELEMENTS, n);
    ulong j = begin;
    data += start;
    for (; j + 16 <= end; j += 16)
        vstore16(mcl_scale16(mcl_as_floats(vload16(0, data + j)), BYTES), 0, out + j);
    for (; j < end; j++)
        out[j] = mcl_scale(data[j], BYTES);
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
    out[(ulong)i * columns + j] = mcl_scale(data[start + row * columns + j], BYTES);
}
