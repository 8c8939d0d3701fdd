/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/temporary.h"
#include "maskcl/output.h"

/* What a temporary name has after the final one, before mkstemp's six letters. */
#define MARK ".maskcl-"
#define LETTERS 6

/* Seconds after which a temporary file that nobody has locked was left by a killed process: from
 * its creation to its lock takes less. */
#define STALE 60

struct mcl_output {
    FILE *stream;
    char *path;
    char *temporary;
};

/* *folder = the folder that path lies in, freed by the caller. */
static mcl_status folder_of(char **folder, const char *path)
{
    char *copy;
    MCL_TRY(mcl_copy_string(&copy, path));
    mcl_status status = mcl_copy_string(folder, dirname(copy));
    free(copy);
    return status;
}

mcl_status mcl_output_check(const char *path)
{
    MCL_NEED(path);
    size_t length = strlen(path);
    struct stat information;
    if (length == 0 || path[length - 1] == '/' ||
        (stat(path, &information) == 0 && S_ISDIR(information.st_mode)))
        return mcl_fail(MCL_ERROR_FILE, "%s: is a folder; name a file to write", path);
    if (stat(path, &information) == 0 && !S_ISREG(information.st_mode))
        return mcl_fail(MCL_ERROR_FILE, "%s: is not a regular file and would be replaced", path);
    char *folder;
    MCL_TRY(folder_of(&folder, path));
    mcl_status status = MCL_OK;
    if (stat(folder, &information) != 0 || !S_ISDIR(information.st_mode))
        status = mcl_fail(MCL_ERROR_FILE, "%s: the folder %s does not exist", path, folder);
    else if (access(folder, W_OK | X_OK) != 0)
        status =
            mcl_fail(MCL_ERROR_FILE, "%s: cannot write in %s: %s", path, folder, strerror(errno));
    free(folder);
    return status;
}

/* Whether name is a temporary one for a file called base. */
static bool is_temporary(const char *name, const char *base)
{
    const size_t length = strlen(base), mark = sizeof MARK - 1;
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

/* Removes what processes that were killed while writing path have left in its folder. */
static void remove_all_stale(const char *path)
{
    char *folder;
    if (folder_of(&folder, path) != MCL_OK)
        return;
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    DIR *listing = opendir(folder);
    const struct dirent *entry;
    while (listing && (entry = readdir(listing))) {
        if (is_temporary(entry->d_name, base))
            remove_stale(dirfd(listing), entry->d_name);
    }
    if (listing)
        closedir(listing);
    free(folder);
}

mcl_status mcl_output_open(mcl_output **output, const char *path)
{
    MCL_TRY(mcl_output_check(path));
    mcl_output *file;
    MCL_TRY(mcl_allocate(&file, 1, sizeof *file));
    remove_all_stale(path);
    size_t bytes = strlen(path) + sizeof MARK + LETTERS;
    mcl_status status = mcl_copy_string(&file->path, path);
    if (status == MCL_OK)
        status = mcl_allocate(&file->temporary, bytes, 1);
    if (status != MCL_OK)
        goto fail;
    snprintf(file->temporary, bytes, "%s" MARK "XXXXXX", path);
    int descriptor = mkstemp(file->temporary);
    if (descriptor < 0) {
        status = mcl_fail(MCL_ERROR_FILE, "%s: cannot create: %s", path, strerror(errno));
        free(file->temporary);
        file->temporary = NULL;
        goto fail;
    }
    mcl_temporary_add(file->temporary);
    mode_t mask = umask(0); /* mkstemp makes 0600; a result is as readable as any new file */
    umask(mask);
    if (fchmod(descriptor, 0666 & ~mask) == 0)
        file->stream = fdopen(descriptor, "wb");
    (void)flock(descriptor, LOCK_EX | LOCK_NB); /* for remove_stale(), until it is closed */
    if (!file->stream) {
        status = mcl_fail(MCL_ERROR_FILE, "%s: cannot create: %s", path, strerror(errno));
        close(descriptor);
        goto fail;
    }
    *output = file;
    return MCL_OK;
fail:
    mcl_output_abandon(file);
    return status;
}

mcl_status mcl_output_write(mcl_output *output, const void *bytes, size_t count)
{
    if (count && fwrite(bytes, 1, count, output->stream) != count)
        return mcl_fail(MCL_ERROR_FILE, "%s: cannot write: %s", output->path, strerror(errno));
    return MCL_OK;
}

FILE *mcl_output_stream(mcl_output *output)
{
    return output->stream;
}

/* Makes a rename in path's folder survive a power cut. Not every file system can sync a folder, and
 * the file itself is safe by now, so a refusal is no error. */
static void sync_folder(const char *path)
{
    char *folder;
    if (folder_of(&folder, path) != MCL_OK)
        return;
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY);
    if (descriptor >= 0) {
        (void)fsync(descriptor);
        close(descriptor);
    }
    free(folder);
}

mcl_status mcl_output_commit(mcl_output *output)
{
    mcl_status status = MCL_OK;
    if (ferror(output->stream) || fflush(output->stream) != 0 || fsync(fileno(output->stream)) != 0)
        status = mcl_fail(MCL_ERROR_FILE, "%s: cannot write: %s", output->path, strerror(errno));
    int closed = fclose(output->stream);
    output->stream = NULL;
    if (status == MCL_OK && closed != 0)
        status = mcl_fail(MCL_ERROR_FILE, "%s: cannot write: %s", output->path, strerror(errno));
    if (status == MCL_OK && rename(output->temporary, output->path) != 0)
        status = mcl_fail(MCL_ERROR_FILE, "%s: cannot rename %s to it: %s", output->path,
            output->temporary, strerror(errno));
    if (status == MCL_OK) {
        mcl_temporary_drop(&output->temporary); /* it has its final name now */
        sync_folder(output->path);
    }
    mcl_output_abandon(output);
    return status;
}

void mcl_output_abandon(mcl_output *output)
{
    if (!output)
        return;
    if (output->stream)
        fclose(output->stream);
    if (output->temporary) {
        unlink(output->temporary);
        mcl_temporary_drop(&output->temporary);
    }
    free(output->path);
    free(output);
}
