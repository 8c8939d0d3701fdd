/* Embeddings and reconstructions by a trained model. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/data.h"
#include "maskcl/evaluate.h"
#include "nn/network.h"
#include "ssl/views.h"

#define ROWS 1024 /* a batch: the results do not depend on it */

static size_t row_size(const mcl_data *data)
{
    return mcl_data_columns(data) * mcl_element_size(mcl_data_element(data));
}

static mcl_status check_width(const mcl_model *model, const mcl_data *data)
{
    const uint64_t input = mcl_model_architecture(model)->input;
    if (input == mcl_data_columns(data))
        return MCL_OK;
    return mcl_fail(MCL_ERROR_DATA,
        "the model takes rows of %" PRIu64 " values, but the data's have %" PRIu64, input,
        mcl_data_columns(data));
}

/* *buffer = the model's parameters in device memory. */
static mcl_status upload_parameters(cl_mem *buffer, mcl_context *context, const mcl_model *model)
{
    uint64_t count;
    const float *values = mcl_model_parameters(model, &count, NULL);
    return mcl_buffer_create_from(buffer, context, values, count, sizeof(float), "parameters");
}

mcl_status mcl_embed(
    float *embeddings, mcl_context *context, const mcl_model *model, const mcl_data *data)
{
    MCL_TRY(check_width(model, data));
    const mcl_architecture *architecture = mcl_model_architecture(model);
    const uint64_t all = mcl_data_rows(data), columns = mcl_data_columns(data);
    const uint32_t most = all < ROWS ? (uint32_t)all : ROWS;
    mcl_layer layers[MCL_LAYERS_MAX];
    const size_t count = mcl_encoder_layers(layers, architecture);
    mcl_network *encoder = NULL;
    cl_mem parameters = NULL, chunk = NULL, input = NULL;
    mcl_status status =
        mcl_network_create(&encoder, context, layers, count, architecture->activation, most, false);
    if (status == MCL_OK)
        status = upload_parameters(&parameters, context, model);
    if (status == MCL_OK)
        status = mcl_buffer_create(&input, context, most, columns * sizeof(float), "rows");
    if (status == MCL_OK)
        status = mcl_buffer_create(&chunk, context, most, row_size(data), "the data");
    for (uint64_t first = 0; first < all && status == MCL_OK; first += most) {
        const uint32_t rows = all - first < most ? (uint32_t)(all - first) : most;
        status = mcl_data_write(context, chunk, data, first, rows);
        if (status == MCL_OK)
            status = mcl_unmasked(context, chunk, mcl_data_element(data), rows * columns, input);
        if (status == MCL_OK)
            status = mcl_network_forward(encoder, parameters, input, rows);
        if (status == MCL_OK)
            status = mcl_buffer_read(context, embeddings + first * architecture->embedding,
                mcl_network_output(encoder), 0,
                (size_t)rows * architecture->embedding * sizeof(float));
    }
    mcl_network_free(encoder);
    mcl_buffer_release(&parameters);
    mcl_buffer_release(&chunk);
    mcl_buffer_release(&input);
    return status;
}

/* What a reconstruction holds on the device. A row's place in `data` is its number, which its mask
 * is drawn for: so there is room for the rows before the first, which are not sent. */
struct reconstruction {
    mcl_context *context;
    mcl_network *encoder, *decoder;
    mcl_views views;
    cl_mem parameters, data, order, input;
};

static mcl_status create(struct reconstruction *work, const mcl_model *model, const mcl_data *data,
    const mcl_mask *mask, uint64_t seed, uint64_t end, uint32_t rows)
{
    const mcl_architecture *architecture = mcl_model_architecture(model);
    mcl_layer layers[MCL_LAYERS_MAX];
    size_t count = mcl_encoder_layers(layers, architecture);
    MCL_TRY(mcl_network_create(
        &work->encoder, work->context, layers, count, architecture->activation, rows, false));
    count = mcl_decoder_layers(layers, architecture);
    MCL_TRY(mcl_network_create(
        &work->decoder, work->context, layers, count, architecture->activation, rows, false));
    MCL_TRY(mcl_views_create(&work->views, work->context, data, mask, seed, false));
    MCL_TRY(upload_parameters(&work->parameters, work->context, model));
    MCL_TRY(mcl_buffer_create(&work->data, work->context, end, row_size(data), "the data"));
    MCL_TRY(mcl_buffer_create(
        &work->order, work->context, rows, sizeof(uint64_t), "order of the rows"));
    return mcl_buffer_create(&work->input, work->context, 2 * (uint64_t)rows,
        mcl_data_columns(data) * sizeof(float), "views");
}

static mcl_status reconstruct_batch(struct reconstruction *work, float *masked,
    float *reconstructed, const mcl_data *data, uint64_t first, uint32_t rows)
{
    uint64_t order[ROWS];
    for (uint32_t i = 0; i < rows; i++)
        order[i] = first + i;
    const size_t bytes = (size_t)rows * work->views.columns * sizeof(float);
    const size_t row = row_size(data);
    const char *values = mcl_data_values(data);
    MCL_TRY(
        mcl_buffer_write(work->context, work->data, first * row, values + first * row, rows * row));
    MCL_TRY(mcl_buffer_write(work->context, work->order, 0, order, rows * sizeof *order));
    MCL_TRY(mcl_views_run(&work->views, work->data, work->order, 0, rows, 0, work->input, NULL));
    MCL_TRY(mcl_network_forward(work->encoder, work->parameters, work->input, rows));
    MCL_TRY(mcl_network_forward(
        work->decoder, work->parameters, mcl_network_output(work->encoder), rows));
    MCL_TRY(mcl_buffer_read(work->context, masked, work->input, 0, bytes));
    return mcl_buffer_read(
        work->context, reconstructed, mcl_network_output(work->decoder), 0, bytes);
}

mcl_status mcl_reconstruct(float *masked, float *reconstructed, mcl_context *context,
    const mcl_model *model, const mcl_data *data, const mcl_mask *mask, uint64_t seed,
    uint64_t first, uint64_t rows)
{
    MCL_TRY(check_width(model, data));
    if (first > mcl_data_rows(data) || rows > mcl_data_rows(data) - first)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "rows %" PRIu64 " to %" PRIu64 " are wanted, but the data has %" PRIu64, first,
            first + rows, mcl_data_rows(data));
    if (rows == 0)
        return MCL_OK;
    struct reconstruction work = {.context = context};
    const uint32_t most = rows < ROWS ? (uint32_t)rows : ROWS;
    mcl_status status = create(&work, model, data, mask, seed, first + rows, most);
    for (uint64_t done = 0; done < rows && status == MCL_OK; done += most) {
        const uint32_t now = rows - done < most ? (uint32_t)(rows - done) : most;
        const uint64_t at = done * mcl_data_columns(data);
        status = reconstruct_batch(&work, masked + at, reconstructed + at, data, first + done, now);
    }
    mcl_network_free(work.encoder);
    mcl_network_free(work.decoder);
    mcl_buffer_release(&work.parameters);
    mcl_buffer_release(&work.data);
    mcl_buffer_release(&work.order);
    mcl_buffer_release(&work.input);
    return status;
}
