/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/network.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "compute/product.h"
#include "compute/sums.h"
#include "nn/dropout.h"
#include "nn/normalization.h"

/* Shapes: R rows of a batch, I and O a layer's in and out. */
struct mcl_network {
    mcl_context *context;
    mcl_activation activation;
    bool training;
    uint32_t rows; /* at most */
    size_t count;
    mcl_layer layers[MCL_LAYERS_MAX];
    cl_mem output[MCL_LAYERS_MAX];   /* [R×O] a = f(z), or f(y) with a normalization */
    cl_mem linear[MCL_LAYERS_MAX];   /* [R×O] z, where the passes need it: for GELU and a
                                        normalization; else NULL */
    cl_mem normal[MCL_LAYERS_MAX];   /* [R×O] y, for both of these; else NULL */
    cl_mem moments[MCL_LAYERS_MAX];  /* of a normalization */
    cl_mem dropped[MCL_LAYERS_MAX];  /* [R×O] a after dropout; NULL without */
    cl_mem gradient[MCL_LAYERS_MAX]; /* [R×O] by a, then by z; training only */
    cl_mem packed[MCL_LAYERS_MAX];   /* [I×O] frozen weights the other way round; else NULL */
    cl_mem space;                    /* of column sums and normalizations; training only */
    mcl_dropout dropout;
};

static mcl_activation activation_of(const mcl_network *network, size_t l)
{
    return network->layers[l].activated ? network->activation : MCL_ACTIVATION_NONE;
}

static bool is_normalized(const mcl_network *network, size_t l)
{
    return network->layers[l].normalization != MCL_NORMALIZATION_NONE;
}

/* What the activation's backward pass reads: its argument for GELU, a for the others. */
static cl_mem kept(const mcl_network *network, size_t l)
{
    if (activation_of(network, l) != MCL_ACTIVATION_GELU)
        return network->output[l];
    return is_normalized(network, l) ? network->normal[l] : network->linear[l];
}

/* a = f(z + b); before a normalization z + b */
static mcl_epilogue forward_epilogue(const mcl_network *network, size_t l, cl_mem parameters)
{
    const mcl_matrix bias = {parameters, network->layers[l].bias};
    return is_normalized(network, l)
               ? (mcl_epilogue){MCL_EPILOGUE_FORWARD, MCL_ACTIVATION_NONE, bias, NULL}
               : (mcl_epilogue){
                     MCL_EPILOGUE_FORWARD, activation_of(network, l), bias, network->linear[l]};
}

/* The gradient by layer l's output becomes that by the activation's argument. */
static mcl_epilogue backward_epilogue(const mcl_network *network, size_t l)
{
    const mcl_activation activation = activation_of(network, l);
    return (mcl_epilogue){
        activation == MCL_ACTIVATION_NONE ? MCL_EPILOGUE_NONE : MCL_EPILOGUE_BACKWARD, activation,
        {NULL, 0}, kept(network, l)};
}

static mcl_normalizer normalizer_of(const mcl_network *network, size_t l)
{
    return (mcl_normalizer){network->context, &network->layers[l], activation_of(network, l),
        network->training, network->linear[l], network->normal[l], network->moments[l],
        network->space};
}

/* z[R×O] = x[R×I] · Wᵀ, W[O×I] */
static mcl_gemm forward_product(const mcl_layer *layer, uint32_t rows)
{
    return (mcl_gemm){
        false, true, rows, layer->out, layer->in, layer->in, layer->in, layer->out, 1.0f, 0.0f};
}

/* dW[O×I] = dz[R×O]ᵀ · x[R×I] */
static mcl_gemm weight_product(const mcl_layer *layer, uint32_t rows)
{
    return (mcl_gemm){
        true, false, layer->out, layer->in, rows, layer->out, layer->in, layer->in, 1.0f, 0.0f};
}

/* dx[R×I] = dz[R×O] · W[O×I] + keep · dx */
static mcl_gemm input_product(const mcl_layer *layer, uint32_t rows, float keep)
{
    return (mcl_gemm){
        false, false, rows, layer->in, layer->out, layer->out, layer->in, layer->in, 1.0f, keep};
}

static mcl_status create_normalization(mcl_network *network, size_t l, uint64_t elements)
{
    const mcl_layer *layer = &network->layers[l];
    mcl_context *context = network->context;
    MCL_TRY(mcl_normalization_expect(context, layer, activation_of(network, l)));
    if (activation_of(network, l) == MCL_ACTIVATION_GELU)
        MCL_TRY(mcl_buffer_create(
            &network->normal[l], context, elements, sizeof(float), "activations"));
    return mcl_buffer_create(&network->moments[l], context,
        mcl_normalization_moments(layer, network->rows), sizeof(float), "moments of a layer");
}

/* What the backward pass of a layer needs. */
static mcl_status create_backward(mcl_network *network, size_t l, uint64_t elements)
{
    mcl_context *context = network->context;
    const mcl_layer *layer = &network->layers[l];
    mcl_gemm product = weight_product(layer, network->rows);
    mcl_epilogue epilogue;
    MCL_TRY(mcl_gemm_prepare(context, &product, NULL));
    product = input_product(layer, network->rows, 0.0f);
    if (l > 0)
        epilogue = backward_epilogue(network, l - 1);
    MCL_TRY(mcl_gemm_prepare(context, &product, l > 0 ? &epilogue : NULL));
    if (l + 1 == network->count && layer->activated) {
        epilogue = backward_epilogue(network, l);
        MCL_TRY(mcl_epilogue_prepare(context, &epilogue));
    }
    return mcl_buffer_create(
        &network->gradient[l], context, elements, sizeof(float), "gradients of the activations");
}

static mcl_status create_layer(mcl_network *network, size_t l)
{
    mcl_context *context = network->context;
    const mcl_layer *layer = &network->layers[l];
    const uint64_t elements = (uint64_t)network->rows * layer->out;
    const mcl_epilogue epilogue = forward_epilogue(network, l, NULL);
    const mcl_gemm product = forward_product(layer, network->rows);
    MCL_TRY(mcl_gemm_prepare(context, &product, &epilogue));
    MCL_TRY(
        mcl_buffer_create(&network->output[l], context, elements, sizeof(float), "activations"));
    if (activation_of(network, l) == MCL_ACTIVATION_GELU || is_normalized(network, l))
        MCL_TRY(mcl_buffer_create(
            &network->linear[l], context, elements, sizeof(float), "activations"));
    if (is_normalized(network, l))
        MCL_TRY(create_normalization(network, l, elements));
    return network->training ? create_backward(network, l, elements) : MCL_OK;
}

/* Elements of workspace that the passes over a layer need. */
static uint64_t space_of(const mcl_layer *layer, uint32_t rows)
{
    const uint64_t sums = mcl_column_sums_workspace(rows, layer->out);
    const uint64_t normalization = mcl_normalization_workspace(layer, rows);
    return sums > normalization ? sums : normalization;
}

mcl_status mcl_network_create(mcl_network **network, mcl_context *context, const mcl_layer *layers,
    size_t count, mcl_activation activation, uint32_t rows, bool training)
{
    mcl_network *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    created->activation = activation;
    created->training = training;
    created->rows = rows;
    created->count = count;
    memcpy(created->layers, layers, count * sizeof *layers);
    mcl_status status = MCL_OK;
    uint64_t space = 0;
    for (size_t l = 0; l < count && status == MCL_OK; l++) {
        status = create_layer(created, l);
        const uint64_t needed = space_of(&layers[l], rows);
        space = needed > space ? needed : space;
    }
    if (status == MCL_OK && training)
        status = mcl_buffer_create(
            &created->space, context, space, sizeof(float), "workspace of the layers");
    if (status != MCL_OK) {
        mcl_network_free(created);
        return status;
    }
    *network = created;
    return MCL_OK;
}

mcl_status mcl_network_create_part(mcl_network **network, mcl_context *context,
    const mcl_architecture *architecture, mcl_part part, uint32_t rows, bool training)
{
    mcl_layer layers[MCL_LAYERS_MAX];
    const size_t count = mcl_part_layers(layers, architecture, part);
    *network = NULL;
    return count == 0 ? MCL_OK
                      : mcl_network_create(network, context, layers, count,
                            architecture->activation, rows, training);
}

void mcl_network_free(mcl_network *network)
{
    if (!network)
        return;
    for (size_t l = 0; l < network->count; l++) {
        mcl_buffer_release(&network->output[l]);
        mcl_buffer_release(&network->linear[l]);
        mcl_buffer_release(&network->normal[l]);
        mcl_buffer_release(&network->moments[l]);
        mcl_buffer_release(&network->dropped[l]);
        mcl_buffer_release(&network->gradient[l]);
        mcl_buffer_release(&network->packed[l]);
    }
    mcl_buffer_release(&network->space);
    free(network);
}

mcl_status mcl_network_freeze(mcl_network *network, cl_mem parameters)
{
    for (size_t l = 0; l < network->count; l++) {
        mcl_gemm product = forward_product(&network->layers[l], network->rows);
        const mcl_matrix weights = {parameters, network->layers[l].weight};
        mcl_buffer_release(&network->packed[l]);
        MCL_TRY(mcl_gemm_pack(&network->packed[l], network->context, &product, weights));
    }
    return MCL_OK;
}

mcl_status mcl_network_enable_dropout(mcl_network *network, float rate, uint64_t seed)
{
    network->dropout = (mcl_dropout){network->context, rate, seed, 0};
    for (size_t l = 0; l + 1 < network->count; l++)
        MCL_TRY(mcl_buffer_create(&network->dropped[l], network->context,
            (uint64_t)network->rows * network->layers[l].out, sizeof(float), "activations"));
    return MCL_OK;
}

void mcl_network_set_step(mcl_network *network, uint64_t step)
{
    network->dropout.step = step;
}

/* What the layer after l gets. */
static cl_mem passed(const mcl_network *network, size_t l)
{
    return network->dropped[l] ? network->dropped[l] : network->output[l];
}

/* z = x·Wᵀ + b, a = f(z) */
static mcl_status forward_layer(
    mcl_network *network, size_t l, cl_mem parameters, cl_mem input, uint32_t rows)
{
    const mcl_layer *layer = &network->layers[l];
    const mcl_epilogue epilogue = forward_epilogue(network, l, parameters);
    mcl_gemm product = forward_product(layer, rows);
    mcl_matrix weights = {parameters, layer->weight};
    if (network->packed[l]) {
        product.transpose_b = false;
        product.ldb = layer->out;
        weights = (mcl_matrix){network->packed[l], 0};
    }
    const bool normalized = is_normalized(network, l);
    MCL_TRY(mcl_gemm_run_epilogue(network->context, &product, (mcl_matrix){input, 0}, weights,
        (mcl_matrix){normalized ? network->linear[l] : network->output[l], 0}, &epilogue));
    if (normalized) {
        const mcl_normalizer normalizer = normalizer_of(network, l);
        MCL_TRY(mcl_normalization_forward(&normalizer, parameters, rows, network->output[l]));
    }
    return network->dropped[l] ? mcl_dropout_run(&network->dropout, (uint32_t)l, rows, layer->out,
                                     network->output[l], network->dropped[l])
                               : MCL_OK;
}

/* The gradient by layer l's activation's argument, in gradient[l], becomes that by its z. */
static mcl_status backward_normalization(
    mcl_network *network, size_t l, cl_mem parameters, cl_mem gradients, uint32_t rows)
{
    if (!is_normalized(network, l))
        return MCL_OK;
    const mcl_normalizer normalizer = normalizer_of(network, l);
    return mcl_normalization_backward(
        &normalizer, parameters, gradients, rows, network->gradient[l]);
}

/* The gradient by the last layer's output becomes that by its z. */
static mcl_status backward_output(
    mcl_network *network, cl_mem parameters, cl_mem gradients, uint32_t rows)
{
    const size_t last = network->count - 1;
    if (network->layers[last].activated) {
        const mcl_epilogue epilogue = backward_epilogue(network, last);
        const uint32_t width = network->layers[last].out;
        MCL_TRY(mcl_epilogue_run(network->context, rows, width, width,
            (mcl_matrix){network->gradient[last], 0}, &epilogue));
    }
    return backward_normalization(network, last, parameters, gradients, rows);
}

/* From dz of layer l: db = Σ_R dz, dW = dzᵀ·x */
static mcl_status backward_parameters(
    mcl_network *network, size_t l, cl_mem gradients, cl_mem input, uint32_t rows)
{
    const mcl_layer *layer = &network->layers[l];
    const mcl_gemm product = weight_product(layer, rows);
    MCL_TRY(mcl_column_sums(network->context, network->gradient[l], rows, layer->out,
        network->space, gradients, layer->bias));
    return mcl_gemm_run(network->context, &product, (mcl_matrix){network->gradient[l], 0},
        (mcl_matrix){input, 0}, (mcl_matrix){gradients, layer->weight});
}

/* From dz of layer l: dx = dz·W + keep·dx, and from there dz of the layer before, if there is one
 */
static mcl_status backward_input(mcl_network *network, size_t l, cl_mem parameters, uint32_t rows,
    cl_mem input_gradient, float keep)
{
    const mcl_layer *layer = &network->layers[l];
    const mcl_gemm product = input_product(layer, rows, keep);
    const mcl_epilogue epilogue =
        l > 0 ? backward_epilogue(network, l - 1) : (mcl_epilogue){.kind = MCL_EPILOGUE_NONE};
    return mcl_gemm_run_epilogue(network->context, &product, (mcl_matrix){network->gradient[l], 0},
        (mcl_matrix){parameters, layer->weight}, (mcl_matrix){input_gradient, 0}, &epilogue);
}

mcl_status mcl_network_forward(mcl_network *network, cl_mem parameters, cl_mem input, uint32_t rows)
{
    for (size_t l = 0; l < network->count; l++) {
        MCL_TRY(forward_layer(network, l, parameters, input, rows));
        input = passed(network, l);
    }
    return MCL_OK;
}

mcl_status mcl_network_backward(mcl_network *network, cl_mem parameters, cl_mem gradients,
    cl_mem input, uint32_t rows, cl_mem input_gradient, float keep)
{
    MCL_TRY(backward_output(network, parameters, gradients, rows));
    for (size_t l = network->count; l-- > 1;) {
        MCL_TRY(backward_parameters(network, l, gradients, passed(network, l - 1), rows));
        MCL_TRY(backward_input(network, l, parameters, rows, network->gradient[l - 1], 0.0f));
        if (network->dropped[l - 1])
            MCL_TRY(mcl_dropout_run(&network->dropout, (uint32_t)l - 1, rows,
                network->layers[l - 1].out, network->gradient[l - 1], network->gradient[l - 1]));
        MCL_TRY(backward_normalization(network, l - 1, parameters, gradients, rows));
    }
    MCL_TRY(backward_parameters(network, 0, gradients, input, rows));
    return input_gradient ? backward_input(network, 0, parameters, rows, input_gradient, keep)
                          : MCL_OK;
}

cl_mem mcl_network_output(const mcl_network *network)
{
    return network->output[network->count - 1];
}

cl_mem mcl_network_output_gradient(const mcl_network *network)
{
    return network->gradient[network->count - 1];
}
