/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of images, whose subfolders are classes, and image files by themselves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "data/image_rows.h"
#include "data/opening.h"
#include "data/walk.h"

/* Files to read, as they were found. */
struct files {
    mcl_strings *names;  /* within the folder, or the path of a file by itself */
    mcl_strings *places; /* the folders; "" for a file by itself */
    uint64_t next;
};

static bool recognize(const mcl_opening *opening)
{
    return !opening->source || mcl_image_recognize(opening->bytes, opening->byte_count);
}

/* Adds the files that a path stands for. */
static mcl_status add_path(struct files *files, const char *path)
{
    struct stat information;
    if (stat(path, &information) != 0 || !S_ISDIR(information.st_mode)) {
        MCL_TRY(mcl_strings_add(files->names, path, strlen(path)));
        return mcl_strings_add(files->places, "", 0);
    }
    MCL_TRY(mcl_walk(files->names, path));
    while (mcl_strings_count(files->places) < mcl_strings_count(files->names))
        MCL_TRY(mcl_strings_add(files->places, path, strlen(path)));
    return MCL_OK;
}

/* Of a file in a folder, the first folder below that is its class. */
static mcl_status describe(mcl_image_job *job, const char *name, const char *folder)
{
    const char *slash = strchr(name, '/');
    const size_t length = strlen(folder), size = length + strlen(name) + 2;
    job->is_path = true;
    MCL_TRY(mcl_copy_string(&job->name, name));
    MCL_TRY(mcl_allocate(&job->place, size, 1));
    snprintf(
        job->place, size, "%s%s%s", folder, length && folder[length - 1] != '/' ? "/" : "", name);
    if (!length || !slash)
        return MCL_OK;
    MCL_TRY(mcl_copy_string(&job->class_name, name));
    job->class_name[slash - name] = '\0';
    return MCL_OK;
}

static bool next(mcl_image_job *job, void *state)
{
    struct files *files = state;
    const char *name = mcl_strings_at(files->names, files->next);
    if (!name)
        return false;
    const mcl_status status = describe(job, name, mcl_strings_at(files->places, files->next++));
    if (status != MCL_OK)
        mcl_image_job_fail(job, status);
    return true;
}

static mcl_status read(mcl_data **data, struct files *files, const mcl_opening *opening)
{
    for (size_t i = 0; i < opening->count; i++)
        MCL_TRY(add_path(files, opening->paths[i]));
    const mcl_image_series series = {.state = files,
        .next = next,
        .expected = mcl_strings_count(files->names),
        .source = opening->paths[0]};
    return mcl_image_rows(data, &series, opening->options);
}

static mcl_status open(mcl_data **data, const mcl_opening *opening)
{
    struct files files = {.names = NULL};
    mcl_status status = mcl_strings_create(&files.names);
    if (status == MCL_OK)
        status = mcl_strings_create(&files.places);
    if (status == MCL_OK)
        status = read(data, &files, opening);
    mcl_strings_free(files.names);
    mcl_strings_free(files.places);
    return status;
}

const mcl_holder mcl_holder_images = {
    .name = "folders of images", .recognize = recognize, .open = open};
