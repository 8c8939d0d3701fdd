/* SPDX-License-Identifier: Apache-2.0 */
/* The softmax cross-entropy of a head's outputs z[B×C] with the classes of their rows. */
#include "softmax.clh"

/* With row i's class y, which is classes_of[order[first + i]], and N_i = log Σ_j exp z_ij:
 *   loss[i] = N_i − z_iy
 *   right[i] = 1 where z_iy is the largest of its row, and the first of several; else 0
 *   gradient_ij = scale·(exp(z_ij − N_i) − [j = y])
 * Row i of B. */
kernel void cross_entropy(const global float *restrict z, const uint rows, const uint classes,
    const global ulong *restrict order, const ulong first, const global uint *restrict classes_of,
    const float scale, global float *restrict loss, global float *restrict right,
    global float *restrict gradient, local float *space)
{
    const uint i = min(mcl_row(), rows - 1), y = classes_of[order[first + i]];
    const global float *row = z + (ulong)i * classes;
    global float *out = gradient + (ulong)i * classes;
    float largest;
    const float normalizer = mcl_log_sum_exp(row, classes, classes, &largest, space);
    mcl_lanes above = 0.0f; /* how many before y are not below the largest */
    for (uint j = MCL_LANE; j < y; j += 16) {
        const mcl_lanes value = mcl_candidates(row, j, classes, classes);
        above += select((mcl_lanes)1.0f, (mcl_lanes)0.0f,
            (value < largest) | (j + MCL_LANE_NUMBERS >= y));
    }
    const bool is_first = mcl_add_lanes(above, space) == 0.0f;
    if (mcl_stores_row(rows)) {
        loss[i] = normalizer - row[y];
        right[i] = row[y] == largest && is_first ? 1.0f : 0.0f;
    }
    for (uint j = MCL_LANE; j < mcl_stored(classes, rows); j += 16) {
        const mcl_lane_words number = j + MCL_LANE_NUMBERS;
        const mcl_lanes softmax = mcl_exp(mcl_candidates(row, j, classes, classes) - normalizer);
        const mcl_lanes target = select((mcl_lanes)0.0f, (mcl_lanes)1.0f, number == y);
        mcl_store(mcl_flush(scale * (softmax - target)), out + j, classes - j);
    }
}
