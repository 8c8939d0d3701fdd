/* SPDX-License-Identifier: Apache-2.0 */
/* Views that are more than a masked row and what the mask leaves of it, which cl/views.cl makes.
 * Built with the options below. */
#include "common.clh"
#include "constants.clh"
#include "elements.clh"
#include "philox.clh"

/* The options, and what they are where none are given. */
#ifndef ELEMENT
#define ELEMENT float /* uchar (scaled to [0,1]) or float */
#endif
#ifndef MASK
#define MASK MCL_VIEW_UNIFORM /* or MCL_VIEW_BERNOULLI, MCL_VIEW_BLOCK, MCL_VIEW_UNMASKED */
#endif
#ifndef RELATION
#define RELATION MCL_VIEW_COMPLEMENT /* or MCL_VIEW_INDEPENDENT, MCL_VIEW_WHOLE */
#endif
#ifndef MOVED
#define MOVED 0 /* 1 for shift, scale, rotation and flip */
#endif
#ifndef LIT
#define LIT 0 /* 1 for brightness */
#endif
#ifndef CORRUPT
#define CORRUPT 0 /* how many views have elements of other rows: 0, the first, or 2 */
#endif
#ifndef NOISE
#define NOISE 0 /* 1 for Gaussian noise */
#endif
#ifndef CHANNELS
#define CHANNELS 1 /* of a pixel */
#endif
#ifndef SIDE
#define SIDE 1 /* of a patch in pixels */
#endif
#ifndef PAIRS
#define PAIRS 0 /* 1 to load adjacent pixels together: of one channel, in lines of two or more */
#endif
#ifndef TARGETS
#define TARGETS 0 /* 1 to write what the views are before corruption, noise and mask, too */
#endif
#ifndef ALTERED
#define ALTERED 0 /* 1 to tell which elements mask or corruption changed */
#endif

#define BYTES (sizeof(ELEMENT) == 1)
#define MASKED_VIEWS (MASK == MCL_VIEW_UNMASKED ? 0 : RELATION == MCL_VIEW_WHOLE ? 1 : 2)
#define DRAWN_MASKS (MASK > MCL_VIEW_BERNOULLI ? 0 : RELATION == MCL_VIEW_INDEPENDENT ? 2 : 1)
#define TARGET_VIEWS (TARGETS * (1 + (MOVED | LIT)))
#define LANES ((uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))

/* A word as a number in [−1,1). */
static inline float NAME(both_ways)(const uint word)
{
    return (float)(word >> 8) * 0x1p-23f - 1.0f;
}

/* parameters[2B×8] of view v of row order[first+i]: the element at column c, line l of the view is
 * that of the row at
 *   column p0·(c − (W−1)/2) + p1·(l − (H−1)/2) + p4
 *   line   p2·(c − (W−1)/2) + p3·(l − (H−1)/2) + p5
 * times p6. Work-item (i, v). */
kernel void NAME(view_parameters)(const global ulong *restrict order, const ulong first,
    const uint batch, const uint height, const uint width, const uint epoch, const uint2 key,
    const float shift, const float scaling, const float rotation, const float flip,
    const float brightness, global float *restrict parameters)
{
    const uint i = get_global_id(0), view = get_global_id(1);
    if (i >= batch)
        return;
    const ulong row = order[first + i];
    const uint4 words = mcl_philox(mcl_counter(MCL_STREAM_GEOMETRY, view, epoch, row, 0), key);
    const uint4 more = mcl_philox(mcl_counter(MCL_STREAM_GEOMETRY, view, epoch, row, 1), key);
    const float angle = rotation * NAME(both_ways)(words.w);
    const float shrink = mcl_reciprocal(fma(scaling, NAME(both_ways)(words.z), 1.0f));
    const float turn = (float)(more.x >> 8) * 0x1p-24f < flip ? -1.0f : 1.0f;
    const float along = shrink * mcl_cos_near(angle);
    const float across = mcl_flush(shrink * mcl_sin_near(angle));
    global float *p = parameters + MCL_VIEW_PARAMETERS * ((ulong)view * batch + i);
    p[0] = turn * along;
    p[1] = -across;
    p[2] = turn * across;
    p[3] = along;
    p[4] = fma(shift * (float)width, NAME(both_ways)(words.x), 0.5f * (float)(width - 1));
    p[5] = fma(shift * (float)height, NAME(both_ways)(words.y), 0.5f * (float)(height - 1));
    p[6] = fma(brightness, NAME(both_ways)(more.y), 1.0f);
    p[7] = 0.0f;
}

/* patches[V·B × 4·quads]: the masks of the patches of view v of row i, quads being a quarter of
 * their number. Work-item (quad, v·B + i). */
kernel void NAME(patch_masks)(const global ulong *restrict order, const ulong first,
    const uint batch, const uint quads, const uint epoch, const uint2 key, const float ratio,
    global float *restrict patches)
{
    const uint quad = get_global_id(0), at = get_global_id(1);
    if (quad >= quads)
        return;
    const ulong row = order[first + at % batch];
    const uint4 words = mcl_philox(mcl_counter(MCL_STREAM_MASK, at / batch, epoch, row, quad), key);
    const float4 u = convert_float4(words >> 8) * 0x1p-24f;
    vstore4(select((float4)0.0f, (float4)1.0f, u < ratio), (ulong)at * quads + quad, patches);
}

/* The words of elements element … element+31 of a row, element being a multiple of 4. */
static inline void NAME(draw32)(uint16 *low, uint16 *high, const uint stream, const uint view,
    const uint epoch, const ulong row, const uint element, const uint2 key)
{
    const uint4 counter = mcl_counter(stream, view, epoch, row, element / 4);
    ulong8 w01, w23;
    mcl_philox8((ulong8)counter.x + (ulong8)(0, 1, 2, 3, 4, 5, 6, 7), counter.y, counter.z,
        counter.w, key, &w01, &w23);
    *low = mcl_words16(w01.lo, w23.lo);
    *high = mcl_words16(w01.hi, w23.hi);
}

/* Where sixteen elements from one on lie in lines of so many elements. */
static inline void NAME(place16)(uint16 *line, uint16 *within, const uint element,
    const uint length)
{
    *line = element / length;
    *within = element % length + LANES;
    for (uint turn = 0; turn <= 15 / length; turn++) {
        const uint16 beyond = as_uint16(*within >= length); /* all ones, or 0 */
        *within -= beyond & length;
        *line -= beyond;
    }
}

/* The elements at sixteen places of x, as a vector that is made at once: an array in between would
 * have to be stored before it can be loaded. */
#define VECTOR(type, lanes) JOIN(type, lanes)
#define GATHER(x, p)                                                                               \
    mcl_as_floats((VECTOR(ELEMENT, 16))((x)[p[0]], (x)[p[1]], (x)[p[2]], (x)[p[3]], (x)[p[4]],     \
        (x)[p[5]], (x)[p[6]], (x)[p[7]], (x)[p[8]], (x)[p[9]], (x)[p[10]], (x)[p[11]],             \
        (x)[p[12]], (x)[p[13]], (x)[p[14]], (x)[p[15]]))

/* The same for pairs of neighbours. */
#define PAIR(x, p) vload2(0, (x) + (p))
#define PAIRS8(x, p)                                                                               \
    ((VECTOR(ELEMENT, 16))(PAIR(x, (p)[0]), PAIR(x, (p)[1]), PAIR(x, (p)[2]), PAIR(x, (p)[3]),     \
        PAIR(x, (p)[4]), PAIR(x, (p)[5]), PAIR(x, (p)[6]), PAIR(x, (p)[7])))

/* What lies left and right of places in an image's lines y: columns x0 and x0 + 1 of it, 0 where
 * those are outside. */
static inline void NAME(beside16)(float16 *left, float16 *right, const global ELEMENT *x,
    const int16 x0, const int16 y, const int16 channel, const int width, const int height)
{
    /* Not clamp with numbers for bounds, which Oclgrind 21.10 takes for other ones. */
    const int16 inside = min(max(y, (int16)0), (int16)(height - 1)), known = y == inside;
    const int16 line = inside * width;
    int p[16];
    if (PAIRS) {
        const int16 column = min(max(x0, (int16)0), (int16)(width - 2));
        vstore16(line + column, 0, p);
        const VECTOR(ELEMENT, 16) low = PAIRS8(x, p), high = PAIRS8(x, p + 8);
        const float16 one = mcl_as_floats((VECTOR(ELEMENT, 16))(low.even, high.even));
        const float16 other = mcl_as_floats((VECTOR(ELEMENT, 16))(low.odd, high.odd));
        const float16 shifted_left = select((float16)0.0f, other, x0 == width - 1);
        const float16 shifted_right = select((float16)0.0f, one, x0 == -1);
        *left = select((float16)0.0f, select(shifted_left, one, x0 == column), known);
        *right = select((float16)0.0f, select(shifted_right, other, x0 == column), known);
        return;
    }
    const int16 first = min(max(x0, (int16)0), (int16)(width - 1));
    const int16 second = min(max(x0 + 1, (int16)0), (int16)(width - 1));
    vstore16((line + first) * CHANNELS + channel, 0, p);
    *left = select((float16)0.0f, GATHER(x, p), known & (x0 == first));
    vstore16((line + second) * CHANNELS + channel, 0, p);
    *right = select((float16)0.0f, GATHER(x, p), known & (x0 + 1 == second));
}

/* Sixteen elements of a view, from the four around each one's place in the row, which are weighed
 * by how near they are. */
static inline float16 NAME(sample16)(const global ELEMENT *x, const global float *p,
    const uint element, const uint height, const uint width)
{
    uint16 line, within;
    NAME(place16)(&line, &within, element, width * CHANNELS);
    const uint16 column = within / CHANNELS;
    const float16 dx = convert_float16(column) - 0.5f * (float)(width - 1);
    const float16 dy = convert_float16(line) - 0.5f * (float)(height - 1);
    float16 from_x = fma((float16)p[0], dx, fma((float16)p[1], dy, (float16)p[4]));
    float16 from_y = fma((float16)p[2], dx, fma((float16)p[3], dy, (float16)p[5]));
    from_x = fmin(fmax(from_x, (float16)-2.0f), (float16)(float)(width + 1));
    from_y = fmin(fmax(from_y, (float16)-2.0f), (float16)(float)(height + 1));
    const float16 left = floor(from_x), top = floor(from_y);
    const float16 weight_x = from_x - left, weight_y = from_y - top;
    const int16 x0 = convert_int16(left), y0 = convert_int16(top);
    const int16 channel = as_int16(within - column * CHANNELS);
    float16 above_left, above_right, below_left, below_right;
    NAME(beside16)(&above_left, &above_right, x, x0, y0, channel, (int)width, (int)height);
    NAME(beside16)(&below_left, &below_right, x, x0, y0 + 1, channel, (int)width, (int)height);
    const float16 above = fma(weight_x, above_right - above_left, above_left);
    const float16 below = fma(weight_x, below_right - below_left, below_left);
    return fma(weight_y, below - above, above);
}

/* Sixteen elements, or the first n of them. */
static inline float16 NAME(load16)(const global ELEMENT *x, const uint n)
{
    if (n >= 16)
        return mcl_as_floats(vload16(0, x));
    ELEMENT values[16];
    for (uint l = 0; l < 16; l++)
        values[l] = x[min(l, n - 1)];
    return mcl_as_floats(vload16(0, values));
}

static inline void NAME(store_flags16)(global uchar *to, const int16 flags, const uint n)
{
    const uchar16 bytes = convert_uchar16(as_uint16(flags) & 1);
    if (n >= 16) {
        vstore16(bytes, 0, to);
        return;
    }
    uchar lanes[16];
    vstore16(bytes, 0, lanes);
    for (uint l = 0; l < n; l++)
        to[l] = lanes[l];
}

/* The masks of sixteen elements by their words, or by their patches. */
static inline float16 NAME(mask16)(const uint16 words, const float ratio,
    const global float *patches, const uint element, const uint height, const uint width)
{
    if (MASK == MCL_VIEW_BLOCK) {
        uint16 line, within;
        NAME(place16)(&line, &within, element, width * CHANNELS);
        const uint16 down = min(line, (uint16)(height - 1)) / SIDE;
        uint p[16];
        vstore16(down * ((width + SIDE - 1) / SIDE) + within / CHANNELS / SIDE, 0, p);
        return (float16)(patches[p[0]], patches[p[1]], patches[p[2]], patches[p[3]], patches[p[4]],
            patches[p[5]], patches[p[6]], patches[p[7]], patches[p[8]], patches[p[9]],
            patches[p[10]], patches[p[11]], patches[p[12]], patches[p[13]], patches[p[14]],
            patches[p[15]]);
    }
    const float16 u = mcl_uniform16(words);
    return MASK == MCL_VIEW_UNIFORM ? u : select((float16)0.0f, (float16)1.0f, u < ratio);
}

/* Sixteen elements with those that are chosen replaced by the same columns' in rows of the pool. */
static inline float16 NAME(corrupt16)(const float16 values, const uint16 choices,
    const uint16 donors, const float ratio, const global ELEMENT *pool, const uint pool_rows,
    const uint element, const uint columns)
{
    const int16 chosen = mcl_uniform16(choices) < ratio;
    const uint16 rows = convert_uint16(convert_ulong16(donors) * (ulong)pool_rows >> 32);
    const uint16 column = min(element + LANES, (uint16)(columns - 1));
    ulong p[16];
    vstore16(convert_ulong16(rows & as_uint16(chosen)) * columns + convert_ulong16(column), 0, p);
    return select(values, mcl_scale16(GATHER(pool, p), BYTES), chosen);
}

/* Words as numbers of the standard normal distribution. */
static inline float16 NAME(normal16)(const uint16 words)
{
    const int16 odd = as_int16(((words >> 8) << 1) + 1) - (1 << 24);
    return mcl_quantile(convert_float16(odd) * 0x1p-24f);
}

/* views[2B×D]: both views of the rows order[first …]; targets are [2B×D] where MOVED or LIT, else
 * [B×D]; altered is [2B×D]. Where the rows are is said in views.cl, what parameters and patches are
 * above; pool[pool_rows×D] has the rows that corruption takes elements from. Work-item (g, i) has
 * elements 32·g … 32·g+31 of row i's views. */
kernel void NAME(augmented_views)(const global ELEMENT *restrict data, const ulong start,
    const global ulong *restrict order, const ulong first, const uint gathered, const uint batch,
    const uint height, const uint width, const uint columns, const uint epoch, const uint2 key,
    const float ratio, const float corruption, const float noise,
    const global float *restrict parameters, const global float *restrict patches,
    const uint patch_quads, const global ELEMENT *restrict pool, const uint pool_rows,
    global float *restrict views, global float *restrict targets, global uchar *restrict altered)
{
    const uint begin = 32 * get_global_id(0), i = get_global_id(1);
    if (begin >= columns || i >= batch)
        return;
    const ulong row = order[first + i];
    const global ELEMENT *x = data + start + (gathered ? i : row) * columns;
    uint16 mask_words[2] = {0, 0}, choices[2] = {0, 0}, donors[2] = {0, 0}, noises[2] = {0, 0};
    for (uint view = 0; view < 2; view++) {
        const ulong at = (ulong)view * batch + i;
        const global float *p = parameters + MCL_VIEW_PARAMETERS * at;
        const ulong drawn = RELATION == MCL_VIEW_INDEPENDENT ? at : i;
        const global float *masks = patches + 4 * patch_quads * drawn;
        const bool masked = view < MASKED_VIEWS, corrupted = view < CORRUPT;
        if (view < DRAWN_MASKS)
            NAME(draw32)(mask_words, mask_words + 1, MCL_STREAM_MASK, view, epoch, row, begin, key);
        if (corrupted) {
            NAME(draw32)(choices, choices + 1, MCL_STREAM_CORRUPTION, view, epoch, row, begin, key);
            NAME(draw32)(
                donors, donors + 1, MCL_STREAM_CORRUPTION, 2 + view, epoch, row, begin, key);
        }
        if (NOISE)
            NAME(draw32)(noises, noises + 1, MCL_STREAM_NOISE, view, epoch, row, begin, key);
        for (uint part = 0; part < 2; part++) {
            const uint element = begin + 16 * part, left = columns - element;
            if (element >= columns)
                break;
            float16 value;
            if (MOVED)
                value = mcl_flush(
                    mcl_scale16(NAME(sample16)(x, p, element, height, width), BYTES));
            else
                value = mcl_scale16(NAME(load16)(x + element, left), BYTES);
            if (LIT) {
                value = mcl_flush(value * p[6]);
                if (BYTES) /* which cannot be brighter than white */
                    value = fmin(value, (float16)1.0f);
            }
            if (view < TARGET_VIEWS)
                mcl_store16(value, targets + at * columns + element, left);
            int16 changed = 0;
            if (corrupted) {
                const float16 before = value;
                value = NAME(corrupt16)(before, choices[part], donors[part], corruption, pool,
                    pool_rows, element, columns);
                changed = value != before;
            }
            if (NOISE)
                value = fma((float16)noise, NAME(normal16)(noises[part]), value);
            if (masked) {
                float16 m = NAME(mask16)(mask_words[part], ratio, masks, element, height, width);
                if (RELATION == MCL_VIEW_COMPLEMENT && view == 1)
                    m = 1.0f - m;
                changed |= m != 1.0f;
                value *= m;
            }
            mcl_store16(mcl_flush(value), views + at * columns + element, left);
            if (ALTERED)
                NAME(store_flags16)(altered + at * columns + element, changed, left);
        }
    }
}
