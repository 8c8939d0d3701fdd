/* SPDX-License-Identifier: Apache-2.0 */
/* The objective of LeJEPA (Balestriero and LeCun 2025), as its authors' minimal program has it: the
 * distance of a row's two views, and SIGReg, which asks of the embeddings' projections y on M random
 * directions whether they are standard normal. For each direction, view by view, it is the statistic of
 * Epps and Pulley: N times the distance between the projections' characteristic function and the normal
 * one,
 *   T = N·∫ |mean_i exp(i·t·y_i) − φ(t)|²·φ(t) dt,  φ(t) = exp(−t²/2)
 * from −3 to 3, which is twice the integral from 0 on, by the trapezoidal rule with knots t_k = 3k/16,
 * k = 0 … 16. At k = 0 there is no difference. Only cos t₁y and sin t₁y are computed; those of the other
 * knots are the powers of the complex number that the two are:
 *   (c, s)_{k+1} = (c·c₁ − s·s₁, s·c₁ + c·s₁)
 * B rows a batch, R = 2B views, n columns, M directions; waves are two matrices [R×M], c₁ and s₁. */
#include "common.clh"
#include "philox.clh"
#include "rounding.clh"

#define KNOTS MCL_SIGREG_KNOTS
#define STEP 0.1875f /* from knot to knot */

/* directions[count]: numbers of the standard normal distribution. Work-item q: elements 4q … 4q+3. */
kernel void sigreg_directions(const ulong first, const uint epoch, const uint2 key,
    const uint count, global float *restrict directions)
{
    const uint quad = get_global_id(0), j = 4 * quad;
    if (j >= count)
        return;
    const uint4 words = mcl_philox(mcl_counter(MCL_STREAM_DIRECTIONS, 0, epoch, first, quad), key);
    const int4 odd = as_int4(((words >> 8) << 1) + 1) - (1 << 24);
    const float4 drawn = mcl_quantile(convert_float4(odd) * 0x1p-24f);
    if (count - j >= 4) {
        *(global float4 *)(directions + j) = drawn;
        return;
    }
    directions[j] = drawn.s0;
    if (count - j > 1)
        directions[j + 1] = drawn.s1;
    if (count - j > 2)
        directions[j + 2] = drawn.s2;
}

/* The waves c₁ = cos t₁y and s₁ = sin t₁y of projections y, which s₁ take the place of. Work-item
 * (q, i) has row i's from m = MCL_WIDTH·q on: where all angles are within π, as they nearly always
 * are, by the short forms, which give the same bits in vectors. */
kernel void sigreg_waves(const uint n, global float *restrict cosines, global float *restrict sines)
{
    const uint m = MCL_WIDTH * get_global_id(0);
    if (m >= n)
        return;
    const uint count = min(n - m, (uint)MCL_WIDTH);
    const ulong at = (ulong)get_global_id(1) * n + m;
    cosines += at;
    sines += at;
    float angles[MCL_WIDTH];
    uint largest = 0;
    for (uint l = 0; l < MCL_WIDTH; l++) {
        angles[l] = STEP * (l < count ? sines[l] : 0.0f);
        largest = max(largest, as_uint(angles[l]) & MCL_MAGNITUDE);
    }
    if (count == MCL_WIDTH && largest <= MCL_PI) {
        for (uint l = 0; l < MCL_WIDTH; l++) {
            cosines[l] = mcl_cos_near(angles[l]);
            sines[l] = mcl_sin_near(angles[l]);
        }
    } else {
        for (uint l = 0; l < count; l++) {
            cosines[l] = mcl_cos(angles[l]);
            sines[l] = mcl_sin(angles[l]);
        }
    }
}

/* The waves of the next knot */
static inline void next_knot(
    mcl_lanes *c, mcl_lanes *s, const mcl_lanes c1, const mcl_lanes s1)
{
    const mcl_lanes next = fma(*c, c1, -(*s * s1));
    *s = fma(*s, c1, *c * s1);
    *c = next;
}

/* sums[blocks×32×M]: for each knot the sums of its cosines over a block of a view's rows, then for
 * each knot those of its sines, chains in ascending order. Work-item (q, b) has the directions from
 * m = MCL_WIDTH·q on in block b of a view, all blocks of the first view before those of the second. */
kernel void sigreg_sums(const global float *restrict cosines, const global float *restrict sines,
    const uint batch, const uint n, global float *restrict sums)
{
    const uint m = MCL_WIDTH * get_global_id(0), at = get_global_id(1), left = n - m;
    if (m >= n)
        return;
    const uint blocks = (batch + MCL_SIGREG_ROWS - 1) / MCL_SIGREG_ROWS;
    const uint begin = at % blocks * MCL_SIGREG_ROWS, end = min(begin + MCL_SIGREG_ROWS, batch);
    mcl_lanes c_sums[KNOTS], s_sums[KNOTS];
    for (uint k = 0; k < KNOTS; k++)
        c_sums[k] = s_sums[k] = 0.0f;
    for (uint i = begin; i < end; i++) {
        const ulong from = (ulong)(at / blocks * batch + i) * n + m;
        const mcl_lanes c1 = mcl_load(cosines + from, left), s1 = mcl_load(sines + from, left);
        mcl_lanes c = c1, s = s1;
        for (uint k = 0; k < KNOTS; k++) {
            c_sums[k] += c;
            s_sums[k] += s;
            next_knot(&c, &s, c1, s1);
        }
    }
    for (uint k = 0; k < KNOTS; k++) {
        global float *to = sums + ((ulong)at * 2 * KNOTS + k) * n + m;
        mcl_store(mcl_flush(c_sums[k]), to, left);
        mcl_store(mcl_flush(s_sums[k]), to + (ulong)KNOTS * n, left);
    }
}

/* The sum of what the blocks of a view have. */
static inline float mean_over(const global float *sums, const uint blocks, const ulong step,
    const float batch)
{
    float total = 0.0f;
    for (uint block = 0; block < blocks; block++)
        total += sums[block * step];
    return mcl_divide(total, batch);
}

/* For direction m of view v, with C_k and S_k the means over the view's rows and w_k the weight of the
 * knot, φ(t_k) included:
 *   loss[v×M+m] = share·Σ_k w_k·((C_k − φ_k)² + S_k²), a chain over k
 * and slopes[2×32×M]: for each knot w_k·t_k·S_k, then for each w_k·t_k·(C_k − φ_k). Work-item (m, v). */
kernel void sigreg_statistics(const global float *restrict sums, const uint batch, const uint n,
    const float share, global float *restrict loss, global float *restrict slopes)
{
    const uint m = get_global_id(0), v = get_global_id(1);
    if (MCL_PADS(m, n))
        return;
    const uint blocks = (batch + MCL_SIGREG_ROWS - 1) / MCL_SIGREG_ROWS;
    const ulong step = (ulong)2 * KNOTS * n;
    const global float *of_view = sums + v * blocks * step + m;
    float total = 0.0f;
    for (uint k = 0; k < KNOTS; k++) {
        const float t = STEP * (float)(k + 1), normal = mcl_exp(-0.5f * (t * t));
        const float weight = (k + 1 < KNOTS ? 2.0f * STEP : STEP) * normal;
        const global float *of_knot = of_view + (ulong)k * n;
        const float real = mean_over(of_knot, blocks, step, (float)batch) - normal;
        const float imaginary =
            mean_over(of_knot + (ulong)KNOTS * n, blocks, step, (float)batch);
        total = fma(weight, fma(real, real, imaginary * imaginary), total);
        global float *to = slopes + v * step + (ulong)k * n + m;
        to[0] = mcl_flush(weight * t * imaginary);
        to[(ulong)KNOTS * n] = mcl_flush(weight * t * real);
    }
    loss[v * n + m] = mcl_flush(share * total);
}

/* The gradient by the projections takes the place of c₁: a and b being what slopes has of the
 * direction, scale·Σ_k (a_k·c_k − b_k·s_k), one chain of fma. Work-item (q, i) has row i's directions
 * from m = MCL_WIDTH·q on. */
kernel void sigreg_backward(const global float *restrict slopes, const uint batch, const uint n,
    const float scale, global float *restrict cosines, const global float *restrict sines)
{
    const uint m = MCL_WIDTH * get_global_id(0), i = get_global_id(1), left = n - m;
    if (m >= n)
        return;
    const ulong at = (ulong)i * n + m;
    const global float *a = slopes + (ulong)(i / batch) * 2 * KNOTS * n + m;
    const global float *b = a + (ulong)KNOTS * n;
    const mcl_lanes c1 = mcl_load(cosines + at, left), s1 = mcl_load(sines + at, left);
    mcl_lanes c = c1, s = s1, gradient = 0.0f;
    for (uint k = 0; k < KNOTS; k++) {
        gradient = fma(mcl_load(a + (ulong)k * n, left), c, gradient);
        gradient = fma(-mcl_load(b + (ulong)k * n, left), s, gradient);
        next_knot(&c, &s, c1, s1);
    }
    mcl_store(mcl_flush(scale * gradient), cosines + at, left);
}

/* For row i's views p = z_i and q = z_{B+i} of z[2B×n]: loss[first+i] = share·|p − q|², and the
 * gradient by p, slope·(p − q), and by q, which is the negative of it, added to what d holds when
 * accumulate is 1. Row i. */
kernel void sigreg_distances(const global float *restrict z, const uint batch, const uint n,
    const float share, const float slope, const uint accumulate, const uint first,
    global float *restrict loss, global float *restrict d, local float *space)
{
    const uint i = min(mcl_row(), batch - 1), count = mcl_row() < batch ? n : 0;
    const ulong own = (ulong)i * n, other = own + (ulong)batch * n;
    const float squares = mcl_row_squared_distance(z + own, z + other, n, space);
    if (mcl_stores_row(batch))
        loss[first + i] = mcl_flush(share * squares);
    for (uint j = MCL_LANE; j < count; j += 16) {
        const uint left = n - j;
        const mcl_lanes p = mcl_load(z + own + j, left), q = mcl_load(z + other + j, left);
        mcl_lanes by_p = slope * (p - q), by_q = -by_p;
        if (accumulate) {
            by_p = mcl_load(d + own + j, left) + by_p;
            by_q = mcl_load(d + other + j, left) + by_q;
        }
        mcl_store(mcl_flush(by_p), d + own + j, left);
        mcl_store(mcl_flush(by_q), d + other + j, left);
    }
}
