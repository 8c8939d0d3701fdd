/* SPDX-License-Identifier: Apache-2.0 */
#include "data/image_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/ahead.h"
#include "data/builder.h"
#include "data/data.h"
#include "data/schema.h"

#define VALUES_MAX ((uint64_t)1 << 24)  /* of a row, where its size was asked for */
#define UNASKED_MAX ((uint64_t)1 << 20) /* pixels, where it is the first image's */
#define WARNING_SIZE 4096
#define LINE_SIZE 2048 /* of a message, without the control characters that names can have */
#define NAMED_MAX 5    /* of what was left out */

/* A kind of what happens to images, counted. */
struct tally {
    uint64_t count;
    char first[LINE_SIZE]; /* the first one's message or name */
    char more[1024];       /* names of some others, each after ", " */
};

struct rows {
    const mcl_image_series *series;
    const mcl_data_options *options;
    mcl_image_plan plan;
    bool settled; /* the plan has no zeros any more */
    mcl_builder *builder;
    mcl_strings *names, *classes; /* of the rows; "" for no class */
    uint64_t images;
    struct tally damaged, others, resized, grey;
};

void mcl_image_job_fail(mcl_image_job *job, mcl_status status)
{
    char line[LINE_SIZE];
    job->status = status;
    free(job->message);
    (void)mcl_clean_text(line, sizeof line, mcl_error_message(), "");
    if (mcl_copy_string(&job->message, line) != MCL_OK)
        job->message = NULL;
}

void mcl_image_job_release(mcl_image_job *job)
{
    free(job->name);
    free(job->class_name);
    free(job->place);
    free(job->bytes);
    free(job->picture.pixels);
    free(job->message);
    *job = (mcl_image_job){.name = NULL};
}

/* Reads the rest of a file of which the first bytes are there. */
static mcl_status read_rest(mcl_image_job *job, FILE *file, const unsigned char *first, size_t got)
{
    size_t room = got + 65536;
    MCL_TRY(mcl_allocate(&job->bytes, room, 1));
    memcpy(job->bytes, first, got);
    for (job->count = got;;) {
        job->count += fread(job->bytes + job->count, 1, room - job->count, file);
        if (job->count < room)
            break;
        unsigned char *larger = room < MCL_IMAGE_BYTES_MAX ? realloc(job->bytes, 2 * room) : NULL;
        if (!larger && room < MCL_IMAGE_BYTES_MAX)
            return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory left");
        if (!larger)
            return mcl_fail(MCL_ERROR_DATA, "%s: a file of more than %zu bytes; no more are read",
                job->place, MCL_IMAGE_BYTES_MAX);
        job->bytes = larger;
        room *= 2;
    }
    if (ferror(file))
        return mcl_fail(MCL_ERROR_FILE, "%s: cannot read: %s", job->place, strerror(errno));
    return MCL_OK;
}

/* Reads a file, or no more than its beginning where that is no image's. */
static mcl_status read_file(mcl_image_job *job)
{
    unsigned char first[MCL_IMAGE_MAGIC];
    FILE *file = fopen(job->place, "rb");
    if (!file)
        return mcl_fail(errno == ENOMEM ? MCL_ERROR_MEMORY : MCL_ERROR_FILE, "%s: cannot open: %s",
            job->place, strerror(errno));
    const size_t got = fread(first, 1, sizeof first, file);
    mcl_status status = MCL_OK;
    if (mcl_image_recognize(first, got)) {
        status = read_rest(job, file, first, got);
    } else if (mcl_image_named(job->name)) {
        const mcl_image_file beginning = {job->place, first, got};
        status = mcl_image_decode(&job->picture, &beginning); /* says what it is not */
    } else {
        job->other = true;
    }
    fclose(file);
    return status;
}

static mcl_status fit(mcl_image_job *job, const mcl_image_plan *plan)
{
    job->resized = job->picture.height != plan->height || job->picture.width != plan->width;
    job->grey = job->picture.channels > plan->channels;
    return mcl_picture_fit(&job->picture, plan);
}

static mcl_status decode(mcl_image_job *job, const struct rows *rows)
{
    if (job->is_path)
        MCL_TRY(read_file(job));
    if (job->other)
        return MCL_OK;
    if (!job->picture.pixels) {
        const mcl_image_file file = {job->place, job->bytes, job->count};
        MCL_TRY(mcl_image_decode(&job->picture, &file));
        free(job->bytes);
        job->bytes = NULL;
    }
    MCL_TRY(mcl_picture_flatten(&job->picture, &rows->plan));
    return rows->settled ? fit(job, &rows->plan) : MCL_OK;
}

static void run(void *item, void *state)
{
    mcl_image_job *job = item;
    const mcl_status status = job->status == MCL_OK ? decode(job, state) : job->status;
    if (status != MCL_OK && job->status == MCL_OK)
        mcl_image_job_fail(job, status);
}

static bool next(void *item, void *state)
{
    const struct rows *rows = state;
    mcl_image_job *job = item;
    mcl_image_job_release(job);
    return rows->series->next(job, rows->series->state);
}

static void count(struct tally *tally, const char *text, const char *name)
{
    char line[LINE_SIZE];
    const size_t used = strlen(tally->more);
    (void)mcl_clean_text(line, sizeof line, tally->count ? name : text, "");
    if (tally->count == 0)
        memcpy(tally->first, line, sizeof line);
    else if (tally->count < NAMED_MAX)
        snprintf(tally->more + used, sizeof tally->more - used, ", %s", line);
    tally->count++;
}

/* Sets what the first image decides, and begins the rows. */
static mcl_status settle(struct rows *rows, const mcl_image_job *job)
{
    mcl_image_plan *plan = &rows->plan;
    const mcl_picture *first = &job->picture;
    char place[LINE_SIZE];
    if (plan->height == 0) {
        (void)mcl_clean_text(place, sizeof place, job->place, "");
        if ((uint64_t)first->height * first->width > UNASKED_MAX)
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "%s: has %" PRIu32 "×%" PRIu32 " pixels (width×height), too many for rows of that "
                "size: set `size`, to 32 or 224 for instance",
                place, first->width, first->height);
        plan->height = first->height;
        plan->width = first->width;
    }
    if (plan->channels == 0)
        plan->channels = first->channels;
    rows->settled = true;
    const mcl_row_plan row_plan = {.element = MCL_ELEMENT_UINT8,
        .shape = {plan->height, plan->width, plan->channels},
        .dimensions = 3,
        .rows = rows->series->expected,
        .host_memory = rows->options->host_memory,
        .source = rows->series->source};
    return mcl_builder_create(&rows->builder, &row_plan);
}

/* Where a file is damaged, it is left out or ends it all. */
static mcl_status pass_over(struct rows *rows, const mcl_image_job *job)
{
    const char *message = job->message ? job->message : "the host has no memory left";
    if (job->status == MCL_ERROR_MEMORY || job->fatal || rows->options->strict)
        return mcl_fail(job->status, "%s", message);
    count(&rows->damaged, message, job->name);
    return MCL_OK;
}

static mcl_status add(struct rows *rows, mcl_image_job *job)
{
    if (!rows->settled)
        MCL_TRY(settle(rows, job));
    if (job->picture.height != rows->plan.height || job->picture.width != rows->plan.width ||
        job->picture.channels != rows->plan.channels)
        MCL_TRY(fit(job, &rows->plan));
    if (job->resized)
        count(&rows->resized, job->name, job->name);
    if (job->grey)
        count(&rows->grey, job->name, job->name);
    MCL_TRY(mcl_builder_add(rows->builder, job->picture.pixels, 1));
    const char *class_name = job->class_name ? job->class_name : "";
    MCL_TRY(mcl_strings_add(rows->classes, class_name, strlen(class_name)));
    return mcl_strings_add(rows->names, job->name, strlen(job->name));
}

static mcl_status take(bool *settled, void *item, void *state)
{
    struct rows *rows = state;
    mcl_image_job *job = item;
    mcl_status status = MCL_OK;
    if (job->other)
        count(&rows->others, job->name, job->name);
    else
        rows->images++;
    if (job->status != MCL_OK)
        status = pass_over(rows, job);
    else if (!job->other)
        status = add(rows, job);
    *settled = rows->settled;
    return status;
}

/* Appends to a warning; each part after the first comes after "; ". */
static void warn(char *text, const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;
    if (used + sizeof "; " >= WARNING_SIZE)
        return;
    va_start(arguments, format);
    used += (size_t)snprintf(text + used, WARNING_SIZE - used, "%s", used ? "; " : "");
    vsnprintf(text + used, WARNING_SIZE - used, format, arguments);
    va_end(arguments);
}

static mcl_status set_warning(mcl_data *data, const struct rows *rows)
{
    const struct tally *damaged = &rows->damaged, *others = &rows->others;
    char text[WARNING_SIZE] = "", *copy;
    if (damaged->count)
        warn(text, "%s: %" PRIu64 " of %" PRIu64 " images cannot be read and are left out: %s%s%s",
            rows->series->source, damaged->count, rows->images, damaged->first, damaged->more,
            damaged->count > NAMED_MAX ? ", …" : "");
    if (others->count)
        warn(text, "%s: %" PRIu64 " file%s no image%s and left out (%s%s)", rows->series->source,
            others->count, others->count == 1 ? " is" : "s are", others->count == 1 ? "" : "s",
            others->first, others->count > 1 ? ", …" : "");
    if (rows->resized.count && rows->options->size == 0 && !rows->options->schema)
        warn(text,
            "%s: %" PRIu64 " of %" PRIu64 " images are resized to the first one's %" PRIu32
            "×%" PRIu32 " pixels: set `size` to choose",
            rows->series->source, rows->resized.count, rows->images, rows->plan.width,
            rows->plan.height);
    if (rows->grey.count && rows->options->colors == 0 && !rows->options->schema)
        warn(text,
            "%s: %" PRIu64 " of %" PRIu64
            " images lose their colours, as the first one is grey: set `colors` to 3 to keep them",
            rows->series->source, rows->grey.count, rows->images);
    if (!*text)
        return MCL_OK;
    MCL_TRY(mcl_copy_string(&copy, text));
    mcl_data_set_warning(data, copy);
    return MCL_OK;
}

/* What a model's schema asks of images. */
static mcl_status apply_schema(
    mcl_image_plan *plan, const mcl_data_options *options, const char *source)
{
    mcl_image image;
    if (!options->schema)
        return MCL_OK;
    if (!mcl_schema_image(&image, options->schema))
        return mcl_fail(MCL_ERROR_DATA,
            "%s: holds images, and the model takes the %zu columns of a table", source,
            mcl_schema_columns(options->schema));
    if (image.channels != 1 && image.channels != 3)
        return mcl_fail(MCL_ERROR_DATA,
            "%s: the model takes images of %" PRIu32 " channels; files are read as 1 or 3", source,
            image.channels);
    plan->height = image.height;
    plan->width = image.width;
    plan->channels = image.channels;
    return MCL_OK;
}

static mcl_status begin(struct rows *rows)
{
    mcl_image_plan *plan = &rows->plan;
    MCL_TRY(mcl_image_plan_parse(plan, rows->options));
    MCL_TRY(apply_schema(plan, rows->options, rows->series->source));
    if ((uint64_t)plan->height * plan->width * 3 > VALUES_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s: rows of %" PRIu32 "×%" PRIu32 " pixels are too large: set `size` to 2048 at most",
            rows->series->source, plan->height, plan->width);
    MCL_TRY(mcl_strings_create(&rows->classes));
    return mcl_strings_create(&rows->names);
}

static mcl_status decode_all(struct rows *rows)
{
    const size_t ahead = 2 * mcl_ahead_threads() + 2;
    mcl_image_job *jobs;
    MCL_TRY(mcl_allocate(&jobs, ahead, sizeof *jobs));
    const mcl_ahead work = {.state = rows,
        .items = jobs,
        .count = ahead,
        .size = sizeof *jobs,
        .next = next,
        .run = run,
        .take = take};
    const mcl_status status = mcl_work_ahead(&work);
    for (size_t i = 0; i < ahead; i++)
        mcl_image_job_release(&jobs[i]);
    free(jobs);
    return status;
}

static mcl_status finish(mcl_data **data, struct rows *rows)
{
    mcl_data *made = NULL;
    if (!rows->builder && rows->images == 1 && !rows->others.count)
        return mcl_fail(MCL_ERROR_DATA, "%s", rows->damaged.first);
    if (!rows->builder && rows->damaged.count)
        return mcl_fail(MCL_ERROR_DATA, "%s: none of its %" PRIu64 " images can be read: %s",
            rows->series->source, rows->images, rows->damaged.first);
    if (!rows->builder)
        return mcl_fail(MCL_ERROR_DATA, "%s: holds no images (PNG, JPEG, WebP, TIFF)%s%s",
            rows->series->source, rows->others.count ? ", but other files, as " : "",
            rows->others.first);
    MCL_TRY(mcl_builder_finish(&made, rows->builder));
    mcl_data_set_names(made, rows->names);
    rows->names = NULL;
    mcl_status status = set_warning(made, rows);
    if (status == MCL_OK)
        status = mcl_image_classes(made, rows->classes, rows->options);
    if (status == MCL_OK)
        *data = made;
    else
        mcl_data_free(made);
    return status;
}

mcl_status mcl_image_rows(
    mcl_data **data, const mcl_image_series *series, const mcl_data_options *options)
{
    struct rows *rows;
    MCL_TRY(mcl_allocate(&rows, 1, sizeof *rows));
    rows->series = series;
    rows->options = options;
    mcl_status status = begin(rows);
    if (status == MCL_OK)
        status = decode_all(rows);
    if (status == MCL_OK)
        status = finish(data, rows);
    mcl_builder_free(rows->builder);
    mcl_strings_free(rows->names);
    mcl_strings_free(rows->classes);
    free(rows);
    return status;
}
