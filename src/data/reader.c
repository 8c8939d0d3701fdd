/* SPDX-License-Identifier: Apache-2.0 */
#include "data/reader.h"

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

struct mcl_reader {
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
    const mcl_reader *reader, uint64_t *numbers, void *rows, uint64_t first, uint32_t count)
{
    if (!reader->order)
        return mcl_data_read_rows(rows, reader->data, first, count);
    mcl_permutation_kept(numbers, reader->order, first, count);
    return mcl_data_gather(rows, reader->data, numbers, count);
}

static void fill(const mcl_reader *reader, struct piece *piece)
{
    free(piece->message); /* of one that nobody took */
    piece->message = NULL;
    piece->status = read_batch(reader, piece->numbers, piece->rows, piece->first, piece->count);
    if (piece->status != MCL_OK && mcl_copy_string(&piece->message, mcl_error_message()) != MCL_OK)
        piece->message = NULL;
}

static bool has_work(const mcl_reader *reader)
{
    return reader->next < reader->end && reader->begun - reader->taken < reader->piece_count;
}

/* The piece that is begun next. */
static struct piece *begin_piece(mcl_reader *reader)
{
    struct piece *piece = &reader->pieces[reader->begun++ % reader->piece_count];
    const uint64_t left = reader->end - reader->next;
    piece->first = reader->next;
    piece->count = left < reader->batch ? (uint32_t)left : reader->batch;
    piece->ready = false;
    reader->next += piece->count;
    return piece;
}

static void *read_ahead(void *of)
{
    mcl_reader *reader = of;
    pthread_mutex_lock(&reader->mutex);
    while (!reader->stopped) {
        if (!has_work(reader)) {
            pthread_cond_wait(&reader->work, &reader->mutex);
            continue;
        }
        struct piece *piece = begin_piece(reader);
        reader->busy++;
        pthread_mutex_unlock(&reader->mutex);
        fill(reader, piece);
        pthread_mutex_lock(&reader->mutex);
        reader->busy--;
        piece->ready = true;
        pthread_cond_signal(&reader->done); /* there is one that waits */
    }
    pthread_mutex_unlock(&reader->mutex);
    return NULL;
}

static size_t threads_wanted(void)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 2 ? 1 : processors > THREADS_MAX ? THREADS_MAX : (size_t)processors - 1;
}

static void start_threads(mcl_reader *reader)
{
    const size_t wanted = threads_wanted();
    sigset_t all, before;
    sigfillset(&all); /* signals are for the threads that there were */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (reader->thread_count < wanted && reader->thread_count < reader->piece_count &&
           pthread_create(&reader->threads[reader->thread_count], NULL, read_ahead, reader) == 0)
        reader->thread_count++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* As many pieces as threads can use, or as memory has room for. */
static mcl_status create_pieces(mcl_reader *reader)
{
    const uint64_t fit =
        mcl_data_memory(reader->data) / MEMORY_PART / (reader->batch * (uint64_t)reader->row + 1);
    const size_t most = threads_wanted() + 2;
    const size_t count = fit < 2 ? 2 : fit < most ? (size_t)fit : most;
    for (; reader->piece_count < count; reader->piece_count++) {
        struct piece *piece = &reader->pieces[reader->piece_count];
        MCL_TRY(mcl_allocate(&piece->rows, reader->batch, reader->row));
        if (!reader->order)
            continue;
        const mcl_status status =
            mcl_allocate(&piece->numbers, reader->batch, sizeof *piece->numbers);
        if (status != MCL_OK) {
            free(piece->rows);
            return status;
        }
    }
    return MCL_OK;
}

mcl_status mcl_reader_create(
    mcl_reader **reader, const mcl_data *data, uint32_t batch, const mcl_permutation *order)
{
    mcl_reader *created;
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
        mcl_reader_free(created);
        return status;
    }
    start_threads(created);
    *reader = created;
    return MCL_OK;
}

static void stop_threads(mcl_reader *reader)
{
    pthread_mutex_lock(&reader->mutex);
    reader->stopped = true;
    pthread_cond_broadcast(&reader->work);
    pthread_mutex_unlock(&reader->mutex);
    while (reader->thread_count > 0)
        pthread_join(reader->threads[--reader->thread_count], NULL);
}

void mcl_reader_free(mcl_reader *reader)
{
    if (!reader)
        return;
    stop_threads(reader);
    for (size_t i = 0; i < reader->piece_count; i++) {
        free(reader->pieces[i].rows);
        free(reader->pieces[i].numbers);
        free(reader->pieces[i].message);
    }
    pthread_cond_destroy(&reader->work);
    pthread_cond_destroy(&reader->done);
    pthread_mutex_destroy(&reader->mutex);
    free(reader);
}

static void pause_locked(mcl_reader *reader)
{
    reader->next = reader->end;
    while (reader->busy > 0)
        pthread_cond_wait(&reader->done, &reader->mutex);
    reader->begun = reader->taken = 0;
}

static void start_locked(mcl_reader *reader, uint64_t first)
{
    pause_locked(reader);
    reader->next = first;
    pthread_cond_broadcast(&reader->work);
}

void mcl_reader_pause(mcl_reader *reader)
{
    pthread_mutex_lock(&reader->mutex);
    pause_locked(reader);
    pthread_mutex_unlock(&reader->mutex);
}

void mcl_reader_start(mcl_reader *reader, uint64_t first)
{
    pthread_mutex_lock(&reader->mutex);
    start_locked(reader, first);
    pthread_mutex_unlock(&reader->mutex);
}

/* The piece that begins at a place, when it has been read. */
static struct piece *wait_for(mcl_reader *reader, uint64_t first)
{
    struct piece *piece = &reader->pieces[reader->taken % reader->piece_count];
    pthread_mutex_lock(&reader->mutex);
    const uint64_t coming = reader->taken < reader->begun ? piece->first : reader->next;
    if (coming != first) {
        start_locked(reader, first);
        piece = &reader->pieces[0];
    }
    while (reader->begun == reader->taken || !piece->ready)
        pthread_cond_wait(&reader->done, &reader->mutex);
    pthread_mutex_unlock(&reader->mutex);
    return piece;
}

/* Lets a piece be read to again. */
static void release(mcl_reader *reader)
{
    pthread_mutex_lock(&reader->mutex);
    reader->taken++;
    pthread_cond_signal(&reader->work);
    pthread_mutex_unlock(&reader->mutex);
}

mcl_status mcl_reader_take(
    uint64_t *numbers, void *rows, mcl_reader *reader, uint64_t first, uint32_t count)
{
    if (reader->thread_count == 0)
        return read_batch(reader, numbers, rows, first, count);
    struct piece *piece = wait_for(reader, first);
    const mcl_status status = piece->status;
    if (status == MCL_OK && piece->numbers)
        memcpy(numbers, piece->numbers, count * sizeof *numbers);
    if (status == MCL_OK)
        memcpy(rows, piece->rows, count * reader->row);
    else
        mcl_error_record("%s", piece->message ? piece->message : "the host has no memory left");
    release(reader);
    return status;
}
