/* SPDX-License-Identifier: Apache-2.0 */
/* What a request for a few embeddings takes, through the public interface: by a session, which
 * stays on the device, and by mcl_embed(), which sets up everything anew.
 *
 *   bench_requests [--platform P] [--device D] [--gemm KIND] [--seconds S]
 *
 * Prints milliseconds a call, [lowest, median, highest] over at least S seconds (0.2), for models
 * with their initial parameters, as lines of JSON.
 */
#include <stdio.h>
#include <stdlib.h>

#include "arguments.h"
#include "serve.h"

#define ROWS_MOST 256
#define CALLS_MOST 100000
#define COLUMNS 784

static const mcl_architecture models[] = {
    {.input = COLUMNS,
        .hidden = {128},
        .hidden_count = 1,
        .embedding = 64,
        .activation = MCL_ACTIVATION_RELU},
    {.input = COLUMNS,
        .hidden = {1024},
        .hidden_count = 1,
        .embedding = 512,
        .activation = MCL_ACTIVATION_RELU},
};

struct bench {
    mcl_context *context;
    const mcl_architecture *architecture;
    mcl_model *model;
    mcl_encoder *encoder;
    uint32_t rows;
    mcl_data *data; /* as many */
    float *values;  /* [rows × COLUMNS] */
    float *embeddings;
};

typedef mcl_status call(struct bench *bench);

static mcl_status by_session(struct bench *bench)
{
    return mcl_encoder_run(bench->encoder, bench->embeddings, bench->values, bench->rows);
}

static mcl_status by_embed(struct bench *bench)
{
    return mcl_embed(bench->embeddings, bench->context, bench->model, bench->data);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct times {
    double lowest, median, highest; /* milliseconds */
};

/* Of the calls' seconds, after one that compiles. */
static mcl_status measure(struct times *measured, struct bench *bench, call *run, double seconds)
{
    double *times = malloc(CALLS_MOST * sizeof *times);
    if (!times)
        return MCL_ERROR_MEMORY;
    mcl_status status = run(bench);
    const double start = bench_now();
    size_t count = 0;
    while (status == MCL_OK && count < CALLS_MOST && (count < 5 || bench_now() - start < seconds)) {
        const double before = bench_now();
        status = run(bench);
        times[count++] = bench_now() - before;
    }
    qsort(times, count, sizeof *times, compare);
    if (count)
        *measured = (struct times){1e3 * times[0], 1e3 * times[count / 2], 1e3 * times[count - 1]};
    free(times);
    return status;
}

static mcl_status measure_rows(struct bench *bench, uint32_t rows, double seconds)
{
    struct times session = {0.0, 0.0, 0.0}, anew = session;
    bench->rows = rows;
    mcl_status status = mcl_data_synthetic(&bench->data, rows, COLUMNS, 1);
    if (status == MCL_OK)
        status = measure(&session, bench, by_session, seconds);
    if (status == MCL_OK)
        status = measure(&anew, bench, by_embed, seconds);
    mcl_data_free(bench->data);
    bench->data = NULL;
    if (status == MCL_OK)
        printf("{\"model\": \"%u-%u-%u\", \"rows\": %u, \"session\": [%.4g, %.4g, %.4g], "
               "\"embed\": [%.4g, %.4g, %.4g]}\n",
            COLUMNS, (unsigned)bench->architecture->hidden[0],
            (unsigned)bench->architecture->embedding, (unsigned)rows, session.lowest,
            session.median, session.highest, anew.lowest, anew.median, anew.highest);
    fflush(stdout);
    return status;
}

static mcl_status measure_model(
    struct bench *bench, const mcl_architecture *architecture, double seconds)
{
    static const uint32_t rows[] = {1, 8, 64, ROWS_MOST};
    bench->architecture = architecture;
    mcl_status status = mcl_model_create(&bench->model, architecture, 0);
    if (status == MCL_OK)
        status = mcl_encoder_open(&bench->encoder, bench->context, bench->model, 0, ROWS_MOST);
    for (size_t i = 0; i < sizeof rows / sizeof *rows && status == MCL_OK; i++)
        status = measure_rows(bench, rows[i], seconds);
    mcl_encoder_close(bench->encoder);
    mcl_model_free(bench->model);
    bench->encoder = NULL;
    bench->model = NULL;
    return status;
}

int main(int count, char **arguments)
{
    struct bench bench = {0};
    const double seconds = bench_number(count, arguments, "seconds", 0.2);
    mcl_status status = bench_context(&bench.context, count, arguments, "auto");
    bench.values = malloc(sizeof(float) * ROWS_MOST * COLUMNS);
    bench.embeddings = malloc(sizeof(float) * ROWS_MOST * 512);
    if (!bench.values || !bench.embeddings)
        status = MCL_ERROR_MEMORY;
    for (size_t i = 0; i < (size_t)ROWS_MOST * COLUMNS && status == MCL_OK; i++)
        bench.values[i] = (float)(i % 255) / 255.0f;
    for (size_t i = 0; i < sizeof models / sizeof *models && status == MCL_OK; i++)
        status = measure_model(&bench, &models[i], seconds);
    mcl_context_close(bench.context);
    free(bench.values);
    free(bench.embeddings);
    return status == MCL_OK ? EXIT_SUCCESS : bench_failed();
}
