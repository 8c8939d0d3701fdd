/* SPDX-License-Identifier: Apache-2.0 */
/* A step of softmax regression with at most 16 classes, whose products are too narrow for tiles:
 *   logits[rows×CLASSES] = features[rows×columns] · weightsᵀ, and of these the loss and the
 * gradient, gradient by the weights[CLASSES×columns] = (gradient by the logits)ᵀ · features. Built
 * with the options below. */
#include "common.clh"
#include "rounding.clh"

#ifndef CLASSES
#define CLASSES 10
#endif
#ifndef WIDTH
#define WIDTH 8 /* floats of a vector, on CPUs: 8 or 16; 1 on GPUs */
#endif
#ifndef TILE_ROWS
#define TILE_ROWS 6 /* rows whose logits stay in registers */
#endif
#ifndef CACHED_ROWS
#define CACHED_ROWS 48 /* rows that stay in the cache, a multiple of TILE_ROWS */
#endif

#define FLOATS JOIN(float, WIDTH)
#define LOAD(from) JOIN(vload, WIDTH)(0, from)
#define STORE(x, to) JOIN(vstore, WIDTH)(x, 0, to)

/* The gradient of the loss of a row by its logits, times scale, and the loss, as softmax_rows of
 * probe.cl. */
static inline void NAME(regress_row)(
    float16 logits, const uint label, const float scale, global float *gradient, global float *loss)
{
    const int16 lane = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    float values[16];
    logits = select((float16)(-INFINITY), logits, lane < CLASSES);
    const float8 by8 = fmax(logits.lo, logits.hi);
    const float4 by4 = fmax(by8.lo, by8.hi);
    const float2 by2 = fmax(by4.lo, by4.hi);
    logits -= fmax(by2.x, by2.y);
    vstore16(logits, 0, values);
    const float own = values[label];
    const float16 powers = mcl_exp(logits);
    vstore16(powers, 0, values);
    float total = 0.0f;
#pragma unroll
    for (uint c = 0; c < CLASSES; c++)
        total += values[c];
    *loss = mcl_log(total) - own;
    const float16 right = select((float16)(0.0f), (float16)(-1.0f), lane == (int)label);
    mcl_store16(mcl_flush(scale * fma(powers, (float16)(mcl_reciprocal(total)), right)), gradient,
        CLASSES);
}

#if WIDTH > 1
/* gradient[CLASSES] by the logits of the rows from row to end - 1, times scale, and their loss. An
 * element of the logits is one chain of fma over the columns, flushed, plus the bias, as by the
 * native product. weights[columns×16] are transposed, and the biases are the row after them; what
 * stands in columns that are no class does not matter. A tile beyond the last row reads that again,
 * and is not stored. */
static inline void NAME(regress_rows)(const global float *features, uint row,
    const uint end, const uint columns, const global float *weights,
    const global uint *labels, const float scale, global float *gradient,
    global float *loss)
{
    const float16 bias = vload16(columns, weights);
    for (; row < end; row += TILE_ROWS) {
        const global float *from[TILE_ROWS];
        float16 logits[TILE_ROWS];
#pragma unroll
        for (uint i = 0; i < TILE_ROWS; i++) {
            from[i] = features + (ulong)min(row + i, end - 1) * columns;
            logits[i] = 0.0f;
        }
        for (uint k = 0; k < columns; k++) {
            const float16 weight = vload16(k, weights);
#pragma unroll
            for (uint i = 0; i < TILE_ROWS; i++)
                logits[i] = fma((float16)(from[i][k]), weight, logits[i]);
        }
#pragma unroll
        for (uint i = 0; i < TILE_ROWS; i++) {
            if (row + i < end)
                NAME(regress_row)
            (mcl_flush(logits[i]) + bias, labels[row + i], scale,
                gradient + (ulong)(row + i) * CLASSES, loss + row + i);
        }
    }
}

/* part[CLASSES×columns] goes on by the rows from row to end - 1, or begins with them. */
static inline void NAME(regress_weights)(global float *part, const bool begins,
    const global float *features, const uint row, const uint end, const uint columns,
    const global float *gradient)
{
    uint j = 0;
    for (; j + WIDTH <= columns; j += WIDTH) {
        FLOATS sums[CLASSES];
#pragma unroll
        for (uint c = 0; c < CLASSES; c++)
            sums[c] = begins ? (FLOATS)(0.0f) : LOAD(part + (ulong)c * columns + j);
        for (uint i = row; i < end; i++) {
            const FLOATS x = LOAD(features + (ulong)i * columns + j);
#pragma unroll
            for (uint c = 0; c < CLASSES; c++)
                sums[c] = fma((FLOATS)(gradient[(ulong)i * CLASSES + c]), x, sums[c]);
        }
#pragma unroll
        for (uint c = 0; c < CLASSES; c++)
            STORE(sums[c], part + (ulong)c * columns + j);
    }
    for (; j < columns; j++) {
        for (uint c = 0; c < CLASSES; c++) {
            float sum = begins ? 0.0f : part[(ulong)c * columns + j];
            for (uint i = row; i < end; i++)
                sum = fma(gradient[(ulong)i * CLASSES + c], features[(ulong)i * columns + j], sum);
            part[(ulong)c * columns + j] = sum;
        }
    }
}

/* For CPUs: gradient[rows×CLASSES] by the logits, loss[first + i] of each row, and parts[s] as
 * regression_slices below. Work-item s takes a few rows at a time, which stay in its cache from the
 * logits to the gradient by the weights. */
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void NAME(regression_step)(
    const global float *restrict features, const uint rows, const uint columns,
    const global float *restrict weights, const global uint *restrict labels, const uint first,
    const float scale, const uint slice, global float *restrict gradient,
    global float *restrict loss, global float *restrict parts)
{
    const uint begin = get_global_id(0) * slice, end = min(begin + slice, rows);
    global float *part = parts + (ulong)get_global_id(0) * CLASSES * columns;
    for (uint row = begin; row < end; row += CACHED_ROWS) {
        const uint to = min(row + CACHED_ROWS, end);
        NAME(regress_rows)
        (features, row, to, columns, weights, labels + first, scale, gradient, loss + first);
        NAME(regress_weights)(part, row == begin, features, row, to, columns, gradient);
    }
}
#else
/* For GPUs: parts[s][CLASSES×columns] = the gradient by the weights of slice s, the rows s·slice …:
 * an element is one chain of fma over them. Work-item (j, s) has column j, so that a row is read by
 * adjacent items. */
kernel void NAME(regression_slices)(const global float *restrict features, const uint rows,
    const uint columns, const global float *restrict gradient, const uint slice,
    global float *restrict parts)
{
    const uint j = get_global_id(0), begin = get_global_id(1) * slice;
    const uint end = min(begin + slice, rows);
    float sums[CLASSES];
    if (j >= columns)
        return;
#pragma unroll
    for (uint c = 0; c < CLASSES; c++)
        sums[c] = 0.0f;
    for (uint i = begin; i < end; i++) {
        const float x = features[(ulong)i * columns + j];
#pragma unroll
        for (uint c = 0; c < CLASSES; c++)
            sums[c] = fma(gradient[(ulong)i * CLASSES + c], x, sums[c]);
    }
    parts += (ulong)get_global_id(1) * CLASSES * columns + j;
#pragma unroll
    for (uint c = 0; c < CLASSES; c++)
        parts[(ulong)c * columns] = sums[c];
}
#endif

/* total[j] = the sum of parts[slices×n] over the slices, one after the other, each of
 * them and each sum flushed; with again it goes on from what is there. Work-item j. */
kernel void NAME(regression_add)(const global float *restrict parts, const uint n,
    const uint slices, const uint again, global float *restrict total)
{
    const uint j = get_global_id(0);
    if (j >= n)
        return;
    float sum = again ? total[j] : 0.0f;
    for (uint s = 0; s < slices; s++)
        sum = mcl_flush(sum + mcl_flush(parts[(ulong)s * n + j]));
    total[j] = sum;
}
