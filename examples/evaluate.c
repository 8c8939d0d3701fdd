/* SPDX-License-Identifier: Apache-2.0 */
/* Measures what an embedding is worth: makes rows of two classes, trains without their labels, and
 * probes the raw rows, the embeddings of the untrained encoder, and those of the trained one. */
#include <maskcl/maskcl.h>

#include <math.h>
#include <stdio.h>

#define HEIGHT 0.4F /* of the waves; the noise has a standard deviation of 1 */

enum { ROWS = 1200, TRAIN = 800, COLUMNS = 64, EMBEDDING = 64 };

/* Noise beside two waves, each up or down: the class says whether both go the same way, so that no
 * linear function of the raw rows tells it. */
static mcl_status make_rows(float *rows, int32_t *labels)
{
    mcl_data *noise = NULL;
    mcl_status status = mcl_data_synthetic(&noise, ROWS, COLUMNS, 7);
    if (status == MCL_OK)
        status = mcl_data_floats(rows, noise, 0, ROWS);
    mcl_data_free(noise);
    for (int i = 0; i < ROWS && status == MCL_OK; i++) {
        const float first = i & 1 ? HEIGHT : -HEIGHT, second = i & 2 ? HEIGHT : -HEIGHT;
        labels[i] = first == second;
        for (int j = 0; j < COLUMNS; j++)
            rows[i * COLUMNS + j] += first * sinf(0.2F * (float)j) + second * cosf(0.2F * (float)j);
    }
    return status;
}

/* The first rows with their labels to learn from, the others to test with. */
static mcl_status probe(const char *title, mcl_context *context, const float *values,
    const int32_t *labels, uint64_t columns)
{
    const mcl_features train = {values, labels, TRAIN, columns, NULL};
    const mcl_features test = {
        values + TRAIN * columns, labels + TRAIN, ROWS - TRAIN, columns, NULL};
    mcl_probe_result result;
    const mcl_status status = mcl_probe(&result, context, &train, &test);
    if (status == MCL_OK)
        printf("%-12s linear %5.1f%%  20-NN %5.1f%%\n", title, 100 * result.linear_accuracy,
            100 * result.knn_accuracy);
    return status;
}

static mcl_status probe_model(const char *title, mcl_context *context, const mcl_model *model,
    const mcl_data *data, const int32_t *labels)
{
    static float embeddings[ROWS * EMBEDDING];
    const mcl_status status = mcl_embed(embeddings, context, model, data);
    return status ? status : probe(title, context, embeddings, labels, EMBEDDING);
}

int main(void)
{
    static float rows[ROWS * COLUMNS];
    static int32_t labels[ROWS];
    mcl_context *context = NULL;
    mcl_data *data = NULL;
    mcl_model *model = NULL, *untrained = NULL;
    mcl_pretrain_options options;
    int failed = mcl_pretrain_options_init(&options);
    options.embedding = EMBEDDING;
    options.train.epochs = 10;
    failed = failed || make_rows(rows, labels) || mcl_context_open(&context, NULL) ||
             mcl_data_from_floats(&data, rows, ROWS, COLUMNS) ||
             mcl_pretrain(&model, context, data, &options) ||
             mcl_model_create(&untrained, mcl_model_architecture(model), options.train.seed) ||
             probe("raw rows", context, rows, labels, COLUMNS) ||
             probe_model("untrained", context, untrained, data, labels) ||
             probe_model("trained", context, model, data, labels);
    if (failed)
        fprintf(stderr, "%s\n", mcl_error_message());
    mcl_model_free(untrained);
    mcl_model_free(model);
    mcl_data_free(data);
    mcl_context_close(context);
    return failed;
}
