/* SPDX-License-Identifier: Apache-2.0 */
/* Dropout (Srivastava et al. 2014), see cl/dropout.cl. */
#ifndef MASKCL_NN_DROPOUT_H
#define MASKCL_NN_DROPOUT_H

#include "device/context.h"

/* What says which elements are dropped. */
typedef struct mcl_dropout {
    mcl_context *context;
    float rate;
    uint64_t seed;
    uint64_t step; /* of the run */
} mcl_dropout;

/* out[rows × columns] = in with some elements 0 and the others divided by 1 − rate; the same ones
 * whenever it is run for a layer and step. out may be in. */
mcl_status mcl_dropout_run(const mcl_dropout *dropout, uint32_t layer, uint32_t rows,
    uint32_t columns, cl_mem in, cl_mem out);

#endif
