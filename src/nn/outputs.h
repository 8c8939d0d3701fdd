/* SPDX-License-Identifier: Apache-2.0 */
/* Which layers of a network that is not for training can write where an earlier one has: nobody
 * reads that one's output any longer. */
#ifndef MASKCL_NN_OUTPUTS_H
#define MASKCL_NN_OUTPUTS_H

#include "nn/layer.h"

/* owner[i] = the layer whose buffer holds the output of layer i, i itself or one before it that has
 * as many values at least; an activation's is that of the layer that computes it. last[count] is
 * workspace. */
void mcl_outputs_share(size_t *owner, size_t *last, const mcl_layer *layers, size_t count);

/* Where the output that layer i adds comes from: layer mcl_earlier_of() − 1, or for 0 the input. */
static inline size_t mcl_earlier_of(const mcl_layer *layer, size_t i)
{
    return i + 1 - layer->options.back;
}

#endif
