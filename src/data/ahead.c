/* SPDX-License-Identifier: Apache-2.0 */
#include "data/ahead.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#define THREADS_MAX 16
#define ITEMS_MAX 64

/* What the threads share; the numbers count items. */
struct line {
    const mcl_ahead *work;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t begun, taken;
    size_t window; /* items that may be begun and not taken */
    bool ended;    /* there is no next one, or no need for it */
    bool done[ITEMS_MAX];
};

static void *item_at(const struct line *line, uint64_t number)
{
    return (char *)line->work->items + (size_t)(number % line->work->count) * line->work->size;
}

static bool may_begin(const struct line *line)
{
    return !line->ended && line->begun - line->taken < line->window;
}

/* Begins the next item and does it. The mutex is held before and after. */
static void do_one(struct line *line)
{
    const uint64_t number = line->begun;
    void *item = item_at(line, number);
    if (!line->work->next(item, line->work->state)) {
        line->ended = true;
        pthread_cond_broadcast(&line->changed);
        return;
    }
    line->done[number % line->work->count] = false;
    line->begun++;
    pthread_mutex_unlock(&line->mutex);
    line->work->run(item, line->work->state);
    pthread_mutex_lock(&line->mutex);
    line->done[number % line->work->count] = true;
    pthread_cond_broadcast(&line->changed);
}

static void *help(void *of)
{
    struct line *line = of;
    pthread_mutex_lock(&line->mutex);
    while (!line->ended) {
        if (may_begin(line))
            do_one(line);
        else
            pthread_cond_wait(&line->changed, &line->mutex);
    }
    pthread_mutex_unlock(&line->mutex);
    return NULL;
}

/* Takes the first item that is not taken. The mutex is held before and after. */
static mcl_status take_one(struct line *line)
{
    bool settled = false;
    pthread_mutex_unlock(&line->mutex);
    const mcl_status status =
        line->work->take(&settled, item_at(line, line->taken), line->work->state);
    pthread_mutex_lock(&line->mutex);
    line->taken++;
    if (settled)
        line->window = line->work->count;
    pthread_cond_broadcast(&line->changed);
    return status;
}

/* The caller's part: it takes what is done, and where nothing is, works too. */
static mcl_status take_all(struct line *line)
{
    mcl_status status = MCL_OK;
    pthread_mutex_lock(&line->mutex);
    while (status == MCL_OK && !(line->ended && line->taken == line->begun)) {
        if (line->taken < line->begun && line->done[line->taken % line->work->count])
            status = take_one(line);
        else if (may_begin(line))
            do_one(line);
        else
            pthread_cond_wait(&line->changed, &line->mutex);
    }
    line->ended = true;
    pthread_cond_broadcast(&line->changed);
    pthread_mutex_unlock(&line->mutex);
    return status;
}

size_t mcl_ahead_threads(void)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 1 ? 1 : processors > THREADS_MAX ? THREADS_MAX : (size_t)processors;
}

mcl_status mcl_work_ahead(const mcl_ahead *work)
{
    struct line line = {.work = work,
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
        .window = 1};
    pthread_t threads[THREADS_MAX];
    size_t started = 0;
    sigset_t all, before;
    sigfillset(&all); /* signals are for the threads that there were */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (started + 1 < mcl_ahead_threads() &&
           pthread_create(&threads[started], NULL, help, &line) == 0)
        started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    const mcl_status status = take_all(&line); /* all of it where no thread starts */
    while (started > 0)
        pthread_join(threads[--started], NULL);
    pthread_cond_destroy(&line.changed);
    pthread_mutex_destroy(&line.mutex);
    return status;
}
