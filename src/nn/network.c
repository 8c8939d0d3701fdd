/* SPDX-License-Identifier: Apache-2.0 */
/* Walks a list of layers. When the list is made, join() finds the activations that the layers next
 * to them can compute in passing; their own passes are then left out:
 *
 *   forward    dense ─ normalization ─ activation ─ dropout ─ dense
 *                                    └─ by the normalization, as it writes its result
 *   backward   dense ─ normalization ─ activation ─ dropout ─ dense
 *                                                           └─ the derivative by the dense layer,
 *                                                              as it writes its dx
 *
 * A product that ends so costs nothing more; a pass of its own reads and writes the whole batch. */
#include "nn/network.h"

#include <stdlib.h>

#include "base/memory.h"
#include "nn/outputs.h"

/* A layer in the list. Shapes as in layer.h. */
struct stage {
    mcl_layer layer;
    void *state;
    const struct stage *activation; /* after it, which its forward computes; or NULL */
    const struct stage *derivative; /* of the activation before it that its backward multiplies in;
                                       or NULL */
    bool forward_joined;            /* its forward, and its backward, are computed by … */
    bool backward_joined;           /* … another stage */
    cl_mem y;        /* [R×O]; an activation's is that of the stage before, and without
                        training any stage's may be an earlier one's */
    cl_mem argument; /* [R×O] of the activation, where its derivative needs it */
    cl_mem dy;       /* [R×O] training only; where the next stage's backward works in
                        place, the same as that one's */
    float keep;      /* of the pass backward: whether dx has a part of the gradient already */
};

struct mcl_network {
    mcl_context *context;
    mcl_network_use use;
    uint32_t rows; /* at most */
    uint64_t step;
    cl_mem workspace; /* of all stages; not in inference */
    size_t count;
    struct stage *stages;
};

static bool trains(const mcl_network *network)
{
    return network->use == MCL_NETWORK_TRAINING || network->use == MCL_NETWORK_TRAINING_FIRST;
}

static mcl_activation activation_of(const struct stage *stage)
{
    return stage ? stage->layer.options.activation : MCL_ACTIVATION_NONE;
}

/* The stage that can take the derivative of the activation at a: the next one that is more than a
 * factor for each element, which may as well come after the derivative. NULL: none can. */
static struct stage *taker_of(const mcl_network *network, size_t a)
{
    size_t i = a + 1;
    while (i < network->count && network->stages[i].layer.type->scales)
        i++;
    return i < network->count && network->stages[i].layer.type->takes_derivative
               ? &network->stages[i]
               : NULL;
}

static mcl_status join(mcl_network *network)
{
    for (size_t i = 0; i < network->count; i++) {
        struct stage *stage = &network->stages[i];
        if (!stage->layer.type->is_activation)
            continue;
        if (i == 0 || !stage[-1].layer.type->takes_activation)
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "layer %zu of a network is an %s, which the layer before it cannot compute", i + 1,
                stage->layer.type->name);
        stage[-1].activation = stage;
        stage->forward_joined = true;
        struct stage *taker = taker_of(network, i);
        if (taker)
            taker->derivative = stage;
        stage->backward_joined = taker != NULL;
    }
    if (trains(network) && network->stages[0].layer.type->in_place)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a network that begins with a %s layer cannot be trained: its gradient by the input "
            "would have no place of its own",
            network->stages[0].layer.type->name);
    return MCL_OK;
}

/* A residual block's first layer adds its gradient to what the block's end has put there. */
static mcl_status check_blocks(const mcl_network *network)
{
    for (size_t i = 0; i < network->count; i++) {
        const struct stage *stage = &network->stages[i];
        const uint32_t back = stage->layer.options.back;
        if (!stage->layer.type->adds)
            continue;
        if (back < 2 || back > i + 1)
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "layer %zu of a network adds the output of %u layers before, which is none", i + 1,
                (unsigned)back);
        const size_t first = mcl_earlier_of(&stage->layer, i);
        const mcl_layer *layer = &network->stages[first].layer;
        if (layer->in != stage->layer.out)
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "a residual block ends with %u values and begins with %u: they must be as many",
                (unsigned)stage->layer.out, (unsigned)layer->in);
        if (!layer->type->keeps)
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "a residual block cannot begin with a %s layer: its gradient by the input could "
                "not be added to that of the block",
                layer->type->name);
    }
    return MCL_OK;
}

/* *copy = the same buffer, to be released like another. */
static void share(cl_mem *copy, cl_mem buffer)
{
    if (buffer)
        clRetainMemObject(buffer);
    *copy = buffer;
}

/* The buffer of a stage's output, and what its activation was applied to. */
static mcl_status create_output(mcl_network *network, struct stage *stage)
{
    const uint64_t elements = (uint64_t)network->rows * stage->layer.out;
    MCL_TRY(mcl_buffer_create(&stage->y, network->context, elements, sizeof(float), "activations"));
    return mcl_activation_needs_argument(activation_of(stage->activation))
               ? mcl_buffer_create(
                     &stage->argument, network->context, elements, sizeof(float), "activations")
               : MCL_OK;
}

static mcl_status create_outputs(mcl_network *network)
{
    for (struct stage *stage = network->stages; stage < network->stages + network->count; stage++) {
        if (stage->forward_joined) {
            share(&stage->y, stage[-1].y);
            share(&stage->argument, stage[-1].argument);
        } else {
            MCL_TRY(create_output(network, stage));
        }
    }
    return MCL_OK;
}

/* Whether a layer's activation needs a place for its argument. */
static bool has_argument(const mcl_layer *layer)
{
    return layer->type->is_activation && mcl_activation_needs_argument(layer->options.activation);
}

/* The most values that an argument of an activation has; of what is not for training nobody reads
 * them, so that all arguments have one place. */
static uint32_t largest_argument(const mcl_layer *layers, size_t count)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = has_argument(&layers[i]) && layers[i].out > largest ? layers[i].out : largest;
    return largest;
}

/* The outputs of a network that is not for training, which write over those that nobody reads any
 * longer. */
static mcl_status create_shared(mcl_network *network, const mcl_layer *layers, const size_t *owner)
{
    const uint64_t values = largest_argument(layers, network->count);
    cl_mem argument = NULL;
    mcl_status status = values ? mcl_buffer_create(&argument, network->context,
                                     network->rows * values, sizeof(float), "activations")
                               : MCL_OK;
    for (size_t i = 0; i < network->count && status == MCL_OK; i++) {
        struct stage *stage = &network->stages[i];
        if (has_argument(&layers[i]))
            share(&stage[-1].argument, argument);
        if (owner[i] == i)
            status = mcl_buffer_create(&stage->y, network->context,
                (uint64_t)network->rows * layers[i].out, sizeof(float), "activations");
        else
            share(&stage->y, network->stages[owner[i]].y);
    }
    mcl_buffer_release(&argument);
    return status;
}

static mcl_status create_reused(mcl_network *network, const mcl_layer *layers)
{
    size_t *owner;
    MCL_TRY(mcl_allocate(&owner, 2 * network->count, sizeof *owner));
    mcl_outputs_share(owner, owner + network->count, layers, network->count);
    const mcl_status status = create_shared(network, layers, owner);
    free(owner);
    return status;
}

static mcl_status create_workspace(mcl_network *network)
{
    uint64_t workspace = 0;
    for (size_t i = 0; i < network->count; i++) {
        const mcl_layer *layer = &network->stages[i].layer;
        const uint64_t needed =
            layer->type->workspace ? layer->type->workspace(layer, network->rows) : 0;
        workspace = needed > workspace ? needed : workspace;
    }
    return mcl_buffer_create(
        &network->workspace, network->context, workspace, sizeof(float), "workspace of the layers");
}

static mcl_status create_gradients(mcl_network *network)
{
    for (size_t i = network->count; i-- > 0;) {
        struct stage *stage = &network->stages[i];
        if (i + 1 < network->count && stage[1].layer.type->in_place)
            share(&stage->dy, stage[1].dy);
        else
            MCL_TRY(mcl_buffer_create(&stage->dy, network->context,
                (uint64_t)network->rows * stage->layer.out, sizeof(float),
                "gradients of the activations"));
    }
    return MCL_OK;
}

static mcl_status create_states(mcl_network *network)
{
    for (size_t i = 0; i < network->count; i++) {
        struct stage *stage = &network->stages[i];
        const mcl_layer_setup setup = {
            .context = network->context,
            .layer = &stage->layer,
            .rows = network->rows,
            .by_batch = network->use != MCL_NETWORK_INFERENCE,
            .backward = trains(network),
            .by_input = i > 0 || network->use == MCL_NETWORK_TRAINING,
            .after = activation_of(stage->activation),
            .before = activation_of(stage->derivative),
        };
        MCL_TRY(stage->layer.type->create(&stage->state, &setup));
    }
    return MCL_OK;
}

static mcl_status create(mcl_network *network, const mcl_layer *layers, size_t count)
{
    MCL_TRY(mcl_allocate(&network->stages, count, sizeof *network->stages));
    network->count = count;
    for (size_t i = 0; i < count; i++)
        network->stages[i].layer = layers[i];
    MCL_TRY(join(network));
    MCL_TRY(check_blocks(network));
    MCL_TRY(trains(network) ? create_outputs(network) : create_reused(network, layers));
    if (network->use != MCL_NETWORK_INFERENCE)
        MCL_TRY(create_workspace(network));
    if (trains(network))
        MCL_TRY(create_gradients(network));
    return create_states(network);
}

mcl_status mcl_network_create(mcl_network **network, mcl_context *context, const mcl_layer *layers,
    size_t count, uint32_t rows, mcl_network_use use)
{
    mcl_network *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    created->use = use;
    created->rows = rows;
    const mcl_status status = create(created, layers, count);
    if (status == MCL_OK)
        *network = created;
    else
        mcl_network_free(created);
    return status;
}

void mcl_network_free(mcl_network *network)
{
    if (!network)
        return;
    for (size_t i = 0; i < network->count; i++) {
        struct stage *stage = &network->stages[i];
        stage->layer.type->free(stage->state);
        mcl_buffer_release(&stage->y);
        mcl_buffer_release(&stage->argument);
        mcl_buffer_release(&stage->dy);
    }
    mcl_buffer_release(&network->workspace);
    free(network->stages);
    free(network);
}

uint64_t mcl_network_row_size(const mcl_layer *layers, size_t count)
{
    uint64_t values = largest_argument(layers, count);
    size_t *owner;
    const bool shares = mcl_allocate(&owner, 2 * count, sizeof *owner) == MCL_OK;
    if (shares)
        mcl_outputs_share(owner, owner + count, layers, count);
    for (size_t i = 0; i < count; i++)
        values += !shares || owner[i] == i ? layers[i].out : 0;
    if (shares)
        free(owner);
    return values * sizeof(float);
}

void mcl_network_set_step(mcl_network *network, uint64_t step)
{
    network->step = step;
}

mcl_status mcl_network_freeze(mcl_network *network, cl_mem parameters)
{
    for (size_t i = 0; i < network->count; i++) {
        const struct stage *stage = &network->stages[i];
        if (stage->layer.type->freeze)
            MCL_TRY(stage->layer.type->freeze(stage->state, parameters));
    }
    return MCL_OK;
}

/* The output of stage i − 1, or for 0 the input x; and the gradient by it. */
static cl_mem output_before(const mcl_network *network, size_t i, cl_mem x)
{
    return i > 0 ? network->stages[i - 1].y : x;
}

static cl_mem gradient_before(const mcl_network *network, size_t i, cl_mem dx)
{
    return i > 0 ? network->stages[i - 1].dy : dx;
}

/* What forward and backward of a stage have in common; x is that of the first stage. */
static mcl_pass pass_of(
    const mcl_network *network, size_t i, cl_mem parameters, cl_mem x, uint32_t rows)
{
    const struct stage *stage = &network->stages[i];
    return (mcl_pass){
        .rows = rows,
        .step = network->step,
        .parameters = parameters,
        .x = output_before(network, i, x),
        .y = stage->y,
        .argument = stage->argument,
        .workspace = network->workspace,
        .earlier = stage->layer.type->adds
                       ? output_before(network, mcl_earlier_of(&stage->layer, i), x)
                       : NULL,
    };
}

mcl_status mcl_network_forward(mcl_network *network, cl_mem parameters, cl_mem input, uint32_t rows)
{
    for (size_t i = 0; i < network->count; i++) {
        const struct stage *stage = &network->stages[i];
        const mcl_pass pass = pass_of(network, i, parameters, input, rows);
        if (!stage->forward_joined)
            MCL_TRY(stage->layer.type->forward(stage->state, &pass));
    }
    return MCL_OK;
}

/* What the derivative of an activation is taken of. */
static cl_mem kept(const struct stage *activation)
{
    return activation->argument ? activation->argument : activation->y;
}

/* The gradients that residual blocks' ends write, by which the first layers of these blocks add
 * theirs to what is there. */
static void set_earlier(mcl_pass *pass, const mcl_network *network, size_t i, cl_mem input_gradient)
{
    struct stage *stages = network->stages;
    const size_t first = mcl_earlier_of(&stages[i].layer, i);
    pass->by_earlier = gradient_before(network, first, input_gradient);
    pass->keep_earlier = stages[first].keep;
    stages[first].keep = 1.0f;
}

mcl_status mcl_network_backward(mcl_network *network, cl_mem parameters, cl_mem gradients,
    cl_mem input, uint32_t rows, cl_mem input_gradient, float keep)
{
    for (size_t i = 0; i < network->count; i++)
        network->stages[i].keep = i > 0 ? 0.0f : keep;
    for (size_t i = network->count; i-- > 0;) {
        const struct stage *stage = &network->stages[i];
        mcl_pass pass = pass_of(network, i, parameters, input, rows);
        pass.gradients = gradients;
        pass.dy = stage->dy;
        pass.dx = gradient_before(network, i, input_gradient);
        pass.keep = stage->keep;
        if (stage->layer.type->adds)
            set_earlier(&pass, network, i, input_gradient);
        pass.kept = stage->derivative ? kept(stage->derivative) : NULL;
        if (!stage->backward_joined)
            MCL_TRY(stage->layer.type->backward(stage->state, &pass));
    }
    return MCL_OK;
}

cl_mem mcl_network_output(const mcl_network *network)
{
    return network->stages[network->count - 1].y;
}

cl_mem mcl_network_output_gradient(const mcl_network *network)
{
    return network->stages[network->count - 1].dy;
}
