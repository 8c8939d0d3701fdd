/* SPDX-License-Identifier: Apache-2.0 */
/* The binary files of CIFAR-10 and CIFAR-100 (Krizhevsky 2009): records of a label, or of a coarse
 * and a fine one, and 32×32 pixels, red, green and blue after each other. They have no magic bytes:
 * names and sizes tell. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/data.h"
#include "data/image_rows.h"
#include "data/opening.h"

#define SIDE 32
#define PIXELS (SIDE * SIDE)
#define RECORD_MAX (2 + 3 * PIXELS)

static const char *const names10[] = {
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

struct cifar {
    const mcl_opening *opening;
    size_t path;
    mcl_source *source, *own; /* NULL: none is begun */
    uint32_t labels;          /* of a record: 1 or 2 */
    mcl_strings *fine;        /* the names of CIFAR-100's classes; NULL: not known */
    uint64_t number;          /* of the next record */
    bool ended;
};

/* How many labels a record of such a file has; 0: it is none. */
static uint32_t labels_of(const mcl_opening *opening)
{
    const char *slash = strrchr(opening->file, '/');
    const char *name = slash ? slash + 1 : opening->file, *dot = strstr(name, ".bin");
    const unsigned char *bytes = opening->bytes;
    if (!opening->source || !dot || opening->byte_count < 2)
        return 0;
    const uint64_t size = mcl_source_left(opening->source);
    const bool known = size != MCL_SOURCE_UNKNOWN;
    const bool batch = strncmp(name, "data_batch", 10) == 0 || strncmp(name, "test_batch", 10) == 0;
    const bool whole = strncmp(name, "train.", 6) == 0 || strncmp(name, "test.", 5) == 0;
    if ((batch || (known && size % (1 + 3 * PIXELS) == 0 && !whole)) && bytes[0] < 10)
        return 1;
    if ((known ? size % (2 + 3 * PIXELS) == 0 : whole) && bytes[0] < 20 && bytes[1] < 100)
        return 2;
    return 0;
}

static bool recognize(const mcl_opening *opening)
{
    return labels_of(opening) > 0;
}

/* The names of the fine classes, which are in a file beside; without it there are none. */
static mcl_status read_names(struct cifar *cifar)
{
    const char *file = cifar->opening->file, *slash = strrchr(file, '/');
    char path[4096], line[128];
    snprintf(
        path, sizeof path, "%.*sfine_label_names.txt", slash ? (int)(slash - file) + 1 : 0, file);
    FILE *names = cifar->labels == 2 ? fopen(path, "r") : NULL;
    if (!names)
        return MCL_OK;
    mcl_status status = mcl_strings_create(&cifar->fine);
    while (status == MCL_OK && fgets(line, sizeof line, names)) {
        const size_t length = strcspn(line, "\r\n");
        if (length)
            status = mcl_strings_add(cifar->fine, line, length);
    }
    fclose(names);
    return status;
}

static mcl_status set_class(mcl_image_job *job, const struct cifar *cifar, unsigned label)
{
    char number[16];
    const char *name = cifar->labels == 1 && label < 10 ? names10[label]
                       : cifar->labels == 2             ? mcl_strings_at(cifar->fine, label)
                                                        : NULL;
    if (label >= (cifar->labels == 1 ? 10U : 100U))
        return mcl_fail(
            MCL_ERROR_FORMAT, "%s: its label is %u, which CIFAR does not have", job->place, label);
    snprintf(number, sizeof number, "class%02u", label);
    return mcl_copy_string(&job->class_name, name ? name : number);
}

static mcl_status set_pixels(mcl_image_job *job, const unsigned char *planes)
{
    const mcl_image_file file = {job->place, planes, (size_t)3 * PIXELS};
    MCL_TRY(mcl_picture_create(&job->picture, &file, SIDE, SIDE, 3));
    for (size_t i = 0; i < PIXELS; i++) {
        for (size_t c = 0; c < 3; c++)
            job->picture.pixels[3 * i + c] = planes[c * PIXELS + i];
    }
    return MCL_OK;
}

/* Makes the source that of the next path that has something left; false: there is none. */
static mcl_status find_record(bool *found, struct cifar *cifar, unsigned char *record)
{
    const size_t size = cifar->labels + (size_t)3 * PIXELS;
    size_t got = 0;
    *found = false;
    while (cifar->path < cifar->opening->count) {
        if (!cifar->source && cifar->path > 0)
            MCL_TRY(mcl_source_open(&cifar->own, cifar->opening->paths[cifar->path]));
        if (!cifar->source)
            cifar->source = cifar->path > 0 ? cifar->own : cifar->opening->source;
        MCL_TRY(mcl_source_read(&got, cifar->source, record, size));
        *found = got == size;
        if (got > 0)
            return *found
                       ? MCL_OK
                       : mcl_source_fail(cifar->source, mcl_source_offset(cifar->source),
                             "the file is truncated: it ends here, in a record of %zu bytes", size);
        mcl_source_close(cifar->own);
        cifar->source = cifar->own = NULL;
        cifar->path++;
        cifar->number = 0;
    }
    return MCL_OK;
}

static mcl_status read_record(bool *found, mcl_image_job *job, struct cifar *cifar)
{
    unsigned char record[RECORD_MAX];
    char text[4224];
    MCL_TRY(find_record(found, cifar, record));
    if (!*found)
        return MCL_OK;
    snprintf(text, sizeof text, "%s:%llu", mcl_source_name(cifar->source),
        (unsigned long long)cifar->number++);
    MCL_TRY(mcl_copy_string(&job->place, text));
    MCL_TRY(mcl_copy_string(&job->name, text));
    MCL_TRY(set_class(job, cifar, record[cifar->labels - 1]));
    return set_pixels(job, record + cifar->labels);
}

static bool next(mcl_image_job *job, void *state)
{
    struct cifar *cifar = state;
    bool found = false;
    const mcl_status status = cifar->ended ? MCL_OK : read_record(&found, job, cifar);
    if (status != MCL_OK) {
        job->fatal = true;
        cifar->ended = true;
        mcl_image_job_fail(job, status);
    }
    return found || status != MCL_OK;
}

static mcl_status open(mcl_data **data, const mcl_opening *opening)
{
    struct cifar cifar = {.opening = opening, .labels = labels_of(opening)};
    const mcl_image_series series = {.state = &cifar, .next = next, .source = opening->file};
    mcl_status status = read_names(&cifar);
    if (status == MCL_OK)
        status = mcl_image_rows(data, &series, opening->options);
    mcl_source_close(cifar.own);
    mcl_strings_free(cifar.fine);
    return status;
}

const mcl_holder mcl_holder_cifar = {
    .name = "CIFAR's binary files", .recognize = recognize, .open = open};
