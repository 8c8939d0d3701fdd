/* SPDX-License-Identifier: Apache-2.0 */
/* Views that are more than a masked row and what the mask leaves of it, which cl/views.cl makes.
 * Built with the options below. */
#include "constants.clh"
#include "elements.clh"

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
#define MOVED 0 /* 1 for shift, scale, rotation, and flip without a crop */
#endif
#ifndef CROP
#define CROP 0 /* 1 for a crop, and flip with it */
#endif
#ifndef STAGED
#define STAGED 0 /* 1: moves, crop and light are in the views already, and were worked on there */
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
#ifndef AMPLIFIED
#define AMPLIFIED 0 /* 1 for a factor a channel of a sequence */
#endif
#ifndef SPAN
#define SPAN 0 /* 1 to hide a part of a sequence's time */
#endif
#ifndef CHANNELS
#define CHANNELS 1 /* of a pixel */
#endif
#ifndef SIDE
#define SIDE 1 /* of a patch in pixels */
#endif
#ifndef SIDES
#define SIDES 1 /* from SIDE on, of which a row's is drawn */
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
#ifndef GROUPED
#define GROUPED 0 /* 1: inputs of one column, column_of[D] by its number, are drawn for together */
#endif

#define BYTES (sizeof(ELEMENT) == 1)
#define MASKED_VIEWS (MASK == MCL_VIEW_UNMASKED ? 0 : RELATION == MCL_VIEW_WHOLE ? 1 : 2)
#define TARGET_VIEWS (TARGETS * (1 + (MOVED | CROP | LIT | STAGED)))
#define ELEMENTS (MCL_VECTOR * MCL_VECTORS) /* of a work-item */
#define VIEWS (MCL_VECTOR == 16 ? 2 : 1)    /* and views that it has them in */

/* A word as a number in [−1,1). */
static inline float NAME(both_ways)(const uint word)
{
    return (float)(word >> 8) * 0x1p-23f - 1.0f;
}

/* A word as a number in [0,1). */
static inline float NAME(unit)(const uint word)
{
    return (float)(word >> 8) * 0x1p-24f;
}

/* The first and last columns and lines of a crop: (left, top, right, bottom). area has the least part
 * of the area and how much more it may be; ratio the logarithms of width by height likewise. Where no
 * attempt fits in the image, it is `otherwise`. */
static inline float4 NAME(crop)(const uint4 counter, const uint2 key, const uint height,
    const uint width, const float2 area, const float2 ratio, const float4 otherwise)
{
    for (uint attempt = 0; attempt < MCL_CROP_ATTEMPTS; attempt++) {
        const uint4 words = mcl_philox(counter + (uint4)(MCL_CROP_QUAD + attempt, 0, 0, 0), key);
        const float pixels = (float)(height * width) * fma(area.y, NAME(unit)(words.x), area.x);
        const float by = mcl_exp(fma(ratio.y, NAME(unit)(words.y), ratio.x));
        const float w = floor(mcl_sqrt(pixels * by) + 0.5f);
        const float h = floor(mcl_sqrt(mcl_divide(pixels, by)) + 0.5f);
        if (w >= 1.0f && w <= (float)width && h >= 1.0f && h <= (float)height) {
            const float left = (float)mul_hi(words.z, width - (uint)w + 1);
            const float top = (float)mul_hi(words.w, height - (uint)h + 1);
            return (float4)(left, top, left + (w - 1.0f), top + (h - 1.0f));
        }
    }
    return otherwise;
}

/* Weights of a blur with deviation sigma: weights[0] in the middle, the others on either side. */
static inline void NAME(blur_weights)(const float sigma, const uint radius, global float *weights)
{
    const float by = mcl_divide(-0.5f, sigma * sigma);
    float sum = 0.0f;
    for (uint i = 1; i <= radius; i++)
        sum += mcl_exp(by * (float)(i * i));
    sum = fma(2.0f, sum, 1.0f);
    for (uint i = 0; i <= radius; i++)
        weights[i] = mcl_divide(mcl_exp(by * (float)(i * i)), sum);
}

/* parameters[2B×24] of view v of row order[first+i]: the element at column c, line l of the view is
 * that of the row at
 *   column p0·(c − (W−1)/2) + p1·(l − (H−1)/2) + p4
 *   line   p2·(c − (W−1)/2) + p3·(l − (H−1)/2) + p5
 * times p6. Its contrast and saturation are multiplied by p8 and p9, its hues are p10 sixths of their
 * circle further on, it is grey where p11 is 1, and blurred with deviation p12, or not where that is 0,
 * by weights[2B×(radius + 1)]. A crop has columns p18 to p20, lines p19 to p21, and p16 columns and p17
 * lines a pixel. Work-item (i, v). */
kernel void NAME(view_parameters)(const global ulong *restrict order, const ulong first,
    const uint batch, const uint height, const uint width, const uint epoch, const uint2 key,
    const float shift, const float scaling, const float rotation, const float flip,
    const float2 area, const float2 ratio, const float4 otherwise, const float4 light,
    const float jitter, const float grey, const float blur, const float2 sigma, const uint radius,
    global float *restrict parameters, global float *restrict weights)
{
    const uint i = get_global_id(0), view = get_global_id(1);
    if (i >= batch)
        return;
    const ulong row = order[first + i];
    const uint4 words = mcl_philox(mcl_counter(MCL_STREAM_GEOMETRY, view, epoch, row, 0), key);
    const uint4 more = mcl_philox(mcl_counter(MCL_STREAM_GEOMETRY, view, epoch, row, 1), key);
    const float angle = rotation * NAME(both_ways)(words.w);
    const float shrink = mcl_reciprocal(fma(scaling, NAME(both_ways)(words.z), 1.0f));
    const float turned = NAME(unit)(more.x) < flip ? -1.0f : 1.0f, turn = CROP ? 1.0f : turned;
    const float along = shrink * mcl_cos_near(angle);
    const float across = mcl_flush(shrink * mcl_sin_near(angle));
    global float *p = parameters + MCL_VIEW_PARAMETERS * ((ulong)view * batch + i);
    p[0] = turn * along;
    p[1] = -across;
    p[2] = turn * across;
    p[3] = along;
    p[4] = fma(shift * (float)width, NAME(both_ways)(words.x), 0.5f * (float)(width - 1));
    p[5] = fma(shift * (float)height, NAME(both_ways)(words.y), 0.5f * (float)(height - 1));
    const bool lit = NAME(unit)(more.z) < jitter;
    p[6] = lit ? fma(light.x, NAME(both_ways)(more.y), 1.0f) : 1.0f;
    p[7] = 0.0f;
    const uint4 colours = mcl_philox(mcl_counter(MCL_STREAM_GEOMETRY, view, epoch, row, 2), key);
    const uint4 last = mcl_philox(mcl_counter(MCL_STREAM_GEOMETRY, view, epoch, row, 3), key);
    const bool blurred = NAME(unit)(colours.w) < blur;
    p[8] = lit ? fma(light.y, NAME(both_ways)(more.w), 1.0f) : 1.0f;
    p[9] = lit ? fma(light.z, NAME(both_ways)(colours.x), 1.0f) : 1.0f;
    p[10] = lit ? 6.0f * (light.w * NAME(both_ways)(colours.y)) : 0.0f;
    p[11] = NAME(unit)(colours.z) < grey ? 1.0f : 0.0f;
    p[12] = blurred ? fma(sigma.y, NAME(unit)(last.x), sigma.x) : 0.0f;
    if (blurred)
        NAME(blur_weights)(p[12], radius, weights + ((ulong)view * batch + i) * (radius + 1));
    if (CROP) {
        const float4 box = NAME(crop)(mcl_counter(MCL_STREAM_GEOMETRY, view, epoch, row, 0), key,
            height, width, area, ratio, otherwise);
        p[16] = turned * mcl_divide(box.z - box.x + 1.0f, (float)width);
        p[17] = mcl_divide(box.w - box.y + 1.0f, (float)height);
        vstore4(box, 0, p + 18);
    }
}

/* patches[V·B × 4·quads]: the masks of the patches of view v of row i, quads being a quarter of
 * their number. Work-item (g, v·B + i) has 32 of them on CPUs, elsewhere 4. */
kernel void NAME(patch_masks)(const global ulong *restrict order, const ulong first,
    const uint batch, const uint quads, const uint epoch, const uint2 key, const float ratio,
    global float *restrict patches)
{
    const uint begin = ELEMENTS * get_global_id(0), at = get_global_id(1);
    if (begin >= 4 * quads)
        return;
    const ulong row = order[first + at % batch];
    mcl_uints words[MCL_VECTORS];
    mcl_draw(words, mcl_counter(MCL_STREAM_MASK, at / batch, epoch, row, begin / 4), key);
    global float *to = patches + (ulong)at * 4 * quads + begin;
    const uint left = 4 * quads - begin;
    for (uint j = 0; j < min(left, (uint)ELEMENTS); j += MCL_VECTOR)
        mcl_store_vector(select((mcl_floats)0.0f, (mcl_floats)1.0f,
                             mcl_uniform(words[j / MCL_VECTOR]) < ratio),
            to + j, left - j, true);
}

/* factors[2B×channels]: what the channels of view v of row i of sequences are multiplied by.
 * Work-item (c, v·B + i). */
kernel void NAME(channel_factors)(const global ulong *restrict order, const ulong first,
    const uint batch, const uint channels, const uint epoch, const uint2 key, const float amplitude,
    global float *restrict factors)
{
    const uint c = get_global_id(0), at = get_global_id(1);
    if (MCL_PADS(c, channels))
        return;
    const ulong row = order[first + at % batch];
    const uint4 words = mcl_philox(
        mcl_counter(MCL_STREAM_SEQUENCE, at / batch, epoch, row, c / 4), key);
    const uint2 two = c & 2 ? words.hi : words.lo;
    factors[(ulong)at * channels + c] =
        fma(amplitude, NAME(both_ways)(c & 1 ? two.y : two.x), 1.0f);
}

/* Where adjacent elements from one on lie in lines of so many elements. */
static inline void NAME(place)(mcl_uints *line, mcl_uints *within, const uint element,
    const uint length)
{
    *line = element / length;
    *within = element % length + MCL_PLACES;
    for (uint turn = 0; turn <= (MCL_VECTOR - 1) / length; turn++) {
        const mcl_uints beyond = MCL_OF(as_uint)(*within >= length); /* all ones, or 0 */
        *within -= beyond & length;
        *line -= beyond;
    }
}

/* The elements at MCL_VECTOR places of x, as a vector that is made at once: an array in between would
 * have to be stored before it can be loaded. */
#define VALUES MCL_OF(ELEMENT)
#define FOUR(x, p) (x)[(p)[0]], (x)[(p)[1]], (x)[(p)[2]], (x)[(p)[3]]
#define PAIR(x, p) vload2(0, (x) + (p)) /* of neighbours */
#define FOUR_PAIRS(x, p) PAIR(x, (p)[0]), PAIR(x, (p)[1]), PAIR(x, (p)[2]), PAIR(x, (p)[3])
#if MCL_VECTOR == 16
#define ALL(x, p) FOUR(x, p), FOUR(x, p + 4), FOUR(x, p + 8), FOUR(x, p + 12)
#else
#define ALL(x, p) FOUR(x, p)
#endif
#define GATHER(x, p) mcl_as_floats((VALUES)(ALL(x, p)))

/* The elements at those places and at the ones right of them. */
static inline void NAME(gather_pairs)(mcl_floats *one, mcl_floats *other,
    const global ELEMENT *x, const int *p)
{
#if MCL_VECTOR == 16
    const VALUES low = (VALUES)(FOUR_PAIRS(x, p), FOUR_PAIRS(x, p + 4));
    const VALUES high = (VALUES)(FOUR_PAIRS(x, p + 8), FOUR_PAIRS(x, p + 12));
    *one = mcl_as_floats((VALUES)(low.even, high.even));
    *other = mcl_as_floats((VALUES)(low.odd, high.odd));
#else
    const JOIN(ELEMENT, 8) pairs = (JOIN(ELEMENT, 8))(FOUR_PAIRS(x, p));
    *one = mcl_as_floats(pairs.even);
    *other = mcl_as_floats(pairs.odd);
#endif
}

/* What lies left and right of places in an image's lines y: columns x0 and x0 + 1 of it, 0 where
 * those are outside. */
static inline void NAME(beside)(mcl_floats *left, mcl_floats *right, const global ELEMENT *x,
    const mcl_ints x0, const mcl_ints y, const mcl_ints channel, const int width, const int height)
{
    const mcl_floats none = 0.0f;
    /* Not clamp with numbers for bounds, which Oclgrind 21.10 takes for other ones. */
    const mcl_ints inside = min(max(y, (mcl_ints)0), (mcl_ints)(height - 1)), known = y == inside;
    const mcl_ints line = inside * width;
    int p[MCL_VECTOR];
    if (PAIRS) {
        const mcl_ints column = min(max(x0, (mcl_ints)0), (mcl_ints)(width - 2));
        MCL_OF(vstore)(line + column, 0, p);
        mcl_floats one, other;
        NAME(gather_pairs)(&one, &other, x, p);
        const mcl_floats shifted_left = select(none, other, x0 == width - 1);
        const mcl_floats shifted_right = select(none, one, x0 == -1);
        *left = select(none, select(shifted_left, one, x0 == column), known);
        *right = select(none, select(shifted_right, other, x0 == column), known);
        return;
    }
    const mcl_ints first = min(max(x0, (mcl_ints)0), (mcl_ints)(width - 1));
    const mcl_ints second = min(max(x0 + 1, (mcl_ints)0), (mcl_ints)(width - 1));
    MCL_OF(vstore)((line + first) * CHANNELS + channel, 0, p);
    *left = select(none, GATHER(x, p), known & (x0 == first));
    MCL_OF(vstore)((line + second) * CHANNELS + channel, 0, p);
    *right = select(none, GATHER(x, p), known & (x0 + 1 == second));
}

/* Adjacent elements of a view, from the four around each one's place in the row, which are weighed
 * by how near they are. */
static inline mcl_floats NAME(sample)(const global ELEMENT *x, const float8 p, const float8 crop,
    const uint element, const uint height, const uint width)
{
    mcl_uints line, within;
    NAME(place)(&line, &within, element, width * CHANNELS);
    const mcl_uints column = within / CHANNELS;
    const float middle_x = 0.5f * (float)(width - 1), middle_y = 0.5f * (float)(height - 1);
    mcl_floats dx = MCL_OF(convert_float)(column) - middle_x;
    mcl_floats dy = MCL_OF(convert_float)(line) - middle_y;
    mcl_floats from_x = 0.0f, from_y = 0.0f;
    if (CROP) {
        from_x = fma((mcl_floats)crop.s0, dx, (mcl_floats)(0.5f * (crop.s2 + crop.s4)));
        from_y = fma((mcl_floats)crop.s1, dy, (mcl_floats)(0.5f * (crop.s3 + crop.s5)));
        from_x = fmin(fmax(from_x, (mcl_floats)crop.s2), (mcl_floats)crop.s4);
        from_y = fmin(fmax(from_y, (mcl_floats)crop.s3), (mcl_floats)crop.s5);
        dx = from_x - middle_x;
        dy = from_y - middle_y;
    }
    if (MOVED) {
        from_x = fma((mcl_floats)p.s0, dx, fma((mcl_floats)p.s1, dy, (mcl_floats)p.s4));
        from_y = fma((mcl_floats)p.s2, dx, fma((mcl_floats)p.s3, dy, (mcl_floats)p.s5));
        from_x = fmin(fmax(from_x, (mcl_floats)-2.0f), (mcl_floats)(float)(width + 1));
        from_y = fmin(fmax(from_y, (mcl_floats)-2.0f), (mcl_floats)(float)(height + 1));
    }
    const mcl_floats left = floor(from_x), top = floor(from_y);
    const mcl_floats weight_x = from_x - left, weight_y = from_y - top;
    const mcl_ints x0 = MCL_OF(convert_int)(left), y0 = MCL_OF(convert_int)(top);
    const mcl_ints channel = MCL_OF(as_int)(within - column * CHANNELS);
    mcl_floats above_left, above_right, below_left, below_right;
    NAME(beside)(&above_left, &above_right, x, x0, y0, channel, (int)width, (int)height);
    NAME(beside)(&below_left, &below_right, x, x0, y0 + 1, channel, (int)width, (int)height);
    const mcl_floats above = fma(weight_x, above_right - above_left, above_left);
    const mcl_floats below = fma(weight_x, below_right - below_left, below_left);
    return fma(weight_y, below - above, above);
}

/* Adjacent elements of a sequence of `width` channels times the factors of these. */
static inline mcl_floats NAME(amplified)(const mcl_floats values, const global float *factors,
    const uint element, const uint width)
{
    mcl_uints line, within;
    uint p[MCL_VECTOR];
    NAME(place)(&line, &within, element, width);
    MCL_OF(vstore)(within, 0, p);
    return mcl_flush(values * (mcl_floats)(ALL(factors, p)));
}

/* Which of them, all ones or 0, lie in the times from `begin` to before `end`. */
static inline mcl_ints NAME(spanned)(const uint begin, const uint end, const uint element,
    const uint width)
{
    mcl_uints line, within;
    NAME(place)(&line, &within, element, width);
    return MCL_OF(as_int)((line >= begin) & (line < end));
}

/* The masks of a vector of elements by their words, or by their patches. */
static inline mcl_floats NAME(mask)(const mcl_uints words, const float ratio,
    const global float *patches, const uint side, const uint element, const uint height,
    const uint width)
{
    if (MASK == MCL_VIEW_BLOCK) {
        mcl_uints line, within;
        NAME(place)(&line, &within, element, width * CHANNELS);
        const mcl_uints down = min(line, (mcl_uints)(height - 1)) / side;
        uint p[MCL_VECTOR];
        MCL_OF(vstore)(down * ((width + side - 1) / side) + within / CHANNELS / side, 0, p);
        return (mcl_floats)(ALL(patches, p));
    }
    const mcl_floats u = mcl_uniform(words);
    return MASK == MCL_VIEW_UNIFORM ? u : select((mcl_floats)0.0f, (mcl_floats)1.0f, u < ratio);
}

/* Elements with those that are chosen replaced by the same columns' in rows of the pool. */
static inline mcl_floats NAME(corrupt)(const mcl_floats values, const mcl_uints choices,
    const mcl_uints donors, const float ratio, const global ELEMENT *pool, const uint pool_rows,
    const uint element, const uint columns)
{
    const mcl_ints chosen = mcl_uniform(choices) < ratio;
    const mcl_uints rows =
        MCL_OF(convert_uint)(MCL_OF(convert_ulong)(donors) * (ulong)pool_rows >> 32);
    const mcl_uints column = min(element + MCL_PLACES, (mcl_uints)(columns - 1));
    ulong p[MCL_VECTOR];
    MCL_OF(vstore)(MCL_OF(convert_ulong)(rows & MCL_OF(as_uint)(chosen)) * columns +
                       MCL_OF(convert_ulong)(column),
        0, p);
    return select(values, mcl_scale(GATHER(pool, p), BYTES), chosen);
}

/* Words as numbers of the standard normal distribution. */
static inline mcl_floats NAME(normal)(const mcl_uints words)
{
    const mcl_ints odd = MCL_OF(as_int)(((words >> 8) << 1) + 1) - (1 << 24);
    return mcl_quantile(MCL_OF(convert_float)(odd) * 0x1p-24f);
}

/* The words of the work-item's elements of a row, and those of their columns. */
#define DRAW(words, stream, view)                                                                  \
    mcl_draw(words, mcl_counter(stream, view, epoch, row, begin / 4), key)
#if GROUPED
#define DRAW_COLUMNS(words, stream, view)                                                          \
    mcl_draw_columns(                                                                              \
        words, mcl_counter(stream, view, epoch, row, 0), key, column_of, begin, columns)
#else
#define DRAW_COLUMNS(words, stream, view) DRAW(words, stream, view)
#endif

/* views[2B×D]: both views of the rows order[first …]; targets are [2B×D] where MOVED, CROP, LIT or
 * STAGED, else [B×D]; altered is [2B×D]. Where the rows are is said in views.cl, what parameters and patches are
 * above; pool[pool_rows×D] has the rows that corruption takes elements from. Sequences have `height`
 * times of `width` channels, and `span` times are hidden. On CPUs work-item (g, i) has elements 32·g …
 * 32·g+31 of row i's views, elsewhere (q, v·B + i) has 4·q … 4·q+3 of row i's view v. */
kernel void NAME(augmented_views)(const global ELEMENT *restrict data, const ulong start,
    const global ulong *restrict order, const ulong first, const uint gathered, const uint batch,
    const uint height, const uint width, const uint columns, const uint epoch, const uint2 key,
    const float ratio, const float corruption, const float noise,
    const global float *restrict parameters, const global float *restrict patches,
    const uint patch_quads, const global ELEMENT *restrict pool, const uint pool_rows,
    const global uint *restrict column_of, const global float *restrict factors, const uint span,
    global float *restrict views, global float *restrict targets, global uchar *restrict altered)
{
    const uint begin = ELEMENTS * get_global_id(0), line = get_global_id(1);
    if (begin >= columns || line >= 2 / VIEWS * batch)
        return;
    const bool whole = (columns | (uint)start) % MCL_VECTOR == 0;
    const uint only = VIEWS == 1 && line >= batch, i = line - only * batch;
    const ulong row = order[first + i];
    const global ELEMENT *x = data + start + (gathered ? i : row) * columns;
    mcl_uints mask_words[MCL_VECTORS] = {0}, choices[MCL_VECTORS] = {0};
    mcl_uints donors[MCL_VECTORS] = {0}, noises[MCL_VECTORS] = {0};
    for (uint view = only; view < only + VIEWS; view++) {
        const ulong at = (ulong)view * batch + i;
        const global float *of_view = parameters + MCL_VIEW_PARAMETERS * at;
        const float8 p = MOVED | LIT ? vload8(0, of_view) : 0.0f;
        const float8 crop = CROP ? vload8(0, of_view + MCL_VIEW_CROP) : 0.0f;
        const uint drawn = RELATION == MCL_VIEW_INDEPENDENT ? view : 0; /* the mask's */
        const global float *masks = patches + 4 * patch_quads * ((ulong)drawn * batch + i);
        const bool masked = view < MASKED_VIEWS, corrupted = view < CORRUPT;
        uint side = SIDE;
        if (SIDES > 1)
            side += mul_hi(
                mcl_philox(mcl_counter(MCL_STREAM_MASK, 2 + drawn, epoch, row, 0), key).x, (uint)SIDES);
        if (masked & (MASK <= MCL_VIEW_BERNOULLI) & (VIEWS == 1 || view == drawn))
            DRAW_COLUMNS(mask_words, MCL_STREAM_MASK, drawn);
        if (corrupted) {
            DRAW_COLUMNS(choices, MCL_STREAM_CORRUPTION, view);
            DRAW_COLUMNS(donors, MCL_STREAM_CORRUPTION, 2 + view);
        }
        uint hidden = 0; /* the first time */
        if (SPAN)
            hidden = mul_hi(mcl_philox(mcl_counter(MCL_STREAM_SEQUENCE, 2 + view, epoch, row, 0),
                                key).x,
                height - span + 1);
        if (NOISE)
            DRAW(noises, MCL_STREAM_NOISE, view);
        for (uint part = 0; part < MCL_VECTORS; part++) {
            const uint element = begin + MCL_VECTOR * part, left = columns - element;
            if (element >= columns)
                break;
            mcl_floats value;
            if (STAGED)
                value = mcl_load_vector(views + at * columns + element, left, whole);
            else if (MOVED | CROP)
                value = mcl_flush(
                    mcl_scale(NAME(sample)(x, p, crop, element, height, width), BYTES));
            else
                value = mcl_scale(mcl_load_vector(x + element, left, whole), BYTES);
            if (LIT) {
                value = mcl_flush(value * p.s6);
                if (BYTES) /* which cannot be brighter than white */
                    value = fmin(value, (mcl_floats)1.0f);
            }
            if (view < TARGET_VIEWS)
                mcl_store_vector(value, targets + at * columns + element, left, whole);
            mcl_ints changed = 0;
            if (corrupted) {
                const mcl_floats before = value;
                value = NAME(corrupt)(before, choices[part], donors[part], corruption, pool,
                    pool_rows, element, columns);
                changed = value != before;
            }
            if (AMPLIFIED)
                value = NAME(amplified)(value, factors + at * width, element, width);
            if (NOISE)
                value = fma((mcl_floats)noise, NAME(normal)(noises[part]), value);
            if (masked) {
                mcl_floats m = NAME(mask)(
                    mask_words[part], ratio, masks, side, element, height, width);
                if (RELATION == MCL_VIEW_COMPLEMENT && view == 1)
                    m = 1.0f - m;
                changed |= m != 1.0f;
                value *= m;
            }
            if (SPAN) {
                const mcl_ints inside = NAME(spanned)(hidden, hidden + span, element, width);
                value = select(value, (mcl_floats)0.0f, inside);
                changed |= inside;
            }
            mcl_store_vector(mcl_flush(value), views + at * columns + element, left, whole);
            if (ALTERED)
                mcl_store_vector(MCL_OF(convert_uchar)(MCL_OF(as_uint)(changed) & 1),
                    altered + at * columns + element, left, whole);
        }
    }
}
