/* SPDX-License-Identifier: Apache-2.0 */
/* Embedded rows a second, through the public interface:
 *
 *   bench_embed --data FILE [--encoder WORDS] [--platform P] [--device D] [--gemm KIND]
 *
 * The encoder is the reference model's, or that of the words with batch normalization, with its
 * initial parameters. Serves measurements, see serve.h; one lasts whole passes over the file's
 * rows, which are in memory.
 */
#include <stdio.h>
#include <stdlib.h>

#include "arguments.h"
#include "serve.h"

struct bench {
    mcl_context *context;
    mcl_data *data;
    mcl_model *model;
    float *embeddings;
};

static mcl_status measure(double *rate, double seconds, void *user)
{
    struct bench *bench = user;
    const double start = bench_now();
    uint64_t rows = 0;
    do {
        const mcl_status status =
            mcl_embed(bench->embeddings, bench->context, bench->model, bench->data);
        if (status != MCL_OK)
            return status;
        rows += mcl_data_rows(bench->data);
        *rate = (double)rows / (bench_now() - start);
    } while (bench_now() - start < seconds);
    return MCL_OK;
}

/* Of images of 28 × 28, and with 1,152 values after the last layer, as models.py has them. */
static void use_words(mcl_architecture *architecture, const char *encoder)
{
    snprintf(architecture->encoder, sizeof architecture->encoder, "%s", encoder);
    architecture->hidden_count = 0;
    architecture->embedding = 1152;
    architecture->normalization = MCL_NORMALIZATION_BATCH;
    architecture->height = architecture->width = 28;
    architecture->channels = 1;
}

static mcl_status set_up(struct bench *bench, int count, char **arguments)
{
    mcl_status status = mcl_data_open(&bench->data, bench_text(count, arguments, "data", ""));
    if (status != MCL_OK)
        return status;
    mcl_architecture architecture = {
        .input = mcl_data_columns(bench->data),
        .hidden = {128},
        .hidden_count = 1,
        .embedding = 64,
        .activation = MCL_ACTIVATION_RELU,
    };
    const char *encoder = bench_text(count, arguments, "encoder", "");
    if (*encoder)
        use_words(&architecture, encoder);
    bench->embeddings =
        calloc(mcl_data_rows(bench->data), architecture.embedding * sizeof *bench->embeddings);
    if (!bench->embeddings)
        return MCL_ERROR_MEMORY;
    status = mcl_model_create(&bench->model, &architecture, 0);
    return status == MCL_OK ? bench_context(&bench->context, count, arguments, "auto") : status;
}

int main(int count, char **arguments)
{
    struct bench bench = {0};
    mcl_status status = set_up(&bench, count, arguments);
    if (status == MCL_OK)
        status = bench_serve(measure, &bench);
    mcl_context_close(bench.context);
    mcl_model_free(bench.model);
    mcl_data_free(bench.data);
    free(bench.embeddings);
    return status == MCL_OK ? EXIT_SUCCESS : bench_failed();
}
