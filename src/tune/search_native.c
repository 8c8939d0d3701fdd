/* SPDX-License-Identifier: Apache-2.0 */
/* The search of the native product's tiles. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "tune/search.h"

#define OWN 0.9    /* of the time with the common tile: a product gets a tile of its own */
#define WORTH 0.97 /* of the time with the default tile: less of a gain may be chance */
#define CONFIRMATIONS 4
#define REFINED 8 /* candidates that a provider refines the best one to, about */

struct trials {
    const mcl_product_provider *provider;
    bool for_gpu;
    mcl_candidates candidates;
    mcl_search_times times[MCL_CANDIDATES_MAX];
};

/* Has plans made with a tile from now on, or with the default ones where it is NULL. */
static void force(mcl_search *search, const mcl_candidate *tile, bool for_gpu)
{
    struct mcl_tuning *tuning = search->tuning;
    tuning->forced = tile != NULL;
    tuning->has_cpu = tile && !for_gpu;
    tuning->has_gpu = tile && for_gpu;
    if (tuning->has_cpu)
        tuning->cpu = tile->cpu;
    if (tuning->has_gpu)
        tuning->gpu = tile->gpu;
}

static mcl_status time_candidates(
    mcl_search *search, struct trials *trials, size_t first, double *best)
{
    for (size_t i = first; i < trials->candidates.count; i++) {
        MCL_TRY(mcl_search_continue(search));
        force(search, &trials->candidates.list[i], trials->for_gpu);
        /* Of GPU tiles one may suit a single product and be bad for all the others. */
        mcl_search_time_all(search, &trials->times[i], trials->for_gpu ? INFINITY : 2 * *best);
        mcl_programs_release(search->context);
        const double total = mcl_search_total(search, &trials->times[i]);
        if (total < *best) {
            *best = total;
            search->progress.gflops = mcl_search_gflops(search, total);
        }
        search->progress.tried++;
    }
    return MCL_OK;
}

/* The candidate with the least time over all products, or for one; their count when none works. */
static size_t best_of(const mcl_search *search, const struct trials *trials)
{
    size_t best = trials->candidates.count;
    double least = INFINITY;
    for (size_t i = 0; i < trials->candidates.count; i++) {
        const double total = mcl_search_total(search, &trials->times[i]);
        if (total < least) {
            least = total;
            best = i;
        }
    }
    return best;
}

static size_t best_for(const struct trials *trials, size_t product)
{
    size_t best = trials->candidates.count;
    double least = INFINITY;
    for (size_t i = 0; i < trials->candidates.count; i++) {
        if (trials->times[i].seconds[product] < least) {
            least = trials->times[i].seconds[product];
            best = i;
        }
    }
    return best;
}

/* Times a product with a tile and with the default one in turn, and tells whether it is faster. */
static bool confirm(mcl_search *search, const mcl_candidate *tile, bool for_gpu, size_t product,
    double *before, double *after)
{
    *before = *after = INFINITY;
    for (int i = 0; i < CONFIRMATIONS; i++) {
        force(search, NULL, for_gpu);
        *before = fmin(*before, mcl_search_time(search, product));
        force(search, tile, for_gpu);
        *after = fmin(*after, mcl_search_time(search, product));
    }
    return *after < WORTH * *before;
}

/* The tile of a product: candidate `own`, or the default one where that is their count. */
static mcl_tuned_tile tile_of(
    const mcl_search *search, const struct trials *trials, size_t own, const mcl_gemm *product)
{
    mcl_tuned_tile tile = {.for_gpu = trials->for_gpu,
        .transpose_a = product->transpose_a,
        .transpose_b = product->transpose_b,
        .m = product->m,
        .n = product->n,
        .k = product->k};
    const bool is_default = own == trials->candidates.count;
    if (trials->for_gpu)
        tile.gpu = is_default ? mcl_gpu_tile_default(search->context, product)
                              : trials->candidates.list[own].gpu;
    else
        tile.cpu =
            is_default ? mcl_cpu_tile_default(search->context) : trials->candidates.list[own].cpu;
    return tile;
}

/* Gives each product the tile that is best for it: the common one unless another is faster by more
 * than chance, and the default one where neither is faster than that. */
static mcl_status settle(mcl_search *search, const struct trials *trials, struct mcl_tuning *tuning,
    mcl_tuned_product *products)
{
    const size_t common = best_of(search, trials), none = trials->candidates.count;
    const mcl_candidate *list = trials->candidates.list;
    double total_before = 0, total_after = 0;
    for (size_t i = 0; i < search->count; i++) {
        size_t own = best_for(trials, i);
        double before, after;
        if (common < none && own < none &&
            trials->times[own].seconds[i] > OWN * trials->times[common].seconds[i])
            own = common;
        MCL_TRY(mcl_search_continue(search));
        const bool is_default = own == none;
        if (is_default || !confirm(search, &list[own], trials->for_gpu, i, &before, &after)) {
            force(search, NULL, trials->for_gpu);
            if (is_default)
                before = mcl_search_time(search, i);
            after = before;
            own = none;
        }
        const mcl_tuned_tile tile = tile_of(search, trials, own, &search->products[i]);
        mcl_tuning_add(tuning, &tile);
        mcl_search_describe(&products[i], search, i, trials->provider->kind, before, after);
        total_before += before;
        total_after += after;
    }
    /* Products of other sizes get the common tile: on GPUs that depends too much on the size. */
    if (!trials->for_gpu) {
        tuning->has_cpu = common < none && total_after < WORTH * total_before;
        if (tuning->has_cpu)
            tuning->cpu = list[common].cpu;
    }
    return MCL_OK;
}

static mcl_status search_tiles(mcl_search *search, struct trials *trials, struct mcl_tuning *tuning,
    mcl_tuned_product *products)
{
    const bool quick = search->options->quick;
    mcl_candidates *candidates = &trials->candidates;
    double best = INFINITY;
    trials->provider->candidates(candidates, search->context, quick);
    const bool refines = trials->provider->refine && !quick;
    search->progress.candidates = (uint32_t)(candidates->count + (refines ? REFINED : 0));
    MCL_TRY(time_candidates(search, trials, 0, &best));
    const size_t tiles = candidates->count, common = best_of(search, trials);
    if (refines && common < tiles) {
        const mcl_candidate refined = candidates->list[common];
        trials->provider->refine(candidates, search->context, &refined);
    }
    search->progress.candidates = (uint32_t)candidates->count;
    MCL_TRY(time_candidates(search, trials, tiles, &best));
    return settle(search, trials, tuning, products);
}

mcl_status mcl_search_native(mcl_search *search, const mcl_product_provider *provider,
    struct mcl_tuning *tuning, mcl_tuned_product *products)
{
    struct trials *trials;
    MCL_TRY(mcl_allocate(&trials, 1, sizeof *trials));
    trials->provider = provider;
    trials->for_gpu = provider == &mcl_product_native_gpu;
    search->context->gemm = provider->kind;
    search->progress = (mcl_tune_progress){.provider = provider->kind};
    mcl_status status = search_tiles(search, trials, tuning, products);
    force(search, NULL, trials->for_gpu);
    free(trials);
    return status;
}
