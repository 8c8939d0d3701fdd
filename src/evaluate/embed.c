/* SPDX-License-Identifier: Apache-2.0 */
/* What a trained model makes of a data set: embeddings, what a layer makes of it, classes. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/rounding.h"
#include "data/classes.h"
#include "data/data.h"
#include "data/feed.h"
#include "evaluate/inference.h"
#include "maskcl/evaluate.h"
#include "maskcl/finetune.h"
#include "model/model.h"
#include "model/parameters.h"
#include "views/views.h"

/* A batch, whose size does not change the results. */
#define ROWS_LEAST 256         /* where they fit the device */
#define ROWS_MOST 4096         /* after which it does not matter that a launch takes time */
#define BYTES ((uint64_t)64e6) /* between the two, as many as this holds */

/* A batch of maps on a CPU, where caches are to hold what one layer makes for the next: 256 rows of
 * an encoder of patches take five times as long as in batches of 16. */
#define MAPS_LEAST 16
#define MAPS_BYTES ((uint64_t)9e6)

#define READING 2 /* batches whose results may still be on their way */

/* What embedding holds on the device. */
struct embedding {
    mcl_context *context;
    const mcl_data *data;
    bool caches;   /* batches are to be as small as those of maps on a CPU */
    uint64_t most; /* rows of a batch, where memory has lacked for more; 0: not yet */
    uint32_t batch;
    mcl_inference inference;
    mcl_feed *feed;
    mcl_unmasked unmasked;
    cl_mem input;
    cl_event read[READING]; /* of batch i at i mod READING; NULL: none */
};

static uint64_t most_rows(const struct embedding *work, uint64_t row)
{
    const uint64_t rows = mcl_data_rows(work->data);
    const uint64_t least = work->caches ? MAPS_LEAST : ROWS_LEAST;
    uint64_t most = (work->caches ? MAPS_BYTES : BYTES) / row;
    most = most < least ? least : most;
    most = most < ROWS_MOST ? most : ROWS_MOST;
    most = work->most && work->most < most ? work->most : most;
    return rows < most ? rows : most;
}

static mcl_status create_embedding(
    struct embedding *work, const mcl_model *model, const mcl_path *path)
{
    mcl_context *context = work->context;
    const uint64_t before = context->memory_made;
    const uint64_t floats = mcl_data_columns(work->data) * sizeof(float);
    const uint64_t row = mcl_network_row_size(path->layers, path->count) + floats +
                         2 * mcl_feed_slot_size(work->data, 1);
    work->caches =
        !context->spreads && path->layers[0].from.height * path->layers[0].from.width > 1;
    work->batch = mcl_inference_batch(context, model, most_rows(work, row), row);
    MCL_TRY(mcl_inference_create(&work->inference, context, model, path, work->batch));
    if (mcl_data_rows(work->data) > work->batch)
        MCL_TRY(mcl_inference_freeze(&work->inference));
    MCL_TRY(mcl_unmasked_find(&work->unmasked, context, work->data));
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

/* Enqueues the embedding of batch i, which has count rows, and the reading of the results. */
static mcl_status embed_batch(
    struct embedding *work, float *embeddings, size_t width, uint64_t i, uint32_t count)
{
    mcl_context *context = work->context;
    const uint64_t first = i * work->batch;
    cl_event *read = &work->read[i % READING];
    mcl_rows rows;
    cl_mem output;
    MCL_TRY(wait_for_results(work, read));
    MCL_TRY(mcl_feed_batch(&rows, work->feed, first, count));
    MCL_TRY(mcl_unmasked_run(&work->unmasked, rows.data, rows.start, count, work->input));
    MCL_TRY(mcl_feed_taken(work->feed));
    MCL_TRY(mcl_inference_run(&output, &work->inference, work->input, count));
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
    mcl_inference_release(&work->inference);
    mcl_buffer_release(&work->input);
}

/* values[rows × width of the path] = what the path makes of the rows. */
static mcl_status embed(float *values, mcl_context *context, const mcl_model *model,
    const mcl_data *data, const mcl_path *path)
{
    MCL_TRY(mcl_width_check(mcl_model_architecture(model), data));
    struct embedding work = {.context = context, .data = data};
    const uint64_t all = mcl_data_rows(data);
    const char *advice = context->advice;
    context->advice = "another `device`"; /* fewer rows at a time are tried without being asked */
    mcl_status status = create_embedding(&work, model, path);
    while (mcl_inference_lacks_memory(status) && work.batch > 1) {
        release_embedding(&work);
        work = (struct embedding){.context = context, .data = data, .most = work.batch / 2};
        status = create_embedding(&work, model, path);
    }
    context->advice = advice;
    uint64_t number = 0;
    for (uint64_t first = 0; first < all && status == MCL_OK; first += work.batch) {
        const uint32_t count = all - first < work.batch ? (uint32_t)(all - first) : work.batch;
        status = embed_batch(&work, values, mcl_path_width(path), number++, count);
    }
    for (size_t k = 0; k < READING && status == MCL_OK; k++)
        status = wait_for_results(&work, &work.read[k]);
    release_embedding(&work);
    return status;
}

static mcl_status find_path(mcl_path *path, const mcl_model *model, uint32_t layer, uint32_t grid)
{
    MCL_TRY(mcl_path_to_layer(path, mcl_model_architecture(model), layer));
    return grid > 0 ? mcl_path_pool(path, grid) : MCL_OK;
}

mcl_status mcl_pooled_width(uint32_t *width, const mcl_model *model, uint32_t layer, uint32_t grid)
{
    MCL_NEED(width);
    MCL_NEED(model);
    mcl_path path;
    MCL_TRY(find_path(&path, model, layer, grid));
    *width = mcl_path_width(&path);
    return MCL_OK;
}

mcl_status mcl_layer_width(uint32_t *width, const mcl_model *model, uint32_t layer)
{
    return mcl_pooled_width(width, model, layer, 0);
}

mcl_status mcl_embed_pooled(float *embeddings, mcl_context *context, const mcl_model *model,
    const mcl_data *data, uint32_t layer, uint32_t grid)
{
    MCL_NEED(embeddings);
    MCL_NEED(context);
    MCL_NEED(model);
    MCL_NEED(data);
    mcl_path path;
    MCL_TRY(find_path(&path, model, layer, grid));
    return embed(embeddings, context, model, data, &path);
}

mcl_status mcl_embed_layer(float *embeddings, mcl_context *context, const mcl_model *model,
    const mcl_data *data, uint32_t layer)
{
    return mcl_embed_pooled(embeddings, context, model, data, layer, 0);
}

mcl_status mcl_embed(
    float *embeddings, mcl_context *context, const mcl_model *model, const mcl_data *data)
{
    MCL_NEED(embeddings);
    MCL_NEED(context);
    MCL_NEED(model);
    MCL_NEED(data);
    return mcl_embed_layer(embeddings, context, model, data, 0);
}

/* logits[rows × classes] by the model's head */
static mcl_status embed_by_head(
    float *logits, mcl_context *context, const mcl_model *model, const mcl_data *data)
{
    mcl_path head;
    if (mcl_model_architecture(model)->classes == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "the model has no head that tells classes apart: fine-tune it with labels first");
    mcl_path_to_part(&head, mcl_model_architecture(model), MCL_PART_HEAD);
    return embed(logits, context, model, data, &head);
}

static uint32_t likeliest(const float *row, uint32_t count)
{
    uint32_t best = 0;
    for (uint32_t c = 1; c < count; c++)
        best = row[c] > row[best] ? c : best;
    return best;
}

mcl_status mcl_classify(
    int32_t *classes, mcl_context *context, const mcl_model *model, const mcl_data *data)
{
    MCL_NEED(classes);
    MCL_NEED(context);
    MCL_NEED(model);
    MCL_NEED(data);
    const uint64_t rows = mcl_data_rows(data);
    const uint32_t count = mcl_model_architecture(model)->classes;
    const char *text = mcl_model_metadata_get(model, MCL_CLASS_NUMBERS);
    mcl_classes numbers = {NULL, 0};
    float *logits = NULL;
    if (count && text && mcl_classes_parse(&numbers, text, count) != MCL_OK)
        return mcl_fail(MCL_ERROR_FORMAT, "the model's metadata '" MCL_CLASS_NUMBERS "' %s",
            mcl_error_message());
    mcl_status status = mcl_allocate(&logits, rows, count * sizeof *logits);
    if (status == MCL_OK)
        status = embed_by_head(logits, context, model, data);
    for (uint64_t i = 0; i < rows && status == MCL_OK; i++) {
        const uint32_t best = likeliest(logits + i * count, count);
        classes[i] = numbers.count ? numbers.numbers[best] : (int32_t)best;
    }
    mcl_classes_release(&numbers);
    free(logits);
    return status;
}

mcl_status mcl_predict_probabilities(
    float *probabilities, mcl_context *context, const mcl_model *model, const mcl_data *data)
{
    MCL_NEED(probabilities);
    MCL_NEED(context);
    MCL_NEED(model);
    MCL_NEED(data);
    const uint64_t rows = mcl_data_rows(data);
    const uint32_t count = mcl_model_architecture(model)->classes;
    MCL_TRY(embed_by_head(probabilities, context, model, data));
    for (uint64_t i = 0; i < rows; i++) {
        float *row = probabilities + i * count;
        const float most = row[likeliest(row, count)];
        double sum = 0.0;
        for (uint32_t c = 0; c < count; c++) {
            row[c] = mcl_host_exp(row[c] - most);
            sum += (double)row[c];
        }
        for (uint32_t c = 0; c < count; c++)
            row[c] = (float)((double)row[c] / sum);
    }
    return MCL_OK;
}
