/* What the device can do at most, through OpenCL:
 *
 *   bench_peaks [--platform P] [--device D]
 *
 * Prints one JSON object: the device, GFLOP/s of independent chains of fma in registers, and GB/s,
 * read and written, of a copy that no cache holds. Both are the best of several kernels and of
 * several runs of each: anything else on the machine only makes them lower.
 */
#include <stdio.h>
#include <stdlib.h>

#include "arguments.h"
#include "base/clock.h"
#include "device/context.h"

#define RUNS 5
#define ITERATIONS 4096
#define COPY_BYTES ((size_t)256 << 20)

static const char fma_source[] = "kernel void peak(global VECTOR *out, VECTOR a, VECTOR b)\n"
                                 "{\n"
                                 "    VECTOR x[CHAINS];\n"
                                 "    __attribute__((opencl_unroll_hint(CHAINS)))\n"
                                 "    for (int c = 0; c < CHAINS; c++)\n"
                                 "        x[c] = a + (float)c + (float)get_local_id(0);\n"
                                 "    for (int i = 0; i < ITERATIONS; i++) {\n"
                                 "        __attribute__((opencl_unroll_hint(CHAINS)))\n"
                                 "        for (int c = 0; c < CHAINS; c++)\n"
                                 "            x[c] = fma(x[c], a, b);\n"
                                 "    }\n"
                                 "    VECTOR sum = x[0];\n"
                                 "    __attribute__((opencl_unroll_hint(CHAINS)))\n"
                                 "    for (int c = 1; c < CHAINS; c++)\n"
                                 "        sum += x[c];\n"
                                 "    out[get_global_id(0)] = sum;\n"
                                 "}\n";

static const char copy_source[] = "kernel void peak(global VECTOR *to, global const VECTOR *from)\n"
                                  "{\n"
                                  "    to[get_global_id(0)] = from[get_global_id(0)];\n"
                                  "}\n";

/* How the work is cut: CPUs want wide vectors and few work-items, GPUs the opposite. */
struct shape {
    unsigned width, chains;
    size_t groups, local; /* local 0: the driver's choice */
};

static mcl_status build(
    cl_kernel *kernel, mcl_context *context, const char *source, const struct shape *shape)
{
    char options[160];
    snprintf(options, sizeof options, "-D VECTOR=float%.0u -D CHAINS=%u -D ITERATIONS=%d",
        shape->width == 1 ? 0 : shape->width, shape->chains, ITERATIONS);
    cl_int code;
    cl_program program = clCreateProgramWithSource(context->opencl, 1, &source, NULL, &code);
    if (code == CL_SUCCESS)
        code = clBuildProgram(program, 1, &context->device, options, NULL, NULL);
    if (code == CL_SUCCESS)
        *kernel = clCreateKernel(program, "peak", &code);
    if (program)
        clReleaseProgram(program);
    return code == CL_SUCCESS ? MCL_OK : mcl_context_fail(context, "building a peak kernel", code);
}

/* *seconds = the shortest of several runs. */
static mcl_status fastest(double *seconds, mcl_context *context, cl_kernel kernel, size_t global,
    const size_t *local, const mcl_argument *arguments, size_t count)
{
    const size_t sizes[3] = {global, 1, 1};
    const size_t locals[3] = {local ? *local : 0, 1, 1};
    *seconds = 1e30;
    for (int run = 0; run <= RUNS; run++) {
        const double start = mcl_clock_seconds();
        MCL_TRY(
            mcl_launch_arguments(context, kernel, sizes, local ? locals : NULL, arguments, count));
        MCL_TRY(mcl_context_finish(context));
        const double taken = mcl_clock_seconds() - start;
        if (run > 0 && taken < *seconds) /* the first one warms up */
            *seconds = taken;
    }
    return MCL_OK;
}

static mcl_status measure_fma(
    double *rate, mcl_context *context, cl_mem out, const struct shape *shape)
{
    const cl_float a[16] = {0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f,
        0.5f, 0.5f, 0.5f, 0.5f};
    const size_t vector = shape->width * sizeof(cl_float);
    const mcl_argument arguments[] = {MCL_BUFFER(out), {vector, a}, {vector, a}};
    cl_kernel kernel;
    MCL_TRY(build(&kernel, context, fma_source, shape));
    const size_t items = shape->groups * shape->local;
    double seconds;
    const mcl_status status =
        fastest(&seconds, context, kernel, items, &shape->local, arguments, 3);
    clReleaseKernel(kernel);
    if (status == MCL_OK)
        *rate = 2e-9 * (double)items * shape->width * shape->chains * ITERATIONS / seconds;
    return status;
}

static mcl_status peak_fma(double *best, struct shape *at, mcl_context *context)
{
    static const unsigned chains[] = {8, 10, 12, 16, 20, 24};
    const bool cpu = context->info.type == MCL_DEVICE_CPU;
    const size_t units = context->info.compute_units, local = cpu ? 1 : 256;
    const size_t groups = units * 32;
    cl_mem out;
    MCL_TRY(mcl_buffer_create(&out, context, groups * local, 16 * sizeof(cl_float), "results"));
    mcl_status status = MCL_OK;
    *best = 0.0;
    for (unsigned width = cpu ? 8 : 1; width <= (cpu ? 16u : 4u); width *= 2) {
        for (size_t i = 0; i < sizeof chains / sizeof *chains && status == MCL_OK; i++) {
            const struct shape shape = {width, chains[i], groups, local};
            double rate = 0.0;
            status = measure_fma(&rate, context, out, &shape);
            if (rate > *best) {
                *best = rate;
                *at = shape;
            }
        }
    }
    mcl_buffer_release(&out);
    return status;
}

static mcl_status measure_copy(
    double *rate, mcl_context *context, cl_mem to, cl_mem from, unsigned width)
{
    const struct shape shape = {.width = width, .chains = 1};
    const mcl_argument arguments[] = {MCL_BUFFER(to), MCL_BUFFER(from)};
    cl_kernel kernel;
    MCL_TRY(build(&kernel, context, copy_source, &shape));
    double seconds;
    const mcl_status status = fastest(
        &seconds, context, kernel, COPY_BYTES / (width * sizeof(cl_float)), NULL, arguments, 2);
    clReleaseKernel(kernel);
    if (status == MCL_OK)
        *rate = 2e-9 * (double)COPY_BYTES / seconds;
    return status;
}

static mcl_status peak_copy(double *best, mcl_context *context)
{
    cl_mem from = NULL, to = NULL;
    mcl_status status = mcl_buffer_create(&from, context, COPY_BYTES, 1, "what is copied");
    if (status == MCL_OK)
        status = mcl_buffer_create(&to, context, COPY_BYTES, 1, "the copy");
    if (status == MCL_OK)
        status = mcl_buffer_zero(context, from, 0, COPY_BYTES);
    *best = 0.0;
    for (unsigned width = 4; width <= 16 && status == MCL_OK; width *= 2) {
        double rate = 0.0;
        status = measure_copy(&rate, context, to, from, width);
        *best = rate > *best ? rate : *best;
    }
    mcl_buffer_release(&from);
    mcl_buffer_release(&to);
    return status;
}

int main(int count, char **arguments)
{
    mcl_context *context = NULL;
    struct shape shape = {0};
    double fma = 0.0, copy = 0.0;
    mcl_status status = bench_context(&context, count, arguments, "native");
    if (status == MCL_OK)
        status = peak_fma(&fma, &shape, context);
    if (status == MCL_OK)
        status = peak_copy(&copy, context);
    if (status == MCL_OK)
        printf("{\"gflops\": %.1f, \"vector\": %u, \"chains\": %u, \"gbytes\": %.1f}\n", fma,
            shape.width, shape.chains, copy);
    mcl_context_close(context);
    return status == MCL_OK ? EXIT_SUCCESS : bench_failed();
}
