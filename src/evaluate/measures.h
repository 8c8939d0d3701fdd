/* SPDX-License-Identifier: Apache-2.0 */
/* What the embeddings of a batch are like: their spread by the device, and at ends of epochs what
 * the host measures. */
#ifndef MASKCL_EVALUATE_MEASURES_H
#define MASKCL_EVALUATE_MEASURES_H

#include "device/context.h"
#include "maskcl/pretrain.h"

typedef struct mcl_measures mcl_measures;

/* For embeddings [2·batch×columns], the positive views first. */
mcl_status mcl_measures_create(
    mcl_measures **measures, mcl_context *context, uint32_t batch, uint32_t columns);

/* Enqueues metrics[at] = Σ over columns of the deviation of the positive views' embeddings, divided
 * by their lengths. */
mcl_status mcl_measures_deviate(
    const mcl_measures *measures, cl_mem embeddings, cl_mem metrics, uint64_t at);

/* No read may be under way. */
void mcl_measures_free(mcl_measures *measures);

/* Whether the step, from 1, is one to measure: the end of an epoch, but of short ones not of each.
 */
bool mcl_measures_due(uint64_t step, uint64_t per_epoch, uint64_t epochs);

/* Enqueues what brings embeddings to the host. At most two steps may be under way between this and
 * mcl_measures_take(). */
mcl_status mcl_measures_read(mcl_measures *measures, cl_mem embeddings, uint64_t step);

/* Fills in the alignment, uniformity and effective rank of a step that was read and has ended. */
void mcl_measures_take(mcl_step *step, mcl_measures *measures);

#endif
