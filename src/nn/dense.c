/* SPDX-License-Identifier: Apache-2.0 */
/* The dense layer: y = f(z), z = x·Wᵀ + b, with f the activation after it.
 *
 *   forward   z[R×O]  = x[R×I] · W[O×I]ᵀ + b[O]     and f, in the product's epilogue
 *   backward  db[O]   = Σ_R dz[R×O]                and
 *             dW[O×I] = dz[R×O]ᵀ · x[R×I]            in one product, where it can sum
 *             dx[R×I] = dz[R×O] · W[O×I]             and g', in the product's epilogue */
#include <stdlib.h>

#include "base/memory.h"
#include "compute/product.h"
#include "compute/sums.h"
#include "nn/layers.h"

struct dense {
    mcl_context *context;
    mcl_layer layer;
    mcl_product *forward, *by_weight, *by_input; /* the last two in training, where wanted */
    uint32_t weight_rows;                        /* R that by_weight is for */
    mcl_sums sums;
};

static uint64_t weight_of(const mcl_layer *layer)
{
    return layer->parameters;
}

static uint64_t bias_of(const mcl_layer *layer)
{
    return layer->parameters + (uint64_t)layer->in * layer->out;
}

static size_t tensors(mcl_layer_tensor out[MCL_LAYER_TENSORS_MAX], const mcl_layer *layer)
{
    out[0] = (mcl_layer_tensor){
        .name = "weight", .shape = {layer->out, layer->in}, .dimensions = 2, .fan_in = layer->in};
    out[1] = (mcl_layer_tensor){
        .name = "bias", .shape = {layer->out}, .dimensions = 1, .fan_in = layer->in};
    return 2;
}

static uint64_t workspace(const mcl_layer *layer, uint32_t rows)
{
    return mcl_column_sums_workspace(rows, layer->out);
}

static mcl_status create_forward(struct dense *dense, const mcl_layer_setup *setup)
{
    const uint32_t i = setup->layer->in, o = setup->layer->out;
    const mcl_gemm product = {false, true, setup->rows, o, i, i, i, o, 1.0f};
    const mcl_epilogue epilogue = {.kind = MCL_EPILOGUE_FORWARD, .activation = setup->after};
    return mcl_product_create(&dense->forward, setup->context, &product, &epilogue);
}

/* The plan of the product that sums over the rows, of which a plan has a fixed number: another
 * number than in the pass before, which training does not have, makes another plan. */
static mcl_status plan_by_weight(struct dense *dense, uint32_t rows)
{
    const uint32_t i = dense->layer.in, o = dense->layer.out;
    const mcl_gemm product = {true, false, o, i, rows, o, i, i, 1.0f};
    const mcl_epilogue sums = {.kind = MCL_EPILOGUE_SUMS};
    if (dense->weight_rows == rows)
        return MCL_OK;
    mcl_product_free(dense->by_weight);
    dense->by_weight = NULL;
    dense->weight_rows = 0;
    MCL_TRY(mcl_product_create(&dense->by_weight, dense->context, &product, &sums));
    dense->weight_rows = rows;
    return MCL_OK;
}

static mcl_status create_backward(struct dense *dense, const mcl_layer_setup *setup)
{
    const uint32_t i = setup->layer->in, o = setup->layer->out;
    const mcl_gemm by_input = {false, false, setup->rows, i, o, o, i, i, 1.0f};
    const mcl_epilogue epilogue = {
        .kind = setup->before == MCL_ACTIVATION_NONE ? MCL_EPILOGUE_NONE : MCL_EPILOGUE_BACKWARD,
        .activation = setup->before,
    };
    MCL_TRY(plan_by_weight(dense, setup->rows));
    if (setup->by_input)
        MCL_TRY(mcl_product_create(&dense->by_input, setup->context, &by_input, &epilogue));
    return mcl_sums_find(&dense->sums, setup->context);
}

static mcl_status create(void **state, const mcl_layer_setup *setup)
{
    struct dense *dense;
    MCL_TRY(mcl_allocate(&dense, 1, sizeof *dense));
    *state = dense;
    dense->context = setup->context;
    dense->layer = *setup->layer;
    MCL_TRY(create_forward(dense, setup));
    return setup->backward ? create_backward(dense, setup) : MCL_OK;
}

static void free_dense(void *state)
{
    struct dense *dense = state;
    if (!dense)
        return;
    mcl_product_free(dense->forward);
    mcl_product_free(dense->by_weight);
    mcl_product_free(dense->by_input);
    free(dense);
}

static mcl_status forward(void *state, const mcl_pass *pass)
{
    const struct dense *dense = state;
    const mcl_operands operands = {
        .a = {pass->x, 0},
        .b = {pass->parameters, weight_of(&dense->layer)},
        .c = {pass->y, 0},
        .m = pass->rows,
        .bias = {pass->parameters, bias_of(&dense->layer)},
        .kept = pass->argument,
    };
    return mcl_product_run(dense->forward, &operands);
}

static mcl_status backward(void *state, const mcl_pass *pass)
{
    struct dense *dense = state;
    const mcl_layer *layer = &dense->layer;
    const mcl_operands by_weight = {
        .a = {pass->dy, 0},
        .b = {pass->x, 0},
        .c = {pass->gradients, weight_of(layer)},
        .bias = {pass->gradients, bias_of(layer)},
    };
    const mcl_operands by_input = {
        .a = {pass->dy, 0},
        .b = {pass->parameters, weight_of(layer)},
        .c = {pass->dx, 0},
        .m = pass->rows,
        .beta = pass->keep,
        .kept = pass->kept,
    };
    MCL_TRY(plan_by_weight(dense, pass->rows));
    if (!mcl_product_sums(dense->by_weight))
        MCL_TRY(mcl_sums_run_columns(&dense->sums, pass->dy, pass->rows, layer->out,
            pass->workspace, pass->gradients, bias_of(layer)));
    MCL_TRY(mcl_product_run(dense->by_weight, &by_weight));
    return pass->dx ? mcl_product_run(dense->by_input, &by_input) : MCL_OK;
}

static mcl_status freeze(void *state, cl_mem parameters)
{
    struct dense *dense = state;
    return mcl_product_pack(dense->forward, (mcl_matrix){parameters, weight_of(&dense->layer)});
}

static const mcl_layer_type type = {
    .name = "dense",
    .tensors = tensors,
    .workspace = workspace,
    .create = create,
    .free = free_dense,
    .forward = forward,
    .backward = backward,
    .freeze = freeze,
    .takes_activation = true,
    .takes_derivative = true,
    .keeps = true,
};

mcl_layer mcl_layer_dense(uint32_t in, uint32_t out)
{
    return (mcl_layer){.type = &type, .in = in, .out = out};
}
