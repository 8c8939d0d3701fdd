#include "nn/network.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "gemm/gemm.h"
#include "nn/reduce.h"

/* Shapes: R rows of a batch, I and O a layer's in and out. */
struct mcl_network {
    mcl_context *context;
    mcl_activation activation;
    uint32_t rows; /* at most */
    size_t count;
    mcl_layer layers[MCL_LAYERS_MAX];
    cl_mem output[MCL_LAYERS_MAX];   /* [R×O] a = f(z) */
    cl_mem linear[MCL_LAYERS_MAX];   /* [R×O] z, where the backward pass needs it; else NULL */
    cl_mem gradient[MCL_LAYERS_MAX]; /* [R×O] by a, then by z; training only */
    cl_mem space;                    /* of column sums; training only */
};

static mcl_activation activation_of(const mcl_network *network, size_t l)
{
    return network->layers[l].activated ? network->activation : MCL_ACTIVATION_NONE;
}

/* What the activation's backward pass reads: z for GELU, a for the others. */
static cl_mem kept(const mcl_network *network, size_t l)
{
    return network->linear[l] ? network->linear[l] : network->output[l];
}

static mcl_status layer_kernel(
    cl_kernel *kernel, mcl_network *network, const char *name, mcl_activation activation)
{
    static const char *const options[] = {
        [MCL_ACTIVATION_NONE] = "-D ACTIVATION=0",
        [MCL_ACTIVATION_RELU] = "-D ACTIVATION=1",
        [MCL_ACTIVATION_GELU] = "-D ACTIVATION=2",
        [MCL_ACTIVATION_TANH] = "-D ACTIVATION=3",
    };
    return mcl_kernel_get(kernel, network->context, "layer.cl", name, options[activation]);
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

static mcl_status create_layer(mcl_network *network, size_t l, bool training)
{
    mcl_context *context = network->context;
    const mcl_layer *layer = &network->layers[l];
    const mcl_activation activation = activation_of(network, l);
    const uint64_t elements = (uint64_t)network->rows * layer->out;
    cl_kernel kernel;
    mcl_gemm product = forward_product(layer, network->rows);
    MCL_TRY(mcl_gemm_prepare(context, &product));
    MCL_TRY(layer_kernel(&kernel, network, "forward", activation));
    MCL_TRY(
        mcl_buffer_create(&network->output[l], context, elements, sizeof(float), "activations"));
    if (!training)
        return MCL_OK;
    product = weight_product(layer, network->rows);
    MCL_TRY(mcl_gemm_prepare(context, &product));
    product = input_product(layer, network->rows, 0.0f);
    MCL_TRY(mcl_gemm_prepare(context, &product));
    MCL_TRY(layer_kernel(&kernel, network, "backward", activation));
    if (activation == MCL_ACTIVATION_GELU)
        MCL_TRY(mcl_buffer_create(
            &network->linear[l], context, elements, sizeof(float), "activations"));
    return mcl_buffer_create(
        &network->gradient[l], context, elements, sizeof(float), "gradients of the activations");
}

mcl_status mcl_network_create(mcl_network **network, mcl_context *context, const mcl_layer *layers,
    size_t count, mcl_activation activation, uint32_t rows, bool training)
{
    mcl_network *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    created->activation = activation;
    created->rows = rows;
    created->count = count;
    memcpy(created->layers, layers, count * sizeof *layers);
    mcl_status status = MCL_OK;
    uint64_t space = 0;
    for (size_t l = 0; l < count && status == MCL_OK; l++) {
        status = create_layer(created, l, training);
        const uint64_t needed = mcl_column_sums_space(rows, layers[l].out);
        space = needed > space ? needed : space;
    }
    if (status == MCL_OK && training)
        status = mcl_buffer_create(
            &created->space, context, space, sizeof(float), "work space of the column sums");
    if (status != MCL_OK) {
        mcl_network_free(created);
        return status;
    }
    *network = created;
    return MCL_OK;
}

void mcl_network_free(mcl_network *network)
{
    if (!network)
        return;
    for (size_t l = 0; l < network->count; l++) {
        mcl_buffer_release(&network->output[l]);
        mcl_buffer_release(&network->linear[l]);
        mcl_buffer_release(&network->gradient[l]);
    }
    mcl_buffer_release(&network->space);
    free(network);
}

/* z = x·Wᵀ + b, a = f(z) */
static mcl_status forward_layer(
    mcl_network *network, size_t l, cl_mem parameters, cl_mem input, uint32_t rows)
{
    const mcl_layer *layer = &network->layers[l];
    const mcl_gemm product = forward_product(layer, rows);
    cl_kernel kernel;
    MCL_TRY(mcl_gemm_run(network->context, &product, (mcl_matrix){input, 0},
        (mcl_matrix){parameters, layer->weight}, (mcl_matrix){kept(network, l), 0}));
    MCL_TRY(layer_kernel(&kernel, network, "forward", activation_of(network, l)));
    return mcl_launch(network->context, kernel, layer->out, rows, MCL_BUFFER(kept(network, l)),
        MCL_BUFFER(parameters), MCL_ULONG(layer->bias), MCL_BUFFER(network->output[l]),
        MCL_UINT(layer->out));
}

/* dz = da·f'(z), db = Σ_R dz, dW = dzᵀ·x, dx = dz·W + keep·dx (where dx is wanted) */
static mcl_status backward_layer(mcl_network *network, size_t l, cl_mem parameters,
    cl_mem gradients, cl_mem input, uint32_t rows, cl_mem input_gradient, float keep)
{
    const mcl_layer *layer = &network->layers[l];
    const mcl_matrix dz = {network->gradient[l], 0};
    if (activation_of(network, l) != MCL_ACTIVATION_NONE) {
        cl_kernel kernel;
        MCL_TRY(layer_kernel(&kernel, network, "backward", activation_of(network, l)));
        MCL_TRY(mcl_launch(network->context, kernel, (size_t)rows * layer->out, 1,
            MCL_BUFFER(dz.buffer), MCL_BUFFER(kept(network, l))));
    }
    MCL_TRY(mcl_column_sums(
        network->context, dz.buffer, rows, layer->out, network->space, gradients, layer->bias));
    const mcl_gemm weights = weight_product(layer, rows);
    MCL_TRY(mcl_gemm_run(network->context, &weights, dz, (mcl_matrix){input, 0},
        (mcl_matrix){gradients, layer->weight}));
    if (!input_gradient)
        return MCL_OK;
    const mcl_gemm inputs = input_product(layer, rows, keep);
    return mcl_gemm_run(network->context, &inputs, dz, (mcl_matrix){parameters, layer->weight},
        (mcl_matrix){input_gradient, 0});
}

mcl_status mcl_network_forward(mcl_network *network, cl_mem parameters, cl_mem input, uint32_t rows)
{
    for (size_t l = 0; l < network->count; l++) {
        MCL_TRY(forward_layer(network, l, parameters, input, rows));
        input = network->output[l];
    }
    return MCL_OK;
}

mcl_status mcl_network_backward(mcl_network *network, cl_mem parameters, cl_mem gradients,
    cl_mem input, uint32_t rows, cl_mem input_gradient, float keep)
{
    for (size_t l = network->count; l-- > 1;)
        MCL_TRY(backward_layer(network, l, parameters, gradients, network->output[l - 1], rows,
            network->gradient[l - 1], 0.0f));
    return backward_layer(network, 0, parameters, gradients, input, rows, input_gradient, keep);
}

cl_mem mcl_network_output(const mcl_network *network)
{
    return network->output[network->count - 1];
}

cl_mem mcl_network_output_gradient(const mcl_network *network)
{
    return network->gradient[network->count - 1];
}
