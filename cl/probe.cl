/* SPDX-License-Identifier: Apache-2.0 */
/* Measuring features: softmax regression, nearest neighbours. */
#include "common.clh"
#include "rounding.clh"

/* Softmax regression on logits[rows×classes] + weights[bias …]: loss[i] = log Σ exp l_i −
 * l_i,label, and the logits become the gradient by them, (softmax − [label])·scale. Labels and
 * losses have other rows before these: first. Work-item i. */
kernel void softmax_rows(global float *logits, const global float *weights, const ulong bias,
    const global uint *labels, const uint first, const uint classes, const float scale,
    global float *loss)
{
    const uint i = get_global_id(0), label = labels[first + i];
    global float *row = logits + (ulong)i * classes;
    float largest = -INFINITY;
    for (uint c = 0; c < classes; c++) {
        row[c] += weights[bias + c];
        largest = fmax(largest, row[c]);
    }
    const float own = row[label] - largest;
    float total = 0.0f;
    for (uint c = 0; c < classes; c++) {
        row[c] = mcl_exp(row[c] - largest);
        total += row[c];
    }
    loss[first + i] = mcl_log(total) - own;
    const float inverse = mcl_reciprocal(total);
    for (uint c = 0; c < classes; c++)
        row[c] = scale * fma(row[c], inverse, c == label ? -1.0f : 0.0f);
}

/* Keeps the `count` largest similarities of every query and where they are, best first; of equals
 * the earlier place first. similarity[queries×n] belongs to places first … first+n-1. Work-item i.
 * best[queries×count] and place[…] start out as −∞ and 0. */
kernel void nearest(const global float *similarity, const uint n, const uint first,
    const uint count, global float *best, global uint *place)
{
    const uint i = get_global_id(0);
    const global float *row = similarity + (ulong)i * n;
    global float *values = best + (ulong)i * count;
    global uint *places = place + (ulong)i * count;
    float least = values[count - 1];
    for (uint j = 0; j < n; j++) {
        const float value = row[j];
        if (value > least) {
            uint at = count - 1;
            for (; at > 0 && values[at - 1] < value; at--) {
                values[at] = values[at - 1];
                places[at] = places[at - 1];
            }
            values[at] = value;
            places[at] = first + j;
            least = values[count - 1];
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
