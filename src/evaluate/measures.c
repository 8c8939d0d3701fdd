/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/measures.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/rounding.h"
#include "compute/row_norms.h"
#include "compute/sums.h"
#include "device/profile.h"
#include "evaluate/spread.h"

#define ROWS_MOST 256
#define STEPS_BETWEEN 200 /* at least, so that measuring costs no more than a part of the time */
#define SLOTS 2

struct mcl_measures {
    mcl_context *context;
    uint32_t batch, columns, rows; /* rows of each view are looked at */
    float *read[SLOTS];            /* [2·rows×columns] */
    uint64_t steps[SLOTS];         /* which each is of, from 1 */
    double *values;                /* [2·rows×columns] the rows, of length 1 */
    double *gram;                  /* [rows×rows] */
    mcl_rank_room room;
    mcl_row_norms norms;
    mcl_sums sums;
    mcl_kernel *deviations;
    cl_mem inverse;   /* [batch] 1/|z| */
    cl_mem deviation; /* [columns] */
    cl_mem workspace; /* of its sum */
};

static mcl_status create_deviations(mcl_measures *measures)
{
    mcl_context *context = measures->context;
    const uint64_t columns = measures->columns;
    MCL_TRY(mcl_row_norms_find(&measures->norms, context));
    MCL_TRY(mcl_sums_find(&measures->sums, context));
    MCL_TRY(mcl_kernel_find(&measures->deviations, context, "normalize.cl", "deviations", ""));
    MCL_TRY(
        mcl_buffer_create(&measures->inverse, context, measures->batch, sizeof(float), "norms"));
    MCL_TRY(mcl_buffer_create(&measures->deviation, context, columns, sizeof(float), "deviations"));
    return mcl_buffer_create(&measures->workspace, context, mcl_sum_workspace(columns),
        sizeof(float), "workspace of the sums");
}

mcl_status mcl_measures_create(
    mcl_measures **measures, mcl_context *context, uint32_t batch, uint32_t columns)
{
    mcl_measures *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    created->batch = batch;
    created->columns = columns;
    created->rows = batch < ROWS_MOST ? batch : ROWS_MOST;
    const uint64_t rows = created->rows, elements = 2 * rows * columns;
    mcl_status status = mcl_allocate(&created->values, elements, sizeof(double));
    for (size_t i = 0; i < SLOTS && status == MCL_OK; i++)
        status = mcl_allocate(&created->read[i], elements, sizeof(float));
    if (status == MCL_OK)
        status = mcl_allocate(&created->gram, rows * rows, sizeof(double));
    if (status == MCL_OK)
        status = mcl_rank_room_create(&created->room, rows, columns);
    if (status == MCL_OK)
        status = create_deviations(created);
    if (status != MCL_OK) {
        mcl_measures_free(created);
        return status;
    }
    *measures = created;
    return MCL_OK;
}

void mcl_measures_free(mcl_measures *measures)
{
    if (!measures)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        free(measures->read[i]);
    free(measures->values);
    free(measures->gram);
    mcl_rank_room_release(&measures->room);
    mcl_buffer_release(&measures->inverse);
    mcl_buffer_release(&measures->deviation);
    mcl_buffer_release(&measures->workspace);
    free(measures);
}

mcl_status mcl_measures_deviate(
    const mcl_measures *measures, cl_mem embeddings, cl_mem metrics, uint64_t at)
{
    const uint32_t batch = measures->batch, columns = measures->columns;
    MCL_TRY(mcl_row_norms_invert(&measures->norms, embeddings, batch, columns, measures->inverse));
    MCL_TRY(mcl_run_columns(measures->deviations, columns, 1, MCL_BUFFER(embeddings),
        MCL_BUFFER(measures->inverse), MCL_UINT(batch), MCL_UINT(columns),
        MCL_BUFFER(measures->deviation)));
    return mcl_sums_run(
        &measures->sums, measures->deviation, columns, 1.0f, measures->workspace, metrics, at);
}

bool mcl_measures_due(uint64_t step, uint64_t per_epoch, uint64_t epochs)
{
    if (step % per_epoch != 0)
        return false;
    return step == epochs * per_epoch || step / STEPS_BETWEEN > (step - per_epoch) / STEPS_BETWEEN;
}

/* Brings the first rows of the views from row `first` on to `to`, as the queue comes to it. */
static mcl_status read_views(
    const mcl_measures *measures, cl_mem embeddings, uint64_t first, float *to)
{
    mcl_context *context = measures->context;
    const size_t row = measures->columns * sizeof(float), size = measures->rows * row;
    const cl_int code = clEnqueueReadBuffer(context->queue, embeddings, CL_FALSE,
        (size_t)first * row, size, to, 0, NULL, mcl_profile_event(context));
    mcl_profile_work(context, NULL, 0.0, (double)size);
    return code == CL_SUCCESS ? mcl_profile_command(context, NULL, "copy to the host", false)
                              : mcl_context_fail(context, "reading embeddings", code);
}

mcl_status mcl_measures_read(mcl_measures *measures, cl_mem embeddings, uint64_t step)
{
    const size_t slot = measures->steps[0] < measures->steps[1] ? 0 : 1; /* the older one */
    float *to = measures->read[slot];
    measures->steps[slot] = step;
    MCL_TRY(read_views(measures, embeddings, 0, to));
    return read_views(
        measures, embeddings, measures->batch, to + (size_t)measures->rows * measures->columns);
}

/* The mean of |ẑ_i − ẑ_B+i|² over the rows. */
static double alignment(const mcl_measures *measures)
{
    const size_t count = (size_t)measures->rows * measures->columns;
    const double *positive = measures->values, *negative = positive + count;
    double sum = 0.0;
    for (size_t i = 0; i < count; i++)
        sum += (positive[i] - negative[i]) * (positive[i] - negative[i]);
    return sum / measures->rows;
}

/* log of the mean over all pairs of e^(−2·|ẑ_i − ẑ_j|²); 0 for a single row. */
static double uniformity(const mcl_measures *measures)
{
    const size_t rows = measures->rows;
    double sum = 0.0;
    for (size_t i = 1; i < rows; i++) {
        const double *row = measures->gram + i * rows;
        for (size_t j = 0; j < i; j++) {
            const double square = row[i] + measures->gram[j * rows + j] - 2.0 * row[j];
            sum += (double)mcl_host_exp((float)(-2.0 * square));
        }
    }
    const double pairs = (double)rows * (double)(rows - 1) / 2.0;
    return rows > 1 ? (double)mcl_host_log((float)(sum / pairs)) : 0.0;
}

void mcl_measures_take(mcl_step *step, mcl_measures *measures)
{
    const size_t slot = measures->steps[0] == step->step ? 0 : 1;
    mcl_unit_rows(
        measures->values, measures->read[slot], 2 * (size_t)measures->rows, measures->columns);
    mcl_gram(
        measures->gram, measures->values, measures->rows, measures->columns, measures->columns, 1);
    step->alignment = alignment(measures);
    step->uniformity = uniformity(measures);
    step->effective_rank =
        mcl_effective_rank(measures->values, measures->rows, measures->columns, &measures->room);
}
