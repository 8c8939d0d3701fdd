/* SPDX-License-Identifier: Apache-2.0 */
#include "data/ahead.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

#define THREADS_MAX 16
#define ITEMS_MAX 64

/* What the threads share; the numbers count items. */
struct mcl_series {
    const mcl_ahead *work;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t threads[THREADS_MAX];
    size_t thread_count;
    uint64_t begun, taken;
    size_t window; /* items that may be begun and not taken */
    bool ended;    /* there is no next one, or no need for it */
    bool given;    /* the first that is not taken is the caller's */
    bool done[ITEMS_MAX];
};

static void *item_at(const mcl_series *series, uint64_t number)
{
    return (char *)series->work->items +
           (size_t)(number % series->work->count) * series->work->size;
}

static bool may_begin(const mcl_series *series)
{
    return !series->ended && series->begun - series->taken < series->window;
}

/* Begins the next item and does it. The mutex is held before and after. */
static void do_one(mcl_series *series)
{
    const uint64_t number = series->begun;
    void *item = item_at(series, number);
    if (!series->work->next(item, series->work->state)) {
        series->ended = true;
        pthread_cond_broadcast(&series->changed);
        return;
    }
    series->done[number % series->work->count] = false;
    series->begun++;
    pthread_mutex_unlock(&series->mutex);
    series->work->run(item, series->work->state);
    pthread_mutex_lock(&series->mutex);
    series->done[number % series->work->count] = true;
    pthread_cond_broadcast(&series->changed);
}

static void *help(void *of)
{
    mcl_series *series = of;
    pthread_mutex_lock(&series->mutex);
    while (!series->ended) {
        if (may_begin(series))
            do_one(series);
        else
            pthread_cond_wait(&series->changed, &series->mutex);
    }
    pthread_mutex_unlock(&series->mutex);
    return NULL;
}

size_t mcl_ahead_threads(void)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 1 ? 1 : processors > THREADS_MAX ? THREADS_MAX : (size_t)processors;
}

/* All is done by the caller's thread where none starts. */
static void start_threads(mcl_series *series)
{
    const size_t wanted = mcl_ahead_threads() - 1;
    sigset_t all, before;
    sigfillset(&all); /* signals are for the threads that there were */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (series->thread_count < wanted &&
           pthread_create(&series->threads[series->thread_count], NULL, help, series) == 0)
        series->thread_count++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static mcl_status open_series(mcl_series **series, const mcl_ahead *work, size_t window)
{
    mcl_series *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->work = work;
    created->window = window;
    pthread_mutex_init(&created->mutex, NULL);
    pthread_cond_init(&created->changed, NULL);
    start_threads(created);
    *series = created;
    return MCL_OK;
}

mcl_status mcl_series_open(mcl_series **series, const mcl_ahead *work)
{
    return open_series(series, work, work->count);
}

void mcl_series_close(mcl_series *series)
{
    if (!series)
        return;
    pthread_mutex_lock(&series->mutex);
    series->ended = true;
    pthread_cond_broadcast(&series->changed);
    pthread_mutex_unlock(&series->mutex);
    while (series->thread_count > 0)
        pthread_join(series->threads[--series->thread_count], NULL);
    pthread_cond_destroy(&series->changed);
    pthread_mutex_destroy(&series->mutex);
    free(series);
}

void *mcl_series_next(mcl_series *series)
{
    void *item = NULL;
    pthread_mutex_lock(&series->mutex);
    if (series->given) {
        series->taken++;
        series->given = false;
        pthread_cond_broadcast(&series->changed);
    }
    while (!item && !(series->ended && series->taken == series->begun)) {
        if (series->taken < series->begun && series->done[series->taken % series->work->count])
            item = item_at(series, series->taken);
        else if (may_begin(series))
            do_one(series);
        else
            pthread_cond_wait(&series->changed, &series->mutex);
    }
    series->given = item != NULL;
    pthread_mutex_unlock(&series->mutex);
    return item;
}

mcl_status mcl_work_ahead(const mcl_ahead *work)
{
    mcl_series *series;
    mcl_status status = MCL_OK;
    void *item;
    MCL_TRY(open_series(&series, work, 1));
    while (status == MCL_OK && (item = mcl_series_next(series))) {
        bool settled = false;
        status = work->take(&settled, item, work->state);
        if (settled) {
            pthread_mutex_lock(&series->mutex);
            series->window = work->count;
            pthread_mutex_unlock(&series->mutex);
        }
    }
    mcl_series_close(series);
    return status;
}
