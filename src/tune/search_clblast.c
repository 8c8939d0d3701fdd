/* SPDX-License-Identifier: Apache-2.0 */
/* The search of CLBlast's parameters: of its indirect kernel, of its direct one, and which of the
 * two a product of some size gets. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tune/search.h"

#define SECONDS_MOST 240 /* no candidate is begun after that */
#define SECONDS_MOST_QUICK 30
#define NEVER_INDIRECT 1000000 /* more than the cube root of any product */
#define WORTH 0.97             /* of the time before: less of a gain may be chance */

/* One of the two ways with its candidates; time 0 is that of what CLBlast has of its own. */
struct way {
    size_t kernel;
    size_t minimum; /* XGEMM_MIN_INDIRECT_SIZE that sends every product this way */
    mcl_candidates candidates;
    size_t count; /* of the times that were taken */
    mcl_search_times times[MCL_CANDIDATES_MAX + 1];
};

/* Puts parameters to work with when CLBlast is called next. */
static void set(mcl_search *search, size_t kernel, const size_t *values)
{
    struct mcl_tuning *tuning = search->tuning;
    memcpy(tuning->clblast[kernel], values, mcl_clblast_kernels[kernel].count * sizeof *values);
    tuning->has_clblast[kernel] = true;
    tuning->clblast_is_set = false;
}

static mcl_status try_all(mcl_search *search, struct way *way, double until, double *best)
{
    const size_t minimum[MCL_CLBLAST_PARAMETERS_MAX] = {way->minimum};
    const size_t count = way->candidates.count;
    for (size_t i = 0; i <= count; i++) {
        if (i > 0 && mcl_clock_seconds() > until) {
            search->progress.tried += (uint32_t)(count + 1 - i);
            break;
        }
        MCL_TRY(mcl_search_continue(search));
        set(search, MCL_CLBLAST_ROUTINE, minimum);
        if (i > 0)
            set(search, way->kernel, way->candidates.list[i - 1].clblast.values);
        mcl_search_time_all(search, &way->times[i], 4 * *best);
        const double total = mcl_search_total(search, &way->times[i]);
        if (total < *best) {
            *best = total;
            search->progress.gflops = mcl_search_gflops(search, total);
        }
        search->progress.tried++;
        way->count++;
    }
    return MCL_OK;
}

/* What CLBlast compares: a product with fewer multiplications than minimum³ goes the direct way. */
static bool is_direct(const mcl_gemm *product, size_t minimum)
{
    return (double)product->m * product->n * product->k < pow((double)minimum, 3);
}

struct choice {
    size_t indirect, direct, minimum;
    double total;
};

static double seconds_of(const struct choice *choice, const mcl_search *search,
    const struct way *indirect, const struct way *direct, size_t i)
{
    return is_direct(&search->products[i], choice->minimum)
               ? direct->times[choice->direct].seconds[i]
               : indirect->times[choice->indirect].seconds[i];
}

static void consider(struct choice *best, struct choice choice, const mcl_search *search,
    const struct way *indirect, const struct way *direct)
{
    choice.total = 0;
    for (size_t i = 0; i < search->count; i++)
        choice.total += seconds_of(&choice, search, indirect, direct, i);
    if (choice.total < best->total)
        *best = choice;
}

/* The best of each way with the best minimum between them. */
static struct choice choose(
    const mcl_search *search, const struct way *indirect, const struct way *direct)
{
    struct choice best = {.total = INFINITY};
    for (size_t x = 0; x < indirect->count; x++) {
        for (size_t d = 0; d < direct->count; d++) {
            consider(&best, (struct choice){x, d, 1, 0}, search, indirect, direct);
            for (size_t i = 0; i < search->count; i++) {
                const mcl_gemm *p = &search->products[i];
                const double side = cbrt((double)p->m * p->n * p->k);
                consider(&best, (struct choice){x, d, (size_t)floor(side) + 1, 0}, search, indirect,
                    direct);
            }
        }
    }
    return best;
}

/* Keeps a way's candidate; 0 is none. */
static void keep_way(struct mcl_tuning *tuning, const struct way *way, size_t candidate)
{
    if (candidate == 0)
        return;
    memcpy(tuning->clblast[way->kernel], way->candidates.list[candidate - 1].clblast.values,
        sizeof tuning->clblast[way->kernel]);
    tuning->has_clblast[way->kernel] = true;
}

static void keep(struct mcl_tuning *tuning, const struct choice *choice, const struct way *indirect,
    const struct way *direct)
{
    keep_way(tuning, indirect, choice->indirect);
    keep_way(tuning, direct, choice->direct);
    tuning->clblast[MCL_CLBLAST_ROUTINE][0] = choice->minimum;
    tuning->has_clblast[MCL_CLBLAST_ROUTINE] = true;
}

/* The candidates of a way. */
static void select_way(struct way *way, const mcl_candidates *candidates)
{
    for (size_t i = 0; i < candidates->count; i++) {
        if (candidates->list[i].clblast.kernel == way->kernel)
            way->candidates.list[way->candidates.count++] = candidates->list[i];
    }
}

static mcl_status search_ways(mcl_search *search, struct way *indirect, struct way *direct,
    struct mcl_tuning *tuning, mcl_tuned_product *products)
{
    const double until =
        mcl_clock_seconds() + (search->options->quick ? SECONDS_MOST_QUICK : SECONDS_MOST);
    mcl_search_times before;
    search->progress.candidates =
        (uint32_t)(indirect->candidates.count + direct->candidates.count + 3);
    MCL_TRY(mcl_search_continue(search));
    mcl_search_time_all(search, &before, INFINITY);
    double best = mcl_search_total(search, &before);
    search->progress.tried++;
    search->progress.gflops = mcl_search_gflops(search, best);
    MCL_TRY(try_all(search, direct, until, &best));
    MCL_TRY(try_all(search, indirect, until, &best));
    const struct choice choice = choose(search, indirect, direct);
    const bool better = choice.total < WORTH * mcl_search_total(search, &before);
    memset(tuning->has_clblast, 0, sizeof tuning->has_clblast);
    if (better)
        keep(tuning, &choice, indirect, direct);
    for (size_t i = 0; i < search->count; i++)
        mcl_search_describe(&products[i], search, i, MCL_GEMM_CLBLAST, before.seconds[i],
            better ? seconds_of(&choice, search, indirect, direct, i) : before.seconds[i]);
    return MCL_OK;
}

mcl_status mcl_search_clblast(mcl_search *search, const mcl_product_provider *provider,
    struct mcl_tuning *tuning, mcl_tuned_product *products)
{
    struct {
        mcl_candidates candidates;
        struct way indirect, direct;
    } * space;
    MCL_TRY(mcl_allocate(&space, 1, sizeof *space));
    space->indirect.kernel = MCL_CLBLAST_INDIRECT;
    space->indirect.minimum = 1;
    space->direct.kernel = MCL_CLBLAST_DIRECT;
    space->direct.minimum = NEVER_INDIRECT;
    provider->candidates(&space->candidates, search->context, search->options->quick);
    select_way(&space->indirect, &space->candidates);
    select_way(&space->direct, &space->candidates);
    search->context->gemm = provider->kind;
    search->progress = (mcl_tune_progress){.provider = provider->kind};
    search->tuning->clblast_is_tried = true;
    const mcl_status status =
        search_ways(search, &space->indirect, &space->direct, tuning, products);
    search->tuning->clblast_is_tried = false;
    free(space);
    return status;
}
