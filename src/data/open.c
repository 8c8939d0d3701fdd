/* SPDX-License-Identifier: Apache-2.0 */
/* Opening whatever holds rows. */
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/channels.h"
#include "data/data.h"
#include "data/opening.h"
#include "data/shards.h"
#include "data/standardize.h"

/* The first that recognizes what is there opens it; the last recognizes everything, and says what
 * can be read. */
static const mcl_holder *const holders[] = {
    &mcl_holder_images,
    &mcl_holder_tar,
    &mcl_holder_cifar,
    &mcl_holder_zip,
    &mcl_holder_tensor,
    &mcl_holder_table,
    &mcl_holder_records,
    &mcl_holder_array,
    NULL,
};

static const mcl_holder *find_holder(const mcl_opening *opening)
{
    size_t i = 0;
    while (holders[i + 1] && !holders[i]->recognize(opening))
        i++;
    return holders[i];
}

static bool is_there(const char *path)
{
    struct stat information;
    return stat(path, &information) == 0;
}

/* Parts file.npz:array, unless there is a file of that very name. *copy is freed by the caller. */
static mcl_status part_path(mcl_opening *opening, char **copy, const char *path)
{
    opening->file = path;
    MCL_TRY(mcl_copy_string(copy, path));
    char *colon = strrchr(*copy, ':');
    if (!colon || colon == *copy || is_there(path))
        return MCL_OK;
    *colon = '\0';
    if (!is_there(*copy))
        return MCL_OK;
    opening->file = *copy;
    opening->member = colon + 1;
    return MCL_OK;
}

static mcl_status look(mcl_opening *opening)
{
    struct stat information;
    if (stat(opening->file, &information) == 0 && S_ISDIR(information.st_mode))
        return MCL_OK;
    MCL_TRY(mcl_source_open(&opening->source, opening->file));
    return mcl_source_peek(
        &opening->byte_count, opening->source, opening->bytes, sizeof opening->bytes);
}

mcl_status mcl_opening_look(mcl_opening *opening, char **copy, const char *path)
{
    *copy = NULL;
    MCL_TRY(part_path(opening, copy, path));
    return look(opening);
}

static mcl_status open_paths(
    mcl_data **data, const char *const *paths, size_t count, const mcl_data_options *options)
{
    static const mcl_data_options defaults = {.base = {MCL_OPTIONS_DATA, MCL_DATA_OPTIONS_VERSION}};
    char *copy;
    mcl_data *opened = NULL;
    mcl_opening opening = {
        .paths = paths, .count = count, .options = options ? options : &defaults};
    mcl_status status = mcl_opening_look(&opening, &copy, paths[0]);
    if (status == MCL_OK)
        status = find_holder(&opening)->open(&opened, &opening);
    if (status == MCL_OK)
        status = mcl_channels_last(&opened, opening.options);
    if (status == MCL_OK)
        *data = opened;
    else
        mcl_data_free(opened);
    mcl_source_close(opening.source);
    free(copy);
    return status;
}

/* The same, with folders of shards among the paths. */
static mcl_status open_shards(
    mcl_data **data, const char *const *paths, size_t count, const mcl_data_options *options)
{
    mcl_strings *files;
    const char **list;
    MCL_TRY(mcl_shards(&files, paths, count));
    if (!files)
        return open_paths(data, paths, count, options);
    const uint64_t all = mcl_strings_count(files);
    mcl_status status = mcl_allocate(&list, all, sizeof *list);
    if (status == MCL_OK) {
        for (uint64_t i = 0; i < all; i++)
            list[i] = mcl_strings_at(files, i);
        status = open_paths(data, list, (size_t)all, options);
        free(list);
    }
    mcl_strings_free(files);
    return status;
}

/* Whether a path is a pattern, such as shards-*.npy, and no file's name. */
static bool is_pattern(const char *path)
{
    return strpbrk(path, "*?[") && !is_there(path);
}

/* Adds the files that a path stands for, sorted by name; globfree() is for the caller. */
static mcl_status expand(glob_t *files, const char *path, bool first)
{
    const int flags = (first ? 0 : GLOB_APPEND) | (is_pattern(path) ? 0 : GLOB_NOCHECK);
    const int code = glob(path, flags, NULL, files);
    if (code == GLOB_NOMATCH)
        return mcl_fail(MCL_ERROR_FILE, "%s: there is no file whose name is of this pattern", path);
    if (code == GLOB_NOSPACE)
        return mcl_fail(MCL_ERROR_MEMORY, "%s: the host has no memory for so many names", path);
    return code == 0 ? MCL_OK : mcl_fail(MCL_ERROR_FILE, "%s: a folder of it cannot be read", path);
}

mcl_status mcl_data_open_all(
    mcl_data **data, const char *const *paths, size_t count, const mcl_data_options *options)
{
    MCL_NEED(data);
    MCL_NEED(paths);
    bool patterns = false;
    if (count == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT, "no data: there is no file to open");
    for (size_t i = 0; i < count; i++) {
        MCL_NEED(paths[i]);
        patterns = patterns || is_pattern(paths[i]);
    }
    if (!patterns)
        return open_shards(data, paths, count, options);
    glob_t files = {.gl_pathc = 0};
    mcl_status status = MCL_OK;
    for (size_t i = 0; i < count && status == MCL_OK; i++)
        status = expand(&files, paths[i], i == 0);
    if (status == MCL_OK)
        status = open_shards(data, (const char *const *)files.gl_pathv, files.gl_pathc, options);
    globfree(&files);
    return status;
}

mcl_status mcl_data_open_with(mcl_data **data, const char *path, const mcl_data_options *options)
{
    MCL_NEED(path);
    return mcl_data_open_all(data, &path, 1, options);
}

mcl_status mcl_data_open(mcl_data **data, const char *path)
{
    return mcl_data_open_with(data, path, NULL);
}

static bool recognize_array(const mcl_opening *opening)
{
    (void)opening;
    return true;
}

static mcl_status open_array(mcl_data **data, const mcl_opening *opening)
{
    return opening->source
               ? mcl_arrays_open_standardized(data, opening)
               : mcl_fail(MCL_ERROR_FILE, "%s: is a folder; name a file in it", opening->file);
}

const mcl_holder mcl_holder_array = {
    .name = "IDX and NumPy .npy", .recognize = recognize_array, .open = open_array};
