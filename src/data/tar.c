/* SPDX-License-Identifier: Apache-2.0 */
/* tar files of images, by libarchive: of folders that are classes, or named as by WebDataset, where
 * KEY.cls or KEY.txt beside KEY.png has its class. Nothing is unpacked. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/memory.h"
#include "data/data.h"
#include "data/image_rows.h"
#include "data/opening.h"

#define BLOCK 512
#define CHECKSUM 148  /* of a header: its place, of 8 bytes */
#define CLASS_SIZE 65 /* of a class's name and its end; what is longer is a caption */
#define NAME_SIZE 1024

struct tar {
    const mcl_opening *opening;
    size_t path;              /* the number of that which is read */
    mcl_source *source, *own; /* the opening's, or one of its own */
    struct archive *archive;  /* NULL: none is begun */
    bool ended;
    mcl_image_job pending; /* an image whose class may still come; without a name: none */
    char key[NAME_SIZE];   /* of the present sample, and what is known of its class: */
    char class_name[CLASS_SIZE];
    bool from_cls;
    uint64_t left_out; /* entries that are no files or lead outside */
    char first_left_out[NAME_SIZE];
    bool labelled, only_numbers; /* samples have classes of their own, that are whole numbers */
    unsigned char buffer[65536];
};

static bool recognize(const mcl_opening *opening)
{
    const unsigned char *header = opening->bytes;
    unsigned sum = 0, stated = 0;
    if (opening->byte_count < BLOCK || header[0] == 0)
        return false;
    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= CHECKSUM && i < CHECKSUM + 8 ? ' ' : header[i];
    size_t i = CHECKSUM;
    while (i < CHECKSUM + 8 && header[i] == ' ')
        i++;
    for (; i < CHECKSUM + 8 && header[i] >= '0' && header[i] <= '7'; i++)
        stated = 8 * stated + (header[i] - '0');
    return sum == stated;
}

/* An archive in the archive, by its first bytes. */
static bool is_archive(const unsigned char *bytes, size_t count)
{
    static const struct {
        const char *magic;
        size_t at, length;
    } kinds[] = {{"PK\3\4", 0, 4}, {"\x1F\x8B", 0, 2}, {"BZh", 0, 3}, {"\xFD\x37zXZ", 0, 5},
        {"\x28\xB5\x2F\xFD", 0, 4}, {"7z\xBC\xAF", 0, 4}, {"Rar!", 0, 4}, {"ustar", 257, 5}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (count >= kinds[i].at + kinds[i].length &&
            memcmp(bytes + kinds[i].at, kinds[i].magic, kinds[i].length) == 0)
            return true;
    }
    return false;
}

/* libarchive's reader; it shows what fails here as its own error. */
static la_ssize_t read_some(struct archive *archive, void *state, const void **bytes)
{
    struct tar *tar = state;
    size_t got;
    if (mcl_source_read(&got, tar->source, tar->buffer, sizeof tar->buffer) != MCL_OK) {
        archive_set_error(archive, EIO, "%s", mcl_error_message());
        return -1;
    }
    *bytes = tar->buffer;
    return (la_ssize_t)got;
}

static mcl_status fail_archive(const struct tar *tar)
{
    const char *text = archive_error_string(tar->archive);
    return mcl_fail(MCL_ERROR_FORMAT, "%s: a damaged tar file: %s", mcl_source_name(tar->source),
        text ? text : "of an unknown kind");
}

static mcl_status begin(struct tar *tar)
{
    tar->source = tar->opening->source;
    if (tar->path > 0) {
        MCL_TRY(mcl_source_open(&tar->own, tar->opening->paths[tar->path]));
        tar->source = tar->own;
    }
    tar->archive = archive_read_new();
    if (!tar->archive)
        return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory left");
    if (archive_read_support_format_tar(tar->archive) != ARCHIVE_OK ||
        archive_read_open(tar->archive, tar, NULL, read_some, NULL) != ARCHIVE_OK)
        return fail_archive(tar);
    return MCL_OK;
}

static void end(struct tar *tar)
{
    archive_read_free(tar->archive);
    mcl_source_close(tar->own);
    tar->archive = NULL;
    tar->own = NULL;
    tar->path++;
}

/* The path without "./" before it; NULL where it leads outside, or is hidden. */
static const char *inner_name(const char *name)
{
    while (strncmp(name, "./", 2) == 0)
        name += 2;
    if (*name == '/' || *name == '.' || *name == '\0' || strstr(name, "/."))
        return NULL;
    return name;
}

/* Writes what is before the first dot of the file's name. */
static void write_key(char key[NAME_SIZE], const char *name)
{
    const char *slash = strrchr(name, '/');
    const size_t start = slash ? (size_t)(slash - name) + 1 : 0;
    const size_t length = start + strcspn(name + start, ".");
    snprintf(key, NAME_SIZE, "%.*s", length < NAME_SIZE ? (int)length : NAME_SIZE - 1, name);
}

/* Reads an entry's first bytes, count at most. */
static mcl_status read_first(size_t *got, struct tar *tar, void *bytes, size_t count)
{
    size_t done = 0;
    while (done < count) {
        const la_ssize_t some = archive_read_data(tar->archive, (char *)bytes + done, count - done);
        if (some < 0)
            return fail_archive(tar);
        if (some == 0)
            break;
        done += (size_t)some;
    }
    *got = done;
    return MCL_OK;
}

/* Reads a whole entry, of which the first bytes are there, to the job. */
static mcl_status read_entry(
    mcl_image_job *job, struct tar *tar, const unsigned char *first, size_t count)
{
    size_t room = 65536, got = 0;
    MCL_TRY(mcl_allocate(&job->bytes, room, 1));
    memcpy(job->bytes, first, count);
    for (job->count = count;;) {
        MCL_TRY(read_first(&got, tar, job->bytes + job->count, room - job->count));
        job->count += got;
        if (job->count < room)
            return MCL_OK;
        if (room >= MCL_IMAGE_BYTES_MAX)
            return mcl_fail(MCL_ERROR_DATA, "%s: a file of more than %zu bytes; no more are read",
                job->place, MCL_IMAGE_BYTES_MAX);
        unsigned char *larger = realloc(job->bytes, 2 * room);
        if (!larger)
            return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory left");
        job->bytes = larger;
        room *= 2;
    }
}

/* Sets up a job for an entry: its names, and its bytes where it is an image. */
static mcl_status take_entry(mcl_image_job *job, struct tar *tar, const char *name)
{
    unsigned char first[BLOCK];
    size_t got = 0;
    const char *source = mcl_source_name(tar->source);
    const size_t size = strlen(source) + strlen(name) + 2;
    MCL_TRY(mcl_copy_string(&job->name, name));
    MCL_TRY(mcl_allocate(&job->place, size, 1));
    snprintf(job->place, size, "%s:%s", source, name);
    MCL_TRY(read_first(&got, tar, first, sizeof first));
    if (mcl_image_recognize(first, got) || mcl_image_named(name))
        return read_entry(job, tar, first, got);
    if (is_archive(first, got))
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: is an archive in an archive: unpack it, and give what is in it", job->place);
    job->other = true;
    return MCL_OK;
}

/* Reads the class of the present sample; a caption is none. */
static mcl_status read_class(struct tar *tar, bool cls)
{
    char text[CLASS_SIZE];
    size_t got = 0;
    MCL_TRY(read_first(&got, tar, text, sizeof text));
    while (got > 0 && got < sizeof text && strchr(" \t\r\n", text[got - 1]))
        got--;
    if (got == 0 || got == sizeof text || memchr(text, '\n', got) || memchr(text, '\0', got) ||
        (got == 2 && memcmp(text, "-1", 2) == 0) || (tar->from_cls && !cls))
        return MCL_OK; /* -1 is no class */
    tar->from_cls = cls;
    memcpy(tar->class_name, text, got);
    tar->class_name[got] = '\0';
    return MCL_OK;
}

static bool has_ending(const char *name, const char *ending)
{
    const char *dot = strrchr(name, '.');
    return dot && strcmp(dot + 1, ending) == 0;
}

/* Gives the pending image out, with the class that came with it; false: there is none. */
static bool give_pending(mcl_image_job *job, struct tar *tar)
{
    if (!tar->pending.name)
        return false;
    *job = tar->pending;
    tar->pending = (mcl_image_job){.name = NULL};
    if (!*tar->class_name || job->status != MCL_OK || job->other)
        return true;
    tar->labelled = true;
    tar->only_numbers = tar->only_numbers && strlen(tar->class_name) <= 9 &&
                        strspn(tar->class_name, "0123456789") == strlen(tar->class_name);
    const mcl_status status = mcl_copy_string(&job->class_name, tar->class_name);
    if (status != MCL_OK)
        mcl_image_job_fail(job, status);
    return true;
}

static void leave_out(struct tar *tar, const char *name)
{
    if (tar->left_out++ == 0)
        (void)mcl_clean_text(tar->first_left_out, sizeof tar->first_left_out, name, "");
}

/* What an entry is called; NULL where it is to be passed over. */
static const char *entry_name(struct tar *tar, struct archive_entry *entry)
{
    const char *path = archive_entry_pathname_utf8(entry);
    if (!path)
        path = archive_entry_pathname(entry);
    if (!path || archive_entry_filetype(entry) == AE_IFDIR)
        return NULL;
    const char *name = inner_name(path);
    const bool hidden = !name && *path != '/' && !strstr(path, "..");
    if (hidden)
        return NULL;
    if (!name || archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry)) {
        leave_out(tar, path);
        return NULL;
    }
    return name;
}

/* Reads an entry, which becomes pending or the class of what is. *job is what was pending, where
 * *given. */
static mcl_status read_next(bool *given, mcl_image_job *job, struct tar *tar, const char *name)
{
    char key[NAME_SIZE];
    write_key(key, name);
    *given = false;
    const bool new_sample = strcmp(key, tar->key) != 0;
    const bool cls = has_ending(name, "cls"), text = cls || has_ending(name, "txt");
    if (new_sample || !text)
        *given = give_pending(job, tar);
    if (new_sample) {
        memcpy(tar->key, key, sizeof key);
        tar->class_name[0] = '\0';
        tar->from_cls = false;
    }
    if (text)
        return read_class(tar, cls);
    const mcl_status status = take_entry(&tar->pending, tar, name);
    if (status != MCL_ERROR_DATA)
        return status;
    mcl_image_job_fail(&tar->pending, status);
    return MCL_OK;
}

/* Puts a failure, which ends the series, in the job, after what was pending. */
static bool give_failure(bool given, mcl_image_job *job, struct tar *tar, mcl_status status)
{
    mcl_image_job *failed = given ? &tar->pending : job;
    if (!given) {
        *job = tar->pending;
        tar->pending = (mcl_image_job){.name = NULL};
    }
    failed->fatal = true;
    mcl_image_job_fail(failed, status);
    tar->ended = true;
    return true;
}

static bool next(mcl_image_job *job, void *state)
{
    struct tar *tar = state;
    struct archive_entry *entry;
    bool given = false;
    while (!given && !tar->ended) {
        mcl_status status = tar->archive ? MCL_OK : begin(tar);
        const int code = status == MCL_OK ? archive_read_next_header(tar->archive, &entry) : 0;
        if (status == MCL_OK && code == ARCHIVE_EOF) {
            end(tar);
            tar->key[0] = '\0';
            tar->ended = tar->path == tar->opening->count;
            given = give_pending(job, tar);
            continue;
        }
        if (status == MCL_OK && code != ARCHIVE_OK && code != ARCHIVE_WARN)
            status = fail_archive(tar);
        const char *name = status == MCL_OK ? entry_name(tar, entry) : NULL;
        if (name)
            status = read_next(&given, job, tar, name);
        if (status != MCL_OK)
            return give_failure(given, job, tar, status);
    }
    /* a failure may have come after the last one that was given */
    return given || give_pending(job, tar);
}

/* Bytes of the folders that all names begin with. */
static size_t common_folders(const mcl_data *data)
{
    const char *first = mcl_data_row_name(data, 0);
    size_t common = strlen(first);
    for (uint64_t row = 0; row < mcl_data_rows(data); row++) {
        const char *name = mcl_data_row_name(data, row);
        size_t same = 0;
        while (same < common && name[same] == first[same])
            same++;
        common = same;
    }
    while (common > 0 && first[common - 1] != '/')
        common--;
    return common;
}

/* Makes folders the classes: the first ones below those that all images are in. */
static mcl_status class_by_folders(mcl_data *data, const mcl_data_options *options)
{
    const size_t common = common_folders(data);
    mcl_strings *texts;
    MCL_TRY(mcl_strings_create(&texts));
    mcl_status status = MCL_OK;
    for (uint64_t row = 0; row < mcl_data_rows(data) && status == MCL_OK; row++) {
        const char *name = mcl_data_row_name(data, row) + common, *slash = strchr(name, '/');
        status = mcl_strings_add(texts, name, slash ? (size_t)(slash - name) : 0);
    }
    if (status == MCL_OK)
        status = mcl_image_classes(data, texts, options);
    mcl_strings_free(texts);
    return status;
}

/* Makes classes that are all whole numbers those numbers. */
static mcl_status class_by_numbers(mcl_data *data, const mcl_data_options *options)
{
    const int32_t *named = mcl_data_labels(data);
    int32_t *labels;
    mcl_strings *none;
    MCL_TRY(mcl_strings_create(&none));
    mcl_status status = mcl_allocate(&labels, mcl_data_rows(data), sizeof *labels);
    if (status == MCL_OK) {
        for (uint64_t row = 0; row < mcl_data_rows(data); row++)
            labels[row] =
                named[row] < 0
                    ? -1
                    : (int32_t)strtol(mcl_data_class_name(data, (uint32_t)named[row]), NULL, 10);
        mcl_data_set_labels(data, labels, NULL);
        status = mcl_image_classes(data, none, options); /* the schema's, none */
    }
    mcl_strings_free(none);
    return status;
}

static mcl_status warn(mcl_data *data, const struct tar *tar)
{
    const char *before = mcl_data_warning(data);
    char text[8192], *copy;
    if (!tar->left_out)
        return MCL_OK;
    snprintf(text, sizeof text,
        "%s%s%s: %" PRIu64 " entries are links or lead outside, and are left out (%s)",
        before ? before : "", before ? "; " : "", tar->opening->file, tar->left_out,
        tar->first_left_out);
    MCL_TRY(mcl_copy_string(&copy, text));
    mcl_data_set_warning(data, copy);
    return MCL_OK;
}

static mcl_status open(mcl_data **data, const mcl_opening *opening)
{
    struct tar *tar;
    mcl_data *made = NULL;
    MCL_TRY(mcl_allocate(&tar, 1, sizeof *tar));
    tar->opening = opening;
    tar->only_numbers = true;
    const mcl_image_series series = {.state = tar, .next = next, .source = opening->file};
    mcl_status status = mcl_image_rows(&made, &series, opening->options);
    if (status == MCL_OK && !tar->labelled)
        status = class_by_folders(made, opening->options);
    else if (status == MCL_OK && tar->only_numbers)
        status = class_by_numbers(made, opening->options);
    if (status == MCL_OK)
        status = warn(made, tar);
    if (tar->archive)
        end(tar);
    mcl_image_job_release(&tar->pending);
    free(tar);
    if (status == MCL_OK)
        *data = made;
    else
        mcl_data_free(made);
    return status;
}

const mcl_holder mcl_holder_tar = {
    .name = "tar files of images", .recognize = recognize, .open = open};
