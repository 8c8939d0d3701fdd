/* SPDX-License-Identifier: Apache-2.0 */
/* Measuring features: softmax regression, nearest neighbours. */
#include "common.clh"
#include "rounding.clh"

/* total and the lanes of x, one after the other. */
static inline float add_in_order(float total, const float16 x)
{
    float lanes[16];
    vstore16(x, 0, lanes);
#pragma unroll
    for (uint l = 0; l < 16; l++)
        total += lanes[l];
    return total;
}

/* Softmax regression on logits[rows×classes] + weights[bias …]: loss[i] = log Σ exp l_i −
 * l_i,label, the sum a chain, and the logits become the gradient by them, (softmax − [label])·scale.
 * Labels and losses have other rows before these: first. Row i. */
kernel void softmax_rows(global float *logits, const uint rows, const global float *weights,
    const ulong bias, const global uint *labels, const uint first, const uint classes,
    const float scale, global float *loss, local float *space)
{
    const uint i = min(mcl_row(), rows - 1), label = labels[first + i];
    const uint stored = mcl_stored(classes, rows);
    global float *row = logits + (ulong)i * classes;
    mcl_lanes most = -INFINITY, own = 0.0f;
    for (uint c = MCL_LANE; c < stored; c += 16) {
        const mcl_lanes x =
            mcl_load(row + c, classes - c) + mcl_load(weights + bias + c, classes - c);
        mcl_store(x, row + c, classes - c);
        most = fmax(most, select((mcl_lanes)-INFINITY, x, c + MCL_LANE_NUMBERS < classes));
    }
    const float largest = mcl_max_lanes(most, space);
    float total = 0.0f;
    for (uint begin = 0; begin < classes; begin += 16) {
        const uint c = begin + MCL_LANE;
        mcl_lanes power = 0.0f; /* beyond the last class, which changes no sum */
        if (c < stored) {
            const mcl_lane_words number = c + MCL_LANE_NUMBERS;
            const mcl_lanes x = mcl_load(row + c, classes - c) - largest;
            own += select((mcl_lanes)0.0f, x, number == label);
            power = select((mcl_lanes)0.0f, mcl_exp(x), number < classes);
            mcl_store(power, row + c, classes - c);
        }
        total = add_in_order(total, mcl_gather_lanes(power, space));
    }
    const float own_logit = mcl_add_lanes(own, space), inverse = mcl_reciprocal(total);
    if (mcl_stores_row(rows))
        loss[first + i] = mcl_log(total) - own_logit;
    for (uint c = MCL_LANE; c < stored; c += 16) {
        const mcl_lanes right =
            select((mcl_lanes)0.0f, (mcl_lanes)-1.0f, c + MCL_LANE_NUMBERS == label);
        const mcl_lanes power = mcl_load(row + c, classes - c);
        mcl_store(
            mcl_flush(scale * fma(power, (mcl_lanes)inverse, right)), row + c, classes - c);
    }
}

/* Puts value and its place among the `count` largest of a query, best first and after its equals. */
static inline void insert(const float value, const uint number, const uint count,
    global float *values, global uint *places)
{
    uint at = count - 1;
    for (; at > 0 && values[at - 1] < value; at--) {
        values[at] = values[at - 1];
        places[at] = places[at - 1];
    }
    values[at] = value;
    places[at] = number;
}

/* Keeps the `count` largest similarities of every query and where they are, best first; of equals
 * the earlier place first. similarity[queries×n] belongs to places first … first+n-1. Row i: of its
 * items one keeps what all have read. best[queries×count] and place[…] start out as −∞ and 0. */
kernel void nearest(const global float *similarity, const uint queries, const uint n,
    const uint first, const uint count, global float *best, global uint *place,
    local float *space)
{
    const uint i = min(mcl_row(), queries - 1);
    const global float *row = similarity + (ulong)i * n;
    global float *values = best + (ulong)i * count;
    global uint *places = place + (ulong)i * count;
    float least = mcl_stores_row(queries) ? values[count - 1] : 0.0f;
    for (uint j = 0; j < n; j += 16) {
        const uint mine = j + MCL_LANE;
        mcl_lanes lanes = -INFINITY;
        if (mine < n)
            lanes = mcl_load(row + mine, n - mine);
        const float16 all = mcl_gather_lanes(lanes, space);
        if (mcl_stores_row(queries) && any(all > least)) {
#if MCL_WIDTH == 16
            float found[16];
            vstore16(all, 0, found);
#else
            const local float *found = space + 16 * get_local_id(1);
#endif
            for (uint l = 0; l < min(n - j, 16u); l++) {
                if (found[l] > least) {
                    insert(found[l], first + j + l, count, values, places);
                    least = values[count - 1];
                }
            }
        }
    }
}

/* scaled[count×columns] = every step-th row of features times its factor. Work-item (j, i). */
kernel void scale_rows(const global float *restrict features, const uint columns, const uint step,
    const global float *restrict factors, const uint count, global float *restrict scaled)
{
    const uint j = get_global_id(0), i = get_global_id(1);
    if (j < columns && i < count)
        scaled[(ulong)i * columns + j] =
            mcl_flush(factors[i] * features[(ulong)i * step * columns + j]);
}
