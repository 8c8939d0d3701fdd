/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/target.h"
#include "base/temporary.h"
#include "maskcl/output.h"

/* What a name has after the final one, before LETTERS letters or digits: while a file is written
 * under a name, and where a whole result could not be put in place. */
#define MARK ".maskcl-"
#define MARK_KEPT ".kept-"
#define LETTERS 6
#define TRIES 100 /* of letters that may be taken */

/* Seconds after which a temporary file that nobody has locked was left by a killed process: from
 * its creation to its lock takes less. */
#define STALE 60

#define TRIAL 4096 /* bytes that are written to see whether there is room at all */

struct mcl_output {
    mcl_output_kind kind;
    char *path;      /* as it was given, for messages */
    char *target;    /* where it leads: the final name */
    char *temporary; /* the name until then; NULL: the file has none */
    int descriptor;
    FILE *stream; /* of a copy of the descriptor */
    int error;    /* of the first write that failed */
};

static _Thread_local bool kept;

bool mcl_output_kept(void)
{
    return kept;
}

static mcl_status cannot_write(const mcl_output *output, int error)
{
    return mcl_fail(MCL_ERROR_FILE, "%s: cannot write: %s", output->path, strerror(error));
}

/* Bytes of target that its temporary names begin with: all, or less where the mark has no room in a
 * name or a path; never a part of a UTF-8 character, which some file systems refuse. */
static size_t kept_length(const char *target, const char *mark)
{
    char *folder;
    long most = NAME_MAX;
    if (mcl_target_folder(&folder, target) == MCL_OK) {
        const long said = pathconf(folder, _PC_NAME_MAX);
        most = said > 0 ? said : most;
        free(folder);
    }
    const size_t added = strlen(mark) + LETTERS, length = strlen(target);
    const size_t begin = (size_t)(mcl_target_name(target) - target);
    size_t end = begin + (size_t)most < PATH_MAX - 1 ? begin + (size_t)most : PATH_MAX - 1;
    end = end > added ? end - added : 0;
    if (length <= end)
        return length;
    while (end > begin && ((unsigned char)target[end] & 0xC0) == 0x80)
        end--;
    return end > begin ? end : begin;
}

/* *name = target with a mark and room for the letters. */
static mcl_status make_name(char **name, const char *target, const char *mark)
{
    const size_t length = kept_length(target, mark);
    const size_t size = length + strlen(mark) + LETTERS + 1;
    MCL_TRY(mcl_allocate(name, size, 1));
    snprintf(*name, size, "%.*s%sXXXXXX", (int)length, target, mark);
    return MCL_OK;
}

/* Draws the letters at the end of a name: any that are not there yet will do. */
static void draw_letters(char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t state = ((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec) ^
                     (uint64_t)getpid() << 40 ^ (uint64_t)(uintptr_t)&now << 8;
    for (char *c = name + strlen(name) - LETTERS; *c; c++) {
        state = state * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
        *c = letters[(state >> 33) % (sizeof letters - 1)];
    }
}

/* Whether name is a temporary one that begins with so many bytes of base. */
static bool is_temporary(const char *name, const char *base, size_t length)
{
    const size_t mark = sizeof MARK - 1;
    if (strncmp(name, base, length) != 0 || strncmp(name + length, MARK, mark) != 0)
        return false;
    const char *letters = name + length + mark;
    size_t count = 0;
    while (isalnum((unsigned char)letters[count]))
        count++;
    return count == LETTERS && letters[count] == '\0';
}

/* Removes a temporary file of ours that no process holds. */
static void remove_stale(int folder, const char *name)
{
    struct stat information;
    const int descriptor = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return;
    if (fstat(descriptor, &information) == 0 && S_ISREG(information.st_mode) &&
        information.st_uid == geteuid() && information.st_mtime < time(NULL) - STALE &&
        flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        (void)unlinkat(folder, name, 0);
    close(descriptor);
}

/* Removes what processes that were killed while writing target have left in its folder. */
static void remove_all_stale(const char *target, const char *folder)
{
    const char *base = mcl_target_name(target);
    const size_t length = kept_length(target, MARK) - (size_t)(base - target);
    DIR *listing = opendir(folder);
    const struct dirent *entry;
    while (listing && (entry = readdir(listing))) {
        if (is_temporary(entry->d_name, base, length))
            remove_stale(dirfd(listing), entry->d_name);
    }
    if (listing)
        closedir(listing);
}

/* A file in a folder without a name, or -1. It can only be given one through /proc. */
static int create_unnamed(const char *folder, mode_t mode)
{
    struct stat information;
    char link[64];
    const int descriptor = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
    if (descriptor < 0)
        return -1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    if (lstat(link, &information) == 0)
        return descriptor;
    close(descriptor);
    return -1;
}

/* A new file under a name whose letters are drawn, or -1. */
static int create_named(char *name, mode_t mode)
{
    int descriptor = -1;
    errno = EEXIST;
    for (int i = 0; i < TRIES && descriptor < 0 && errno == EEXIST; i++) {
        draw_letters(name);
        descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    }
    return descriptor;
}

static mode_t mode_of(mcl_output_kind kind)
{
    return kind == MCL_OUTPUT_CACHE ? 0600 : 0666;
}

/* Whatever the umask, what we write we can read and write again. */
static void make_ours(int descriptor)
{
    struct stat information;
    const mode_t needed = S_IRUSR | S_IWUSR;
    if (fstat(descriptor, &information) == 0 && (information.st_mode & needed) != needed)
        (void)fchmod(descriptor, (information.st_mode & 0777) | needed);
}

/* The file has this name for now; or it could not be had, and the name is freed. */
static void set_temporary(mcl_output *output, char *name, bool named)
{
    if (!named) {
        free(name);
        return;
    }
    output->temporary = name;
    mcl_temporary_add(name);
}

static mcl_status create(mcl_output *output, const char *folder)
{
    const mode_t mode = mode_of(output->kind);
    output->descriptor = create_unnamed(folder, mode);
    if (output->descriptor < 0) {
        char *name;
        MCL_TRY(make_name(&name, output->target, MARK));
        output->descriptor = create_named(name, mode);
        const int reason = errno;
        set_temporary(output, name, output->descriptor >= 0);
        errno = reason;
    }
    const int copy = output->descriptor < 0 ? -1 : fcntl(output->descriptor, F_DUPFD_CLOEXEC, 0);
    if (copy >= 0)
        output->stream = fdopen(copy, "wb");
    if (!output->stream) {
        const int reason = errno;
        if (copy >= 0)
            close(copy);
        return mcl_fail(MCL_ERROR_FILE, "%s: cannot create: %s", output->path, strerror(reason));
    }
    (void)flock(output->descriptor, LOCK_EX | LOCK_NB); /* for remove_stale(), until it is closed */
    make_ours(output->descriptor);
    return MCL_OK;
}

static mcl_status check_folder(const char *folder, const char *path)
{
    struct stat information;
    if (stat(folder, &information) != 0 || !S_ISDIR(information.st_mode))
        return mcl_fail(MCL_ERROR_FILE, "%s: the folder %s does not exist", path, folder);
    if (access(folder, W_OK | X_OK) != 0)
        return mcl_fail(
            MCL_ERROR_FILE, "%s: cannot write in %s: %s", path, folder, strerror(errno));
    return MCL_OK;
}

/* *output has path, target and kind; *folder is that of the target, freed by the caller. */
static mcl_status prepare(
    mcl_output **output, char **folder, const char *path, mcl_output_kind kind)
{
    mcl_output *file;
    MCL_TRY(mcl_allocate(&file, 1, sizeof *file));
    file->kind = kind;
    file->descriptor = -1;
    *folder = NULL;
    mcl_status status = mcl_copy_string(&file->path, path);
    if (status == MCL_OK)
        status = mcl_target_find(&file->target, path);
    if (status == MCL_OK)
        status = mcl_target_folder(folder, file->target);
    if (status == MCL_OK)
        status = check_folder(*folder, path);
    if (status == MCL_OK) {
        *output = file;
        return MCL_OK;
    }
    free(*folder);
    mcl_output_abandon(file);
    return status;
}

mcl_status mcl_output_open(mcl_output **output, const char *path, mcl_output_kind kind)
{
    mcl_output *file;
    char *folder;
    kept = false;
    MCL_TRY(prepare(&file, &folder, path, kind));
    remove_all_stale(file->target, folder);
    const mcl_status status = create(file, folder);
    free(folder);
    if (status == MCL_OK)
        *output = file;
    else
        mcl_output_abandon(file);
    return status;
}

/* Refuses a file that its owner would not expect to be replaced, or that cannot be. */
static mcl_status check_old(const char *target, const char *folder, const char *path)
{
    struct stat old, around;
    if (lstat(target, &old) != 0)
        return MCL_OK;
    if (!(old.st_mode & 0222)) /* root could write it all the same */
        return mcl_fail(MCL_ERROR_FILE,
            "%s: is write-protected: allow writing by chmod u+w, or name another file", path);
    const int descriptor = open(target, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return mcl_fail(
            MCL_ERROR_FILE, "%s: cannot be replaced: %s: name another file", path, strerror(errno));
    close(descriptor);
    if (geteuid() != 0 && old.st_uid != geteuid() && stat(folder, &around) == 0 &&
        (around.st_mode & S_ISVTX) && around.st_uid != geteuid())
        return mcl_fail(MCL_ERROR_FILE,
            "%s: is another user's, and in %s only its owner can replace it: name another file",
            path, folder);
    return MCL_OK;
}

/* Writes a little to a file that never gets the name: there is room, and nothing forbids it. */
static mcl_status try_writing(mcl_output *output, const char *folder)
{
    static const char zeros[TRIAL];
    MCL_TRY(create(output, folder));
    MCL_TRY(mcl_output_write(output, zeros, sizeof zeros));
    const bool closed = fclose(output->stream) == 0;
    output->stream = NULL;
    return closed ? MCL_OK : cannot_write(output, errno);
}

mcl_status mcl_output_check(const char *path)
{
    MCL_NEED(path);
    mcl_output *output;
    char *folder;
    MCL_TRY(prepare(&output, &folder, path, MCL_OUTPUT_RESULT));
    mcl_status status = check_old(output->target, folder, path);
    if (status == MCL_OK)
        status = try_writing(output, folder);
    free(folder);
    mcl_output_abandon(output);
    return status;
}

mcl_status mcl_output_write(mcl_output *output, const void *bytes, size_t count)
{
    if (count == 0 || fwrite(bytes, 1, count, output->stream) == count)
        return MCL_OK;
    output->error = errno;
    return cannot_write(output, errno);
}

FILE *mcl_output_stream(mcl_output *output)
{
    return output->stream;
}

/* fsync(): 0 or its errno. A file system that cannot sync has done what it can. */
static int sync_file(int descriptor)
{
    int result;
    do {
        result = fsync(descriptor);
    } while (result != 0 && errno == EINTR);
    if (result == 0 || errno == EINVAL || errno == ENOTSUP || errno == ENOSYS || errno == EROFS)
        return 0;
    return errno;
}

/* Makes a rename in target's folder survive a power cut. Not every file system can sync a folder,
 * and the file itself is safe by now, so a refusal is no error. */
static void sync_folder(const char *target)
{
    char *folder;
    if (mcl_target_folder(&folder, target) != MCL_OK)
        return;
    const int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        (void)fsync(descriptor);
        close(descriptor);
    }
    free(folder);
}

/* A result has the mode and the owner of the file that it replaces, as far as that is allowed. */
static void take_after_old(const mcl_output *output, int descriptor)
{
    struct stat old;
    if (output->kind != MCL_OUTPUT_RESULT || lstat(output->target, &old) != 0 ||
        !S_ISREG(old.st_mode))
        return;
    if (fchown(descriptor, geteuid() == 0 ? old.st_uid : (uid_t)-1, old.st_gid) == 0 ||
        !(old.st_mode & 0070)) /* else the mode would let another group in */
        (void)fchmod(descriptor, old.st_mode & 0777);
}

/* Everything written is in the file, and as safe as the file system makes it. */
static mcl_status finish(mcl_output *output)
{
    errno = 0;
    int error = output->error;
    if (!error && (ferror(output->stream) || fflush(output->stream) != 0))
        error = errno ? errno : EIO;
    take_after_old(output, output->descriptor);
    if (!error)
        error = sync_file(output->descriptor);
    const int closed = fclose(output->stream);
    output->stream = NULL;
    if (!error && closed != 0 && errno != EINTR)
        error = errno;
    return error ? cannot_write(output, error) : MCL_OK;
}

/* Copies a whole file; false with errno set. */
static bool copy_bytes(int to, int from)
{
    char bytes[16384];
    ssize_t got;
    for (off_t at = 0; (got = pread(from, bytes, sizeof bytes, at)) != 0; at += got) {
        if (got < 0)
            return false;
        for (ssize_t done = 0; done < got;) {
            const ssize_t count = write(to, bytes + done, (size_t)(got - done));
            if (count < 0 && errno != EINTR)
                return false;
            done += count > 0 ? count : 0;
        }
    }
    return true;
}

/* Gives a file without a name this one; false with errno set. */
static bool link_to(int descriptor, const char *name)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    return linkat(AT_FDCWD, link, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
}

/* Puts a copy in place of the file without a name, under a name whose letters are drawn and which
 * is output's then, or freed. False with errno set. */
static bool copy_to(mcl_output *output, char *name)
{
    const int descriptor = create_named(name, mode_of(output->kind));
    int error = descriptor < 0 ? errno : 0;
    set_temporary(output, name, descriptor >= 0);
    if (!error) {
        make_ours(descriptor);
        take_after_old(output, descriptor);
        error = copy_bytes(descriptor, output->descriptor) ? sync_file(descriptor) : errno;
    }
    if (!error) {
        close(output->descriptor);
        output->descriptor = descriptor;
    } else if (descriptor >= 0) {
        close(descriptor);
    }
    errno = error;
    return !error;
}

/* Gives a file without a name its temporary one; false with errno set. */
static bool name_temporarily(mcl_output *output)
{
    char *name;
    bool named = false;
    if (make_name(&name, output->target, MARK) != MCL_OK) {
        errno = ENOMEM;
        return false;
    }
    errno = EEXIST;
    for (int i = 0; i < TRIES && !named && errno == EEXIST; i++) {
        draw_letters(name);
        named = link_to(output->descriptor, name);
    }
    if (named)
        set_temporary(output, name, true);
    return named || copy_to(output, name);
}

/* Copies a result over the file that has its name and cannot be renamed to, such as a mount point.
 * False where there is none that can be opened: nothing has changed. Else *error = 0, or what ended
 * the copying. */
static bool copy_over(int *error, const mcl_output *output)
{
    struct stat information;
    const int to = open(output->target, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (to < 0)
        return false;
    if (fstat(to, &information) != 0 || !S_ISREG(information.st_mode)) {
        close(to);
        return false;
    }
    const bool copied = ftruncate(to, 0) == 0 && copy_bytes(to, output->descriptor);
    *error = copied ? sync_file(to) : errno;
    if (close(to) != 0 && !*error)
        *error = errno;
    return true;
}

mcl_status mcl_output_spare_name(char **name, const char *path)
{
    MCL_TRY(make_name(name, path, MARK_KEPT));
    do {
        draw_letters(*name);
    } while (access(*name, F_OK) == 0);
    return MCL_OK;
}

/* Leaves a whole result where it is, under a name that is not taken for one of a killed process. */
static mcl_status keep(mcl_output *output, const char *how, int reason)
{
    char *name;
    if (mcl_output_spare_name(&name, output->target) == MCL_OK) {
        if (rename(output->temporary, name) == 0) {
            mcl_temporary_drop(&output->temporary);
            output->temporary = name;
        } else {
            free(name);
        }
    }
    kept = true;
    const mcl_status status =
        mcl_fail(MCL_ERROR_FILE, "%s: %s: %s; the whole result is in %s: move it from there",
            output->path, how, strerror(reason), output->temporary);
    mcl_temporary_drop(&output->temporary);
    return status;
}

/* Gives the file its final name. */
static mcl_status put_in_place(mcl_output *output)
{
    int error = 0;
    if (!output->temporary && !name_temporarily(output))
        return cannot_write(output, errno);
    if (rename(output->temporary, output->target) == 0) {
        mcl_temporary_drop(&output->temporary); /* nothing is left to remove */
        return MCL_OK;
    }
    const int reason = errno;
    if (output->kind != MCL_OUTPUT_RESULT || reason == ENOENT) /* discarded, or its folder is */
        return mcl_fail(
            MCL_ERROR_FILE, "%s: cannot be put in place: %s", output->path, strerror(reason));
    if (!copy_over(&error, output))
        return keep(output, "cannot be put in place", reason);
    return error ? keep(output, "is incomplete", error) : MCL_OK;
}

mcl_status mcl_output_commit(mcl_output *output)
{
    mcl_status status = finish(output);
    if (status == MCL_OK)
        status = put_in_place(output);
    if (status == MCL_OK || kept)
        sync_folder(output->target);
    mcl_output_abandon(output);
    return status;
}

void mcl_output_abandon(mcl_output *output)
{
    if (!output)
        return;
    if (output->stream)
        fclose(output->stream);
    if (output->descriptor >= 0)
        close(output->descriptor);
    if (output->temporary) {
        unlink(output->temporary);
        mcl_temporary_drop(&output->temporary);
    }
    free(output->target);
    free(output->path);
    free(output);
}
