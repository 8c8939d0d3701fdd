/* SPDX-License-Identifier: Apache-2.0 */
/* Batch and layer normalization between a layer's product and its activation, see
 * cl/normalization.cl. Shapes: R rows of a batch, O columns of the layer. */
#ifndef MASKCL_NN_NORMALIZATION_H
#define MASKCL_NN_NORMALIZATION_H

#include "device/context.h"
#include "model/architecture.h"

/* What normalises a layer. */
typedef struct mcl_normalizer {
    mcl_context *context;
    const mcl_layer *layer;
    mcl_activation activation;
    bool training;  /* by the batch's own statistics, where they are those of columns */
    cl_mem linear;  /* [R×O] z */
    cl_mem kept;    /* [R×O] y, for GELU; else NULL */
    cl_mem moments; /* [2·O] or, of layer normalization, [2·R] */
    cl_mem space;   /* at least mcl_normalization_workspace() elements; training only */
} mcl_normalizer;

/* Elements of the moments of a layer, and of workspace, for batches of at most `rows` rows. */
uint64_t mcl_normalization_moments(const mcl_layer *layer, uint32_t rows);
uint64_t mcl_normalization_workspace(const mcl_layer *layer, uint32_t rows);

/* Expects the kernels. */
mcl_status mcl_normalization_expect(
    mcl_context *context, const mcl_layer *layer, mcl_activation activation);

/* out[R×O] = f(y). In training, batch normalization moves its running statistics, in parameters. */
mcl_status mcl_normalization_forward(
    const mcl_normalizer *normalizer, cl_mem parameters, uint32_t rows, cl_mem out);

/* gradient[R×O] by y becomes that by z; those by scale and shift go to gradients. */
mcl_status mcl_normalization_backward(const mcl_normalizer *normalizer, cl_mem parameters,
    cl_mem gradients, uint32_t rows, cl_mem gradient);

#endif
