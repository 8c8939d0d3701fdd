/* SPDX-License-Identifier: Apache-2.0 */
#include "data/shards.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "data/walk.h"

#define PATH_SIZE 4096

static bool ends_with(const char *name, size_t length, const char *ending)
{
    const size_t size = strlen(ending);
    return length > size && strncasecmp(name + length - size, ending, size) == 0;
}

/* The ending that shards have, with that of what compressed them; NULL: it is none. */
static const char *ending_of(const char *name)
{
    static const char *const endings[] = {".csv", ".tsv", ".npy", ".tar"};
    static const char *const packed[] = {".gz", ".zst"};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof packed / sizeof *packed; i++)
        length -= ends_with(name, length, packed[i]) ? strlen(packed[i]) : 0;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (ends_with(name, length, endings[i]))
            return name + length - strlen(endings[i]);
    }
    return NULL;
}

/* Files that programs and people put beside shards. */
static bool is_note(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const size_t length = strlen(name);
    return *name == '_' || strncasecmp(name, "README", 6) == 0 ||
           strncasecmp(name, "LICENSE", 7) == 0 || ends_with(name, length, ".md");
}

static mcl_status refuse(const char *folder, const char *one, const char *other)
{
    char quotes[2][MCL_QUOTE_SIZE];
    return mcl_fail(MCL_ERROR_DATA,
        "%s: is a folder of several kinds of files, as '%s' and '%s'; name those that are one data "
        "set, as '%s/*%s'",
        folder, mcl_quote(quotes[0], one), mcl_quote(quotes[1], other), folder, ending_of(one));
}

/* Adds the paths of a folder's shards, of which there are none where it has other files alone. */
static mcl_status add_shards(mcl_strings *files, const char *folder, const mcl_strings *names)
{
    const char *shard = NULL, *other = NULL;
    for (uint64_t i = 0; i < mcl_strings_count(names); i++) {
        const char *name = mcl_strings_at(names, i), *ending = ending_of(name);
        if (is_note(name))
            continue;
        if (ending && (!shard || strcasecmp(ending, ending_of(shard)) == 0))
            shard = shard ? shard : name;
        else
            other = other ? other : name;
    }
    if (!shard)
        return MCL_OK;
    if (other && ending_of(other))
        return refuse(folder, shard, other);
    if (other) /* as a table of what is in the images */
        return MCL_OK;
    for (uint64_t i = 0; i < mcl_strings_count(names); i++) {
        char *path;
        const char *name = mcl_strings_at(names, i);
        const size_t size = strlen(folder) + strlen(name) + 2;
        if (is_note(name))
            continue;
        MCL_TRY(mcl_allocate(&path, size, 1));
        snprintf(path, size, "%s/%s", folder, name);
        const mcl_status status = mcl_strings_add(files, path, strlen(path));
        free(path);
        MCL_TRY(status);
    }
    return MCL_OK;
}

#define LOOKS 8 /* folders in each other that are looked into */

/* Whether a file that comes first is a shard: of a million images not all need be known for that.
 * inner = the path of a folder in it, "" where there is none or that is known. */
static bool look(char inner[PATH_SIZE], const char *folder)
{
    struct stat information;
    const struct dirent *entry;
    char path[PATH_SIZE];
    bool found = false, other = false;
    DIR *entries = opendir(folder);
    inner[0] = '\0';
    while (entries && !found && !other && (entry = readdir(entries))) {
        const int length = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || is_note(entry->d_name) || length >= PATH_SIZE ||
            stat(path, &information) != 0)
            continue;
        if (S_ISDIR(information.st_mode)) {
            memcpy(inner, path, (size_t)length + 1);
            continue;
        }
        found = ending_of(entry->d_name) != NULL;
        other = !found;
    }
    if (entries)
        closedir(entries);
    if (found || other)
        inner[0] = '\0';
    return found;
}

static bool may_have_shards(const char *path)
{
    char folder[PATH_SIZE], inner[PATH_SIZE];
    if (strlen(path) >= sizeof folder)
        return false;
    memcpy(folder, path, strlen(path) + 1);
    for (int i = 0; i < LOOKS && folder[0]; i++) {
        if (look(inner, folder))
            return true;
        memcpy(folder, inner, sizeof folder);
    }
    return false;
}

/* Adds a path, or the shards of the folder that it is; *any is set where it is one. */
static mcl_status add_path(bool *any, mcl_strings *files, const char *path)
{
    struct stat information;
    mcl_strings *names;
    const uint64_t before = mcl_strings_count(files);
    if (stat(path, &information) != 0 || !S_ISDIR(information.st_mode) || !may_have_shards(path))
        return mcl_strings_add(files, path, strlen(path));
    MCL_TRY(mcl_strings_create(&names));
    mcl_status status = mcl_walk(names, path);
    if (status == MCL_OK)
        status = add_shards(files, path, names);
    mcl_strings_free(names);
    MCL_TRY(status);
    if (mcl_strings_count(files) == before)
        return mcl_strings_add(files, path, strlen(path));
    *any = true;
    return MCL_OK;
}

mcl_status mcl_shards(mcl_strings **files, const char *const *paths, size_t count)
{
    mcl_strings *created;
    bool any = false;
    *files = NULL;
    MCL_TRY(mcl_strings_create(&created));
    mcl_status status = MCL_OK;
    for (size_t i = 0; i < count && status == MCL_OK; i++)
        status = add_path(&any, created, paths[i]);
    if (status == MCL_OK && any)
        *files = created;
    else
        mcl_strings_free(created);
    return status;
}
