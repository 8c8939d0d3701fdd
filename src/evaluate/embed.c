/* SPDX-License-Identifier: Apache-2.0 */
/* Embeddings and reconstructions by a trained model. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/rounding.h"
#include "data/data.h"
#include "data/feed.h"
#include "maskcl/evaluate.h"
#include "maskcl/finetune.h"
#include "maskcl/pretrain.h"
#include "nn/network.h"
#include "nn/parameters.h"
#include "views/views.h"

/* A batch, whose size does not change the results. */
#define ROWS 1024                    /* of reconstructions at most */
#define EMBED_ROWS_LEAST 256         /* of embeddings, where they fit the device */
#define EMBED_ROWS_MOST 4096         /* after which it does not matter that a launch takes time */
#define EMBED_BYTES ((uint64_t)64e6) /* between the two, as many as this holds */

#define READING 2 /* batches whose results may still be on their way */

/* Bytes of device memory that a row takes in a network, its results in every layer. */
static uint64_t row_in_network(const mcl_layer *layers, size_t count, mcl_activation activation)
{
    uint64_t values = 0;
    for (size_t l = 0; l < count; l++) {
        const bool normalized = layers[l].normalization != MCL_NORMALIZATION_NONE;
        values += (uint64_t)layers[l].out * (1 + (activation == MCL_ACTIVATION_GELU) + normalized);
    }
    return values * sizeof(float);
}

/* How many rows make a batch, `most` or fewer, when each takes so much of the device's memory
 * beside the model, of which there are two copies in the order that the matrix product reads. At
 * least one: what follows refuses one that is too large. */
static uint32_t choose_batch(
    const mcl_context *context, const mcl_model *model, uint64_t most, uint64_t row)
{
    uint64_t count;
    mcl_model_parameters(model, &count, NULL);
    const uint64_t fixed = 3 * count * sizeof(float), limit = context->memory_limit;
    const uint64_t fit = limit > fixed ? (limit - fixed) / row : 0;
    return (uint32_t)(fit < 1 ? 1 : fit < most ? fit : most);
}

/* What embedding holds on the device. */
struct embedding {
    mcl_context *context;
    const mcl_data *data;
    uint32_t batch;
    mcl_network *encoder;
    mcl_network *behind; /* head or projector; NULL: what is wanted is of the encoder */
    mcl_feed *feed;
    mcl_unmasked unmasked;
    cl_mem parameters, input;
    cl_event read[READING]; /* of batch i at i mod READING; NULL: none */
};

static uint64_t most_rows(uint64_t rows, uint64_t row)
{
    uint64_t most = EMBED_BYTES / row;
    most = most < EMBED_ROWS_LEAST ? EMBED_ROWS_LEAST : most;
    most = most < EMBED_ROWS_MOST ? most : EMBED_ROWS_MOST;
    return rows < most ? rows : most;
}

/* The layers whose results are wanted: the first of the encoder's, and of a part behind it. */
struct wanted {
    mcl_part part; /* MCL_PART_ENCODER: none behind it */
    uint32_t layers;
    uint32_t width; /* of the last of them */
};

static mcl_status create_embedding(
    struct embedding *work, const mcl_model *model, const struct wanted *wanted)
{
    mcl_context *context = work->context;
    const mcl_architecture *architecture = mcl_model_architecture(model);
    const mcl_activation activation = architecture->activation;
    const uint64_t before = context->memory_made;
    const uint64_t floats = mcl_data_columns(work->data) * sizeof(float);
    mcl_layer layers[MCL_LAYERS_MAX], behind[MCL_LAYERS_MAX];
    size_t count = mcl_part_layers(layers, architecture, MCL_PART_ENCODER), more = 0;
    if (wanted->part == MCL_PART_ENCODER) {
        count = wanted->layers;
    } else {
        mcl_part_layers(behind, architecture, wanted->part);
        more = wanted->layers;
    }
    const uint64_t row = row_in_network(layers, count, activation) +
                         row_in_network(behind, more, activation) + floats +
                         2 * mcl_feed_slot_size(work->data, 1);
    work->batch = choose_batch(context, model, most_rows(mcl_data_rows(work->data), row), row);
    MCL_TRY(
        mcl_network_create(&work->encoder, context, layers, count, activation, work->batch, false));
    if (more)
        MCL_TRY(mcl_network_create(
            &work->behind, context, behind, more, activation, work->batch, false));
    MCL_TRY(mcl_unmasked_find(&work->unmasked, context, work->data));
    MCL_TRY(mcl_parameters_upload(&work->parameters, context, model));
    MCL_TRY(mcl_network_freeze(work->encoder, work->parameters));
    MCL_TRY(mcl_buffer_create(&work->input, context, work->batch, floats, "rows"));
    return mcl_feed_create(&work->feed, context, work->data, work->batch, NULL, before);
}

/* Waits until the results of a batch have come, so that another one can take its turn. */
static mcl_status wait_for_results(struct embedding *work, cl_event *read)
{
    if (!*read)
        return MCL_OK;
    const cl_int code = clWaitForEvents(1, read);
    clReleaseEvent(*read);
    *read = NULL;
    return code == CL_SUCCESS ? MCL_OK
                              : mcl_context_fail(work->context, "waiting for a batch", code);
}

/* Enqueues the networks on the input's first `count` rows. */
static mcl_status forward(struct embedding *work, cl_mem *output, uint32_t count)
{
    MCL_TRY(mcl_network_forward(work->encoder, work->parameters, work->input, count));
    *output = mcl_network_output(work->encoder);
    if (!work->behind)
        return MCL_OK;
    MCL_TRY(mcl_network_forward(work->behind, work->parameters, *output, count));
    *output = mcl_network_output(work->behind);
    return MCL_OK;
}

/* Enqueues the embedding of rows first … first+count-1 and the reading of the results. */
static mcl_status embed_batch(
    struct embedding *work, float *embeddings, size_t width, uint64_t first, uint32_t count)
{
    mcl_context *context = work->context;
    cl_event *read = &work->read[first / work->batch % READING];
    mcl_rows rows;
    cl_mem output;
    MCL_TRY(wait_for_results(work, read));
    MCL_TRY(mcl_feed_batch(&rows, work->feed, first, count));
    MCL_TRY(mcl_unmasked_run(&work->unmasked, rows.data, rows.start, count, work->input));
    MCL_TRY(mcl_feed_taken(work->feed));
    MCL_TRY(forward(work, &output, count));
    cl_int code = clEnqueueReadBuffer(context->queue, output, CL_FALSE, 0,
        count * width * sizeof(float), embeddings + first * width, 0, NULL, read);
    if (code == CL_SUCCESS)
        code = clFlush(context->queue);
    return code == CL_SUCCESS ? MCL_OK : mcl_context_fail(context, "reading a buffer", code);
}

static void release_embedding(struct embedding *work)
{
    (void)clFinish(work->context->queue); /* results may still be on their way to the host */
    for (size_t i = 0; i < READING; i++) {
        if (work->read[i])
            clReleaseEvent(work->read[i]);
    }
    mcl_feed_free(work->feed);
    mcl_network_free(work->encoder);
    mcl_network_free(work->behind);
    mcl_buffer_release(&work->parameters);
    mcl_buffer_release(&work->input);
}

/* values[rows × wanted->width] = what the wanted layers make of the rows. */
static mcl_status embed(float *values, mcl_context *context, const mcl_model *model,
    const mcl_data *data, const struct wanted *wanted)
{
    MCL_TRY(mcl_width_check(mcl_model_architecture(model), data));
    struct embedding work = {.context = context, .data = data};
    const uint64_t all = mcl_data_rows(data);
    mcl_status status = create_embedding(&work, model, wanted);
    for (uint64_t first = 0; first < all && status == MCL_OK; first += work.batch) {
        const uint32_t count = all - first < work.batch ? (uint32_t)(all - first) : work.batch;
        status = embed_batch(&work, values, wanted->width, first, count);
    }
    for (size_t i = 0; i < READING && status == MCL_OK; i++)
        status = wait_for_results(&work, &work.read[i]);
    release_embedding(&work);
    return status;
}

static mcl_status find_layer(
    struct wanted *wanted, const mcl_architecture *architecture, uint32_t layer)
{
    mcl_layer layers[MCL_LAYERS_MAX];
    const size_t encoder = mcl_part_layers(layers, architecture, MCL_PART_ENCODER);
    const uint64_t all = encoder + architecture->projector_count;
    if (layer == 0 || layer > all)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "there is no layer %" PRIu32 ": the encoder has layers 1 to %zu%s", layer, encoder,
            all > encoder ? ", and those of the projector follow" : "");
    *wanted = (struct wanted){MCL_PART_ENCODER, layer, 0};
    if (layer > encoder) {
        *wanted = (struct wanted){MCL_PART_PROJECTOR, layer - (uint32_t)encoder, 0};
        mcl_part_layers(layers, architecture, MCL_PART_PROJECTOR);
    }
    wanted->width = layers[wanted->layers - 1].out;
    return MCL_OK;
}

mcl_status mcl_layer_width(uint32_t *width, const mcl_model *model, uint32_t layer)
{
    struct wanted wanted;
    MCL_TRY(find_layer(&wanted, mcl_model_architecture(model), layer));
    *width = wanted.width;
    return MCL_OK;
}

mcl_status mcl_embed_layer(float *embeddings, mcl_context *context, const mcl_model *model,
    const mcl_data *data, uint32_t layer)
{
    struct wanted wanted;
    MCL_TRY(find_layer(&wanted, mcl_model_architecture(model), layer));
    return embed(embeddings, context, model, data, &wanted);
}

mcl_status mcl_embed(
    float *embeddings, mcl_context *context, const mcl_model *model, const mcl_data *data)
{
    return mcl_embed_layer(
        embeddings, context, model, data, mcl_model_architecture(model)->hidden_count + 1);
}

mcl_status mcl_classify(
    int32_t *classes, mcl_context *context, const mcl_model *model, const mcl_data *data)
{
    const uint64_t rows = mcl_data_rows(data);
    const uint32_t count = mcl_model_architecture(model)->classes;
    float *logits;
    if (count == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "the model has no head that tells classes apart: fine-tune it with labels first");
    MCL_TRY(mcl_allocate(&logits, rows, count * sizeof *logits));
    const struct wanted head = {MCL_PART_HEAD, 1, count};
    const mcl_status status = embed(logits, context, model, data, &head);
    for (uint64_t i = 0; i < rows && status == MCL_OK; i++) {
        const float *row = logits + i * count;
        uint32_t best = 0;
        for (uint32_t c = 1; c < count; c++)
            best = row[c] > row[best] ? c : best;
        classes[i] = (int32_t)best;
    }
    free(logits);
    return status;
}

/* What a reconstruction holds on the device. */
struct reconstruction {
    mcl_context *context;
    uint32_t batch;
    mcl_network *encoder, *decoder;
    mcl_views views;
    cl_mem parameters, data, order, input;
};

static size_t row_size(const mcl_data *data)
{
    return mcl_data_columns(data) * mcl_element_size(mcl_data_element(data));
}

static mcl_status create(struct reconstruction *work, const mcl_model *model, const mcl_data *data,
    const mcl_mask *mask, uint64_t seed, uint64_t rows)
{
    mcl_context *context = work->context;
    const mcl_architecture *architecture = mcl_model_architecture(model);
    const mcl_activation activation = architecture->activation;
    const uint64_t before = context->memory_made;
    const uint64_t views = 2 * mcl_data_columns(data) * sizeof(float);
    mcl_layer encoder[MCL_LAYERS_MAX], decoder[MCL_LAYERS_MAX];
    const size_t encoders = mcl_part_layers(encoder, architecture, MCL_PART_ENCODER);
    const size_t decoders = mcl_part_layers(decoder, architecture, MCL_PART_DECODER);
    const uint64_t row = row_in_network(encoder, encoders, activation) +
                         row_in_network(decoder, decoders, activation) + views + row_size(data) +
                         sizeof(uint64_t);
    work->batch = choose_batch(context, model, rows < ROWS ? rows : ROWS, row);
    MCL_TRY(mcl_network_create(
        &work->encoder, context, encoder, encoders, activation, work->batch, false));
    MCL_TRY(mcl_network_create(
        &work->decoder, context, decoder, decoders, activation, work->batch, false));
    MCL_TRY(mcl_views_create(&work->views, context, data, &(mcl_view_options){.mask = *mask}, seed,
        work->batch, false, false));
    MCL_TRY(mcl_parameters_upload(&work->parameters, context, model));
    MCL_TRY(mcl_buffer_create(&work->data, context, work->batch, row_size(data), "the data"));
    MCL_TRY(mcl_buffer_create(
        &work->order, context, work->batch, sizeof(uint64_t), "order of the rows"));
    MCL_TRY(mcl_buffer_create(&work->input, context, work->batch, views, "views"));
    return mcl_feed_check(context, context->memory_made - before, work->batch * row, work->batch);
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
    const mcl_rows gathered = {work->data, 0, work->order, 0, true};
    MCL_TRY(mcl_buffer_write(work->context, work->data, 0, values + first * row, rows * row));
    MCL_TRY(mcl_buffer_write(work->context, work->order, 0, order, rows * sizeof *order));
    const mcl_view_buffers out = {.views = work->input};
    MCL_TRY(mcl_views_run(&work->views, &gathered, rows, 0, &out));
    MCL_TRY(mcl_network_forward(work->encoder, work->parameters, work->input, rows));
    MCL_TRY(mcl_network_forward(
        work->decoder, work->parameters, mcl_network_output(work->encoder), rows));
    MCL_TRY(mcl_buffer_read(work->context, masked, work->input, 0, bytes));
    return mcl_buffer_read(
        work->context, reconstructed, mcl_network_output(work->decoder), 0, bytes);
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
    MCL_TRY(mcl_width_check(mcl_model_architecture(model), data));
    if (first > mcl_data_rows(data) || rows > mcl_data_rows(data) - first)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "rows %" PRIu64 " to %" PRIu64 " are wanted, but the data has %" PRIu64, first,
            first + rows, mcl_data_rows(data));
    if (rows == 0)
        return MCL_OK;
    struct reconstruction work = {.context = context};
    mcl_status status = create(&work, model, data, mask, seed, rows);
    for (uint64_t done = 0; done < rows && status == MCL_OK; done += work.batch) {
        const uint32_t now = rows - done < work.batch ? (uint32_t)(rows - done) : work.batch;
        const uint64_t at = done * mcl_data_columns(data);
        status = reconstruct_batch(&work, masked + at, reconstructed + at, data, first + done, now);
    }
    const char *loss = mcl_model_metadata_get(model, "reconstruction_loss");
    if (loss && strcmp(loss, "bce") == 0 && status == MCL_OK) /* the decoder gives logits */
        apply_sigmoid(reconstructed, rows * mcl_data_columns(data));
    mcl_network_free(work.encoder);
    mcl_network_free(work.decoder);
    mcl_views_release(&work.views);
    mcl_buffer_release(&work.parameters);
    mcl_buffer_release(&work.data);
    mcl_buffer_release(&work.order);
    mcl_buffer_release(&work.input);
    return status;
}
