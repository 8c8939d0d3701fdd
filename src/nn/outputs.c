/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/outputs.h"

/* The layer that computes the output of layer i. */
static size_t computed_by(const mcl_layer *layers, size_t i)
{
    while (i > 0 && layers[i].type->is_activation)
        i--;
    return i;
}

/* last[i] = the last layer that reads what layer i computes; beyond all, of the network's output.
 */
static void find_last(size_t *last, const mcl_layer *layers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        last[i] = 0;
    for (size_t i = 1; i < count; i++) {
        if (!layers[i].type->is_activation)
            last[computed_by(layers, i - 1)] = i;
        if (layers[i].type->adds && mcl_earlier_of(&layers[i], i) > 0)
            last[computed_by(layers, mcl_earlier_of(&layers[i], i) - 1)] = i;
    }
    last[computed_by(layers, count - 1)] = count;
}

/* Whether the buffer that layer b owns has nothing that layer i or a later one reads. */
static bool is_free(const size_t *owner, const size_t *last, size_t b, size_t i)
{
    for (size_t k = b; k < i; k++) {
        if (owner[k] == b && last[k] >= i)
            return false;
    }
    return owner[b] == b;
}

void mcl_outputs_share(size_t *owner, size_t *last, const mcl_layer *layers, size_t count)
{
    find_last(last, layers, count);
    for (size_t i = 0; i < count; i++) {
        owner[i] = i;
        if (i > 0 && layers[i].type->is_activation) {
            owner[i] = owner[i - 1];
            continue;
        }
        for (size_t b = 0; b < i; b++) {
            if (layers[b].out >= layers[i].out && is_free(owner, last, b, i) &&
                (owner[i] == i || layers[b].out < layers[owner[i]].out))
                owner[i] = b;
        }
    }
}
