/* SPDX-License-Identifier: Apache-2.0 */
/* An online probe: how well the embeddings of the model so far tell classes apart. */
#ifndef MASKCL_TRAIN_VALIDATION_H
#define MASKCL_TRAIN_VALIDATION_H

#include "device/context.h"
#include "maskcl/data.h"
#include "model/architecture.h"

#define MCL_VALIDATION_ROWS 2000 /* at most: half of them queries, half candidates */

typedef struct mcl_validation mcl_validation;

/* Chooses rows of data, labels[rows of data], and makes all that embedding them takes.
 * MCL_ERROR_DATA for a single row or a single class. */
mcl_status mcl_validation_create(mcl_validation **validation, mcl_context *context,
    const mcl_data *data, const int32_t *labels, const mcl_architecture *architecture);

/* No run may be under way. NULL is allowed. */
void mcl_validation_free(mcl_validation *validation);

/* Enqueues the embedding of the rows by these parameters and the search for their neighbours, after
 * a step of the training. At most two may be under way between this and mcl_validation_take(). */
mcl_status mcl_validation_run(mcl_validation *validation, cl_mem parameters, uint64_t step);

/* The accuracy on the queries by the model after a step that has ended. */
double mcl_validation_take(const mcl_validation *validation, uint64_t step);

#endif
