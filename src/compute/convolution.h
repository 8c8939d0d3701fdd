/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions (cross-correlations, as torch.nn.Conv2d has them) of maps that are stored
 * [rows × height × width × channels]. A series of time × channels is a map whose width is 1. */
#ifndef MASKCL_COMPUTE_CONVOLUTION_H
#define MASKCL_COMPUTE_CONVOLUTION_H

#include "compute/product.h"

/* The sizes of a convolution; [0] is down (y), [1] across (x). */
typedef struct mcl_convolution_shape {
    uint32_t size[2], channels; /* H × W × C of the input map */
    uint32_t filters;           /* O, the channels of the output map */
    uint32_t kernel[2], stride[2], dilation[2];
    uint32_t padding[2]; /* rows and columns of zeros on both sides */
    /* Above 0: each patch p of the input, padding and all, is (p − mean)/√(variance + contrast)
     * before it is multiplied (Coates, Lee and Ng 2011). Of FORWARD and BY_WEIGHT: there is no
     * gradient by the input. */
    float contrast;
} mcl_convolution_shape;

/* MCL_ERROR_ARGUMENT where a size is 0, the padded map is smaller than the kernel, or a row of
 * either map or of the weights has more than UINT32_MAX values. */
mcl_status mcl_convolution_check(const mcl_convolution_shape *shape);

/* Height (d = 0) or width (1) of the output map: ⌊(size + 2·padding − dilation·(kernel − 1) − 1) /
 * stride⌋ + 1. */
uint32_t mcl_convolution_out(const mcl_convolution_shape *shape, int d);

/* Which of the three products of a convolution a plan computes, of input x[R×H×W×C], weights
 * w[O×C×kh×kw], as torch has them, and output y[R×H'×W'×O]:
 *   FORWARD    y  = epilogue(x * w):  an element is one chain of fma over (ky, kx, c) ascending
 *   BY_INPUT   dx = epilogue(beta·dx + Σ w·dy): one chain over (ky, kx, o) ascending, the taps that
 *              have no dy counting as zeros
 *   BY_WEIGHT  dw = Σ_{r,y,x} dy·x, and db[O] = Σ dy: chains over segments of
 *              mcl_convolution_segment() rows R, each from 0 over (r, y, x) ascending, and the sums
 *              of the segments as mcl_sums_run_columns() has them of a matrix whose rows they are;
 *              db as it has them of dy[R·H'·W' × O]
 * Padding counts as zeros. */
typedef enum mcl_convolution_pass {
    MCL_CONVOLUTION_FORWARD,
    MCL_CONVOLUTION_BY_INPUT,
    MCL_CONVOLUTION_BY_WEIGHT,
} mcl_convolution_pass;

/* How many rows of a batch of `rows` a segment of the weights' gradient has: the least power of two
 * by which a segment has at least MCL_SEGMENT_POSITIONS positions of the output map and there are
 * at most MCL_SEGMENTS_MAX segments. */
uint32_t mcl_convolution_segment(const mcl_convolution_shape *shape, uint32_t rows);

/* A plan, as mcl_product is one. */
typedef struct mcl_convolution mcl_convolution;

/* Makes a plan for batches of at most `rows` rows; NULL is an epilogue of kind MCL_EPILOGUE_NONE,
 * and so is that of BY_WEIGHT. An epilogue's columns are the channels of what is computed. */
mcl_status mcl_convolution_create(mcl_convolution **convolution, mcl_context *context,
    const mcl_convolution_shape *shape, mcl_convolution_pass pass, uint32_t rows,
    const mcl_epilogue *epilogue);
void mcl_convolution_free(mcl_convolution *convolution);

/* Enqueues it. Of the operands m is R, not 0, and
 *   FORWARD    a = x, b = w, c = y, bias[O]
 *   BY_INPUT   a = dy, b = w, c = dx, beta, bias[C]
 *   BY_WEIGHT  a = dy (offset 0), b = x, c = dw, bias = db, which are written; db's buffer may be
 *              NULL: it is not wanted
 * c must not overlap the others. */
mcl_status mcl_convolution_run(mcl_convolution *convolution, const mcl_operands *operands);

/* Weights that stay as they are from now on, of FORWARD and BY_INPUT: spares runs their packing.
 * Called again, it takes them anew. */
mcl_status mcl_convolution_freeze(mcl_convolution *convolution, mcl_matrix weights);

#endif
