/* SPDX-License-Identifier: Apache-2.0 */
#include "data/feed.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "data/data.h"
#include "data/permutation.h"
#include "data/prefetch.h"
#include "device/profile.h"

/* Slots at most: one that the device reads, and enough others for the host to be late at times. */
#define SLOTS 4

/* Rows in a slot start at a multiple of this, for vector loads. */
#define ROW_ALIGNMENT 64

/* Memory for a batch: the numbers of its rows, then the rows. */
struct slot {
    cl_mem rows;    /* on the device */
    cl_mem staging; /* what it is sent from; NULL where host and device share memory */
    void *host;     /* staging as the host sees it */
    cl_event sent;  /* the host may write to staging again; NULL: it may already */
    cl_event taken; /* the device has read the batch; NULL: none is in the slot */
};

struct mcl_feed {
    mcl_context *context;
    const mcl_data *data;
    uint32_t batch;
    size_t row; /* bytes */

    /* Shuffled only. */
    mcl_permutation *permutation;
    uint64_t *order; /* [rows] of this epoch, where the whole data set is on the device */
    mcl_shuffle shuffle;
    uint32_t drawn; /* the epoch whose order is being drawn, or is in order */

    /* The whole data set on the device. */
    cl_mem whole;
    cl_mem device_order; /* [rows], shuffled only */
    cl_event ordered;    /* order has been copied there; NULL: that was waited for */

    /* Batches in slots. */
    cl_command_queue queue; /* for sending; the context's is for computing */
    struct slot slots[SLOTS];
    size_t slot_count;      /* 0: the data set lies on the device */
    uint64_t batches;       /* started; number i is in slot i mod slot_count */
    mcl_prefetch *prefetch; /* of rows that lie in files; NULL: they are in memory */
};

static uint64_t head_size(uint64_t batch)
{
    return (batch * sizeof(uint64_t) + ROW_ALIGNMENT - 1) / ROW_ALIGNMENT * ROW_ALIGNMENT;
}

static size_t row_size(const mcl_data *data)
{
    return (size_t)mcl_data_columns(data) * mcl_element_size(mcl_data_element(data));
}

uint64_t mcl_feed_slot_size(const mcl_data *data, uint64_t batch)
{
    return head_size(batch) + batch * row_size(data);
}

mcl_status mcl_feed_check(
    const mcl_context *context, uint64_t needed, uint64_t batch_size, uint32_t batch)
{
    if (needed <= context->memory_limit)
        return MCL_OK;
    mcl_opencl_record_error(CL_MEM_OBJECT_ALLOCATION_FAILURE); /* whoever can do with less tries */
    return mcl_fail(MCL_ERROR_DEVICE,
        "%s: %" PRIu64 " bytes of device memory are needed, %" PRIu64
        " of them for a batch of %" PRIu32 " rows, but only %" PRIu64
        " may be used: raise the limit on device memory, or make the batch or the model smaller",
        context->info.name, needed, batch_size, batch, context->memory_limit);
}

static bool shares_memory(const mcl_feed *feed)
{
    return feed->context->info.host_memory;
}

/* A buffer over the host's own rows. Their last page belongs to the data as a whole, so that the
 * size can be a multiple of the cache lines, as some drivers require. */
static mcl_status share_data(mcl_feed *feed, uint64_t bytes)
{
    void *values = (void *)mcl_data_values(feed->data); /* OpenCL has no const here */
    if (!mcl_data_borrowed(feed->data))
        bytes = (bytes + ROW_ALIGNMENT - 1) / ROW_ALIGNMENT * ROW_ALIGNMENT;
    return mcl_buffer_create_flags(&feed->whole, feed->context,
        CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR, values, bytes, 1, "the data");
}

static mcl_status create_whole(mcl_feed *feed)
{
    const uint64_t rows = mcl_data_rows(feed->data);
    if (feed->permutation)
        MCL_TRY(mcl_allocate(&feed->order, rows, sizeof *feed->order));
    MCL_TRY(shares_memory(feed) ? share_data(feed, rows * feed->row)
                                : mcl_data_upload(&feed->whole, feed->context, feed->data));
    return feed->order ? mcl_buffer_create(&feed->device_order, feed->context, rows,
                             sizeof(uint64_t), "order of the rows")
                       : MCL_OK;
}

static mcl_status create_slot(mcl_feed *feed, struct slot *slot)
{
    const uint64_t size = mcl_feed_slot_size(feed->data, feed->batch);
    const char *what = "a batch of the data";
    if (shares_memory(feed))
        return mcl_buffer_create_flags(&slot->rows, feed->context,
            CL_MEM_READ_ONLY | CL_MEM_ALLOC_HOST_PTR, NULL, size, 1, what);
    MCL_TRY(
        mcl_buffer_create_flags(&slot->rows, feed->context, CL_MEM_READ_ONLY, NULL, size, 1, what));
    MCL_TRY(mcl_buffer_create_flags(
        &slot->staging, feed->context, CL_MEM_ALLOC_HOST_PTR, NULL, size, 1, what));
    cl_int code;
    slot->host = clEnqueueMapBuffer(
        feed->queue, slot->staging, CL_TRUE, CL_MAP_WRITE, 0, (size_t)size, 0, NULL, NULL, &code);
    return code == CL_SUCCESS ? MCL_OK : mcl_context_fail(feed->context, "mapping a buffer", code);
}

static bool lacks_memory(mcl_status status)
{
    return status == MCL_ERROR_DEVICE && mcl_opencl_lacks_memory(mcl_opencl_last_error());
}

static void release_event(cl_event *event)
{
    if (*event)
        clReleaseEvent(*event);
    *event = NULL;
}

static void release_slot(const mcl_feed *feed, struct slot *slot)
{
    if (slot->host) {
        (void)clEnqueueUnmapMemObject(feed->queue, slot->staging, slot->host, 0, NULL, NULL);
        (void)clFinish(feed->queue);
    }
    release_event(&slot->sent);
    release_event(&slot->taken);
    mcl_buffer_release(&slot->rows);
    mcl_buffer_release(&slot->staging);
    *slot = (struct slot){0};
}

static mcl_status create_slots(mcl_feed *feed, size_t count)
{
    mcl_context *context = feed->context;
    cl_int code;
    feed->queue = clCreateCommandQueue(context->opencl, context->device, 0, &code);
    if (code != CL_SUCCESS)
        return mcl_context_fail(context, "creating a command queue", code);
    while (feed->slot_count < count) {
        struct slot *slot = &feed->slots[feed->slot_count];
        const mcl_status status = create_slot(feed, slot);
        if (status != MCL_OK) {
            release_slot(feed, slot);
            return feed->slot_count && lacks_memory(status) ? MCL_OK : status; /* one is enough */
        }
        feed->slot_count++;
    }
    return MCL_OK;
}

/* The whole data set on the device, unless the driver has no memory for it, which other programs
 * may hold. */
static mcl_status try_whole(bool *possible, mcl_feed *feed)
{
    const mcl_status status = create_whole(feed);
    *possible = status == MCL_OK;
    if (!lacks_memory(status))
        return status;
    mcl_buffer_release(&feed->whole);
    mcl_buffer_release(&feed->device_order);
    free(feed->order);
    feed->order = NULL;
    mcl_context_warn(feed->context,
        "%s: no memory for the data as a whole, %" PRIu64
        " bytes, which other programs may hold: it is sent in parts, with the same results "
        "(`device_memory` sets how much is used)",
        feed->context->info.name, mcl_data_rows(feed->data) * feed->row);
    return MCL_OK;
}

/* The whole data set where it fits in addition to the `used` bytes, else as many slots as fit. */
static mcl_status create_buffers(mcl_feed *feed, uint64_t used)
{
    const mcl_device_info *info = &feed->context->info;
    const uint64_t limit = feed->context->memory_limit, left = limit > used ? limit - used : 0;
    const uint64_t rows = mcl_data_rows(feed->data), bytes = rows * feed->row;
    const uint64_t order = feed->permutation ? rows * sizeof *feed->order : 0;
    const uint64_t slot = mcl_feed_slot_size(feed->data, feed->batch);
    /* A copy pays only when it is read again and again, and in memory that is not the host's. */
    bool possible =
        (shares_memory(feed) ? !mcl_data_is_stored(feed->data) : feed->permutation != NULL) &&
        (info->largest_buffer == 0 || bytes <= info->largest_buffer);
    if (possible && bytes <= left && order <= left - bytes) {
        MCL_TRY(try_whole(&possible, feed));
        if (possible)
            return MCL_OK;
    }
    const uint64_t least = possible && bytes + order < slot ? bytes + order : slot;
    MCL_TRY(mcl_feed_check(feed->context, used + least, least, feed->batch));
    const uint64_t count = left / slot < SLOTS ? left / slot : SLOTS;
    MCL_TRY(create_slots(feed, (size_t)count));
    return mcl_data_is_stored(feed->data)
               ? mcl_prefetch_create(&feed->prefetch, feed->data, feed->batch, feed->permutation)
               : MCL_OK;
}

static mcl_status create_order(mcl_feed *feed, const mcl_shuffle *shuffle)
{
    const uint64_t rows = mcl_data_rows(feed->data);
    const uint64_t bytes = mcl_permutation_bytes(rows);
    feed->shuffle = *shuffle;
    if (mcl_data_is_stored(feed->data) && bytes > mcl_data_memory(feed->data))
        return mcl_fail(MCL_ERROR_MEMORY,
            "%s: the order of %" PRIu64 " rows takes %" PRIu64 " bytes of memory, but only %" PRIu64
            " may be used: raise `host_memory`",
            mcl_data_source(feed->data), rows, bytes, mcl_data_memory(feed->data));
    MCL_TRY(mcl_permutation_create(&feed->permutation, rows));
    mcl_permutation_begin(feed->permutation, shuffle->seed, 0);
    return MCL_OK;
}

mcl_status mcl_feed_create(mcl_feed **feed, mcl_context *context, const mcl_data *data,
    uint32_t batch, const mcl_shuffle *shuffle, uint64_t memory_before)
{
    mcl_feed *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    created->data = data;
    created->batch = batch;
    created->row = row_size(data);
    mcl_status status = shuffle ? create_order(created, shuffle) : MCL_OK;
    if (status == MCL_OK)
        status = create_buffers(created, context->memory_made - memory_before);
    if (status != MCL_OK) {
        mcl_feed_free(created);
        return status;
    }
    *feed = created;
    return MCL_OK;
}

void mcl_feed_free(mcl_feed *feed)
{
    if (!feed)
        return;
    mcl_prefetch_free(feed->prefetch);
    (void)clFinish(feed->context->queue); /* whatever uses the host's memory */
    for (size_t i = 0; i < feed->slot_count; i++)
        release_slot(feed, &feed->slots[i]);
    if (feed->queue) {
        (void)clFinish(feed->queue);
        clReleaseCommandQueue(feed->queue);
    }
    release_event(&feed->ordered);
    mcl_buffer_release(&feed->whole);
    mcl_buffer_release(&feed->device_order);
    mcl_permutation_free(feed->permutation);
    free(feed->order);
    free(feed);
}

/* Waits on the host for an event, which is released. NULL is allowed. */
static mcl_status wait_for(mcl_feed *feed, cl_event *event)
{
    if (!*event)
        return MCL_OK;
    const cl_int code = clWaitForEvents(1, event);
    release_event(event);
    return code == CL_SUCCESS
               ? MCL_OK
               : mcl_context_fail(feed->context, "waiting for a batch of the data", code);
}

/* Copies the order to the device once all earlier batches have been read. */
static mcl_status send_order(mcl_feed *feed)
{
    mcl_context *context = feed->context;
    const size_t bytes = (size_t)mcl_data_rows(feed->data) * sizeof *feed->order;
    cl_int code = clEnqueueWriteBuffer(context->queue, feed->device_order, CL_FALSE, 0, bytes,
        feed->order, 0, NULL, mcl_profile_event(context));
    if (code != CL_SUCCESS)
        return mcl_context_fail(context, "writing a buffer", code);
    mcl_profile_work(context, NULL, 0.0, (double)bytes);
    MCL_TRY(mcl_profile_command(context, NULL, "copy to the device", false));
    code = clEnqueueMarkerWithWaitList(context->queue, 0, NULL, &feed->ordered);
    return code == CL_SUCCESS ? MCL_OK : mcl_context_fail(context, "enqueueing a marker", code);
}

mcl_status mcl_feed_epoch(mcl_feed *feed, uint32_t epoch)
{
    MCL_TRY(wait_for(feed, &feed->ordered));
    if (feed->drawn != epoch)
        mcl_permutation_begin(feed->permutation, feed->shuffle.seed, epoch);
    if (feed->prefetch)
        mcl_prefetch_pause(feed->prefetch);
    if (feed->order)
        mcl_permutation_finish(feed->permutation, feed->order);
    else
        MCL_TRY(mcl_permutation_keep(feed->permutation));
    if (feed->prefetch)
        mcl_prefetch_start(feed->prefetch, 0);
    feed->drawn = epoch;
    if (epoch + 1 < feed->shuffle.epochs) {
        feed->drawn = epoch + 1;
        mcl_permutation_begin(feed->permutation, feed->shuffle.seed, epoch + 1);
    }
    return feed->whole ? send_order(feed) : MCL_OK;
}

void mcl_feed_ahead(mcl_feed *feed)
{
    const uint64_t rows = mcl_data_rows(feed->data), batches = rows / feed->batch;
    mcl_permutation_advance(
        feed->permutation, MCL_PERMUTATION_PASSES * (rows / batches + (rows % batches != 0)));
}

/* Writes the numbers and the rows of a batch. */
static mcl_status gather(const mcl_feed *feed, char *slot, uint64_t first, uint32_t count)
{
    uint64_t *numbers = (uint64_t *)(void *)slot;
    char *rows = slot + head_size(feed->batch);
    if (feed->prefetch)
        return mcl_prefetch_take(numbers, rows, feed->prefetch, first, count);
    if (!feed->permutation)
        return mcl_data_read_rows(rows, feed->data, first, count);
    mcl_permutation_kept(numbers, feed->permutation, first, count);
    return mcl_data_gather(rows, feed->data, numbers, count);
}

/* Makes the device wait for what is being sent. */
static mcl_status wait_on_device(mcl_feed *feed, cl_event sent)
{
    cl_int code = clFlush(feed->queue);
    if (code == CL_SUCCESS)
        code = clEnqueueBarrierWithWaitList(feed->context->queue, 1, &sent, NULL);
    return code == CL_SUCCESS
               ? MCL_OK
               : mcl_context_fail(feed->context, "sending a batch of the data", code);
}

/* Gathers a batch directly in the memory that the device reads. */
static mcl_status fill_shared(mcl_feed *feed, struct slot *slot, uint64_t first, uint32_t count)
{
    const size_t bytes = head_size(feed->batch) + count * feed->row;
    MCL_TRY(wait_for(feed, &slot->taken));
    cl_int code;
    void *host = clEnqueueMapBuffer(feed->queue, slot->rows, CL_TRUE,
        CL_MAP_WRITE_INVALIDATE_REGION, 0, bytes, 0, NULL, NULL, &code);
    if (code != CL_SUCCESS)
        return mcl_context_fail(feed->context, "mapping a buffer", code);
    const mcl_status status = gather(feed, host, first, count);
    release_event(&slot->sent);
    code = clEnqueueUnmapMemObject(feed->queue, slot->rows, host, 0, NULL, &slot->sent);
    if (code != CL_SUCCESS)
        return mcl_context_fail(feed->context, "unmapping a buffer", code);
    MCL_TRY(status);
    return wait_on_device(feed, slot->sent);
}

/* Gathers a batch in staging memory, from which it is sent as soon as the slot on the device is
 * free. */
static mcl_status fill_staged(mcl_feed *feed, struct slot *slot, uint64_t first, uint32_t count)
{
    const size_t bytes = head_size(feed->batch) + count * feed->row;
    MCL_TRY(wait_for(feed, &slot->sent));
    MCL_TRY(gather(feed, slot->host, first, count));
    const cl_int code = clEnqueueWriteBuffer(feed->queue, slot->rows, CL_FALSE, 0, bytes,
        slot->host, slot->taken ? 1 : 0, slot->taken ? &slot->taken : NULL, &slot->sent);
    if (code != CL_SUCCESS)
        return mcl_context_fail(feed->context, "sending a batch of the data", code);
    release_event(&slot->taken);
    return wait_on_device(feed, slot->sent);
}

mcl_status mcl_feed_batch(mcl_rows *rows, mcl_feed *feed, uint64_t first, uint32_t count)
{
    if (feed->whole) {
        *rows = feed->order
                    ? (mcl_rows){feed->whole, 0, feed->device_order, first, false}
                    : (mcl_rows){feed->whole, first * mcl_data_columns(feed->data), NULL, 0, true};
        return MCL_OK;
    }
    struct slot *slot = &feed->slots[feed->batches++ % feed->slot_count];
    MCL_TRY(shares_memory(feed) ? fill_shared(feed, slot, first, count)
                                : fill_staged(feed, slot, first, count));
    const uint64_t start = head_size(feed->batch) / mcl_element_size(mcl_data_element(feed->data));
    *rows = (mcl_rows){slot->rows, start, feed->permutation ? slot->rows : NULL, 0, true};
    return MCL_OK;
}

mcl_status mcl_feed_taken(mcl_feed *feed)
{
    if (feed->whole)
        return MCL_OK;
    struct slot *slot = &feed->slots[(feed->batches - 1) % feed->slot_count];
    const cl_int code = clEnqueueMarkerWithWaitList(feed->context->queue, 0, NULL, &slot->taken);
    return code == CL_SUCCESS ? MCL_OK
                              : mcl_context_fail(feed->context, "enqueueing a marker", code);
}
