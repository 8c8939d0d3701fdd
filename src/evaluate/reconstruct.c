/* SPDX-License-Identifier: Apache-2.0 */
/* What a trained model makes of masked rows: their reconstructions. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rounding.h"
#include "data/data.h"
#include "data/feed.h"
#include "evaluate/inference.h"
#include "maskcl/evaluate.h"
#include "model/parameters.h"
#include "views/views.h"

#define ROWS 1024 /* of a batch at most; its size does not change the results */

/* What a reconstruction holds on the device. */
struct reconstruction {
    mcl_context *context;
    uint32_t most, batch; /* rows of a batch: at most, and those it has */
    mcl_inference inference;
    mcl_groups groups;
    mcl_views views;
    cl_mem data, order, input;
    void *room; /* [batch] rows that lie in files; NULL: they are in memory */
};

static size_t row_size(const mcl_data *data)
{
    return mcl_data_columns(data) * mcl_element_size(mcl_data_element(data));
}

static mcl_status create(struct reconstruction *work, const mcl_model *model, const mcl_data *data,
    const mcl_mask *mask, uint64_t seed, uint64_t rows)
{
    mcl_context *context = work->context;
    const uint64_t before = context->memory_made;
    const uint64_t views = 2 * mcl_data_columns(data) * sizeof(float);
    mcl_path path;
    mcl_path_to_part(&path, mcl_model_architecture(model), MCL_PART_DECODER);
    const uint64_t row =
        mcl_network_row_size(path.layers, path.count) + views + row_size(data) + sizeof(uint64_t);
    work->batch = mcl_inference_batch(context, model, rows < work->most ? rows : work->most, row);
    MCL_TRY(mcl_inference_create(&work->inference, context, model, &path, work->batch));
    if (rows > work->batch)
        MCL_TRY(mcl_inference_freeze(&work->inference));
    MCL_TRY(mcl_groups_of(&work->groups, data));
    MCL_TRY(mcl_views_create(&work->views, context, data, &work->groups,
        &(mcl_view_options){.mask = *mask}, seed, work->batch, false, false));
    MCL_TRY(mcl_buffer_create(&work->data, context, work->batch, row_size(data), "the data"));
    MCL_TRY(mcl_buffer_create(
        &work->order, context, work->batch, sizeof(uint64_t), "order of the rows"));
    MCL_TRY(mcl_buffer_create(&work->input, context, work->batch, views, "views"));
    MCL_TRY(mcl_data_room(&work->room, data, work->batch));
    return mcl_feed_check(context, context->memory_made - before, work->batch * row, work->batch);
}

static void release(struct reconstruction *work)
{
    mcl_inference_release(&work->inference);
    mcl_groups_release(&work->groups);
    mcl_views_release(&work->views);
    mcl_buffer_release(&work->data);
    mcl_buffer_release(&work->order);
    mcl_buffer_release(&work->input);
    free(work->room);
}

static mcl_status reconstruct_batch(struct reconstruction *work, float *masked,
    float *reconstructed, const mcl_data *data, uint64_t first, uint32_t rows)
{
    uint64_t order[ROWS];
    cl_mem output;
    for (uint32_t i = 0; i < rows; i++)
        order[i] = first + i;
    const size_t bytes = (size_t)rows * work->views.columns * sizeof(float);
    const size_t row = row_size(data);
    const void *values;
    const mcl_rows gathered = {work->data, 0, work->order, 0, true};
    MCL_TRY(mcl_data_look(&values, work->room, data, first, rows));
    MCL_TRY(mcl_buffer_write(work->context, work->data, 0, values, rows * row));
    MCL_TRY(mcl_buffer_write(work->context, work->order, 0, order, rows * sizeof *order));
    const mcl_view_buffers out = {.views = work->input};
    MCL_TRY(mcl_views_run(&work->views, &gathered, rows, 0, &out));
    MCL_TRY(mcl_inference_run(&output, &work->inference, work->input, rows));
    MCL_TRY(mcl_buffer_read(work->context, masked, work->input, 0, bytes));
    return mcl_buffer_read(work->context, reconstructed, output, 0, bytes);
}

/* The probabilities that logits stand for, as cl/errors.cl has them: 1/(1 + e^−r). */
static void apply_sigmoid(float *values, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        const float small = mcl_host_exp(-fabsf(values[i]));
        const float part = mcl_host_divide(1.0f, 1.0f + small);
        values[i] = values[i] < 0.0f ? small * part : part;
    }
}

mcl_status mcl_reconstruct(float *masked, float *reconstructed, mcl_context *context,
    const mcl_model *model, const mcl_data *data, const mcl_mask *mask, uint64_t seed,
    uint64_t first, uint64_t rows)
{
    MCL_NEED(masked);
    MCL_NEED(reconstructed);
    MCL_NEED(context);
    MCL_NEED(model);
    MCL_NEED(data);
    MCL_NEED(mask);
    MCL_TRY(mcl_width_check(mcl_model_architecture(model), data));
    if (first > mcl_data_rows(data) || rows > mcl_data_rows(data) - first)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "rows %" PRIu64 " to %" PRIu64 " are wanted, but the data has %" PRIu64, first,
            first + rows, mcl_data_rows(data));
    if (rows == 0)
        return MCL_OK;
    struct reconstruction work = {.context = context, .most = ROWS};
    const char *advice = context->advice;
    context->advice = "another `device`"; /* fewer rows at a time are tried without being asked */
    mcl_status status = create(&work, model, data, mask, seed, rows);
    while (mcl_inference_lacks_memory(status) && work.batch > 1) {
        release(&work);
        work = (struct reconstruction){.context = context, .most = work.batch / 2};
        status = create(&work, model, data, mask, seed, rows);
    }
    context->advice = advice;
    for (uint64_t done = 0; done < rows && status == MCL_OK; done += work.batch) {
        const uint32_t now = rows - done < work.batch ? (uint32_t)(rows - done) : work.batch;
        const uint64_t at = done * mcl_data_columns(data);
        status = reconstruct_batch(&work, masked + at, reconstructed + at, data, first + done, now);
    }
    const char *loss = mcl_model_metadata_get(model, "reconstruction_loss");
    if (loss && strcmp(loss, "bce") == 0 && status == MCL_OK) /* the decoder gives logits */
        apply_sigmoid(reconstructed, rows * mcl_data_columns(data));
    release(&work);
    return status;
}
