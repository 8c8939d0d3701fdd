/* SPDX-License-Identifier: Apache-2.0 */
/* Views of images on their way from the sampling to the mask, both in cl/augment.cl: contrast,
 * saturation, hue, grey and blur, each view as its line of view_parameters()'s parameters[2B×24] says.
 * Built with the options below. */
#include "common.clh"
#include "constants.clh"
#include "rounding.clh"

/* The options, and what they are where none are given. */
#ifndef BYTES
#define BYTES 0 /* 1: values are held within 0 and 1 */
#endif
#ifndef RGB
#define RGB 1 /* pixels have red, green and blue; 0: what is said of a pixel is said of an element */
#endif

#define CHANNELS (RGB ? 3 : 1)

/* Adjacent pixels, by colour; without RGB red is an element and the others are not used. */
typedef struct NAME(pixels) {
    mcl_lanes red, green, blue;
} NAME(pixels);

#if MCL_WIDTH == 16
/* Sixteen elements, or those that there are and 0 for the others. */
static inline float16 NAME(part)(const global float *x, const int left)
{
    return left > 0 ? mcl_load16(x, (uint)left) : 0.0f;
}

static inline void NAME(store_part)(const float16 values, global float *x, const int left)
{
    if (left > 0)
        mcl_store16(values, x, (uint)left);
}
#endif

/* The pixels from x on, of which there are `left`, one at least; 0 in the other lanes. (Where a function
 * returns a structure, clang adds a call that Oclgrind 21.10 does not know.) */
static inline void NAME(load)(NAME(pixels) *to, const global float *x, const uint left)
{
#if MCL_WIDTH != 16
    to->red = x[0];
    to->green = RGB ? x[1] : 0.0f;
    to->blue = RGB ? x[2] : 0.0f;
#elif RGB
    const int elements = (int)min(3 * left, 48u);
    const float16 p = NAME(part)(x, elements), q = NAME(part)(x + 16, elements - 16);
    const float16 r = NAME(part)(x + 32, elements - 32);
    to->red = (float16)(p.s0369, p.scf, q.s258b, q.se, r.s147a, r.sd);
    to->green = (float16)(p.s147a, p.sd, q.s0369, q.scf, r.s258b, r.se);
    to->blue = (float16)(p.s258b, p.se, q.s147a, q.sd, r.s0369, r.scf);
#else
    to->red = mcl_load16(x, left);
    to->green = 0.0f;
    to->blue = 0.0f;
#endif
}

static inline void NAME(store)(const NAME(pixels) *from, global float *x, const uint left)
{
    const mcl_lanes r = from->red, g = from->green, b = from->blue;
#if MCL_WIDTH != 16
    x[0] = r;
    if (RGB) {
        x[1] = g;
        x[2] = b;
    }
#elif RGB
    const int elements = (int)min(3 * left, 48u);
    NAME(store_part)((float16)(r.s0, g.s0, b.s0, r.s1, g.s1, b.s1, r.s2, g.s2, b.s2, r.s3, g.s3,
                         b.s3, r.s4, g.s4, b.s4, r.s5),
        x, elements);
    NAME(store_part)((float16)(g.s5, b.s5, r.s6, g.s6, b.s6, r.s7, g.s7, b.s7, r.s8, g.s8, b.s8,
                         r.s9, g.s9, b.s9, r.sa, g.sa),
        x + 16, elements - 16);
    NAME(store_part)((float16)(b.sa, r.sb, g.sb, b.sb, r.sc, g.sc, b.sc, r.sd, g.sd, b.sd, r.se,
                         g.se, b.se, r.sf, g.sf, b.sf),
        x + 32, elements - 32);
#else
    mcl_store16(r, x, left);
#endif
}

/* 0.2989·r + 0.587·g + 0.114·b, as torchvision has it, or the element. */
static inline mcl_lanes NAME(grey)(const NAME(pixels) *p)
{
    if (!RGB)
        return p->red;
    const mcl_lanes rest = fma((mcl_lanes)0.587f, p->green, 0.114f * p->blue);
    return mcl_flush(fma((mcl_lanes)0.2989f, p->red, rest));
}

/* factor·x + (1 − factor)·grey */
static inline mcl_lanes NAME(blend)(const mcl_lanes x, const float factor, const mcl_lanes grey)
{
    const mcl_lanes value = mcl_flush(fma((mcl_lanes)factor, x, (1.0f - factor) * grey));
    return BYTES ? fmin(fmax(value, (mcl_lanes)0.0f), (mcl_lanes)1.0f) : value;
}

static inline void NAME(blend_all)(NAME(pixels) *p, const float factor, const mcl_lanes grey)
{
    p->red = NAME(blend)(p->red, factor, grey);
    if (RGB) {
        p->green = NAME(blend)(p->green, factor, grey);
        p->blue = NAME(blend)(p->blue, factor, grey);
    }
}

/* Hues `by` sixths of the circle further on. In HSV this leaves the largest and the smallest value of a
 * pixel, between which the others lie by the hue h from 0 to 6:
 *   red:   least + d·(|h − 3| − 1)    green: least + d·(2 − |h − 2|)    blue: least + d·(2 − |h − 4|)
 * each held within least and most = least + d. The hue is had as d·h, which needs no division. */
static inline void NAME(turn)(NAME(pixels) *p, const float by)
{
    const mcl_lanes most = fmax(p->red, fmax(p->green, p->blue));
    const mcl_lanes least = fmin(p->red, fmin(p->green, p->blue));
    const mcl_lanes d = mcl_flush(most - least), none = 0.0f;
    mcl_lanes h = fma((mcl_lanes)4.0f, d, p->red - p->green);
    h = select(h, fma((mcl_lanes)2.0f, d, p->blue - p->red), p->green == most);
    h = select(h, p->green - p->blue, p->red == most);
    h = fma((mcl_lanes)by, d, h);
    h = select(h, fma((mcl_lanes)6.0f, d, h), h < none);
    h = select(h, fma((mcl_lanes)-6.0f, d, h), h >= 6.0f * d);
    const mcl_lanes red = fabs(fma((mcl_lanes)-3.0f, d, h)) - d;
    const mcl_lanes green = fma((mcl_lanes)2.0f, d, -fabs(fma((mcl_lanes)-2.0f, d, h)));
    const mcl_lanes blue = fma((mcl_lanes)2.0f, d, -fabs(fma((mcl_lanes)-4.0f, d, h)));
    p->red = mcl_flush(least + fmin(fmax(red, none), d));
    p->green = mcl_flush(least + fmin(fmax(green, none), d));
    p->blue = mcl_flush(least + fmin(fmax(blue, none), d));
}

/* means[2B] = sum(grey)/n of the n pixels of each view whose contrast changes, else 0. Rows: see
 * common.clh. */
kernel void NAME(view_means)(const global float *restrict views,
    const global float *restrict parameters, const uint rows, const uint n,
    global float *restrict means, local float *space)
{
    const uint i = min(mcl_row(), rows - 1);
    const bool changes = parameters[MCL_VIEW_PARAMETERS * (ulong)i + MCL_VIEW_CONTRAST] != 1.0f;
    const global float *x = views + (ulong)i * n * CHANNELS;
    mcl_lanes lanes = 0.0f;
    for (uint j = MCL_LANE; j < (changes ? n : 0); j += 16) {
        NAME(pixels) p;
        NAME(load)(&p, x + j * CHANNELS, n - j);
        lanes = mcl_link(lanes, NAME(grey)(&p));
    }
    const float sum = mcl_add_lanes(lanes, space);
    if (mcl_stores_row(rows))
        means[i] = mcl_divide(sum, (float)n);
}

/* Contrast, saturation, hue and grey of the n pixels of each view, in this order, where they change.
 * Work-item (q, v) has the pixels from MCL_WIDTH·q on of view v. */
kernel void NAME(coloured_views)(global float *restrict views,
    const global float *restrict parameters, const global float *restrict means, const uint n)
{
    const uint j = MCL_WIDTH * get_global_id(0), v = get_global_id(1);
    if (j >= n)
        return;
    const float4 of = vload4(0, parameters + MCL_VIEW_PARAMETERS * (ulong)v + MCL_VIEW_CONTRAST);
    const float contrast = of.x, saturation = of.y, hue = of.z;
    if (contrast == 1.0f && saturation == 1.0f && hue == 0.0f && of.w == 0.0f)
        return;
    global float *x = views + ((ulong)v * n + j) * CHANNELS;
    NAME(pixels) p;
    NAME(load)(&p, x, n - j);
    if (contrast != 1.0f)
        NAME(blend_all)(&p, contrast, means[v]);
    if (RGB && saturation != 1.0f)
        NAME(blend_all)(&p, saturation, NAME(grey)(&p));
    if (RGB && hue != 0.0f)
        NAME(turn)(&p, hue);
    if (RGB && of.w != 0.0f)
        p.red = p.green = p.blue = NAME(grey)(&p);
    NAME(store)(&p, x, n - j);
}

/* Place `at` of n in a line whose ends are mirrors. */
static inline uint NAME(mirrored)(const int at, const uint n)
{
    /* its size; Oclgrind 21.10 does not know what clang makes of other ways to write it */
    const uint inside = min((uint)at, 0u - (uint)at);
    return inside < n ? inside : 2 * (n - 1) - inside;
}

/* An element at place `at` of n along a line, so many elements apart, with those on either side of it:
 *   chain over i = 1 … radius of w_i·(x_{at−i} + x_{at+i}), from w_0·x_at on */
static inline float NAME(blur_one)(const global float *line, const global float *w, const uint at,
    const uint n, const uint apart, const uint radius)
{
    float sum = w[0] * line[at * apart];
    for (uint i = 1; i <= radius; i++)
        sum = fma(w[i], line[NAME(mirrored)((int)at - (int)i, n) * apart] +
                            line[NAME(mirrored)((int)(at + i), n) * apart], sum);
    return mcl_flush(sum);
}

#if MCL_WIDTH == 16
/* The same for 16 adjacent elements, whose neighbours lie so many elements before and after them. */
static inline void NAME(blur_16)(const global float *x, const global float *w, const uint radius,
    const uint apart, global float *to)
{
    float16 sum = w[0] * vload16(0, x);
    for (uint i = 1; i <= radius; i++)
        sum = fma((float16)w[i], vload16(0, x - i * apart) + vload16(0, x + i * apart), sum);
    vstore16(mcl_flush(sum), 0, to);
}

/* Along a line of pixels: those whose neighbours are all there sixteen elements at a time, of which the
 * last ones may have been done before. */
static inline void NAME(blur_line)(const global float *x, const global float *w,
    const uint width, const uint channels, const uint radius, global float *to)
{
    const uint length = width * channels, begin = radius * channels;
    const uint end = length > 2 * begin + 16 ? length - begin : begin;
    for (uint j = begin; j < end; j += 16) {
        const uint from = min(j, end - 16);
        NAME(blur_16)(x + from, w, radius, channels, to + from);
    }
    for (uint j = 0; j < length; j++) {
        if (j == begin)
            j = end;
        to[j] = NAME(blur_one)(x + j % channels, w, j / channels, width, channels, radius);
    }
}

/* Across the lines: line y of an image. */
static inline void NAME(blur_across)(const global float *x, const global float *w, const uint y,
    const uint height, const uint length, const uint radius, global float *to)
{
    uint j = 0;
    for (; j + 16 <= length; j += 16) {
        float16 sum = w[0] * vload16(0, x + y * length + j);
        for (uint i = 1; i <= radius; i++) {
            const uint above = NAME(mirrored)((int)y - (int)i, height);
            const uint below = NAME(mirrored)((int)(y + i), height);
            sum = fma((float16)w[i],
                vload16(0, x + above * length + j) + vload16(0, x + below * length + j), sum);
        }
        vstore16(mcl_flush(sum), 0, to + y * length + j);
    }
    for (; j < length; j++)
        to[y * length + j] = NAME(blur_one)(x + j, w, y, height, length, radius);
}
#endif

/* out = in, blurred along its lines or, where `across` is 1, across them, for views that are blurred;
 * nothing is stored for others. Images have height × width × channels. On CPUs work-item (y, v) has
 * line y of view v, elsewhere (j, v) element j. */
kernel void NAME(blurred_views)(const global float *restrict in,
    const global float *restrict parameters, const global float *restrict weights,
    const uint height, const uint width, const uint channels, const uint radius, const uint across,
    global float *restrict out)
{
    const uint place = get_global_id(0), v = get_global_id(1), length = width * channels;
    const ulong begin = (ulong)v * height * length;
    if (place >= (MCL_WIDTH == 16 ? height : height * length) ||
        parameters[MCL_VIEW_PARAMETERS * (ulong)v + MCL_VIEW_CONTRAST + 4] == 0.0f)
        return;
    const global float *w = weights + (ulong)v * (radius + 1);
#if MCL_WIDTH == 16
    if (across)
        NAME(blur_across)(in + begin, w, place, height, length, radius, out + begin);
    else
        NAME(blur_line)(in + begin + place * length, w, width, channels, radius,
            out + begin + place * length);
#else
    const uint y = place / length, j = place % length;
    out[begin + place] = across
        ? NAME(blur_one)(in + begin + j, w, y, height, length, radius)
        : NAME(blur_one)(in + begin + y * length + j % channels, w, j / channels, width, channels,
              radius);
#endif
}
