/* SPDX-License-Identifier: Apache-2.0 */
#include "data/prefetch.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/data.h"

#define THREADS_MAX 8
#define PIECES_MAX (THREADS_MAX + 2)
#define MEMORY_PART 4 /* of what rows may take, for what is read ahead */

/* A batch that is read, or was. */
struct piece {
    uint64_t first;
    uint32_t count;
    bool ready;
    mcl_status status;
    char *message; /* of a failure */
    uint64_t *numbers;
    char *rows;
};

struct mcl_prefetch {
    const mcl_data *data;
    const mcl_permutation *order;
    uint32_t batch;
    size_t row;   /* bytes */
    uint64_t end; /* the place after the last one that is read */

    pthread_t threads[THREADS_MAX];
    size_t thread_count;             /* 0: everything is read as it is taken */
    pthread_mutex_t mutex;           /* for all that follows */
    pthread_cond_t work;             /* there is something to read, or the end has come */
    pthread_cond_t done;             /* something was read */
    struct piece pieces[PIECES_MAX]; /* piece i of a run is number i mod piece_count */
    size_t piece_count;
    uint64_t begun, taken; /* how many of a run */
    uint64_t next;         /* the place of the next piece that is begun; `end`: there is none */
    size_t busy;           /* threads that are reading */
    bool stopped;
};

/* Reads a batch. numbers is NULL for the data set's own order. */
static mcl_status read_batch(
    const mcl_prefetch *prefetch, uint64_t *numbers, void *rows, uint64_t first, uint32_t count)
{
    if (!prefetch->order)
        return mcl_data_read_rows(rows, prefetch->data, first, count);
    mcl_permutation_kept(numbers, prefetch->order, first, count);
    return mcl_data_gather(rows, prefetch->data, numbers, count);
}

static void fill(const mcl_prefetch *prefetch, struct piece *piece)
{
    free(piece->message); /* of one that nobody took */
    piece->message = NULL;
    piece->status = read_batch(prefetch, piece->numbers, piece->rows, piece->first, piece->count);
    if (piece->status != MCL_OK && mcl_copy_string(&piece->message, mcl_error_message()) != MCL_OK)
        piece->message = NULL;
}

static bool has_work(const mcl_prefetch *prefetch)
{
    return prefetch->next < prefetch->end &&
           prefetch->begun - prefetch->taken < prefetch->piece_count;
}

/* The piece that is begun next. */
static struct piece *begin_piece(mcl_prefetch *prefetch)
{
    struct piece *piece = &prefetch->pieces[prefetch->begun++ % prefetch->piece_count];
    const uint64_t left = prefetch->end - prefetch->next;
    piece->first = prefetch->next;
    piece->count = left < prefetch->batch ? (uint32_t)left : prefetch->batch;
    piece->ready = false;
    prefetch->next += piece->count;
    return piece;
}

static void *read_ahead(void *of)
{
    mcl_prefetch *prefetch = of;
    pthread_mutex_lock(&prefetch->mutex);
    while (!prefetch->stopped) {
        if (!has_work(prefetch)) {
            pthread_cond_wait(&prefetch->work, &prefetch->mutex);
            continue;
        }
        struct piece *piece = begin_piece(prefetch);
        prefetch->busy++;
        pthread_mutex_unlock(&prefetch->mutex);
        fill(prefetch, piece);
        pthread_mutex_lock(&prefetch->mutex);
        prefetch->busy--;
        piece->ready = true;
        pthread_cond_signal(&prefetch->done); /* there is one that waits */
    }
    pthread_mutex_unlock(&prefetch->mutex);
    return NULL;
}

static size_t threads_wanted(void)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 2 ? 1 : processors > THREADS_MAX ? THREADS_MAX : (size_t)processors - 1;
}

static void start_threads(mcl_prefetch *prefetch)
{
    const size_t wanted = threads_wanted();
    sigset_t all, before;
    sigfillset(&all); /* signals are for the threads that there were */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (
        prefetch->thread_count < wanted && prefetch->thread_count < prefetch->piece_count &&
        pthread_create(&prefetch->threads[prefetch->thread_count], NULL, read_ahead, prefetch) == 0)
        prefetch->thread_count++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* As many pieces as threads can use, or as memory has room for. */
static mcl_status create_pieces(mcl_prefetch *prefetch)
{
    const uint64_t fit = mcl_data_memory(prefetch->data) / MEMORY_PART /
                         (prefetch->batch * (uint64_t)prefetch->row + 1);
    const size_t most = threads_wanted() + 2;
    const size_t count = fit < 2 ? 2 : fit < most ? (size_t)fit : most;
    for (; prefetch->piece_count < count; prefetch->piece_count++) {
        struct piece *piece = &prefetch->pieces[prefetch->piece_count];
        MCL_TRY(mcl_allocate(&piece->rows, prefetch->batch, prefetch->row));
        if (!prefetch->order)
            continue;
        const mcl_status status =
            mcl_allocate(&piece->numbers, prefetch->batch, sizeof *piece->numbers);
        if (status != MCL_OK) {
            free(piece->rows);
            return status;
        }
    }
    return MCL_OK;
}

mcl_status mcl_prefetch_create(
    mcl_prefetch **prefetch, const mcl_data *data, uint32_t batch, const mcl_permutation *order)
{
    mcl_prefetch *created;
    const uint64_t rows = mcl_data_rows(data);
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->data = data;
    created->order = order;
    created->batch = batch;
    created->row = (size_t)mcl_data_columns(data) * mcl_element_size(mcl_data_element(data));
    created->end = created->next = order ? rows / batch * batch : rows;
    pthread_mutex_init(&created->mutex, NULL);
    pthread_cond_init(&created->work, NULL);
    pthread_cond_init(&created->done, NULL);
    const mcl_status status = create_pieces(created);
    if (status != MCL_OK) {
        mcl_prefetch_free(created);
        return status;
    }
    start_threads(created);
    *prefetch = created;
    return MCL_OK;
}

static void stop_threads(mcl_prefetch *prefetch)
{
    pthread_mutex_lock(&prefetch->mutex);
    prefetch->stopped = true;
    pthread_cond_broadcast(&prefetch->work);
    pthread_mutex_unlock(&prefetch->mutex);
    while (prefetch->thread_count > 0)
        pthread_join(prefetch->threads[--prefetch->thread_count], NULL);
}

void mcl_prefetch_free(mcl_prefetch *prefetch)
{
    if (!prefetch)
        return;
    stop_threads(prefetch);
    for (size_t i = 0; i < prefetch->piece_count; i++) {
        free(prefetch->pieces[i].rows);
        free(prefetch->pieces[i].numbers);
        free(prefetch->pieces[i].message);
    }
    pthread_cond_destroy(&prefetch->work);
    pthread_cond_destroy(&prefetch->done);
    pthread_mutex_destroy(&prefetch->mutex);
    free(prefetch);
}

static void pause_locked(mcl_prefetch *prefetch)
{
    prefetch->next = prefetch->end;
    while (prefetch->busy > 0)
        pthread_cond_wait(&prefetch->done, &prefetch->mutex);
    prefetch->begun = prefetch->taken = 0;
}

static void start_locked(mcl_prefetch *prefetch, uint64_t first)
{
    pause_locked(prefetch);
    prefetch->next = first;
    pthread_cond_broadcast(&prefetch->work);
}

void mcl_prefetch_pause(mcl_prefetch *prefetch)
{
    pthread_mutex_lock(&prefetch->mutex);
    pause_locked(prefetch);
    pthread_mutex_unlock(&prefetch->mutex);
}

void mcl_prefetch_start(mcl_prefetch *prefetch, uint64_t first)
{
    pthread_mutex_lock(&prefetch->mutex);
    start_locked(prefetch, first);
    pthread_mutex_unlock(&prefetch->mutex);
}

/* The piece that begins at a place, when it has been read. */
static struct piece *wait_for(mcl_prefetch *prefetch, uint64_t first)
{
    struct piece *piece = &prefetch->pieces[prefetch->taken % prefetch->piece_count];
    pthread_mutex_lock(&prefetch->mutex);
    const uint64_t coming = prefetch->taken < prefetch->begun ? piece->first : prefetch->next;
    if (coming != first) {
        start_locked(prefetch, first);
        piece = &prefetch->pieces[0];
    }
    while (prefetch->begun == prefetch->taken || !piece->ready)
        pthread_cond_wait(&prefetch->done, &prefetch->mutex);
    pthread_mutex_unlock(&prefetch->mutex);
    return piece;
}

/* Lets a piece be read to again. */
static void release(mcl_prefetch *prefetch)
{
    pthread_mutex_lock(&prefetch->mutex);
    prefetch->taken++;
    pthread_cond_signal(&prefetch->work);
    pthread_mutex_unlock(&prefetch->mutex);
}

mcl_status mcl_prefetch_take(
    uint64_t *numbers, void *rows, mcl_prefetch *prefetch, uint64_t first, uint32_t count)
{
    if (prefetch->thread_count == 0)
        return read_batch(prefetch, numbers, rows, first, count);
    struct piece *piece = wait_for(prefetch, first);
    const mcl_status status = piece->status;
    if (status == MCL_OK && piece->numbers)
        memcpy(numbers, piece->numbers, count * sizeof *numbers);
    if (status == MCL_OK)
        memcpy(rows, piece->rows, count * prefetch->row);
    else
        mcl_error_record("%s", piece->message ? piece->message : "the host has no memory left");
    release(prefetch);
    return status;
}
