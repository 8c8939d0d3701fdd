/* SPDX-License-Identifier: Apache-2.0 */
/* The activation, y = f(x), see cl/activation.clh. The layer before always computes it, and the
 * layer after takes its derivative; at the end of a network, and before the few layers that cannot,
 * that is a pass of its own. */
#include <stdlib.h>

#include "base/memory.h"
#include "compute/product.h"
#include "nn/layers.h"

struct activation {
    mcl_epilogue_pass derivative;
};

static mcl_status create(void **state, const mcl_layer_setup *setup)
{
    const mcl_layer *layer = setup->layer;
    const mcl_activation f = layer->options.activation;
    const mcl_epilogue epilogue = {
        .kind = f == MCL_ACTIVATION_NONE ? MCL_EPILOGUE_NONE : MCL_EPILOGUE_BACKWARD,
        .activation = f,
    };
    struct activation *activation;
    MCL_TRY(mcl_allocate(&activation, 1, sizeof *activation));
    *state = activation;
    return mcl_epilogue_find(
        &activation->derivative, setup->context, setup->rows, layer->out, layer->out, &epilogue);
}

/* dx = dy · f'(x) */
static mcl_status backward(void *state, const mcl_pass *pass)
{
    const struct activation *activation = state;
    const mcl_operands operands = {
        .c = {pass->dy, 0},
        .m = pass->rows,
        .kept = pass->argument ? pass->argument : pass->y,
    };
    return mcl_epilogue_apply(&activation->derivative, &operands);
}

static const mcl_layer_type type = {
    .name = "activation",
    .create = create,
    .free = free,
    .backward = backward,
    .is_activation = true,
    .in_place = true,
};

mcl_layer mcl_layer_activation(mcl_activation activation, uint32_t width)
{
    return (mcl_layer){.type = &type, .in = width, .out = width, .options.activation = activation};
}
