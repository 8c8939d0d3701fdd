/* SPDX-License-Identifier: Apache-2.0 */
/* The patches of a convolution as products gather them, see compute/product.h and cl/patches.clh.
 */
#ifndef MASKCL_COMPUTE_GATHERING_H
#define MASKCL_COMPUTE_GATHERING_H

#include "compute/convolution.h"

/* Whether the products of a convolution can gather its patches on a context; else they are made in
 * memory first. */
bool mcl_convolution_gathers(const mcl_context *context, const mcl_convolution_shape *shape);

/* Patches of the input map, for FORWARD. */
mcl_patches mcl_input_patches(const mcl_convolution_shape *shape);

/* With a stride s every position (y, x) of the input map has its gradient by those taps (ky, kx)
 * alone that lead to a position of the output map, and all positions with the same y mod s and x
 * mod s by the same ones. A phase is the product for these positions. */
typedef struct mcl_convolution_phase {
    mcl_patches patches;
    uint32_t positions; /* of a row */
    uint32_t first[2];  /* the first tap, */
    uint32_t next[2];   /* from one to the next, */
    uint32_t count[2];  /* and how many there are down and across, which may be 0 */
} mcl_convolution_phase;

/* How many phases there are, and one of them. */
uint32_t mcl_convolution_phases(const mcl_convolution_shape *shape);
mcl_convolution_phase mcl_convolution_phase_of(const mcl_convolution_shape *shape, uint32_t number);

#endif
