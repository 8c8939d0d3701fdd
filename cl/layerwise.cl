/* The norms of parts of a flat vector, and what scales by them: clipping, and the optimizers that
 * give every tensor a step of its own.
 *
 * A part lies in blocks of 1024 elements, the last one shorter: block = (first element, elements,
 * part, 0); part = (first block, blocks, 1 for a matrix and else 0, 0). */
#include "common.clh"
#include "rounding.clh"

/* squares[to + b] = Σ x² over block b. Work-item b. */
kernel void block_squares(const global float *restrict x, const global uint4 *restrict blocks,
    global float *restrict squares, const uint to)
{
    const uint b = get_global_id(0);
    const global float *values = x + blocks[b].x;
    squares[to + b] = mcl_flush(mcl_dot(values, values, blocks[b].y));
}

/* x *= min(limit/(√square + 1e−6), 1), as torch.nn.utils.clip_grad_norm_. Work-item j. */
kernel void clip(global float *restrict x, const global float *restrict square, const float limit)
{
    const ulong j = get_global_id(0);
    const float factor = mcl_divide(limit, mcl_sqrt(square[0]) + 1e-6f);
    x[j] = mcl_flush(x[j] * (factor < 1.0f ? factor : 1.0f));
}
