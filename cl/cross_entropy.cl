/* SPDX-License-Identifier: Apache-2.0 */
/* The softmax cross-entropy of a head's outputs z[B×C] with the classes of their rows. */
#include "softmax.clh"

/* With row i's class y, which is classes_of[order[first + i]], and N_i = log Σ_j exp z_ij:
 *   loss[i] = N_i − z_iy
 *   right[i] = 1 where z_iy is the largest of its row, and the first of several; else 0
 *   gradient_ij = scale·(exp(z_ij − N_i) − [j = y])
 * Work-item i. */
kernel void cross_entropy(const global float *restrict z, const uint classes,
    const global ulong *restrict order, const ulong first, const global uint *restrict classes_of,
    const float scale, global float *restrict loss, global float *restrict right,
    global float *restrict gradient)
{
    const uint i = get_global_id(0), y = classes_of[order[first + i]];
    const global float *row = z + (ulong)i * classes;
    global float *out = gradient + (ulong)i * classes;
    float largest;
    const float normalizer = mcl_log_sum_exp(row, classes, classes, &largest);
    loss[i] = normalizer - row[y];
    bool found = row[y] == largest;
    for (uint j = 0; j < y; j++)
        found = found && row[j] < largest;
    right[i] = found ? 1.0f : 0.0f;
    for (uint j = 0; j < classes; j += 16) {
        const uint16 number = j + (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        const float16 softmax = mcl_exp(mcl_candidates(row, j, classes, classes) - normalizer);
        const float16 target = select((float16)0.0f, (float16)1.0f, number == y);
        mcl_store16(mcl_flush(scale * (softmax - target)), out + j, classes - j);
    }
}
