/* SPDX-License-Identifier: Apache-2.0 */
/* What a layer is: a type with its functions, and a layer of that type with its sizes and the place
 * of its parameters. Shapes: R rows of a batch, I values of a row going in, O coming out.
 *
 * A type of layers is one file, src/nn/TYPE.c, which has its parameters, what it keeps on the
 * device, forward and backward; a line in layers.h makes its layers known. The network
 * (network.c) walks a list of layers and knows no type. */
#ifndef MASKCL_NN_LAYER_H
#define MASKCL_NN_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compute/convolution.h"
#include "device/context.h"
#include "maskcl/model.h"

#define MCL_LAYER_TENSORS_MAX 4 /* of a layer */

typedef struct mcl_layer_type mcl_layer_type;

/* A map that a row is: height × width positions of so many channels each, in this order. */
typedef struct mcl_map {
    uint32_t height, width, channels;
} mcl_map;

/* How a map is pooled: by windows of so many positions, or in a grid of so many parts whose sizes
 * differ by as little as can be, as torch.nn.AdaptiveAvgPool2d has it. */
typedef enum mcl_pool_kind { MCL_POOL_MAX, MCL_POOL_AVERAGE, MCL_POOL_GRID } mcl_pool_kind;

typedef struct mcl_layer {
    const mcl_layer_type *type;
    uint32_t in, out;    /* I and O */
    mcl_map from, to;    /* of a type that works on maps: what I and O values are; else zeros, but
                            that `to` may say it of other layers between such */
    uint32_t block;      /* of its network, from 0: what has weights, and what follows it */
    uint32_t module;     /* its place, from 0, in the torch.nn.Sequential that is the same … */
    uint32_t body;       /* … and, from 1, in the body of a residual block there; 0: in none */
    uint64_t parameters; /* where its tensors begin in the flat vector, one after another */
    uint64_t statistics; /* the same of those that are running statistics */
    union {              /* what its type must be told besides */
        mcl_activation activation;
        mcl_normalization normalization;
        mcl_convolution_shape convolution;
        struct mcl_pool {
            mcl_pool_kind kind;
            uint32_t kernel[2], stride[2]; /* down and across; of a grid 0 */
        } pool;
        uint32_t groups; /* of a group normalization */
        uint32_t back;   /* what is added is the output of so many layers before */
        struct mcl_dropout {
            float rate; /* in (0,1) */
            uint64_t seed;
        } dropout;
    } options;
} mcl_layer;

/* A parameter tensor of a layer. */
typedef struct mcl_layer_tensor {
    const char *name; /* as the module of torch has it: "weight" */
    uint64_t shape[MCL_SHAPE_MAX];
    uint32_t dimensions;
    uint32_t fan_in; /* the values are drawn from ±1/√fan_in; 0: all begin with `initial` */
    float initial;
    bool running; /* statistics of the data that forward keeps: no optimizer changes them */
} mcl_layer_tensor;

/* What a layer is made for. */
typedef struct mcl_layer_setup {
    mcl_context *context;
    const mcl_layer *layer;
    uint32_t rows;         /* R at most */
    bool by_batch;         /* statistics are the batch's, and move those that are kept */
    bool backward;         /* it follows forward … */
    bool by_input;         /* … and may be asked for dx */
    mcl_activation after;  /* f, which forward applies to its result: of a takes_activation; else
                              MCL_ACTIVATION_NONE */
    mcl_activation before; /* g, by whose derivative backward multiplies its dx: of a
                              takes_derivative; else MCL_ACTIVATION_NONE */
} mcl_layer_setup;

/* What a pass over a layer works on. The buffers are the network's. */
typedef struct mcl_pass {
    uint32_t rows;     /* R of this batch */
    uint64_t step;     /* of the run, for layers that draw random numbers */
    cl_mem parameters; /* the flat vector */
    cl_mem gradients;  /* the same of the gradients; backward writes those of the layer */
    cl_mem x;          /* [R×I] */
    cl_mem y;          /* [R×O]; with an activation after the layer f(…) */
    cl_mem argument;   /* [R×O] what f was applied to, where its derivative is taken of that:
                          forward writes it; else NULL */
    cl_mem dy;         /* [R×O] the gradient by y; with an activation after, by its argument */
    cl_mem dx;         /* [R×I] the gradient by x, which backward writes: dy itself, of an
                          in_place; else another one, or NULL where nobody wants it */
    float keep;        /* 0 or 1: dx becomes the gradient plus so many times what it holds */
    cl_mem kept;       /* [R×I] what the derivative of g is taken of; NULL without g */
    cl_mem workspace;  /* at least what the type's workspace() says */

    /* Of a type that adds: */
    cl_mem earlier;    /* [R×O] the output of the earlier layer */
    cl_mem by_earlier; /* [R×O] the gradient by it, which backward writes; NULL: nobody wants it */
    float keep_earlier; /* 0 or 1: it becomes dy plus so many times what it holds */
} mcl_pass;

/* The functions of a type. Those that may be NULL are marked so. */
struct mcl_layer_type {
    const char *name; /* for messages */

    /* Fills in the tensors of a layer in their order in the flat vector and returns how many; may
     * be NULL: there are none. */
    size_t (*tensors)(mcl_layer_tensor tensors[MCL_LAYER_TENSORS_MAX], const mcl_layer *layer);

    /* Elements of workspace that the passes need other than in inference for R rows; may be NULL.
     */
    uint64_t (*workspace)(const mcl_layer *layer, uint32_t rows);

    /* *state = plans, kernels and buffers of a layer: all that its passes would have to look up.
     * free() takes it, also after create() has failed, and NULL. */
    mcl_status (*create)(void **state, const mcl_layer_setup *setup);
    void (*free)(void *state);

    /* Enqueue the passes. forward may be NULL where another layer always computes it. */
    mcl_status (*forward)(void *state, const mcl_pass *pass);
    mcl_status (*backward)(void *state, const mcl_pass *pass);

    /* Prepares for parameters that stay as they are from now on; may be NULL. */
    mcl_status (*freeze)(void *state, cl_mem parameters);

    /* What the network may join. An activation that follows a layer of a type that takes_activation
     * is computed by that layer's forward, in its own pass over the result. The derivative of an
     * activation is multiplied in by the backward of the next layer of a type that
     * takes_derivative, if between the two there are only layers that scale. */
    bool is_activation;    /* y = f(x), with f the option `activation` */
    bool takes_activation; /* forward can end with an activation */
    bool takes_derivative; /* backward can end with the derivative of an activation */
    bool scales;           /* dx is dy, each element times a factor */
    bool in_place;         /* backward turns dy into dx where it is */
    bool keeps;            /* backward adds to dx where `keep` says so */
    bool adds;             /* forward adds the output of an earlier layer, see `back` */
};

static inline uint32_t mcl_map_positions(const mcl_map *map)
{
    return map->height * map->width;
}

/* What a row of such maps has; the product is below 2³². */
static inline uint32_t mcl_map_values(const mcl_map *map)
{
    return mcl_map_positions(map) * map->channels;
}

/* MCL_ERROR_ARGUMENT where so many rows of a map have more than 2³¹ − 1 positions. */
mcl_status mcl_map_check_rows(const mcl_map *map, uint32_t rows);

/* Whether the derivative of f is taken of its argument; the others' is taken of their value. */
static inline bool mcl_activation_needs_argument(mcl_activation activation)
{
    return activation == MCL_ACTIVATION_GELU;
}

/* How many values a tensor has; MCL_LAYER_HUGE where that is more than any layer may have. */
#define MCL_LAYER_HUGE ((uint64_t)1 << 40)
uint64_t mcl_layer_tensor_values(const mcl_layer_tensor *tensor);

/* How many values the tensors of a layer have: the running ones, or the others. */
uint64_t mcl_layer_values(const mcl_layer *layer, bool running);

#endif
