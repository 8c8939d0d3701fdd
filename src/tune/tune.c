/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl tune's work: how a run's products are checked and timed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "tune/search.h"

#define SEED 1
#define SECONDS 0.06 /* of measuring one product with one candidate, and at least that often */
#define SECONDS_QUICK 0.01
#define ROUNDS 3

double mcl_search_total(const mcl_search *search, const mcl_search_times *times)
{
    double total = 0;
    for (size_t i = 0; i < search->count; i++)
        total += times->seconds[i];
    return total;
}

static double operations(const mcl_gemm *product)
{
    return 2.0 * product->m * product->n * product->k;
}

double mcl_search_gflops(const mcl_search *search, double total)
{
    double all = 0;
    for (size_t i = 0; i < search->count; i++)
        all += operations(&search->products[i]);
    return total > 0 && isfinite(total) ? 1e-9 * all / total : 0.0;
}

mcl_status mcl_search_continue(mcl_search *search)
{
    const mcl_tune_options *options = search->options;
    if (options->report)
        options->report(&search->progress, options->user);
    return options->stop && *options->stop ? mcl_fail(MCL_INTERRUPTED, "the search was stopped")
                                           : MCL_OK;
}

static mcl_operands operands_of(const mcl_search *search)
{
    return (mcl_operands){.a = {search->a, 0}, .b = {search->b, 0}, .c = {search->c, 0}};
}

/* Of the result. */
static size_t bytes_of(const mcl_gemm *product)
{
    return (size_t)product->m * product->n * sizeof(float);
}

static mcl_status read_result(mcl_search *search, size_t i, float *values)
{
    return mcl_buffer_read(search->context, values, search->c, 0, bytes_of(&search->products[i]));
}

/* The elements of A and B are below 1, so that the sums' errors stay far below this. */
static bool is_right(const mcl_search *search, size_t i)
{
    const mcl_gemm *product = &search->products[i];
    const size_t count = (size_t)product->m * product->n;
    if (mcl_product_provider_of(search->context)->exact)
        return memcmp(search->got, search->expected[i], count * sizeof(float)) == 0;
    const float tolerance = 1e-5f + 1e-6f * (float)product->k;
    for (size_t j = 0; j < count; j++) {
        if (!(fabsf(search->got[j] - search->expected[i][j]) <= tolerance))
            return false;
    }
    return true;
}

/* The seconds of one run of a plan, whose first result was right. */
static double time_runs(mcl_search *search, mcl_product *plan, const mcl_operands *operands)
{
    const double wanted = search->options->quick ? SECONDS_QUICK : SECONDS;
    double best = INFINITY, measured = 0;
    for (unsigned repeats = 1, round = 0; round < ROUNDS || measured < wanted; round++) {
        const double begin = mcl_clock_seconds();
        for (unsigned r = 0; r < repeats; r++) {
            if (mcl_product_run(plan, operands) != MCL_OK)
                return INFINITY;
        }
        if (mcl_context_finish(search->context) != MCL_OK)
            return INFINITY;
        const double seconds = mcl_clock_seconds() - begin;
        best = fmin(best, seconds / repeats);
        measured += seconds;
        if (seconds < wanted / 8)
            repeats *= 2;
    }
    return best;
}

double mcl_search_time(mcl_search *search, size_t i)
{
    const mcl_gemm *gemm = &search->products[i];
    const mcl_operands operands = operands_of(search);
    mcl_product *plan;
    if (mcl_product_create(&plan, search->context, gemm, NULL) != MCL_OK)
        return INFINITY;
    const bool right = mcl_buffer_zero(search->context, search->c, 0, bytes_of(gemm)) == MCL_OK &&
                       mcl_product_run(plan, &operands) == MCL_OK &&
                       read_result(search, i, search->got) == MCL_OK && is_right(search, i);
    const double seconds = right ? time_runs(search, plan, &operands) : INFINITY;
    mcl_product_free(plan);
    return seconds;
}

void mcl_search_time_all(mcl_search *search, mcl_search_times *times, double give_up)
{
    double total = 0;
    for (size_t i = 0; i < search->count; i++) {
        times->seconds[i] = total <= give_up ? mcl_search_time(search, i) : INFINITY;
        total += times->seconds[i];
    }
}

void mcl_search_describe(mcl_tuned_product *product, const mcl_search *search, size_t i,
    mcl_gemm_kind provider, double before, double after)
{
    const mcl_gemm *gemm = &search->products[i];
    *product = (mcl_tuned_product){provider, gemm->transpose_a, gemm->transpose_b, gemm->m, gemm->n,
        gemm->k, 1e-9 * operations(gemm) / before, 1e-9 * operations(gemm) / after};
}

static mcl_status fill(mcl_search *search, cl_mem *buffer, uint64_t count, uint64_t row)
{
    float *values;
    uint32_t words[4];
    MCL_TRY(mcl_allocate(&values, count, sizeof *values));
    for (uint64_t i = 0; i < count; i++) {
        if (i % 4 == 0)
            mcl_random_words(words, SEED, MCL_STREAM_DATA, 0, 0, row, (uint32_t)(i / 4));
        values[i] = 2.0f * mcl_uniform(words[i % 4]) - 1.0f;
    }
    mcl_status status = mcl_buffer_create_from(
        buffer, search->context, values, count, sizeof *values, "matrices of the tuning");
    free(values);
    return status;
}

/* expected[i] = product i's result */
static mcl_status expect(mcl_search *search, size_t i)
{
    const mcl_operands operands = operands_of(search);
    mcl_product *plan;
    MCL_TRY(mcl_product_create(&plan, search->context, &search->products[i], NULL));
    mcl_status status = mcl_product_run(plan, &operands);
    if (status == MCL_OK)
        status = read_result(search, i, search->expected[i]);
    mcl_product_free(plan);
    return status;
}

/* Makes the operands, and every product's result by the native product as it is without tuning. */
static mcl_status prepare(mcl_search *search)
{
    uint64_t a = 0, b = 0, c = 0;
    for (size_t i = 0; i < search->count; i++) {
        const mcl_gemm *p = &search->products[i];
        const uint64_t m = p->m, n = p->n, k = p->k;
        a = m * k > a ? m * k : a;
        b = k * n > b ? k * n : b;
        c = m * n > c ? m * n : c;
    }
    MCL_TRY(fill(search, &search->a, a, 0));
    MCL_TRY(fill(search, &search->b, b, 1));
    MCL_TRY(
        mcl_buffer_create(&search->c, search->context, c, sizeof(float), "matrices of the tuning"));
    MCL_TRY(mcl_allocate(&search->got, c, sizeof(float)));
    for (size_t i = 0; i < search->count; i++) {
        const mcl_gemm *p = &search->products[i];
        MCL_TRY(mcl_allocate(&search->expected[i], (uint64_t)p->m * p->n, sizeof(float)));
        MCL_TRY(expect(search, i));
    }
    return MCL_OK;
}

/* Stores after each provider: an interruption or a driver that crashes loses only its own part. */
static mcl_status search_all(mcl_search *search, struct mcl_tuning *tuning, mcl_gemm_kind gemm,
    mcl_tuned_product *products, size_t *count, char *path, size_t path_size)
{
    mcl_context *context = search->context;
    context->gemm = gemm == MCL_GEMM_CLBLAST ? MCL_GEMM_NATIVE : gemm;
    MCL_TRY(mcl_search_list(search));
    MCL_TRY(prepare(search));
    if (search->options->native) {
        MCL_TRY(mcl_search_native(search, mcl_product_provider_of(context), tuning, products));
        *count += search->count;
        MCL_TRY(mcl_tuning_store(tuning, &context->info, path, path_size));
    }
    if (search->options->clblast) {
        MCL_TRY(mcl_search_clblast(search, &mcl_product_clblast, tuning, products + *count));
        *count += search->count;
        MCL_TRY(mcl_tuning_store(tuning, &context->info, path, path_size));
    }
    return MCL_OK;
}

static void release(mcl_search *search)
{
    search->context->advice = NULL;
    mcl_buffer_release(&search->a);
    mcl_buffer_release(&search->b);
    mcl_buffer_release(&search->c);
    for (size_t i = 0; i < search->count; i++)
        free(search->expected[i]);
    free(search->got);
    free(search);
}

mcl_status mcl_tune(mcl_tuned_product **products, size_t *count, char *path, size_t path_size,
    mcl_context *context, const mcl_tune_options *options)
{
    MCL_NEED(products);
    MCL_NEED(count);
    MCL_NEED(context);
    MCL_NEED(options);
    MCL_NEED(options->run);
    if (!options->native && !options->clblast)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a tuning of no product: set native, clblast or both of mcl_tune_options");
    mcl_search *search;
    struct mcl_tuning *tuning = mcl_tuning_of(context);
    mcl_tuned_product *found = NULL;
    size_t found_count = 0;
    if (!tuning)
        return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory left for a tuning");
    MCL_TRY(mcl_allocate(&search, 1, sizeof *search));
    search->context = context;
    context->advice = "a smaller `batch` or network, or another `device`";
    search->tuning = tuning;
    search->options = options;
    struct mcl_tuning *stored = NULL; /* parameters for other products, and providers, stay */
    mcl_output_lock *lock = NULL;
    mcl_status status = mcl_allocate(&stored, 1, sizeof *stored);
    if (status == MCL_OK)
        status = mcl_tuning_claim(&lock, stored, context);
    if (status == MCL_OK)
        status = mcl_allocate(&found, 2 * (uint64_t)MCL_SEARCH_PRODUCTS_MAX, sizeof *found);
    if (status == MCL_OK) {
        const mcl_gemm_kind gemm = context->gemm;
        *stored->problem = '\0';
        memset(tuning, 0, sizeof *tuning);
        status = search_all(search, stored, gemm, found, &found_count, path, path_size);
        context->gemm = gemm;
        *tuning = *stored;
        tuning->clblast_is_set = false;
    }
    mcl_output_lock_release(lock);
    free(stored);
    release(search);
    if (status != MCL_OK) {
        free(found);
        return status;
    }
    *products = found;
    *count = found_count;
    return MCL_OK;
}
