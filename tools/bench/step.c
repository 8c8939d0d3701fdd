/* SPDX-License-Identifier: Apache-2.0 */
/* Rows a second of training steps, through the public interface:
 *
 *   bench_step [--platform P] [--device D] [--gemm KIND] [--rows N] [--columns N] [--data FILE]
 *              [--encoder WORDS] [--hidden 1024,512] [--embedding N] [--objective NAME] [--batch N]
 *              [--epochs N [--watch none|measures|validation]]
 *
 * Data are normal numbers in memory, or a file; an encoder in words has batch normalization. Serves
 * measurements, see serve.h; one lasts whole epochs, so that what an epoch costs beyond its steps
 * is in the figure. With --epochs it is a whole run of so many, however long that takes: with
 * nothing measured in it, with what reports of ends of epochs have, or with classes to validate by
 * too.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "serve.h"

struct bench {
    mcl_context *context;
    mcl_data *data;
    mcl_pretrain_options options;
    double seconds; /* a measurement's least duration */
    double begun;   /* the end of the first epoch, the warm-up; 0 before it */
    double rate;    /* rows a second */
    uint64_t first; /* steps before begun */
    int32_t *labels;
    bool whole; /* measures whole runs */
    volatile sig_atomic_t stop;
};

static void report(const mcl_step *step, void *user)
{
    struct bench *bench = user;
    if (!step->epoch_end || bench->stop)
        return;
    if (bench->begun == 0.0) {
        bench->begun = step->seconds;
        bench->first = step->step;
    } else if (step->seconds - bench->begun >= bench->seconds) {
        bench->rate = (double)((step->step - bench->first) * bench->options.train.batch) /
                      (step->seconds - bench->begun);
        bench->stop = 1;
    }
}

static mcl_status measure_whole(double *rate, struct bench *bench)
{
    const uint64_t batch = bench->options.train.batch;
    const uint64_t rows = mcl_data_rows(bench->data) / batch * batch;
    mcl_model *model = NULL;
    const double begun = bench_now();
    const mcl_status status = mcl_pretrain(&model, bench->context, bench->data, &bench->options);
    mcl_model_free(model);
    *rate = (double)(rows * bench->options.train.epochs) / (bench_now() - begun);
    return status;
}

static mcl_status measure(double *rate, double seconds, void *user)
{
    struct bench *bench = user;
    if (bench->whole)
        return measure_whole(rate, bench);
    bench->seconds = seconds;
    bench->begun = 0.0;
    bench->stop = 0;
    mcl_model *model = NULL;
    mcl_status status = mcl_pretrain(&model, bench->context, bench->data, &bench->options);
    mcl_model_free(model);
    *rate = bench->rate;
    return status == MCL_INTERRUPTED ? MCL_OK : status;
}

/* "1024,512" */
static void parse_hidden(mcl_pretrain_options *options, const char *text)
{
    options->hidden_count = 0;
    while (*text && options->hidden_count < MCL_HIDDEN_MAX) {
        char *end;
        options->hidden[options->hidden_count++] = (uint32_t)strtoul(text, &end, 10);
        text = *end == ',' ? end + 1 : "";
    }
}

static void ignore(const mcl_step *step, void *user)
{
    (void)step;
    (void)user;
}

/* --epochs and --watch */
static void watch(struct bench *bench, int count, char **arguments)
{
    const uint64_t rows = mcl_data_rows(bench->data);
    const char *what = bench_text(count, arguments, "watch", "none");
    bench->options.train.epochs = (uint64_t)bench_number(count, arguments, "epochs", 0.0);
    bench->options.train.report = strcmp(what, "none") == 0 ? NULL : ignore;
    if (strcmp(what, "validation") != 0)
        return;
    bench->labels = malloc((size_t)rows * sizeof *bench->labels);
    for (uint64_t i = 0; bench->labels && i < rows; i++)
        bench->labels[i] = (int32_t)(i % 10);
    bench->options.train.validation_labels = bench->labels;
}

/* --encoder, --hidden and --embedding */
static mcl_status choose_network(mcl_pretrain_options *options, int count, char **arguments)
{
    const char *encoder = bench_text(count, arguments, "encoder", NULL);
    if (encoder) {
        const mcl_status status = mcl_options_set(&options->base, "normalization", "batch");
        return status == MCL_OK ? mcl_options_set(&options->base, "encoder", encoder) : status;
    }
    parse_hidden(options, bench_text(count, arguments, "hidden", "128"));
    options->embedding = (uint32_t)bench_number(count, arguments, "embedding", 64.0);
    return MCL_OK;
}

static mcl_status set_up(struct bench *bench, int count, char **arguments)
{
    mcl_pretrain_options *options = &bench->options;
    mcl_status status = mcl_pretrain_options_init(options);
    if (status == MCL_OK)
        status = mcl_recipe_apply(options, "reference");
    if (status == MCL_OK)
        status = mcl_objectives_parse(options->objectives, &options->objective_count,
            bench_text(count, arguments, "objective", "cosine"));
    if (status == MCL_OK)
        status = choose_network(options, count, arguments);
    options->train.batch = (uint64_t)bench_number(count, arguments, "batch", 256.0);
    options->train.epochs = UINT32_MAX; /* until stopped */
    options->train.report = report;
    options->train.user = bench;
    options->train.stop = &bench->stop;
    const char *file = bench_text(count, arguments, "data", NULL);
    if (status == MCL_OK)
        status = file ? mcl_data_open(&bench->data, file)
                      : mcl_data_synthetic(&bench->data,
                            (uint64_t)bench_number(count, arguments, "rows", 60000.0),
                            (uint64_t)bench_number(count, arguments, "columns", 784.0), 0);
    bench->whole = status == MCL_OK && *bench_text(count, arguments, "epochs", "");
    if (bench->whole)
        watch(bench, count, arguments);
    return status == MCL_OK ? bench_context(&bench->context, count, arguments, "auto") : status;
}

int main(int count, char **arguments)
{
    static struct bench bench;
    mcl_status status = set_up(&bench, count, arguments);
    if (status == MCL_OK)
        status = bench_serve(measure, &bench);
    mcl_context_close(bench.context);
    mcl_data_free(bench.data);
    free(bench.labels);
    return status == MCL_OK ? EXIT_SUCCESS : bench_failed();
}
