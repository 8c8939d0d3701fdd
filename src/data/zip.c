/* SPDX-License-Identifier: Apache-2.0 */
/* Zip archives, as NumPy's .npz files are, of arrays or of text tables: one of them is opened,
 * which FILE:NAME names. By libarchive, from start to end; nothing is unpacked to where its name
 * says. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/data.h"
#include "data/notes.h"
#include "data/opening.h"

#define NAME_SIZE 1024

struct zip {
    const mcl_opening *opening;
    mcl_zip_use *use;
    void *state; /* use's own */
    struct archive *archive;
    char name[NAME_SIZE]; /* of the entry, without ".npy" */
    char path[2 * NAME_SIZE];
    unsigned char buffer[65536];
};

bool mcl_is_zip(const mcl_opening *opening)
{
    return opening->byte_count >= 4 && memcmp(opening->bytes, "PK\3\4", 4) == 0;
}

/* libarchive's reader; it shows what fails here as its own error. */
static la_ssize_t read_some(struct archive *archive, void *state, const void **bytes)
{
    struct zip *zip = state;
    size_t got;
    if (mcl_source_read(&got, zip->opening->source, zip->buffer, sizeof zip->buffer) != MCL_OK) {
        archive_set_error(archive, EIO, "%s", mcl_error_message());
        return -1;
    }
    *bytes = zip->buffer;
    return (la_ssize_t)got;
}

static mcl_status fail_archive(struct archive *archive, const char *name)
{
    const char *text = archive_error_string(archive);
    if (!text)
        text = "of an unknown kind";
    return mcl_fail(MCL_ERROR_FORMAT, "%s: a damaged zip archive: %.*s", name,
        (int)strcspn(text, "\n"), text); /* some of its lines have an end */
}

/* Reads from the entry: an mcl_byte_reader's. */
static mcl_status read_entry(size_t *got, void *state, void *bytes, size_t count, const char *name)
{
    *got = 0;
    while (*got < count) {
        const la_ssize_t part = archive_read_data(state, (char *)bytes + *got, count - *got);
        if (part < 0)
            return fail_archive(state, name);
        if (part == 0)
            break;
        *got += (size_t)part;
    }
    return MCL_OK;
}

static void close_entry(void *state)
{
    (void)state;
}

/* Gives the present entry's content to whoever uses it. */
static mcl_status use_entry(struct zip *zip)
{
    mcl_source *source;
    snprintf(zip->path, sizeof zip->path, "%s:%s", zip->opening->file, zip->name);
    MCL_TRY(mcl_source_from_reader(&source,
        &(mcl_byte_reader){read_entry, close_entry, zip->archive}, MCL_SOURCE_UNKNOWN, zip->path));
    const mcl_status status = zip->use(zip->state, source);
    mcl_source_close(source);
    return status;
}

/* *more is false after the last entry; folders are passed over. */
static mcl_status next_entry(bool *more, struct zip *zip)
{
    struct archive_entry *entry;
    const char *name;
    do {
        const int code = archive_read_next_header(zip->archive, &entry);
        *more = code != ARCHIVE_EOF;
        if (!*more)
            return MCL_OK;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
            return fail_archive(zip->archive, zip->opening->file);
        name = archive_entry_pathname(entry);
    } while (!name || archive_entry_filetype(entry) == AE_IFDIR);
    snprintf(zip->name, sizeof zip->name, "%s", name);
    char *end = strrchr(zip->name, '.');
    if (end && strcmp(end, ".npy") == 0)
        *end = '\0';
    return MCL_OK;
}

static bool is_member(const struct zip *zip)
{
    const size_t length = strlen(zip->name);
    const char *member = zip->opening->member;
    return strncmp(member, zip->name, length) == 0 &&
           (member[length] == '\0' || strcmp(member + length, ".npy") == 0);
}

/* Uses the member, or the only entry. */
static mcl_status use_member(struct zip *zip)
{
    mcl_list names = {.used = 0};
    bool more = true, found = false;
    mcl_status status = MCL_OK;
    while (status == MCL_OK) {
        status = next_entry(&more, zip);
        if (status != MCL_OK || !more)
            break;
        mcl_list_add(&names, zip->name);
        if (zip->opening->member ? is_member(zip) && !found : names.count == 1) {
            found = true;
            status = use_entry(zip);
        }
    }
    if (status == MCL_OK && !found)
        status = mcl_fail(MCL_ERROR_DATA, "%s: has no '%s' in it; it has %s", zip->opening->file,
            zip->opening->member ? zip->opening->member : "array",
            names.count ? mcl_list_text(&names) : "nothing");
    if (status == MCL_OK && !zip->opening->member && names.count > 1)
        status =
            mcl_fail(MCL_ERROR_DATA, "%s: has more than one array; name one as %s:NAME: it has %s",
                zip->opening->file, zip->opening->file, mcl_list_text(&names));
    return status;
}

mcl_status mcl_zip_read(const mcl_opening *opening, mcl_zip_use *use, void *state)
{
    struct zip *zip;
    if (opening->count > 1)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s: is a zip archive, and those are not joined; save its array by itself",
            opening->file);
    MCL_TRY(mcl_allocate(&zip, 1, sizeof *zip));
    zip->opening = opening;
    zip->use = use;
    zip->state = state;
    zip->archive = archive_read_new();
    mcl_status status =
        zip->archive ? MCL_OK : mcl_fail(MCL_ERROR_MEMORY, "the host has no memory left");
    if (status == MCL_OK &&
        (archive_read_support_format_zip(zip->archive) != ARCHIVE_OK ||
            archive_read_open(zip->archive, zip, NULL, read_some, NULL) != ARCHIVE_OK))
        status = fail_archive(zip->archive, opening->file);
    if (status == MCL_OK)
        status = use_member(zip);
    archive_read_free(zip->archive);
    free(zip);
    return status;
}

/* The data set of an entry. */
struct opened {
    const mcl_opening *opening; /* of the archive */
    mcl_data *data;
};

/* mcl_zip_use: opens an entry as if it were a file of its own. */
static mcl_status open_entry(void *state, mcl_source *source)
{
    struct opened *opened = state;
    const char *path = mcl_source_name(source);
    mcl_opening inner = {.paths = &path,
        .count = 1,
        .options = opened->opening->options,
        .file = path,
        .source = source};
    MCL_TRY(mcl_source_peek(&inner.byte_count, source, inner.bytes, sizeof inner.bytes));
    const mcl_holder *holder = mcl_holder_table.recognize(&inner)     ? &mcl_holder_table
                               : mcl_holder_records.recognize(&inner) ? &mcl_holder_records
                                                                      : &mcl_holder_array;
    return holder->open(&opened->data, &inner);
}

static mcl_status open_zip(mcl_data **data, const mcl_opening *opening)
{
    struct opened opened = {opening, NULL};
    const mcl_status status = mcl_zip_read(opening, open_entry, &opened);
    if (status == MCL_OK)
        *data = opened.data;
    else
        mcl_data_free(opened.data);
    return status;
}

const mcl_holder mcl_holder_zip = {
    .name = "NumPy .npz and zip", .recognize = mcl_is_zip, .open = open_zip};
