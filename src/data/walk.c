/* SPDX-License-Identifier: Apache-2.0 */
#include "data/walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/memory.h"

#define DEPTH_MAX 64   /* of folders in each other */
#define LINKS_MAX 4096 /* to folders, that are followed */
#define PATH_SIZE 4096

struct place {
    dev_t device;
    ino_t number;
};

struct walk {
    mcl_strings *found;
    size_t root;                   /* bytes of the path before those within the folder */
    struct place above[DEPTH_MAX]; /* the folders that the present one is in */
    size_t depth;
    struct place followed[LINKS_MAX];
    size_t followed_count;
    char path[PATH_SIZE];
};

static bool is_among(const struct place *places, size_t count, const struct stat *of)
{
    for (size_t i = 0; i < count; i++) {
        if (places[i].device == of->st_dev && places[i].number == of->st_ino)
            return true;
    }
    return false;
}

/* Whether a folder that the path names is to be walked. */
static bool enters(struct walk *walk, const struct stat *of)
{
    struct stat link;
    if (is_among(walk->above, walk->depth, of))
        return false;
    if (lstat(walk->path, &link) != 0 || !S_ISLNK(link.st_mode))
        return true;
    if (walk->followed_count == LINKS_MAX || is_among(walk->followed, walk->followed_count, of))
        return false;
    walk->followed[walk->followed_count++] = (struct place){of->st_dev, of->st_ino};
    return true;
}

static mcl_status walk_folder(struct walk *walk, const struct stat *of);

/* What the path names: an entry of a folder. */
static mcl_status visit(struct walk *walk)
{
    struct stat information;
    if (stat(walk->path, &information) != 0)
        return MCL_OK; /* a link to nothing */
    if (S_ISDIR(information.st_mode) && walk->depth == DEPTH_MAX)
        return mcl_fail(MCL_ERROR_FILE,
            "%s: is the folder number %d within folders, and no more are "
            "looked into; name one further down",
            walk->path, DEPTH_MAX + 1);
    if (S_ISDIR(information.st_mode))
        return enters(walk, &information) ? walk_folder(walk, &information) : MCL_OK;
    if (!S_ISREG(information.st_mode))
        return MCL_OK;
    const char *name = walk->path + walk->root;
    return mcl_strings_add(walk->found, name, strlen(name));
}

static mcl_status visit_entry(struct walk *walk, size_t length, const char *name)
{
    const size_t more = strlen(name);
    if (length + more + 2 > sizeof walk->path)
        return mcl_fail(MCL_ERROR_FILE, "%s: the path of a file in it is too long", walk->path);
    walk->path[length] = '/';
    memcpy(walk->path + length + 1, name, more + 1);
    const mcl_status status = visit(walk);
    walk->path[length] = '\0';
    return status;
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int compare_entries(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* NOLINTNEXTLINE(misc-no-recursion): folders are in each other, DEPTH_MAX of them at most */
static mcl_status walk_folder(struct walk *walk, const struct stat *of)
{
    struct dirent **entries;
    const size_t length = strlen(walk->path);
    const int count = scandir(walk->path, &entries, is_shown, compare_entries);
    mcl_status status = MCL_OK;
    if (count < 0 && errno == ENOMEM)
        return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory left");
    if (count < 0)
        return mcl_fail(
            MCL_ERROR_FILE, "%s: cannot read the folder: %s", walk->path, strerror(errno));
    walk->above[walk->depth++] = (struct place){of->st_dev, of->st_ino};
    for (int i = 0; i < count; i++) {
        if (status == MCL_OK)
            status = visit_entry(walk, length, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    walk->depth--;
    return status;
}

static mcl_status begin(struct walk *walk, const char *folder)
{
    struct stat information;
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/')
        length--;
    if (length + 2 > sizeof walk->path)
        return mcl_fail(MCL_ERROR_FILE, "%s: the path is too long", folder);
    memcpy(walk->path, folder, length);
    walk->root = length + (folder[length - 1] != '/');
    if (stat(walk->path, &information) != 0)
        return mcl_fail(MCL_ERROR_FILE, "%s: cannot open: %s", folder, strerror(errno));
    return walk_folder(walk, &information);
}

mcl_status mcl_walk(mcl_strings *files, const char *folder)
{
    struct walk *walk;
    MCL_TRY(mcl_allocate(&walk, 1, sizeof *walk));
    mcl_status status = mcl_strings_create(&walk->found);
    if (status == MCL_OK)
        status = begin(walk, folder);
    if (status == MCL_OK)
        status = mcl_strings_add_sorted(files, walk->found);
    mcl_strings_free(walk->found);
    free(walk);
    return status;
}
