/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a residual block (He et al. 2016): y = f(x + e), with e the output of an earlier layer
 * and f the activation after it. dy goes on to x where it is, and is added to the gradient by e;
 * see cl/maps.cl. */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "device/launch.h"
#include "device/profile.h"
#include "nn/layers.h"

#define OPTIONS_SIZE 32

struct add {
    mcl_context *context;
    uint32_t width;
    mcl_kernel *forward, *backward;
};

static mcl_status create(void **state, const mcl_layer_setup *setup)
{
    struct add *add;
    char options[OPTIONS_SIZE];
    MCL_TRY(mcl_allocate(&add, 1, sizeof *add));
    *state = add;
    add->context = setup->context;
    add->width = setup->layer->out;
    snprintf(options, OPTIONS_SIZE, "-D ACTIVATION=%d", (int)setup->after);
    MCL_TRY(mcl_kernel_find(&add->forward, setup->context, "maps.cl", "add_forward", options));
    return mcl_kernel_find(&add->backward, setup->context, "maps.cl", "add_backward", options);
}

static void record(const struct add *add, uint32_t rows, double passes)
{
    mcl_profile_work(
        add->context, NULL, 0.0, passes * sizeof(float) * (double)rows * (double)add->width);
}

static mcl_status forward(void *state, const mcl_pass *pass)
{
    const struct add *add = state;
    record(add, pass->rows, pass->argument ? 4.0 : 3.0);
    return mcl_run_vectors(add->forward, add->width, pass->rows, MCL_BUFFER(pass->x),
        MCL_BUFFER(pass->earlier), MCL_UINT(add->width), MCL_BUFFER(pass->y),
        MCL_BUFFER(pass->argument ? pass->argument : pass->y));
}

static mcl_status backward(void *state, const mcl_pass *pass)
{
    const struct add *add = state;
    if (!pass->by_earlier)
        return MCL_OK;
    record(add, pass->rows, 2.0 + pass->keep_earlier);
    return mcl_run_vectors(add->backward, add->width, pass->rows, MCL_BUFFER(pass->dy),
        MCL_UINT(add->width), MCL_FLOAT(pass->keep_earlier), MCL_BUFFER(pass->by_earlier));
}

static const mcl_layer_type type = {
    .name = "residual sum",
    .create = create,
    .free = free,
    .forward = forward,
    .backward = backward,
    .takes_activation = true,
    .in_place = true,
    .adds = true,
};

mcl_layer mcl_layer_add(uint32_t back, const mcl_map *map)
{
    const uint32_t width = mcl_map_values(map);
    return (mcl_layer){
        .type = &type, .in = width, .out = width, .from = *map, .to = *map, .options.back = back};
}
