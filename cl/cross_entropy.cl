/* The softmax cross-entropy of a head's outputs z[B×C] with the classes of their rows. */
#include "common.clh"
#include "rounding.clh"

/* Columns j … j+15 of a row; −∞ for what is beyond the classes. */
inline float16 logits16(const global float *row, const uint j, const uint classes)
{
    const uint16 number = j + (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const float16 values =
        j + 16 <= classes ? vload16(0, row + j) : mcl_load_part(row + j, classes - j);
    return select((float16)-INFINITY, values, number < classes);
}

inline float largest_of(const float16 lanes)
{
    const float8 by8 = fmax(lanes.lo, lanes.hi);
    const float4 by4 = fmax(by8.lo, by8.hi);
    const float2 by2 = fmax(by4.lo, by4.hi);
    return fmax(by2.x, by2.y);
}

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
    float16 most = -INFINITY;
    for (uint j = 0; j < classes; j += 16)
        most = fmax(most, logits16(row, j, classes));
    const float largest = largest_of(most);
    float16 lanes = 0.0f; /* exp(−∞) is 0 */
    for (uint j = 0; j < classes; j += 16)
        lanes += mcl_exp(logits16(row, j, classes) - largest);
    const float normalizer = largest + mcl_log(mcl_sum_lanes(lanes));
    loss[i] = normalizer - row[y];
    bool found = row[y] == largest;
    for (uint j = 0; j < y; j++)
        found = found && row[j] < largest;
    right[i] = found ? 1.0f : 0.0f;
    for (uint j = 0; j < classes; j += 16) {
        const uint16 number = j + (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        const float16 softmax = mcl_exp(logits16(row, j, classes) - normalizer);
        const float16 target = select((float16)0.0f, (float16)1.0f, number == y);
        const float16 slope = mcl_flush(scale * (softmax - target));
        if (j + 16 <= classes) {
            vstore16(slope, 0, out + j);
        } else {
            float values[16];
            vstore16(slope, 0, values);
            for (uint l = 0; l < classes - j; l++)
                out[j + l] = values[l];
        }
    }
}
