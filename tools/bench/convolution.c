/* SPDX-License-Identifier: Apache-2.0 */
/* Rows a second of the three products of one convolution, or of one of them:
 *
 *   bench_convolution [--platform P] [--device D] [--size N] [--channels N] [--filters N]
 *                     [--kernel N] [--stride N] [--padding N] [--rows N]
 *                     [--pass forward|by-input|by-weight]
 *
 * Serves measurements, see serve.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "compute/convolution.h"
#include "serve.h"

enum { X, W, Y, DX, DW, BIAS, DB, BUFFERS };

struct bench {
    mcl_context *context;
    mcl_convolution_shape shape;
    uint32_t rows;
    mcl_convolution *plans[3]; /* NULL: not measured */
    cl_mem buffers[BUFFERS];
};

static mcl_status step(struct bench *bench)
{
    const cl_mem *b = bench->buffers;
    const mcl_operands operands[] = {
        {.a = {b[X], 0}, .b = {b[W], 0}, .c = {b[Y], 0}, .m = bench->rows, .bias = {b[BIAS], 0}},
        {.a = {b[Y], 0}, .b = {b[W], 0}, .c = {b[DX], 0}, .m = bench->rows},
        {.a = {b[Y], 0}, .b = {b[X], 0}, .c = {b[DW], 0}, .m = bench->rows, .bias = {b[DB], 0}},
    };
    for (int pass = 0; pass < 3; pass++) {
        if (bench->plans[pass])
            MCL_TRY(mcl_convolution_run(bench->plans[pass], &operands[pass]));
    }
    return mcl_context_finish(bench->context);
}

static mcl_status measure(double *rate, double seconds, void *user)
{
    struct bench *bench = user;
    const double begun = bench_now();
    double now = begun;
    uint64_t rows = 0;
    while (now - begun < seconds) {
        MCL_TRY(step(bench));
        rows += bench->rows;
        now = bench_now();
    }
    *rate = (double)rows / (now - begun);
    return MCL_OK;
}

/* *buffer = numbers from -1 to 1 */
static mcl_status make(cl_mem *buffer, mcl_context *context, uint64_t count)
{
    float *values = malloc(count * sizeof *values);
    if (!values)
        return mcl_fail(MCL_ERROR_MEMORY, "no memory");
    for (uint64_t i = 0; i < count; i++)
        values[i] = (float)(i * 2654435761u % 65536) / 32768.0f - 1.0f;
    const mcl_status status =
        mcl_buffer_create_from(buffer, context, values, count, sizeof *values, "a benchmark");
    free(values);
    return status;
}

static mcl_status make_buffers(struct bench *bench)
{
    const mcl_convolution_shape *s = &bench->shape;
    const uint64_t x = (uint64_t)bench->rows * s->size[0] * s->size[1] * s->channels;
    const uint64_t w = (uint64_t)s->filters * s->channels * s->kernel[0] * s->kernel[1];
    const uint64_t y =
        (uint64_t)bench->rows * mcl_convolution_out(s, 0) * mcl_convolution_out(s, 1) * s->filters;
    const uint64_t counts[BUFFERS] = {x, w, y, x, w, s->filters, s->filters};
    for (int i = 0; i < BUFFERS; i++)
        MCL_TRY(make(&bench->buffers[i], bench->context, counts[i]));
    return MCL_OK;
}

static mcl_status set_up(struct bench *bench, int count, char **arguments)
{
    static const char *const names[] = {"forward", "by-input", "by-weight"};
    static const mcl_epilogue epilogues[] = {{MCL_EPILOGUE_FORWARD, MCL_ACTIVATION_NONE}, {0}, {0}};
    const char *only = bench_text(count, arguments, "pass", NULL);
    mcl_convolution_shape *s = &bench->shape;
    s->channels = (uint32_t)bench_number(count, arguments, "channels", 64.0);
    s->filters = (uint32_t)bench_number(count, arguments, "filters", 64.0);
    for (int d = 0; d < 2; d++) {
        s->size[d] = (uint32_t)bench_number(count, arguments, "size", 14.0);
        s->kernel[d] = (uint32_t)bench_number(count, arguments, "kernel", 3.0);
        s->stride[d] = (uint32_t)bench_number(count, arguments, "stride", 1.0);
        s->padding[d] = (uint32_t)bench_number(count, arguments, "padding", 1.0);
        s->dilation[d] = 1;
    }
    bench->rows = (uint32_t)bench_number(count, arguments, "rows", 256.0);
    MCL_TRY(mcl_convolution_check(s));
    MCL_TRY(bench_context(&bench->context, count, arguments, "native"));
    MCL_TRY(make_buffers(bench));
    for (int pass = 0; pass < 3; pass++) {
        if (!only || strcmp(only, names[pass]) == 0)
            MCL_TRY(mcl_convolution_create(&bench->plans[pass], bench->context, s,
                (mcl_convolution_pass)pass, bench->rows, &epilogues[pass]));
    }
    return step(bench);
}

int main(int count, char **arguments)
{
    static struct bench bench;
    mcl_status status = set_up(&bench, count, arguments);
    if (status == MCL_OK)
        status = bench_serve(measure, &bench);
    for (int pass = 0; pass < 3; pass++)
        mcl_convolution_free(bench.plans[pass]);
    for (int i = 0; i < BUFFERS; i++)
        mcl_buffer_release(&bench.buffers[i]);
    mcl_context_close(bench.context);
    return status == MCL_OK ? EXIT_SUCCESS : bench_failed();
}
