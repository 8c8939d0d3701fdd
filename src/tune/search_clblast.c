/* SPDX-License-Identifier: Apache-2.0 */
/* The search of CLBlast's parameters. Each candidate makes CLBlast compile all its kernels anew, so
 * that the candidates are few: those that CLBlast's own database has most often, and for CPUs those
 * that did best in trials. Its direct kernel with vectors makes PoCL 3.1 crash or compile without
 * end: on CPUs only the indirect one is searched. GEMMK 1 needs MWG = NWG: else CLBlast
 * before 1.6.3 reads where there is nothing, and Intel's CPU runtime crashes. */
#include <clblast_c.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "tune/search.h"

#define SECONDS_MOST 240 /* no candidate is begun after that */
#define SECONDS_MOST_QUICK 30
#define CANDIDATES_MAX 24
#define NEVER_INDIRECT 1000000 /* more than the cube root of any product */
#define WORTH 0.97             /* of the time before: less of a gain may be chance */

/* In the order of mcl_clblast_kernels; the best guesses come first. */
typedef size_t parameters[MCL_CLBLAST_PARAMETERS_MAX];

static const parameters cpu_indirect[] = {
    /* by turns for compilers that want vectors, and for those that join work-items to vectors */
    {1, 8, 1, 1, 1, 1, 16, 1, 1, 16, 0, 0, 0, 0, 8, 8},
    {1, 1, 1, 1, 16, 16, 16, 1, 1, 16, 0, 0, 0, 0, 1, 1},
    {1, 8, 1, 1, 2, 2, 16, 2, 2, 16, 0, 0, 0, 0, 8, 8},
    {1, 1, 1, 1, 8, 8, 16, 1, 1, 16, 0, 0, 0, 0, 1, 1},
    {1, 4, 1, 1, 4, 4, 32, 4, 4, 32, 0, 0, 0, 0, 4, 4},
    {1, 1, 1, 1, 16, 16, 32, 2, 2, 32, 0, 0, 0, 0, 1, 1},
    {1, 4, 1, 1, 1, 1, 8, 1, 1, 8, 0, 0, 0, 0, 4, 4},
    {1, 1, 1, 1, 16, 16, 64, 4, 4, 64, 0, 0, 0, 0, 1, 1},
};
static const parameters gpu_indirect[] = {
    {0, 1, 32, 2, 16, 16, 64, 8, 8, 64, 1, 1, 0, 0, 4, 4},
    {0, 1, 32, 2, 8, 8, 32, 8, 8, 32, 1, 1, 0, 0, 4, 4},
    {0, 1, 32, 2, 8, 8, 64, 32, 16, 128, 1, 1, 1, 1, 2, 2},
    {0, 1, 32, 2, 16, 16, 64, 8, 8, 64, 0, 0, 0, 0, 4, 4},
    {1, 4, 1, 1, 16, 16, 64, 8, 8, 64, 0, 0, 0, 0, 4, 4},
    {0, 1, 32, 2, 8, 8, 128, 32, 16, 128, 1, 1, 1, 1, 4, 4},
    {0, 1, 32, 2, 8, 8, 32, 16, 16, 64, 1, 1, 0, 0, 4, 4},
    {0, 1, 16, 2, 8, 8, 32, 8, 16, 128, 1, 0, 1, 1, 4, 8},
    {0, 1, 32, 2, 16, 16, 64, 8, 8, 32, 1, 1, 0, 0, 4, 4},
    {0, 1, 32, 2, 16, 16, 64, 8, 8, 128, 0, 0, 1, 0, 2, 4},
    {0, 1, 32, 2, 16, 16, 128, 16, 8, 64, 1, 1, 1, 0, 4, 1},
    {0, 1, 32, 2, 16, 16, 64, 32, 8, 128, 0, 1, 1, 0, 1, 2},
    {1, 16, 1, 1, 16, 16, 64, 8, 8, 64, 0, 0, 0, 0, 2, 8},
    {0, 1, 32, 2, 8, 8, 16, 8, 8, 32, 1, 1, 0, 0, 2, 4},
};
static const parameters gpu_direct[] = {
    {2, 8, 8, 8, 8, 1, 1, 4, 4, 32},
    {2, 16, 16, 8, 8, 1, 1, 2, 4, 32},
    {2, 8, 8, 8, 8, 1, 1, 1, 1, 16},
    {2, 16, 8, 8, 16, 1, 1, 2, 1, 64},
    {8, 16, 8, 16, 8, 1, 0, 2, 2, 32},
    {8, 32, 16, 8, 8, 1, 0, 1, 4, 32},
    {2, 8, 8, 8, 8, 1, 1, 4, 2, 32},
    {2, 16, 16, 8, 8, 1, 1, 1, 1, 16},
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* One of the two ways with its candidates; 0 is what CLBlast has of its own. */
struct way {
    int kernel;
    size_t minimum; /* XGEMM_MIN_INDIRECT_SIZE that sends every product this way */
    const parameters *candidates;
    size_t count;
    mcl_search_times times[CANDIDATES_MAX];
};

/* Puts parameters in force when CLBlast is called next. */
static void set(mcl_search *search, int kernel, const size_t *values)
{
    struct mcl_tuning *tuning = search->context->tuning;
    memcpy(tuning->clblast[kernel], values, mcl_clblast_kernels[kernel].count * sizeof *values);
    tuning->has_clblast[kernel] = true;
    tuning->clblast_is_set = false;
}

static mcl_status try_all(mcl_search *search, struct way *way, double until, double *best)
{
    const size_t minimum[MCL_CLBLAST_PARAMETERS_MAX] = {way->minimum};
    size_t tried = 0;
    for (size_t i = 0; i <= way->count; i++) {
        if (i > 0 && mcl_clock_seconds() > until) {
            search->progress.tried += (uint32_t)(way->count + 1 - i);
            break;
        }
        MCL_TRY(mcl_search_continue(search));
        set(search, MCL_CLBLAST_ROUTINE, minimum);
        if (i > 0)
            set(search, way->kernel, way->candidates[i - 1]);
        mcl_search_time_all(search, &way->times[i], 4 * *best);
        const double total = mcl_search_total(search, &way->times[i]);
        if (total < *best) {
            *best = total;
            search->progress.gflops = mcl_search_gflops(search, total);
        }
        search->progress.tried++;
        tried++;
    }
    way->count = tried;
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

static void keep(struct mcl_tuning *tuning, const struct choice *choice, const struct way *indirect,
    const struct way *direct)
{
    memset(tuning->has_clblast, 0, sizeof tuning->has_clblast);
    if (choice->indirect > 0) {
        memcpy(tuning->clblast[MCL_CLBLAST_INDIRECT], indirect->candidates[choice->indirect - 1],
            sizeof(parameters));
        tuning->has_clblast[MCL_CLBLAST_INDIRECT] = true;
    }
    if (choice->direct > 0) {
        memcpy(tuning->clblast[MCL_CLBLAST_DIRECT], direct->candidates[choice->direct - 1],
            sizeof(parameters));
        tuning->has_clblast[MCL_CLBLAST_DIRECT] = true;
    }
    tuning->clblast[MCL_CLBLAST_ROUTINE][0] = choice->minimum;
    tuning->has_clblast[MCL_CLBLAST_ROUTINE] = true;
}

mcl_status mcl_search_clblast(
    mcl_search *search, struct mcl_tuning *tuning, mcl_tuned_product *products)
{
    static struct way indirect, direct;
    const bool is_cpu = search->context->info.type == MCL_DEVICE_CPU;
    const bool quick = search->options->quick;
    const double until = mcl_clock_seconds() + (quick ? SECONDS_MOST_QUICK : SECONDS_MOST);
    mcl_search_times before;
    indirect = (struct way){.kernel = MCL_CLBLAST_INDIRECT,
        .minimum = 1,
        .candidates = is_cpu ? cpu_indirect : gpu_indirect,
        .count = is_cpu ? COUNT(cpu_indirect) : COUNT(gpu_indirect)};
    direct = (struct way){.kernel = MCL_CLBLAST_DIRECT,
        .minimum = NEVER_INDIRECT,
        .candidates = gpu_direct,
        .count = is_cpu ? 0 : COUNT(gpu_direct)};
    if (quick) {
        indirect.count = is_cpu ? 2 : 3;
        direct.count = is_cpu ? 0 : 2;
    }
    search->context->gemm = MCL_GEMM_CLBLAST;
    search->progress = (mcl_tune_progress){
        .provider = MCL_GEMM_CLBLAST, .candidates = (uint32_t)(indirect.count + direct.count + 3)};
    MCL_TRY(mcl_search_continue(search));
    mcl_search_time_all(search, &before, INFINITY);
    double best = mcl_search_total(search, &before);
    search->progress.tried++;
    search->progress.gflops = mcl_search_gflops(search, best);
    MCL_TRY(try_all(search, &direct, until, &best));
    MCL_TRY(try_all(search, &indirect, until, &best));
    const struct choice choice = choose(search, &indirect, &direct);
    const bool better = choice.total < WORTH * mcl_search_total(search, &before);
    memset(tuning->has_clblast, 0, sizeof tuning->has_clblast);
    if (better)
        keep(tuning, &choice, &indirect, &direct);
    for (size_t i = 0; i < search->count; i++)
        mcl_search_describe(&products[i], search, i, MCL_GEMM_CLBLAST, before.seconds[i],
            better ? seconds_of(&choice, search, &indirect, &direct, i) : before.seconds[i]);
    return MCL_OK;
}
