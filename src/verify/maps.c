/* SPDX-License-Identifier: Apache-2.0 */
/* Layers on maps that are no products: pooling, depthwise convolution, the order of maps, residual
 * sums; and group normalization, which mcl_check_layers() has with the other normalizations. */
#include <math.h>

#include "base/rounding.h"
#include "verify/checker.h"
#include "verify/reference.h"

#define ROWS 5
#define HEIGHT 7
#define WIDTH 6
#define CHANNELS 18 /* no multiple of 16 */
#define POSITIONS ((size_t)HEIGHT * WIDTH)
#define COUNT (ROWS * POSITIONS * CHANNELS)

/* What is tiny here is so in all sums of its channel: their results must be made 0. */
#define TINY 0x1p-100f

/* Windows of a map, by their sizes and steps or, with extent 0, parts of it; out[] is how many. */
struct windows {
    uint32_t extent[2], stride[2], out[2];
};

static const struct windows overlapping = {{3, 2}, {2, 1}, {3, 5}};
static const struct windows grid = {{0, 0}, {0, 0}, {3, 4}};
static const uint32_t sizes[2] = {HEIGHT, WIDTH};

#define MAP_SIZES(w)                                                                               \
    MCL_UINT(HEIGHT), MCL_UINT(WIDTH), MCL_UINT(CHANNELS), MCL_UINT((w)->out[0]),                  \
        MCL_UINT((w)->out[1]), MCL_UINT((w)->extent[0]), MCL_UINT((w)->extent[1]),                 \
        MCL_UINT((w)->stride[0]), MCL_UINT((w)->stride[1])

static size_t positions_of(const struct windows *w)
{
    return (size_t)w->out[0] * w->out[1];
}

/* Where window o begins along dimension d, and the end of it. */
static uint32_t begin_of(const struct windows *w, int d, uint32_t o)
{
    return w->extent[d] ? o * w->stride[d] : o * sizes[d] / w->out[d];
}

static uint32_t end_of(const struct windows *w, int d, uint32_t o)
{
    return w->extent[d] ? o * w->stride[d] + w->extent[d]
                        : (uint32_t)ceil((o + 1.0) * sizes[d] / w->out[d]);
}

static bool has(const struct windows *w, int d, uint32_t o, size_t place)
{
    return begin_of(w, d, o) <= place && place < end_of(w, d, o);
}

/* The value at (y, x) of row r, channel c. */
static size_t place(size_t r, size_t y, size_t x, size_t c)
{
    return ((r * HEIGHT + y) * WIDTH + x) * CHANNELS + c;
}

/* Element `at` of maps of windows' results: its row, channel and window. */
struct element {
    size_t r, c;
    uint32_t down, across;
};

static struct element element_of(const struct windows *w, size_t at)
{
    const size_t position = at / CHANNELS;
    return (struct element){position / positions_of(w), at % CHANNELS,
        (uint32_t)(position / w->out[1] % w->out[0]), (uint32_t)(position % w->out[1])};
}

/* The largest value of a window and, as a number, which it was; and the average. */
static float largest(float *which, const float *x, const struct windows *w, size_t at)
{
    const struct element e = element_of(w, at);
    float best = -INFINITY;
    uint32_t tap = 0;
    for (uint32_t y = begin_of(w, 0, e.down); y < end_of(w, 0, e.down); y++) {
        for (uint32_t v = begin_of(w, 1, e.across); v < end_of(w, 1, e.across); v++, tap++) {
            if (!(x[place(e.r, y, v, e.c)] > best))
                continue;
            best = x[place(e.r, y, v, e.c)];
            *which = (float)tap;
        }
    }
    return best;
}

static float average(const float *x, const struct windows *w, size_t at)
{
    const struct element e = element_of(w, at);
    float sum = 0.0f, count = 0.0f;
    for (uint32_t y = begin_of(w, 0, e.down); y < end_of(w, 0, e.down); y++) {
        for (uint32_t v = begin_of(w, 1, e.across); v < end_of(w, 1, e.across); v++) {
            sum += x[place(e.r, y, v, e.c)];
            count += 1.0f;
        }
    }
    return mcl_host_flush(sum * mcl_host_reciprocal(count));
}

/* The gradient by the value at `at` of the input: of a maximum where taken[] says that it was that
 * one, else of averages. */
static float gradient_of(
    const float *dy, const float *taken, const struct windows *w, const size_t at)
{
    const size_t c = at % CHANNELS, x = at / CHANNELS % WIDTH;
    const size_t y = at / CHANNELS / WIDTH % HEIGHT, r = at / CHANNELS / POSITIONS;
    float sum = 0.0f;
    for (uint32_t v = 0; v < w->out[0]; v++) {
        for (uint32_t u = 0; u < w->out[1]; u++) {
            const size_t from = ((r * w->out[0] + v) * w->out[1] + u) * CHANNELS + c;
            const uint32_t top = begin_of(w, 0, v), begin = begin_of(w, 1, u);
            const uint32_t width = end_of(w, 1, u) - begin, height = end_of(w, 0, v) - top;
            if (!has(w, 0, v, y) || !has(w, 1, u, x))
                continue;
            if (!taken)
                sum = fmaf(dy[from], mcl_host_reciprocal((float)(width * height)), sum);
            else if (taken[from] == (float)((y - top) * width + (x - begin)))
                sum += dy[from];
        }
    }
    return sum;
}

/* What is stored of a gradient that is added to dx and multiplied by relu's derivative of a. */
static float kept_gradient(float sum, float dx, float a)
{
    return mcl_host_flush(fmaf(1.0f, dx, sum) * (a > 0.0f ? 1.0f : 0.0f));
}

#define RELU "-D ACTIVATION=1"
#define GELU "-D ACTIVATION=2"

/* A gradient by the input of a layer after a relu, added to what dx holds; what goes into it. */
struct gradient {
    float *kept, *dx;
    cl_mem kept_buffer, dx_buffer;
};

static mcl_status make_gradient(struct gradient *g, mcl_checker *checker, uint64_t seed)
{
    MCL_TRY(mcl_checker_numbers(&g->kept, &g->kept_buffer, checker, COUNT, seed));
    MCL_TRY(mcl_checker_numbers(&g->dx, &g->dx_buffer, checker, COUNT, seed + 1));
    for (size_t at = 1; at < COUNT; at += CHANNELS)
        g->dx[at] = 0x1p-126f;
    return mcl_checker_write(checker, g->dx_buffer, g->dx, COUNT);
}

static mcl_status check_maxima(mcl_checker *checker)
{
    const struct windows *w = &overlapping;
    const size_t positions = ROWS * positions_of(w), count = positions * CHANNELS;
    struct gradient g;
    float *x, *y, *taken, *dy;
    cl_mem x_buffer, y_buffer, taken_buffer, dy_buffer;
    MCL_TRY(mcl_checker_numbers(&x, &x_buffer, checker, COUNT, 81));
    MCL_TRY(mcl_checker_result(&y, &y_buffer, checker, count));
    MCL_TRY(mcl_checker_result(&taken, &taken_buffer, checker, count));
    MCL_TRY(mcl_checker_numbers(&dy, &dy_buffer, checker, count, 82));
    MCL_TRY(make_gradient(&g, checker, 83));
    for (size_t at = 0; at < COUNT; at++)
        x[at] = at % 2 ? x[at] : floorf(2.0f * x[at]); /* with ties */
    for (size_t at = 1; at < count; at += CHANNELS)
        dy[at] = 0.0f;
    MCL_TRY(mcl_checker_write(checker, x_buffer, x, COUNT));
    MCL_TRY(mcl_checker_write(checker, dy_buffer, dy, count));
    for (size_t at = 0; at < count; at++)
        y[at] = largest(&taken[at], x, w, at);
    for (size_t at = 0; at < COUNT; at++)
        g.dx[at] = kept_gradient(gradient_of(dy, taken, w, at), g.dx[at], g.kept[at]);
    MCL_TRY(mcl_checker_run_vectors(checker, "pool.cl", "pool_max", RELU, CHANNELS, positions,
        MCL_BUFFER(x_buffer), MAP_SIZES(w), MCL_UINT(1), MCL_BUFFER(y_buffer),
        MCL_BUFFER(taken_buffer)));
    MCL_TRY(mcl_checker_expect(checker, "pool_max", y, y_buffer, count));
    MCL_TRY(mcl_checker_settle(checker, "pool_max: which", taken, taken_buffer, count));
    MCL_TRY(mcl_checker_run_vectors(checker, "pool.cl", "pool_max_backward", RELU, CHANNELS,
        ROWS * POSITIONS, MCL_BUFFER(dy_buffer), MCL_BUFFER(taken_buffer), MAP_SIZES(w),
        MCL_FLOAT(1.0f), MCL_BUFFER(g.kept_buffer), MCL_BUFFER(g.dx_buffer)));
    MCL_TRY(mcl_checker_expect(checker, "pool_max_backward", g.dx, g.dx_buffer, COUNT));
    mcl_checker_clear(checker);
    return MCL_OK;
}

static mcl_status check_averages(
    mcl_checker *checker, const struct windows *w, const char *const names[2])
{
    const size_t positions = ROWS * positions_of(w), count = positions * CHANNELS;
    struct gradient g;
    float *x, *y, *dy;
    cl_mem x_buffer, y_buffer, dy_buffer;
    MCL_TRY(mcl_checker_numbers(&x, &x_buffer, checker, COUNT, 86));
    MCL_TRY(mcl_checker_result(&y, &y_buffer, checker, count));
    MCL_TRY(mcl_checker_numbers(&dy, &dy_buffer, checker, count, 87));
    MCL_TRY(make_gradient(&g, checker, 88));
    for (size_t at = 0; at < COUNT; at += CHANNELS)
        x[at] = at / CHANNELS % 4 ? 0.0f : 0x1p-124f;
    MCL_TRY(mcl_checker_write(checker, x_buffer, x, COUNT));
    for (size_t at = 0; at < count; at++)
        y[at] = average(x, w, at);
    for (size_t at = 0; at < COUNT; at++)
        g.dx[at] = kept_gradient(gradient_of(dy, NULL, w, at), g.dx[at], g.kept[at]);
    MCL_TRY(mcl_checker_run_vectors(checker, "pool.cl", "pool_average", RELU, CHANNELS, positions,
        MCL_BUFFER(x_buffer), MAP_SIZES(w), MCL_BUFFER(y_buffer)));
    MCL_TRY(mcl_checker_expect(checker, names[0], y, y_buffer, count));
    MCL_TRY(mcl_checker_run_vectors(checker, "pool.cl", "pool_average_backward", RELU, CHANNELS,
        ROWS * POSITIONS, MCL_BUFFER(dy_buffer), MAP_SIZES(w), MCL_FLOAT(1.0f),
        MCL_BUFFER(g.kept_buffer), MCL_BUFFER(g.dx_buffer)));
    MCL_TRY(mcl_checker_expect(checker, names[1], g.dx, g.dx_buffer, COUNT));
    mcl_checker_clear(checker);
    return MCL_OK;
}

/* A depthwise convolution of 3 × 2 taps: steps of 2 and 1, 1 and 2 apart, 2 and 1 of padding. */
#define KERNEL_HEIGHT 3
#define KERNEL_WIDTH 2
#define TAPS (KERNEL_HEIGHT * KERNEL_WIDTH)
#define OUT_HEIGHT 5
#define OUT_WIDTH 6
#define OUT_COUNT ((size_t)ROWS * OUT_HEIGHT * OUT_WIDTH * CHANNELS)
#define SEGMENT 2 /* rows */
#define SEGMENTS ((ROWS - 1) / SEGMENT + 1)
#define BIAS 3 /* where it is among the parameters */

#define DEPTHWISE_SIZES                                                                            \
    MCL_UINT(HEIGHT), MCL_UINT(WIDTH), MCL_UINT(CHANNELS), MCL_UINT(OUT_HEIGHT),                   \
        MCL_UINT(OUT_WIDTH), MCL_UINT(KERNEL_HEIGHT), MCL_UINT(KERNEL_WIDTH), MCL_UINT(2),         \
        MCL_UINT(1), MCL_UINT(1), MCL_UINT(2), MCL_UINT(2), MCL_UINT(1)

struct depthwise {
    float *x, *w, *parameters, *y, *kept, *dy, *partial;
    cl_mem x_buffer, w_buffer, parameters_buffer, y_buffer, kept_buffer, dy_buffer, partial_buffer;
};

/* Where tap t of the place (down, across) of the output reads; false: beyond the map. */
static bool read_by(size_t *from, size_t r, size_t down, size_t across, size_t t, size_t c)
{
    const int y = (int)(2 * down + t / KERNEL_WIDTH) - 2;
    const int x = (int)(across + 2 * (t % KERNEL_WIDTH)) - 1;
    if (y < 0 || y >= HEIGHT || x < 0 || x >= WIDTH)
        return false;
    *from = place(r, (size_t)y, (size_t)x, c);
    return true;
}

static const struct windows outputs = {.out = {OUT_HEIGHT, OUT_WIDTH}};

/* Channel 0 has tiny products forward, channel 1 backward. */
static mcl_status make_depthwise(struct depthwise *d, mcl_checker *checker)
{
    MCL_TRY(mcl_checker_numbers(&d->x, &d->x_buffer, checker, COUNT, 91));
    MCL_TRY(mcl_checker_numbers(&d->w, &d->w_buffer, checker, (size_t)TAPS * CHANNELS, 92));
    MCL_TRY(
        mcl_checker_numbers(&d->parameters, &d->parameters_buffer, checker, BIAS + CHANNELS, 93));
    MCL_TRY(mcl_checker_result(&d->y, &d->y_buffer, checker, OUT_COUNT));
    MCL_TRY(mcl_checker_result(&d->kept, &d->kept_buffer, checker, OUT_COUNT));
    MCL_TRY(mcl_checker_numbers(&d->dy, &d->dy_buffer, checker, OUT_COUNT, 94));
    MCL_TRY(mcl_checker_result(
        &d->partial, &d->partial_buffer, checker, (size_t)SEGMENTS * TAPS * CHANNELS));
    for (size_t at = 0; at < COUNT; at += CHANNELS)
        d->x[at] *= TINY;
    for (size_t at = 0; at < OUT_COUNT; at += CHANNELS)
        d->dy[at + 1] *= TINY;
    for (size_t t = 0; t < TAPS; t++) {
        d->w[t * CHANNELS] *= 0x1p-30f;
        d->w[t * CHANNELS + 1] *= 0x1p-30f;
    }
    d->parameters[BIAS] = 0.0f;
    MCL_TRY(mcl_checker_write(checker, d->x_buffer, d->x, COUNT));
    MCL_TRY(mcl_checker_write(checker, d->dy_buffer, d->dy, OUT_COUNT));
    MCL_TRY(mcl_checker_write(checker, d->w_buffer, d->w, (size_t)TAPS * CHANNELS));
    return mcl_checker_write(checker, d->parameters_buffer, d->parameters, BIAS + CHANNELS);
}

static mcl_status check_depthwise_forward(mcl_checker *checker, const struct depthwise *d)
{
    for (size_t at = 0; at < OUT_COUNT; at++) {
        const struct element e = element_of(&outputs, at);
        float sum = 0.0f;
        size_t from;
        for (size_t t = 0; t < TAPS; t++) {
            if (read_by(&from, e.r, e.down, e.across, t, e.c))
                sum = fmaf(d->x[from], d->w[t * CHANNELS + e.c], sum);
        }
        d->kept[at] = mcl_host_flush(sum + d->parameters[BIAS + e.c]);
        d->y[at] = mcl_reference_activate(MCL_ACTIVATION_GELU, d->kept[at]);
    }
    MCL_TRY(mcl_checker_run_vectors(checker, "depthwise.cl", "depthwise_forward", GELU, CHANNELS,
        OUT_COUNT / CHANNELS, MCL_BUFFER(d->x_buffer), MCL_BUFFER(d->w_buffer), DEPTHWISE_SIZES,
        MCL_BUFFER(d->parameters_buffer), MCL_ULONG(BIAS), MCL_BUFFER(d->y_buffer),
        MCL_BUFFER(d->kept_buffer)));
    MCL_TRY(mcl_checker_expect(checker, "depthwise_forward, gelu", d->y, d->y_buffer, OUT_COUNT));
    return mcl_checker_expect(
        checker, "depthwise_forward: kept", d->kept, d->kept_buffer, OUT_COUNT);
}

/* Taps in ascending order, each with the only place of the output that it leads to. */
static mcl_status check_depthwise_by_input(mcl_checker *checker, const struct depthwise *d)
{
    struct gradient g;
    float *sums;
    MCL_TRY(make_gradient(&g, checker, 95));
    MCL_TRY(mcl_checker_memory(&sums, checker, COUNT, sizeof *sums));
    for (size_t at = 1; at < COUNT; at += CHANNELS)
        g.dx[at] = 0.0f;
    MCL_TRY(mcl_checker_write(checker, g.dx_buffer, g.dx, COUNT));
    for (size_t t = 0; t < TAPS; t++) {
        for (size_t at = 0; at < OUT_COUNT; at++) {
            const struct element e = element_of(&outputs, at);
            size_t to;
            if (read_by(&to, e.r, e.down, e.across, t, e.c))
                sums[to] = fmaf(d->dy[at], d->w[t * CHANNELS + e.c], sums[to]);
        }
    }
    for (size_t at = 0; at < COUNT; at++)
        g.dx[at] = kept_gradient(sums[at], g.dx[at], g.kept[at]);
    MCL_TRY(mcl_checker_run_vectors(checker, "depthwise.cl", "depthwise_by_input", RELU, CHANNELS,
        ROWS * POSITIONS, MCL_BUFFER(d->dy_buffer), MCL_BUFFER(d->w_buffer), DEPTHWISE_SIZES,
        MCL_FLOAT(1.0f), MCL_BUFFER(g.kept_buffer), MCL_BUFFER(g.dx_buffer)));
    return mcl_checker_expect(checker, "depthwise_by_input", g.dx, g.dx_buffer, COUNT);
}

static mcl_status check_depthwise_by_weight(mcl_checker *checker, const struct depthwise *d)
{
    const size_t count = (size_t)SEGMENTS * TAPS * CHANNELS;
    for (size_t at = 0; at < OUT_COUNT; at++) {
        const struct element e = element_of(&outputs, at);
        for (size_t t = 0; t < TAPS; t++) {
            float *sum = &d->partial[(e.r / SEGMENT * TAPS + t) * CHANNELS + e.c];
            size_t from;
            if (read_by(&from, e.r, e.down, e.across, t, e.c))
                *sum = fmaf(d->dy[at], d->x[from], *sum);
        }
    }
    for (size_t at = 0; at < count; at++)
        d->partial[at] = mcl_host_flush(d->partial[at]);
    MCL_TRY(mcl_checker_run_columns(checker, "depthwise.cl", "depthwise_by_weight", GELU, CHANNELS,
        SEGMENTS * TAPS, MCL_BUFFER(d->dy_buffer), MCL_BUFFER(d->x_buffer), MCL_UINT(ROWS),
        MCL_UINT(SEGMENT), DEPTHWISE_SIZES, MCL_BUFFER(d->partial_buffer)));
    return mcl_checker_expect(checker, "depthwise_by_weight", d->partial, d->partial_buffer, count);
}

/* Weights in the other order. */
static mcl_status check_depthwise_weights(mcl_checker *checker, const struct depthwise *d)
{
    float *turned;
    cl_mem buffer;
    MCL_TRY(mcl_checker_numbers(&turned, &buffer, checker, 1 + (size_t)TAPS * CHANNELS, 97));
    for (size_t t = 0; t < TAPS; t++) {
        for (size_t c = 0; c < CHANNELS; c++)
            turned[1 + c * TAPS + t] = d->w[t * CHANNELS + c];
    }
    MCL_TRY(mcl_checker_run_elements(checker, "depthwise.cl", "depthwise_weights", GELU, TAPS,
        CHANNELS, MCL_BUFFER(d->w_buffer), MCL_ULONG(0), MCL_UINT(TAPS), MCL_UINT(CHANNELS),
        MCL_BUFFER(buffer), MCL_ULONG(1)));
    return mcl_checker_expect(
        checker, "depthwise_weights", turned, buffer, 1 + (size_t)TAPS * CHANNELS);
}

static mcl_status check_depthwise(mcl_checker *checker)
{
    struct depthwise depthwise;
    MCL_TRY(make_depthwise(&depthwise, checker));
    MCL_TRY(check_depthwise_forward(checker, &depthwise));
    MCL_TRY(check_depthwise_by_weight(checker, &depthwise));
    MCL_TRY(check_depthwise_by_input(checker, &depthwise));
    MCL_TRY(check_depthwise_weights(checker, &depthwise));
    mcl_checker_clear(checker);
    return MCL_OK;
}

static mcl_status check_order(mcl_checker *checker)
{
    float *map, *turned;
    cl_mem map_buffer, turned_buffer;
    const size_t n = POSITIONS * CHANNELS;
    MCL_TRY(mcl_checker_numbers(&map, &map_buffer, checker, COUNT, 98));
    MCL_TRY(mcl_checker_numbers(&turned, &turned_buffer, checker, COUNT, 99));
    for (size_t at = 0; at < COUNT; at++) {
        const size_t p = at % n / CHANNELS, c = at % CHANNELS;
        turned[at / n * n + c * POSITIONS + p] = map[at];
    }
    MCL_TRY(mcl_checker_run_elements(checker, "maps.cl", "flatten", RELU, n, ROWS,
        MCL_BUFFER(map_buffer), MCL_UINT(POSITIONS), MCL_UINT(CHANNELS), MCL_UINT(0),
        MCL_FLOAT(0.0f), MCL_BUFFER(turned_buffer)));
    MCL_TRY(mcl_checker_settle(checker, "flatten", turned, turned_buffer, COUNT));
    for (size_t at = 0; at < COUNT; at++)
        map[at] = mcl_host_flush(map[at] + map[at]);
    MCL_TRY(mcl_checker_run_elements(checker, "maps.cl", "flatten", RELU, n, ROWS,
        MCL_BUFFER(turned_buffer), MCL_UINT(POSITIONS), MCL_UINT(CHANNELS), MCL_UINT(1),
        MCL_FLOAT(1.0f), MCL_BUFFER(map_buffer)));
    MCL_TRY(mcl_checker_expect(checker, "flatten, back and added", map, map_buffer, COUNT));
    mcl_checker_clear(checker);
    return MCL_OK;
}

/* Sums of which some must be made 0: the difference of 1.5 and 1 times 2⁻¹²⁵. */
static mcl_status check_sums_of_maps(mcl_checker *checker)
{
    const size_t n = POSITIONS * CHANNELS;
    float *x, *earlier, *out;
    cl_mem x_buffer, earlier_buffer, out_buffer;
    MCL_TRY(mcl_checker_numbers(&x, &x_buffer, checker, COUNT, 100));
    MCL_TRY(mcl_checker_numbers(&earlier, &earlier_buffer, checker, COUNT, 101));
    MCL_TRY(mcl_checker_result(&out, &out_buffer, checker, COUNT));
    for (size_t at = 0; at < COUNT; at += CHANNELS) {
        x[at] = 0x1.8p-125f;
        earlier[at] = -0x1p-125f;
    }
    MCL_TRY(mcl_checker_write(checker, x_buffer, x, COUNT));
    MCL_TRY(mcl_checker_write(checker, earlier_buffer, earlier, COUNT));
    for (size_t at = 0; at < COUNT; at++)
        out[at] = mcl_reference_activate(MCL_ACTIVATION_RELU, mcl_host_flush(x[at] + earlier[at]));
    MCL_TRY(mcl_checker_run_vectors(checker, "maps.cl", "add_forward", RELU, n, ROWS,
        MCL_BUFFER(x_buffer), MCL_BUFFER(earlier_buffer), MCL_UINT(n), MCL_BUFFER(out_buffer),
        MCL_BUFFER(out_buffer)));
    MCL_TRY(mcl_checker_expect(checker, "add_forward, relu", out, out_buffer, COUNT));
    for (size_t at = 0; at < COUNT; at++)
        earlier[at] = mcl_host_flush(earlier[at] + x[at]);
    MCL_TRY(mcl_checker_run_vectors(checker, "maps.cl", "add_backward", RELU, n, ROWS,
        MCL_BUFFER(x_buffer), MCL_UINT(n), MCL_FLOAT(1.0f), MCL_BUFFER(earlier_buffer)));
    MCL_TRY(mcl_checker_expect(checker, "add_backward", earlier, earlier_buffer, COUNT));
    mcl_checker_clear(checker);
    return MCL_OK;
}

mcl_status mcl_check_maps(mcl_checker *checker)
{
    static const char *const windows[] = {"pool_average", "pool_average_backward"};
    static const char *const parts[] = {"pool_average, grid", "pool_average_backward, grid"};
    MCL_TRY(mcl_checker_find(checker, "pool.cl", "pool_max", RELU));
    MCL_TRY(mcl_checker_find(checker, "depthwise.cl", "depthwise_forward", GELU));
    MCL_TRY(mcl_checker_find(checker, "depthwise.cl", "depthwise_by_input", RELU));
    MCL_TRY(mcl_checker_find(checker, "maps.cl", "flatten", RELU));
    MCL_TRY(check_maxima(checker));
    MCL_TRY(check_averages(checker, &overlapping, windows));
    MCL_TRY(check_averages(checker, &grid, parts));
    MCL_TRY(check_depthwise(checker));
    MCL_TRY(check_order(checker));
    return check_sums_of_maps(checker);
}

#define GROUPS 3
#define EACH 6 /* channels of a group */
#define PAIRS ((size_t)2 * ROWS * CHANNELS)
#define SCALE 2 /* where it is among the parameters, and the shift */
#define SHIFT (SCALE + CHANNELS)

struct groups {
    float *z, *parameters, *space, *moments, *x, *y, *dy, *merged;
    cl_mem z_buffer, parameters_buffer, space_buffer, moments_buffer, y_buffer, dy_buffer;
    cl_mem merged_buffer;
};

/* Channel 0 has a scale by which results are to be made 0. */
static mcl_status make_groups(struct groups *g, mcl_checker *checker)
{
    MCL_TRY(mcl_checker_numbers(&g->z, &g->z_buffer, checker, COUNT, 103));
    MCL_TRY(
        mcl_checker_numbers(&g->parameters, &g->parameters_buffer, checker, SHIFT + CHANNELS, 104));
    MCL_TRY(mcl_checker_result(&g->space, &g->space_buffer, checker, PAIRS));
    MCL_TRY(mcl_checker_result(&g->moments, &g->moments_buffer, checker, PAIRS));
    MCL_TRY(mcl_checker_memory(&g->x, checker, COUNT, sizeof *g->x));
    MCL_TRY(mcl_checker_result(&g->y, &g->y_buffer, checker, COUNT));
    MCL_TRY(mcl_checker_numbers(&g->dy, &g->dy_buffer, checker, COUNT, 105));
    MCL_TRY(mcl_checker_result(&g->merged, &g->merged_buffer, checker, PAIRS));
    g->parameters[SCALE] = 0x1p-124f;
    g->parameters[SHIFT] = 0.0f;
    return mcl_checker_write(checker, g->parameters_buffer, g->parameters, SHIFT + CHANNELS);
}

/* Channel c of row r: the mean of its positions and the squares of what is about it. */
static void find_moments(const struct groups *g, size_t r, size_t c)
{
    const float *z = g->z + r * POSITIONS * CHANNELS + c;
    float total = 0.0f, squares = 0.0f;
    for (size_t p = 0; p < POSITIONS; p++)
        total += z[p * CHANNELS];
    const float mean = total * mcl_host_reciprocal((float)POSITIONS);
    for (size_t p = 0; p < POSITIONS; p++)
        squares = fmaf(z[p * CHANNELS] - mean, z[p * CHANNELS] - mean, squares);
    g->space[2 * r * CHANNELS + c] = mcl_host_flush(mean);
    g->space[(2 * r + 1) * CHANNELS + c] = mcl_host_flush(squares);
}

/* The moments of the group that begins with channel c of row r. */
static void merge_moments(const struct groups *g, size_t r, size_t c)
{
    const float *means = g->space + 2 * r * CHANNELS + c, *squares = means + CHANNELS;
    const float count = (float)POSITIONS, share = mcl_host_reciprocal(count * EACH);
    float mean = 0.0f, sum = 0.0f;
    for (size_t i = 0; i < EACH; i++)
        mean = fmaf(count, means[i], mean);
    mean = mean * share;
    for (size_t i = 0; i < EACH; i++)
        sum += fmaf(count * (means[i] - mean), means[i] - mean, squares[i]);
    for (size_t i = 0; i < EACH; i++) {
        g->moments[r * CHANNELS + c + i] = mcl_host_flush(mean);
        g->moments[(ROWS + r) * CHANNELS + c + i] =
            mcl_host_reciprocal(mcl_host_sqrt(sum * share + 1e-5f));
    }
}

static mcl_status check_group_moments(mcl_checker *checker, const struct groups *g)
{
    for (size_t i = 0; i < ROWS * CHANNELS; i++)
        find_moments(g, i / CHANNELS, i % CHANNELS);
    for (size_t i = 0; i < ROWS * CHANNELS; i += EACH)
        merge_moments(g, i / CHANNELS, i % CHANNELS);
    MCL_TRY(mcl_checker_run_columns(checker, "group_normalization.cl", "group_moments", RELU,
        CHANNELS, ROWS, MCL_BUFFER(g->z_buffer), MCL_UINT(POSITIONS), MCL_UINT(CHANNELS),
        MCL_BUFFER(g->space_buffer)));
    MCL_TRY(mcl_checker_settle(checker, "group_moments", g->space, g->space_buffer, PAIRS));
    MCL_TRY(mcl_checker_run_elements(checker, "group_normalization.cl", "group_merge", RELU, GROUPS,
        ROWS, MCL_BUFFER(g->space_buffer), MCL_UINT(ROWS), MCL_UINT(POSITIONS), MCL_UINT(CHANNELS),
        MCL_UINT(GROUPS), MCL_BUFFER(g->moments_buffer)));
    return mcl_checker_settle(checker, "group_merge", g->moments, g->moments_buffer, PAIRS);
}

static mcl_status check_group_forward(mcl_checker *checker, const struct groups *g)
{
    for (size_t at = 0; at < COUNT; at++) {
        const size_t c = at % CHANNELS, of = at / CHANNELS / POSITIONS * CHANNELS + c;
        const float inverse = g->moments[ROWS * CHANNELS + of];
        g->x[at] = mcl_host_flush(mcl_host_flush(g->z[at] - g->moments[of]) * inverse);
        g->y[at] = mcl_reference_activate(MCL_ACTIVATION_RELU,
            mcl_host_flush(fmaf(g->x[at], g->parameters[SCALE + c], g->parameters[SHIFT + c])));
    }
    MCL_TRY(mcl_checker_run_columns(checker, "group_normalization.cl", "group_forward", RELU,
        CHANNELS, ROWS, MCL_BUFFER(g->z_buffer), MCL_BUFFER(g->moments_buffer), MCL_UINT(ROWS),
        MCL_UINT(POSITIONS), MCL_UINT(CHANNELS), MCL_BUFFER(g->parameters_buffer), MCL_ULONG(SCALE),
        MCL_ULONG(SHIFT), MCL_BUFFER(g->y_buffer), MCL_BUFFER(g->y_buffer)));
    return mcl_checker_expect(checker, "group_forward, relu", g->y, g->y_buffer, COUNT);
}

/* The sums over the positions, and of those over groups. */
static mcl_status check_group_gradients(mcl_checker *checker, const struct groups *g)
{
    const float share = mcl_host_reciprocal((float)POSITIONS * (float)EACH);
    for (size_t i = 0; i < PAIRS; i++)
        g->space[i] = g->merged[i] = 0.0f;
    for (size_t at = 0; at < COUNT; at++) {
        float *space = g->space + at / CHANNELS / POSITIONS * 2 * CHANNELS + at % CHANNELS;
        space[0] = fmaf(g->dy[at], g->x[at], space[0]);
        space[CHANNELS] += g->dy[at];
    }
    for (size_t i = 0; i < PAIRS; i++)
        g->space[i] = mcl_host_flush(g->space[i]);
    for (size_t i = 0; i < PAIRS; i++) {
        const size_t first = i % CHANNELS / EACH * EACH;
        float sum = 0.0f;
        for (size_t c = first; c < first + EACH; c++)
            sum = fmaf(g->parameters[SCALE + c], g->space[i / CHANNELS * CHANNELS + c], sum);
        g->merged[i] = mcl_host_flush(sum * share);
    }
    MCL_TRY(mcl_checker_run_columns(checker, "group_normalization.cl", "group_gradients", RELU,
        CHANNELS, ROWS, MCL_BUFFER(g->dy_buffer), MCL_BUFFER(g->z_buffer),
        MCL_BUFFER(g->moments_buffer), MCL_UINT(ROWS), MCL_UINT(POSITIONS), MCL_UINT(CHANNELS),
        MCL_BUFFER(g->space_buffer)));
    MCL_TRY(mcl_checker_settle(checker, "group_gradients", g->space, g->space_buffer, PAIRS));
    MCL_TRY(mcl_checker_run_elements(checker, "group_normalization.cl", "group_merge_gradients",
        RELU, GROUPS, ROWS, MCL_BUFFER(g->space_buffer), MCL_UINT(POSITIONS), MCL_UINT(CHANNELS),
        MCL_UINT(GROUPS), MCL_BUFFER(g->parameters_buffer), MCL_ULONG(SCALE),
        MCL_BUFFER(g->merged_buffer)));
    return mcl_checker_settle(checker, "group_merge_gradients", g->merged, g->merged_buffer, PAIRS);
}

static mcl_status check_group_backward(mcl_checker *checker, const struct groups *g)
{
    for (size_t at = 0; at < COUNT; at++) {
        const size_t c = at % CHANNELS, r = at / CHANNELS / POSITIONS;
        const float *merged = g->merged + 2 * r * CHANNELS + c;
        const float by_hat = mcl_host_flush(g->parameters[SCALE + c] * g->dy[at]);
        const float across =
            mcl_host_flush(fmaf(-g->x[at], merged[0], mcl_host_flush(by_hat - merged[CHANNELS])));
        g->dy[at] = mcl_host_flush(g->moments[(ROWS + r) * CHANNELS + c] * across);
    }
    MCL_TRY(
        mcl_checker_run_columns(checker, "group_normalization.cl", "group_backward", RELU, CHANNELS,
            ROWS, MCL_BUFFER(g->dy_buffer), MCL_BUFFER(g->z_buffer), MCL_BUFFER(g->moments_buffer),
            MCL_BUFFER(g->merged_buffer), MCL_UINT(ROWS), MCL_UINT(POSITIONS), MCL_UINT(CHANNELS),
            MCL_BUFFER(g->parameters_buffer), MCL_ULONG(SCALE)));
    return mcl_checker_expect(checker, "group_backward", g->dy, g->dy_buffer, COUNT);
}

mcl_status mcl_check_groups(mcl_checker *checker)
{
    struct groups groups;
    MCL_TRY(make_groups(&groups, checker));
    MCL_TRY(check_group_moments(checker, &groups));
    MCL_TRY(check_group_forward(checker, &groups));
    MCL_TRY(check_group_gradients(checker, &groups));
    MCL_TRY(check_group_backward(checker, &groups));
    mcl_checker_clear(checker);
    return MCL_OK;
}
