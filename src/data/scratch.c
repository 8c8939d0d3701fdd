/* SPDX-License-Identifier: Apache-2.0 */
#include "data/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "device/cache.h"

#define PATH_SIZE 1024
#define FOLDERS 3

struct mcl_scratch {
    int file; /* -1: taken */
    char *source;
    uint64_t written;
    char folder[PATH_SIZE];
};

#define ADVICE                                                                                     \
    "set XDG_CACHE_HOME to a folder on a larger disk, or raise the limit on host memory "          \
    "(`host_memory`)"

/* The folders that are tried, of which there may be fewer. */
static size_t find_folders(char folders[FOLDERS][PATH_SIZE])
{
    const char *temporary = getenv("TMPDIR");
    size_t count = mcl_cache_folder(folders[0], PATH_SIZE);
    if (temporary && *temporary == '/')
        snprintf(folders[count++], PATH_SIZE, "%s", temporary);
    snprintf(folders[count++], PATH_SIZE, "/var/tmp");
    return count;
}

/* A file without a name, where there are such; else one whose name is gone at once. */
static int open_unnamed(const char *folder)
{
    char path[PATH_SIZE + 32];
    const int file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0)
        return file;
    snprintf(path, sizeof path, "%.1000s/maskcl-rows-XXXXXX", folder);
    const int named = mkostemp(path, O_CLOEXEC);
    if (named >= 0)
        unlink(path);
    return named;
}

/* The bytes that a file there can take; UINT64_MAX where that is not known. */
static uint64_t room_in(const char *folder)
{
    struct statvfs disk;
    uint64_t room;
    return statvfs(folder, &disk) == 0 && mcl_multiply(&room, disk.f_bavail, disk.f_frsize)
               ? room
               : UINT64_MAX;
}

/* Opens the file in the first folder that is good for it; -1 where none is, and why the first one
 * was not. */
static int open_somewhere(char folder[PATH_SIZE], char reason[PATH_SIZE], uint64_t bytes)
{
    char folders[FOLDERS][PATH_SIZE];
    const size_t count = find_folders(folders);
    *reason = '\0';
    for (size_t i = 0; i < count; i++) {
        const uint64_t room = room_in(folders[i]);
        const int file = room >= bytes ? open_unnamed(folders[i]) : -1;
        if (file >= 0) {
            memcpy(folder, folders[i], PATH_SIZE);
            return file;
        }
        if (*reason)
            continue;
        if (room < bytes)
            snprintf(reason, PATH_SIZE, "%.512s has only %" PRIu64, folders[i], room);
        else
            snprintf(reason, PATH_SIZE, "%.512s: %s", folders[i], strerror(errno));
    }
    return -1;
}

mcl_status mcl_scratch_create(mcl_scratch **scratch, uint64_t bytes, const char *source)
{
    mcl_scratch *created;
    char reason[PATH_SIZE];
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->file = -1;
    mcl_status status = mcl_copy_string(&created->source, source);
    if (status == MCL_OK) {
        created->file = open_somewhere(created->folder, reason, bytes);
        if (created->file < 0 && bytes)
            status = mcl_fail(MCL_ERROR_FILE,
                "%s: its rows are more than memory may hold, and no folder has the %" PRIu64
                " bytes for a temporary file of them: %s; " ADVICE,
                source, bytes, reason);
        else if (created->file < 0)
            status = mcl_fail(MCL_ERROR_FILE,
                "%s: its rows are more than memory may hold, and no temporary file can be made: "
                "%s; " ADVICE,
                source, reason);
    }
    if (status != MCL_OK) {
        mcl_scratch_free(created);
        return status;
    }
    *scratch = created;
    return MCL_OK;
}

void mcl_scratch_free(mcl_scratch *scratch)
{
    if (!scratch)
        return;
    if (scratch->file >= 0)
        close(scratch->file);
    free(scratch->source);
    free(scratch);
}

mcl_status mcl_scratch_write(mcl_scratch *scratch, const void *bytes, size_t count)
{
    const char *from = bytes;
    for (size_t done = 0; done < count;) {
        const ssize_t written = write(scratch->file, from + done, count - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return mcl_fail(MCL_ERROR_FILE,
                "%s: a temporary file of its rows in %s cannot grow beyond %" PRIu64
                " bytes: %s; " ADVICE,
                scratch->source, scratch->folder, scratch->written, strerror(errno));
        done += (size_t)written;
        scratch->written += (uint64_t)written;
    }
    return MCL_OK;
}

int mcl_scratch_file(const mcl_scratch *scratch)
{
    return scratch->file;
}

int mcl_scratch_take(mcl_scratch *scratch)
{
    const int file = scratch->file;
    scratch->file = -1;
    return file;
}
