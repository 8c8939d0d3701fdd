/* SPDX-License-Identifier: Apache-2.0 */
/* Views of rows, for a person to look at. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "data/data.h"
#include "views/views.h"

#define ROWS 256u /* that are drawn at a time */

struct drawing {
    mcl_context *context;
    const mcl_data *data;
    size_t row; /* bytes */
    mcl_groups groups;
    mcl_views views;
    cl_mem rows, order;
    mcl_view_buffers out;
    void *room; /* [batch] rows that lie in files; NULL: they are in memory */
};

/* A batch takes one buffer for the rows, and one for both views. */
static uint32_t batch_of(const struct drawing *work, uint64_t rows)
{
    const uint64_t largest = work->context->info.largest_buffer;
    const uint64_t views = 2 * sizeof(float) * mcl_data_columns(work->data);
    const uint64_t fit = largest && largest / views < ROWS ? largest / views : ROWS;
    const uint64_t most = fit ? fit : 1;
    return (uint32_t)(rows < most ? rows : most);
}

static mcl_status create(
    struct drawing *work, const mcl_view_options *options, uint64_t seed, uint32_t batch)
{
    mcl_context *context = work->context;
    const uint64_t columns = mcl_data_columns(work->data);
    work->row = (size_t)columns * mcl_element_size(mcl_data_element(work->data));
    MCL_TRY(mcl_groups_of(&work->groups, work->data));
    MCL_TRY(mcl_views_create(
        &work->views, context, work->data, &work->groups, options, seed, batch, false, false));
    MCL_TRY(mcl_buffer_create(&work->rows, context, batch, work->row, "the data"));
    MCL_TRY(mcl_buffer_create(&work->order, context, batch, sizeof(uint64_t), "order of the rows"));
    MCL_TRY(mcl_data_room(&work->room, work->data, batch));
    return mcl_buffer_create(
        &work->out.views, context, 2 * (uint64_t)batch, columns * sizeof(float), "views");
}

static void release(struct drawing *work)
{
    mcl_groups_release(&work->groups);
    mcl_views_release(&work->views);
    mcl_buffer_release(&work->rows);
    mcl_buffer_release(&work->order);
    mcl_buffer_release(&work->out.views);
    free(work->room);
}

static mcl_status draw(
    struct drawing *work, float *first, float *second, uint32_t epoch, uint64_t row, uint32_t count)
{
    uint64_t order[ROWS];
    const void *values;
    const mcl_rows rows = {work->rows, 0, work->order, 0, true};
    const size_t view = count * (size_t)mcl_data_columns(work->data) * sizeof *first;
    for (uint32_t i = 0; i < count; i++)
        order[i] = row + i;
    MCL_TRY(mcl_data_look(&values, work->room, work->data, row, count));
    MCL_TRY(mcl_buffer_write(work->context, work->rows, 0, values, count * work->row));
    MCL_TRY(mcl_buffer_write(work->context, work->order, 0, order, count * sizeof *order));
    MCL_TRY(mcl_views_run(&work->views, &rows, count, epoch, &work->out));
    MCL_TRY(mcl_buffer_read(work->context, first, work->out.views, 0, view));
    return mcl_buffer_read(work->context, second, work->out.views, view, view);
}

mcl_status mcl_views_draw(float *first, float *second, mcl_context *context, const mcl_data *data,
    const mcl_view_options *options, uint64_t seed, uint32_t epoch, uint64_t row, uint64_t rows)
{
    MCL_NEED(first);
    MCL_NEED(second);
    MCL_NEED(context);
    MCL_NEED(data);
    MCL_NEED(options);
    struct drawing work = {.context = context, .data = data};
    const uint64_t all = mcl_data_rows(data);
    const size_t columns = (size_t)mcl_data_columns(data);
    if (row > all || rows > all - row)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "rows %" PRIu64 " to %" PRIu64 " are wanted, but the data has %" PRIu64, row,
            row + rows, all);
    if (rows == 0)
        return MCL_OK;
    uint32_t batch = batch_of(&work, rows);
    mcl_status status = create(&work, options, seed, batch);
    while (status == MCL_ERROR_DEVICE && mcl_opencl_lacks_memory(mcl_opencl_last_error()) &&
           batch > 1) {
        release(&work);
        work = (struct drawing){.context = context, .data = data};
        batch /= 2;
        status = create(&work, options, seed, batch);
    }
    for (uint64_t done = 0; done < rows && status == MCL_OK; done += batch) {
        const uint32_t count = rows - done < batch ? (uint32_t)(rows - done) : batch;
        status =
            draw(&work, first + done * columns, second + done * columns, epoch, row + done, count);
    }
    release(&work);
    return status;
}
