/* SPDX-License-Identifier: Apache-2.0 */
/* A name is locked by a byte of its folder: a lock of an open folder needs no file of its own,
 * leaves nothing behind, and ends with the process, however that ends. A folder can only be opened
 * for reading, and so be locked for reading; whether somebody else has such a lock is what a
 * question for a lock for writing tells. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/target.h"
#include "maskcl/output.h"

struct mcl_output_lock {
    int folder;
};

#define TRIES                                                                                      \
    10 /* within half a second: a process that has just been killed lets go in that time */

static void wait_a_little(int attempt)
{
    struct timespec pause = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &pause); /* two that begin at once must not stay in step */
    pause = (struct timespec){0, 10000000L * (1 + attempt) + pause.tv_nsec % 10000000L};
    nanosleep(&pause, NULL);
}

#ifdef F_OFD_SETLK
static struct flock byte_of(const char *name, short kind)
{
    const off_t byte = (off_t)(XXH3_64bits(name, strlen(name)) >> 2);
    return (struct flock){.l_type = kind, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
}

/* Whether the lock is ours. Where a file system has no locks, it is. */
static bool lock(int folder, const char *name)
{
    struct flock own = byte_of(name, F_RDLCK), other = byte_of(name, F_WRLCK);
    if (fcntl(folder, F_OFD_SETLK, &own) != 0 || fcntl(folder, F_OFD_GETLK, &other) != 0 ||
        other.l_type == F_UNLCK)
        return true;
    own.l_type = F_UNLCK;
    (void)fcntl(folder, F_OFD_SETLK, &own);
    return false;
}
#else
static bool lock(int folder, const char *name)
{
    (void)folder;
    (void)name;
    return true;
}
#endif

static mcl_status lock_in(mcl_output_lock *lock_of_name, const char *name, const char *path)
{
    for (int i = 0; i < TRIES; i++) {
        if (lock(lock_of_name->folder, name))
            return MCL_OK;
        wait_a_little(i);
    }
    return mcl_fail(MCL_ERROR_FILE,
        "%s: another run is writing this file: wait for its end, or name another file", path);
}

mcl_status mcl_output_lock_take(mcl_output_lock **lock_of_name, const char *path)
{
    MCL_NEED(lock_of_name);
    MCL_NEED(path);
    char *target, *folder;
    *lock_of_name = NULL;
    mcl_status status = mcl_target_find(&target, path);
    if (status != MCL_OK)
        return status == MCL_ERROR_MEMORY ? status : MCL_OK;
    status = mcl_target_folder(&folder, target);
    const int descriptor = status == MCL_OK ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (status == MCL_OK)
        free(folder);
    mcl_output_lock *made = NULL;
    if (descriptor >= 0)
        status = mcl_allocate(&made, 1, sizeof *made);
    if (made) {
        made->folder = descriptor;
        status = lock_in(made, mcl_target_name(target), path);
    }
    free(target);
    if (made && status == MCL_OK)
        *lock_of_name = made;
    else if (descriptor >= 0)
        close(descriptor);
    if (made != *lock_of_name)
        free(made);
    return status;
}

void mcl_output_lock_release(mcl_output_lock *lock_of_name)
{
    if (!lock_of_name)
        return;
    close(lock_of_name->folder);
    free(lock_of_name);
}
