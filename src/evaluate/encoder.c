/* SPDX-License-Identifier: Apache-2.0 */
/* The session of an encoder. */
#include "maskcl/encoder.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/rounding.h"
#include "data/feed.h"
#include "evaluate/inference.h"

struct mcl_encoder {
    mcl_context *context;
    mcl_inference inference;
    uint32_t rows, columns, width;
    float *values; /* [rows × columns] on their way to … */
    cl_mem input;  /* … the device */
};

static mcl_status create(mcl_encoder *encoder, const mcl_model *model, uint32_t layer)
{
    mcl_context *context = encoder->context;
    const uint64_t row = encoder->columns * sizeof(float), before = context->memory_made;
    mcl_path path;
    MCL_TRY(mcl_path_to_layer(&path, mcl_model_architecture(model), layer));
    encoder->width = mcl_path_width(&path);
    MCL_TRY(mcl_allocate(&encoder->values, encoder->rows, row));
    MCL_TRY(mcl_buffer_create(&encoder->input, context, encoder->rows, row, "rows"));
    MCL_TRY(mcl_inference_create(&encoder->inference, context, model, &path, encoder->rows));
    MCL_TRY(mcl_inference_freeze(&encoder->inference));
    const uint64_t batch = (row + mcl_network_row_size(path.layers, path.count)) * encoder->rows;
    return mcl_feed_check(context, context->memory_made - before, batch, encoder->rows);
}

mcl_status mcl_encoder_open(mcl_encoder **encoder, mcl_context *context, const mcl_model *model,
    uint32_t layer, uint32_t rows)
{
    mcl_encoder *created;
    if (!encoder || !context || !model)
        return mcl_fail(MCL_ERROR_ARGUMENT, "an encoder needs a context and a model, not NULL");
    if (rows == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT, "an encoder for 0 rows cannot run: open it for 1");
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    created->rows = rows;
    created->columns = (uint32_t)mcl_model_architecture(model)->input;
    const mcl_status status = create(created, model, layer);
    if (status == MCL_OK)
        *encoder = created;
    else
        mcl_encoder_close(created);
    return status;
}

uint32_t mcl_encoder_columns(const mcl_encoder *encoder)
{
    return encoder ? encoder->columns : 0;
}

uint32_t mcl_encoder_width(const mcl_encoder *encoder)
{
    return encoder ? encoder->width : 0;
}

/* Enqueues the sending of rows as they are used in training: without subnormal numbers. */
static mcl_status send(mcl_encoder *encoder, const float *values, uint32_t rows)
{
    const size_t count = (size_t)rows * encoder->columns;
    mcl_host_flush_all(encoder->values, values, count);
    const cl_int code = clEnqueueWriteBuffer(encoder->context->queue, encoder->input, CL_FALSE, 0,
        count * sizeof(float), encoder->values, 0, NULL, NULL);
    return code == CL_SUCCESS ? MCL_OK : mcl_context_fail(encoder->context, "sending rows", code);
}

static mcl_status run_batch(
    mcl_encoder *encoder, float *embeddings, const float *values, uint32_t rows)
{
    cl_mem output;
    MCL_TRY(send(encoder, values, rows));
    MCL_TRY(mcl_inference_run(&output, &encoder->inference, encoder->input, rows));
    return mcl_buffer_read(
        encoder->context, embeddings, output, 0, (size_t)rows * encoder->width * sizeof(float));
}

mcl_status mcl_encoder_run(
    mcl_encoder *encoder, float *embeddings, const float *values, uint64_t rows)
{
    mcl_status status = MCL_OK;
    if (!encoder || ((!embeddings || !values) && rows > 0))
        return mcl_fail(MCL_ERROR_ARGUMENT, "an encoder, embeddings and values must not be NULL");
    for (uint64_t done = 0; done < rows && status == MCL_OK; done += encoder->rows) {
        const uint64_t left = rows - done;
        status =
            run_batch(encoder, embeddings + done * encoder->width, values + done * encoder->columns,
                left < encoder->rows ? (uint32_t)left : encoder->rows);
    }
    if (status != MCL_OK)
        (void)clFinish(encoder->context->queue); /* which may still read the values */
    return status;
}

void mcl_encoder_close(mcl_encoder *encoder)
{
    if (!encoder)
        return;
    mcl_inference_release(&encoder->inference);
    mcl_buffer_release(&encoder->input);
    free(encoder->values);
    free(encoder);
}
