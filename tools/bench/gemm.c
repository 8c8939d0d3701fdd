/* Our matrix product against OpenBLAS, in turn in one process: every product of a training step of
 * the two models that the step is measured with, and two large square ones.
 *
 *   bench_gemm [--platform P] [--device D] [--gemm native|clblast] [--rounds N] [--seconds S]
 *              [--only TEXT] [--json 1]
 *
 * Operands stay where they are between calls, so that caches are warm on both sides. A time is the
 * wall clock over many products: ours are enqueued together and waited for once, OpenBLAS's return
 * when done. Each side warms up before it is timed, longer than the other's threads go on spinning.
 */
#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "base/clock.h"
#include "base/memory.h"
#include "gemm/gemm.h"

#define ROUNDS_MAX 99
#define PRODUCTS_MAX 64
#define WARM_UP 0.1 /* seconds; OpenBLAS's threads spin for about 0.03 */
#define CHUNK 0.02  /* seconds between two waits for the queue */

struct product {
    char name[64];
    bool square; /* not part of a model's step: not in the geometric mean */
    bool transpose_a, transpose_b;
    uint32_t m, n, k;
};

struct list {
    struct product products[PRODUCTS_MAX];
    size_t count;
};

static void add(struct list *list, const char *name, bool transpose_a, bool transpose_b, uint32_t m,
    uint32_t n, uint32_t k)
{
    struct product *product = &list->products[list->count++];
    *product = (struct product){"", false, transpose_a, transpose_b, m, n, k};
    snprintf(product->name, sizeof product->name, "%s", name);
}

/* The products of a step: y = x·wᵀ, dw = dyᵀ·x, and from the second layer on dx = dy·w. */
static void add_model(
    struct list *list, const char *model, const uint32_t *widths, size_t layers, uint32_t batch)
{
    const uint32_t rows = 2 * batch; /* two views */
    for (size_t i = 0; i < layers; i++) {
        const uint32_t in = widths[i], out = widths[i + 1];
        char name[64];
        snprintf(name, sizeof name, "%s, batch %u, layer %zu forward", model, batch, i + 1);
        add(list, name, false, true, rows, out, in);
        snprintf(name, sizeof name, "%s, batch %u, layer %zu weights", model, batch, i + 1);
        add(list, name, true, false, out, in, rows);
        if (i == 0)
            continue;
        snprintf(name, sizeof name, "%s, batch %u, layer %zu input", model, batch, i + 1);
        add(list, name, false, false, rows, in, out);
    }
}

static void add_all(struct list *list)
{
    static const uint32_t reference[] = {784, 128, 64}, wide[] = {784, 1024, 512, 256};
    add_model(list, "reference", reference, 2, 32);
    add_model(list, "reference", reference, 2, 256);
    add_model(list, "reference", reference, 2, 1024);
    add_model(list, "wide", wide, 3, 512);
    add(list, "wide, batch 512, nt-xent forward", false, true, 1024, 1024, 256);
    add(list, "wide, batch 512, nt-xent backward", false, false, 1024, 256, 1024);
    for (uint32_t side = 1024; side <= 2048; side *= 2) {
        add(list, "square", false, false, side, side, side);
        list->products[list->count - 1].square = true;
    }
}

/* The three matrices of a product, on the host and on the device. */
struct operands {
    float *a, *b, *c;
    cl_mem device_a, device_b, device_c;
};

static mcl_status fill(float **values, cl_mem *buffer, mcl_context *context, uint64_t count)
{
    MCL_TRY(mcl_allocate(values, count, sizeof **values));
    for (uint64_t i = 0; i < count; i++)
        (*values)[i] = (float)((i * 2654435761u >> 8) % 4096) / 2048.0f - 1.0f;
    return mcl_buffer_create_from(buffer, context, *values, count, sizeof **values, "operands");
}

static mcl_status create(
    struct operands *operands, mcl_context *context, const struct product *product)
{
    const uint64_t m = product->m, n = product->n, k = product->k;
    MCL_TRY(fill(&operands->a, &operands->device_a, context, m * k));
    MCL_TRY(fill(&operands->b, &operands->device_b, context, k * n));
    return fill(&operands->c, &operands->device_c, context, m * n);
}

static void release(struct operands *operands)
{
    free(operands->a);
    free(operands->b);
    free(operands->c);
    mcl_buffer_release(&operands->device_a);
    mcl_buffer_release(&operands->device_b);
    mcl_buffer_release(&operands->device_c);
}

/* What is measured: either side of the comparison. */
struct side {
    mcl_context *context; /* NULL: OpenBLAS */
    const struct product *product;
    const struct operands *operands;
};

static mcl_gemm description(const struct product *product)
{
    return (mcl_gemm){
        .transpose_a = product->transpose_a,
        .transpose_b = product->transpose_b,
        .m = product->m,
        .n = product->n,
        .k = product->k,
        .lda = product->transpose_a ? product->m : product->k,
        .ldb = product->transpose_b ? product->k : product->n,
        .ldc = product->n,
        .alpha = 1.0f,
    };
}

static mcl_status multiply(const struct side *side, uint64_t times)
{
    const mcl_gemm gemm = description(side->product);
    const struct operands *operands = side->operands;
    if (side->context) {
        for (uint64_t i = 0; i < times; i++)
            MCL_TRY(mcl_gemm_run(side->context, &gemm, (mcl_matrix){operands->device_a, 0},
                (mcl_matrix){operands->device_b, 0}, (mcl_matrix){operands->device_c, 0}));
        return mcl_context_finish(side->context);
    }
    for (uint64_t i = 0; i < times; i++)
        cblas_sgemm(CblasRowMajor, gemm.transpose_a ? CblasTrans : CblasNoTrans,
            gemm.transpose_b ? CblasTrans : CblasNoTrans, (blasint)gemm.m, (blasint)gemm.n,
            (blasint)gemm.k, gemm.alpha, operands->a, (blasint)gemm.lda, operands->b,
            (blasint)gemm.ldb, gemm.beta, operands->c, (blasint)gemm.ldc);
    return MCL_OK;
}

/* *rate = GFLOP/s over at least so many seconds, after a warm-up that also finds how many products
 * make a chunk. */
static mcl_status measure(double *rate, const struct side *side, double seconds)
{
    uint64_t chunk = 1, done = 0;
    const double warm = mcl_clock_seconds();
    double start = warm, now;
    do {
        const double before = mcl_clock_seconds();
        MCL_TRY(multiply(side, chunk));
        start = mcl_clock_seconds();
        if (start - before < CHUNK)
            chunk *= 2;
    } while (start - warm < WARM_UP);
    do {
        MCL_TRY(multiply(side, chunk));
        done += chunk;
        now = mcl_clock_seconds();
    } while (now - start < seconds);
    const struct product *product = side->product;
    *rate = 2e-9 * (double)done * product->m * product->n * product->k / (now - start);
    return MCL_OK;
}

/* Both results are rounded differently: they must agree to within k roundings of their terms. */
static mcl_status compare(mcl_context *context, const struct side *ours, const struct side *peer)
{
    const struct product *product = ours->product;
    const uint64_t count = (uint64_t)product->m * product->n;
    float *result;
    MCL_TRY(mcl_allocate(&result, count, sizeof *result));
    mcl_status status = multiply(ours, 1);
    if (status == MCL_OK)
        status = multiply(peer, 1);
    if (status == MCL_OK)
        status =
            mcl_buffer_read(context, result, ours->operands->device_c, 0, count * sizeof *result);
    const double allowed = 6e-8 * product->k * sqrt(product->k);
    for (uint64_t i = 0; status == MCL_OK && i < count; i++) {
        const double expected = (double)ours->operands->c[i];
        if (!(fabs((double)result[i] - expected) <= allowed))
            status = mcl_fail(MCL_ERROR_DATA, "%s: element %llu is %g, but OpenBLAS has %g",
                product->name, (unsigned long long)i, (double)result[i], expected);
    }
    free(result);
    return status;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct result {
    double ours[ROUNDS_MAX], peer[ROUNDS_MAX]; /* GFLOP/s, ascending */
};

static mcl_status run(struct result *result, mcl_context *context, const struct product *product,
    size_t rounds, double seconds)
{
    struct operands operands = {0};
    const struct side ours = {context, product, &operands}, peer = {NULL, product, &operands};
    const mcl_gemm gemm = description(product);
    mcl_status status = create(&operands, context, product);
    if (status == MCL_OK)
        status = mcl_gemm_prepare(context, &gemm);
    if (status == MCL_OK)
        status = compare(context, &ours, &peer);
    for (size_t i = 0; i < rounds && status == MCL_OK; i++) {
        status = measure(&result->ours[i], &ours, seconds);
        if (status == MCL_OK)
            status = measure(&result->peer[i], &peer, seconds);
    }
    release(&operands);
    qsort(result->ours, rounds, sizeof *result->ours, ascending);
    qsort(result->peer, rounds, sizeof *result->peer, ascending);
    return status;
}

static void print(
    const struct product *product, const struct result *result, size_t rounds, bool json)
{
    const double *ours = result->ours, *peer = result->peer;
    const size_t middle = rounds / 2, last = rounds - 1;
    const char *form = product->transpose_a ? "TN" : product->transpose_b ? "NT" : "NN";
    if (json)
        printf("{\"name\": \"%s\", \"form\": \"%s\", \"m\": %u, \"n\": %u, \"k\": %u, \"square\": "
               "%s, \"ours\": [%.2f, %.2f, %.2f], \"peer\": [%.2f, %.2f, %.2f]}\n",
            product->name, form, product->m, product->n, product->k,
            product->square ? "true" : "false", ours[middle], ours[0], ours[last], peer[middle],
            peer[0], peer[last]);
    else
        printf("%-38s %s %5u %5u %5u %8.1f (%6.1f – %6.1f) %8.1f (%6.1f – %6.1f) %6.2f\n",
            product->name, form, product->m, product->n, product->k, ours[middle], ours[0],
            ours[last], peer[middle], peer[0], peer[last], ours[middle] / peer[middle]);
    fflush(stdout);
}

static mcl_status run_all(mcl_context *context, int count, char **arguments)
{
    const size_t rounds = (size_t)bench_number(count, arguments, "rounds", 5.0);
    const double seconds = bench_number(count, arguments, "seconds", 0.2);
    const bool json = bench_number(count, arguments, "json", 0.0) != 0.0;
    const char *only = bench_text(count, arguments, "only", "");
    if (rounds < 1 || rounds > ROUNDS_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT, "--rounds takes 1 to %d", ROUNDS_MAX);
    struct list list = {.count = 0};
    add_all(&list);
    if (!json)
        printf("%s, %s; OpenBLAS %s\nGFLOP/s: median (lowest – highest) of %zu rounds\n"
               "%-38s %2s %5s %5s %5s %8s %17s %8s %17s %6s\n",
            mcl_context_device(context)->platform, mcl_gemm_kind_name(mcl_context_gemm(context)),
            openblas_get_corename(), rounds, "product", "", "m", "n", "k", "ours", "", "OpenBLAS",
            "", "ratio");
    double logarithms = 0.0;
    size_t parts = 0;
    for (size_t i = 0; i < list.count; i++) {
        const struct product *product = &list.products[i];
        struct result result;
        if (!strstr(product->name, only))
            continue;
        MCL_TRY(run(&result, context, product, rounds, seconds));
        print(product, &result, rounds, json);
        if (product->square)
            continue;
        logarithms += log(result.ours[rounds / 2] / result.peer[rounds / 2]);
        parts++;
    }
    if (!json && parts)
        printf("geometric mean of the ratios of the %zu products of the models: %.3f\n", parts,
            exp(logarithms / (double)parts));
    return MCL_OK;
}

int main(int count, char **arguments)
{
    mcl_context *context;
    if (bench_context(&context, count, arguments, "native") != MCL_OK)
        return bench_failed();
    const mcl_status status = run_all(context, count, arguments);
    mcl_context_close(context);
    return status == MCL_OK ? EXIT_SUCCESS : bench_failed();
}
