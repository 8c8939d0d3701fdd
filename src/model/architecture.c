#include "model/architecture.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/names.h"

static const char *const activation_names[] = {
    [MCL_ACTIVATION_NONE] = "none",
    [MCL_ACTIVATION_RELU] = "relu",
    [MCL_ACTIVATION_GELU] = "gelu",
    [MCL_ACTIVATION_TANH] = "tanh",
};

#define ACTIVATIONS (sizeof activation_names / sizeof *activation_names)

mcl_status mcl_activation_parse(mcl_activation *activation, const char *text)
{
    size_t index;
    MCL_TRY(mcl_name_parse(&index, text, activation_names, ACTIVATIONS, "activation"));
    *activation = (mcl_activation)index;
    return MCL_OK;
}

const char *mcl_activation_name(mcl_activation activation)
{
    return activation_names[activation];
}

/* The width before the encoder's layer l; that of l = hidden_count + 1 is the embedding. */
static uint64_t width(const mcl_architecture *architecture, uint32_t l)
{
    if (l == 0)
        return architecture->input;
    return l <= architecture->hidden_count ? architecture->hidden[l - 1] : architecture->embedding;
}

/* Adds the parameters of a layer and of its mirror image: in·out weights each, out and in biases.
 */
static bool add_layer(uint64_t *parameters, uint64_t in, uint64_t out)
{
    uint64_t weights;
    return mcl_multiply(&weights, in, out) && weights <= MCL_PARAMETERS_MAX &&
           (*parameters += 2 * weights + in + out) <= MCL_PARAMETERS_MAX;
}

mcl_status mcl_architecture_check(const mcl_architecture *architecture)
{
    if (architecture->input == 0 || architecture->input > UINT32_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "the input has %" PRIu64 " columns: it must be from 1 to %" PRIu32, architecture->input,
            UINT32_MAX);
    if (architecture->hidden_count > MCL_HIDDEN_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%" PRIu32 " hidden layers are too many: at most %d",
            architecture->hidden_count, MCL_HIDDEN_MAX);
    for (uint32_t i = 0; i < architecture->hidden_count; i++) {
        if (architecture->hidden[i] == 0)
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "hidden layer %" PRIu32 " has no columns: it must have at least 1", i + 1);
    }
    if (architecture->embedding == 0)
        return mcl_fail(
            MCL_ERROR_ARGUMENT, "the embedding has no columns: it must have at least 1");
    if ((size_t)architecture->activation >= ACTIVATIONS)
        return mcl_fail(
            MCL_ERROR_ARGUMENT, "%d is no activation's number", (int)architecture->activation);
    uint64_t parameters = 0;
    for (uint32_t l = 0; l <= architecture->hidden_count; l++) {
        if (!add_layer(&parameters, width(architecture, l), width(architecture, l + 1)))
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "the model is too large: with the layer of %" PRIu64 "×%" PRIu64
                " weights it has more than %" PRIu32 " parameters",
                width(architecture, l + 1), width(architecture, l), MCL_PARAMETERS_MAX);
    }
    return MCL_OK;
}

/* Fills in the layer after those that end at `offset`; returns where it ends. */
static uint64_t place_layer(
    mcl_layer *layer, uint64_t offset, uint64_t in, uint64_t out, bool activated)
{
    const uint64_t bias = offset + in * out;
    *layer = (mcl_layer){(uint32_t)in, (uint32_t)out, offset, bias, activated};
    return bias + out;
}

size_t mcl_encoder_layers(mcl_layer layers[MCL_LAYERS_MAX], const mcl_architecture *architecture)
{
    const uint32_t last = architecture->hidden_count;
    uint64_t offset = 0;
    for (uint32_t l = 0; l <= last; l++)
        offset = place_layer(
            &layers[l], offset, width(architecture, l), width(architecture, l + 1), l < last);
    return last + 1;
}

size_t mcl_decoder_layers(mcl_layer layers[MCL_LAYERS_MAX], const mcl_architecture *architecture)
{
    const uint32_t last = architecture->hidden_count;
    uint64_t offset = mcl_encoder_parameters(architecture);
    for (uint32_t l = 0; l <= last; l++)
        offset = place_layer(&layers[l], offset, width(architecture, last + 1 - l),
            width(architecture, last - l), l < last);
    return last + 1;
}

static uint64_t layers_end(const mcl_layer *layers, size_t count)
{
    return layers[count - 1].bias + layers[count - 1].out;
}

uint64_t mcl_encoder_parameters(const mcl_architecture *architecture)
{
    mcl_layer layers[MCL_LAYERS_MAX];
    const size_t count = mcl_encoder_layers(layers, architecture);
    return layers_end(layers, count);
}

uint64_t mcl_architecture_parameters(const mcl_architecture *architecture)
{
    mcl_layer layers[MCL_LAYERS_MAX];
    const size_t count = mcl_decoder_layers(layers, architecture);
    return layers_end(layers, count);
}

/* Fills in a weight and a bias for each layer. A Sequential numbers activations too: layer l is its
 * module 2l. */
static void place_tensors(
    mcl_tensor_place *tensors, const char *network, const mcl_layer *layers, size_t count)
{
    for (size_t l = 0; l < count; l++) {
        const mcl_layer *layer = &layers[l];
        mcl_tensor_place *weight = &tensors[2 * l], *bias = weight + 1;
        *weight = (mcl_tensor_place){
            .shape = {layer->out, layer->in},
            .dimensions = 2,
            .fan_in = layer->in,
            .offset = layer->weight,
            .count = layer->bias - layer->weight,
        };
        *bias = (mcl_tensor_place){
            .shape = {layer->out},
            .dimensions = 1,
            .fan_in = layer->in,
            .offset = layer->bias,
            .count = layer->out,
        };
        snprintf(weight->name, sizeof weight->name, "%s.%zu.weight", network, 2 * l);
        snprintf(bias->name, sizeof bias->name, "%s.%zu.bias", network, 2 * l);
    }
}

size_t mcl_architecture_tensors(
    mcl_tensor_place tensors[MCL_TENSORS_MAX], const mcl_architecture *architecture)
{
    mcl_layer layers[MCL_LAYERS_MAX];
    const size_t encoder = mcl_encoder_layers(layers, architecture);
    place_tensors(tensors, "encoder", layers, encoder);
    const size_t decoder = mcl_decoder_layers(layers, architecture);
    place_tensors(tensors + 2 * encoder, "decoder", layers, decoder);
    return 2 * (encoder + decoder);
}
