#include "ssl/views.h"

#include <stdio.h>

#include "data/data.h"
#include "device/record.h"
#include "ssl/options.h"

#define ITEM_ELEMENTS 64 /* of a work-item of the kernel unmasked */
#define GROUP 64         /* its work-items come in whole groups: one size of them to compile */
#define OPTIONS_SIZE sizeof((mcl_views){0}.options)

size_t mcl_element_size(mcl_element element)
{
    return element == MCL_ELEMENT_UINT8 ? 1 : sizeof(float);
}

static void write_options(
    char options[OPTIONS_SIZE], mcl_element element, mcl_mask_kind mask, bool targets, bool altered)
{
    snprintf(options, OPTIONS_SIZE, "-D ELEMENT=%s -D MASK=%d -D TARGETS=%d -D ALTERED=%d",
        element == MCL_ELEMENT_UINT8 ? "uchar" : "float", mask == MCL_MASK_UNIFORM ? 0 : 1, targets,
        altered);
}

mcl_status mcl_views_create(mcl_views *views, mcl_context *context, const mcl_data *data,
    const mcl_mask *mask, uint64_t seed, bool targets, bool altered)
{
    mcl_views created = {.context = context, .mask = *mask, .seed = seed};
    MCL_TRY(mcl_mask_check(created.image, mask, data));
    created.columns = (uint32_t)mcl_data_columns(data);
    created.row_bytes =
        created.columns * (mcl_element_size(mcl_data_element(data)) +
                              (targets ? 3 : 2) * sizeof(float) + (altered ? 2 : 0));
    write_options(created.options, mcl_data_element(data), mask->kind, targets, altered);
    MCL_TRY(mcl_kernel_expect(context, "views.cl", created.options));
    *views = created;
    return MCL_OK;
}

bool mcl_views_paired(const mcl_views *views)
{
    (void)views;
    return false;
}

mcl_status mcl_views_run(mcl_views *views, const mcl_rows *rows, uint32_t batch, uint32_t epoch,
    const mcl_view_buffers *out)
{
    const cl_uint2 key = {{(cl_uint)views->seed, (cl_uint)(views->seed >> 32)}};
    const mcl_argument key_argument = {sizeof key, &key};
    const bool block = views->mask.kind == MCL_MASK_BLOCK;
    cl_kernel kernel;
    MCL_TRY(mcl_kernel_get(
        &kernel, views->context, "views.cl", block ? "views_block" : "views", views->options));
    /* What is not wanted is never written. */
    const cl_mem targets = out->targets ? out->targets : out->views;
    const cl_mem altered = out->altered ? out->altered : out->views;
    mcl_record_work(views->context, NULL, 0.0, (double)batch * (double)views->row_bytes);
    if (block) {
        const uint32_t side = views->mask.patch, height = views->image[0], width = views->image[1];
        const size_t patches = (size_t)((height + side - 1) / side) * ((width + side - 1) / side);
        return mcl_launch(views->context, kernel, (patches + 3) / 4, batch, MCL_BUFFER(rows->data),
            MCL_ULONG(rows->start), MCL_BUFFER(rows->order), MCL_ULONG(rows->first),
            MCL_UINT(rows->gathered), MCL_UINT(batch), MCL_UINT(height), MCL_UINT(width),
            MCL_UINT(views->image[2]), MCL_UINT(side), MCL_UINT(epoch), key_argument,
            MCL_FLOAT(views->mask.ratio), MCL_BUFFER(out->views), MCL_BUFFER(targets),
            MCL_BUFFER(altered));
    }
    return mcl_launch(views->context, kernel, ((size_t)views->columns + 31) / 32, batch,
        MCL_BUFFER(rows->data), MCL_ULONG(rows->start), MCL_BUFFER(rows->order),
        MCL_ULONG(rows->first), MCL_UINT(rows->gathered), MCL_UINT(batch), MCL_UINT(views->columns),
        MCL_UINT(epoch), key_argument, MCL_FLOAT(views->mask.ratio), MCL_BUFFER(out->views),
        MCL_BUFFER(targets), MCL_BUFFER(altered));
}

mcl_status mcl_unmasked(mcl_context *context, cl_mem data, uint64_t start, mcl_element element,
    uint64_t count, cl_mem out)
{
    char options[OPTIONS_SIZE];
    cl_kernel kernel;
    write_options(options, element, MCL_MASK_UNIFORM, false, false);
    MCL_TRY(mcl_kernel_get(&kernel, context, "views.cl", "unmasked", options));
    mcl_record_work(
        context, NULL, 0.0, (double)count * (double)(mcl_element_size(element) + sizeof(float)));
    const size_t items = (count + ITEM_ELEMENTS - 1) / ITEM_ELEMENTS;
    return mcl_launch(context, kernel, (items + GROUP - 1) / GROUP * GROUP, 1, MCL_BUFFER(data),
        MCL_ULONG(start), MCL_ULONG(count), MCL_BUFFER(out));
}

mcl_status mcl_data_upload(cl_mem *buffer, mcl_context *context, const mcl_data *data)
{
    return mcl_buffer_create_from(buffer, context, mcl_data_values(data), mcl_data_rows(data),
        mcl_data_columns(data) * mcl_element_size(mcl_data_element(data)), "the data");
}
