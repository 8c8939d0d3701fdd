/* SPDX-License-Identifier: Apache-2.0 */
/* Dropout, see cl/dropout.cl. */
#include <stdlib.h>

#include "base/memory.h"
#include "constants.clh"
#include "device/profile.h"
#include "nn/layers.h"

struct dropout {
    mcl_context *context;
    mcl_layer layer;
    mcl_kernel *kernel;
};

static mcl_status create(void **state, const mcl_layer_setup *setup)
{
    struct dropout *dropout;
    MCL_TRY(mcl_allocate(&dropout, 1, sizeof *dropout));
    *state = dropout;
    dropout->context = setup->context;
    dropout->layer = *setup->layer;
    return mcl_kernel_find(&dropout->kernel, setup->context, "dropout.cl", "dropout", "");
}

/* out = in, some elements 0 and the others times 1/(1 − rate): the same ones whenever it is run in
 * a step. out may be in. */
static mcl_status drop(const struct dropout *dropout, const mcl_pass *pass, cl_mem in, cl_mem out)
{
    const mcl_layer *layer = &dropout->layer;
    const float rate = layer->options.dropout.rate;
    const uint64_t seed = layer->options.dropout.seed;
    const cl_uint2 key = {{(cl_uint)seed, (cl_uint)(seed >> 32)}};
    const mcl_argument key_argument = {.size = sizeof key, .value = &key};
    mcl_profile_work(
        dropout->context, NULL, 0.0, 2.0 * sizeof(float) * (double)pass->rows * layer->out);
    const size_t each = mcl_context_spreads(dropout->context) ? MCL_QUAD : MCL_DRAWN_ELEMENTS;
    return mcl_run_elements(dropout->kernel, (layer->out + each - 1) / each, pass->rows,
        MCL_BUFFER(in), MCL_UINT(layer->out), MCL_UINT(layer->block), MCL_UINT(pass->step),
        key_argument, MCL_FLOAT(rate), MCL_FLOAT(1.0f / (1.0f - rate)), MCL_BUFFER(out));
}

static mcl_status forward(void *state, const mcl_pass *pass)
{
    return drop(state, pass, pass->x, pass->y);
}

static mcl_status backward(void *state, const mcl_pass *pass)
{
    return drop(state, pass, pass->dy, pass->dx);
}

static const mcl_layer_type type = {
    .name = "dropout",
    .create = create,
    .free = free,
    .forward = forward,
    .backward = backward,
    .scales = true,
    .in_place = true,
};

mcl_layer mcl_layer_dropout(float rate, uint64_t seed, uint32_t width)
{
    return (mcl_layer){.type = &type, .in = width, .out = width, .options.dropout = {rate, seed}};
}
