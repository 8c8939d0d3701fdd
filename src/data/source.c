/* SPDX-License-Identifier: Apache-2.0 */
#include "data/source.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/error.h"
#include "base/memory.h"

#define GZIP_MOST 1032             /* bytes that one compressed byte can become */
#define WINDOW_BITS_GZIP (15 + 16) /* how zlib is asked for gzip's header and trailer */

struct mcl_source {
    mcl_byte_reader reader;
    char *name;
    bool again;           /* the path can be opened again */
    uint64_t size;        /* of the file */
    uint64_t offset;      /* in the content */
    uint64_t loaded;      /* bytes taken from the stream: the file's offset of the end of input */
    size_t used;          /* bytes in input that have been used */
    size_t available;     /* bytes in input */
    bool gzip;            /* and inflate is initialised */
    bool between_members; /* one gzip member has ended, and nothing of the next is read */
    z_stream inflate;
    ZSTD_DStream *zstd;         /* NULL: it is not compressed so */
    bool in_frame;              /* of zstd: the last one has not ended */
    bool pending;               /* zstd may have more to give without more input */
    size_t peeked, peeked_used; /* bytes in ahead, and those of them that have been read */
    unsigned char ahead[MCL_SOURCE_PEEK];
    unsigned char input[65536];
};

static mcl_status read_stream(size_t *got, void *state, void *bytes, size_t count, const char *name)
{
    errno = 0;
    *got = fread(bytes, 1, count, state);
    return ferror((FILE *)state)
               ? mcl_fail(MCL_ERROR_FILE, "%s: cannot read: %s", name, strerror(errno))
               : MCL_OK;
}

static void close_stream(void *state)
{
    fclose(state);
}

/* Makes sure that input has an unused byte, unless the stream has ended. */
static mcl_status load(mcl_source *source)
{
    if (source->used < source->available)
        return MCL_OK;
    source->used = source->available = 0;
    MCL_TRY(source->reader.read(&source->available, source->reader.state, source->input,
        sizeof source->input, source->name));
    source->loaded += source->available;
    return MCL_OK;
}

static bool starts_with(const mcl_source *source, const char *magic, size_t count)
{
    return source->available >= count && memcmp(source->input, magic, count) == 0;
}

static mcl_status begin(mcl_source *source)
{
    MCL_TRY(load(source));
    if (starts_with(source, "\x28\xB5\x2F\xFD", 4)) {
        source->zstd = ZSTD_createDStream();
        return source->zstd ? MCL_OK
                            : mcl_fail(MCL_ERROR_MEMORY, "%s: the host has no memory to undo zstd",
                                  source->name);
    }
    if (!starts_with(source, "\x1F\x8B", 2))
        return MCL_OK;
    if (inflateInit2(&source->inflate, WINDOW_BITS_GZIP) != Z_OK)
        return mcl_fail(MCL_ERROR_MEMORY, "%s: the host has no memory to undo gzip", source->name);
    source->gzip = true;
    return MCL_OK;
}

/* start looks at the content, or leaves it for later. */
static mcl_status open_reader(mcl_source **source, const mcl_byte_reader *reader, uint64_t size,
    const char *name, mcl_status (*start)(mcl_source *source))
{
    mcl_source *opened;
    mcl_status status = mcl_allocate(&opened, 1, sizeof *opened);
    if (status != MCL_OK) {
        reader->close(reader->state);
        return status;
    }
    opened->reader = *reader;
    opened->size = size;
    status = mcl_copy_string(&opened->name, name);
    if (status == MCL_OK && start)
        status = start(opened);
    if (status == MCL_OK)
        *source = opened;
    else
        mcl_source_close(opened);
    return status;
}

mcl_status mcl_source_from_reader(
    mcl_source **source, const mcl_byte_reader *reader, uint64_t size, const char *name)
{
    return open_reader(source, reader, size, name, begin);
}

mcl_status mcl_source_from_plain(
    mcl_source **source, const mcl_byte_reader *reader, const char *name)
{
    return open_reader(source, reader, MCL_SOURCE_UNKNOWN, name, NULL);
}

mcl_status mcl_source_from_values(
    mcl_source **source, FILE *stream, uint64_t size, const char *name)
{
    return open_reader(
        source, &(mcl_byte_reader){read_stream, close_stream, stream}, size, name, NULL);
}

mcl_status mcl_source_from_stream(
    mcl_source **source, FILE *stream, uint64_t size, const char *name)
{
    return mcl_source_from_reader(
        source, &(mcl_byte_reader){read_stream, close_stream, stream}, size, name);
}

/* Standard input as a stream that can be closed. */
static FILE *open_standard_input(void)
{
    const int descriptor = dup(STDIN_FILENO);
    FILE *stream = descriptor >= 0 ? fdopen(descriptor, "rb") : NULL;
    if (!stream && descriptor >= 0)
        close(descriptor);
    return stream;
}

mcl_status mcl_source_open(mcl_source **source, const char *path)
{
    const bool standard = strcmp(path, "-") == 0;
    FILE *stream = standard ? open_standard_input() : fopen(path, "rb");
    struct stat information;
    if (!stream)
        return mcl_fail(MCL_ERROR_FILE, "%s: cannot open: %s", path, strerror(errno));
    if (fstat(fileno(stream), &information) != 0) {
        const int code = errno;
        fclose(stream);
        return mcl_fail(MCL_ERROR_FILE, "%s: cannot open: %s", path, strerror(code));
    }
    if (S_ISDIR(information.st_mode)) {
        fclose(stream);
        return mcl_fail(MCL_ERROR_FILE, "%s: is a folder; name a file in it", path);
    }
    const uint64_t size =
        S_ISREG(information.st_mode) ? (uint64_t)information.st_size : MCL_SOURCE_UNKNOWN;
    MCL_TRY(mcl_source_from_stream(source, stream, size, standard ? "standard input" : path));
    (*source)->again = size != MCL_SOURCE_UNKNOWN && !standard;
    return MCL_OK;
}

void mcl_source_close(mcl_source *source)
{
    if (!source)
        return;
    if (source->gzip)
        inflateEnd(&source->inflate);
    ZSTD_freeDStream(source->zstd);
    source->reader.close(source->reader.state);
    free(source->name);
    free(source);
}

const char *mcl_source_name(const mcl_source *source)
{
    return source->name;
}

bool mcl_source_again(const mcl_source *source)
{
    return source->again;
}

uint64_t mcl_source_offset(const mcl_source *source)
{
    return source->offset;
}

uint64_t mcl_source_left(const mcl_source *source)
{
    if (source->gzip || source->zstd || source->size == MCL_SOURCE_UNKNOWN)
        return MCL_SOURCE_UNKNOWN;
    return source->offset < source->size ? source->size - source->offset : 0;
}

int mcl_source_file(const mcl_source *source)
{
    const bool plain = source->reader.read == read_stream && !source->gzip && !source->zstd;
    return plain && source->size != MCL_SOURCE_UNKNOWN ? fileno((FILE *)source->reader.state) : -1;
}

bool mcl_source_may_have(const mcl_source *source, uint64_t bytes)
{
    return source->size != MCL_SOURCE_UNKNOWN && !source->zstd &&
           bytes / (source->gzip ? GZIP_MOST : 1) <= source->size;
}

/* The file's offset of the next byte that inflate has not seen. */
static uint64_t file_offset(const mcl_source *source)
{
    return source->loaded - (source->available - source->used);
}

/* Passes over zeros, with which tapes and some file systems fill the last block of a file. */
static mcl_status skip_zeros(mcl_source *source)
{
    do {
        MCL_TRY(load(source));
        while (source->used < source->available && source->input[source->used] == 0)
            source->used++;
    } while (source->used == source->available && source->available > 0);
    return MCL_OK;
}

/* After the end of a gzip member: starts the next one, which may come after zeros where files that
 * were padded were joined, as Python has it too. *more is false at the end of the file. */
static mcl_status next_member(bool *more, mcl_source *source)
{
    MCL_TRY(skip_zeros(source));
    *more = source->used < source->available;
    if (!*more)
        return MCL_OK;
    if (source->input[source->used] != 0x1F)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: byte %" PRIu64 ": something follows the end of the gzip data", source->name,
            file_offset(source));
    source->between_members = false;
    inflateReset(&source->inflate);
    return MCL_OK;
}

/* Inflates to what is left of inflate's output, as far as the loaded input goes. */
static mcl_status inflate_some(mcl_source *source)
{
    MCL_TRY(load(source));
    if (source->used == source->available)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: is truncated: the file ends at byte %" PRIu64 " in the middle of its gzip data",
            source->name, source->loaded);
    z_stream *stream = &source->inflate;
    stream->next_in = source->input + source->used;
    stream->avail_in = (uInt)(source->available - source->used);
    const int code = inflate(stream, Z_NO_FLUSH);
    source->used = source->available - stream->avail_in;
    source->between_members = code == Z_STREAM_END;
    if (code == Z_MEM_ERROR)
        return mcl_fail(MCL_ERROR_MEMORY, "%s: the host has no memory to undo gzip", source->name);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
        return mcl_fail(MCL_ERROR_FORMAT, "%s: damaged gzip data before byte %" PRIu64 ": %s",
            source->name, file_offset(source), stream->msg ? stream->msg : "unknown kind");
    return MCL_OK;
}

static mcl_status read_gzip(size_t *got, mcl_source *source, unsigned char *bytes, size_t count)
{
    bool more = true;
    size_t done = 0;
    while (done < count && more) {
        if (source->between_members) {
            MCL_TRY(next_member(&more, source));
            continue;
        }
        const uInt part = count - done < UINT_MAX ? (uInt)(count - done) : UINT_MAX;
        source->inflate.next_out = bytes + done;
        source->inflate.avail_out = part;
        MCL_TRY(inflate_some(source));
        done += part - source->inflate.avail_out;
    }
    *got = done;
    return MCL_OK;
}

/* Decompresses to what is left of *out, as far as the loaded input goes; *more is false at the end
 * of the file. */
static mcl_status decompress_some(bool *more, ZSTD_outBuffer *out, mcl_source *source)
{
    if (!source->pending) {
        MCL_TRY(load(source));
        *more = source->used < source->available;
        if (!*more && source->in_frame)
            return mcl_fail(MCL_ERROR_FORMAT,
                "%s: is truncated: the file ends at byte %" PRIu64
                " in the middle of its zstd data",
                source->name, source->loaded);
        if (!*more)
            return MCL_OK;
    }
    ZSTD_inBuffer in = {source->input, source->available, source->used};
    const size_t code = ZSTD_decompressStream(source->zstd, out, &in);
    source->used = in.pos;
    if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation)
        return mcl_fail(MCL_ERROR_MEMORY, "%s: the host has no memory to undo zstd", source->name);
    if (ZSTD_isError(code))
        return mcl_fail(MCL_ERROR_FORMAT, "%s: damaged zstd data before byte %" PRIu64 ": %s",
            source->name, file_offset(source), ZSTD_getErrorName(code));
    source->in_frame = code != 0;
    source->pending = out->pos == out->size && code != 0;
    return MCL_OK;
}

static mcl_status read_zstd(size_t *got, mcl_source *source, unsigned char *bytes, size_t count)
{
    bool more = true;
    ZSTD_outBuffer out = {.size = count};
    out.dst = bytes;
    while (out.pos < out.size && more)
        MCL_TRY(decompress_some(&more, &out, source));
    *got = out.pos;
    return MCL_OK;
}

static mcl_status read_plain(size_t *got, mcl_source *source, unsigned char *bytes, size_t count)
{
    size_t done = 0;
    while (done < count) {
        if (source->used == source->available && count - done >= sizeof source->input) {
            size_t read;
            const size_t wanted = count - done;
            MCL_TRY(source->reader.read(
                &read, source->reader.state, bytes + done, wanted, source->name));
            source->loaded += read;
            done += read;
            if (read < wanted)
                break;
            continue;
        }
        MCL_TRY(load(source));
        size_t part = source->available - source->used;
        if (part == 0)
            break;
        if (part > count - done)
            part = count - done;
        memcpy(bytes + done, source->input + source->used, part);
        source->used += part;
        done += part;
    }
    *got = done;
    return MCL_OK;
}

static mcl_status read_ahead(size_t *got, mcl_source *source, unsigned char *bytes, size_t count)
{
    return source->gzip   ? read_gzip(got, source, bytes, count)
           : source->zstd ? read_zstd(got, source, bytes, count)
                          : read_plain(got, source, bytes, count);
}

mcl_status mcl_source_peek(size_t *got, mcl_source *source, void *bytes, size_t count)
{
    if (!source->peeked)
        MCL_TRY(read_ahead(&source->peeked, source, source->ahead, sizeof source->ahead));
    const size_t left = source->peeked - source->peeked_used;
    *got = count < left ? count : left;
    memcpy(bytes, source->ahead + source->peeked_used, *got);
    return MCL_OK;
}

mcl_status mcl_source_read(size_t *got, mcl_source *source, void *bytes, size_t count)
{
    size_t more = 0;
    const size_t left = source->peeked - source->peeked_used;
    *got = count < left ? count : left;
    memcpy(bytes, source->ahead + source->peeked_used, *got);
    source->peeked_used += *got;
    if (*got < count)
        MCL_TRY(read_ahead(&more, source, (unsigned char *)bytes + *got, count - *got));
    *got += more;
    source->offset += *got;
    return MCL_OK;
}

mcl_status mcl_source_read_whole(mcl_source *source, void *bytes, size_t count, const char *what)
{
    size_t got;
    const uint64_t offset = source->offset;
    MCL_TRY(mcl_source_read(&got, source, bytes, count));
    if (got < count)
        return mcl_source_fail(source, offset + got,
            "the file is truncated: it ends here, in %s of %zu bytes that begins at byte %" PRIu64,
            what, count, offset);
    return MCL_OK;
}

void mcl_source_record(const mcl_source *source, uint64_t offset, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    mcl_error_record("%s: byte %" PRIu64 "%s: %s", source->name, offset,
        source->gzip || source->zstd ? " of the uncompressed content" : "", text);
}
