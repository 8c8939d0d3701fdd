/* SPDX-License-Identifier: Apache-2.0 */
#include "train/validation.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "compute/row_norms.h"
#include "data/data.h"
#include "data/draw.h"
#include "data/permutation.h"
#include "device/profile.h"
#include "evaluate/neighbours.h"
#include "model/networks.h"
#include "views/views.h"

#define ORDER_SEED 0           /* the same rows whatever the run's seed is, … */
#define ORDER_EPOCH UINT32_MAX /* … in the order of an epoch that no run has */
#define BATCH_MOST 512         /* rows embedded at once */
#define SLOTS 2

/* Shapes: N rows, C of them candidates and Q = N − C queries, D columns, E of the embedding. */
struct mcl_validation {
    mcl_context *context;
    mcl_unmasked unmasked;
    uint32_t rows, candidates, columns, width;
    uint32_t batch;
    int32_t *labels; /* [N], the candidates' first, as in all that follows */
    mcl_network *encoder;
    mcl_row_norms norms;
    mcl_neighbours neighbours;
    cl_mem *parts; /* the rows in the data set's own type, so many a part */
    uint32_t part_rows, part_count;
    cl_mem input;            /* [batch×D] */
    cl_mem embeddings;       /* [N×E] */
    cl_mem inverse;          /* [N] 1/|z| */
    cl_mem normalized;       /* [N×E] */
    uint32_t *places[SLOTS]; /* [Q × neighbours] */
    uint64_t steps[SLOTS];   /* which each is of, from 1 */
};

/* *labelled = how many rows have labels. */
static mcl_status check(uint64_t *labelled, const int32_t *labels, uint64_t rows)
{
    int32_t known = -1;
    bool differ = false;
    *labelled = 0;
    for (uint64_t i = 0; i < rows; i++) {
        differ = differ || (labels[i] >= 0 && known >= 0 && labels[i] != known);
        known = labels[i] >= 0 ? labels[i] : known;
        *labelled += labels[i] >= 0;
    }
    if (*labelled < 2)
        return mcl_fail(MCL_ERROR_DATA, "validation needs at least 2 rows that have labels");
    return differ ? MCL_OK
                  : mcl_fail(MCL_ERROR_DATA,
                        "validation: all rows are of class %" PRId32
                        ": there is nothing to tell apart",
                        known);
}

/* As many rows as a buffer can have as floats, which changes no result. */
static uint32_t batch_of(const mcl_validation *created)
{
    const uint64_t largest = created->context->info.largest_buffer;
    const uint64_t fit = largest ? largest / (sizeof(float) * created->columns) : BATCH_MOST;
    const uint64_t most = fit < 1 ? 1 : fit < BATCH_MOST ? fit : BATCH_MOST;
    return created->rows < most ? created->rows : (uint32_t)most;
}

/* order[rows of data] = all rows in the order whose first N that have labels are taken; those come
 * first. */
static mcl_status draw_order(uint64_t **order, const int32_t *labels, uint64_t rows)
{
    mcl_permutation *permutation;
    MCL_TRY(mcl_permutation_create(&permutation, rows));
    const mcl_status status = mcl_allocate(order, rows, sizeof **order);
    if (status == MCL_OK) {
        mcl_permutation_begin(permutation, ORDER_SEED, ORDER_EPOCH);
        mcl_permutation_finish(permutation, *order);
    }
    mcl_permutation_free(permutation);
    uint64_t labelled = 0;
    for (uint64_t i = 0; i < rows && status == MCL_OK; i++) {
        const uint64_t row = (*order)[i];
        if (labels[row] >= 0)
            (*order)[labelled++] = row;
    }
    return status;
}

/* Sends the rows in parts of whole batches that a buffer can have. */
static mcl_status send_rows(mcl_validation *created, const mcl_data *chosen)
{
    const uint64_t largest = created->context->info.largest_buffer;
    const size_t row = mcl_data_columns(chosen) * mcl_element_size(mcl_data_element(chosen));
    const char *values = mcl_data_values(chosen);
    const uint64_t fit = largest ? largest / row / created->batch * created->batch : created->rows;
    created->part_rows = fit && fit < created->rows ? (uint32_t)fit : created->rows;
    if (created->part_rows == 0)
        return MCL_OK; /* no rows */
    const uint32_t count = (created->rows - 1) / created->part_rows + 1;
    MCL_TRY(mcl_allocate(&created->parts, count, sizeof(cl_mem)));
    for (uint32_t p = 0; p < count; p++) {
        const uint32_t first = p * created->part_rows, left = created->rows - first;
        MCL_TRY(mcl_buffer_create_from(&created->parts[created->part_count++], created->context,
            values + first * row, left < created->part_rows ? left : created->part_rows, row,
            "rows for validation"));
    }
    return MCL_OK;
}

/* The chosen rows to the device, and their labels. */
static mcl_status choose_rows(mcl_validation *created, const mcl_data *data, const int32_t *labels)
{
    uint64_t *order;
    mcl_data *chosen = NULL;
    MCL_TRY(draw_order(&order, labels, mcl_data_rows(data)));
    mcl_status status = mcl_allocate(&created->labels, created->rows, sizeof *created->labels);
    for (uint32_t i = 0; i < created->rows && status == MCL_OK; i++)
        created->labels[i] = labels[order[i]];
    if (status == MCL_OK)
        status = mcl_data_select(&chosen, data, order, created->rows);
    if (status == MCL_OK)
        status = send_rows(created, chosen);
    mcl_data_free(chosen);
    free(order);
    return status;
}

static mcl_status create(mcl_validation *created, const mcl_data *data, const int32_t *labels,
    const mcl_architecture *architecture)
{
    mcl_context *context = created->context;
    const uint32_t queries = created->rows - created->candidates;
    const uint64_t elements = (uint64_t)created->rows * created->width;
    MCL_TRY(choose_rows(created, data, labels));
    MCL_TRY(mcl_row_norms_find(&created->norms, context));
    MCL_TRY(mcl_unmasked_find(&created->unmasked, context, data));
    MCL_TRY(mcl_network_create_part(&created->encoder, context, architecture, MCL_PART_ENCODER,
        created->batch, MCL_NETWORK_INFERENCE));
    MCL_TRY(mcl_neighbours_create(
        &created->neighbours, context, queries, created->candidates, created->width));
    MCL_TRY(mcl_buffer_create(&created->input, context, created->batch,
        created->columns * sizeof(float), "rows for validation"));
    MCL_TRY(mcl_buffer_create(
        &created->embeddings, context, elements, sizeof(float), "embeddings for validation"));
    MCL_TRY(mcl_buffer_create(
        &created->normalized, context, elements, sizeof(float), "normalized embeddings"));
    MCL_TRY(mcl_buffer_create(&created->inverse, context, created->rows, sizeof(float), "norms"));
    for (size_t i = 0; i < SLOTS; i++)
        MCL_TRY(mcl_allocate(
            &created->places[i], queries, created->neighbours.count * sizeof *created->places[i]));
    return MCL_OK;
}

mcl_status mcl_validation_create(mcl_validation **validation, mcl_context *context,
    const mcl_data *data, const int32_t *labels, const mcl_architecture *architecture)
{
    mcl_validation *created;
    uint64_t rows;
    MCL_TRY(check(&rows, labels, mcl_data_rows(data)));
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    created->rows = rows < MCL_VALIDATION_ROWS ? (uint32_t)rows : MCL_VALIDATION_ROWS;
    created->candidates = created->rows - created->rows / 2;
    created->columns = (uint32_t)mcl_data_columns(data);
    created->width = architecture->embedding;
    created->batch = batch_of(created);
    const mcl_status status = create(created, data, labels, architecture);
    if (status != MCL_OK) {
        mcl_validation_free(created);
        return status;
    }
    *validation = created;
    return MCL_OK;
}

void mcl_validation_free(mcl_validation *validation)
{
    if (!validation)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        free(validation->places[i]);
    free(validation->labels);
    mcl_network_free(validation->encoder);
    mcl_neighbours_release(&validation->neighbours);
    for (uint32_t p = 0; p < validation->part_count; p++)
        mcl_buffer_release(&validation->parts[p]);
    free(validation->parts);
    mcl_buffer_release(&validation->input);
    mcl_buffer_release(&validation->embeddings);
    mcl_buffer_release(&validation->inverse);
    mcl_buffer_release(&validation->normalized);
    free(validation);
}

/* embeddings = what the encoder makes of the rows, batch by batch. */
static mcl_status embed(mcl_validation *validation, cl_mem parameters)
{
    mcl_context *context = validation->context;
    const uint64_t columns = validation->columns;
    const size_t width = validation->width * sizeof(float);
    for (uint32_t first = 0; first < validation->rows; first += validation->batch) {
        const uint32_t left = validation->rows - first;
        const uint32_t count = left < validation->batch ? left : validation->batch;
        const uint32_t part = first / validation->part_rows;
        MCL_TRY(mcl_unmasked_run(&validation->unmasked, validation->parts[part],
            (first - part * validation->part_rows) * columns, count, validation->input));
        MCL_TRY(mcl_network_forward(validation->encoder, parameters, validation->input, count));
        MCL_TRY(mcl_buffer_copy(context, validation->embeddings, first * width,
            mcl_network_output(validation->encoder), 0, count * width));
    }
    return MCL_OK;
}

mcl_status mcl_validation_run(mcl_validation *validation, cl_mem parameters, uint64_t step)
{
    mcl_context *context = validation->context;
    const uint32_t candidates = validation->candidates, queries = validation->rows - candidates;
    const uint64_t second = (uint64_t)candidates * validation->width;
    const size_t slot = validation->steps[0] < validation->steps[1] ? 0 : 1; /* the older one */
    const size_t size = (size_t)queries * validation->neighbours.count * sizeof(uint32_t);
    validation->steps[slot] = step;
    MCL_TRY(embed(validation, parameters));
    MCL_TRY(mcl_row_norms_normalize(&validation->norms, validation->embeddings, validation->rows,
        validation->width, validation->inverse, validation->normalized));
    MCL_TRY(mcl_neighbours_search(&validation->neighbours, (mcl_matrix){validation->normalized, 0},
        (mcl_matrix){validation->normalized, second}, queries));
    const cl_int code = clEnqueueReadBuffer(context->queue, validation->neighbours.place, CL_FALSE,
        0, size, validation->places[slot], 0, NULL, mcl_profile_event(context));
    mcl_profile_work(context, NULL, 0.0, (double)size);
    return code == CL_SUCCESS ? mcl_profile_command(context, NULL, "copy to the host", false)
                              : mcl_context_fail(context, "reading neighbours", code);
}

double mcl_validation_take(const mcl_validation *validation, uint64_t step)
{
    const size_t slot = validation->steps[0] == step ? 0 : 1;
    const uint32_t candidates = validation->candidates, queries = validation->rows - candidates;
    const uint64_t right = mcl_neighbours_right(&validation->neighbours, validation->places[slot],
        queries, validation->labels, validation->labels + candidates);
    return (double)right / queries;
}
