/* SPDX-License-Identifier: Apache-2.0 */
/* Our matrix product against OpenBLAS or another provider of ours, in turn in one process: every
 * product of a training step of the two models that the step is measured with, and two large square
 * ones.
 *
 *   bench_gemm [--platform P] [--device D] [--gemm KIND] [--against openblas|KIND] [--rounds N]
 *              [--seconds S] [--only TEXT] [--json 1]
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
#include "compute/product.h"

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
    mcl_context *context;
    mcl_gemm_kind provider; /* MCL_GEMM_AUTO: OpenBLAS */
    const struct product *product;
    const struct operands *operands;
    mcl_product *plan; /* NULL: OpenBLAS */
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

/* Plans a side's products. */
static mcl_status plan(struct side *side)
{
    const mcl_gemm gemm = description(side->product);
    if (side->provider == MCL_GEMM_AUTO)
        return MCL_OK;
    side->context->gemm = side->provider;
    return mcl_product_create(&side->plan, side->context, &gemm, NULL);
}

static mcl_status multiply(const struct side *side, uint64_t times)
{
    const mcl_gemm gemm = description(side->product);
    const struct operands *operands = side->operands;
    if (side->plan) {
        const mcl_operands on = {.a = {operands->device_a, 0},
            .b = {operands->device_b, 0},
            .c = {operands->device_c, 0}};
        for (uint64_t i = 0; i < times; i++)
            MCL_TRY(mcl_product_run(side->plan, &on));
        return mcl_context_finish(side->context);
    }
    for (uint64_t i = 0; i < times; i++)
        cblas_sgemm(CblasRowMajor, gemm.transpose_a ? CblasTrans : CblasNoTrans,
            gemm.transpose_b ? CblasTrans : CblasNoTrans, (blasint)gemm.m, (blasint)gemm.n,
            (blasint)gemm.k, gemm.alpha, operands->a, (blasint)gemm.lda, operands->b,
            (blasint)gemm.ldb, 0.0f, operands->c, (blasint)gemm.ldc);
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

/* Multiplies once and writes the product to result. */
static mcl_status product_of(float *result, const struct side *side)
{
    const size_t bytes = (size_t)side->product->m * side->product->n * sizeof *result;
    MCL_TRY(multiply(side, 1));
    if (side->plan)
        return mcl_buffer_read(side->context, result, side->operands->device_c, 0, bytes);
    memcpy(result, side->operands->c, bytes);
    return MCL_OK;
}

/* Both sides round differently: they must agree to within the roundings of their k terms. */
static mcl_status compare(const struct side *ours, const struct side *peer)
{
    const struct product *product = ours->product;
    const uint64_t count = (uint64_t)product->m * product->n;
    const double allowed = 6e-8 * product->k * sqrt(product->k);
    float *results;
    MCL_TRY(mcl_allocate(&results, 2 * count, sizeof *results));
    mcl_status status = product_of(results, ours);
    if (status == MCL_OK)
        status = product_of(results + count, peer);
    for (uint64_t i = 0; status == MCL_OK && i < count; i++) {
        const double got = (double)results[i], expected = (double)results[count + i];
        if (!(fabs(got - expected) <= allowed))
            status = mcl_fail(MCL_ERROR_DATA, "%s: element %llu is %g, but the peer has %g",
                product->name, (unsigned long long)i, got, expected);
    }
    free(results);
    return status;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct bench {
    mcl_context *context;
    mcl_gemm_kind provider, against; /* against: MCL_GEMM_AUTO is OpenBLAS */
    size_t rounds;
    double seconds;
    bool json;
};

struct result {
    double ours[ROUNDS_MAX], peer[ROUNDS_MAX]; /* GFLOP/s, ascending */
};

static mcl_status run(
    struct result *result, const struct bench *bench, const struct product *product)
{
    struct operands operands = {0};
    struct side ours = {bench->context, bench->provider, product, &operands, NULL};
    struct side peer = {bench->context, bench->against, product, &operands, NULL};
    mcl_status status = create(&operands, bench->context, product);
    if (status == MCL_OK)
        status = plan(&ours);
    if (status == MCL_OK)
        status = plan(&peer);
    if (status == MCL_OK)
        status = compare(&ours, &peer);
    for (size_t i = 0; i < bench->rounds && status == MCL_OK; i++) {
        status = measure(&result->ours[i], &ours, bench->seconds);
        if (status == MCL_OK)
            status = measure(&result->peer[i], &peer, bench->seconds);
    }
    mcl_product_free(ours.plan);
    mcl_product_free(peer.plan);
    release(&operands);
    qsort(result->ours, bench->rounds, sizeof *result->ours, ascending);
    qsort(result->peer, bench->rounds, sizeof *result->peer, ascending);
    return status;
}

static void print_head(const struct bench *bench)
{
    const char *ours = mcl_gemm_kind_name(bench->provider);
    const char *peer =
        bench->against == MCL_GEMM_AUTO ? "OpenBLAS" : mcl_gemm_kind_name(bench->against);
    if (bench->json)
        printf("{\"ours\": \"%s\", \"peer\": \"%s\", \"openblas\": \"%s\", \"threads\": %d}\n",
            ours, peer, openblas_get_config(), openblas_get_num_threads());
    else
        printf("%s; %s\nGFLOP/s: median (lowest – highest) of %zu rounds\n"
               "%-38s %2s %5s %5s %5s %8s %17s %8s %17s %6s\n",
            mcl_context_device(bench->context)->platform, openblas_get_config(), bench->rounds,
            "product", "", "m", "n", "k", ours, "", peer, "", "ratio");
}

static void print(
    const struct bench *bench, const struct product *product, const struct result *result)
{
    const double *ours = result->ours, *peer = result->peer;
    const size_t middle = bench->rounds / 2, last = bench->rounds - 1;
    const char *form = product->transpose_a ? "TN" : product->transpose_b ? "NT" : "NN";
    if (bench->json)
        printf("{\"name\": \"%s\", \"form\": \"%s\", \"m\": %u, \"n\": %u, \"k\": %u, \"square\": "
               "%s, \"ours\": [%.2f, %.2f, %.2f], \"peer\": [%.2f, %.2f, %.2f]}\n",
            product->name, form, product->m, product->n, product->k,
            product->square ? "true" : "false", ours[0], ours[middle], ours[last], peer[0],
            peer[middle], peer[last]);
    else
        printf("%-38s %s %5u %5u %5u %8.1f (%6.1f – %6.1f) %8.1f (%6.1f – %6.1f) %6.2f\n",
            product->name, form, product->m, product->n, product->k, ours[middle], ours[0],
            ours[last], peer[middle], peer[0], peer[last], ours[middle] / peer[middle]);
    fflush(stdout);
}

static mcl_status run_all(const struct bench *bench, const char *only)
{
    struct list list = {.count = 0};
    double logarithms = 0.0;
    size_t parts = 0;
    add_all(&list);
    print_head(bench);
    for (size_t i = 0; i < list.count; i++) {
        const struct product *product = &list.products[i];
        struct result result;
        if (!strstr(product->name, only))
            continue;
        MCL_TRY(run(&result, bench, product));
        print(bench, product, &result);
        if (product->square)
            continue;
        logarithms += log(result.ours[bench->rounds / 2] / result.peer[bench->rounds / 2]);
        parts++;
    }
    if (!bench->json && parts)
        printf("geometric mean of the ratios of the %zu products of the models: %.3f\n", parts,
            exp(logarithms / (double)parts));
    return MCL_OK;
}

static mcl_status set_up(struct bench *bench, int count, char **arguments)
{
    const char *against = bench_text(count, arguments, "against", "openblas");
    bench->rounds = (size_t)bench_number(count, arguments, "rounds", 5.0);
    bench->seconds = bench_number(count, arguments, "seconds", 0.2);
    bench->json = bench_number(count, arguments, "json", 0.0) != 0.0;
    if (bench->rounds < 1 || bench->rounds > ROUNDS_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT, "--rounds takes 1 to %d", ROUNDS_MAX);
    if (strcmp(against, "openblas") != 0)
        MCL_TRY(mcl_gemm_kind_parse(&bench->against, against));
    MCL_TRY(bench_context(&bench->context, count, arguments, "native"));
    bench->provider = mcl_context_gemm(bench->context);
    return MCL_OK;
}

int main(int count, char **arguments)
{
    struct bench bench = {.against = MCL_GEMM_AUTO};
    mcl_status status = set_up(&bench, count, arguments);
    if (status == MCL_OK)
        status = run_all(&bench, bench_text(count, arguments, "only", ""));
    mcl_context_close(bench.context);
    return status == MCL_OK ? EXIT_SUCCESS : bench_failed();
}
