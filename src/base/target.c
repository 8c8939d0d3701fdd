/* SPDX-License-Identifier: Apache-2.0 */
#include "base/target.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "maskcl/output.h"

#define LINKS_MAX 40 /* as Linux follows */

mcl_status mcl_target_folder(char **folder, const char *path)
{
    char *copy;
    MCL_TRY(mcl_copy_string(&copy, path));
    mcl_status status = mcl_copy_string(folder, dirname(copy));
    free(copy);
    return status;
}

const char *mcl_target_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The links of these folders lead to files that are open, by whatever name or none. */
static bool has_open_files(const char *folder)
{
    char resolved[PATH_MAX];
    return realpath(folder, resolved) &&
           (strncmp(resolved, "/proc/", 6) == 0 || strcmp(resolved, "/dev/fd") == 0);
}

/* Whether somebody else may have put the link into a folder for all, as Linux's
 * fs.protected_symlinks sees it: following it would write where that person wants. */
static bool is_planted(const struct stat *link, const char *folder)
{
    struct stat information;
    const mode_t for_all = S_ISVTX | S_IWOTH;
    return stat(folder, &information) == 0 && (information.st_mode & for_all) == for_all &&
           link->st_uid != geteuid() && link->st_uid != information.st_uid;
}

static mcl_status refuse_special(const char *path)
{
    return mcl_fail(MCL_ERROR_FILE,
        "%s: is not a regular file and would be replaced: name a file, and copy it there", path);
}

/* *next = what the link at `at` says, as seen from here. */
static mcl_status follow(char **next, const char *at, const char *folder, const char *path)
{
    char text[PATH_MAX];
    const ssize_t length = readlink(at, text, sizeof text - 1);
    if (length <= 0)
        return mcl_fail(MCL_ERROR_FILE, "%s: cannot read the link %s: %s", path, at,
            strerror(length < 0 ? errno : EINVAL));
    text[length] = '\0';
    if (*text == '/')
        return mcl_copy_string(next, text);
    const size_t size = strlen(folder) + (size_t)length + 2;
    MCL_TRY(mcl_allocate(next, size, 1));
    snprintf(*next, size, "%s/%s", folder, text);
    return MCL_OK;
}

/* Replaces *at by what the link there leads to. */
static mcl_status take_step(char **at, const struct stat *link, const char *path)
{
    char *folder, *next = NULL;
    mcl_status status;
    MCL_TRY(mcl_target_folder(&folder, *at));
    if (has_open_files(folder))
        status = refuse_special(path);
    else if (is_planted(link, folder))
        status = mcl_fail(MCL_ERROR_FILE,
            "%s: the link %s is another user's, in a folder for all: name the file itself", path,
            *at);
    else
        status = follow(&next, *at, folder, path);
    free(folder);
    if (status == MCL_OK) {
        free(*at);
        *at = next;
    }
    return status;
}

static mcl_status check_name(const char *at, const char *path)
{
    const size_t length = strlen(at);
    struct stat information;
    if (length == 0)
        return mcl_fail(MCL_ERROR_FILE, "the name of the file to write is empty: name a file");
    if (at[length - 1] == '/' || (stat(at, &information) == 0 && S_ISDIR(information.st_mode)))
        return mcl_fail(MCL_ERROR_FILE, "%s: is a folder; name a file to write", path);
    return MCL_OK;
}

static mcl_status walk(char **at, const char *path)
{
    struct stat information;
    for (int links = 0; links < LINKS_MAX; links++) {
        MCL_TRY(check_name(*at, path));
        const bool there = lstat(*at, &information) == 0;
        if (!there && errno == ENAMETOOLONG)
            return mcl_fail(MCL_ERROR_FILE,
                "%s: this name is longer than the file system allows: shorten it", path);
        if (there && S_ISLNK(information.st_mode))
            MCL_TRY(take_step(at, &information, path));
        else
            return there && !S_ISREG(information.st_mode) ? refuse_special(path) : MCL_OK;
    }
    return mcl_fail(MCL_ERROR_FILE, "%s: its symbolic links lead in a circle", path);
}

mcl_status mcl_target_find(char **target, const char *path)
{
    char *at;
    MCL_TRY(mcl_copy_string(&at, path));
    const mcl_status status = walk(&at, path);
    if (status == MCL_OK)
        *target = at;
    else
        free(at);
    return status;
}

/* Whether two names that nothing has yet are one. */
static bool same_new(const char *a, const char *b)
{
    char *folder_a, *folder_b;
    if (strcmp(mcl_target_name(a), mcl_target_name(b)) != 0 ||
        mcl_target_folder(&folder_a, a) != MCL_OK)
        return false;
    bool same = mcl_target_folder(&folder_b, b) == MCL_OK;
    if (same) {
        struct stat first, second;
        same = stat(folder_a, &first) == 0 && stat(folder_b, &second) == 0 &&
               first.st_dev == second.st_dev && first.st_ino == second.st_ino;
        free(folder_b);
    }
    free(folder_a);
    return same;
}

bool mcl_output_same(const char *a, const char *b)
{
    struct stat first, second;
    if (!a || !b)
        return false;
    const bool there = stat(a, &first) == 0;
    char *target_a, *target_b;
    if ((stat(b, &second) == 0) != there)
        return false;
    if (there) /* a terminal or a pipe may well be two things at once */
        return S_ISREG(first.st_mode) && first.st_dev == second.st_dev &&
               first.st_ino == second.st_ino;
    if (mcl_target_find(&target_a, a) != MCL_OK)
        return strcmp(a, b) == 0;
    bool same = mcl_target_find(&target_b, b) == MCL_OK;
    if (same) {
        same = same_new(target_a, target_b);
        free(target_b);
    }
    free(target_a);
    return same;
}
