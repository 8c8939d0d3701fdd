/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a flat vector and their norms, for clipping and for optimizers that give every
 * tensor a step of its own: see cl/layerwise.cl. */
#ifndef MASKCL_OPTIM_PARTS_H
#define MASKCL_OPTIM_PARTS_H

#include <stdbool.h>

#include "device/context.h"

#define MCL_BLOCK 1024 /* elements, as in cl/layerwise.cl */

/* A tensor in the flat vector. */
typedef struct mcl_part_range {
    uint64_t offset, count;
    bool matrix; /* a weight; the others are biases and the parameters of normalizations */
} mcl_part_range;

/* The blocks of all parts, on the device. */
typedef struct mcl_parts {
    mcl_context *context;
    mcl_kernel *block_squares;
    uint32_t count, block_count;
    cl_mem parts;   /* [count] of four integers */
    cl_mem blocks;  /* [block_count] of four integers */
    cl_mem squares; /* [2 × block_count] */
} mcl_parts;

mcl_status mcl_parts_create(
    mcl_parts *parts, mcl_context *context, const mcl_part_range *ranges, size_t count);
void mcl_parts_release(mcl_parts *parts);

/* Enqueues squares[half × block_count + b] = Σ x² over block b. */
mcl_status mcl_parts_square(const mcl_parts *parts, cl_mem x, uint32_t half);

#endif
