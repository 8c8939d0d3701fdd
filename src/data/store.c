/* SPDX-License-Identifier: Apache-2.0 */
#include "data/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/data.h"

struct part {
    int file;
    char *name;
    uint64_t offset; /* of the first row in the file */
    uint64_t first;  /* the number of that row in the store */
    uint64_t end;    /* that of the first one after the part */
    bool own;
    off_t size;
    struct timespec changed;
};

struct mcl_store {
    mcl_element element;
    uint64_t columns;
    size_t row; /* bytes */
    struct part *parts;
    size_t count, room;
};

mcl_status mcl_store_create(mcl_store **store, mcl_element element, uint64_t columns)
{
    mcl_store *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->element = element;
    created->columns = columns;
    created->row = (size_t)columns * mcl_element_size(element);
    *store = created;
    return MCL_OK;
}

void mcl_store_free(mcl_store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < store->count; i++) {
        close(store->parts[i].file);
        free(store->parts[i].name);
    }
    free(store->parts);
    free(store);
}

static mcl_status reserve(mcl_store *store)
{
    struct part *grown;
    const size_t room = store->room ? 2 * store->room : 1;
    if (store->count < store->room)
        return MCL_OK;
    MCL_TRY(mcl_allocate(&grown, room, sizeof *grown));
    if (store->count)
        memcpy(grown, store->parts, store->count * sizeof *grown);
    free(store->parts);
    store->parts = grown;
    store->room = room;
    return MCL_OK;
}

static mcl_status add(mcl_store *store, const mcl_store_part *part)
{
    struct stat information;
    MCL_TRY(reserve(store));
    struct part *added = &store->parts[store->count];
    if (fstat(part->file, &information) != 0)
        return mcl_fail(MCL_ERROR_FILE, "%s: cannot read: %s", part->name, strerror(errno));
    *added = (struct part){.file = part->file,
        .offset = part->offset,
        .first = store->count ? added[-1].end : 0,
        .own = part->own,
        .size = information.st_size,
        .changed = information.st_mtim};
    added->end = added->first + part->rows;
    MCL_TRY(mcl_copy_string(&added->name, part->name));
    /* Rows are read one by one; what is around them is of no use. */
    (void)posix_fadvise(part->file, 0, 0, POSIX_FADV_RANDOM);
    store->count++;
    return MCL_OK;
}

mcl_status mcl_store_add(mcl_store *store, const mcl_store_part *part)
{
    const mcl_status status = add(store, part);
    if (status != MCL_OK)
        close(part->file);
    return status;
}

/* The part that has a row. */
static const struct part *part_of(const mcl_store *store, uint64_t row)
{
    size_t low = 0, high = store->count - 1;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (row < store->parts[middle].end)
            high = middle;
        else
            low = middle + 1;
    }
    return &store->parts[low];
}

static mcl_status changed(const struct part *part)
{
    return mcl_fail(MCL_ERROR_FILE,
        "%s: was changed while it was in use: data that are larger than memory are read again and "
        "again, so that their file must stay as it is",
        part->name);
}

/* Refuses what was read of a file that is not what it was. */
static mcl_status check_unchanged(const struct part *part)
{
    struct stat information;
    if (part->own)
        return MCL_OK;
    if (fstat(part->file, &information) != 0)
        return mcl_fail(MCL_ERROR_FILE, "%s: cannot read: %s", part->name, strerror(errno));
    return information.st_size == part->size &&
                   information.st_mtim.tv_sec == part->changed.tv_sec &&
                   information.st_mtim.tv_nsec == part->changed.tv_nsec
               ? MCL_OK
               : changed(part);
}

static mcl_status read_bytes(char *to, const struct part *part, uint64_t offset, size_t count)
{
    for (size_t done = 0; done < count;) {
        const ssize_t got = pread(part->file, to + done, count - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return mcl_fail(MCL_ERROR_FILE, "%s: cannot read: %s", part->name, strerror(errno));
        if (got == 0)
            return changed(part);
        done += (size_t)got;
    }
    return MCL_OK;
}

/* Makes floats what they are used as. row is the number of the first in the part's file. */
static mcl_status store_floats(
    const mcl_store *store, const struct part *part, float *values, uint64_t row, uint64_t rows)
{
    const uint64_t count = rows * store->columns;
    for (uint64_t i = 0; i < count; i++) {
        const float value = values[i];
        if (!mcl_data_store(&values[i], value))
            return mcl_fail(MCL_ERROR_DATA,
                "%s: row %" PRIu64 ", column %" PRIu64
                " (counted from 0) is %s; replace or remove it",
                part->name, row + i / store->columns, i % store->columns,
                value != value ? "NaN" : "infinite");
    }
    return MCL_OK;
}

/* Reads rows of one part. */
static mcl_status read_part(
    char *to, const mcl_store *store, const struct part *part, uint64_t first, uint64_t count)
{
    const uint64_t row = first - part->first;
    MCL_TRY(read_bytes(to, part, part->offset + row * store->row, (size_t)count * store->row));
    return part->own || store->element == MCL_ELEMENT_UINT8
               ? MCL_OK
               : store_floats(store, part, (float *)(void *)to, row, count);
}

mcl_status mcl_store_read(void *to, const mcl_store *store, uint64_t first, uint64_t count)
{
    char *at = to;
    while (count > 0) {
        const struct part *part = part_of(store, first);
        const uint64_t left = part->end - first, now = count < left ? count : left;
        MCL_TRY(read_part(at, store, part, first, now));
        MCL_TRY(check_unchanged(part));
        at += now * store->row;
        first += now;
        count -= now;
    }
    return MCL_OK;
}

struct wanted {
    uint64_t row, place;
    bool here; /* it has been read */
};

static int compare(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;
    return (x->row > y->row) - (x->row < y->row);
}

/* Reads a row that the system has in memory; false where it would have to be waited for, after the
 * system has been told to read it. */
static bool read_at_hand(void *to, const mcl_store *store, const struct part *part, uint64_t row)
{
    const off_t offset = (off_t)(part->offset + (row - part->first) * store->row);
    const struct iovec room = {to, store->row};
    if (preadv2(part->file, &room, 1, offset, RWF_NOWAIT) == (ssize_t)store->row)
        return true;
    (void)posix_fadvise(part->file, offset, (off_t)store->row, POSIX_FADV_WILLNEED);
    return false;
}

static mcl_status read_row(char *to, const mcl_store *store, uint64_t row)
{
    const struct part *part = part_of(store, row);
    return read_bytes(to, part, part->offset + (row - part->first) * store->row, store->row);
}

/* Makes the rows that were read what they are used as, and refuses files that have changed. */
static mcl_status finish_rows(
    char *to, const mcl_store *store, const struct wanted *wanted, uint64_t count)
{
    const struct part *part = NULL;
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t row = wanted[i].row;
        if (!part || row >= part->end) {
            part = part_of(store, row);
            MCL_TRY(check_unchanged(part));
        }
        if (!part->own && store->element == MCL_ELEMENT_FLOAT32)
            MCL_TRY(store_floats(store, part, (float *)(void *)(to + wanted[i].place * store->row),
                row - part->first, 1));
    }
    return MCL_OK;
}

/* Reads the rows of a sorted list: first those that are in memory, so that the disk is at work on
 * all others when the first of them is waited for. */
static mcl_status read_wanted(
    char *to, const mcl_store *store, struct wanted *wanted, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        wanted[i].here = read_at_hand(
            to + wanted[i].place * store->row, store, part_of(store, wanted[i].row), wanted[i].row);
    for (uint64_t i = 0; i < count; i++) {
        if (!wanted[i].here)
            MCL_TRY(read_row(to + wanted[i].place * store->row, store, wanted[i].row));
    }
    return finish_rows(to, store, wanted, count);
}

mcl_status mcl_store_gather(
    void *to, const mcl_store *store, const uint64_t *numbers, uint64_t count)
{
    struct wanted *wanted;
    MCL_TRY(mcl_allocate(&wanted, count, sizeof *wanted));
    for (uint64_t i = 0; i < count; i++)
        wanted[i] = (struct wanted){.row = numbers[i], .place = i};
    qsort(wanted, count, sizeof *wanted, compare);
    const mcl_status status = read_wanted(to, store, wanted, count);
    free(wanted);
    return status;
}
